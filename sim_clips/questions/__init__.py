"""The eight question types, made from geometry and visibility.

Each maker takes a `Journey`, the index of the view that is "now" and a random generator, and gives
a `ClipQuestion`, or ``None`` where no unambiguous question of its type can be asked there. The
margins by which an answer must be right are constants beside the makers.

Wordings vary, options are texts without letters, and `make_questions` balances the answer letters.
"""

from __future__ import annotations

from sim_clips.questions.clip import MAKERS, make_questions, question_of
from sim_clips.questions.common import ClipQuestion, Maker, Rng, clear_names
from sim_clips.questions.ways import route_text, route_to, undo, walk

__all__ = [
    "MAKERS",
    "ClipQuestion",
    "Maker",
    "Rng",
    "clear_names",
    "make_questions",
    "question_of",
    "route_text",
    "route_to",
    "undo",
    "walk",
]
