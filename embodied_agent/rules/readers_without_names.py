"""Questions that name no thing, about all that has been: "what did you see while you backed up?",
"what was on your left in the end?", and those that say "it" where a name should be.

They hang on words that other readers would overlook. The patterns are narrow.

Out of scope: questions about things (`readers_of_history`), answers (`about_history`).
"""

from __future__ import annotations

import re
from dataclasses import replace

from embodied_agent.records import Action
from embodied_agent.rules import cues
from embodied_agent.rules.asked import Asked, Side
from embodied_agent.rules.names import Named
from embodied_agent.rules.readers_of_time import make

#: Whoever is asked.
YOU = r"(?:you|we|i|the robot|the camera)"
EVER = (
    r"\b(?:ever|at any (?:time|point|moment|stage)|at some (?:time|point|moment|stage)|never|"
    r"any time|once|at all)\b"
)
NOW = re.compile(r"\b(?:now|currently|at the moment|at present|still)\b")
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
    rf"^(?:what|which \w+|anything|did {YOU} see anything|tell me what|list what)\b.*"
    r"\b(?P<joint>while|during|as|when|whenever|before|(?:right |just |immediately |directly )?after)\b (?P<rest>.+)$"
)
#: A motion of any kind, before which nobody knows what was seen.
_ANY_MOTION = re.compile(
    r"^(?:(?:the|your|our|my|a) )?(?:(?:first|second|third|last|latest|next|previous) )?(?:turn|move|motion|step|rotation)$"
)
_WHICH_TIME = (
    (0, re.compile(r"\bfirst\b")),
    (-1, re.compile(r"\blast\b|\blatest\b|\bmost recent\b")),
    (1, re.compile(r"\bsecond (?:time|turn)\b")),
)
_NOT_SEEN = re.compile(
    rf"^(?:name|list|tell me|give me|show me)\b.*\b{YOU} (?:have |did |had )?(?:not|never)\b"
)
_AT_THE_END = re.compile(r"\b(?:at|in|near|towards?) the (?:very )?end\b|\bfinally\b")
_LAST_PICTURE = re.compile(
    r"\b(?:in|on|from|of) (?:the|your) (?:very )?(?:last|latest|most recent|final|newest|current) "
    r"(?:keyframe|frame|picture|image|view|shot|photo)$"
)
_WHEN_STARTED = re.compile(rf"\b(?:when|as) {YOU} (?:started|began|set (?:off|out))\b")
_LATEST = re.compile(
    rf"^(?:which|what) (?:thing|object|item)s? (?:did|have|had) {YOU} (?:see|seen|notice|noticed) "
    r"(?:most recently|last|latest)$"
)
_LATEST_OF_ALL = re.compile(
    r"\b(?:N|last|latest|most recent) (?:N |last |latest |most recent )(?:things|objects|items)\b|"
    r"\b(?:latest|most recent) (?:things|objects|items)\b"
)
_LARGEST = re.compile(
    r"\b(?:biggest|largest|smallest|tallest|heaviest|lightest|widest|oldest|newest looking|brightest|"
    r"darkest|cleanest|dirtiest|strangest|highest|lowest)\b"
)
_BOTH_SIDES = re.compile(r"\bleft\b.*\band\b.*\bright\b|\bright\b.*\band\b.*\bleft\b")
#: Neither ahead nor to the left, but in between.
_CORNER = re.compile(
    r"\b(?:behind|back|rear|front|ahead|in front)(?: of)?(?: (?:you|me|us))?(?: and|,)?(?: (?:to|on|at))?(?: (?:the|your|my|our))? "
    r"(?:left|right)\b(?! (?:now|away|here|there|behind|about|at|this))|\b(?:front|back|rear)-(?:left|right)\b|"
    r"\b(?:left|right)(?: and|,)? (?:behind|in front of|ahead of)(?: (?:you|me|us))\b"
)
_IN_PICTURE = re.compile(
    r"\b(?:left|right|middle|centre|center)(?:-hand)?(?: hand)?(?: side| part| half| edge)? of (?:the|your) (?:current |present |latest |last )?"
    r"(?:picture|image|frame|view|screen|keyframe|photo|shot)$"
)
#: "Is anything red behind you?"
_THERE_NOW = re.compile(
    r"^(?:(?:is|are) (?:there )?(?:any|some|anything|something|C)\b|(?:what|which|anything)\b).*\b(?:behind|ahead|front|left|right)\b"
)
_AT_RANGE = re.compile(
    rf"^(?:what|which|anything|list|name|did {YOU} see|have {YOU} seen)\b.*"
    r"\b(?:was|were|been|anything|things|objects) (?:very |quite |really )?"
    rf"(?:(?P<near>near|close|nearby)(?: (?:to )?{YOU})?|(?P<far>far|far away|distant)(?: from {YOU})?)$"
)
_IN_A_PLACE = re.compile(
    r"^(?:what|which)\b.*\b(?:see|seen|saw|notice|noticed|was|were|is|are|there) (?:there )?in the "
    r"(?:kitchen|bathroom|bedroom|living room|dining room|office|hall|hallway|corridor|garage|garden|"
    r"basement|lobby|yard|cellar|attic|street|warehouse|lab|laboratory|workshop|shop)$"
)
_ONE_NOT_OTHER = re.compile(r"\bKF\b.*\bnot\b.*\bKF\b")
_NEWEST = re.compile(r"\bnewest (?:thing|object|item)\b")
_HOW_OFTEN_BACK = re.compile(
    rf"^how (?:often|many times) (?:did|have|had) {YOU} (?:go|gone|drive|driven|move|moved|roll|step) "
    r"back(?:wards?)?$"
)
_AT_METRES = re.compile(
    r"^(?:what|which|anything|(?:is|are|was|were) (?:there )?(?:anything|something))\b.*"
    r"\b(?:N|one|an?) (?:metres?|meters?|m|feet|foot|yards?|cm|centimet\w+)\b"
)
_NEXT_TO_YOU = re.compile(
    r"^(?:what|which \w+|anything|who|(?:is|are) (?:there )?(?:anything|something|any (?:thing|object|item)s?))\b(?: \w+){0,3}? "
    r"(?:next to|beside|alongside|adjacent to|by the side of|near|close to) (?:you|me|us)"
    r"(?: (?:now|right now|here|at the moment|currently))*$"
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
    rf"^(?:which|what) (?:way|direction) (?:were|was|are|is) {YOU} (?:facing|looking|pointing|heading|turned)"
    r" (?:at|in) the (?:start|beginning)"
)
#: A pronoun where a thing should be named. What "it" is in "is it raining?" is no thing.
_PRONOUN = re.compile(
    rf"^(?:and |so |but )?(?:where|when) (?:did|have|had) {YOU} (?:last |first )?(?:see|seen|notice|"
    r"noticed|spot|spotted|find|found) (?:it|them|that|him|her|this|those)(?: (?:last|first))?$|"
    r"^(?:and |so |but )?(?:where|what colours?|how far(?: away)?|how close|how near|which way|in which "
    r"direction) (?:is|are|was|were) (?:it|they|that|this|he|she|them|those)(?: (?:now|by now|from here|"
    r"from you|away|last seen))?$|"
    r"^(?:and |so |but )?(?:is|was|are|were) (?:it|they|he|she|that one|this one) (?:still |now |ever |also )?"
    r"(?:there|visible|in view|in sight|gone|behind (?:you|me|us)|in front of (?:you|me|us)|near|far|"
    r"close|nearby|(?:on|to) (?:the|your|my|our) (?:left|right)|C(?: or C)?)(?: (?:now|too|as well))?$|"
    rf"^(?:and |so |but )?(?:did|have|had|do|can) {YOU} (?:still |ever )?(?:see|seen|notice|noticed|pass|"
    r"passed) (?:it|them|him|her|that one)(?: (?:again|before|twice|now|too))?$|"
    r"^how (?:many|often|many times)\b.*\b(?:of them|(?:see|seen|saw) (?:it|them|him|her))\b.*$|"
    r"^what (?:was|is|were) (?:next to|near|beside|behind|around|with) (?:it|them|him|her)$|"
    r"^what (?:was|is) (?:it|that) (?:next to|near|beside|close to)$|"
    rf"^how do (?:i|{YOU}) (?:get|go) (?:back )?to (?:it|them|him|her)(?: from here)?$"
)


