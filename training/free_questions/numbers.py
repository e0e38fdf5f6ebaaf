"""Numbers, keyframes and actions in everyday words: "twice", "in keyframe 4", "I turned left".

Out of scope: which question they answer (`reading`).
"""

from __future__ import annotations

import re

from embodied_agent.records import Action
from sim_clips.questions.free.words import ALL_COLOURS

_WORDS = {
    "zero": 0, "none": 0, "never": 0, "one": 1, "once": 1, "single": 1, "two": 2, "twice": 2,
    "couple": 2, "three": 3, "thrice": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8,
    "nine": 9, "ten": 10, "eleven": 11, "twelve": 12, "thirteen": 13, "fourteen": 14,
    "fifteen": 15, "sixteen": 16, "seventeen": 17, "eighteen": 18, "nineteen": 19, "twenty": 20,
}  # fmt: skip
_KEYFRAME = (
    r"(?:keyframes?|frames?|pictures?|images?|entry|entries|views?)(?: (?:number|no\.?))? ?|# ?|"
    r"(?:keyframes?|frames?) # ?"
)
_N = rf"(?:\d+|{'|'.join(_WORDS)})\b"
_RANGE = re.compile(rf"(?:{_KEYFRAME})#?({_N})(?: ?(?:-|to|until|through) ?#?({_N}))")
_LIST = re.compile(rf"(?:{_KEYFRAME})#?({_N})(?:(?:,| and|, and| or) (?:keyframe )?#?({_N}))*")
#: "Right after keyframe 2" does not mean keyframe 2.
_BESIDE = re.compile(rf"\b(?:after|before|following) (?:{_KEYFRAME})#?{_N}")
_ORDINAL_FIRST = re.compile(
    r"\b(?:the )?(?:very )?(?:first|initial|starting|opening) (?:keyframe|frame|view|picture|"
    r"image)\b|"
    r"\b(?:at|from|in|since) the (?:very )?(?:start|beginning|outset)\b|\binitially\b|"
    r"\bwhen (?:i|we) (?:started|set off|began)\b|\bright from the (?:start|beginning)\b"
)
_ORDINAL_LAST = re.compile(
    r"\b(?:the )?(?:latest|last|current|present|newest|most recent) (?:keyframe|frame|view|"
    r"picture|image)"
    r"\b|\b(?:just|right) now\b|\bat (?:the|this) moment\b|\bcurrently\b|\bstill (?:see|"
    r"in (?:view|sight)|"
    r"visible)\b|\b(?:i see|i'm seeing|i am seeing|i can see) it\b|\bnow\b|\bat present\b"
)
_AGO = re.compile(r"\b(\w+) (?:keyframes?|frames?) (?:ago|earlier|back|before)\b")
_BEFORE_LAST = re.compile(
    r"\b(?:the )?(?:previous|preceding) (?:keyframe|frame|view|picture)\b|"
    r"\bthe one before (?:this|now)\b"
)
_DEGREES = re.compile(r"\b(\d{1,3})(?: ?(?:degrees?|deg)\b)")
_TURN_ANGLE = re.compile(
    r"\b(?:rotat|turn|tilt)\w*(?: (?:to|the|left|right|up|down|upwards?|downwards?|by|about|"
    r"around))+ "
    r"(\d{1,3})\b"
)
_NUMBER = re.compile(rf"(?<![\w#.-])(?:\d+(?=x\b)|(?:\d+|{'|'.join(_WORDS)})(?![\w-]))")
_BOUND = re.compile(rf"\b(?:more|less|fewer) than {_N}|\bat (?:least|most) {_N}")
#: "One" as a pronoun: "a red one", "the other one".
_PRONOUN = re.compile(
    rf"(?:\b(?:an?|the|that|this|other|same|each|every|which|no|{'|'.join(ALL_COLOURS)}) )one\b"
)
_TOTAL = re.compile(
    rf"(?:\b(\d+|{'|'.join(_WORDS)})\b[^.,;]*\b(?:in (?:total|all)|altogether|overall)\b)|"
    rf"\b(?:in (?:total|all)|altogether|overall|total of|makes|total:?)\b,? (\d+|"
    rf"{'|'.join(_WORDS)})\b"
)

