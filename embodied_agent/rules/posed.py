"""What a question with choices asks, as far as notes can be asked whether they settle it.

The shape of the choices says most of it: directions, actions, routes, steps of a plan, things, or
orders of things. The question's words give the rest: which things, which turn, how many actions.
Whatever else a question says that is not understood makes it one that nobody can check.

Out of scope: whether the notes settle it (`settling`), the answer in free words (`rulebook`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from embodied_agent.records import DIRECTIONS, Action, direction_at
from embodied_agent.rules.choosing import action_in, bearing_in
from embodied_agent.rules.derivation import route_to
from embodied_agent.rules.matched import matched
from embodied_agent.rules.names import names_in
from embodied_agent.rules.notes import Notes, Thing, name_key
from embodied_agent.rules.phrases import Phrase
from embodied_agent.rules.tokens import tokens_of

#: A question about another time than now.
_THEN = re.compile(
    r"\b(?:was|were|did|had|at first|first|last time|in the beginning|at the (?:start|beginning|end)|"
    r"earlier|before|until|ago|keyframe|frame|picture|kf)\b|#\s?\d"
)
_WOULD = re.compile(
    r"\b(?:if|suppos\w+|imagin\w+|assum\w+|would|were to|after|once|when|then|had you|having)\b"
)
_TURN = re.compile(
    r"\b(?:turn|rotat|spin|spun|pivot|swivel|yaw)\w*\s+(?:around\s+)?(?:by\s+)?"
    r"(?:(?P<before>\d+)\s*(?:degrees?|deg|°)\s+)?(?:on the spot\s+)?(?:to\s+)?(?:the\s+|your\s+)?"
    r"(?P<side>left|right|clockwise|anti-?clockwise|counter-?clockwise)\b"
    r"(?:\s+(?:by\s+)?(?P<after>\d+)\s*(?:degrees?|deg|°)?)?"
    r"|\b(?P<of>left|right)(?:-hand)? (?:turn|rotation)\b"
)
_ABOUT_TURN = re.compile(
    r"\b(?:turn(?:ed|ing)? (?:around|round|back)|about-?turn|u-turn|face the other way)\b"
)
_LEFT_OUT = re.compile(
    r"\b(?:left out|leave out|leaving out|skip\w*|omit\w*|without|not (?:done|made|taken|turned|"
    r"rotated)|(?:had|did|have)(?: you)? not|(?:hadn't|didn't))\b"
)
_MOVED = re.compile(
    r"\b(?:mov|go|went|gone|walk|driv|step|advanc|back|reverse|fly|tilt|look)\w*\s+(?:\w+\s+)?"
    r"(?:forward|backward|ahead|back|up|down|left|right|on|past|along|metres?|meters?|steps?)"
)
_TO_IT = re.compile(
    r"\b(?:to|towards?|reach\w*|approach\w*|fac\w+|at|find|visit\w*|near|for)\b(?: the| a| an)? X"
)
_UNDO = re.compile(
    r"\b(?:undo\w*|undid|take[sn]? (?:it |that |this )?back|revers\w+|revert\w*|cancel\w*|mistake|"
    r"retrac\w+|back to (?:where|how))\b|\btakes? back\b"
)
_BACK = re.compile(
    r"\b(?:back to|takes? back|retrac\w+|return|undo\w*|revers\w+|revert\w*|retreat\w*)\b"
)
_COUNTS = {"two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8}
_MOVES = re.compile(
    rf"\b(?P<n>\d+|{'|'.join(_COUNTS)}) (?:last |latest |previous )?(?:actions?|steps?|moves?|movements?)\b"
)
_NEAREST = re.compile(
    r"\b(?:near(?:er|est)|close(?:r|st)|least (?:far|distant)|less (?:far|distant)|"
    r"shortest distance)\b"
)
_FARTHEST = re.compile(r"\b(?:(?:far|fur)th(?:er|est)|most (?:far|distant)|farthermost)\b")
_ORDER = re.compile(r"\b(?:order|sequence|first|appear\w*|came|come|earliest)\b")
_REVERSED = re.compile(r"\b(?:last to first|latest first|reverse|most recent)\b")
_BETWEEN = re.compile(r"\s*(?:,\s*(?:and\s+|then\s+)*|->|→|;|\bthen\b|\bfollowed by\b)\s*")
_STEP = re.compile(r"(?:step|number|no\.?)?\s*(\d+)")
_PLANNED = re.compile(r"\b(\d+)[.):]?\s+([a-z][a-z ]*?)(?=\s*(?:[,;.?]|$))")
_AT = r"(?:at|by|beside|near|next to|from|on)(?: the| a| an)? X"
_FACING = (
    r"(?:fac\w+|look\w*(?: at| to| towards?)?|towards?|turned to(?:wards?)?|with)(?: the| a| an)? X"
)
_FRAMES = re.compile(rf"(?P<at>\b{_AT})|(?P<facing>\b{_FACING})|X")
_DEGREES = re.compile(r"\d+")


@dataclass(frozen=True, slots=True)
class Posed:
    """A question as `derivation.possible` takes it.

    Attributes:
        kind: its type.
        about: what it is about; things by their key.
        options: the choices in the terms of the rules, in their order.
        unknown: things that it is about and that the notes have no trace of.
    """

    kind: str
    about: Mapping[str, Any]
    options: tuple[str, ...]
    things: tuple[Thing, ...] = ()
    unknown: tuple[Phrase, ...] = ()


@dataclass(slots=True)
class _Things:
    """The things that words name, and those that the notes don't have; ``unsure``: something in
    them may mean several things."""

    pattern: str = ""
    named: list[Thing | Phrase] = field(default_factory=list)
    unsure: bool = False

    @property
    def known(self) -> tuple[Thing, ...]:
        return tuple(one for one in self.named if not isinstance(one, Phrase))

    @property
    def unknown(self) -> tuple[Phrase, ...]:
        return tuple(one for one in self.named if isinstance(one, Phrase))


def posed(text: str, options: Sequence[str], notes: Notes) -> Posed | None:
    """What a question asks; ``None`` where that can't be told from its choices and words.

    Args:
        text: the question.
        options: its choices, without one that says that the memory does not tell.
        notes: the memory, with at least one delta.
    """
    plain = [
        " ".join(option.casefold().replace("’", "'").split()).strip(" .") for option in options
    ]
    words = " ".join(text.casefold().replace("’", "'").split())
    if len(plain) < 2:
        return None
    for read in (_of_steps, _of_directions, _of_actions, _of_routes, _of_things, _of_orders):
        found = read(words, plain, notes)
        if found is not None:
            return found if len(set(found.options)) == len(found.options) else None
    return None


def _things_in(text: str, notes: Notes) -> _Things:
    named = names_in(tokens_of(text, mend=False), notes.nouns)
    found = _Things()
    pattern = named.pattern
    for phrase, known in zip(named.things, named.known, strict=True):
        one: Thing | Phrase | None = None
        if not phrase.is_generic:
            result = matched(phrase, notes)
            if len(result.things) == 1:
                one = result.things[0]
            elif (
                result.things
                or result.no_colour
                or result.unsaid
                or result.within
                or result.observed
            ):
                found.unsure = True
            elif known or phrase.colours:  # none, or only in another colour
                one = phrase
        if one is None:
            pattern = pattern.replace("X", "Y", 1)
        else:
            pattern = pattern.replace("X", "\0", 1)
            found.named.append(one)
    found.pattern = pattern.replace("\0", "X").replace("Y", "thing")
    return found


def _key(one: Thing | Phrase) -> str:
    return name_key(one.text if isinstance(one, Phrase) else one.name)


def _of_things_named(
    kind: str, about: Mapping[str, Any], options: Sequence[str], things: _Things
) -> Posed | None:
    if things.unsure:
        return None
    return Posed(kind, about, tuple(options), things.known, things.unknown)


def _of_steps(text: str, options: Sequence[str], notes: Notes) -> Posed | None:
    """Which step of a plan from the start is done?"""
    numbers = [_STEP.fullmatch(option) for option in options]
    planned = [(int(n), action_in(words)) for n, words in _PLANNED.findall(text)]
    plan = [action for _, action in planned if action is not None]
    in_order = [number for number, _ in planned] == list(range(1, len(planned) + 1))
    if len(plan) < 2 or not in_order or len(plan) < len(planned):
        return None
    steps = [f"step {number[1]}" for number in numbers if number is not None]
    if len(steps) < len(options):
        return None
    return Posed("progress_evaluation", {"plan": plan}, tuple(steps))


def _of_directions(text: str, options: Sequence[str], notes: Notes) -> Posed | None:
    """Where is it, now or after a turn, or seen from somewhere else?"""
    bearings = [None if len(option.split()) > 6 else bearing_in(option) for option in options]
    known = [bearing for bearing in bearings if bearing is not None]
    if len(known) < len(options) or any(action_in_route(option) for option in options):
        return None
    directions = [direction_at(bearing) for bearing in known]
    things = _things_in(text, notes)
    if len(things.named) == 3:
        return _seen_from(things, directions)
    if len(things.named) != 1:
        return None
    about: dict[str, Any] = {"name": _key(things.named[0])}
    # "left" beside "front-left" is a narrower word than beside "right" alone.
    nearest = {} if all(option in DIRECTIONS for option in options) else {"nearest": True}
    rest = text
    if _WOULD.search(text) or _LEFT_OUT.search(text):
        turn, around = _TURN.search(text), _ABOUT_TURN.search(text)
        if _LEFT_OUT.search(text) and turn is not None and re.search(r"\b(?:last|latest)\b", text):
            about["skipped"] = Action.ROTATE_LEFT if _is_left(turn) else Action.ROTATE_RIGHT
        elif _LEFT_OUT.search(text) or _MOVED.search(_TURN.sub(" ", text)):
            return None
        elif turn is not None:
            angle = turn["before"] or turn["after"]
            about |= {"left": _is_left(turn), "angle": float(angle) if angle else 90.0}
        elif around is not None:
            about |= {"left": True, "angle": 180.0}
        elif re.search(r"\b(?:if|suppos\w+|imagin\w+|had|after|once|when)\b", text):
            return None
        rest = ""
    if _THEN.search(rest):
        return None
    kind = "counterfactual" if len(about) > 1 else "landmark_position"
    return _of_things_named(kind, about | nearest, directions, things)


def _is_left(turn: re.Match[str]) -> bool:
    return (turn["side"] or turn["of"]).startswith(("left", "anti", "counter"))


def _seen_from(things: _Things, directions: Sequence[str]) -> Posed | None:
    """From the one thing, facing another, where is the third?"""
    if not set(directions) <= {"front-left", "front-right", "back-left", "back-right"}:
        return None
    roles = [
        "at" if found["at"] else "facing" if found["facing"] else "asked"
        for found in _FRAMES.finditer(things.pattern)
    ]
    if sorted(roles) != ["asked", "at", "facing"]:
        ahead = re.search(r"X (?:is )?(?:straight )?ahead|X in front", things.pattern)
        if roles.count("at") != 1 or ahead is None:
            return None
        place = things.pattern[: ahead.start() + 1].count("X") - 1
        roles = [role if role == "at" else "asked" for role in roles]
        roles[place] = "facing"
    if sorted(roles) != ["asked", "at", "facing"]:
        return None
    about = {role: _key(one) for role, one in zip(roles, things.named, strict=True)}
    return _of_things_named("relative_direction", about, directions, things)


def action_in_route(option: str) -> bool:
    """Whether an option says what to do rather than where something is."""
    return bool(re.match(r"(?:move|rotate|turn|tilt|go|drive|walk|step|spin|back up)\b", option))


def _of_actions(text: str, options: Sequence[str], notes: Notes) -> Posed | None:
    """Which action comes next, to get to a thing or to undo the last one?"""
    actions = [action_in(option) for option in options]
    known = [action for action in actions if action is not None]
    single = all(len(_BETWEEN.split(option)) == 1 for option in options)
    if len(known) < len(options) or not single or not all(map(action_in_route, options)):
        return None
    names = [action.value for action in known]
    things = _things_in(text, notes)
    if len(things.named) == 1 and _TO_IT.search(things.pattern) and not _UNDO.search(text):
        if any(_DEGREES.search(option) for option in options):
            return None
        about = {"name": _key(things.named[0])}
        return _of_things_named("action_generation", about, names, things)
    if not things.named and not things.unsure and _UNDO.search(text) and not _MOVES.search(text):
        return Posed("action_generation", {"undo": True}, tuple(names))
    return None


def _of_routes(text: str, options: Sequence[str], notes: Notes) -> Posed | None:
    """Which way to a thing, or back to where the camera was?"""
    parts = [[part for part in _BETWEEN.split(option) if part] for option in options]
    steps = [[action_in(part) for part in option] for option in parts]
    if not all(map(action_in_route, options)) or any(None in option for option in steps):
        return None
    things = _things_in(_MOVES.sub(" ", text), notes)
    if len(things.named) == 1 and not _MOVES.search(text):
        routes = [_way(option) for option in parts]
        known = [route for route in routes if route is not None]
        if len(known) < len(options):
            return None
        about = {"name": _key(things.named[0])}
        return _of_things_named("route_planning", about, known, things)
    moves = _MOVES.search(text)
    if things.named or things.unsure or moves is None or not _BACK.search(text):
        return None
    count = _COUNTS.get(moves["n"]) or int(moves["n"])
    names = tuple(", ".join(a.value for a in option if a is not None) for option in steps)
    return Posed("route_planning", {"back": count}, names)


def _way(parts: Sequence[str]) -> str | None:
    """A turn and a way forward, as `route_to` writes it."""
    if not parts or action_in(parts[-1]) is not Action.MOVE_FORWARD or len(parts) > 2:
        return None
    if len(parts) == 1:
        return route_to("front")
    turn, angle = action_in(parts[0]), _DEGREES.search(parts[0])
    if turn not in (Action.ROTATE_LEFT, Action.ROTATE_RIGHT):
        return None
    degrees = float(angle.group()) if angle else 90.0
    bearing = degrees if turn is Action.ROTATE_LEFT else -degrees
    return route_to(direction_at(bearing)) if direction_at(bearing) in DIRECTIONS else None


def _of_things(text: str, options: Sequence[str], notes: Notes) -> Posed | None:
    """Which of these is the nearest from here?"""
    named = [_things_in(option, notes) for option in options]
    if not all(len(one.named) == 1 and not one.unsure for one in named):
        return None
    near, far = _NEAREST.search(text), _FARTHEST.search(text)
    if bool(near) == bool(far) or _THEN.search(text):
        return None
    chosen = [one.named[0] for one in named]
    keys = [_key(one) for one in chosen]
    asked = _things_in(text, notes)
    if asked.unsure or not {_key(one) for one in asked.named} <= set(keys):
        return None  # nearest to something else
    things = _Things(named=chosen)
    return _of_things_named("relative_distance", {"farthest": bool(far)}, keys, things)


def _of_orders(text: str, options: Sequence[str], notes: Notes) -> Posed | None:
    """In which order did these come into view?"""
    if not _ORDER.search(text) or _REVERSED.search(text):
        return None
    orders = [[_things_in(part, notes) for part in _BETWEEN.split(o) if part] for o in options]
    if not all(len(one.named) == 1 and not one.unsure for order in orders for one in order):
        return None
    keys = [[_key(one.named[0]) for one in order] for order in orders]
    if len(keys[0]) < 2 or any(set(order) != set(keys[0]) for order in keys):
        return None
    things = _Things(named=[one.named[0] for one in orders[0]])
    names = tuple(", ".join(order) for order in keys)
    return _of_things_named("appearance_order", {"names": keys[0]}, names, things)
