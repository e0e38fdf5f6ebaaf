"""Questions about all that has been, rather than about now: "was it ever on your left?", "how close
did you get to it?", "what did you see while you backed up?", and about everything but something.

They hang on words that other readers would overlook, and would then be answered as if they asked
about now, or about whether a thing was there at all. The patterns are narrow.

Out of scope: all other questions (`particulars`, `readers`), answers (`about_history`).
"""

from __future__ import annotations

import re
from dataclasses import replace

from embodied_agent.records import Action
from embodied_agent.rules import cues
from embodied_agent.rules.asked import Asked
from embodied_agent.rules.names import Named
from embodied_agent.rules.phrases import read_phrase
from embodied_agent.rules.readers_of_time import make

_YOU = r"(?:you|we|i|the robot|the camera)"
_THE = r"(?:the |a |an |any |your |our |this |that |some )?"
_EVER = (
    r"\b(?:ever|at any (?:time|point|moment|stage)|at some (?:time|point|moment|stage)|never|"
    r"any time|once|at all)\b"
)
#: "Has X been …", "was X ever …", "did you ever have X …", "when was X …", "did you see X on your …".
_WAS = re.compile(
    rf"^(?:has|have|had) (?:there )?(?:ever )?{_THE}X (?:ever )?been\b|"
    rf"^(?:was|were) (?:there )?(?=.*{_EVER}).*\bX\b|"
    rf"^(?:did|have|had) {_YOU} (?:ever )?(?:have|had|keep|kept) {_THE}X\b|"
    rf"\b(?:when|how often) (?:was|were|has|have) {_THE}X\b|\bwhen {_THE}X (?:was|were)\b"
)
_SEEN_ON = re.compile(
    rf"^(?:did|have|had|do) {_YOU} (?:ever )?(?:see|seen|spot|spotted|notice|noticed|find|found|"
    rf"observe|observed|detect|detected|encounter|encountered|pass|passed) {_THE}X "
    r"(?:(?:somewhere |anywhere )?(?:on|to|at) (?:the|your|our|my) (?:left|right)(?: (?:hand )?side)?|"
    r"(?:behind|ahead of|in front of) (?:you|us|me))"
    r"(?: at any time| at some point| ever)?$"
)
_WAS_AT_START = re.compile(
    rf"^(?:was|were) {_THE}X\b.*\b(?:at|in) the (?:very )?(?:start|beginning|outset)\b|"
    rf"^(?:was|were) {_THE}X\b.*\b(?:when|as) {_YOU} (?:started|began|set (?:off|out))\b"
)
_WHERE_AT_START = re.compile(
    rf"^where (?:was|were) {_THE}X (?:at|in) the (?:very )?(?:start|beginning|outset)$|"
    rf"^where (?:was|were) {_THE}X (?:when|as) {_YOU} (?:started|began|set (?:off|out))$"
)
_CLOSE = re.compile(
    rf"\bhow (?:close|near) (?:did|have|had) {_YOU} (?:ever )?(?:get|got|gotten|come|came|been|be|go)\b.*\bX\b|"
    rf"\b(?:closest|nearest)\b.*\b{_YOU} (?:ever )?(?:got|came|were|was|come|get|have been|have come|"
    r"have gotten|have got)\b.*\bto\b.*\bX\b|"
    rf"^(?:did|have|had|were|was) {_YOU} (?:ever )?(?:(?:get|got|gotten|come|came|been|be|go|gone|drive|"
    rf"driven|stand|stood) )?(?:ever )?(?:very |quite |really |right )?(?:near|close|next|close by|"
    rf"nearby)(?: (?:to|up to|by))? {_THE}X\b(?! now)|"
    rf"^(?:was|were|has|have) {_THE}X (?:been )?(?:ever |at any time )(?:been )?(?:very )?(?:near|close)\b"
)
_NOW = re.compile(r"\b(?:now|currently|at the moment|at present|still)\b")
_FARTHEST = re.compile(r"\b(?:farthest|furthest|most distant|farthest away|furthest away)\b")
_LONGEST = re.compile(r"\blongest\b")
_DOINGS: tuple[tuple[Action, str], ...] = (
    (Action.ROTATE_LEFT, r"(?:turn|rotat|spin|spun|swivel)\w* (?:to (?:the|your) )?left|left turn"),
    (Action.ROTATE_RIGHT, r"(?:turn|rotat|spin|spun|swivel)\w* (?:to (?:the|your) )?right|right turn"),
    (
        Action.MOVE_BACKWARD,
        r"(?:mov|go|went|driv|drove|roll|walk|step)\w* back(?:wards?)?|revers\w+|"
        r"back(?:ed|ing) up",
    ),
    (Action.MOVE_FORWARD, r"(?:mov|go|went|driv|drove|roll|walk|step|advanc)\w* (?:forwards?|ahead|straight)"),
    (Action.MOVE_LEFT, r"(?:mov|go|went|slid|strafe)\w* (?:to (?:the|your) )?left"),
    (Action.MOVE_RIGHT, r"(?:mov|go|went|slid|strafe)\w* (?:to (?:the|your) )?right"),
    (Action.MOVE_UPWARD, r"(?:mov|go|went|fly|flew|climb|ris|rose|ascend)\w* up(?:wards?)?"),
    (Action.MOVE_DOWNWARD, r"(?:mov|go|went|fly|flew|sink|sank|descend)\w* down(?:wards?)?"),
    (Action.TILT_UPWARD, r"(?:look|tilt)\w* up(?:wards?)?"),
    (Action.TILT_DOWNWARD, r"(?:look|tilt)\w* down(?:wards?)?"),
)  # fmt: skip
_DOING = tuple((action, re.compile(rf"\b(?:{words})\b")) for action, words in _DOINGS)
_SEEN_WHILE = re.compile(
    rf"^(?:what|which \w+|anything|did {_YOU} see anything|tell me what|list what)\b.*"
    r"\b(?P<joint>while|during|as|when|whenever|(?:right |just |immediately |directly )?after)\b (?P<rest>.+)$"
)
_WHICH_TIME = (
    (0, re.compile(r"\bfirst\b")),
    (-1, re.compile(r"\blast\b|\blatest\b|\bmost recent\b")),
    (1, re.compile(r"\bsecond (?:time|turn)\b")),
)
_EXCEPT = re.compile(
    rf"\b(?:except(?: for)?|besides|apart from|other than|aside from|anything but|nothing but|"
    rf"everything but|excluding|not counting) {_THE}X\b"
)
_ASKS_ALL = re.compile(r"\b(?:what|which|anything|something|everything|nothing|list|name|else)\b")
_NOT_SEEN = re.compile(
    rf"^(?:name|list|tell me|give me|show me)\b.*\b{_YOU} (?:have |did |had )?(?:not|never)\b"
)
_AT_THE_END = re.compile(r"\b(?:at|in) the (?:very )?end\b|\bfinally\b")
_LAST_PICTURE = re.compile(
    r"\b(?:in|on|from) (?:the|your) (?:very )?(?:last|latest|most recent|final|newest|current) "
    r"(?:keyframe|frame|picture|image|view|shot|photo)$"
)
_WHEN_STARTED = re.compile(rf"\b(?:when|as) {_YOU} (?:started|began|set (?:off|out))\b")
_LATEST = re.compile(
    rf"^(?:which|what) (?:thing|object|item)s? (?:did|have|had) {_YOU} (?:see|seen|notice|noticed) "
    r"(?:most recently|last|latest)$"
)
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
    rf"^(?:(?:how many|number of|count|which|what) (?:of )?{_THE}|(?:is|are|was|were) there (?:a |an |any )?)"
    r"X (?:(?:that |which )?(?:are|were|is|was) )?(?:there )?(?:that (?:are|were|is) )?not C(?: or C)?$"
)
_ANY = re.compile(
    r"^any X (?:in|around|on|at) (?:the |this )?(?:area|vicinity|place|neighbou?rhood|surroundings|scene|site)$"
)
_SOMEBODY_BY = re.compile(
    r"^(?:is|was|are|were) (?:there )?(?:anybody|anyone|somebody|someone)(?: else)?\b.*"
    rf"\b(?:by|near|at|beside|next to|with|on|in|behind|close to|in front of) {_THE}X$"
)
_KEYFRAMES_OF = re.compile(
    r"\b(?:which|what|all|list|show|how many|every|the|in how many)\b.*?\b(?:keyframes|frames|pictures|images|"
    r"views|shots|photos) (?:of|with|containing|showing|that (?:show|have|contain)|have|show|contain|"
    rf"include|that include|in which) {_THE}X(?: in (?:it|them|view))?$|"
    rf"^(?:in )?how many (?:keyframes|frames|pictures|images|views|shots|photos) (?:is|was|are|were) {_THE}X\b"
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
    rf"(?:thing|object|item|one)(?: (?:that )?(?:{_YOU} )?(?:to {_YOU}|saw|have seen|see|noticed|from {_YOU}))* "
    rf"{_THE}X$"
)
_HOW_LONG_TO = re.compile(r"^how long (?:did|does|do|will|would|has|had) it (?:take|taken|took)\b")
_DONE_BETWEEN = re.compile(
    rf"\bbetween {_THE}X and {_THE}X\b.*\b(?:turn|move|do|go|drive|rotate)\b|"
    rf"\b(?:turn|move|do|go|drive|rotate)\b.*\bbetween {_THE}X and {_THE}X\b"
)
#: Of things that moved, were seen repeatedly or on both sides, and of numbers then and now.
_NOT_ADDED_UP = re.compile(
    r"^(?:did|has|have|is|was|are|were|does|do) (?:anything|something|any (?:thing|object|item)s?|"
    r"(?:the )?(?:things|objects)) (?:else )?(?:ever )?(?:move|moved|moving)\b|"
    r"\b(?:on )?both sides\b|"
    r"\b(?:things?|objects?|items?|anything|what)\b.*\b(?:see|saw|seen) (?:twice|more than once|several times|"
    r"repeatedly|again)$|"
    r"\b(?:fewer|more|less) (?:things|objects|items)\b.*\b(?:than|now)\b|"
    r"^how long (?:did|does|do|will|would) it take\b"
)
_FACED = re.compile(
    rf"^(?:which|what) (?:way|direction) (?:were|was|are|is) {_YOU} (?:facing|looking|pointing|heading|turned)"
    r" (?:at|in) the (?:start|beginning)"
)
#: A pronoun where a thing should be named. What "it" is in "is it raining?" is no thing.
_PRONOUN = re.compile(
    rf"^(?:and |so |but )?(?:where|when) (?:did|have|had) {_YOU} (?:last |first )?(?:see|seen|notice|"
    r"noticed|spot|spotted|find|found) (?:it|them|that|him|her|this|those)(?: (?:last|first))?$|"
    r"^(?:and |so |but )?(?:where|what colours?|how far(?: away)?|how close|how near|which way|in which "
    r"direction) (?:is|are|was|were) (?:it|they|that|this|he|she|them|those)(?: (?:now|by now|from here|"
    r"from you|away|last seen))?$|"
    r"^(?:and |so |but )?(?:is|was|are|were) (?:it|they|he|she|that one|this one) (?:still |now |ever |also )?"
    r"(?:there|visible|in view|in sight|gone|behind (?:you|me|us)|in front of (?:you|me|us)|near|far|"
    r"close|nearby|(?:on|to) (?:the|your|my|our) (?:left|right)|C(?: or C)?)(?: (?:now|too|as well))?$|"
    rf"^(?:and |so |but )?(?:did|have|had|do|can) {_YOU} (?:still |ever )?(?:see|seen|notice|noticed|pass|"
    r"passed) (?:it|them|him|her|that one)(?: (?:again|before|twice|now|too))?$|"
    r"^how (?:many|often|many times)\b.*\b(?:of them|(?:see|seen|saw) (?:it|them|him|her))\b.*$|"
    r"^what (?:was|is|were) (?:next to|near|beside|behind|around|with) (?:it|them|him|her)$|"
    r"^what (?:was|is) (?:it|that) (?:next to|near|beside|close to)$|"
    rf"^how do (?:i|{_YOU}) (?:get|go) (?:back )?to (?:it|them|him|her)(?: from here)?$"
)


