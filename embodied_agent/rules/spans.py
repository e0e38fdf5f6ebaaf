"""Parts of the time that a question names: "in the last 10 seconds", "a minute ago", "at 12 s".

A part is read from the words and cut out of them; what is left is asked about that part of the notes.
Times count from the last restart, and "ago" from the latest keyframe.

Out of scope: answers about such a part (`rulebook`), questions for a time (`about_time`).
"""

from __future__ import annotations

import bisect
import re
from dataclasses import dataclass
from typing import Literal

from embodied_agent.rules.notes import Notes

_NUMBERS = {
    "a": 1, "an": 1, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7,
    "eight": 8, "nine": 9, "ten": 10, "twelve": 12, "fifteen": 15, "twenty": 20, "thirty": 30,
    "forty": 40, "fifty": 50, "sixty": 60, "ninety": 90, "half a": 0.5, "half an": 0.5,
    "couple of": 2, "a couple of": 2, "few": 3, "a few": 3,
}  # fmt: skip
_UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_N = rf"(\d+(?:\.\d+)?|{'|'.join(sorted(_NUMBERS, key=len, reverse=True))})"
_U = r"(s|secs?|seconds?|m|mins?|minutes?|h|hrs?|hours?|days?)"
_FRAMES = r"(?:keyframes?|frames?|pictures?|images?|views?)"
_TRIP = r"(?:way|trip|tour|walk|journey|route|path|run|recording|video|drive|ride|flight|time)"
_STARTED = (
    r"after (?:(?:the|your) (?:start|beginning|outset|launch|take-?off)|"
    r"(?:you|we) (?:had )?(?:started|began|begun|set (?:off|out)|took off|left))"
)
_INTO = rf"(?:in|(?:into|through) (?:it|(?:the|your|our|this) (?:whole )?{_TRIP})|{_STARTED})"
#: "12 seconds in" ends there, or a question begins; "3 seconds in front of the bed" does not.
_ENDS = (
    r"(?=\s*(?:[-–—,.?!;:=]|$|(?:and|so|what|which|where|who|how|did|do|was|were|is|are|had|has|can|could|"
    r"you|your|tell|name|list|show|describe|anything|anyone|please|pls)\b))"
)
_FIGURE = r"(\d+(?:\.\d+)?)"
#: No time of the day follows.
_NO_CLOCK = r"(?! ?o'?clock|[:.]\d|\d)"
_FRAME = rf"(?:(?:{_FRAMES}|kf) (?:number |no\.? )?#?|#)(\d+)"
_IN = r"(?:in|during|over|within|for|from|throughout)"

