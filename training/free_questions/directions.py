"""Directions and distances in everyday words: "on the left, a bit ahead", "behind you", "close by".

A direction can be a place ("to your left"), a turn ("rotate right 135, move forward"), an angle in
degrees, or a clock position. A vague one ("turn left") yields every direction it may mean.

Out of scope: which clauses of an answer are about the present (`reading`).
"""

from __future__ import annotations

import re
from collections.abc import Callable

from embodied_agent.records import Direction, Distance
from sim_clips.journey import direction_class
from sim_clips.questions.free.standpoint import near_directions

Directions = frozenset[Direction]

_YOU = r"(?: of)?(?: you| me| us| the camera| here)?"
_A_BIT = r"(?:,| and| but)?(?: also)?(?: a bit| a little| slightly| somewhat| just| more| further)?"
_TO = r"(?: (?:off |over )?(?:to|on|towards?|at)(?: the| your| my| our)?)?"
_FRONT = rf"(?:(?:straight |right |directly |dead )?(?:in front|ahead|forwards?|front){_YOU})"
_BACK = rf"(?:(?:straight |right |directly |close )?(?:behind|back|rear){_YOU})"
_ON = r"(?:(?:off |over )?(?:to|on|at|towards?) (?:the |your |my |our )?)?"


def _mixed(first: str, side: str) -> str:
    """ "ahead to the left" and "on the left, a bit ahead"."""
    return (
        rf"{first}(?:[ -]|{_A_BIT}{_TO} ){side}\b(?! now)|"
        rf"\b{_ON}{side}(?: side| hand side|-hand side)?(?:[ -]|{_A_BIT} (?:to the |"
        rf"at the )?){first}"
    )


_COUNT = r"(\d{1,3}) ?(?:degrees?|deg)?"
#: The first rule wins: longer phrases come before the words that they contain.
_RULES: list[tuple[str, Callable[[re.Match[str]], Directions] | Directions]] = []


def _rule(pattern: str, *directions: Direction) -> None:
    _RULES.append((pattern, frozenset(directions)))


def _at(degrees: float) -> Directions:
    return near_directions(degrees)


_HOURS = ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven",
          "twelve")  # fmt: skip


def _by_clock(match: re.Match[str]) -> Directions:
    word = match.group(1)
    hour = int(word) if word.isdigit() else _HOURS.index(word) + 1
    return frozenset([direction_class(-30.0 * (hour % 12))])


def _left_or_right(degrees: str, side: str) -> Directions:
    return _at(float(degrees) if side == "left" else -float(degrees))


_RULES.append((rf"\b(1[0-2]|[1-9]|{'|'.join(_HOURS)}) ?o'? ?clock\b", _by_clock))
_RULES.append(
    (
        rf"\b{_COUNT} (?:to|on|towards) (?:the |your |my )?(left|right)\b",
        lambda m: _left_or_right(m.group(1), m.group(2)),
    )
)
_RULES.append(
    (
        rf"\b(?:turn|rotate|go|swing|spin)(?:ing)?(?: to the| to your)? (left|right)(?: by)?"
        rf"(?: about| around| roughly)? {_COUNT}",
        lambda m: _left_or_right(m.group(2), m.group(1)),
    )
)
_RULES.append(
    (
        r"\b(?:turn|rotate|swing|spin)(?:ing)? (?:by |about |around |"
        r"roughly )*(\d{1,3}) ?(?:degrees?)? "
        r"(?:to the )?(left|right)\b",
        lambda m: _left_or_right(m.group(1), m.group(2)),
    )
)
_rule(
    r"\bturn(?:ing)? (?:right |all the way |fully )?(?:a?round|about|back)(?: (?:180|a?round|"
    r"degrees))*\b|"
    r"\babout[- ]face\b|\bu-turn\b|\b180(?: degrees)?\b|\bgo(?:ing)? back the way\b|"
    r"\bopposite direction\b",
    "back",
)
_rule(r"\bover (?:your|my|the) left shoulder\b", "back-left")
_rule(r"\bover (?:your|my|the) right shoulder\b", "back-right")
# In "right behind you" it is an adverb, in "on the right, behind you" a side.
_NO_SIDE = r"(?<!the )(?<!your )(?<!my )(?<!our )(?<!to )(?<!on )"
_rule(rf"{_NO_SIDE}\bright (?:ahead|in front)\b", "front")
_rule(rf"{_NO_SIDE}\bright (?:behind|at (?:your|my|the) back)\b", "back")
for _side in ("left", "right"):
    _rule(_mixed(_BACK, _side), f"back-{_side}")  # type: ignore[arg-type]
    _rule(rf"\b(?:behind|rear)(?: and)?[- ]{_side}\b", f"back-{_side}")  # type: ignore[arg-type]
    _rule(_mixed(_FRONT, _side), f"front-{_side}")  # type: ignore[arg-type]
    _rule(
        rf"\b(?:half|forward|front|diagonally)[- ]{_side}\b|"
        rf"\b(?:slightly|a bit|a little|just|somewhat)(?: to the| to your| on the|"
        rf" on your)? {_side}\b|"
        rf"\b{_side} of (?:straight ahead|centre|center)\b",
        f"front-{_side}",  # type: ignore[arg-type]
    )
    _rule(
        rf"\b(?:hard|sharp|sharply|directly|exactly|straight) (?:to (?:the|your) )?{_side}\b",
        _side,
    )
    _rule(
        rf"\b(?:turn|rotate|go|bear|keep|swing|take)(?:ing)?(?: (?:to|a|the|your|next|"
        rf"first))* {_side}\b",
        f"front-{_side}", _side, f"back-{_side}",  # type: ignore[arg-type]
    )  # fmt: skip
