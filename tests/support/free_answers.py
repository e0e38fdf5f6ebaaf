"""One small memory and questions about it, with their truth written out by hand.

#0 start: red sofa front-left near; blue lamp front far.
#1 rotate left 45: red sofa front-right near; green plant front-left mid.
#2 move forward: green plant front-left near.
#3 rotate right 90: blue lamp front-left mid; yellow door front far.
#4 move forward: blue lamp left near; yellow door front mid.
#5 move forward: yellow door front near.
#6 move forward: nothing named.
#7 rotate left 45: yellow door front-right near; pink plant front far.
#8 tilt downward 15: nothing named.
#9 rotate left 60: pink plant front-right far; yellow door right near.
"""

from __future__ import annotations

from typing import Any

from embodied_agent.records import Action
from sim_clips.questions.free import Facts, FreeQuestion, Status, Truth

MEMORY = frozenset({"red sofa", "blue lamp", "green plant", "yellow door", "pink plant"})


def _thing(name: str, prefix: str = "") -> dict[str, str]:
    colour, _, kind = name.rpartition(" ") if " " in name else ("", "", name)
    return {f"{prefix}kind": kind, f"{prefix}colour": colour}


def _question(
    form: str,
    text: str,
    facts: Facts | None = None,
    *,
    status: Status = "answered",
    about: dict[str, Any] | None = None,
    accepted: Status | None = None,
    now: int = 9,
) -> FreeQuestion:
    truth = Truth(
        family=form,
        status=status,
        facts=facts or Facts(),
        accepted=frozenset([accepted] if accepted else []),
        derivable=status != "cannot_tell",
        memory=MEMORY,
        first_id=0,
        last_id=now,
    )
    return FreeQuestion(text, form, text, False, now, 0, truth, about or {})


def _names(*names: str, enough: int, also: tuple[str, ...] = (), **more: Any) -> Facts:
    return Facts(
        asked=("names",), names=frozenset(names), enough=enough, also=frozenset(also), **more
    )


def _directions(*directions: str, **more: Any) -> Facts:
    return Facts(asked=("directions",), directions=frozenset(directions), **more)  # type: ignore[arg-type]


def _pair(one: str, other: str, *more: str) -> dict[str, str]:
    things = [_thing(name, f"{number}_") for number, name in enumerate((one, other, *more))]
    return {key: value for thing in things for key, value in thing.items()}


_LEFT, _RIGHT = {"side": "left"}, {"side": "right"}

