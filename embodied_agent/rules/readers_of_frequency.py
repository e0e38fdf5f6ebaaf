"""Questions about how often things were seen: "what did you see just once?", "did you see the bed
more often than the clock?", "what kept turning up?", "which keyframe shows the most things?".

Without these patterns they would be taken for questions about the start, about which of two things
came first or is nearer, or about all that was seen.

Out of scope: how many there are of a kind, and for how long things were seen (`particulars`), how
often the camera moved (`readers_of_time`), answers (`about_frequency`, `about_comparisons`).
"""

from __future__ import annotations

import re
from dataclasses import replace

from embodied_agent.rules import cues
from embodied_agent.rules.asked import Asked
from embodied_agent.rules.cues import THE
from embodied_agent.rules.names import Named
from embodied_agent.rules.phrases import read_phrase
from embodied_agent.rules.readers_of_time import make

_YOU = r"(?:you|we|i|it|the (?:robot|drone|camera))"
_FRAME = r"(?:keyframe|frame|picture|image|view|shot|photo|snapshot)"
_FRAMES = rf"(?:{_FRAME}s?)"
_THINGS = r"(?:(?:different |distinct |separate |visible )?(?:things|objects|items|stuff))"
_ONLY = r"(?:only|just|exactly|merely|no more than|not more than|at most)"
#: What things do, or are, when they come into view.
_APPEAR = (
    r"(?:appear\w*|reappear\w*|occur\w*|(?:pop|crop|show|turn)(?:s|p?ed|p?ing|n)?(?: back)? up|"
    r"c(?:o|a)m(?:e|es|ing)(?: back| up| along| by|(?: back)? (?:into|in)(?: (?:the |your )?(?:view|sight|shot|frame|picture))?)|"
    r"(?:is|was|are|were|been) (?:there|visible|in view|in sight|seen|noted|noticed|spotted))"
)
_SIGHT = (
    rf"(?:see|saw|seen|seeing|spot\w*|notic\w+|find|found|pass\w*|meet|met|caught|catch|encounter\w*|noted|record\w*|"
    rf"look\w*|visible|in view|in sight|{_APPEAR})"
)
_ASKS = r"(?:what|which|anything|something|everything|every thing|every|things?|objects?|items?|stuff|ones|list|name)"
_NEVER_AGAIN = r"(?:and|but)(?: (?:then|after that|afterwards))? (?:never|not|no more)\b.*$"
_TRIP = r"(?: (?:in (?:all|total|the whole \w+)|altogether|overall|ever|so far|please|then|(?:during|on|throughout|in) (?:the|your|our) (?:whole |entire )?\w+))*"
_ONE_SIGHT = re.compile(
    # "seen only once", "showed up one single time"
    rf"\b{_ONLY} (?:ever )?(?:{_SIGHT} )?(?:the |for )?(?:once|one time|(?:a|one) single time|(?:a|one) (?:brief )?moment)"
    rf"(?:{_TRIP}$| (?:and|or|but)\b)|"
    rf"\b{_SIGHT} (?:{_ONLY} )?(?:once|(?:a|one) single time|one time only|(?:one|a single) time)(?:{_TRIP}$| only\b| {_NEVER_AGAIN})|"
    rf"\b{_ONLY} {_SIGHT} (?:\w+ ){{0,2}}?(?:once|(?:the )?one time|(?:a|one) single time){_TRIP}$|"
    # "in one keyframe only"
    rf"\b(?:in|on|by|from|to) (?:{_ONLY} (?:a |one )?(?:single|sole)?|(?:a|one) (?:single|sole)) ?(?:one )?{_FRAME}\b|"
    rf"\b(?:in|on|by|from|to) (?:one|a single) (?:single )?{_FRAME} (?:only|alone)\b|"
    rf"\bonly\b.*\b(?:in|on) one {_FRAME}$|"
    # "only got one look at", "just a single sighting"
    rf"\b(?:{_ONLY} (?:\w+ )?(?:one|a|a single|one single|the one)|one single|a single) (?:\w+ )?"
    r"(?:sightings?|look|glance|peek|appearance|glimpse|see)\b|"
    rf"\bonly (?:ever )?see(?: {THE}X)?(?: (?:briefly|in passing|for a moment))?$"
)
_NOT_ONE_SIGHT = re.compile(
    r"\b(?:together|at once|same time|both|side by side|when|where|why|whose|colours?|how (?!many)\w+|"
    rf"{_FRAMES} (?:did|do|have|has|was|were)|(?:which|what) {_FRAMES}|(?:did|do|done|doing) (?:only|just|exactly) once|"
    r"turn(?:ed|s)?(?! (?:back )?up)|rotat\w+|mov(?:e|ed|es)|tilt\w*|do (?:only|just|once)|includ\w+|counted)\b"
)
_WHAT_KIND = re.compile(
    r"^(?:so |and )?(?:which|what|name|list)(?: (?:me|all|every|of))*(?: the)? X\b"
)

