"""Questions about the view next to a sight: what was in view just before a thing appeared, or just
after it was gone; and what came into view between two things.

Without these patterns they would be taken for questions about what was seen together with the
thing, about what was new after its first sight, or about the way.

Out of scope: what the camera did before or after a sight, and what was seen before or after it at
any time (`readers_of_time`), answers (`about_views`, `about_moments`).
"""

from __future__ import annotations

import re

from embodied_agent.rules import cues
from embodied_agent.rules.asked import Asked, Side
from embodied_agent.rules.cues import THE
from embodied_agent.rules.names import Named
from embodied_agent.rules.readers_of_time import make

_YOU = r"(?:you|we|i|it|the (?:robot|drone|camera))"
_FRAME = r"(?:keyframe|frame|picture|image|view|shot|photo)"
_SEE = r"(?:see|saw|seen|notice|noticed|spot|spotted|find|found|meet|met|come across|came across|came upon)"
_ADVERB = (
    r"(?:just|right|immediately|directly|straight|shortly|the moment|a moment|(?:the )?instant|a second|"
    rf"(?:in|on) the (?:very )?(?:last |previous )?{_FRAME}|one {_FRAME}|(?:the|a) {_FRAME})"
)
_IN_VIEW = rf"(?:in|into|on) (?:the |your |my |our )?(?:view|sight|{_FRAME}|screen)"
#: That it came into view.
_APPEARS = (
    r"(?:(?:had |has |first |suddenly |finally |ever |even |did )*(?:appear\w*|emerge\w*|(?:pop|show|turn|crop)(?:s|p?ed|p?ing|n)? up|"
    rf"popp?ed {_IN_VIEW}|c(?:o|a)m(?:e|es|ing)(?: up| {_IN_VIEW}| along)?|(?:was|is|were|got) (?:first )?(?:seen|spotted|noticed|visible|{_IN_VIEW})|"
    rf"entered (?:the |your )?(?:view|sight|{_FRAME}))(?: (?:for the )?first(?: time)?)?)"
)
_ONSET = rf"(?:{_YOU} (?:had |have |first |ever |even |finally )*{_SEE} {THE}X(?: (?:for the )?first(?: time)?)?|{THE}X {_APPEARS})"
_BEFORE = re.compile(
    rf"(?:\b(?P<just>{_ADVERB}) )?\b(?:before|prior to|ahead of) {_ONSET}(?=$| (?!and|or)\w)"
)
_BEFORE_BARE = re.compile(rf"\b{_ADVERB} before {THE}X(?=$| (?:what|which)\b)")
#: That it went out of view.
_MORE = r"(?: (?:any ?more|any longer|at all|again))?"
_OUT = rf"(?:out of|from|off) (?:the |your |my |our )?(?:view|sight|{_FRAME}|screen)"
_GONE = (
    rf"(?:{THE}X (?:(?:is|was|were|are|has|had|have|finally|just|then) )*(?:gone|disappear\w*|vanish\w*|{_OUT}|"
    rf"no longer (?:visible|there|seen|{_IN_VIEW})|not (?:visible|there|seen|{_IN_VIEW}){_MORE}|"
    rf"(?:go|goes|went|drop\w*|fell|fallen|pass\w*|move[sd]?|slip\w*|slid\w*|drift\w*) {_OUT}|left (?:the |your |my )?(?:view|sight|{_FRAME}))|"
    rf"{_YOU} (?:(?:could|can|did|do|would) (?:not|no longer) see|no longer (?:saw|see)|stopped seeing) {THE}X{_MORE}|"
    rf"(?:{_YOU} (?:had |have )?(?:lost|lose)|losing) (?:sight|track) of {THE}X|"
    rf"{_YOU} (?:had |have )?(?:last {_SEE} {THE}X|{_SEE} {THE}X (?:for the )?last(?: time)?)|the last (?:sight|view|sighting) of {THE}X)"
)
_AFTER = re.compile(
    rf"\b(?:after|once|when|as soon as|now that|the moment(?: that)?|following) {_GONE}|"
    rf"^(?:so |ok |and |now |then )*{_GONE}(?: and| so|) (?:(?:directly|right|just|immediately|straight|shortly) )?"
    r"(?:after(?:wards?)?(?: that| this| it)?|then|next|at that moment)\b|"
    rf"^(?:so |ok |and |now |then )*{_GONE}(?= .*\b(?:next|then|afterwards?|after(?: that| this)?)$)"
)
_ASKS = re.compile(
    rf"\b(?:what|which|anything|something|who|name|list|describe)\b.*\b(?:{_IN_VIEW}|visible|see|saw|seen|looking at|facing|"
    r"show\w*|notice[d]?|(?:was|were|is|are|else) (?:\w+ )?there|(?:still|left|also) (?:there|around)|remain\w*|left over|around|"
    r"(?:on|to|at) (?:the|your|my|our) (?:left|right)|(?:in front|ahead) of (?:you|me|us))\b"
)
#: Asked about motion, one of these things, or what was new.
_ASKS_ELSE = re.compile(
    r"\b(?:do|done|doing|actions?|motions?|movements?|manoeuvres?|moves?|moved|happen\w*|turn(?:ed|s)?(?! up)|rotat\w+|"
    r"colours?|how|where|whereabouts|which way|direction|who|why|whose|new|newly|together|both|with it|"
    r"(?:last|latest|first|most recent) (?:thing|object|item|one)|order|brought|made|led|long|time|KF)\b"
)
_NTH_TIME = re.compile(r"\b(?:the )?(?:very )?(?:first|last) time\b")
#: What came into view is new: the view as a whole is not asked for.
_NEW = re.compile(
    r"\b(?:what|which(?: \w+)?|anything|something) (?:else |then |next )*(?:appear\w*|emerge\w*|c[ao]mes?\b|"
    r"(?:pop|show|turn|crop)(?:s|p?ed|n)? up)"
)
_SIDE = re.compile(
    r"\b(?:on|to|at) (?:the|your|my|our) (?P<side>left|right)\b|\b(?P<front>in front of|ahead of) (?:you|me|us)\b"
)
_BETWEEN_TWO = re.compile(
    rf"\b(?:in )?between (?:{_SEE} |seeing |passing )?{THE}X and {THE}X\b|"
    rf"\bafter {THE}X (?:and|but) (?:(?:still|then) )?before {THE}X\b|"
    rf"\b(?:way|path|route|trip|drive|walk|journey|going|came|come|went|go|travelled|drove|driving|walking) (?:over |across )?from {THE}X (?:over |across )?to {THE}X\b"
)
_ASKS_BETWEEN = re.compile(
    rf"^(?:.*\b)?(?:what|which|anything|something|name|list)\b.*\b(?:{_SEE}|pass\w*|go by|went by|gone by|go past|drive by|drove by|"
    r"come by|came by|encounter\w*|discover\w*|appear\w*|(?:pop|show|turn|crop)(?:s|p?ed|n)? up|came (?:up|along|into view|in)|"
    r"came (?=(?:in )?between))(?:\b|$)"
)
#: "Between the bed and the lamp, which came first?" asks for their order.
_EARLIER = re.compile(r"\b(?:first|earlier|earliest|sooner|soonest|later|latest|priority)\b")


