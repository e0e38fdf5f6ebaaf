"""Questions that hang on one word: "still", "both", "more than", "the nearest", "if I turned left".

The cues and the fitted model go by what most questions of a kind have in common, and would overlook
that word. These patterns are narrow: what they don't recognise is left to the others.

Out of scope: all other questions (`readers`), parts of the time (`spans`), answers.
"""

from __future__ import annotations

import re
from dataclasses import replace

from embodied_agent.records import Action
from embodied_agent.rules import cues
from embodied_agent.rules.asked import Asked, Family, Side
from embodied_agent.rules.names import Named
from embodied_agent.rules.phrases import read_phrase
from embodied_agent.rules.readers_of_time import make

_YOU = r"(?:you|we|i|the robot|the camera|it)"
_SEE = (
    r"(?:see|seen|saw|notice|noticed|spot|spotted|find|found|pass|passed|meet|met|encounter|"
    r"encountered|observe|observed|come across|came across|look at|looked at|watch|watched|appear|"
    r"appeared|show up|showed up|in view|visible|in sight)"
)
_VISIBLE = re.compile(
    rf"\bstill (?:see|visible|in view|in sight|there|in front|around)\b.*|"
    rf"^(?:can|could|do) {_YOU} (?:still )?see (?:the |a |an |any |your |my )?(?:X|N X)"
    r"(?: right)? (?:now|from here|at the moment|from where you are|currently)$|"
    r"^(?:is|are) (?:the |a |an |any |your |my )?X (?:now |currently |still |right now )?"
    r"(?:visible|in view|in sight|in the picture|on camera|being seen)"
    r"(?: (?:right )?now| at the moment| from here| currently)?$"
)
_DID = re.compile(
    rf"^(?:did|have|has|had|were|was) {_YOU}\b|\bhow (?:often|many times) (?:did|have)\b"
)
_MOTIONS: tuple[tuple[Action, re.Pattern[str]], ...] = (
    (Action.TILT_UPWARD, re.compile(r"\b(?:look\w*|tilt\w*|face[d]?|glance\w*) (?:\w+ )?up(?:wards?)?\b")),
    (
        Action.TILT_DOWNWARD,
        re.compile(r"\b(?:look\w*|tilt\w*|face[d]?|glance\w*) (?:\w+ )?down(?:wards?)?\b"),
    ),
    (
        Action.MOVE_BACKWARD,
        re.compile(
            r"\b(?:move[d]?|moving|go|went|gone|going|drive|drove|driven|back(?:ed)?|step(?:ped)?|"
            r"walk(?:ed)?|fly|flew|roll(?:ed)?) (?:\w+ )?(?:backwards?|back up|in reverse)\b|"
            r"\breverse[d]?\b|\bback(?:ed)? up\b"
        ),
    ),
    (
        Action.MOVE_UPWARD,
        re.compile(
            r"\b(?:move[d]?|go|went|gone|fly|flew|flown|rise|rose) (?:\w+ )?up(?:wards?)?\b|"
            r"\b(?:climb|ascend)(?:ed)?\b"
        ),
    ),
    (
        Action.MOVE_DOWNWARD,
        re.compile(
            r"\b(?:move[d]?|go|went|gone|fly|flew|flown) (?:\w+ )?down(?:wards?)?\b|"
            r"\b(?:descend|sink|sank)(?:ed)?\b"
        ),
    ),
)  # fmt: skip
#: "How often did you turn round?" asks for a count.
_ASKS_TURN = re.compile(
    r"^(?!.*\b(?:how (?:often|many (?!degrees))|number of|count)\b).*\b(?:did|have|had|how)\b"
)
_UP_OR_DOWN = re.compile(r"\b(\w+) (?:up|down)(?:wards?)? or (?:up|down)(?:wards?)?\b")
_TOTAL_TURN = re.compile(
    r"\bhow many degrees\b|\bhow far did (?:you|we) (?:turn|rotate)\b|\bhow much did (?:you|we) "
    r"(?:turn|rotate)\b|\b(?:full|whole|complete) (?:circle|turn|rotation|round)\b|"
    r"\bturn(?:ed)? (?:all the way |right )?(?:a?round)(?: completely| fully| entirely)?$|"
    r"\bturn(?:ed)? (?:completely|fully|all the way) (?:a?round)\b"
)
_MORE = re.compile(
    r"\b(?P<which>more|fewer|less|as many) X (?:than|as) X\b|\bmore (?:of )?(?:the )?X or X\b"
)
_BOTH = re.compile(
    rf"^(?:did|have|do|had) {_YOU} (?:ever )?{_SEE} both (?:a |an |the )?X and (?:a |an |the )?X$|"
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
_RELATED = re.compile(
    r"\bX (?:\w+ ){0,4}?(?:to the )?(?:left|right)(?: or (?:to the |on the )?(?:left|right))?(?: side)? of "
    r"(?:the |a |an )?X|"
    r"\bX (?:\w+ ){0,2}?(?:behind|in front of|on top of|on|under|underneath|above|over|below|inside|"
    r"in|next to|beside|near|close to|by) (?:the |a |an |that )?X$|"
    r"\bX and (?:the |a |an )?X (?:near|close to|next to|beside|far from) each other\b|"
    r"\bbetween (?:the |a |an )?X and (?:the |a |an )?X$|"
    r"\bhow (?:far|close|near) (?:\w+ ){0,2}?(?:the |a )?X (?:\w+ )?(?:from|to) (?:the |a )?X$|"
    r"\bdistance between\b"
)
_ASKS_RELATION = re.compile(
    r"^(?:is|are|was|were|what is|what was|how (?:far|close|near)|what distance|where (?:is|was))\b"
)
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
_JUDGED = re.compile(
    r"\b(?:anything|something|what(?: is| was)?|things?|objects?) (?:that (?:is|was|looks?|looked) )?"
    r"(?P<word>dangerous|interesting|unusual|strange|odd|weird|suspicious|wrong|broken|special|"
    r"important|valuable|useful|expensive|cheap|beautiful|nice|pretty|ugly|heavy|light|big|large|"
    r"small|tall|round|square|metallic|wooden|plastic|soft|sharp|hot|cold|wet|dirty|clean|old|"
    r"edible|alive|moving|scary|funny|out of place)$|"
    r"\b(?:anything|something|things?|objects?) (?:that (?:is|are|was|were) )?(?P<made>made (?:of|from|out of)) X$"
)
_PLACE_KIND = re.compile(
    r"^(?:is|was) (?:this|that|it) (?:place )?(?:a |an |the )?X or (?:a |an |the )?X$|"
    r"^are (?:you|we) (?:indoors|outdoors|inside|outside)(?: or (?:indoors|outdoors|inside|outside))?$|"
    r"^(?:is|was) it (?:indoors|outdoors|inside|outside|dark|bright|light|day|night|daytime|"
    r"sunny|foggy|noisy|quiet|X)(?: or \w+)?$|"
    r"^(?:what|which) (?:kind|sort|type) of (?:place|room|building|area|location) (?:is|was|are)\b"
)
_DEED = re.compile(
    rf"^(?:did|have|has|had|can|could) {_YOU} (?:ever |really |already )?"
    r"(?:(?:go|went|gone|walk\w*|drive|drove|driven|come|came|move[d]?|pass\w*|fly|flew|climb\w*) "
    r"(?:through|over|under|into|inside|on|onto)|enter(?:ed)?|open(?:ed)?|close[d]?|shut|"
    r"touch(?:ed)?|bump(?:ed)? into|hit|collide[d]? with|crash(?:ed)? into|pick(?:ed)? up|grab\w*|"
    r"push(?:ed)?|pull(?:ed)?|climb(?:ed)?|sit on|sat on|use[d]?|lock(?:ed)?|clean(?:ed)?|"
    r"break|broke|damage[d]?|move[d]?|lift(?:ed)?|smell|hear|heard|taste|feel|felt) "
    r"(?:the |a |an |any |some |my |your )?X$"
)
_PASSED = re.compile(
    rf"^(?:did|have|had) {_YOU} (?:ever )?(?:pass|passed|pass by|passed by|go past|went past|gone past|"
    r"drive past|drove past) (?:by )?(?:the |a |an |any |some |N )?X$"
)
_SOMEBODY = re.compile(
    r"^(?:is|was|are|were) (?:there )?(?:anybody|anyone|somebody|someone)(?: else)?"
    r"(?: (?:home|at home|here|there|around|in view|in the (?:room|house|building)|visible))?$|"
    rf"^(?:did|have|has|do|can) {_YOU} (?:ever )?{_SEE} (?:anybody|anyone|somebody|someone)(?: else)?$|"
    r"^(?:did|has|have|had|was|is) (?:anybody|anyone|somebody|someone)(?: else)? (?:\w+ )?"
    r"(?:see|saw|walk|pass|com[ei]|came|go|went|gone|run|ran|running|stand|stood|standing|appear|show)\w*\b|"
    r"^who (?:walked|passed|came|went|ran|stood|was|is) (?:by|past|here|there|around|along|in view)\b"
)
#: "Is it safe to go on?" asks for no safe.
_ADVICE = re.compile(
    r"^(?:is|was|would|will) (?:it|that|this) (?:be )?(?:still )?(?:X|safe|dangerous|ok|okay|clear) "
    r"(?:for (?:me|you|us|people) )?to \w+|^(?:can|may|should) (?:i|we|one) safely\b"
)
_IF_TURNED = re.compile(
    r"\bif (?:you|i|we) (?:were to |should |now )?(?:turn|turned|rotate|rotated|look|looked|face|faced|"
    r"spin|spun|go|went) (?:to (?:the|my|your|our) )?(?P<way>left|right|around|round|back|behind)\b"
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
_STRAIGHT_OR_TURNED = re.compile(r"\bstraight\b.*\bor\b.*\bturn|\bturn.*\bor\b.*\bstraight\b")
_STOPPED = re.compile(
    rf"^(?:did|have|had) {_YOU} (?:ever )?(?:stop|stopped|stand still|stood still|wait|waited|pause|paused)\b"
)
_ALL_OF_COLOUR = re.compile(
    r"^(?:is|are|was|were) (?:all|every|each|both)(?: of)?(?: the| these| those| your)? X C(?: or C)?$|"
    r"^(?:is|are|was|were) (?:the )?X all C$"
)
#: Notes list what was seen, not what was missed, and nothing above, below or in passing.
_NO_NOTES_OF = re.compile(
    r"\b(?:what|which \w+|who|anything|something)\b.*\b(?:not|never|n't) (?:you |we )?(?:see|seen|notice|noticed|spot|find|found)\b|"
    r"\b(?:what|which \w+)\b (?:did|have|do|has) (?:not|never) (?:you|we|i)\b|"
    r"\b(?:above|below|beneath|underneath|under|over) (?:you|me|us)\b|"
    r"\bover (?:anything|something)\b|\bwhile (?:\w+ )?\w+ing\b|"
    r"\b(?:been here|seen this|been to this place|seen this place) before\b"
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
_SEEN_LAST = re.compile(
    rf"^what (?:did|have|had) {_YOU} (?:{_SEE}) (?:last|most recently)$|"
    r"^(?:what (?:was|is) )?(?:the )?(?:most recent|latest) (?:thing|object|item)(?: (?:you|we) (?:saw|noticed|have seen))?$"
)
_FROM_START = re.compile(
    r"^how far\b.*\bfrom (?:the |your |our )?(?:start|beginning|origin|starting point)\b|"
    r"^(?:are|were) (?:you|we) (?:back )?(?:at|near) (?:the |your |our )?(?:start|beginning|origin)(?: again)?$"
)
_WHAT_HAPPENED = re.compile(
    r"^(?:tell me |say |so )?what (?:has |have )?happened(?: (?:so far|to you|on the way))?$"
)
_LEFT_OR_RIGHT = re.compile(r"\bturn\w*\b.*\bleft\b.*\bright\b|\bturn\w*\b.*\bright\b.*\bleft\b")
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
    rf"^(?:did|have|has|do|can) {_YOU} (?:ever )?{_SEE} (?:any|some|a|an|the) (\w{{2,}}ing)$"
)
#: No note says that a thing is one of these.
_JUDGEMENTS = frozenset(
    ("obstacle", "hazard", "danger", "threat", "risk", "obstruction", "defect", "anomaly")
)
_AROUND: tuple[Side, ...] = ("front", "right", "back", "left")
_TURNED = {"left": 3, "right": 1, "around": 2, "round": 2, "back": 2, "behind": 2}


def read_particular(named: Named) -> Asked | None:
    """The question as understood by one of the narrow patterns; ``None`` for all others."""
    pattern = named.pattern
    count = len(named.things)
    if not count:
        return _about_no_thing(named, pattern)
    if _ADVICE.search(pattern):
        return make(replace(named, things=()), "unnoted_way")
    if _judged(pattern) or _PLACE_KIND.search(pattern):
        family: Family = "judged" if _judged(pattern) else "unnoted_way"
        return make(replace(named, things=()), family)
    if _HAS.search(pattern):
        return make(replace(named, things=named.things[-1:]), "existence")
    for thing, known in zip(named.things, named.known, strict=True):
        if thing.kind in _JUDGEMENTS and not known:
            return make(replace(named, things=()), "judged")
    if not all(named.known):
        return None  # such a word may be the question's own, as "bends" in "how many bends?"
    if count == 1:
        return _about_one(named, pattern)
    return _about_two(named, pattern)


def _about_no_thing(named: Named, pattern: str) -> Asked | None:
    turned = _IF_TURNED.search(pattern)
    if turned is not None:
        rest = f"{pattern[: turned.start()]} {pattern[turned.end() :]}"
        side = cues.side_in(rest) or "front"
        after = _AROUND.index(side) + _TURNED[turned["way"]]
        return make(named, "around", side=_AROUND[after % len(_AROUND)])
    if _O_CLOCK.search(pattern) and named.numbers:
        on = _CLOCK_SIDES.get(named.numbers[0])
        return make(named, "around", side=on) if on else make(named, "unnoted_way")
    if _CHANGED.search(pattern):
        return replace(make(named, "changed"), past=bool(cues.START.search(pattern)))
    if _SEEN_LAST.search(pattern):
        return make(named, "in_view")
    if _FROM_START.search(pattern):
        return make(named, "way_start")
    if _WHAT_HAPPENED.search(pattern):
        return make(named, "actions")
    if _LEFT_OR_RIGHT.search(pattern) and cues.has(pattern, "more|often|oftener|most"):
        return make(named, "turns")
    if _NO_NOTES_OF.search(pattern) or _ADVICE.search(pattern):
        return make(named, "unnoted_way")
    if _SOMEBODY.search(pattern):
        return Asked("existence", things=(read_phrase("person"),))
    doing = _DOING.search(pattern)
    if doing is not None:
        return Asked("existence", things=(replace(read_phrase(doing[1]), plural=True),))
    if _TOTAL_TURN.search(pattern) and _ASKS_TURN.search(pattern):
        return make(named, "total_turn")
    if _DID.search(pattern):
        actions = _motions(pattern)
        if actions:
            return make(named, "ever_moved", actions=actions)
    if _DURATION.search(pattern):
        return make(named, "duration")
    if _STRAIGHT_OR_TURNED.search(pattern) and _DID.search(pattern) and "KF" not in pattern:
        return make(named, "actions")
    if _PLACE_KIND.search(pattern) or _STOPPED.search(pattern):
        return make(named, "unnoted_way")
    if _judged(pattern):
        return make(named, "judged")
    if re.search(r"\bmost (?:common|frequent) colours?\b|\bwhich colour\b.*\bmost\b", pattern):
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
    if _ALL_OF_COLOUR.search(pattern):
        return make(named, "are_all")
    if _TAKEN_TO.search(pattern):
        return make(named, "way_back")
    if _FACING.search(pattern):
        return make(named, "is_side", side="front")
    if _AGO.search(pattern) and not cues.KEYFRAME.search(pattern):
        return make(named, "ago")
    if _CLOCK_TIME.search(pattern):
        return make(named, "clock_time", reverse=cues.has(pattern, "last|latest"))
    if _IN_VIEW_FOR.search(pattern):
        return make(named, "in_view_for")
    if _DEED.search(pattern):
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
    if (
        _RELATED.search(pattern)
        and _ASKS_RELATION.search(pattern)
        and not cues.has(pattern, "time|once|together|see|seen|saw|view")
    ):
        return make(named, "related")
    return None


def _motions(pattern: str) -> tuple[Action, ...]:
    """The motions that a question names, but for those of which all of its kind are counted."""
    pattern = _UP_OR_DOWN.sub(r"\1 up or \1 down", pattern)
    actions = tuple(action for action, words in _MOTIONS if words.search(pattern))
    return () if Action.MOVE_BACKWARD in actions and cues.HOW_OFTEN.search(pattern) else actions


def _judged(pattern: str) -> bool:
    return _JUDGED.search(pattern) is not None
