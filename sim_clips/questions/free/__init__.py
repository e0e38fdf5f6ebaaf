"""Free questions: asked in people's own words, answered in the agent's, marked by rules.

`free_questions` makes them from geometry and visibility, each with its `Truth`: what makes an
answer right, whether the notes settle it, and the status that an honest agent answers with.

Out of scope: questions with choices (`sim_clips.questions`), marking and evaluation
(`training.free_questions`).
"""

from __future__ import annotations

from sim_clips.questions.free.claims import Claim, agrees
from sim_clips.questions.free.families import FAMILIES, READERS
from sim_clips.questions.free.making import Wordings, free_questions, from_notes, question_in
from sim_clips.questions.free.phrasings import HELD_OUT, TAUGHT
from sim_clips.questions.free.standpoint import Standpoint, keyframe_journey
from sim_clips.questions.free.truth import (
    Aspect,
    Facts,
    FreeQuestion,
    Status,
    Truth,
    from_json,
    to_json,
)

__all__ = [
    "FAMILIES",
    "HELD_OUT",
    "READERS",
    "TAUGHT",
    "Aspect",
    "Claim",
    "Facts",
    "FreeQuestion",
    "Standpoint",
    "Status",
    "Truth",
    "Wordings",
    "agrees",
    "free_questions",
    "from_json",
    "from_notes",
    "keyframe_journey",
    "question_in",
    "to_json",
]
