"""Questions about what was done before or after a motion: "after it sank down, what did it do next?",
"what did you do before you turned left the first time?".

Out of scope: what was done before or after a thing was seen (`readers_of_time`), what was seen while the
robot moved (`readers_without_names`), answers (`about_motion_order`).
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from embodied_agent.records import Action
from embodied_agent.rules.asked import Asked
from embodied_agent.rules.vocabulary import word_set

_IT = r"(?:you|we|it|(?:the |your )?(?:robot|drone|camera|rover))"
_GO = (
    r"(?:mov|go|going|gone|went|driv|drove|roll|walk|step|fly|flew|flown|pull|came|come|coming)\w*"
)
_TURN = r"(?:turn|rotat|spin|spun|swivel|swing|swung|swerv|veer|pivot)\w*"
_LOOK = r"(?:look|tilt|glanc|pitch|point)\w*(?: (?:your|its|the) (?:camera|head|view|gaze|lens))?"
_MOVE = r"(?:move|motion|movement|step|bit)"
_MOTIONS: tuple[tuple[tuple[Action, ...], str], ...] = (
    (
        (Action.MOVE_BACKWARD,),
        rf"{_GO} (?:a (?:bit|little) |straight )?backwards?|(?:mov|driv|drove|roll|step|pull|fly|flew)\w* back|"
        r"back(?:ed|ing)(?: up| off| away| out)?|back up|"
        rf"revers(?:ed|e|ing)(?: {_MOVE})?|backwards? {_MOVE}",
    ),
    (
        (Action.MOVE_DOWNWARD,),
        rf"{_GO} (?:a (?:bit|little) |straight )?down(?:wards?)?|(?:sank|sunk|sinked|sink|sinking|descend\w*|dropp\w+)"
        rf"(?: down)?|descent|downwards? {_MOVE}",
    ),
    (
        (Action.MOVE_UPWARD,),
        rf"{_GO} (?:a (?:bit|little) |straight )?up(?:wards?)?|(?:rose|risen|rise|rising|climb\w*|ascend\w*)"
        rf"(?: up)?|ascent|upwards? {_MOVE}",
    ),
    (
        (Action.TILT_DOWNWARD,),
        rf"{_LOOK} (?:straight )?down(?:wards?)?|bow(?:ed|ing) (?:your|its) head|downwards? tilt|tilt down",
    ),
    (
        (Action.TILT_UPWARD,),
        rf"{_LOOK} (?:straight )?up(?:wards?)?|rais(?:ed|ing) (?:your|its) head|upwards? tilt|tilt up",
    ),
    (
        (Action.ROTATE_LEFT,),
        rf"{_TURN} (?:to (?:the|your|its) )?left(?:wards?)?|left(?:-hand)? (?:turn|rotation)",
    ),
    (
        (Action.ROTATE_RIGHT,),
        rf"{_TURN} (?:to (?:the|your|its) )?right(?:wards?)?|right(?:-hand)? (?:turn|rotation)",
    ),
    (
        (Action.MOVE_LEFT,),
        rf"(?:{_GO}|slid|slide|sliding|strafe\w*|strafing|shift\w*) (?:sideways )?(?:to (?:the|your|its) )?left",
    ),
    (
        (Action.MOVE_RIGHT,),
        rf"(?:{_GO}|slid|slide|sliding|strafe\w*|strafing|shift\w*) (?:sideways )?(?:to (?:the|your|its) )?right",
    ),
    (
        (Action.MOVE_FORWARD,),
        rf"(?:{_GO}|advanc\w*) (?:straight )?(?:forwards?|ahead|straight)|advanc(?:ed|ing)|forwards? {_MOVE}",
    ),
    (
        (Action.ROTATE_LEFT, Action.ROTATE_RIGHT),
        r"(?:turned|rotated|spun|swivelled|turning|rotating|turn|rotation)(?! (?:a?round|back|on|off|up|down)\b)",
    ),
)  # fmt: skip
_NAMED = tuple((actions, re.compile(rf"(?:{words})(?!\w)")) for actions, words in _MOTIONS)
_SOON = r"(?:(?:right|straight|just|immediately|directly|shortly|once|only) )*"
_CLAUSE = re.compile(
    rf"\b{_SOON}(?P<joint>after|before|once|following|prior to|as soon as|when) "
    rf"(?:(?:{_IT}|the|your|its|that|this|a|an|had|have|has|were|was|just|first|last|second|third|latest|only|one) )*"
)
_DEED = re.compile(
    rf"\bwhat (?:did|have|had|has|was|were) {_IT} (?:just |then |next )?(?:do|done|doing)\b|"
    r"\bwhat (?:came|happened)\b|"
    rf"\bhow did {_IT} (?:move|go on|continue)\b|"
    rf"\bwhat did {_IT} (?=next\b|then\b)|"
    r"\b(?:what|which) (?:was|is) (?:your|the|its) (?:next |following |previous |very next |last |first |very first |very last )?(?:move|motion|movement|action|step|manoeuvre)\b|"
    rf"\b(?:what|which) (?:move|motion|movement|action|step|manoeuvre)(?: (?:came|followed|was|did {_IT} (?:do|make|take)))?\b"
)
_THEN = re.compile(
    rf"\b{_SOON}(?:(?P<joint>after|before|following) (?:that|it|this)\b|(?P<last>before)$|(?P<late>next|then|afterwards|thereafter)\b|"
    r"(?P<early>beforehand)\b)"
)
_STATED = re.compile(rf"^(?:\w+ ){{0,4}}?{_IT} (?:(?:had|have|once|also|did|just|first) )*")
_WHICH = (
    (0, re.compile(r"\bfirst\b")),
    (-1, re.compile(r"\b(?:last|latest|most recent)\b")),
    (1, re.compile(r"\bsecond\b")),
    (2, re.compile(r"\bthird\b")),
)
#: What may be left of such a question without its parts.
_FILLERS = word_set(
    "so and no listen ok okay well um uh hm please pls tell me us say the at some one point once for first last "
    "second third time latest next then straight right just immediately directly shortly after afterwards that it "
    "this there exactly you your its did was i mean know think believe now in moment a"
)


def read_motion_order(words: Sequence[str]) -> Asked | None:
    """The question as understood by these patterns; ``None`` for all others. ``words``: as
    `tokens.tokens_of` gives them."""
    text = " ".join(word for word in words if word != ",")
    deed = _DEED.search(text)
    if deed is None:
        return None
    rest = f"{text[: deed.start()]} , {text[deed.end() :]}"
    for clause in _CLAUSE.finditer(rest):
        found = _motion_at(rest, clause.end())
        if found is None:
            continue
        actions, end = found
        left = f"{rest[: clause.start()]} {rest[end:]}"
        then = _THEN.search(f"{deed.group()} {left}")
        if clause["joint"] == "when" and then is None:
            return None
        early = clause["joint"] in ("before", "prior to")
        return _asked(actions, f"{clause.group()} {left}", left, early=early)
    return _read_stated(text[: deed.start()], text[deed.start() :], text[deed.end() :])


def _read_stated(before: str, deed: str, after: str) -> Asked | None:
    """ "You backed up at some point, what did you do straight after that?"."""
    stated, then = _STATED.search(before), _THEN.search(deed)
    if stated is None or then is None:
        return None
    found = _motion_at(before, stated.end())
    if found is None:
        return None
    actions, end = found
    early = then["joint"] == "before" or bool(then["early"] or then["last"])
    # The time of the other motion: "the first time" belongs to what is stated.
    left = f"{before[: stated.start()]} {before[end:]} {after}".replace("before", " ")
    return _asked(actions, f"{stated.group()} {before[end:]}", left, early=early)


def _motion_at(text: str, start: int) -> tuple[tuple[Action, ...], int] | None:
    """The motion that a text names from ``start`` on, and where its words end."""
    for actions, words in _NAMED:
        found = words.match(text, start)
        if found is not None:
            return actions, found.end()
    return None


def _asked(actions: tuple[Action, ...], which: str, left: str, *, early: bool) -> Asked | None:
    if not set(left.replace(",", " ").split()) <= _FILLERS:
        return None
    ordinal = next((number for number, words in _WHICH if words.search(which)), None)
    return Asked("done_beside", actions=actions, ordinal=ordinal, reverse=early)
