"""Words that reveal what a question asks, as regular expressions over its pattern.

Out of scope: the order in which they are tried (`families` and its readers).
"""

from __future__ import annotations

import re

from embodied_agent.rules.asked import Side

#: What may stand before a thing.
THE = r"(?:the |a |an |any |your |our |my |this |that |some )?"


def _re(text: str) -> re.Pattern[str]:
    return re.compile(rf"\b(?:{text})\b")


DO = _re(
    r"what (?:did|have|had) (?:you|we|i) (?:just )?(?:do|done)|what (?:were|was) (?:you|"
    r"we) doing|did you (?:just )?do|"
    r"do next|do first|do last|actions?|movements?|motions?|how (?:did|have) (?:you|"
    r"we) (?:\w+ )?(?:move|moved|get|got|go|gone|"
    r"reach|reached|arrive)|which way did (?:you|we) (?:move|turn|go)|(?:last|next|previous|"
    r"latest|first) (?:move|turn|step)|"
    r"what happened|thing you did|moved? you|you (?:just )?did|you moved?|turn or move|move or turn"
)
SEE_WORDS = (
    r"see|seen|saw|seeing|spot|spotted|notice|noticed|noticing|sight|sighted|catch|caught|"
    r"detect|detected|"
    r"pass|passed|encounter|encountered|meet|met|find|found|discover|discovered|observe|"
    r"observed|recorded?|"
    r"look|looked|appear|appears|appeared|appearance|visible|view|views|come across|came across|"
    r"come upon|came upon|show|shows|shown|showed|turn up|turned up|present|"
    r"exist|exists|hold|holds|contain|contains|include|includes|remember|recall|memory|"
    r"memories|notes|"
    r"noted|lost|around|anywhere|somewhere|here|picture|pictures|keyframe|keyframes|frame|frames|KF"
)
SEE = _re(SEE_WORDS)
SEEN = _re(SEE_WORDS + r"|(?:is|was|are|were|be|been) there|there (?:is|was|are|were|be|been)")
MEMORY = _re(
    SEE_WORDS
    + r"|(?:is|was|are|were|be|been) there|there (?:is|was|are|were|be|been)|any|where|which way|"
    r"direction|colours?|how many|how often|nearer|closer|nearest|closest|way to|get to|point|side"
)
FIRST = _re(
    r"first|earliest|early|initially|turned up|turn up|turns up|came into|come into|"
    r"comes into|coming into|appear|"
    r"appeared|appears|appearance|showed up|show up|begin|began|begins|originally|since|"
    r"from which|from what"
)
LAST = _re(
    r"last|latest|recent|recently|ago|up to which|until which|until when|out of|disappear|"
    r"disappeared|vanish|"
    r"vanished|final|finally|lose sight|lost sight|left your view|gone"
)
WHERE = _re(
    r"where|whereabouts|directions?|sides?|which way|what way|positions?|locations?|located|"
    r"point me|point at|"
    r"point to|point towards?|looking for|look for|way to|get to|go to|navigate|find my way|"
    r"bearing|locate|"
    r"turn to|turned to|face|guide me|can not find|could not find"
)
WHEN = _re(
    r"when|times?|keyframes?|frames?|pictures?|images?|moment|how early|how late|ago|point|since"
)
TOGETHER = _re(
    r"together|same time|at once|simultaneously|both|side by side|same (?:\w+ )?(?:view|"
    r"picture|keyframe|frame|image)|"
    r"one (?:view|picture|keyframe|frame|image)|single (?:view|picture|keyframe|frame|image)|"
    r"with|next to|beside|"
    r"besides|alongside|along|near|nearby|close to|around|else|surrounded|surrounding|adjacent|by"
)
NEARER = _re(
    r"nearer|nearest|closer|closest|less far|least far|shorter|shortest|close|near|"
    r"reach first|farther|further|"
    r"farthest|furthest|more distant|less distant|distance"
)
FARTHER = _re(r"farther|further|farthest|furthest|more distant|longer|longest|more far")
NEXT = _re(r"after|next|following|followed|follows|then|afterwards?|later|subsequently|once")
BEFORE = _re(
    r"before|previous|previously|preceded|precede|prior|earlier|led|leading|lead|"
    r"brought|bring|made|makes|"
    r"caused|so that|reach|get to|towards"
)
COUNT = _re(
    r"how many|number of|count|counts|how much|quantity|amount of|total number|more than one|"
    r"only one"
)
HOW_FAR = _re(
    r"how far|how close|how near|how distant|distance|near or far|far or near|close or far|"
    r"far away|far off|"
    r"far from|close by|nearby|long way|are (?:you|we) near|are (?:you|we) close|near you|"
    r"close to you|close to us|"
    r"near mid|near .* far|near me|(?:is|was|are) (?:the |that |this |a )?X (?:still |now |"
    r"quite |very |rather )?(?:near|far|close)"
)
START = _re(
    r"start|started|starting|beginning|began|begin|begun|outset|origin|initial|initially|"
    r"set off|set out|"
    r"first (?:view|keyframe|picture|image|frame|thing|things|object|objects|of all|action|"
    r"move)|before you moved|"
    r"(?:see|saw|seen|notice|noticed) first|"
    r"original|very first"
)
HERE_NOW = _re(
    r"now|moment|present|presently|currently|current|in view|in sight|visible|looking at|"
    r"seeing|from here|"
    r"where (?:you|we|i) (?:are|am|stand)|(?:do|can|could) (?:you|we|i) see|you see|"
    r"camera shows?|camera see|"
    r"in front of (?:the|your) camera|facing|is there to see|see here"
)
TIME = _re(r"when|time|ago|long")
KEYFRAME = _re(r"KF|keyframes?|frames?|pictures?|images?|shots?|views?|number|point")
PAST = _re(r"did|was|were|had|saw|seen|been")
UNITS = (
    r"metres?|meters?|kilomet\w+|centimet\w+|feet|foot|inch|inches|miles?|yards?|kilos?|"
    r"kilograms?|kg|grams?|"
    r"pounds?|tons?|litres?|liters?|minutes?|hours?|seconds?|days?|weeks?|months?|years?|"
    r"euros?|dollars?|people"
)
UNNOTED = _re(
    rf"who|whose|whom|why|{UNITS}|exactly|cost|costs|price|worth|weigh|weighs|weight|heavy|"
    rf"brand|made of|inside|"
    r"smell|smells|serial|owner|owns?|owned|belongs?|"
    r"how (?!many|much|often|do|does|did|to|can|could|would|far|close|near|come|came|early|"
    r"late|long ago|about|soon|"
    r"is|was|are|were|i|we|you|distant|recently|lately|quickly|have|had|should|in|on|it|the|"
    r"X)[a-z]+"
)
UNNOTED_WAY = _re(
    rf"{UNITS}|speed|fast|slow|slowly|corner|yesterday|tomorrow|tonight|will|north|south|"
    rf"east|west|compass|square|"
    r"how (?:large|big|high|deep|wide|long)|who|why|exits?|outside|other rooms?|can not see|"
    r"can not|could not|"
    r"temperature|battery|gps|altitude|latitude|longitude|address"
)
SIDES: tuple[tuple[Side, re.Pattern[str]], ...] = (
    (
        "back",
        _re(
            r"behind|in back of|at the back|at your back|on the back|to the back|"
            r"to the rear|in the rear|rear|"
            r"at (?:your|my|our) back|backwards?"
        ),
    ),
    (
        "front",
        _re(
            r"in front|ahead|straight on|straight ahead|before (?:you|me|us)|"
            r"to the front|up front|at the front|"
            r"forward|forwards"
        ),
    ),
    ("left", _re(r"left|left-hand")),
    (
        "right",
        _re(
            r"to the right|on the right|to (?:your|my|our) right|on (?:your|my|"
            r"our) right|right of|right-hand|"
            r"right side|right hand|rightwards?|(?:the|your|my|our) right|"
            r"turn(?:ed)? right|right turns?|"
            r"rotate[d]? right|towards? the right"
        ),
    ),
)
TURN = _re(
    r"turn|turns|turned|turning|rotate|rotated|rotation|rotations|rotating|spin|spun|"
    r"heading|went round|"
    r"go round|gone round|swivel|swivelled|veer|veered"
)
RELATION = re.compile(
    r"\b(?:what|which|anything|something)\b.*\b(?:on|upon|under|underneath|beneath|above|over|"
    r"behind|inside|in|"
    r"in front of|left of|right of|on top of) (?:the |that |this )?X$"
)
HOW_OFTEN = _re(r"how often|how many|number of|count|times|how frequently|how much")


def side_in(pattern: str) -> Side | None:
    """The side that a pattern names; ``None`` if it names none or several."""
    sides = [side for side, cue in SIDES if cue.search(pattern)]
    return sides[0] if len(sides) == 1 else None


def is_second_first(pattern: str) -> bool:
    """Whether a question about the order of two things asks if the second came first, as "did you
    see X after X?" and "when you saw X, had you seen X?" do."""
    late = has(pattern, "after|later than|subsequent to")
    background = re.search(
        r"^(?:\S+ ){0,3}?(?:when|by the time|once|as soon as)\b.* X\b.*\b(?:had|was|were|did|have)\b.* X\b",
        pattern,
    )
    seen_when = re.search(r"\bX .*\b(?:when|by the time)\b", pattern)
    return (late and not seen_when) != bool(background)


def has(pattern: str, text: str) -> bool:
    """Whether the pattern contains one of the alternatives in ``text``, as whole words."""
    return re.search(rf"\b(?:{text})\b", pattern) is not None
