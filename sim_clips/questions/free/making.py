"""Free questions about a journey: drafts put into words and compared with the notes.

The same journey, notes and generator give the same questions.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Literal

import numpy as np

from embodied_agent.records import Delta
from sim_clips.journey import Journey
from sim_clips.questions.free.claims import agrees
from sim_clips.questions.free.families import FAMILIES, MAKERS, READERS, Draft, Maker, Reading
from sim_clips.questions.free.families.drafts import Rng, pick
from sim_clips.questions.free.families.things import absent
from sim_clips.questions.free.nouns import HELD_OUT_NOUNS, NOUNS
from sim_clips.questions.free.phrasings import HELD_OUT, TAUGHT
from sim_clips.questions.free.standpoint import Standpoint
from sim_clips.questions.free.truth import FreeQuestion, Truth

#: Which phrasings and which words for absent things are used.
Wordings = Literal["taught", "held_out", "both"]
#: Share of held-out phrasings where both are used.
_HELD_OUT_SHARE = 0.5
#: How often a question is typed in a hurry: lower case, no mark at its end.
_HASTY_SHARE = 0.15
#: Tries per question that is wanted.
_PATIENCE = 6
#: Families whose question the notes may leave open; so often one that they do is looked for, in so
#: many tries.
_OPEN_FAMILIES = frozenset({"around", "how_far", "nearer", "which_way", "way_back"})
_OPEN_SHARE, _OPEN_TRIES = 0.5, 20


def free_questions(
    journey: Journey,
    deltas: Sequence[Delta],
    rng: Rng,
    *,
    count: int,
    moments: Sequence[int] | None = None,
    wordings: Wordings = "both",
    families: Sequence[str] = FAMILIES,
    phrasings: Mapping[str, Sequence[str]] | None = None,
) -> list[FreeQuestion]:
    """Up to ``count`` questions, families in turn, none twice.

    Args:
        journey: whose view ``i`` is what ``deltas[i]`` was noted at.
        deltas: the notes.
        rng: chooses.
        count: how many are wanted.
        moments: the views at which may be asked; by default all from the third on.
        wordings: taught phrasings, held-out ones, or both.
        families: which ones.
        phrasings: by form, instead of the taught ones.
    """
    length = min(len(journey.views), len(deltas))
    places = list(moments if moments is not None else range(2, length))
    questions: list[FreeQuestion] = []
    asked: set[tuple[str, int, str]] = set()
    if not places:
        return questions
    turn = [families[int(n)] for n in rng.permutation(len(families))]
    for attempt in range(_PATIENCE * count):
        if len(questions) == count:
            break
        standpoint = Standpoint(journey, deltas, pick(rng, places))
        question = question_in(turn[attempt % len(turn)], standpoint, rng, wordings, phrasings)
        if question is None:
            continue
        # Another wording of the same question would count one answer twice.
        asked_about = question.text if question.form == "out_of_scope" else repr(question.about)
        same = (question.form, question.now, asked_about)
        if same not in asked:
            asked.add(same)
            questions.append(question)
    return questions


def question_in(
    family: str,
    standpoint: Standpoint,
    rng: Rng,
    wordings: Wordings = "both",
    phrasings: Mapping[str, Sequence[str]] | None = None,
) -> FreeQuestion | None:
    """A question of a family; ``None`` where none can be asked there without doubt."""
    maker: Maker = MAKERS[family]
    if family == "absent":
        nouns = {
            "taught": NOUNS,
            "held_out": HELD_OUT_NOUNS,
            "both": (*NOUNS, *HELD_OUT_NOUNS),
        }[wordings]
        maker = partial(absent, nouns=nouns)
    drafted = None
    wanted = family in _OPEN_FAMILIES and rng.random() < _OPEN_SHARE
    for _ in range(_OPEN_TRIES if wanted else 1):
        drafted = _drafted(family, maker, standpoint, rng) or drafted
        if drafted is not None and drafted[1].status == "cannot_tell":
            break
    if drafted is None:
        return None
    draft, truth = drafted
    held_out = wordings == "held_out" or (wordings == "both" and rng.random() < _HELD_OUT_SHARE)
    phrasing = pick(rng, (HELD_OUT if held_out else {**TAUGHT, **(phrasings or {})})[draft.form])
    return FreeQuestion(
        text=_typed(phrasing.format(**draft.slots), rng),
        form=draft.form,
        phrasing=phrasing,
        held_out=held_out,
        now=standpoint.now,
        stamp_ns=standpoint.journey.views[standpoint.now].stamp_ns,
        truth=truth,
        about=draft.about,
    )


def _drafted(
    family: str, maker: Maker, standpoint: Standpoint, rng: Rng
) -> tuple[Draft, Truth] | None:
    draft = maker(standpoint, rng)
    if draft is None:
        return None
    reading = READERS[draft.form](standpoint, draft.about)
    truth = truth_of(family, draft, reading, standpoint)
    return None if truth is None else (draft, truth)


def truth_of(
    family: str, draft: Draft, reading: Reading | None, standpoint: Standpoint
) -> Truth | None:
    """What is expected of an honest agent; ``None`` where the notes leave that in doubt, or lead
    to a wrong answer."""
    if reading is None:
        return None
    status = reading.claim.status
    right = status == "answered" and agrees(reading.claim, draft.facts)
    if status == "answered" and not right:
        return None
    if draft.absent and status != "not_seen":
        return None
    other = draft.accepted.get(status)
    derivable = right or draft.absent or status == "out_of_scope"
    return Truth(
        family=family,
        status=status,
        facts=draft.facts,
        accepted=frozenset([other] if other else []),
        derivable=derivable,
        settled=derivable,
        evidence=tuple(standpoint.id(index) for index in reading.evidence),
        memory=standpoint.memory,
        subjects=draft.subjects,
        first_id=standpoint.id(0),
        last_id=standpoint.id(standpoint.now),
    )


def from_notes(question: FreeQuestion, standpoint: Standpoint) -> FreeQuestion:
    """The same question to an agent whose notes are these, a perceiver's with its mistakes.

    What is right stays; the status that is to be expected, and whether the notes settle it, follow
    from the notes. Where they mislead, or all but settle it, "can't tell" is as good as an answer.
    """
    truth = question.truth
    reading = READERS[question.form](standpoint, question.about)
    status = reading.claim.status if reading else "answered"
    accepted = truth.accepted
    derivable = truth.derivable and status == truth.status
    if status == "answered":
        derivable = reading is not None and agrees(reading.claim, truth.facts)
        if not derivable:
            accepted |= {"cannot_tell"}
    return replace(
        question,
        truth=replace(
            truth,
            status=status,
            accepted=accepted,
            derivable=derivable,
            memory=standpoint.memory,
            evidence=tuple(standpoint.id(i) for i in reading.evidence) if reading else (),
        ),
    )


def _typed(text: str, rng: np.random.Generator) -> str:
    """The text as it is typed: with a capital at its start, or in a hurry."""
    if rng.random() < _HASTY_SHARE:
        return text.lower().rstrip("?.!")
    return text if not text[0].islower() or rng.random() < 0.5 else text[0].upper() + text[1:]
