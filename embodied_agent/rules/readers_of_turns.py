"""Questions about what would be in view after a motion that has not been made: "turn around and tell
me what you see", "if I turned left, would the bed be ahead of me?".

They say "see", and would otherwise be answered with the present view, or with what was seen during
such a motion in the past.

Out of scope: turns that were made (`readers_of_time`, `readers_without_names`), the answers
(`about_turns`).
"""

from __future__ import annotations

import re
from dataclasses import replace

from embodied_agent.rules import cues
from embodied_agent.rules.asked import Asked, Side
from embodied_agent.rules.names import Named
from embodied_agent.rules.readers_of_time import make

_WHO = r"(?:you|we|i|one|the robot|the camera)"
_KEEP = r"(?:keep|kept|continue|continued|carry on|carried on|go on|went on) (?:turning|rotating|spinning|swivelling)"
_TURN = r"(?:turn|rotate|spin|swivel|pivot|face|look|swing)"
_TURNED = r"(?:turned|rotated|spun|swivelled|pivoted|faced|looked|swung)"
_SIDED = r"(?:(?:to|towards?|on) )?(?:(?:the|my|your|our) )?(?P<side>left|right)"
_DEGREES = r"(?:by )?(?:another )?N(?: degrees?| deg)?"
_BACK = (
    r"(?:all the way |right |back )?(?:around|round)|back|backwards|behind(?: (?:you|me|us))?|"
    r"the (?:other|opposite) (?:way|direction|side)|over (?:your|my|the) shoulder"
)


def _turn(verbs: str, make_it: str) -> str:
    """A turn, as in "turn to the left by 45 degrees", "do a 180" or "look behind you"."""
    return (
        rf"(?:{verbs} (?:{_DEGREES} )?{_SIDED}(?: (?:side )?{_DEGREES})?|{verbs} (?:(?:{_BACK})"
        rf"(?: {_DEGREES})?|{_DEGREES})|{make_it} (?:a |an )?(?:{_DEGREES}(?: turn)?|"
        r"u-turn|about[- ]turn|about-face|half[- ]turn))"
    )


#: Any other motion: where it would lead is not known.
_A_MOVE = (
    r"(?:(?:go|went|move|moved|drive|drove|walk|walked|roll|step|stepped|advance|advanced|come|fly|flew|back) "
    r"(?:up |on |a (?:bit|little|few (?:steps|metres|meters)) |N (?:steps?|metres?|meters?|m) )?"
    r"(?:forwards?|ahead|straight(?: (?:on|ahead))?|backwards?|back|up|down|closer|nearer|on|left|right|"
    r"through|past|(?:over |up |back |closer )?to(?:wards?)?|into|outside|inside|sideways)|"
    r"(?:look|looked|tilt|tilted) (?:straight )?(?:up|down)(?:wards?)?|reverse)"
)
_ORDERED = (
    r"^(?:(?:can|could|would|will) you (?:please )?|i (?:want|need|would like) you to |please |now |"
    r"go and |try to |quickly )?"
)
_SUPPOSED = (
    rf"(?:^(?:let us )?say|\b(?:if|suppose|supposing|assuming|imagine))(?: that)? {_WHO} (?:were to |should |would |will |had to |"
    r"could |now |just |then )?"
)
#: What an order ends in, if it asks what there is afterwards.
_ASKS = re.compile(
    r"\b(?:tell|say|describe|report|list|name|show|see|view|what|where|which|who|anything|check|whether|"
    r"is|are|do you|can you|let me know)\b"
)
_TO_COME = re.compile(r"\b(?:will|would|shall|should|could|might|going to|can|expect)\b")
_TURN_ORDERED = re.compile(rf"{_ORDERED}{_turn(_TURN, '(?:do|make)')}\b")
_TURN_SUPPOSED = re.compile(
    rf"{_SUPPOSED}{_turn(f'(?:{_TURN}|{_TURNED}|{_KEEP})', '(?:do|did|make|made)')}\b"
)
_TURN_TO_COME = re.compile(
    rf"\b(?:when|once|after|by the time|as soon as) {_WHO} {_turn(_TURN, '(?:do|make)')}\b"
)
_AFTER_TURNING = re.compile(
    rf"\b(?:after|by|on|upon|when) (?:turning|rotating|spinning|facing|looking) (?:{_SIDED}|{_BACK})\b"
)
_MOVE_ORDERED = re.compile(rf"{_ORDERED}{_A_MOVE}\b")
_MOVE_SUPPOSED = re.compile(rf"{_SUPPOSED}{_A_MOVE}\b|\bif {_WHO} (?:moved|move|went on|go on)$")
#: An order to go somewhere ends in the wish to know what is there.
_AND_THEN = re.compile(
    r"\b(?:and|then|to)\b (?:then )?(?:tell|say|describe|report|list|name|check|let me know|look)\b.*"
    rf"\b(?:{_WHO} (?:can |could |will |would )?see|is there|in view|in sight|ahead|in front)\b|"
    r"\b(?:and|then) (?:then )?describe\b|\bwhat (?:do|can|will|would) you see\b"
)
#: To look around is to see what there is, and to look back may be to remember.
_LOOKING = re.compile(r"\blook(?:ed)? a?round\b")
_LOOKING_BACK = re.compile(r"\blook(?:ed)? back$")
_MADE = re.compile(r"\b(?:did|have|had|saw|seen|was|were)\b")
_WHERE = re.compile(r"\b(?:where|which way|what direction|which direction|which side)\b")
_QUARTERS: tuple[Side, ...] = ("front", "left", "back", "right")