def read_next_view(named: Named) -> Asked | None:
    """The question as understood by one of these patterns; ``None`` for all others."""
    pattern = named.pattern
    count = len(named.things)
    asked = _NTH_TIME.sub("", pattern)
    if count not in (1, 2) or not all(named.known) or _ASKS_ELSE.search(asked):
        return None
    if count == 2:
        if (
            _BETWEEN_TWO.search(pattern)
            and _ASKS_BETWEEN.search(pattern)
            and not _EARLIER.search(pattern)
        ):
            return make(named, "seen_between")
        return None
    side = _side(pattern)
    before = _BEFORE.search(pattern)
    if (
        before is None
        and _BEFORE_BARE.search(pattern)
        and cues.has(pattern, f"showe?d?|{_IN_VIEW}")
    ):
        before = _BEFORE_BARE.search(pattern)
    if before is not None:
        rest = f"{pattern[: before.start()]} , {pattern[before.end() :]}"
        just = before.re is _BEFORE_BARE or before["just"] is not None
        if _ASKS.search(rest) and not _NEW.search(rest) and (just or _is_state(rest)):
            return make(named, "view_before", side=side)
        return None
    after = _AFTER.search(pattern)
    if after is None:
        return None
    rest = f"{pattern[: after.start()]} , {pattern[after.end() :]}"
    if _ASKS.search(rest) and not _NEW.search(rest):
        return make(named, "view_after", side=side)
    return None


def _is_state(rest: str) -> bool:
    """Whether a question asks what was in view, rather than what was ever seen."""
    return re.search(rf"\b(?:was|were) (?:\w+ ){{0,2}}?(?:{_IN_VIEW}|visible)\b", rest) is not None


def _side(pattern: str) -> Side | None:
    found = _SIDE.search(pattern)
    if found is None:
        return None
    if found["front"]:
        return "front"
    return "left" if found["side"] == "left" else "right"