_SIDES = r"(?:to |towards? |on |by |my |the |your |a |about |a?round )*"
#: Movements that only state a time.
_WHEN = re.compile(
    r"\b(?:after|before|once|since|having|while)\b(?: (?:i|you|we))?(?: (?:have|had))? "
    r"(?:turn|rotat|mov|go|drov|driv|tilt)\w*(?: (?:to|the|a|by|about|your|my|a?round))* "
    r"(?:left|right|forwards?|ahead|back(?:wards?)?|up|down)\w*"
)
_ACTIONS: tuple[tuple[Action, str], ...] = (
    (
        Action.TILT_UPWARD,
        r"\b(?:tilt|look|pitch|point|aim)\w*(?: (?:the|my|camera|it))* up(?:wards?)?\b",
    ),
    (
        Action.TILT_DOWNWARD,
        r"\b(?:tilt|look|pitch|point|aim)\w*(?: (?:the|my|camera|it))* down(?:wards?)?\b",
    ),
    *(
        (
            action,
            rf"\b(?:turn|rotat|swivel|spun|spin|pivot|swung|swing|veer)\w*(?: \w+ing)?"
            rf"(?: (?:by )?(?:about )?\d+(?: degrees)?)? {_SIDES}{side}\b|"
            rf"\b{side}(?:-hand)? (?:turn|rotation)\b|"
            rf"\bchanged (?:my )?heading {_SIDES}{side}\b",
        )
        for action, side in ((Action.ROTATE_LEFT, "left"), (Action.ROTATE_RIGHT, "right"))
    ),
    *(
        (
            action,
            rf"\b(?:mov|went|go|going|gone|drove|driv|travel|head|step|slid|strafe?|shift|"
            rf"side-?step|glid|"
            rf"walk|roll)\w*(?: sideways| straight)? {_SIDES}{side}\b",
        )
        for action, side in ((Action.MOVE_LEFT, "left"), (Action.MOVE_RIGHT, "right"))
    ),
    (
        Action.MOVE_FORWARD,
        r"\b(?:mov|went|go|going|gone|drove|driv|travel|head|step|walk|roll|carr|kept|continu|"
        r"came)\w*"
        r"(?: \w+ing)?(?: on)?(?: (?:a bit|a little|on|straight|some way|further))* "
        r"(?:forwards?|ahead|straight(?: on)?)\b|\badvanc\w+|\bforward (?:move|motion|movement)\b",
    ),
    (
        Action.MOVE_BACKWARD,
        r"\b(?:mov|went|go|going|gone|drove|driv|travel|step|walk|roll|pull)\w*(?: (?:a bit|"
        r"a little|"
        r"straight))* back(?:wards?)?\b|\brevers\w+|\bback(?:ed|ing) (?:up|away|off)\b|"
        r"\bretreat\w*|"
        r"\bbackward (?:move|motion|movement)\b",
    ),
    (
        Action.MOVE_UPWARD,
        r"\b(?:mov|went|go|going|gone|flew|fly)\w* (?:straight )?(?:up(?:wards?)?|higher)\b|"
        r"\brose\b|\bris(?:e|en|ing)\b|"
        r"\bascend\w*|\bclimb\w*|\bgained height\b|\bupward (?:move|motion|movement)\b",
    ),
    (
        Action.MOVE_DOWNWARD,
        r"\b(?:mov|went|go|going|gone|flew|fly)\w* (?:straight )?(?:down(?:wards?)?|lower)\b|"
        r"\bdescend\w*|"
        r"\bsank\b|\blost height\b|\bdownward (?:move|motion|movement)\b",
    ),
)
_COMPILED = tuple((action, re.compile(pattern)) for action, pattern in _ACTIONS)


def number_of(word: str) -> int | None:
    """The number that a word or numeral means; ``None`` for other words."""
    return int(word) if word.isdigit() else _WORDS.get(word)


def _number(word: str) -> int:
    number = number_of(word)
    assert number is not None
    return number


def keyframes_in(text: str, first_id: int, last_id: int, *, bare: bool) -> list[tuple[int, int]]:
    """The keyframes that a clause names, as the first and last id of each range.

    Args:
        text: of the clause.
        first_id: the keyframe meant by "at the start".
        last_id: the keyframe meant by "now".
        bare: the question is about keyframes, so that a number alone or "now" names one.
    """
    spans: list[tuple[int, int]] = []
    text = _BESIDE.sub(" ", text)
    for match in _RANGE.finditer(text):
        spans.append((_number(match.group(1)), _number(match.group(2))))
    text = _RANGE.sub(" ", text)
    for match in _LIST.finditer(text):
        spans += [(_number(n),) * 2 for n in re.findall(_N, match.group())]
    text = _LIST.sub(" ", text)
    if _ORDINAL_FIRST.search(text):
        spans.append((first_id, first_id))
    for match in _AGO.finditer(text):
        ago = 1 if match.group(1) in ("a", "one") else number_of(match.group(1))
        if ago is not None:
            spans.append((last_id - ago, last_id - ago))
    if _BEFORE_LAST.search(text):
        spans.append((last_id - 1, last_id - 1))
    if bare and not spans:
        alone = re.fullmatch(
            r"(?:it was |in |at |since |from )*(?:number |no\. )?#?(\d+)", text.strip(" .")
        )
        if alone:
            spans.append((int(alone.group(1)),) * 2)
        elif _ORDINAL_LAST.search(text):
            spans.append((last_id, last_id))
    return spans


def degrees_in(text: str) -> frozenset[float]:
    """The angles in a clause, in degrees."""
    angles = [*_DEGREES.findall(text), *_TURN_ANGLE.findall(text)]
    return frozenset(float(angle) for angle in angles)


def total_in(text: str) -> int | None:
    """The number that a clause calls the total; ``None`` if there is none."""
    match = _TOTAL.search(text)
    return number_of(match.group(1) or match.group(2)) if match else None


def numbers_in(text: str) -> list[int]:
    """The numbers in a clause that are not keyframes or angles."""
    for pattern in (_BESIDE, _RANGE, _LIST, _AGO, _DEGREES, _TURN_ANGLE, _BOUND, _PRONOUN):
        text = pattern.sub(" ", text)
    numbers = (number_of(word) for word in _NUMBER.findall(text))
    return [number for number in numbers if number is not None]


def sided_number(text: str, side: str) -> int | None:
    """The number that a clause about turns gives for ``side``; ``None`` if there is none."""
    word = rf"(\d+|{'|'.join(_WORDS)})"
    for pattern in (
        rf"\b{side}(?:wards?)? (?:exactly |about |just |only )?{word}\b",
        rf"\b{word} (?:times? )?(?:turns? )?(?:to |towards )?(?:the |my )?{side}\b",
        rf"\b{side}(?: side| turns?)?: {word}\b",
    ):
        match = re.search(pattern, text)
        if match:
            return number_of(match.group(1))
    return None


def actions_in(text: str) -> frozenset[Action]:
    """The actions in a clause."""
    actions: set[Action] = set()
    text = _WHEN.sub(" ", text)
    for action, pattern in _COMPILED:
        if pattern.search(text):
            actions.add(action)
            text = pattern.sub(" ", text)
    return frozenset(actions)