def read_unnamed(named: Named) -> Asked | None:
    """The question as understood by one of these patterns; ``None`` for all others."""
    pattern = named.pattern
    which = cues.has(pattern, "what|which|anything|list|name|show")
    if _PRONOUN.search(pattern) and "KF" not in pattern:
        return make(named, "unresolved")
    if _ONE_NOT_OTHER.search(pattern) or _IN_A_PLACE.search(pattern):
        return make(named, "unnoted_way")
    ranged = _AT_RANGE.search(pattern)
    if ranged is not None and cues.PAST.search(pattern):
        return make(named, "at_range", reverse=bool(ranged["far"]))
    if which and _BOTH_SIDES.search(pattern) and not cues.TURN.search(pattern):
        return make(named, "both_sides")
    if _IN_PICTURE.search(pattern) and not cues.PAST.search(pattern):
        return make(named, "in_view", side=cues.side_in(pattern))
    side = cues.side_in(pattern)
    if named.colours and side is not None and _THERE_NOW.search(pattern):
        return make(named, "around", side=side)
    corner = _CORNER.search(pattern)
    if (
        which
        and corner is not None
        and not cues.TURN.search(pattern)
        and not cues.PAST.search(pattern)
    ):
        ends: tuple[Side, ...] = (
            "back" if re.search("behind|back|rear", corner.group()) else "front",
            "left" if "left" in corner.group() else "right",
        )
        return make(named, "both_sides", sides=ends)
    if _LARGEST.search(pattern):
        return make(named, "unnoted_way")
    if _LATEST_OF_ALL.search(pattern) and which:
        return make(named, "latest")
    if _NEWEST.search(pattern):
        return make(named, "nth", ordinal=-1)
    if _HOW_OFTEN_BACK.search(pattern):
        return make(named, "moves", side="back")
    if _AT_METRES.search(pattern):
        return make(named, "unnoted_way")
    if _NEXT_TO_YOU.search(pattern) and not cues.PAST.search(pattern):
        return make(named, "nearest")
    if _NOT_SEEN.search(pattern) or _NOT_ADDED_UP.search(pattern):
        return make(named, "unnoted_way")
    if _FACED.search(pattern):
        return make(named, "heading")
    if _LATEST.search(pattern) or _LAST_PICTURE.search(pattern):
        return make(named, "in_view")
    told = which or cues.has(pattern, "tell")
    if told and _AT_THE_END.search(pattern) and cues.has(pattern, "was|were|see|saw|look|looking"):
        return make(named, "around", side=side) if side else make(named, "in_view")
    if side is not None and which and _WHEN_STARTED.search(pattern):
        return make(named, "at_start", side=side)
    if "KF" in pattern or named.colours or not which:
        return None
    if _FARTHEST.search(pattern):
        ever = bool(re.search(EVER, pattern) or cues.PAST.search(pattern))
        return replace(make(named, "farthest"), past=ever and not NOW.search(pattern))
    if _LONGEST.search(pattern) and cues.SEE.search(pattern):
        return make(named, "most_seen")
    return _seen_while(named, pattern)


def actions_in(text: str) -> tuple[Action, ...]:
    """The motions of the camera that a text names, such as "you turned left"."""
    return tuple(action for action, words in _DOING if words.search(text))


def _seen_while(named: Named, pattern: str) -> Asked | None:
    """What was in view while the camera did something, or after it."""
    found = _SEEN_WHILE.search(pattern)
    if found is None or not cues.SEE.search(pattern[: found.start("joint")]):
        return None
    actions = actions_in(found["rest"])
    if found["joint"] == "before":  # before any motion is the start
        unknown = bool(actions) or _ANY_MOTION.search(found["rest"])
        return make(named, "unnoted_way") if unknown else None
    if not actions and found["joint"] != "when" and not cues.START.search(found["rest"]):
        return make(named, "unnoted_way")
    if len(actions) != 1:
        return None
    times = [number for number, words in _WHICH_TIME if words.search(found["rest"])]
    after = found["joint"].endswith("after")
    if after and not times:
        return None  # after which of them?
    return make(named, "seen_while", actions=actions, ordinal=times[0] if times else None)
