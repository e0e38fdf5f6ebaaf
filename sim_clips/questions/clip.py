"""A clip's set of questions: every type, several moments, letters balanced."""

from __future__ import annotations

import string
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from embodied_agent.rules.derivation import possible, settled
from sim_clips.journey import Journey, journey_of_truth
from sim_clips.questions.common import (
    NOT_TOLD,
    OFFERED,
    ClipQuestion,
    Maker,
    Past,
    Rng,
    draw,
    names_in,
    past_of,
)
from sim_clips.questions.notes import Notes, true_notes
from sim_clips.questions.objects import appearance_order, relative_direction, relative_distance
from sim_clips.questions.places import counterfactual, landmark_position
from sim_clips.questions.ways import action_generation, progress_evaluation, route_planning

#: Maker of each type, in the order of the published tables.
MAKERS: dict[str, Maker] = {
    "landmark_position": landmark_position,
    "counterfactual": counterfactual,
    "progress_evaluation": progress_evaluation,
    "action_generation": action_generation,
    "relative_distance": relative_distance,
    "relative_direction": relative_direction,
    "route_planning": route_planning,
    "appearance_order": appearance_order,
}


def question_of(
    kind: str,
    past: Past,
    rng: Rng,
    *,
    tries: int = 8,
    offered: bool | None = None,
    untold: float | None = None,
) -> tuple[int, ClipQuestion] | None:
    """A question of type ``kind`` and the view at which it is asked; ``None`` after ``tries`` vain
    attempts.

    Args:
        kind: of `MAKERS`.
        past: what is asked about.
        rng: draws everything.
        tries: attempts with other things to ask about.
        offered: whether `NOT_TOLD` is among the options; by default in a share of `OFFERED`.
        untold: see `draw`.
    """
    if offered is None:
        offered = bool(rng.random() < OFFERED)
    for _ in range(tries):
        subject = MAKERS[kind](past, rng, offered)
        drawn = subject and draw(subject, rng, offered=offered, untold=untold)
        if drawn:
            now, question = drawn
            return now, replace(question, derivable=is_derivable(past.notes, now, question))
    return None


def is_derivable(notes: Notes, now: int, question: ClipQuestion) -> bool:
    """Whether the notes up to entry ``now`` settle on the question's true answer."""
    truth = question.choices[question.answer]
    options = [choice for choice in question.choices if choice != NOT_TOLD]
    return settled(possible(notes, now, question.type, question.about, options)) == truth


def shown(question: ClipQuestion) -> tuple[str, str, frozenset[str]]:
    """What is shown of a question but for its wording. To ask the same about another moment would
    give away what is not right there. How three things lie to each other is asked once, from
    whichever corner: fewer questions can be asked from the middle one."""
    if question.type == "relative_direction":
        return question.type, "", frozenset(names_in(question.about))
    about = {key: value for key, value in question.about.items() if key != "open"}
    return question.type, repr(about), frozenset(question.choices) - {NOT_TOLD}


def make_questions(
    truth: Mapping[str, Any], seed: int, *, per_type: int = 4
) -> list[dict[str, Any]]:
    """Up to ``per_type`` questions of each type about a recorded clip, by their stamps.

    JSON-ready; the same truth and seed give the same.
    """
    journey = journey_of_truth(truth)
    found = questions_about(journey, np.random.default_rng([seed, 0x51]), per_type=per_type)
    return [
        {
            "id": f"{truth['world']}_{truth['seed']}_{number:02d}",
            "type": question.type,
            "text": question.text,
            "choices": list(question.choices),
            "answer": string.ascii_uppercase[question.answer],
            "stamp_ns": journey.views[now].stamp_ns,
            "derivable": question.derivable,
            "about": dict(question.about),
        }
        for number, (now, question) in enumerate(found)
    ]


def questions_about(
    journey: Journey, rng: Rng, *, per_type: int = 4
) -> list[tuple[int, ClipQuestion]]:
    """Up to ``per_type`` questions of each type and the views at which they are asked, in order.

    What is noted is what a perfect perceiver would note at every view; a question without
    `NOT_TOLD` follows from that. Answers are placed so that each letter is right about equally
    often.
    """
    past = past_of(journey, Notes(true_notes(journey), journey.world))
    letters: Counter[tuple[int, int]] = Counter()
    asked: set[tuple[str, str, frozenset[str]]] = set()
    found: list[tuple[int, ClipQuestion]] = []
    for kind in MAKERS:
        wanted = per_type
        for attempt in range(12 * per_type):
            if wanted == 0:
                break
            drawn = question_of(kind, past, rng, offered=bool(attempt % 2))
            if drawn is None:
                continue
            now, question = drawn
            same = shown(question)
            if same in asked:
                continue
            asked.add(same)
            # Among questions with as many options: a fifth one would else be right too often.
            count = len(question.choices)
            place = min(range(count), key=lambda i: (letters[count, i], float(rng.random())))
            letters[count, place] += 1
            found.append((now, _with_answer_at(question, place)))
            wanted -= 1
    return sorted(found, key=lambda item: item[0])


def _with_answer_at(question: ClipQuestion, place: int) -> ClipQuestion:
    choices = list(question.choices)
    choices[question.answer], choices[place] = choices[place], choices[question.answer]
    return replace(question, choices=tuple(choices), answer=place)