def read_history(named: Named) -> Asked | None:
    """The question as understood by one of these patterns; ``None`` for all others."""
    pattern = named.pattern
    if not named.things:
        return _about_no_thing(named, pattern)
    with_it = cues.has(pattern, "it|itself|them|themselves|together|with|same|picture|moment|time")
    if _EXCEPT.search(pattern) and _ASKS_ALL.search(pattern) and not with_it:
        return make(named, "others")
    if len(named.things) == 1 and _ANY.search(pattern):
        return make(named, "existence")
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
    if _KEYFRAMES_OF.search(pattern) and not cues.has(pattern, "else|in the|in those"):
        return make(named, "keyframes_of")
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
    if _CLOSE.search(pattern) and not _NOW.search(pattern):
        return make(named, "ever_near", reverse=cues.has(pattern, "how|closest|nearest"))
    return None


def _about_the_thing(named: Named, which: str) -> Asked:
    """Is the nearest thing a lamp? What it is says whether it is."""
    named = replace(named, things=(), known=(), definite=(), nth=())
    if which in ("first", "last", "latest", "most recent"):
        return make(named, "at_start" if which == "first" else "in_view")
    return make(named, "nearest", reverse=which in ("farthest", "furthest"))


def _about_no_thing(named: Named, pattern: str) -> Asked | None:
    if _PRONOUN.search(pattern) and "KF" not in pattern:
        return make(named, "unresolved")
    if _NOT_SEEN.search(pattern) or _NOT_ADDED_UP.search(pattern):
        return make(named, "unnoted_way")
    if _FACED.search(pattern):
        return make(named, "total_turn")
    if _LATEST.search(pattern) or _LAST_PICTURE.search(pattern):
        return make(named, "in_view")
    which = cues.has(pattern, "what|which|anything")
    side = cues.side_in(pattern)
    if which and _AT_THE_END.search(pattern) and cues.has(pattern, "was|were|see|look|looking"):
        return make(named, "around", side=side) if side else make(named, "in_view")
    if side is not None and which and _WHEN_STARTED.search(pattern):
        return make(named, "at_start", side=side)
    if "KF" in pattern or named.colours or not which:
        return None
    if _FARTHEST.search(pattern):
        ever = bool(re.search(_EVER, pattern) or cues.PAST.search(pattern))
        return replace(make(named, "farthest"), past=ever and not _NOW.search(pattern))
    if _LONGEST.search(pattern) and cues.SEE.search(pattern):
        return make(named, "most_seen")
    return _seen_while(named, pattern)


def _seen_while(named: Named, pattern: str) -> Asked | None:
    """What was in view while the camera did something, or after it."""
    found = _SEEN_WHILE.search(pattern)
    if found is None or not cues.SEE.search(pattern[: found.start("joint")]):
        return None
    actions = tuple(action for action, words in _DOING if words.search(found["rest"]))
    if not actions and found["joint"] != "when" and not cues.START.search(found["rest"]):
        return make(named, "unnoted_way")
    if len(actions) != 1:
        return None
    times = [number for number, words in _WHICH_TIME if words.search(found["rest"])]
    after = found["joint"].endswith("after")
    if after and not times:
        return None  # after which of them?
    return make(named, "seen_while", actions=actions, ordinal=times[0] if times else None)
