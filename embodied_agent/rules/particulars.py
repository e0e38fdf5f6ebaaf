"""Questions that hang on one word: "still", "both", "more than", "the nearest".

The cues and the fitted model go by what most questions of a kind have in common, and would overlook
that word. These patterns are narrow: what they don't recognise is left to the others.

Out of scope: all other questions (`readers`), parts of the time (`spans`), answers.
"""

from __future__ import annotations

import re
from dataclasses import replace

from embodied_agent.rules import cues
from embodied_agent.rules.asked import Asked, Side
from embodied_agent.rules.names import Named
from embodied_agent.rules.phrases import read_phrase
from embodied_agent.rules.readers_of_own_motion import YOU, read_own_motion
from embodied_agent.rules.readers_of_the_unnoted import is_deed, read_unnoted
from embodied_agent.rules.readers_of_time import make
from embodied_agent.rules.vocabulary import PLACES

_SEE = (
    r"(?:see|seen|saw|notice|noticed|spot|spotted|find|found|pass|passed|meet|met|encounter|"
    r"encountered|observe|observed|come across|came across|look at|looked at|watch|watched|appear|"
    r"appeared|show up|showed up|in view|visible|in sight)"
)
_VISIBLE = re.compile(
    r"^(?:is|are) (?:the |that |this |your |our |my )X (?:still |now |also )?(?:there|here|around)(?: now)?$|"
    rf"\bstill (?:see|visible|in view|in sight|there|in front|around)\b.*|"
    rf"^(?:can|could|do) {YOU} (?:still )?see (?:the |a |an |any |your |my )?(?:X|N X)"
    r"(?: right)? (?:now|from here|at the moment|from where you are|currently)$|"
    r"^(?:is|are) (?:the |a |an |any |your |my )?X (?:now |currently |still |right now )?"
    r"(?:visible|in view|in sight|in the picture|on camera|being seen)"
    r"(?: (?:right )?now| at the moment| from here| currently)?$"
)
_GONE = re.compile(
    r"^(?:is|are|has|have) (?:the |that |your |our |my )X (?:now |already )?gone(?: now)?$"
)
_BARE = re.compile(r"^(?:the|that|this) X$")
_ANY_OF_COLOUR = re.compile(
    r"\b(?:anything|something|things?|objects?) (?:that (?:is|was) )?C (?:before|after|near|with|by)\b"
)
#: The number says whether there is another one, or only one.
_HOW_MANY_OTHERS = re.compile(
    r"^(?:is|are|was|were) there (?:any )?(?:another|other|a second|more|only one|just one|only a single|a single) X$"
)
_SEVERAL = re.compile(
    rf"^(?:did|have|had|do) {YOU} (?:ever )?{_SEE} {cues.THE}X(?: {cues.THE}X)+ (?:and|or) {cues.THE}X$"
)
_IS_PLACE = re.compile(r"^(?:is|was) (?:this|that|it|here) (?:place )?(?:a |an |the |your |my )?X$")
_MORE = re.compile(
    r"\b(?P<which>more|fewer|less|as many) X (?:than|as) X\b|\bmore (?:of )?(?:the )?X or X\b"
)
_BOTH = re.compile(
    rf"^(?:did|have|do|had) {YOU} (?:ever )?{_SEE} both (?:a |an |the )?X and (?:a |an |the )?X$|"
    r"^(?:is|are|was|were) there both (?:a |an )?X and (?:a |an )?X$"
)
_ORDINALS = {
    "first": 0, "second": 1, "third": 2, "fourth": 3, "fifth": 4, "sixth": 5, "seventh": 6,
    "eighth": 7, "ninth": 8, "tenth": 9, "last": -1, "latest": -1, "final": -1,
}  # fmt: skip
_NTH_OF = re.compile(
    r"^(?:which|what|where|describe|show me|tell me about)\b(?: \w+){0,3}? "
    rf"(?:the|your|our) ({'|'.join(_ORDINALS)}) X"
    r"(?: (?:that )?(?:you|we) (?:saw|passed|noticed|met|came across|have seen))?$"
)
_NTH_THING = re.compile(
    rf"\b(?:the|your|our) (?P<nth>{'|'.join(_ORDINALS)}) (?P<new>new |different )?"
    r"(?:thing|object|item)s?\b"
)
_MOST_SEEN = re.compile(
    r"\b(?P<most>most|least) (?:often|frequently|common|frequent)\b|\b(?P<all>most) of all\b|"
    r"\b(?:see|saw|seen|appear\w*|show\w*) the (?P<the>most|least)\b|"
    r"\b(?:only|just) (?:see|saw|seen) once\b|\b(?:see|saw|seen) (?P<once>only once|just once)\b"
)
_TIMES_SEEN = re.compile(
    rf"\bhow (?:often|many times|frequently)\b.*\b{_SEE}\b.*X\b|\bhow (?:often|many times|"
    rf"frequently)\b.*X\b.*\b{_SEE}\b|\b{_SEE}\b.*X (?:twice|again|more than once|several times|"
    r"repeatedly|once or twice|N times)$"
)
_NEAREST_OF = re.compile(
    r"\b(?P<word>nearest|closest|farthest|furthest|most distant) X\b|"
    r"\bwhich (?:of the |one of the )?X (?:is|was|are|were) (?:the )?"
    r"(?P<late>nearest|closest|nearer|closer|farthest|furthest|farther|most distant)\b"
)
_FAR = re.compile(r"far|fur|distant")
_SEEN_BETWEEN = re.compile(
    rf"\b(?:what|which|anything|something)\b.*\b{_SEE}\b.*\bbetween (?:the |a |an )?X and (?:the |a |an )?X$"
)
_SEEN_UNTIL = re.compile(
    rf"\b(?:what|which|anything)\b.*\b{_SEE}\b.*\b(?:on|along) (?:your|the|our|my) way to (?:the |a |an )?X$"
)
_AGO = re.compile(
    r"\bhow long ago\b|\bhow many (?:seconds?|minutes?|hours?) ago\b|"
    r"\bhow long (?:is it|has it been|was it) since\b"
)
_CLOCK_TIME = re.compile(
    r"^(?:at )?(?:what|which) time (?:did|was|were|have|had)\b|\bat (?:what|which) time\b|"
    r"\bwhat was the time when\b|^when exactly\b"
)
_DURATION = re.compile(
    r"^how long (?:was|is|did|have|has|were) (?:the |your |our |this |that )?"
    r"(?:walk|trip|tour|journey|ride|drive|flight|run|recording|video|whole thing|it|"
    r"(?:you|we) (?:been )?(?:drive|driving|driven|walk|walking|move|moving|run|running|go|going|"
    r"on the way|underway|record|recording|travel|travelling|traveling))\b(?! X)|"
    r"^when did (?:you|we|it|the (?:walk|trip|tour|recording|run)) (?:start|begin|set off|set out)$|"
    r"^when (?:was|is) the start$"
)
_IN_VIEW_FOR = re.compile(
    rf"^how long\b.*(?:\b{_SEE}\b.*\bX\b|\bX\b.*\b{_SEE}\b)|^for how long\b.*\bX\b"
)
_PASSED = re.compile(
    rf"^(?:did|have|had) {YOU} (?:ever )?(?:pass|passed|pass by|passed by|go past|went past|gone past|"
    r"drive past|drove past) (?:by )?(?:the |a |an |any |some |N )?X$"
)
_SOMEBODY = re.compile(
    r"^(?:is|was|are|were) (?:there )?(?:anybody|anyone|somebody|someone)(?: else)?"
    r"(?: (?:home|at home|here|there|around|in view|in the (?:room|house|building)|visible))?$|"
    rf"^(?:did|have|has|do|can) {YOU} (?:ever )?{_SEE} (?:anybody|anyone|somebody|someone)(?: else)?$|"
    r"^(?:did|has|have|had|was|is) (?:anybody|anyone|somebody|someone)(?: else)? (?:\w+ )?"
    r"(?:see|saw|walk|pass|com[ei]|came|go|went|gone|run|ran|running|stand|stood|standing|appear|show)\w*\b|"
    r"^who (?:walked|passed|came|went|ran|stood|was|is) (?:by|past|here|there|around|along|in view)\b"
)
_VIEW = re.compile(
    r"^(?:what is (?:all )?around(?: (?:here|you|us|me))?|what surrounds (?:you|us|me)|"
    r"(?:describe|show me|tell me about) (?:the |your |our |this )?"
    r"(?:scene|surroundings|place|room|view|area|environment|situation)|(?:have a )?look around)$"
)
_START_SIDE = re.compile(
    r"\b(?:on|to|at) (?:the|your|my|our) (?:very )?(?:left|right)\b(?! (?:time|start|moment))"
)
_AT_START = re.compile(
    r"\b(?:at|in) the (?:very )?(?:start|beginning|outset)\b|\binitially\b|\bat first\b"
)
_NUMBERED = re.compile(
    r"^(?:is|are|was|were|did|do|have|can) (?:there |you |we |i )?.*\b(?:N|more than one) X\b"
)
_FACING = re.compile(
    r"^(?:are|were) (?:you|we|i) (?:now |still |currently )?(?:facing|turned to|turned towards?) (?:the |a |an )?X"
)
_STEPS_TO = re.compile(r"^how many X (?:is it )?(?:to|from|until|away from) (?:the |a )?X$")
_FROM_TO = re.compile(
    r"\b(?:get|go|way|walk|drive|come|direction|path|route)\b.*\bfrom (?:the |a )?X to (?:the |a )?X$"
)
_BEFORE_OR_AFTER = re.compile(r"\b(?:before or after|after or before|earlier or later)\b")
_ALL_OF_COLOUR = re.compile(
    r"^(?:is|are|was|were) (?:all|every|each|both)(?: of)?(?: the| these| those| your)? X C(?: or C)?$|"
    r"^(?:is|are|was|were) (?:the )?X all C$"
)
_O_CLOCK = re.compile(
    r"\b(?:at|on|to) (?:your |the |my )?N o'clock\b|\bN o'clock (?:from|of) (?:you|here|me)\b"
)
_CLOCK_SIDES: dict[int, Side] = {12: "front", 3: "right", 6: "back", 9: "left"}
_CHANGED = re.compile(
    r"^what (?:has |have |is |was )?(?:changed|different|new|disappeared|gone|vanished|missing)\b|"
    r"^what (?:went|got|has gone) (?:away|missing|out of view)\b|"
    r"^(?:is there |are there )?(?:anything|something) (?:new|different|changed)(?: (?:in view|here|now|in sight|around))?$|"
    r"^(?:has|did) (?:anything|something) (?:change|changed|disappear|disappeared)\b"
)
#: Asked about all that has been, not about the latest keyframe.
_CHANGED_EVER = re.compile(r"^did (?:anything|something) (?:change|disappear)\b")
_SEEN_LAST = re.compile(
    rf"^what (?:did|have|had) {YOU} (?:{_SEE}) (?:last|most recently)$|"
    r"^(?:what (?:was|is) )?(?:the )?(?:most recent|latest|(?:very )?last) (?:thing|object|item)"
    r"(?: (?:that )?(?:you|we) (?:saw|noticed|spotted|passed|have seen|have noticed))?$"
)
_TAKEN_TO = re.compile(
    r"^(?:can you |could you |will you |would you )?(?:lead|guide|direct|bring|take|get|navigate) (?:me|us) (?:back )?to (?:the |a |an )?X$"
)
_HAS = re.compile(
    r"^(?:does|do|did) (?:the|this|that|your|our) (?:room|house|home|place|building|street|road|hall|"
    r"hallway|corridor|warehouse|area|kitchen|bedroom|bathroom|office|garage|flat|apartment|yard|"
    r"garden|city|town|shop|store|aisle|X) (?:have|contain|hold) (?:a |an |any |some |N )?X$"
)
#: A thing that is called by what is done with it, such as plumbing or cabling; no motion.
_DOING = re.compile(
    rf"^(?:did|have|has|do|can) {YOU} (?:ever )?{_SEE} (?:any|some|a|an|the) (\w{{2,}}ing)$"
)


