"""Questions that notes never answer: what is dangerous, which kind of place it is, what was touched.

Without these patterns they would be taken for questions about what was there.

Out of scope: what nobody noted about one thing (`readers`), the answers (`about_things`).
"""

from __future__ import annotations

import re
from dataclasses import replace

from embodied_agent.rules.asked import Asked
from embodied_agent.rules.names import Named
from embodied_agent.rules.readers_of_own_motion import YOU
from embodied_agent.rules.readers_of_time import make

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
    rf"^(?:did|have|has|had|can|could) {YOU} (?:ever |really |already )?"
    r"(?:(?:go|went|gone|walk\w*|drive|drove|driven|come|came|move[d]?|pass\w*|fly|flew|climb\w*) "
    r"(?:through|over|under|into|inside|on|onto)|enter(?:ed)?|open(?:ed)?|close[d]?|shut|"
    r"touch(?:ed)?|bump(?:ed)? into|hit|collide[d]? with|crash(?:ed)? into|pick(?:ed)? up|grab\w*|"
    r"push(?:ed)?|pull(?:ed)?|climb(?:ed)?|sit on|sat on|use[d]?|lock(?:ed)?|clean(?:ed)?|"
    r"break|broke|damage[d]?|move[d]?|lift(?:ed)?|smell|hear|heard|taste|feel|felt) "
    r"(?:the |a |an |any |some |my |your )?X$"
)
#: "Is it safe to go on?" asks for no safe.
_ADVICE = re.compile(
    r"^(?:is|was|would|will) (?:it|that|this) (?:be )?(?:still )?(?:X|safe|dangerous|ok|okay|clear) "
    r"(?:for (?:me|you|us|people) )?to \w+|^(?:can|may|should) (?:i|we|one) safely\b"
)
_STOPPED = re.compile(
    rf"^(?:did|have|had) {YOU} (?:ever )?(?:stop|stopped|stand still|stood still|wait|waited|pause|paused)\b"
)
#: Notes list what was seen, not what was missed, and nothing above, below or in passing.
_NO_NOTES_OF = re.compile(
    r"\b(?:what|which \w+|who|anything|something)\b.*\b(?:not|never|n't) (?:you |we )?(?:see|seen|notice|noticed|spot|find|found)\b|"
    r"\b(?:what|which \w+)\b (?:did|have|do|has) (?:not|never) (?:you|we|i)\b|"
    r"\b(?:above|below|beneath|underneath|under|over) (?:you|me|us)\b|"
    r"\bover (?:anything|something)\b|\bwhile (?:\w+ )?\w+ing\b|"
    r"\b(?:been here|seen this|been to this place|seen this place) before\b"
)
#: No note says that a thing is one of these.
_JUDGEMENTS = frozenset(
    ("obstacle", "hazard", "danger", "threat", "risk", "obstruction", "defect", "anomaly")
)
#: Reasons, whether a thing moved, and how long one thing was seen before another.
_REASON = re.compile(r"^(?:and |so |but |tell me )?why\b")
_MOVED_SINCE = re.compile(
    r"^(?:has|have|had|did) (?:the |that |this |your |our |my |any )?X (?:ever |already )?(?:been )?(?:move|moved|moving|change|changed)\b"
)
_TIME_BETWEEN = re.compile(r"\bhow (?:much time|long)\b.*\bbetween\b.*\bX and\b.*\bX$")
#: Whether something is in the way is a judgement, too.
_IN_THE_WAY = re.compile(
    r"\b(?:anything|something|nothing|what|things?|objects?)\b.*\b(?:block(?:s|ed|ing)?|obstruct(?:s|ed|ing)?|"
    r"in (?:the|your|our|my) (?:way|path))\b|"
    r"\b(?:is|was|are|were) (?:the|your|our|my) (?:way|path|route|road|passage|corridor|aisle)(?: ahead)? "
    r"(?:still |now )?(?:clear|free|blocked|open|passable|obstructed)\b"
)


def read_unnoted(named: Named) -> Asked | None:
    """The question as understood by one of these patterns; ``None`` for all others."""
    pattern = named.pattern
    bare = replace(named, things=())
    if _ADVICE.search(pattern):
        return make(bare, "unnoted_way")
    if _IN_THE_WAY.search(pattern):
        return make(bare, "judged")
    if _TIME_BETWEEN.search(pattern) or (not named.things and _REASON.search(pattern)):
        return make(bare, "unnoted_way")
    if _MOVED_SINCE.search(pattern):
        return make(named, "unnoted")
    if not named.things and _NO_NOTES_OF.search(pattern):
        return make(named, "unnoted_way")
    if _JUDGED.search(pattern):
        return make(bare, "judged")
    if _PLACE_KIND.search(pattern) or (not named.things and _STOPPED.search(pattern)):
        return make(bare, "unnoted_way")
    for thing, known in zip(named.things, named.known, strict=True):
        if thing.kind in _JUDGEMENTS and not known:
            return make(bare, "judged")
    return None


def is_deed(pattern: str) -> bool:
    """Whether a question asks if something was done to a thing: "did you open the door?" """
    return _DEED.search(pattern) is not None
