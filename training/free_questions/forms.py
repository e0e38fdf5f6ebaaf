"""The kind of answer that each form of question requires.

Out of scope: the forms themselves (`sim_clips.questions.free.families`).
"""

from __future__ import annotations

from sim_clips.questions.free.truth import Aspect

#: The aspect that an answer has to state; ``None`` for forms that no claim can answer.
REQUIRED: dict[str, Aspect | None] = {
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
#: Forms for which "no" denies something other than having seen a thing.
PLAIN_YES_NO = frozenset({"was_colour", "order_yes", "ever_together", "ever_turned"})
COUNTS = frozenset({"count", "count_colour", "count_all"})
TURNS = frozenset({"turns_side", "turns_all", "ever_turned"})
#: Forms that ask for a list of things, which may be empty.
LISTS = frozenset({"in_view", "at_start", "at_keyframe", "together", "inventory", "name_some",
                   "around", "see_next"})  # fmt: skip
#: Lists of what is there now; earlier views are irrelevant.
NOW_LISTS = frozenset({"in_view", "around"})
#: Forms that ask where something is now.
NOW = frozenset({"which_way", "way_back", "way_start"})
#: Forms that ask where something was in the past.
THEN = frozenset({"first_where", "last_where", "first_when", "last_when"})
COMPARISONS = frozenset({"nearer", "order_first", "order_yes", "order_list"})
