"""A question as it was understood: its family, and what fills it.

Out of scope: understanding it (`families`), answering it (`rulebook`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from embodied_agent.rules.phrases import Phrase

Family = Literal[
    "existence",
    "colour",
    "is_colour",
    "of_colour",
    "colours",
    "count",
    "count_all",
    "keyframes",
    "first_when",
    "first_where",
    "last_when",
    "last_where",
    "when",
    "where",
    "is_side",
    "way_back",
    "way_start",
    "how_far",
    "nearer",
    "nearest",
    "order",
    "is_order",
    "together",
    "ever_together",
    "relation",
    "seen_after",
    "seen_before",
    "did_before",
    "did_after",
    "action_at",
    "first_action",
    "last_action",
    "actions",
    "turns",
    "moves",
    "ever_turned",
    "around",
    "in_view",
    "at_start",
    "at_keyframe",
    "inventory",
    "describe",
    "unnoted",
    "unnoted_way",
    "out_of_scope",
    "unclear",
]
#: A side that is asked about.
Side = Literal["front", "left", "back", "right"]


@dataclass(frozen=True, slots=True)
class Asked:
    """A question as it was understood.

    Attributes:
        family: what is asked.
        things: what it is asked about.
        definite: whether "the" stands before the first of them.
        colours: colours that stand alone.
        side: the side, where one is asked about.
        keyframe: the id of the keyframe that it is about.
        nth: its position instead, from 0.
        number: a number that is asked for.
        reverse: "farther" instead of "nearer", "later" instead of "earlier".
        backward: of moves: backward instead of forward.
        past: asked about then, not about now.
    """

    family: Family
    things: tuple[Phrase, ...] = ()
    definite: bool = False
    colours: tuple[str, ...] = ()
    side: Side | None = None
    keyframe: int | None = None
    nth: int | None = None
    number: int | None = None
    reverse: bool = False
    past: bool = False