QUESTIONS: dict[str, FreeQuestion] = {
    "was_sofa": _question(
        "existence", "was there a couch?",
        Facts(asked=("yes",), yes=True, keyframes=frozenset({0, 1})), about=_thing("sofa"),
    ),
    "was_piano": _question(
        "existence", "did you see a piano?", Facts(asked=("yes",), yes=False),
        status="not_seen", about=_thing("piano"),
    ),
    "was_blue_sofa": _question(
        "existence", "Did you see a blue sofa?", Facts(asked=("yes",), yes=False),
        status="not_seen", accepted="answered", about=_thing("blue sofa"),
    ),
    "sofa_green": _question(
        "was_colour", "Was the sofa green?",
        Facts(asked=("yes", "colours"), yes=False, colours=frozenset({"red"})),
        accepted="not_seen", about={**_thing("sofa"), "asked_colour": "green"},
    ),
    "door_yellow": _question(
        "was_colour", "The door is yellow, isn't it?",
        Facts(asked=("yes", "colours"), yes=True, colours=frozenset({"yellow"})),
        about={**_thing("door"), "asked_colour": "yellow"},
    ),
    "colour_door": _question(
        "colour", "I need the colour of that door.",
        Facts(asked=("colours",), colours=frozenset({"yellow"})), about=_thing("door"),
    ),
    "colour_plants": _question(
        "colours", "What colours are the plants?",
        Facts(asked=("colours",), colours=frozenset({"green", "pink"})), about=_thing("plant"),
    ),
    "colour_giraffe": _question(
        "colour", "What colour was the giraffe?", status="not_seen", about=_thing("giraffe"),
    ),
    "count_plants": _question(
        "count", "How many plants are there?", Facts(asked=("number",), number=(2, 2)),
        about=_thing("plant"),
    ),
    "count_pianos": _question(
        "count", "How many pianos?", Facts(asked=("number",), number=(0, 0)),
        status="not_seen", about=_thing("piano"),
    ),
    "count_all": _question(
        "count_all", "How many different things have you seen?",
        Facts(asked=("number",), number=(5, 5)), about={"kind": "", "colour": ""},
    ),
    "first_when_door": _question(
        "first_when", "When did you first see the door?",
        Facts(asked=("keyframes",), keyframes=frozenset({3}), directions=frozenset({"front"}),
              directions_now=frozenset({"right"})),
        about=_thing("door"),
    ),
    "first_when_lamp": _question(
        "first_when", "When did the lamp come into view?",
        Facts(asked=("keyframes",), keyframes=frozenset({0}), directions=frozenset({"front"}),
              directions_now=frozenset({"back-right"})),
        about=_thing("lamp"),
    ),
    "last_when_sofa": _question(
        "last_when", "when was the sofa last seen",
        Facts(asked=("keyframes",), keyframes=frozenset({1}),
              directions=frozenset({"front-right"}), directions_now=frozenset({"back"})),
        about=_thing("sofa"),
    ),
    "last_when_door": _question(
        "last_when", "When did you last see the door?",
        Facts(asked=("keyframes",), keyframes=frozenset({9}), directions=frozenset({"right"}),
              directions_now=frozenset({"right"})),
        about=_thing("door"),
    ),
    "first_where_door": _question(
        "first_where", "Where was the door when you first saw it?",
        _directions("front", keyframes=frozenset({3}), directions_now=frozenset({"right"})),
        about=_thing("door"),
    ),
    "last_where_sofa": _question(
        "last_where", "Where did you last see the settee?",
        _directions("front-right", keyframes=frozenset({1}), directions_now=frozenset({"back"})),
        about=_thing("sofa"),
    ),
    "in_view": _question(
        "in_view", "Name what is in view.",
        _names("yellow door", "pink plant", enough=2, also=("blue lamp",)),
    ),
    "in_view_empty": _question(
        "in_view", "What do you see?", _names(enough=0, nothing=True), now=8
    ),
    "at_start": _question(
        "at_start", "What did you see at the start?", _names("red sofa", "blue lamp", enough=2)
    ),
    "at_4": _question(
        "at_keyframe", "What was in view in keyframe 4?",
        _names("blue lamp", "yellow door", enough=2), about={"number": 4},
    ),
    "at_40": _question(
        "at_keyframe", "what's at #40", status="cannot_tell", accepted="not_seen",
        about={"number": 40},
    ),
    "together_lamp": _question(
        "together", "What else was in view with the lamp?",
        _names("red sofa", "yellow door", enough=2, also=("blue lamp",),
               keyframes=frozenset({0, 3, 4})),
        about=_thing("lamp"),
    ),
    "sofa_and_plant": _question(
        "ever_together", "Were the sofa and the green plant ever in view at the same time?",
        Facts(asked=("yes",), yes=True, keyframes=frozenset({1})),
        about=_pair("sofa", "green plant"),
    ),
    "sofa_and_door": _question(
        "ever_together", "Did you see the sofa and the door together?",
        Facts(asked=("yes",), yes=False), about=_pair("sofa", "door"),
    ),
    "inventory": _question(
        "inventory", "What have you seen so far?", _names(*sorted(MEMORY), enough=4)
    ),
    "name_three": _question(
        "name_some", "Name three things that you saw.", _names(*sorted(MEMORY), enough=3),
        about={"count": 3},
    ),
    "behind": _question(
        "around", "What is behind you?", _names("red sofa", "blue lamp", enough=1),
        about={"side": "back"},
    ),
    "left_open": _question(
        "around", "what do you have on the left of you",
        _names(enough=1, nothing=True), status="cannot_tell", accepted="not_seen",
        about={"side": "left"},
    ),
    "nearer": _question(
        "nearer", "Which is nearer, the lamp or the door?", _names("yellow door", enough=1),
        about=_pair("lamp", "door"),
    ),
    "nearer_open": _question(
        "nearer", "Is the lamp or the sofa the nearer one?", _names("blue lamp", enough=1),
        status="cannot_tell", about=_pair("lamp", "sofa"),
    ),
    "way_door": _question(
        "which_way", "Where's the door?", _directions("right"), about=_thing("door")
    ),
    "way_plant": _question(
        "which_way", "Could you point me to the pink plant?",
        _directions("front", "front-right"), about=_thing("pink plant"),
    ),
    "way_fridge": _question(
        "which_way", "wheres the fridge", status="not_seen", about=_thing("fridge")
    ),
    "way_sofa": _question(
        "way_back", "How do I get back to the sofa?", _directions("back"), about=_thing("sofa")
    ),
    "way_lamp": _question(
        "way_back", "Which way back to the lamp?", _directions("back-right"),
        about=_thing("lamp"),
    ),
    "way_start": _question(
        "way_start", "how do we get back to the start", _directions("back-left", "back"),
        status="cannot_tell",
    ),
    "far_door": _question(
        "how_far", "How far away is the door?",
        Facts(asked=("distances",), distances=frozenset({"near"})), about=_thing("door"),
    ),
    "far_plant": _question(
        "how_far", "Is the pink plant near or far?",
        Facts(asked=("distances",), distances=frozenset({"mid", "far"})),
        about=_thing("pink plant"),
    ),
    "turns_left": _question(
        "turns_side", "How often did you turn left?", Facts(asked=("number",), number=(3, 3)),
        about=_LEFT,
    ),
    "turns_all": _question(
        "turns_all", "How many turns did you make in all?", Facts(asked=("number",), number=(4, 4)),
        about={"side": ""},
    ),
    "ever_right": _question(
        "ever_turned", "Did you ever turn right?", Facts(asked=("yes",), yes=True), about=_RIGHT
    ),
    "before_door": _question(
        "did_before", "What did you do just before you first saw the door?",
        Facts(asked=("actions",), actions=frozenset({Action.ROTATE_RIGHT})), about=_thing("door"),
    ),
    "after_door": _question(
        "did_after", "What did you do right after you first saw the door?",
        Facts(asked=("actions",), actions=frozenset({Action.MOVE_FORWARD})), about=_thing("door"),
    ),
    "next_after_green": _question(
        "see_next", "After the green plant, what came into view next?",
        _names("yellow door", enough=1, also=("green plant",)), about=_thing("green plant"),
    ),
    "last_action": _question(
        "last_action", "What did you do last?",
        Facts(asked=("actions",), actions=frozenset({Action.ROTATE_LEFT}), degrees=(45.0, 75.0)),
        about={"number": 9},
    ),
    "action_at_8": _question(
        "action_at", "Which action led to keyframe 8?",
        Facts(asked=("actions",), actions=frozenset({Action.TILT_DOWNWARD}), degrees=(0.0, 30.0)),
        about={"number": 8},
    ),
    "sofa_or_door": _question(
        "order_first", "Which did you see first, the door or the sofa?",
        _names("red sofa", enough=1), about=_pair("door", "sofa"),
    ),
    "door_before_sofa": _question(
        "order_yes", "Did you see the door before the sofa?",
        Facts(asked=("yes",), yes=False, order=("red sofa", "yellow door")),
        about=_pair("door", "sofa"),
    ),
    "order_three": _question(
        "order_list", "In which order did you see the door, the sofa and the green plant?",
        Facts(asked=("order",), order=("red sofa", "green plant", "yellow door")),
        about=_pair("door", "sofa", "green plant"),
    ),
    "heavy_sofa": _question(
        "unknowable", "How heavy is the sofa?", status="cannot_tell", accepted="out_of_scope",
        about=_thing("sofa"),
    ),
    "weather": _question(
        "out_of_scope", "What's the weather like today?", status="out_of_scope"
    ),
    "sum": _question("out_of_scope", "What is 17 times 23?", status="out_of_scope"),
    "act": _question("out_of_scope", "Please turn around.", status="out_of_scope"),
    "joke": _question("out_of_scope", "Tell me a joke.", status="out_of_scope"),
}  # fmt: skip
