"""Answers without the reasoner: what rules say, and the entries that it rests on.

Which of them are asked depends on the settings: a general model reads questions that the built-in
one does not.

Out of scope: the rules (`embodied_agent.rules`), facts (`fact_answers`), what the memory holds
(`views`).
"""

from __future__ import annotations

import string
from collections.abc import Mapping
from dataclasses import replace

from embodied_agent.agent.fact_answers import FactSaying, with_choice, without_value
from embodied_agent.agent.from_here import FromHere
from embodied_agent.agent.position_answers import by_position
from embodied_agent.agent.scrutiny import without_answer
from embodied_agent.agent.survey import FromHereSurvey
from embodied_agent.memory.store import Store
from embodied_agent.reasoning.base import prompt_style
from embodied_agent.records import Answer, Evidence, Question
from embodied_agent.rules import (
    NAME,
    Notes,
    Restated,
    Saying,
    answer_by_rule,
    answer_restated,
    choose,
    not_understood,
    unanswerable,
)
from embodied_agent.settings import ReasoningSettings
from embodied_agent.transcript.text import entry_text

#: Most entries that an answer by rules shows as its reasoning.
_MOST_ENTRIES = 8
#: Families of questions that rules can't answer, but a general model may, from observations.
_FOR_MODELS = frozenset({"unclear", "unnoted", "happened", "moved", "same_one"})


def _verified_by(saying: Saying, notes: Notes) -> str:
    """What an answer by rules was obtained from, as `Answer.verified_by` says it."""
    if saying.measured:
        return by_position(saying.measured)
    if saying.poses:
        return f"the poses of {saying.poses} keyframes"
    return f"{NAME} over {len(notes.deltas)} entries of the memory"


class RuledAnswers:
    """Answers by rules. Safe to call from several threads.

    Args:
        store: the memory, for the keyframes that an answer rests on.
        settings: of reasoning.
    """

    def __init__(self, store: Store, settings: ReasoningSettings) -> None:
        self._store = store
        self._settings = settings

    def of_facts(
        self, answer: Answer, question: Question, fact_saying: FactSaying, notes: Notes
    ) -> Answer:
        """``answer`` to a question about facts."""
        at: int | None = None
        if question.choices and fact_saying.saying.status == "answered":
            at = with_choice(fact_saying, question.choices)
            if at is None:
                fact_saying = without_value(fact_saying)
        if at is None:
            answer = self.said(answer, question, fact_saying.saying, notes)
        else:
            answer = self._picked(answer, question, at, fact_saying.saying, notes)
        return replace(answer, facts=fact_saying.facts, verified_by="the facts that were noted")

    def chosen(self, answer: Answer, question: Question, notes: Notes) -> Answer | None:
        """``answer`` with the choice that matches the rules' own answer; ``None`` if the reasoner
        is to be asked.

        A general model reads any question with choices; the built-in one only those of the eight
        types that it was trained on.
        """
        settings = self._settings
        if not question.choices or settings.free == "reasoner" or settings.second_look.mode == "on":
            return None
        if prompt_style(settings) == "full" and settings.free != "rules":
            return None
        chosen = choose(question.text, question.choices, notes)
        if chosen is None:
            return None
        if chosen.index is None:
            return self.said(answer, question, chosen.saying, notes)
        saying = replace(chosen.saying, status="answered")
        return self._picked(answer, question, chosen.index, saying, notes)

    def saying(
        self,
        question: Question,
        notes: Notes,
        here: FromHere | None,
        restated: Restated | None = None,
    ) -> Saying | None:
        """What is said without the reasoner; ``None`` if the reasoner is to be asked.

        Args:
            question: as it was put.
            notes: to answer from.
            here: what is measured around the camera.
            restated: the question as a model has restated it, if that is to be answered.
        """
        settings = self._settings
        # A second look may find in the pictures what was not noted.
        looks = settings.second_look.mode == "on"
        if question.choices or settings.free == "reasoner":
            return None if looks else unanswerable(question.text, question.choices, notes)
        survey = None if here is None else FromHereSurvey(here)
        if restated is not None:
            return answer_restated(restated, notes, survey).saying or not_understood(notes)
        ruling = answer_by_rule(question.text, notes, survey)
        if settings.free == "auto" and prompt_style(settings) == "full":
            status = ruling.saying.status if ruling.saying else ""
            if looks and status not in ("answered", "out_of_scope"):
                return None
            if ruling.asked.family in _FOR_MODELS:
                return unanswerable(question.text, (), notes)
        return ruling.saying or not_understood(notes)

    def said(self, answer: Answer, question: Question, saying: Saying, notes: Notes) -> Answer:
        """``answer`` with what the rules say, and the entries that this rests on."""
        read = [notes.deltas[index] for index in saying.evidence]
        evidence = self.evidence({delta.keyframe_id: "cited" for delta in read})
        answer = replace(
            answer,
            reasoning="".join(entry_text(delta) for delta in read[-_MOST_ENTRIES:]).strip(),
            evidence=evidence,
            models={**answer.models, "reasoner": NAME},
            verified_by=_verified_by(saying, notes),
        )
        if question.choices:
            return without_answer(answer, question, saying.status, saying.text)
        return replace(answer, text=saying.text, status=saying.status)

    def _picked(
        self, answer: Answer, question: Question, at: int, saying: Saying, notes: Notes
    ) -> Answer:
        """``answer`` with the choice number ``at``; what is said is the reasoning."""
        answer = self.said(answer, replace(question, choices=()), saying, notes)
        return replace(
            answer,
            text=question.choices[at],
            choice=string.ascii_uppercase[at],
            reasoning=f"{answer.reasoning}\n{saying.text}".strip(),
        )

    def evidence(self, notes: Mapping[int, str]) -> tuple[Evidence, ...]:
        """Those of the keyframes that the memory holds, with their notes."""
        return tuple(
            Evidence(keyframe.id, keyframe.stamp_ns, note=notes[keyframe.id], pose=keyframe.pose)
            for keyframe in self._store.keyframes_of(notes)
        )