def read_turn(named: Named) -> Asked | None:
    """The question as understood by one of these patterns; ``None`` for all others."""
    pattern = named.pattern
    if "KF" in pattern or len(named.things) > 1 or cues.has(pattern, "from here|until|till"):
        return None
    turn = _turn_in(pattern)
    if turn is None:
        return make(named, "after_move") if _is_move(pattern) else None
    degrees = _degrees(turn, named)
    if degrees is None:
        return make(named, "after_move")
    rest = f"{pattern[: turn.start()]} {pattern[turn.end() :]}"
    side = cues.side_in(rest)
    named = replace(named, numbers=())
    if named.things:
        family = "where_after_turn" if _WHERE.search(pattern) and side is None else "after_turn"
        return make(named, family, side=side, turn_deg=degrees)  # type: ignore[arg-type]
    if degrees % 90:
        return make(named, "after_turn", side=side, turn_deg=degrees)
    quarters = round(degrees / 90) + _QUARTERS.index(side or "front")
    return make(named, "around", side=_QUARTERS[quarters % len(_QUARTERS)])


def _turn_in(pattern: str) -> re.Match[str] | None:
    """The turn that a question supposes, orders or expects."""
    if re.search(r"\bleft\b.*\bor\b.*\bright\b|\bright\b.*\bor\b.*\bleft\b", pattern):
        return None  # it asks which of them
    turn = _TURN_SUPPOSED.search(pattern)
    ordered = _TURN_ORDERED.search(pattern)
    if turn is None and ordered is not None and _ASKS.search(pattern[ordered.end() :]):
        turn = ordered
    if turn is None and _TO_COME.search(pattern):
        turn = _TURN_TO_COME.search(pattern) or _AFTER_TURNING.search(pattern)
    if turn is None or _LOOKING.search(turn.group()):
        return None
    return None if _LOOKING_BACK.search(turn.group()) and _MADE.search(pattern) else turn


def _is_move(pattern: str) -> bool:
    if _MOVE_SUPPOSED.search(pattern) and cues.SEE.search(pattern):
        return True
    ordered = _MOVE_ORDERED.search(pattern)
    return ordered is not None and bool(_AND_THEN.search(pattern[ordered.end() :]))


def _degrees(turn: re.Match[str], named: Named) -> float | None:
    """By how much the turn goes to the left, in degrees; ``None`` if it does not say which way."""
    size: float | None = None
    if re.search(r"\bN\b", turn.group()):
        before = re.findall(r"\b(?:N|one)\b", turn.string[: turn.start()])
        size = float(named.numbers[len(before)])
    side = turn.groupdict().get("side")
    if side is None:
        return 180.0 if size in (None, 180.0) else None
    size = 90.0 if size is None else size
    return size if side == "left" else -size