Kind = Literal[
    "last",
    "first",
    "ago",
    "at",
    "since",
    "until",
    "between",
    "last_frames",
    "first_frames",
    "keyframes",
    "before_frame",
    "after_frame",
    "frame_before",
    "frame_after",
    "first_half",
    "second_half",
    "halfway",
]
_WORDS: tuple[tuple[Kind, str], ...] = (
    (
        "keyframes",
        rf"(?:between|from|in|during|over|within) (?:the )?(?:(?:{_FRAMES}|kf) #?|#)(\d+) "
        rf"(?:and|to|until|through|till) (?:(?:{_FRAMES}|kf) )?#?(\d+)",
    ),
    (
        "frame_before",
        rf"(?:in|at|on|of) the {_FRAMES} (?:just |right |directly )?(?:before|preceding) {_FRAME}",
    ),
    (
        "frame_after",
        rf"(?:in|at|on|of) the {_FRAMES} (?:just |right |directly )?(?:after|following) {_FRAME}",
    ),
    ("before_frame", rf"(?:before|until|up to|prior to|till|by) {_FRAME}"),
    (
        "after_frame",
        rf"(?:after|since|past) {_FRAME}|from {_FRAME} (?:on(?:wards?)?|to (?:the end|now))",
    ),
    ("between", rf"(?:between|from) {_N}\s*(?:{_U} )?(?:and|to|until) {_N}\s*{_U}"),
    ("last", rf"{_IN} the (?:last|past|previous) (?:{_N}\s*)?{_U}"),
    ("first", rf"{_IN} (?:the|your) first (?:{_N}\s*)?{_U}"),
    ("first_half", rf"{_IN} (?:the|your) first half(?: of (?:the|your) \w+)?"),
    ("second_half", rf"{_IN} (?:the|your) (?:second|last|other) half(?: of (?:the|your) \w+)?"),
    (
        "halfway",
        rf"half-?way(?: through| along| there| down)?(?: (?:the|your) {_TRIP})?|in the middle of (?:the|your) {_TRIP}",
    ),
    ("last_frames", rf"{_IN} the (?:last|past|latest) {_N} {_FRAMES}"),
    ("first_frames", rf"{_IN} (?:the|your) first {_N} {_FRAMES}"),
    (
        "at",
        rf"(?:after|when|once|as soon as|by the time) {_N}\s*{_U} (?:had|have|has|were|was) (?:just )?"
        r"(?:passed|gone(?: by)?|elapsed|over|up)",
    ),
    (
        "at",
        r"(?:when|as|while|once|at the moment|the moment|with) (?:the |your |my )?(?:clock|timer|time|stopwatch|"
        r"counter|time ?stamp|recording|video|tape) (?:said|says|saying|reads?|reading|showed|shows|showing|was at|is at|"
        rf"was|is|stood at|at|hit|reached|displayed) (?:t ?= ?)?{_FIGURE}{_NO_CLOCK}(?:\s*{_U})?",
    ),
    (
        "at",
        rf"(?:at|around|near|by|on) (?:about )?(?:the )?{_FIGURE}[\s-]*{_U}[\s-](?:mark|point)",
    ),
    (
        "at",
        rf"(?:at|around) (?:the )?(?:second|sec|time ?stamp|time|t) ?=? ?{_FIGURE}{_NO_CLOCK}(?:\s*{_U})?",
    ),
    ("at", r"(?:in|at|during|on) (?:the|your) (\d+)(?:st|nd|rd|th) (sec|second|min|minute)"),
    ("at", r"(?:at|around) (?:t ?= ?)?0?0:([0-5]\d)(?![:.]?\d)"),
    (
        "at",
        rf"(?:at |around )?(?:about |around |roughly |exactly |some |only |just )?{_N}\s*{_U} {_INTO}{_ENDS}",
    ),
    ("since", rf"(?:since|after) (?:the first )?{_N}\s*{_U}(?: (?:in|into it))?(?! ago)"),
    ("until", rf"by {_N}\s*(s|secs?|seconds?|mins?|minutes?)(?: (?:in|into it))?"),
    ("until", rf"(?:until|before|up to) {_N}\s*{_U}(?: (?:in|into it))?(?! ago)"),
    ("ago", rf"(?:about |around |roughly )?{_N}\s*{_U} (?:ago|earlier|before now|back)"),
    (
        "at",
        rf"(?:at|around) (?:about |around |roughly )?(?:t ?= ?)?{_N}\s*{_U}(?: (?:in|into it|after the start))?",
    ),
)
_FORMS = tuple((kind, re.compile(rf",?\s*\b{words}\b", re.IGNORECASE)) for kind, words in _WORDS)
#: These ask for the time itself, or name a time that is not a span to look at.
_NOT_A_PART = re.compile(
    r"\bhow (?:many|much) (?:more )?(?:secs?|seconds?|mins?|minutes?|hours?|time)\b|"
    r"\bhow long\b(?! (?:was|were|did|has|have|had|could|is|are)\b.*\b(?:in view|in sight|visible)\b)|"
    r"\bat (?:a|one) (?:time|second)\b|\ba (?:second|sec) ago\b",
    re.IGNORECASE,
)
#: "Before #7" is a part of the time for what was seen, not for what led there.
_SEEN = re.compile(
    r"\b(?:see|saw|seen|notic\w+|spot(?:ted)?|visible|in view|in sight|found|pass(?:ed)?|come across|"
    r"(?:was|were) there)\b",
    re.IGNORECASE,
)
_DONE = re.compile(
    r"\b(?:do|done|doing|mov\w+|turn\w*|rotat\w+|actions?|motions?|went|go|steps?|happen\w*|first|last|next)\b",
    re.IGNORECASE,
)