#: "Did you see the bed more often than the clock?"
_OFTENER = (
    r"(?:(?P<most>more|most|less|least|fewer) (?:often|frequently|frequent|regularly|times)|oftener|"
    rf"(?P<many>more|most|fewer|fewest|less) {_FRAMES}|a (?:greater|larger|higher) number of {_FRAMES})"
)
_COMPARED = re.compile(rf"\b{_OFTENER}\b")
_SEEN_MORE = re.compile(
    rf"\b{_SIGHT} {THE}X (?P<most>more|less) than {THE}X$|"
    rf"^(?:which|what)\b.*\b(?:see|saw|seen) (?P<which>more|most|less|least)(?: of)? the X(?: the X)* or the X$|"
    rf"^(?:which|what) (?:one )?(?:of \w+ )?(?:did|do|have) {_YOU} (?:see|seen) (?P<one>more|most|less|least) {THE}X(?: {THE}X)* or the X$"
)
_NOT_COMPARED = re.compile(
    r"\b(?:together|same time|both|before|after|while|when|near(?:er)?|close(?:r)?|turn(?:ed)?(?! up)|moved?|rotat\w+|"
    r"how|colours?|KF|N|C)\b"
)
_LESS = frozenset({"less", "least", "fewer", "fewest"})

#: "How often did the tower come into view?"
_HOW_OFTEN = r"(?:how (?:often|many (?:\w+ )?times|frequently)|(?:what is |what was )?(?:the )?number of times)"
_OF_X = rf"{THE}X(?: (?:you know|i mean|in view|there))?"
_TIMES = re.compile(
    rf"\b{_HOW_OFTEN} (?:(?:did|do|does|has|have|had|is|was|were|that) )?{_OF_X} (?:ever |really |actually )?"
    rf"(?:{_APPEAR}|in view|in sight|visible|seen|there|entered (?:the )?(?:view|picture|frame))\b|"
    rf"\b{_HOW_OFTEN} (?:did|have|had|do) {_YOU} (?:ever )?(?:{_SIGHT}|get to see) {_OF_X}{_TRIP}$|"
    rf"\b{_OF_X} {_HOW_OFTEN} (?:(?:did|do|does|has|have|had|was|were|is) )?(?:it|they|that|{_YOU}) (?:ever )?"
    rf"(?:{_APPEAR}|came|come|{_SIGHT})(?: it| them)?(?: up| in| there| into view)?{_TRIP}$"
)
_NOT_TIMES = re.compile(r"\b(?:before|after|while|together|same time|until|since|KF)\b")
#: One colour, and the thing in it: "the orange one, the tower, you know".
_COLOUR_APART = re.compile(
    r"\bthe C one (?:like |i mean |you know |that is |so )*(?:the |that )?X\b"
)

