"""A question as understood: its family, and what it is about.

Out of scope: understanding it (`families`), answering it (`rulebook`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from embodied_agent.records import Action
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
    "visible_now",
    "ever_moved",
    "total_turn",
    "more",
    "both",
    "nth",
    "most_seen",
    "times_seen",
    "seen_once",
    "seen_more",
    "is_seen_more",
    "fullest",
    "view_before",
    "view_after",
    "commonest_colour",
    "nearest_of",
    "related",
    "seen_between",
    "seen_until",
    "ago",
    "clock_time",
    "duration",
    "in_view_for",
    "judged",
    "use",
    "are_all",
    "changed",
    "ever_side",
    "ever_near",
    "farthest",
    "seen_while",
    "others",
    "count_other",
    "keyframes_of",
    "latest",
    "at_range",
    "both_sides",
    "unresolved",
    "after_turn",
    "where_after_turn",
    "after_move",
    "where_when",
    "happened",
    "travelled",
    "from_start",
    "been_here",
    "certainty",
    "people",
    "unplaced",
    "same_one",
    "moved",
    "seen_when",
    "new_things",
    "turn_degrees",
    "heading",
    "done_beside",
]
#: A side that a question names.
Side = Literal["front", "left", "back", "right"]
#: How things may lie to each other; "aside" asks on which side of the other one of them is.
Relation = Literal["left", "right", "aside", "between", "beside"]


@dataclass(frozen=True, slots=True)
class Asked:
    """A question as understood.

    Attributes:
        family: the kind of question.
        things: the things that it is about.
        definite: whether "the" comes before the first of them.
        colours: colours that it names without a thing.
        side: the side that it names, if any.
        sides: the sides that it names, if they are several.
        keyframe: the id of the keyframe that it is about.
        nth: the position of that keyframe, from 0, if given instead of its id.
        number: how many things it asks for.
        reverse: whether it asks for the opposite: "farther" instead of "nearer", "later" instead of
            "earlier", what was seen on a side instead of what was there.
        past: whether it is about the past rather than now.
        timed: whether it asks for a time rather than for a keyframe.
        least: how many things it supposes that there are.
        claimed: whether it claims that there are exactly so many.
        of_material: whether it asks what a thing is made of.
        ordinal: which of several it asks for, from 0; -1 is the last.
        actions: the motions that it asks about.
        use: what a thing is looked for to do, by the names of `uses`.
        relation: how things lie to each other; ``None`` if it asks for one that notes never tell,
            such as "on top of".
        turn_deg: a turn that it supposes, in degrees to the left.
    """

    family: Family
    things: tuple[Phrase, ...] = ()
    definite: bool = False
    colours: tuple[str, ...] = ()
    side: Side | None = None
    sides: tuple[Side, ...] = ()
    keyframe: int | None = None
    nth: int | None = None
    number: int | None = None
    reverse: bool = False
    past: bool = False
    timed: bool = False
    least: int | None = None
    claimed: bool = False
    of_material: bool = False
    ordinal: int | None = None
    actions: tuple[Action, ...] = ()
    use: str = ""
    relation: Relation | None = None
    turn_deg: float = 0.0