def read_particular(named: Named) -> Asked | None:
    """The question as understood by one of the narrow patterns; ``None`` for all others."""
    pattern = named.pattern
    count = len(named.things)
    unnoted = read_unnoted(named)
    if unnoted is not None:
        return unnoted
    if not count:
        return read_own_motion(named) or _about_no_thing(named, pattern)
    if count == 1 and named.things[0].noun in PLACES:
        if _VIEW.search(pattern.replace("X", "place")):
            return make(replace(named, things=()), "in_view")
        if _IS_PLACE.search(pattern):
            return make(replace(named, things=()), "unnoted_way")
    if _HAS.search(pattern):
        return make(replace(named, things=named.things[-1:]), "existence")
    if not all(named.known):
        return None  # such a word may be the question's own, as "bends" in "how many bends?"
    if count == 1:
        return _about_one(named, pattern)
    return _about_two(named, pattern)


def _about_no_thing(named: Named, pattern: str) -> Asked | None:
    if _O_CLOCK.search(pattern) and named.numbers:
        on = _CLOCK_SIDES.get(named.numbers[0])
        return make(named, "around", side=on) if on else make(named, "unnoted_way")
    if _CHANGED.search(pattern):
        whole = cues.START.search(pattern) or _CHANGED_EVER.search(pattern)
        return replace(make(named, "changed"), past=bool(whole))
    if _SEEN_LAST.search(pattern):
        return make(named, "in_view")
    if _SOMEBODY.search(pattern):
        return Asked("existence", things=(read_phrase("person"),))
    doing = _DOING.search(pattern)
    if doing is not None:
        return Asked("existence", things=(replace(read_phrase(doing[1]), plural=True),))
    if _DURATION.search(pattern):
        return make(named, "duration")
    if re.search(
        r"\bmost (?:common|frequent) colours?\b|\b(?:which|what) colour\b.*\bmost\b", pattern
    ):
        return make(named, "commonest_colour")
    if re.search(r"\bhow many (?:\w+ )?colours\b|\bnumber of (?:\w+ )?colours\b", pattern):
        return make(named, "colours")
    most = _MOST_SEEN.search(pattern)
    if most is not None and cues.SEE.search(pattern):
        return make(named, "most_seen", reverse=bool(re.search("least|once", most.group())))
    nth = _NTH_THING.search(pattern)
    if nth is not None and (_ORDINALS[nth["nth"]] > 0 or (nth["new"] and nth["nth"] != "first")):
        return make(replace(named, nth=()), "nth", ordinal=_ORDINALS[nth["nth"]])
    if _VIEW.search(pattern):
        return make(named, "in_view")
    place = _START_SIDE.search(pattern)
    if place is not None and _AT_START.search(pattern) and cues.has(pattern, "what|which|anything"):
        return make(named, "at_start", side="left" if "left" in place.group() else "right")
    return None


