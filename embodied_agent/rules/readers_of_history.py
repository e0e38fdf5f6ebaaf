"""Questions about all that has been, rather than about now: "was it ever on your left?", "how close
did you get to it?", about single keyframes of a thing, and about everything but something.

They hang on words that other readers would overlook, and would then be answered as if they asked
about now, or about whether a thing was there at all. The patterns are narrow.

Out of scope: all other questions (`particulars`, `readers`), answers (`about_history`).
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
from embodied_agent.rules.readers_without_names import EVER, NOW, YOU, actions_in, read_unnamed

#: "Has X been …", "was X ever …", "did you ever have X …", "when was X …", "did you see X on your …".
_WAS = re.compile(
    rf"^(?:has|have|had) (?:there )?(?:ever )?{THE}X (?:ever )?been\b|"
    rf"^(?:was|were) (?:there )?(?=.*{EVER}).*\bX\b|"
    rf"^(?:did|have|had) {YOU} (?:ever )?(?:have|had|keep|kept) {THE}X\b|"
    rf"\b(?:when|how often) (?:was|were|has|have) {THE}X\b|\bwhen {THE}X (?:was|were)\b"
)
_SEEN_ON = re.compile(
    rf"^(?:did|have|had|do) {YOU} (?:ever )?(?:see|seen|spot|spotted|notice|noticed|find|found|"
    rf"observe|observed|detect|detected|encounter|encountered|pass|passed) {THE}X "
    r"(?:(?:somewhere |anywhere )?(?:on|to|at) (?:the|your|our|my) (?:left|right)(?: (?:hand )?side)?|"
    r"(?:behind|ahead of|in front of) (?:you|us|me))"
    r"(?: at any time| at some point| ever)?$"
)
_WAS_AT_START = re.compile(
    rf"^(?:was|were) {THE}X\b.*\b(?:at|in) the (?:very )?(?:start|beginning|outset)\b|"
    rf"^(?:was|were) {THE}X\b.*\b(?:when|as) {YOU} (?:started|began|set (?:off|out))\b"
)
_WHERE_AT_START = re.compile(
    rf"^where (?:was|were) {THE}X (?:at|in) the (?:very )?(?:start|beginning|outset)$|"
    rf"^where (?:was|were) {THE}X (?:when|as) {YOU} (?:started|began|set (?:off|out))$"
)
_CLOSE = re.compile(
    rf"\bhow (?:close|near) (?:did|have|had) {YOU} (?:ever )?(?:get|got|gotten|come|came|been|be|go)\b.*\bX\b|"
    rf"\b(?:closest|nearest)\b.*\b{YOU} (?:ever )?(?:got|came|were|was|come|get|have been|have come|"
    r"have gotten|have got)\b.*\bto\b.*\bX\b|"
    rf"^(?:did|have|had|were|was) {YOU} (?:ever )?(?:(?:get|got|gotten|come|came|been|be|go|gone|drive|"
    rf"driven|stand|stood) )?(?:ever )?(?:very |quite |really |right )?(?:near|close|next|close by|"
    rf"nearby)(?: (?:to|up to|by))? {THE}X\b(?! now)|"
    rf"^(?:was|were|has|have) {THE}X (?:been )?(?:ever |at any time )(?:been )?(?:very )?(?:near|close)\b"
)
_EXCEPT = re.compile(
    rf"\b(?:except(?: for)?|besides|apart from|other than|aside from|anything but|nothing but|"
    rf"everything but|excluding|not counting) {THE}X\b"
)
_ASKS_ALL = re.compile(r"\b(?:what|which|anything|something|everything|nothing|list|name|else)\b")
_WHICH_ARE_THERE = re.compile(
    r"^(?:what|which) (?:kinds? of |sorts? of |types? of )?X (?:is|are|was|were) (?:there|here|around|"
    r"visible|in view|present|to be seen)(?: (?:here|in (?:the|this) (?:room|place|house|scene)))?$"
)
_FUTURE = re.compile(r"^(?:when|how soon|how long until)\b.*\bwill\b|^will\b")
_COMPARED = re.compile(
    r"\b(?:bigger|larger|smaller|taller|higher|lower|heavier|lighter|wider|narrower|thicker|thinner|"
    r"older|newer|brighter|darker|cleaner|nicer|prettier|stronger|softer|warmer|colder|faster|slower|"
    r"deeper|cheaper)\b.*\bthan\b|\bas (?:big|large|small|tall|high|heavy|wide|old) as\b"
)
_NOT_OF_COLOUR = re.compile(
    rf"^(?:(?:how many|number of|count|which|what) (?:of )?{THE}|(?:is|are|was|were) there (?:a |an |any )?)"
    r"X (?:(?:that |which )?(?:are|were|is|was) )?(?:there )?(?:that (?:are|were|is) )?not C(?: or C)?$"
)
_ON_SIDE_NOW = re.compile(
    rf"^{THE}X (?:(?:on|to|at) (?:the|your|my|our) (?:left|right)(?: side)?|behind (?:you|me|us)|"
    r"ahead(?: of (?:you|me|us))?|in front(?: of (?:you|me|us))?)$"
)
_ALWAYS = re.compile(r"\b(?:always|all the time|the whole time|throughout)\b")
_STAYED = re.compile(
    r"\bX (?:stay|stayed|remain|remained) (?:in view|in sight|visible|there)\b|"
    r"\bX (?:always |constantly )?(?:in view|in sight|visible) (?:all the time|the whole time|throughout)$"
)
_NTH_NEAREST = re.compile(
    r"\b(?:second|third|next|N) (?:closest|nearest|farthest|furthest|most distant) X\b"
)
_SAME_COLOUR = re.compile(r"\bX\b.*\bsame colours?\b|\bsame colours?\b.*\bX\b")
_CIRCLE = re.compile(rf"^(?:did|have|had|were) {YOU} (?:\w+ )?(?:\w+ )?in {THE}X$")
_CLOSER = re.compile(
    rf"^(?:did|have|had|are|were) {YOU} (?:ever )?(?:get|got|gotten|getting|come|coming|go|going|move|"
    rf"moved|drive|driven) (?:any )?(?:closer|nearer)(?: (?:to|towards?))? {THE}X\b"
)
_WHEN_NEAREST = re.compile(
    r"\b(?:when|which (?:keyframe|frame|picture|image)|what point)\b.*\b(?:closest|nearest)\b|"
    rf"^when (?:did|were|was) {YOU} (?:ever )?(?:get |come |go )?(?:near|close)(?: to)? {THE}X\b"
)
_DONE_THEN = re.compile(
    rf"^(?:did|was|were|could|have|had)\b.*\bX\b.*\b(?:before|after|while|when|as) (?:{YOU} )?(?P<rest>.+)$"
)
_ALIKE = re.compile(r"\bX (?:identical|alike|the same)$")
_IN_BETWEEN = re.compile(rf"\bbetween (?:you|me|us) and {THE}X\b")
_BESIDE = re.compile(
    r"^(?:is|was|are|were) there (?:a |an |any )?X (?:standing |lying |sitting )?(?:at|by|on|under|beside|near|"
    rf"next to|behind|in front of|in) {THE}X$"
)
_SEEN_NOW = re.compile(
    rf"^(?:do|can) {YOU} (?:still )?see\b.*\bX\b.*(?:now|at the moment|currently|at present)$"
)
_SINCE = re.compile(r"^how long (?:is it |has it been |was it )?since\b")
_THERE_AT_START = re.compile(
    rf"^(?:was|were) {THE}X (?:already |also )?(?:there |present |in view |visible |around )?"
    r"(?:at|in|right at|from) the (?:very )?(?:start|beginning|outset)$"
)
_IF_LOOKED = re.compile(
    r"\bif (?:you|i|we) (?:were to )?(?:look|looked|turn|turned|spin|face|faced) (?:back|around|round|behind)"
)
_ANY = re.compile(
    r"^any X (?:in|around|on|at) (?:the |this )?(?:area|vicinity|place|neighbou?rhood|surroundings|scene|site)$"
)
_SOMEBODY_BY = re.compile(
    r"^(?:is|was|are|were) (?:there )?(?:anybody|anyone|somebody|someone)(?: else)?\b.*"
    rf"\b(?:by|near|at|beside|next to|with|on|in|behind|close to|in front of) {THE}X$"
)
_KEYFRAMES_OF = re.compile(
    r"\b(?:which|what|all|list|show|how many|every|the|in how many)\b.*?\b(?:keyframes|frames|pictures|images|"
    r"views|shots|photos) (?:of|with|containing|showing|that (?:show|have|contain)|have|show|contain|"
    rf"include|that include|in which) {THE}X(?: in (?:it|them|view))?$|"
    rf"^(?:in )?how many (?:keyframes|frames|pictures|images|views|shots|photos) (?:is|was|are|were) {THE}X\b"
)
_FOR_SO_LONG = re.compile(
    r"\bX\b.*\b(?:visible|in view|in sight|on camera)\b.*\bfor (?:more|less|longer|shorter|at least|over|under)\b"
)
_COLOUR_OF_NTH = re.compile(
    r"\bcolours?\b.*\b(?P<nth>first|second|third|fourth|fifth|last|latest) X\b"
)
_NTH = {"first": 0, "second": 1, "third": 2, "fourth": 3, "fifth": 4, "last": -1, "latest": -1}
_IS_THE_THING = re.compile(
    rf"^(?:is|was|were|are) the (?P<which>closest|nearest|farthest|furthest|first|last|latest|most recent) "
    rf"(?:thing|object|item|one)(?: (?:that )?(?:{YOU} )?(?:to {YOU}|saw|have seen|see|noticed|from {YOU}))* "
    rf"{THE}X$"
)
_HOW_LONG_TO = re.compile(r"^how long (?:did|does|do|will|would|has|had) it (?:take|taken|took)\b")
_DONE_BETWEEN = re.compile(
    rf"\bbetween {THE}X and {THE}X\b.*\b(?:turn|move|do|go|drive|rotate)\b|"
    rf"\b(?:turn|move|do|go|drive|rotate)\b.*\bbetween {THE}X and {THE}X\b"
)


def read_history(named: Named) -> Asked | None:
    """The question as understood by one of these patterns; ``None`` for all others."""
    pattern = named.pattern
    if not named.things:
        return read_unnamed(named)
    with_it = cues.has(pattern, "it|itself|them|themselves|together|with|same|picture|moment|time")
    if _EXCEPT.search(pattern) and _ASKS_ALL.search(pattern) and not with_it:
        return make(named, "others")
    if len(named.things) == 1 and _ANY.search(pattern):
        return make(named, "existence")
    if _CIRCLE.search(pattern) and named.things[0].noun in ("circle", "circles"):
        return make(replace(named, things=()), "total_turn")
    if not all(named.known):
        return None
    if len(named.things) == 1 and _SOMEBODY_BY.search(pattern):
        return Asked("ever_together", things=(read_phrase("person"), *named.things))
    if (
        any(named.definite)
        and _COMPARED.search(pattern)
        and not cues.has(pattern, "way|route|distance|far|path")
    ):
        return make(named, "unnoted")
    if _DONE_BETWEEN.search(pattern) and not cues.SEE.search(pattern):
        return make(replace(named, things=()), "unnoted_way")
    if _SEEN_NOW.search(pattern):
        return make(named, "visible_now")
    if len(named.things) == 2 and _BESIDE.search(pattern):
        return make(named, "related")
    if len(named.things) > 1:
        return None
    if _FUTURE.search(pattern) and not cues.has(pattern, "if|after|once"):
        return make(named, "unnoted")
    if _NOT_OF_COLOUR.search(pattern):
        return make(named, "count_other")
    if _WHICH_ARE_THERE.search(pattern):
        return make(named, "inventory")
    return _about_one(named, pattern)


def _about_one(named: Named, pattern: str) -> Asked | None:
    side = cues.side_in(pattern)
    if side is not None and "KF" not in pattern:
        if _WAS_AT_START.search(pattern):
            return make(named, "ever_side", side=side, ordinal=0)
        if _WAS.search(pattern):
            return make(named, "ever_side", side=side)
        if _SEEN_ON.search(pattern):
            return make(named, "ever_side", side=side, reverse=True)
    if _ON_SIDE_NOW.search(pattern):
        return make(named, "is_side", side=side)
    if (_ALWAYS.search(pattern) and side is not None) or _NTH_NEAREST.search(pattern):
        return make(named, "unnoted")
    if _STAYED.search(pattern) or _ALWAYS.search(pattern):
        return make(named, "when")
    then = _DONE_THEN.search(pattern)
    if then is not None and actions_in(then["rest"]):
        return make(named, "when")
    what = cues.has(pattern, "what|which|anything|something")
    if _ALIKE.search(pattern) or (what and _IN_BETWEEN.search(pattern)):
        return make(named, "unnoted")
    if _SAME_COLOUR.search(pattern):
        return make(named, "colour")
    if _CLOSER.search(pattern) or _WHEN_NEAREST.search(pattern):
        return make(named, "ever_near", reverse=True)
    if _KEYFRAMES_OF.search(pattern) and not cues.has(pattern, "else|in the|in those"):
        return make(named, "keyframes_of")
    if _SINCE.search(pattern):
        return make(named, "ago")
    if _THERE_AT_START.search(pattern):
        return replace(make(named, "existence"), nth=0)
    if _IF_LOOKED.search(pattern) and cues.SEE.search(pattern):
        return make(named, "where")
    if _HOW_LONG_TO.search(pattern):
        return make(named, "unnoted")
    if _FOR_SO_LONG.search(pattern):
        return make(named, "in_view_for")
    nth = _COLOUR_OF_NTH.search(pattern)
    if nth is not None:
        return make(replace(named, nth=()), "nth", ordinal=_NTH[nth["nth"]])
    which = _IS_THE_THING.search(pattern)
    if which is not None:
        return _about_the_thing(named, which["which"])
    if _WHERE_AT_START.search(pattern):
        return make(named, "ever_side", ordinal=0)
    if _CLOSE.search(pattern) and not NOW.search(pattern):
        return make(named, "ever_near", reverse=cues.has(pattern, "how|closest|nearest"))
    return None


def _about_the_thing(named: Named, which: str) -> Asked:
    """Is the nearest thing a lamp? It is answered by naming the nearest thing."""
    named = replace(named, things=(), known=(), definite=(), nth=())
    if which in ("first", "last", "latest", "most recent"):
        return make(named, "at_start" if which == "first" else "in_view")
    return make(named, "nearest", reverse=which in ("farthest", "furthest"))