_AGAIN = (
    r"(?:again and again|over and over(?: again)?|time and (?:time )?again|time after time|"
    r"all the time|the whole time|constantly|continually|repeatedly|always)"
)
_KEPT = re.compile(
    r"\b(?:keep|keeps|kept) (?:on )?(?:see(?:ing)?|spotting|noticing|finding|meeting|passing|encountering|look\w*|"
    rf"{_APPEAR})\b|"
    rf"\b(?:{_SIGHT}|keep|kept)\b.*\b{_AGAIN}\b|\b{_AGAIN} {_SIGHT}\b"
)
_MOST_AT_ONCE = re.compile(
    rf"\b(?P<crowd>(?:most|least) (?:crowded|cluttered|packed|full|filled|populated|busy)|busiest|fullest|"
    r"crowdedest|emptiest|densest)\b|"
    rf"\b(?P<many>most|fewest|least) {_THINGS}\b|"
    rf"\b(?P<number>largest|greatest|highest|biggest|maximum|smallest|lowest|minimum) (?:number|count|amount) of {_THINGS}\b|"
    rf"\b(?P<top>maximum|max) of {_THINGS}\b|"
    rf"\bhow many {_THINGS} (?:at (?:the )?most|maximum)\b|\bhow many {_THINGS}\b.*\bat (?:the )?most\b"
)
_AT_ONCE = re.compile(
    rf"\b(?:at once|at the same time|at one time|at a time|together|simultaneously|in view|in sight|{_FRAMES}|"
    r"where|when|moment|scene|point)\b"
)
_ASKS_MOMENT = re.compile(
    r"^(?:(?:so|and|please|can you|could you|tell me|show me|give me|name) )*(?:(?:in|at|on|from) )?(?:which|what|where|when|how many|the|name|show)\b"
)
_FEW = frozenset({"fewest", "least", "smallest", "lowest", "minimum"})


def read_frequency(named: Named) -> Asked | None:
    """The question as understood by one of these patterns; ``None`` for all others."""
    pattern = named.pattern
    if "KF" in pattern or not all(named.known):
        return None
    count = len(named.things)
    if not count:
        return _about_all(named, pattern)
    if count == 1:
        return _about_one(named, pattern)
    if _NOT_COMPARED.search(pattern) or cues.side_in(pattern) is not None:
        return None
    more = _COMPARED.search(pattern) or _SEEN_MORE.search(pattern)
    if more is None or not (cues.SEE.search(pattern) or re.search(rf"\b{_SIGHT}\b", pattern)):
        return None
    word = next((word for word in more.groups() if word), "more")
    whether = re.match(r"(?:did|do|have|has|had|was|were|is|are)\b", pattern) is not None
    if whether and not cues.has(pattern, "or"):
        return make(named, "is_seen_more", reverse=word in _LESS)
    return make(named, "seen_more", reverse=word in _LESS)


def _about_one(named: Named, pattern: str) -> Asked | None:
    side = cues.side_in(pattern)
    if _WHAT_KIND.search(pattern) and _is_of_one_sight(pattern):
        return make(named, "seen_once")
    if _TIMES.search(pattern) and side is None and not _NOT_TIMES.search(pattern):
        return make(_with_colour(named), "times_seen")
    return None


def _about_all(named: Named, pattern: str) -> Asked | None:
    if _is_of_one_sight(pattern) and cues.has(pattern, _ASKS):
        return make(named, "seen_once")
    if named.colours or cues.side_in(pattern) is not None:
        return None
    most = _MOST_AT_ONCE.search(pattern)
    if most is not None and _ASKS_MOMENT.search(pattern) and _AT_ONCE.search(pattern):
        few = bool(_FEW & set(most.group().split())) or "emptiest" in most.group()
        return make(named, "fullest", reverse=few)
    if _KEPT.search(pattern) and cues.has(pattern, _ASKS) and not cues.has(pattern, "now|how"):
        return make(named, "most_seen")
    return None


def _is_of_one_sight(pattern: str) -> bool:
    return bool(_ONE_SIGHT.search(pattern)) and not _NOT_ONE_SIGHT.search(pattern)


def _with_colour(named: Named) -> Named:
    """The names with the colour that is named apart from the thing as a part of its name."""
    if len(named.colours) != 1 or not _COLOUR_APART.search(named.pattern):
        return named
    thing = named.things[0]
    if thing.colours:
        return named
    whole = read_phrase(f"{named.colours[0]} {thing.text}")
    return replace(named, things=(whole,), colours=(), numbers=())