def _about_one(named: Named, pattern: str) -> Asked | None:
    if _VISIBLE.search(pattern):
        return make(named, "visible_now")
    if _GONE.search(pattern):
        return make(named, "last_when")
    if _BARE.search(pattern):
        return make(named, "describe")
    if _ANY_OF_COLOUR.search(pattern):
        return make(replace(named, things=()), "of_colour")
    if _HOW_MANY_OTHERS.search(pattern):
        return make(named, "count")
    if _ALL_OF_COLOUR.search(pattern):
        return make(named, "are_all")
    if _TAKEN_TO.search(pattern):
        return make(named, "way_back")
    if _FACING.search(pattern):
        return make(named, "is_side", side="front")
    if _AGO.search(pattern) and not cues.KEYFRAME.search(pattern.replace("in view", "")):
        return make(named, "ago")
    if _CLOCK_TIME.search(pattern):
        return make(named, "clock_time", reverse=cues.has(pattern, "last|latest"))
    if _IN_VIEW_FOR.search(pattern):
        return make(named, "in_view_for")
    if is_deed(pattern):
        return make(named, "unnoted")
    if _PASSED.search(pattern):
        return make(named, "existence")
    if _TIMES_SEEN.search(pattern):
        return make(named, "times_seen")
    nearest = _NEAREST_OF.search(pattern)
    if nearest is not None and not cues.has(pattern, "how|colours?|count"):
        word = nearest["word"] or nearest["late"]
        return make(named, "nearest_of", reverse=bool(_FAR.search(word)))
    nth = _NTH_OF.search(pattern)
    if nth is not None and named.known[0]:
        return make(replace(named, nth=()), "nth", ordinal=_ORDINALS[nth[1]])
    if _SEEN_UNTIL.search(pattern):
        return make(named, "seen_until")
    if _NUMBERED.search(pattern) and not cues.has(pattern, "or|how|what|which|where|when"):
        least = 2 if "more than one" in pattern else (named.numbers[0] if named.numbers else 0)
        return make(named, "count", least=least) if least else None
    return None


def _about_two(named: Named, pattern: str) -> Asked | None:
    if _SEVERAL.search(pattern):
        return make(named, "existence")
    more = _MORE.search(pattern)
    if more is not None:
        return make(named, "more", reverse=more["which"] in ("fewer", "less"))
    if _BOTH.search(pattern):
        return make(named, "both")
    if _SEEN_BETWEEN.search(pattern):
        return make(named, "seen_between")
    if _STEPS_TO.search(pattern):
        return make(replace(named, things=named.things[1:]), "unnoted")
    if _BEFORE_OR_AFTER.search(pattern):
        return make(named, "order")
    if _FROM_TO.search(pattern):
        return make(named, "related")
    return None
