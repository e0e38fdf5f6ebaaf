"""The methods of `Agent` about objects, places and standing questions.

Out of scope: what they do (`object_memory`, `alerts`).
"""

from __future__ import annotations

from dataclasses import replace

from embodied_agent.agent.alerts import StandingQuestions
from embodied_agent.agent.object_memory import MOST_LOCATED, ObjectMemory
from embodied_agent.errors import QuestionError
from embodied_agent.object_records import (
    Correction,
    MapSession,
    NamedPlace,
    SeenObject,
    StandingQuestion,
)
from embodied_agent.records import Goal


class ObjectMethods:
    """A part of `Agent`, which sets ``_objects`` and ``_standing``."""

    _objects: ObjectMemory
    _standing: StandingQuestions

    def objects(
        self, name: str | None = None, *, session: int | None = None, limit: int | None = None
    ) -> list[SeenObject]:
        """The objects in the memory: those of the latest map session first; of these, those that
        are still there first; of these, the last seen first.

        Args:
            name: only objects that this means ("couch", "red things").
            session: only those of this map session.
            limit: most objects; by default all, or 20 of a name.

        Raises:
            StoreError: the memory can't be read.
        """
        return self._objects.objects(name, session=session, limit=limit)

    def locate(self, name: str, *, limit: int = MOST_LOCATED) -> list[SeenObject]:
        """The objects that a name means and whose position is known, best match first.

        Synonyms and colours are understood as in questions. Positions of different map sessions
        can't be compared.

        Raises:
            StoreError: the memory can't be read.
        """
        return self._objects.locate(name, limit=limit)

    def map_sessions(self) -> list[MapSession]:
        """The spans of the memory within which positions can be compared, in order.

        Raises:
            StoreError: the memory can't be read.
        """
        return self._objects.sessions()

    def correct(self, correction: Correction) -> Correction:
        """Store what a person says about the memory, and correct the memory accordingly.

        Returns:
            The correction as it is stored.

        Raises:
            QuestionError: it can't be used, such as an object that does not exist.
            StoreError: the memory can't be written.
        """
        return self._objects.correct(correction)

    def corrections(self) -> list[Correction]:
        """What people said about the memory, in order.

        Raises:
            StoreError: the memory can't be read.
        """
        return self._objects.corrections()

    def name_place(self, place: NamedPlace) -> NamedPlace:
        """Remember a place by name; one of the same name is replaced.

        Raises:
            QuestionError: it can't be used: no name, not exactly one of pose and region, or a map
                session that does not exist.
            StoreError: the memory can't be written.
        """
        return self._objects.name_place(place)

    def remove_place(self, name: str) -> bool:
        """Forget a named place; returns whether there was one.

        Raises:
            StoreError: the memory can't be written.
        """
        return self._objects.remove_place(name)

    def named_places(self) -> list[NamedPlace]:
        """All named places, by name.

        Raises:
            StoreError: the memory can't be read.
        """
        return self._objects.named_places()

    def goal(self, object_id: int) -> Goal | None:
        """Where to stand to see an object: a pose on or near the driven path. ``None`` if its
        position is not known well enough, or no such pose was driven.

        Raises:
            QuestionError: there is no such object.
            StoreError: the memory can't be read.
        """
        return self._objects.goal(object_id)

    def tell_when(
        self, wish: StandingQuestion | str, *, by: str = "", webhook: str = ""
    ) -> StandingQuestion:
        """Ask a standing question: from now on listeners hear of its alerts (`Listener.on_alert`).

        Args:
            wish: "tell me when you see a fire extinguisher", "tell me when the pallet at the dock
                is gone", or a `StandingQuestion`.
            by: who asks, if ``wish`` is a text.
            webhook: an address that alerts are posted to, if ``wish`` is a text.

        Returns:
            The question as it is stored; it survives a restart.

        Raises:
            QuestionError: it can't be understood or used.
            StoreError: the memory can't be written.
        """
        question = self._standing.read(wish, by) if isinstance(wish, str) else wish
        if question is None:
            raise QuestionError(
                f"{wish!r} is no standing question: say 'tell me when you see …' or "
                "'tell me when the … is gone'"
            )
        return self._standing.ask(replace(question, webhook=webhook) if webhook else question)

    def standing_questions(self) -> list[StandingQuestion]:
        """All standing questions, in the order in which they were asked.

        Raises:
            StoreError: the memory can't be read.
        """
        return self._standing.all()

    def withdraw(self, question_id: int) -> bool:
        """Remove a standing question; returns whether there was one.

        Raises:
            StoreError: the memory can't be written.
        """
        return self._standing.withdraw(question_id)