#: So is it for turns and moves that are counted, and for what was new.
_COUNTED = re.compile(
    r"\bhow (?:often|many|much)\b.*\b(?:turn|rotat|spin|spun|mov|step|driv|drove|degrees)\w*|"
    r"\b(?:did|have|had|has) (?:you|we|i|it|the robot|the drone|the camera) (?:\w+ )?(?:turn|rotat|spin|spun|swing|"
    r"swung|mov|back|revers|tilt|climb|descend|sink|sunk|go|gone|fly|flown|driv)\w*|"
    r"\b(?:report|list|give|count|name)\b.*\b(?:turns|rotations|moves)\b",
    re.IGNORECASE,
)
_HOW_OFTEN = re.compile(r"\bhow (?:often|many)\b|\b(?:report|list|count)\b", re.IGNORECASE)
_NEXT_ONE = re.compile(
    r"\b(?:what|which|or (?:move|turn|go|drive|stay|stand|something)|next|to get|first|last|just|straight (?:after|before)|"
    r"(?<!turn )(?<!turned )(?<!rotate )(?<!rotated )(?<!or )right (?:after|before))\b|^how did\b",
    re.IGNORECASE,
)
#: "What did you do after #7?" asks for the next motion, "since #7" for all of them.
_SINCE = re.compile(
    r"\bsince\b.*\b(?:what|how) (?:did|have) (?:you|we|i|it) (?:do|done|move|moved)\b|"
    r"\b(?:what|how) (?:did|have) (?:you|we|i|it) (?:do|done|move|moved)\b.*\bsince\b",
    re.IGNORECASE,
)
_NEW = re.compile(
    r"\b(?:new|newly|for the first time|(?:not|never|n't) (?:\w+ )?(?:see|seen|had)\b.*\bbefore)\b",
    re.IGNORECASE,
)
_NEXT_NEW = re.compile(r"\b(?:next|newest|changed?|(?:first|last) new)\b", re.IGNORECASE)

#: How far the camera moved in a part of the time, its positions tell.
_DISTANCE = re.compile(
    r"\bhow far (?:did|have|had) (?:you|i|we)\b(?! (?:turn|rotat|spin|spun))", re.IGNORECASE
)

