"""Answers that the measured positions of objects settle: to questions with choices, which are
answered here, and to those in free words, for which the rules get what is around the camera.

No reasoner is asked then: where things are from here is measured, and what follows is geometry.

Out of scope: positions from here (`from_here`), what they settle (`embodied_agent.rules.located`,
`embodied_agent.rules.about_measured`).
"""

from __future__ import annotations

import string
from dataclasses import replace

from embodied_agent.agent.from_here import FromHere, from_here
from embodied_agent.agent.notes_check import located
from embodied_agent.agent.object_memory import ObjectMemory
from embodied_agent.agent.surroundings import in_words
from embodied_agent.memory.query import Reader
from embodied_agent.records import Answer, Question
from embodied_agent.rules import NAME, Notes
from embodied_agent.settings import ReasoningSettings

#: How such an answer was obtained, in `Answer.verified_by`.
BY_POSITION = "measured positions of"


def by_position(count: int) -> str:
    """What an answer is verified by that rests on the positions of so many objects."""
    return f"{BY_POSITION} {f'{count} objects' if count > 1 else 'one object'}"


class PositionAnswers:
    """Answers from one memory. Safe to call from several threads.

    Args:
        settings: of reasoning.
        objects: of the memory; ``None``: there are none.
        keyframes: the memory that they are of.
    """

    def __init__(
        self, settings: ReasoningSettings, objects: ObjectMemory | None, keyframes: Reader
    ) -> None:
        self._settings = settings
        self._objects = objects
        self._keyframes = keyframes

    def here(self, question: Question, keyframe_id: int) -> FromHere | None:
        """The objects around the camera at a keyframe; ``None`` where they are not to answer the
        question, or it is not known where the camera was.

        Raises:
            StoreError: the memory can't be read.
        """
        settings = self._settings
        if not settings.positions or self._objects is None:
            return None
        # Where a model is to answer, or pictures are looked at again, nothing goes before it.
        if settings.free == "reasoner" or settings.second_look.mode == "on":
            return None
        past = question.at_ns is not None
        if past and not question.choices:
            return None  # the objects of then are derived anew, which takes longer than rules do
        return from_here(keyframe_id, self._objects, self._keyframes, past=past)

    def answer(
        self, answer: Answer, question: Question, notes: Notes, here: FromHere
    ) -> tuple[Answer, tuple[int, ...]] | None:
        """``answer`` with the choice that positions settle on, and the keyframes that last showed
        the things; ``None`` where they settle on none."""
        check = located(question, notes, here.places) if question.choices else None
        if check is None or check.choice is None:
            return None
        things = map(here.only, check.settlement.located)
        objects = [one for one in things if one is not None]
        said = "; ".join(in_words(one, here) for one in objects)
        answer = replace(
            answer,
            text=question.choices[string.ascii_uppercase.index(check.choice)],
            choice=check.choice,
            status="answered",
            reasoning=f"Measured from where I am, by position: {said}.",
            models={**answer.models, "reasoner": NAME},
            verified_by=by_position(len(objects)),
        )
        return answer, tuple(one.evidence[-1] for one in objects)