_rule(
    r"\b(?:straight|dead|directly|right|just|further) (?:ahead|on|in front|forwards?)\b|"
    r"\b(?:in front|ahead|forwards?|front)\b|\bgo straight\b|^straight$|\bstraight to\b",
    "front",
)
_rule(
    r"\bbehind\b|\bbackwards?\b|\bat (?:your|my|the) (?:back|rear)\b|\b(?:to|in) the (?:rear|"
    r"back)\b|\brear\b|"
    r"(?<!come )(?<!came )(?<!get )(?<!got )(?<!go )(?<!going )(?<!way )(?<!look )(?<!looking )"
    r"\bback\b(?! (?:to|at|in|then|when|there|again|until|on|from))",
    "back",
)
_rule(
    r"(?<!had )(?<!have )(?<!has )(?<!i )(?<!we )(?<!was )\bleft\b(?! (?:turn|the|it|my|your|over|"
    r"open|"
    r"behind|view|unsaid))",
    "left",
)
_rule(
    r"(?<!that's )(?<!that is )(?<!you're )(?<!you are )(?<!all )(?<!quite )(?<!yes )\bright\b"
    r"(?! (?:turn|now|away|here|there|after|before|next|beside|at|where|then|by|up|when|as|one|"
    r"answer|from))",
    "right",
)
_COMPILED = [(re.compile(pattern), meaning) for pattern, meaning in _RULES]
#: Narrated movements and ends of turns, which are not directions to something.
_TOLD = re.compile(
    r"\buntil\b.*?\b(?:ahead|in front|straight)(?: of (?:you|me))?|"
    r"\b(?:after|since|when|once|having|by|before)\b(?: (?:i|you|we|it))?(?: (?:have|had|was|am))? "
    r"(?:turn|rotat|mov|go|drov|driv)\w*(?: (?:to|the|a|by|about|your))* (?:left|right|forwards?|"
    r"ahead|back"
    r"(?:wards?)?|around)(?: \d+(?: degrees)?)?|"
    r"\b(?:i|we|you)(?:'ve| have| had)? (?:just |then )?(?:turned|rotated|moved|went|drove|swung|"
    r"came)"
    r"(?: (?:to|the|a|by|about|your))* (?:left|right|forwards?|ahead|back(?:wards?)?|around)"
    r"(?: \d+(?: degrees)?)?"
)
#: "Turn …, then move forward" is a route; only the turn determines the direction.
_THEN_FORWARD = re.compile(
    r"(?:,|;| and| then|, and then)+ ?(?:then )?(?:move|go|drive|walk|head|keep going|carry on|"
    r"straight)"
    r"(?: straight)?(?: ahead| forwards?| on)?"
)

_NEAR = re.compile(
    r"\b(?:near(?:by)?|close(?: by| to you)?|next to (?:you|me)|within (?:easy )?reach|"
    r"not (?:very |too )?far|"
    r"a (?:few|couple of) steps|a short (?:way|distance)|right here|at hand)\b"
)
_MID = re.compile(
    r"\b(?:mid(?:dle)?(?:[ -](?:range|distance|way))?|medium|half ?way|moderate(?:ly)?|"
    r"neither near nor far|some way|at mid)\b"
)
_FAR = re.compile(
    r"(?<!not )(?<!not very )(?<!not too )(?<!as )(?<!so )\b(?:far(?: away| off)?|distant|"
    r"a long way|a good way off)\b"
    r"(?! as)"
)


def directions_in(text: str) -> list[Directions]:
    """Every direction in a clause, in order, each as the set of directions it may mean."""
    text = _TOLD.sub(" ", text)
    turned = re.search(r"\b(?:turn|rotate|swing|spin|bear)\b", text)
    if turned:
        text = text[: turned.start()] + _THEN_FORWARD.sub(" ", text[turned.start() :])
    places: list[tuple[int, Directions]] = []
    for pattern, meaning in _COMPILED:
        for match in pattern.finditer(text):
            if not match.group().strip():
                continue
            places.append((match.start(), meaning(match) if callable(meaning) else meaning))
        text = pattern.sub(lambda m: " " * len(m.group()), text)
    return [directions for _, directions in sorted(places, key=lambda p: p[0])]


def distances_in(text: str) -> frozenset[Distance]:
    """Every distance class that a clause mentions."""
    distances: set[Distance] = set()
    for pattern, distance in ((_MID, "mid"), (_NEAR, "near"), (_FAR, "far")):
        if pattern.search(text):
            distances.add(distance)  # type: ignore[arg-type]
            text = pattern.sub(" ", text)
    return frozenset(distances)
