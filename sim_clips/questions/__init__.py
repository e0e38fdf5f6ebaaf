"""The eight question types, made from geometry and visibility.

`common` says how a question is drawn so that nothing but the memory tells its answer, `places`,
`ways` and `objects` what is asked, `notes` what can be known from what was noted,
and `clip` makes a clip's set of questions. The margins by which an answer must be right are
constants beside the makers. Options are texts without letters.
"""

from __future__ import annotations

from embodied_agent.rules.derivation import possible, route_to, settled
from sim_clips.questions.clip import (
    MAKERS,
    is_derivable,
    make_questions,
    question_of,
    questions_about,
    shown,
)
from sim_clips.questions.common import NOT_TOLD, ClipQuestion, Maker, Past, Rng, past_of
from sim_clips.questions.notes import Notes, mentions_of, true_notes
from sim_clips.questions.ways import route_text, undo, walk

__all__ = [
    "MAKERS",
    "NOT_TOLD",
    "ClipQuestion",
    "Maker",
    "Notes",
    "Past",
    "Rng",
    "is_derivable",
    "make_questions",
    "mentions_of",
    "past_of",
    "possible",
    "question_of",
    "questions_about",
    "route_text",
    "route_to",
    "settled",
    "shown",
    "true_notes",
    "undo",
    "walk",
]
