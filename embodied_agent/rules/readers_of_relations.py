"""Questions about how things lie to each other: "is the bed left of the shelf?", "what is next to
the sofa?", "what is between the table and the door?".

Other readers would take them as questions about one of the things, or about the camera's left.

Out of scope: what was seen together or in between (`readers`, `particulars`), answers
(`about_relations`).
"""

from __future__ import annotations

import re
from dataclasses import replace

from embodied_agent.rules import cues
from embodied_agent.rules.asked import Asked, Relation
from embodied_agent.rules.cues import THE
from embodied_agent.rules.names import Named
from embodied_agent.rules.phrases import read_phrase
from embodied_agent.rules.readers_of_time import make

_YOU = r"(?:you|we|i|the robot|the camera)"
_SEE = r"(?:see|saw|noticed|spotted|found|passed|came across)"
_BE = r"(?:is|are|was|were)"
#: Words between a thing and where it is: "standing right".
_PLACED = r"(?:(?:also |still |now |located|placed|positioned|situated|standing|lying|sitting|hanging|directly|just|right|somewhere|anywhere|immediately|that is|that was|which is|which was) )*"
_ASIDE = (
    r"(?:(?:to|on|at) )?(?:(?:the|its) )?(?:far |immediate )?(?P<side>left|right)(?:-hand)?"
    r"(?: hand)?(?: side)? (?:of|from)"
)
_BESIDE = r"(?:right )?(?:next (?:door )?to|beside|alongside|adjacent to|by the side of)"
#: "Is the table to the left of the bed?"
_ONE_ASIDE = re.compile(rf"\bX {_PLACED}{_ASIDE} {THE}X\b")
_ON_WHICH_SIDE = re.compile(
    rf"^{_BE} {THE}X {_PLACED}(?:(?:to|on) (?:the )?)?(?:left|right)(?: side)?(?: of {THE}X)? or (?:(?:to|on) (?:the )?)?"
    rf"(?:left|right)(?: hand)?(?: side)? (?:of|from) {THE}X$|"
    rf"^(?:on )?(?:which|what) side of {THE}X {_BE} {THE}X(?: (?:on|at))?$|"
    rf"^(?:which|what) (?:one )?(?:of (?:the two|them) )?{_BE} (?:the )?(?:further|farther|more) (?:to the )?"
    rf"(?:left|right) {THE}X or {THE}X$|"
    rf"^(?:where|how) {_BE} {THE}X {_PLACED}(?:relative|in relation|with respect|with regard|compared) (?:to|with) {THE}X$|"
    rf"\b(?:position|place|location) of {THE}X (?:relative|in relation|with respect|compared) (?:to|with) {THE}X$"
)
_BETWEEN_TWO = re.compile(rf"\bX {_PLACED}(?:in )?between {THE}X and {THE}X\b")
_ANY_BETWEEN = re.compile(
    rf"^(?:so )?(?:what|which \w+|who|{_BE} (?:there )?(?:anything|something)) (?:else )?"
    rf"(?:(?:{_BE}|stands?|stood|lies|sits|can be seen|there is) )?(?:there )?{_PLACED}(?:in )?between {THE}X and {THE}X$"
)
#: "What is left of the table?", "did you notice anything to the right of it?"
_ANY_ASIDE = re.compile(
    rf"\b(?:what|which|anything|something|who|name|list|things?|objects?)\b.*?\b{_ASIDE} {THE}X$"
)
#: Of what was next to it in the past, all views tell (`readers`).
_ANY_BESIDE = re.compile(
    rf"^(?:so |tell me |say )?(?:what|which (?:thing|object|item)s?|who|(?:is|are) (?:there )?(?:anything|something)) (?:else )?"
    rf"(?:(?:is|are|stands?|lies|sits|there is) )?(?:there )?{_PLACED}{_BESIDE} {THE}X$|"
    rf"^(?:what|which) (?:is|are) {THE}(?:C )?(?:thing|object|item)s? {_PLACED}{_BESIDE} {THE}X$"
)
#: Where one thing was at the sight of another.
_WHERE_WHEN = re.compile(
    rf"^where (?:was|were) {THE}X (?:when|as) {_YOU} (?:(?:first|(?P<last>last)) )?{_SEE} {THE}X$|"
    rf"^when {_YOU} (?:first |last )?{_SEE} {THE}X where (?:was|were) {THE}X$"
)
#: Two names, and nothing that is asked about them.
_EITHER = re.compile(rf"^{THE}X or {THE}X$")
#: Where one thing is, from the other: of these, notes tell no more than where both were.
_RELATED = re.compile(
    rf"\bX (?:\w+ ){{0,2}}?(?:behind|in front of|on top of|on|under|underneath|above|over|below|inside|in|"
    rf"next to|beside|near|close to|by|against|opposite|at the foot of) {THE}X$|"
    rf"\bX and {THE}X (?:near|close to|next to|beside|far from|opposite) each other\b|"
    rf"^are {THE}X and {THE}X (?:standing |placed )?side by side$|"
    rf"\bbetween {THE}X and {THE}X$|"
    rf"\bhow (?:far|close|near) (?:\w+ ){{0,2}}?{THE}X (?:\w+ )?(?:from|to) {THE}X$|"
    r"\bdistance between\b"
)
_ASKS_RELATION = re.compile(
    rf"^(?:{_BE}|what (?:is|was)|how (?:far|close|near)|what distance|where (?:is|was))\b"
)
_ASKS_IF = re.compile(
    rf"^(?:{_BE}|does|do|did|have|has|can|could|would|so|any|what|which|where|tell me (?:if|whether))\b"
)
#: Anywhere: "is there a telly in the house?", "any car on the road?"
_ANYWHERE = re.compile(
    r"^(?:(?:is|was|are|were) there )?(?:a |an |any |some )X (?P<where>in|on|along) the X"
    r"(?P<colour> a C one(?: i (?:think|guess|believe)| maybe| perhaps)?)?$"
)
#: Things that were in view at one time; or the picture's left.
_TOGETHER = "time|once|together|view|ever|frame|keyframe"