#: A question about what was before or after a restart.
SIDE_OF_BREAK = re.compile(
    r",?\s*\b(before|prior to|until|since|after)\s+(?:the|your|our|that|you were|we were)?\s*"
    r"(?:last\s+|latest\s+)?(?:re-?start(?:ed)?|reboot(?:ed)?|interruption|crash)\b",
    re.IGNORECASE,
)
#: The first or the last keyframe, as a question names it.
END_PICTURE = re.compile(
    r"\b(?:in|on) the (?:very )?(first|last) (?:keyframe|frame|picture|image|view|shot|photo)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Span:
    """A part of the time.

    Attributes:
        kind: how it is counted.
        start: where it begins, in seconds or keyframes, from the start or back from now; of
            ``keyframes``, the id of the first, and of a keyframe that others lie beside, its id.
        end: where it ends; the same as ``start`` for a moment.
        words: the question's own words for it.
        rest: the question without them.
    """

    kind: Kind
    start: float
    end: float
    words: str
    rest: str

    @property
    def is_moment(self) -> bool:
        """Whether it is one moment rather than a stretch of time."""
        return self.kind in ("ago", "at", "halfway")


def span_in(text: str) -> Span | None:
    """The part of the time that a question names; ``None`` if it names none."""
    if _NOT_A_PART.search(text):
        return None
    for kind, form in _FORMS:
        found = form.search(text)
        if found is None or (kind in ("before_frame", "after_frame") and not _has_a_part(text)):
            continue
        there = " in view" if kind.startswith("frame_") else ""
        rest = f"{text[: found.start()]}{there}{text[found.end() :]}".strip(" ,")
        words = found.group().strip(" ,").lower()
        groups = [g and g.lower() for g in found.groups()]
        start, end = _bounds(kind, [next(filter(None, groups))] if "_frame" in kind else groups)
        return Span(kind, start, end, words, rest)
    return None


def is_of_a_part(text: str) -> bool:
    """Whether a question is about a part of the time, or about one end of it."""
    return any((span_in(text), SIDE_OF_BREAK.search(text), END_PICTURE.search(text)))


def _has_a_part(text: str) -> bool:
    if _DISTANCE.search(text):
        return True
    if _COUNTED.search(text) and (_HOW_OFTEN.search(text) or not _NEXT_ONE.search(text)):
        return True
    if _SINCE.search(text):
        return True
    if _NEW.search(text) and not _NEXT_NEW.search(text):
        return True
    return bool(_SEEN.search(text)) and not _DONE.search(text)


def _bounds(kind: Kind, groups: list[str | None]) -> tuple[float, float]:
    if kind == "keyframes":
        return float(groups[0] or 0), float(groups[1] or 0)
    if kind == "between":
        first, unit, second, other = groups
        scale = _UNITS[(other or "s")[0]]
        return _number(first) * _UNITS[(unit or other or "s")[0]], _number(second) * scale
    amount = _number(groups[0]) if groups else 0.0
    if len(groups) < 2:
        return amount, amount
    seconds = amount * _UNITS[(groups[1] or "s")[0]]
    return seconds, seconds


def _number(word: str | None) -> float:
    if not word:
        return 1.0
    return _NUMBERS[word] if word in _NUMBERS else float(word)


def cut(span: Span, notes: Notes) -> tuple[int, int] | None:
    """The first and last index of the deltas in a part of the time; ``None`` if there are none, or
    the notes have no times.

    A moment is the keyframe whose time is that, to as many places as were given; without one, the
    last keyframe before it: nothing new was seen between them.
    """
    start, last = notes.start, notes.last
    if last < start:
        return None
    if span.kind in ("last_frames", "first_frames"):
        count = max(1, int(span.start))
        if span.kind == "last_frames":
            return max(start, last - count + 1), last
        return start, min(last, start + count - 1)
    if span.kind == "keyframes":
        low_id, high_id = sorted((int(span.start), int(span.end)))
        within = range(start, last + 1)
        first = start + bisect.bisect_left(within, low_id, key=notes.id)
        final = start + bisect.bisect_right(within, high_id, key=notes.id) - 1
        return (first, final) if first <= final else None
    middle = (start + last + 1) // 2
    match span.kind:
        case "first_half":
            return start, max(start, middle - 1)
        case "second_half":
            return middle, last
        case "halfway":
            return middle, middle
    if span.kind.endswith(("_frame", "_before", "_after")):
        return _beside(span, notes)
    begin, end = notes.stamp_ns(start), notes.stamp_ns(last)
    if begin is None or end is None:
        return None
    one, other = round(span.start * 1e9), round(span.end * 1e9)
    match span.kind:
        case "last":
            low, high = end - one, end
        case "first":
            low, high = begin, begin + one
        case "since":
            low, high = begin + one, end
        case "until":
            low, high = begin, begin + one
        case "between":
            low, high = begin + min(one, other), begin + max(one, other)
        case "ago":
            low = high = end - one
        case _:
            low = high = begin + one
    indexes = range(start, last + 1)

    def stamp(index: int) -> int:
        return notes.stamp_ns(index) or 0

    if span.is_moment:
        slack = _slack_ns(span)
        if not begin <= low <= end + slack:
            return None
        at = start + bisect.bisect_right(indexes, low, key=stamp) - 1
        # "At 3.8 s" is the keyframe of 3.83 s.
        near = [i for i in (at, at + 1) if i <= last and abs(stamp(i) - low) <= slack]
        at = min(near, key=lambda i: abs(stamp(i) - low), default=at)
        return at, at
    first = start + bisect.bisect_left(indexes, low, key=stamp)
    final = start + bisect.bisect_right(indexes, high, key=stamp) - 1
    return (first, final) if first <= final else None


def _slack_ns(span: Span) -> int:
    """By how much a time may be off because it was rounded as the question gives it."""
    figure = re.search(r"\d+(?:\.(\d+))?", span.words)
    if span.kind != "at" or figure is None:
        return 0
    return round(0.5 * 10.0 ** (9 - len(figure[1] or "")))


def _beside(span: Span, notes: Notes) -> tuple[int, int] | None:
    """The part before or after a keyframe, or the one keyframe next to it."""
    index = notes.index(int(span.start))
    if index is None or not notes.start <= index <= notes.last:
        return None
    match span.kind:
        case "before_frame":
            first, final = notes.start, index - 1
        case "after_frame":
            first, final = index + 1, notes.last
        case "frame_before":
            first = final = index - 1
        case _:
            first = final = index + 1
    return (first, final) if notes.start <= first <= final <= notes.last else None
