"""Standing questions: each delta is checked, and each event is reported once.

An event is an object that comes into view, or one that is gone. An object that was reported is
reported again only if it has moved since. An alert is stored before listeners are called.

Out of scope: parsing a standing question (`embodied_agent.rules.standing`), how alerts travel
(`embodied_agent.interfaces`, `embodied_agent.host.webhooks`).
"""

from __future__ import annotations

import logging
import math
import threading
import time
from collections.abc import Callable
from dataclasses import replace

from embodied_agent.agent.corrections import contains
from embodied_agent.agent.object_memory import ObjectMemory
from embodied_agent.errors import QuestionError, StoreError
from embodied_agent.memory.store import Store
from embodied_agent.object_records import Alert, NamedPlace, SeenObject, StandingQuestion
from embodied_agent.records import Answer, Delta, Keyframe, Question
from embodied_agent.rules.matching import means
from embodied_agent.rules.phrases import read_phrase
from embodied_agent.rules.speech import a
from embodied_agent.rules.standing import read_wish
from embodied_agent.settings import AlertSettings

_log = logging.getLogger(__name__)

_MOST_TEXT = 2000


class StandingQuestions:
    """The standing questions of one memory. Every method may be called from any thread, and raises
    `StoreError` if the memory can't be read or written.

    Args:
        store: the memory.
        objects: its objects, which hold each delta before `look` is called.
        settings: of alerts.
        tell: called with each alert, on the thread that found it.
    """

    def __init__(
        self,
        store: Store,
        objects: ObjectMemory,
        settings: AlertSettings,
        tell: Callable[[Alert], None],
    ) -> None:
        self._store = store
        self._objects = objects
        self._settings = settings
        self._tell = tell
        self._lock = threading.RLock()
        self._kept: list[StandingQuestion] | None = None
        self.faults = 0

    def all(self) -> list[StandingQuestion]:
        """All standing questions, in the order in which they were asked."""
        with self._lock:
            if self._kept is None:
                self._kept = self._store.alerts.questions()
            return list(self._kept)

    def read(self, text: str, by: str) -> StandingQuestion | None:
        """The standing question that a sentence asks, not stored yet; ``None`` if it asks none."""
        wish = read_wish(text, [place.name for place in self._objects.named_places()])
        if wish is None:
            return None
        return StandingQuestion(wish.name, wish.event, by, text=text[:_MOST_TEXT], place=wish.place)

    def ask(self, question: StandingQuestion) -> StandingQuestion:
        """Store a standing question, which is checked from now on; returns it as stored. One that
        asks the same is not stored again.

        Raises:
            QuestionError: it names nothing or an unknown place, its webhook is not allowed, or
                there are too many.
        """
        with self._lock:
            questions = self.all()
            self._check(question, questions)
            for one in questions:
                if _wish(one) == _wish(question):
                    return one
            last = self._store.horizon()
            stored = self._store.alerts.ask(
                replace(question, at_s=time.time(), after=-1 if last is None else last[1])
            )
            self._kept = None
            return stored

    def _check(self, question: StandingQuestion, asked: list[StandingQuestion]) -> None:
        phrase = read_phrase(question.name)
        if not phrase.text:
            raise QuestionError("a standing question needs the name of a thing to look for")
        places = [place.name for place in self._objects.named_places()]
        if question.place and question.place not in places:
            known = ", ".join(places) or "none yet"
            raise QuestionError(f"there is no place {question.place!r}; known places: {known}")
        allowed = self._settings.webhooks
        if question.webhook and not question.webhook.startswith(tuple(allowed)):
            raise QuestionError(
                f"alerts may not be posted to {question.webhook}: add what its address begins with "
                "to alerts.webhooks"
            )
        if len(asked) >= self._settings.most:
            raise QuestionError(
                f"there are {len(asked)} standing questions already (alerts.most); withdraw one"
            )

    def promised(self, question: Question) -> Answer | None:
        """The answer to a standing question, which is stored and checked from now on;
        ``None`` if it is none."""
        if question.choices or question.at_ns is not None:
            return None
        try:
            wish = self.read(question.text, by="an asker")
            if wish is None:
                return None
            text = promise(self.ask(wish))
        except (QuestionError, StoreError) as error:
            return Answer.failure(str(error), question.id)
        return Answer(text, question_id=question.id, latency_s={"total": 0.0})

    def withdraw(self, question_id: int) -> bool:
        """Remove a standing question; returns whether there was one."""
        with self._lock:
            self._kept = None
            return self._store.alerts.withdraw(question_id)

    def look(self, keyframe: Keyframe, delta: Delta) -> None:
        """Check the standing questions against a committed delta. It never fails: a fault is logged
        and counted."""
        try:
            questions = [one for one in self.all() if keyframe.id > one.after]
            if not questions:
                return
            places = {place.name: place for place in self._objects.named_places()}
            shown = self._objects.shown_in(keyframe.id, len(delta.mentions))
            for question in questions:
                place = places.get(question.place)
                if question.place and place is None:
                    continue  # the place was removed
                if question.event == "seen":
                    self._look_for(question, keyframe, delta, shown, place)
                else:
                    self._look_for_gone(question, keyframe, place)
        except StoreError as error:
            self.faults += 1
            _log.warning("standing questions could not be looked at: %s", error)

    def _look_for(
        self,
        question: StandingQuestion,
        keyframe: Keyframe,
        delta: Delta,
        shown: dict[int, SeenObject],
        place: NamedPlace | None,
    ) -> None:
        phrase = read_phrase(question.name)
        for rank, mention in enumerate(delta.mentions):
            one = shown.get(rank)
            called = [mention.name] if one is None else [mention.name, one.name, one.label]
            if not any(name and means_all(question.name, name) for name in called):
                continue
            if place is not None and not self._is_at(one, place):
                continue
            key = f"seen {phrase.text} #{keyframe.id}" if one is None else f"seen {one.id}"
            if one is not None and one.places:
                key = f"{key} at {len(one.places)}"
            name = mention.name if one is None else one.label or one.name
            where = f" at the {place.name}" if place is not None else ""
            self._report(question, key, keyframe, one, name, f"I see the {name}{where}.")

    def _look_for_gone(
        self, question: StandingQuestion, keyframe: Keyframe, place: NamedPlace | None
    ) -> None:
        for one in self._objects.objects(question.name):
            if one.gone_since_ns is None or not one.missed_in:
                continue
            if one.missed_in[-1] <= question.after or not means_all(question.name, one.name):
                continue
            if place is not None and not self._is_at(one, place):
                continue
            name = one.label or one.name
            where = f" at the {place.name}" if place is not None else " where it was"
            key = f"gone {one.id} {one.gone_since_ns}"
            text = f"The {name} is no longer{where}."
            self._report(question, key, keyframe, one, name, text)

    def _is_at(self, one: SeenObject | None, place: NamedPlace) -> bool:
        """Whether an object is at a place, as far as its position is known."""
        if one is None or one.position_m is None or one.session != place.session:
            return False
        x, y, _ = one.position_m
        if place.region:
            return contains(place.region, x, y)
        px, py, _ = place.position_m
        return math.hypot(x - px, y - py) <= self._settings.place_radius_m

    def _report(
        self,
        question: StandingQuestion,
        key: str,
        keyframe: Keyframe,
        one: SeenObject | None,
        name: str,
        text: str,
    ) -> None:
        alert = Alert(
            id=0,
            question_id=question.id or 0,
            event=question.event,
            name=name,
            text=text,
            keyframe_id=keyframe.id,
            stamp_ns=keyframe.stamp_ns,
            pose=keyframe.pose,
            object_id=None if one is None else one.id,
            at_s=time.time(),
        )
        stored = self._store.alerts.add(alert, key, webhook=bool(question.webhook))
        if stored is not None:
            self._tell(stored)


def _wish(question: StandingQuestion) -> StandingQuestion:
    """A question without its id, time and wording: equal for questions that ask the same."""
    return replace(question, id=None, at_s=0.0, after=-1, text="")


def promise(question: StandingQuestion) -> str:
    """The reply to a standing question: "I will tell you when I see a fire extinguisher." """
    several = read_phrase(question.name).plural
    if question.event == "gone":
        when = f"the {question.name} {'are' if several else 'is'} gone"
    else:
        when = f"I see {question.name if several else a(question.name)}"
    at = f" at the {question.place}" if question.place else ""
    return f"I will tell you when {when}{at} (standing question {question.id})."


def means_all(wanted: str, name: str) -> bool:
    """Whether an object called ``name`` is what ``wanted`` asks for, in all its colours."""
    asked, given = read_phrase(wanted), read_phrase(name)
    return means(asked, given) and asked.colours <= given.colours
