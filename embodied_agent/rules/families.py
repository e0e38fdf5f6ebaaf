"""What is asked: the family of a question, from its pattern, and what fills it.

Patterns are searched for cues rather than matched as a whole, in an order in which the more
telling cue comes first, so that wordings that nobody thought of find their family.

Out of scope: names in a question (`names`), what no memory answers (`scope`), answers.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal

from embodied_agent.rules.names import Named, names_in
from embodied_agent.rules.phrases import Phrase
from embodied_agent.rules.scope import is_out_of_scope
from embodied_agent.rules.tokens import tokens_of
from embodied_agent.rules.vocabulary import ABSTRACT, FRAME

Family = Literal[
    "existence", "colour", "is_colour", "of_colour", "colours", "count", "count_all", "keyframes",
    "first_when", "first_where", "last_when", "last_where", "when", "where", "is_side", "way_back",
    "way_start", "how_far", "nearer", "nearest", "order", "is_order", "together", "ever_together",
    "seen_after", "seen_before", "did_before", "did_after", "action_at", "first_action",
    "last_action", "actions", "turns", "moves", "ever_turned", "around", "in_view", "at_start",
    "at_keyframe", "inventory", "describe", "unnoted", "unnoted_way", "out_of_scope", "unclear",
]  # fmt: skip
#: A side that is asked about.
Side = Literal["front", "left", "back", "right"]


@dataclass(frozen=True, slots=True)
class Asked:
    """A question as it was understood.

    Attributes:
        family: what is asked.
        things: what it is asked about.
        definite: whether "the" stands before the first of them.
        colours: colours that stand alone.
        side: the side, where one is asked about.
        keyframe: the id of the keyframe that it is about.
        nth: its position instead, from 0.
        number: a number that is asked for.
        reverse: "farther" instead of "nearer", "later" instead of "earlier".
        backward: of moves: backward instead of forward.
        past: asked about then, not about now.
    """

    family: Family
    things: tuple[Phrase, ...] = ()
    definite: bool = False
    colours: tuple[str, ...] = ()
    side: Side | None = None
    keyframe: int | None = None
    nth: int | None = None
    number: int | None = None
    reverse: bool = False
    past: bool = False


def _re(text: str) -> re.Pattern[str]:
    return re.compile(rf"\b(?:{text})\b")


_DO = _re(
    r"what (?:did|have|had) (?:you|we|i) (?:just )?(?:do|done)|what (?:were|was) (?:you|we) doing|did you (?:just )?do|"
    r"do next|do first|do last|actions?|movements?|motions?|how (?:did|have) (?:you|we) (?:\w+ )?(?:move|moved|get|got|go|gone|"
    r"reach|reached|arrive)|which way did (?:you|we) (?:move|turn|go)|(?:last|next|previous|latest|first) (?:move|turn|step)|"
    r"what happened|thing you did|moved? you|you (?:just )?did|you moved?|turn or move|move or turn"
)
_SEE_WORDS = (
    r"see|seen|saw|seeing|spot|spotted|notice|noticed|noticing|sight|sighted|catch|caught|detect|detected|"
    r"pass|passed|encounter|encountered|meet|met|find|found|discover|discovered|observe|observed|recorded?|"
    r"look|looked|appear|appears|appeared|appearance|visible|view|views|come across|came across|"
    r"come upon|came upon|show|shows|shown|showed|turn up|turned up|present|"
    r"exist|exists|hold|holds|contain|contains|include|includes|remember|recall|memory|memories|notes|"
    r"noted|lost|around|anywhere|somewhere|here|picture|pictures|keyframe|keyframes|frame|frames|KF"
)
_SEE = _re(_SEE_WORDS)
_MEMORY = _re(
    _SEE_WORDS
    + r"|(?:is|was|are|were|be|been) there|there (?:is|was|are|were|be|been)|any|where|which way|"
    r"direction|colours?|how many|how often|nearer|closer|nearest|closest|way to|get to|point|side"
)
_FIRST = _re(
    r"first|earliest|early|initially|turned up|turn up|turns up|came into|come into|comes into|coming into|appear|"
    r"appeared|appears|appearance|showed up|show up|begin|began|begins|originally|since|from which|from what"
)
_LAST = _re(
    r"last|latest|recent|recently|ago|up to which|until which|until when|out of|disappear|disappeared|vanish|"
    r"vanished|final|finally|lose sight|lost sight|left your view|gone"
)
_WHERE = _re(
    r"where|whereabouts|directions?|sides?|which way|what way|positions?|locations?|located|point me|point at|"
    r"point to|point towards?|looking for|look for|way to|get to|go to|navigate|find my way|bearing|locate|"
    r"turn to|turned to|face|guide me"
)
_WHEN = _re(
    r"when|times?|keyframes?|frames?|pictures?|images?|moment|how early|how late|ago|point|since"
)
_TOGETHER = _re(
    r"together|same time|at once|simultaneously|both|side by side|same (?:\w+ )?(?:view|picture|keyframe|frame|image)|"
    r"one (?:view|picture|keyframe|frame|image)|single (?:view|picture|keyframe|frame|image)|with|next to|beside|"
    r"besides|alongside|along|near|nearby|close to|around|else|surrounded|surrounding|adjacent|by"
)
_NEARER = _re(
    r"nearer|nearest|closer|closest|less far|least far|shorter|shortest|close|near|reach first|farther|further|"
    r"farthest|furthest|more distant|less distant|distance"
)
_FARTHER = _re(r"farther|further|farthest|furthest|more distant|longer|longest|more far")
_NEXT = _re(r"after|next|following|followed|follows|then|afterwards?|later|subsequently|once")
_BEFORE = _re(r"before|previous|previously|preceded|precede|prior|earlier|led|leading|lead|brought|bring|made|makes|"
              r"caused|so that|reach|get to|towards")  # fmt: skip
_COUNT = _re(
    r"how many|number of|count|counts|how much|quantity|amount of|total number|more than one|only one"
)
_HOW_FAR = _re(
    r"how far|how close|how near|how distant|distance|near or far|far or near|close or far|far away|far off|"
    r"far from|close by|nearby|long way|are (?:you|we) near|are (?:you|we) close|near you|close to you|close to us|"
    r"near mid|near .* far|near me|(?:is|was|are) (?:the |that |this |a )?X (?:still |now |quite |very |rather )?(?:near|far|close)"
)
_START = _re(
    r"start|started|starting|beginning|began|begin|begun|outset|origin|initial|initially|set off|set out|"
    r"first (?:view|keyframe|picture|image|frame|thing|things|object|objects|of all|action|move)|before you moved|"
    r"original|very first"
)
_HERE_NOW = _re(
    r"now|moment|present|presently|currently|current|in view|in sight|visible|looking at|seeing|from here|"
    r"where (?:you|we|i) (?:are|am|stand)|(?:do|can|could) (?:you|we|i) see|you see|camera shows?|camera see|"
    r"in front of (?:the|your) camera|facing|is there to see|see here"
)
_PAST = _re(r"did|was|were|had|saw|seen|been")
_UNITS = (
    r"metres?|meters?|kilomet\w+|centimet\w+|feet|foot|inch|inches|miles?|yards?|kilos?|kilograms?|kg|grams?|"
    r"pounds?|tons?|litres?|liters?|minutes?|hours?|seconds?|days?|weeks?|months?|years?|euros?|dollars?|people"
)
_UNNOTED = _re(
    rf"who|whose|whom|why|{_UNITS}|exactly|cost|costs|price|worth|weigh|weighs|weight|heavy|brand|made of|inside|"
    r"smell|smells|serial|owner|owns?|owned|belongs?|"
    r"how (?!many|much|often|do|does|did|to|can|could|would|far|close|near|come|came|early|late|long ago|about|soon|"
    r"is|was|are|were|i|we|you|distant|recently|lately|quickly|have|had|should|in|on|it|the|X)[a-z]+"
)
_UNNOTED_WAY = _re(
    rf"{_UNITS}|speed|fast|slow|slowly|corner|yesterday|tomorrow|tonight|will|north|south|east|west|compass|square|"
    r"how (?:large|big|high|deep|wide|long)|who|why|exits?|outside|other rooms?|can not see|can not|could not|"
    r"temperature|battery|gps|altitude|latitude|longitude|address"
)
_SIDES: tuple[tuple[Side, re.Pattern[str]], ...] = (
    ("back", _re(r"behind|in back of|at the back|at your back|on the back|to the back|to the rear|in the rear|rear|"
                 r"at (?:your|my|our) back|backwards?")),
    ("front", _re(r"in front|ahead|straight on|straight ahead|before (?:you|me|us)|to the front|up front|at the front|"
                  r"forward|forwards")),
    ("left", _re(r"left|left-hand")),
    ("right", _re(r"to the right|on the right|to (?:your|my|our) right|on (?:your|my|our) right|right of|right-hand|"
                  r"right side|right hand|rightwards?|(?:the|your|my|our) right|turn(?:ed)? right|right turns?|"
                  r"rotate[d]? right|towards? the right")),
)  # fmt: skip
_TURN = _re(r"turn|turns|turned|turning|rotate|rotated|rotation|rotations|rotating|spin|spun|heading|went round|"
            r"go round|gone round|swivel|swivelled|veer|veered")  # fmt: skip
#: Asked about "the" thing, these are about what was seen, whatever it is.
_PLACED: frozenset[Family] = frozenset(
    {
        "where",
        "first_where",
        "last_where",
        "how_far",
        "way_back",
        "nearer",
        "together",
        "colour",
        "is_side",
    }
)
_HOW_OFTEN = _re(r"how often|how many|number of|count|times|how frequently|how much")


def understand(text: str, memory_nouns: Collection[str] = ()) -> Asked:
    """What ``text`` asks.

    Args:
        text: the question.
        memory_nouns: names and nouns that the memory holds, in lower case.
    """
    spelt_right = {word for noun in memory_nouns for word in noun.split()}
    words = tokens_of(text, spelt_right)
    named = names_in(words, memory_nouns)
    if is_out_of_scope(named.text):
        return Asked("out_of_scope")
    asked = _asked(named)
    if asked is not None and _is_grounded(asked, named):
        return asked
    return Asked("out_of_scope" if _has_foreign_words(named) else "unclear")


def _is_grounded(asked: Asked, named: Named) -> bool:
    """Whether a question is about what was seen: things that nobody knows need a word of seeing."""
    if asked.family == "unnoted":
        # "How tall is Mount Everest?" is about the world, "how tall is the door?" about a thing.
        return any(
            known or definite for known, definite in zip(named.known, named.definite, strict=True)
        )
    if not named.things or any(named.known):
        return True
    if len(named.pattern.split()) <= 2 and named.pattern.split()[-1] == "X":
        return True
    if re.search(r"\byour X\b", named.pattern):
        return False
    placed = asked.family in _PLACED and any(named.definite)
    return placed or bool(_MEMORY.search(named.pattern))


def _has_foreign_words(named: Named) -> bool:
    return any(
        word not in FRAME and word not in ABSTRACT and word not in ("X", "C", "KF", "N", "'s")
        for word in named.text.split()
    )


def _asked(named: Named) -> Asked | None:
    """The family of a question about what was seen; ``None`` where no cue tells."""
    count = len(named.things)
    if re.search(
        r"\bhow many (?:X|steps|N) (?:is it|away|to (?:the|get)|would it)\b", named.pattern
    ):
        return _make(named, "unnoted_way")
    for reader in (
        _about_motion,
        _about_several if count > 1 else _about_one if count else _about_views,
    ):
        asked = reader(named)
        if asked is not None:
            return asked
    return None


def _make(named: Named, family: Family, **values: object) -> Asked:
    return Asked(
        family,
        things=named.things,
        definite=bool(named.definite) and named.definite[0],
        colours=named.colours,
        keyframe=named.keyframes[0] if named.keyframes else None,
        nth=named.nth[0] if named.nth else None,
        number=named.numbers[0] if named.numbers else None,
        past=bool(_PAST.search(named.pattern)),
        **values,  # type: ignore[arg-type]
    )


def _side(pattern: str) -> Side | None:
    """The one side that is named, ``None`` where there is none or more than one."""
    sides = [side for side, cue in _SIDES if cue.search(pattern)]
    return sides[0] if len(sides) == 1 else None


def _about_motion(named: Named) -> Asked | None:
    pattern = named.pattern
    if named.things:
        return None
    sides: list[Side] = [s for s in ("left", "right") if re.search(rf"\b{s}\b", pattern)]
    side = sides[0] if len(sides) == 1 else None
    if _TURN.search(pattern) and not re.search(r"\b(?:where|which way|directions?)\b", pattern):
        if _HOW_OFTEN.search(pattern) or pattern.strip() in ("turns", "left turns", "right turns"):
            return _make(named, "turns", side=side)
        if re.search(r"\b(?:ever|at all|at any|once|any)\b|^(?:did|have|had|was|were|is|are)\b", pattern) and not \
                re.search(r"\b(?:what|which|how|last|just|or)\b", pattern):  # fmt: skip
            return _make(named, "ever_turned", side=side)
    if _HOW_OFTEN.search(pattern) and re.search(
        r"\b(?:move|moved|moves|go|went|gone|drive|drove|step|steps|walk|walked|forwards?|backwards?)\b", pattern
    ) and not _UNNOTED_WAY.search(pattern):  # fmt: skip
        return _make(named, "moves", side=_side(pattern))
    if _DO.search(pattern) or re.search(r"\bmove\b|\bbrought you\b|\bturn or\b", pattern):
        if "KF" in pattern:
            return _make(
                named,
                "action_at",
                reverse=bool(re.search(r"\bafter\b|\bfrom KF\b|\bnext\b", pattern)),
            )
        if re.search(r"\b(?:way|get|go|return|path) back\b|\bback to\b", pattern):
            return None
        if _UNNOTED_WAY.search(pattern):
            return _make(named, "unnoted_way")
        if re.search(r"\b(?:see|visible|view|objects?|things?)\b", pattern) and _START.search(
            pattern
        ):
            return None
        if re.search(
            r"\b(?:last|latest|recent|recently|just|now|final|previous|here|this view|this place)\b",
            pattern,
        ):
            return _make(named, "last_action")
        if re.search(r"\b(?:first|initial|initially|start)\b", pattern):
            return _make(named, "first_action")
        if re.search(r"\b(?:move|moved|do|done|doing|actions?|movements?|motions?|happened|turn)\b", pattern) and not \
                re.search(r"\b(?:see|seen|saw|objects?)\b", pattern):  # fmt: skip
            return _make(named, "actions")
    if re.search(r"\b(?:your|the|our) (?:route|path|way here|trip|journey|tour|walk)\b|\bwhere (?:have|did) you (?:been|go|come)\b|"
                 r"\bwhich way did you (?:go|come|take)\b|\bretrace\b", pattern) and not re.search(
                 r"\b(?:see|seen|saw|objects?|things?|how many|back|beginning|start)\b", pattern):  # fmt: skip
        return _make(named, "actions")
    return None


def _about_several(named: Named) -> Asked | None:
    pattern = named.pattern.replace("side by side", "together")
    if _did(named) is not None and not re.search(r"\bor\b", pattern):
        return _did(named)
    order = re.search(r"\b(?:first|earlier|earliest|sooner|order|sort|sequence|before|after|later|latest|prior|"
                      r"already|seen when|ahead of)\b", pattern)  # fmt: skip
    near = re.search(r"\b(?:nearer|nearest|closer|closest|less far|least far|shorter|shortest|farther|further|farthest|"
                     r"furthest|more distant|less distant|close to (?:you|us|me)|near to (?:you|us|me)|reach)\b", pattern)  # fmt: skip
    if near or (re.search(r"\b(?:close|near)\b", pattern) and re.search(r"\bwhich\b", pattern)):
        return _make(named, "nearer", reverse=bool(_FARTHER.search(pattern)))
    if order and len(named.things) > 2:
        return _make(named, "order")
    if order:
        if re.search(r"\b(?:before|earlier than|after|later than|already|when you|sooner than|prior to)\b", pattern) and not \
                re.search(r"\b(?:which|what|or)\b", pattern):  # fmt: skip
            later = re.search(r"\bafter\b|\blater than\b", pattern)
            seen_when = re.search(r"\bX .*\bwhen\b", pattern)
            return _make(named, "is_order", reverse=bool(later) and not seen_when)
        return _make(
            named, "order", reverse=bool(re.search(r"\b(?:later|last|latest|second)\b", pattern))
        )
    if _COUNT.search(pattern):
        return _make(named, "count")
    if re.search(r"\bcolours?\b", pattern):
        return _make(named, "colour")
    if _TOGETHER.search(pattern) and not _WHERE.search(pattern):
        return _make(named, "ever_together")
    if _WHERE.search(pattern):
        return _make(named, "where")
    return _make(named, "existence")


def _did(named: Named) -> Asked | None:
    """What was done before or after a thing came into view."""
    pattern = named.pattern
    if not _DO.search(pattern) and not re.search(
        r"\b(?:which|what) (?:movement|action|turn|move)\b", pattern
    ):
        return None
    if re.search(
        r"\b(?:get|go|way|return|be|went|come) back\b|\bback to\b|\bshould\b|\bdo i\b|\bwould\b",
        pattern,
    ):
        return None
    if re.search(r"\bbefore\b|\bled to\b|\bbrought\b|\bprior\b|\bleading\b|\bpreceded\b", pattern):
        return _make(named, "did_before")
    if _NEXT.search(pattern):
        return _make(named, "did_after")
    return _make(named, "did_before")


def _about_one(named: Named) -> Asked | None:
    pattern = named.pattern
    if re.search(r"\bcan not see\b|\bhow many X (?:is it|away|to|would)\b", pattern):
        return _make(named, "unnoted_way")
    if re.search(r"\bleft\b.*\bor\b.*\bright\b|\bright\b.*\bor\b.*\bleft\b", pattern):
        return _make(named, "where")
    if re.search(r"\b(?:back|return|returning)\b", pattern) and re.search(
        r"\b(?:way|how|directions?|get|go|take|return|route|turn|path|lead|leads|where)\b", pattern
    ) and not re.search(r"\b(?:at|to|on) (?:the|your|my) back\b|\bin back of\b", pattern):  # fmt: skip
        return _make(named, "way_back")
    did = _did(named)
    if did is not None:
        return did
    if (
        named.colours
        and not _COUNT.search(pattern)
        and not re.search(r"^(?:where|which way)\b", pattern)
    ):
        return _make(named, "is_colour")
    if re.search(r"\b(?:colours?|shades?|hue|painted|coloured)\b", pattern):
        return _make(named, "colour")
    if _UNNOTED.search(pattern) and not re.search(r"\bhow long ago\b|\bsomeone told\b", pattern):
        return _make(named, "unnoted")
    if _COUNT.search(pattern) and not re.search(r"\bhow much\b", pattern):
        return _make(named, "count")
    side = _side(pattern)
    if side is not None and re.search(r"^(?:is|was|are|were|do|does|did|would|so|the|a|any|could)\b", pattern) and not (
        re.search(r"\b(?:where|which|what)\b", pattern)
    ):  # fmt: skip
        return _make(named, "is_side", side=side)
    if re.search(r"\b(?:what|which|who)\b.*\b(?:nearest|closest) to (?:the |that )?X\b", pattern):
        return _make(named, "together")
    timed = _about_moments(named)
    if timed is not None:
        return timed
    if _HOW_FAR.search(pattern) and not re.search(
        r"\b(?:what|which) (?:was|were|is|objects|things)\b.*\bnear the\b", pattern
    ):
        return _make(named, "how_far")
    if _TOGETHER.search(pattern) and re.search(
        r"\b(?:what|which|name|tell|list|anything|something|else|other)\b", pattern
    ) and not _WHERE.search(pattern):  # fmt: skip
        return _make(named, "together")
    if _WHERE.search(pattern) or re.search(
        r"^(?:find|locate|point)\b|\bshow me\b|\btake me to\b|\blead me\b", pattern
    ):
        return _make(named, "where")
    if re.search(r"\bwhen\b", pattern) and not _SEE.search(pattern):
        return _make(named, "unnoted")
    if re.search(r"\bwhen\b|\b(?:which|what) (?:keyframes?|frames?|pictures?|images?)\b", pattern):
        return _make(named, "when")
    if re.search(
        r"\bdescribe\b|\btell me (?:more )?about\b|\bwhat (?:do you know|can you tell|about)\b",
        pattern,
    ):
        return _make(named, "describe")
    if _has_foreign_words(named) and not _MEMORY.search(pattern):
        return _make(named, "unnoted")
    if re.search(r"^(?:what|which) X\b", pattern) and not re.search(r"^what X is\b", pattern):
        return _make(named, "inventory")
    return _make(named, "existence")


def _about_moments(named: Named) -> Asked | None:
    """First and last sightings, and what was seen before or after."""
    pattern = named.pattern
    sought = re.search(r"\b(?:what|which|name|tell)\b", pattern)
    if sought and re.search(r"\b(?:after|next|following|follows|followed by)\b", pattern) and not _WHERE.search(pattern) \
            and re.search(r"\b(?:see|saw|seen|things?|objects?|come|came|comes|appear|appeared|showed|show|discover|"
                          r"discovered|notice|noticed|find|new|view|sight|was|is)\b", pattern) \
            and not re.search(r"\bnext to\b", pattern):  # fmt: skip
        return _make(named, "seen_after")
    if sought and re.search(r"\bbefore\b", pattern) and re.search(
        r"\b(?:see|saw|seen|things?|objects?|came|appeared|notice|noticed|new)\b", pattern
    ):  # fmt: skip
        return _make(named, "seen_before")
    where = _WHERE.search(re.sub(r"\bat what point\b|\blooking for\b", " ", pattern))
    which = re.search(r"\b(?:which|what) (?:was |is )?(?:the )?(?:earliest |first |last |latest )?(?:keyframe|frame|picture|image)\b|"
                      r"\bgive the keyframe\b", pattern)  # fmt: skip
    if _LAST.search(pattern) and not re.search(r"\bat first\b", pattern):
        return _make(named, "last_where" if where and not which else "last_when")
    if _FIRST.search(pattern) and (_WHEN.search(pattern) or where or re.search(r"\bhow (?:early|soon)\b", pattern)
                                   or re.search(r"\bfirst\b", pattern)):  # fmt: skip
        return _make(named, "first_where" if where and not which else "first_when")
    return None


def _about_views(named: Named) -> Asked | None:
    """Questions that name no thing."""
    pattern = named.pattern
    if _COUNT.search(pattern):
        if re.search(r"\b(?:keyframes?|frames?|pictures?|images?)\b", pattern):
            return _make(named, "keyframes")
        if _UNNOTED_WAY.search(pattern):
            return _make(named, "unnoted_way")
        return _make(named, "count_all")
    if re.search(r"\b(?:near|nearest|closest|nearer|closer)\b", pattern) and re.search(
        r"\b(?:what|which|name)\b", pattern
    ):
        return _make(named, "nearest", reverse=bool(_FARTHER.search(pattern)))
    if _START.search(pattern) and not re.search(r"\bsince\b", pattern):
        if re.search(r"\b(?:back|return|which way|directions?|where (?:did|is|was|do))\b", pattern):
            return _make(named, "way_start")
        return _make(named, "at_start")
    if named.keyframes or named.nth:
        return _make(named, "at_keyframe", side=_side(pattern))
    if named.colours:
        return _make(named, "of_colour")
    if re.search(r"\bcolours?\b", pattern):
        return _make(named, "colours")
    if _UNNOTED_WAY.search(pattern):
        return _make(named, "unnoted_way")
    side = _side(pattern)
    if side is not None and not re.search(r"\bin front of (?:the|your) camera\b", pattern):
        return _make(named, "around", side=side)
    if re.search(r"\b(?:have|has|had) (?:you|we|i|it)\b|\bso far\b|\bmemory\b|\bremember\b|\ball\b|\beverything\b|"
                 r"\baltogether\b|\bin total\b|\bsum\b|\bsummar\w+\b|\bcome across\b|\bcame across\b", pattern) and not \
            re.search(r"\b(?:now|moment|currently|in view)\b", pattern):  # fmt: skip
        return _make(named, "inventory")
    if _HERE_NOW.search(pattern) and not re.search(r"\b(?:did|saw)\b", pattern):
        return _make(named, "in_view")
    if named.numbers and re.search(r"\b(?:things?|objects?|items?)\b", pattern):
        return _make(named, "inventory")
    if re.search(r"\b(?:what|which|list|name|tell|describe|report|give|anything|something)\b", pattern) and re.search(
        r"\b(?:see|seen|saw|find|found|things?|objects?|items?|there|notice|noticed|notes|memory|observe|observed|view|views|"
        r"know|spot|spotted|pass|passed|encounter|encountered|show|surroundings|scene)\b", pattern
    ):  # fmt: skip
        past = re.search(
            r"\b(?:did|saw|was|were|on the way|had)\b|^(?:list|name|give)\b|\bthings are there\b",
            pattern,
        )
        return _make(
            named,
            "inventory"
            if past or not re.search(r"\b(?:see|view|scene|surroundings)\b", pattern)
            else "in_view",
        )
    if re.search(
        r"\b(?:current |present )?(?:view|surroundings|scene)\b|\bwhere (?:are|am) (?:you|i|we)\b|\blook around\b",
        pattern,
    ):
        return _make(named, "in_view")
    return None
