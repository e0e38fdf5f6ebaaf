"""What kind of answer each form of question wants."""

from __future__ import annotations

from sim_clips.questions.free.truth import Aspect

#: The aspect that an answer has to give; forms that no claim can answer have none.
WANTED: dict[str, Aspect | None] = {
    "existence": "yes",
    "was_colour": "yes",
    "order_yes": "yes",
    "ever_together": "yes",
    "ever_turned": "yes",
    "colour": "colours",
    "colours": "colours",
    "count": "number",
    "count_colour": "number",
    "count_all": "number",
    "turns_side": "number",
    "turns_all": "number",
    "first_when": "keyframes",
    "last_when": "keyframes",
    "first_where": "directions",
    "last_where": "directions",
    "which_way": "directions",
    "way_back": "directions",
    "way_start": "directions",
    "how_far": "distances",
    "did_before": "actions",
    "did_after": "actions",
    "last_action": "actions",
    "action_at": "actions",
    "see_next": "names",
    "order_first": "names",
    "nearer": "names",
    "in_view": "names",
    "at_start": "names",
    "at_keyframe": "names",
    "together": "names",
    "inventory": "names",
    "name_some": "names",
    "around": "names",
    "order_list": "order",
    "unknowable": None,
    "unknowable_way": None,
    "out_of_scope": None,
}
#: To these, "no" denies something else than that a thing was seen.
PLAIN_YES_NO = frozenset({"was_colour", "order_yes", "ever_together", "ever_turned"})
COUNTS = frozenset({"count", "count_colour", "count_all"})
TURNS = frozenset({"turns_side", "turns_all", "ever_turned"})
#: These ask for a list of what is somewhere, which may be empty.
LISTS = frozenset({"in_view", "at_start", "at_keyframe", "together", "inventory", "name_some",
                   "around", "see_next"})  # fmt: skip
#: What is there now; what was there before is beside the point.
NOW_LISTS = frozenset({"in_view", "around"})
#: These ask where something is now.
NOW = frozenset({"which_way", "way_back", "way_start"})
#: These ask where something was then.
THEN = frozenset({"first_where", "last_where", "first_when", "last_when"})
COMPARISONS = frozenset({"nearer", "order_first", "order_yes", "order_list"})