def read_relation(named: Named) -> Asked | None:
    """The question as understood by one of these patterns; ``None`` for all others."""
    pattern = named.pattern
    count = len(named.things)
    if not count or count > 3 or "KF" in pattern or cues.has(pattern, "colours?|how many"):
        return None
    if count == 3:
        return _asked(named, "related", "between") if _BETWEEN_TWO.search(pattern) else None
    if count == 1:
        return _about_one(named, pattern)
    if _EITHER.search(pattern):
        return make(named, "existence")
    anywhere = _ANYWHERE.search(pattern)
    if anywhere is not None and _is_anywhere(named, anywhere["where"]):
        thing = named.things[0]
        if anywhere["colour"] and not thing.colours:
            thing = read_phrase(f"{named.colours[0]} {thing.text}")
        return make(replace(named, things=(thing,), colours=()), "existence")
    then = _WHERE_WHEN.search(pattern)
    if then is not None:
        if pattern.startswith("when"):
            named = replace(named, things=named.things[::-1])
        return make(named, "where_when", reverse=then["last"] is not None)
    if _ON_WHICH_SIDE.search(pattern):
        if re.match(r"(?:on )?(?:which|what) side of", pattern):
            named = replace(named, things=named.things[::-1])
        return _asked(named, "related", "aside")
    if _ANY_BETWEEN.search(pattern):
        return _asked(named, "relation", "between")
    aside = _ONE_ASIDE.search(pattern)
    if aside is not None and _ASKS_IF.search(pattern):
        return _asked(named, "related", "left" if aside["side"] == "left" else "right")
    if (
        all(named.known)
        and _RELATED.search(pattern)
        and _ASKS_RELATION.search(pattern)
        and not cues.has(pattern, f"{_TOGETHER}|see|seen|saw")
    ):
        return make(named, "related")
    return None


def _is_anywhere(named: Named, where: str) -> bool:
    """Whether the second thing only says that the first may be anywhere."""
    kind = named.things[1].kind
    if where == "in":
        return kind == "house"
    return kind == "road" and named.pattern.startswith("any")


def _about_one(named: Named, pattern: str) -> Asked | None:
    if cues.has(pattern, f"{_TOGETHER}|first|last|before|after"):
        return None
    aside = _ANY_ASIDE.search(pattern)
    if aside is not None:
        return _asked(named, "relation", "left" if aside["side"] == "left" else "right")
    return _asked(named, "relation", "beside") if _ANY_BESIDE.search(pattern) else None


def _asked(named: Named, family: str, relation: Relation) -> Asked:
    return make(named, family, relation=relation)  # type: ignore[arg-type]
