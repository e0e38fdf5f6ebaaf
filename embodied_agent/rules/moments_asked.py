"""What is asked about one moment: "what had the camera at 12 s?", "on your left at 3.8 seconds = ?".

Once the moment is cut out of such a question (`spans`), few words are left, and they ask for the view.

Out of scope: the moment itself (`spans`), the answer (`rulebook`).
"""

from __future__ import annotations

import re

from embodied_agent.rules import cues
from embodied_agent.rules.asked import Asked, Family
from embodied_agent.rules.tokens import tokens_of
from embodied_agent.rules.vocabulary import word_set

_VIEW_WORDS = word_set(
    "what which who thing things object objects stuff item items had has have got having the a an any all "
    "anything everything something there here was were is are been be being am in on at to of from "
    "towards with your you my me we us i our robot drone camera lens eye eyes picture screen image frame "
    "keyframe view sight scene did do does see saw seen seeing look looked looking looks show shown showed "
    "shows showing visible present standing stood sitting lying lay placed located appear appeared appears "
    "appearing front left right side hand left-hand right-hand leftward rightward ahead behind back rear "
    "around just so and then exactly could can would ok okay pls please tell say name list describe give "
    "report contents content filmed catch caught capture captured recorded face faced facing watch watching "
    "= : ,"
)
#: One of these, or a side, asks for the view.
_ASKS_VIEW = re.compile(
    r"\b(?:what|which|who|anything|everything|list|name|describe|report|show|view|scene|contents?|"
    r"picture|image|camera|frame|sight)\b"
)
#: Added up, up to a moment.
_ADDED_UP: frozenset[Family] = frozenset(
    {
        "turns",
        "turn_degrees",
        "moves",
        "total_turn",
        "heading",
        "travelled",
        "most_seen",
        "new_things",
    }
)
#: The view at a moment is no answer to these, either.
_NOT_OF_A_MOMENT = _ADDED_UP | {
    "ever_turned", "ever_moved", "from_start", "been_here", "way_start", "duration", "done_beside",
}  # fmt: skip
#: These have the same answer for a moment as for any other time.
_AS_EVER: frozenset[Family] = frozenset({"unnoted_way", "unnoted", "happened", "use", "people"})


def is_of_the_view(rest: str) -> bool:
    """Whether a question without its moment asks for what was in view."""
    words = tokens_of(rest)
    text = " ".join(words)
    if not set(words) <= _VIEW_WORDS:
        return False
    return not words or bool(_ASKS_VIEW.search(text)) or cues.side_in(text) is not None


def asked_of_the_view(rest: str) -> Asked:
    """A question for the view at a moment, on the side that it names, if any."""
    return Asked("in_view", side=cues.side_in(" ".join(tokens_of(rest))))


def is_of_one_keyframe(family: Family) -> bool:
    """Whether a question that names no thing can be answered with the view at a moment."""
    return family not in _NOT_OF_A_MOMENT and family not in _AS_EVER


def is_added_up(family: Family) -> bool:
    """Whether the answer for a moment adds up all that was until then."""
    return family in _ADDED_UP


def is_as_ever(family: Family) -> bool:
    """Whether a question has the same answer for a moment as for any other time."""
    return family in _AS_EVER
