"""A clip's set of questions: every type, several moments, letters and answers balanced."""

from __future__ import annotations

import string
from collections import Counter
from collections.abc import Mapping
from typing import Any

import numpy as np

from sim_clips.journey import Journey, journey_of_truth
from sim_clips.questions.common import ClipQuestion, Maker, Rng
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
    kind: str, journey: Journey, now: int, rng: Rng, *, tries: int = 8
) -> ClipQuestion | None:
    """A question of type ``kind`` at view ``now``, or ``None`` after ``tries`` vain attempts."""
    for _ in range(tries):
        question = MAKERS[kind](journey, now, rng)
        if question is not None and len(set(question.choices)) == len(question.choices):
            return question
    return None


def make_questions(
    truth: Mapping[str, Any], seed: int, *, moments: int = 6, per_type: int = 4
) -> list[dict[str, Any]]:
    """Up to ``per_type`` questions of each type about a recorded clip, over ``moments`` stamps.

    Answers are lettered so that each letter is right about equally often, and no answer text of a
    type is right much more often than others. JSON-ready; the same truth and seed give the same.
    """
    rng = np.random.default_rng([seed, 0x51])
    journey = journey_of_truth(truth)
    ends = [i for i, view in enumerate(journey.views) if view.at_end and view.step >= 2]
    count = min(moments, len(ends))
    stamps = sorted({ends[round(k)] for k in np.linspace(1, len(ends) - 1, count)})
    letters: Counter[int] = Counter()
    said: Counter[tuple[str, str]] = Counter()
    asked: set[tuple[str, int, str]] = set()
    found: list[tuple[int, ClipQuestion]] = []
    for kind in MAKERS:
        wanted = per_type
        for attempt in range(12 * per_type):
            if wanted == 0:
                break
            now = stamps[int(rng.integers(len(stamps)))]
            question = question_of(kind, journey, now, rng)
            if question is None:
                continue
            right = question.choices[question.answer]
            patience = attempt // (3 * per_type)
            # Another wording of the same question would count one answer twice.
            same = (kind, now, right if kind == "relative_distance" else repr(question.about))
            if same in asked or said[kind, right] > patience:
                continue
            asked.add(same)
            said[kind, right] += 1
            place = min(
                range(len(question.choices)), key=lambda i: (letters[i], float(rng.random()))
            )
            letters[place] += 1
            found.append((now, _with_answer_at(question, place)))
            wanted -= 1
    found.sort(key=lambda item: item[0])
    return [
        {
            "id": f"{truth['world']}_{truth['seed']}_{number:02d}",
            "type": question.type,
            "text": question.text,
            "choices": list(question.choices),
            "answer": string.ascii_uppercase[question.answer],
            "stamp_ns": journey.views[now].stamp_ns,
            "about": dict(question.about),
        }
        for number, (now, question) in enumerate(found)
    ]


def _with_answer_at(question: ClipQuestion, place: int) -> ClipQuestion:
    choices = list(question.choices)
    choices[question.answer], choices[place] = choices[place], choices[question.answer]
    return ClipQuestion(question.type, question.text, tuple(choices), place, question.about)
