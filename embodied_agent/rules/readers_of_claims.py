"""Claims that are to be confirmed: "Gran says there are three beds. True?", "is anything else blue, or
just that lamp?".

What they hang on is a number or a colour; other readers would take them for questions whether the
thing was seen at all.

Out of scope: questions with a number, such as "are there four lamps?" (`particulars`), the answers
(`about_things`).
"""

from __future__ import annotations

import re
from dataclasses import replace

from embodied_agent.rules.asked import Asked
from embodied_agent.rules.names import Named
from embodied_agent.rules.readers_of_time import make
from embodied_agent.rules.vocabulary import word_set

#: Who claims it.
_CLAIM = (
    r"(?:(?!X\b|N\b)\S+ )*?(?:says?|said|claims?|claimed|thinks?|thought|reckons?|reckoned|believes?|believed|insists?|"
    r"swears?|swore|bets?|told me|tells me|is sure|am sure|is certain|am certain|heard|remembers?|guess|suppose|"
    r"am told|was told|is it true|is it right|is it correct|correct me if i am wrong)(?: ,)? (?:that |but |if )?"
)
_NUMBER = r"(?:only |just |exactly |precisely |about |a total of |in total |all )*(?:N|one)"
_THERE = (
    r"(?:there (?:is|are|was|were|be|must be|should be|have been|has been|will be)|"
    r"(?:you|we|it|i) (?:saw|passed|noticed|found|met|spotted|counted|have|have seen|have passed|came across|went past))"
)
#: And the wish to have it confirmed.
_TAG = (
    r"(?:right|true|correct|yes|yeah|yep|no|not|or|is|are|was|were|did|do|does|have|am|agree|agreed|really|huh|eh|innit|"
    r"can you|could you|please|confirm|in total|altogether|here|around|in (?:the|this|that|here|there|total|all|my)|on the (?!left|right)|"
    r"along the|all in all|wrong|what do you|ok|okay|i)"
)
_COUNT = re.compile(
    rf"^(?:so |and |well |ok |then |but )*(?P<by>{_CLAIM})?{_THERE} {_NUMBER} X(?P<tag> {_TAG}\b(?!.*\b(?:X|N|C|KF|what|where|when|how|which)\b).*)?$|"
    r"^(?P<bare>N X) (?:right|true|correct|yes|yeah|is that right)$"
)
_WISHED = re.compile(r"\?\s*$")
#: "Is anything else blue, or just that lamp?"
_ELSE = re.compile(
    r"^(?:so |and )?(?:is|was|are|were) (?:there )?(?:anything|something|any other thing|other things)(?: else)?(?: (?:that|which) (?:is|was))? C(?: (?:in )?(?:here|there))? "
    r"or (?:is it |was it )?(?:just |only )*(?:the|that|this|your|my) X(?: (?:that (?:is|was) )?C)?$"
)

_IN_PLACE = re.compile(rf" in (?:the|this|that|your|my|our) X(?P<rest>(?: {_TAG}\b.*)?)$")
_PLACES = word_set("house home place building flat apartment city town street room")


def read_claim(named: Named, text: str) -> Asked | None:
    """The question ``text`` as understood by one of these patterns; ``None`` for all others."""
    named = _without_place(named)
    if len(named.things) != 1:
        return None
    pattern = named.pattern
    if _ELSE.search(pattern):
        return make(replace(named, things=(), colours=named.colours[:1]), "of_colour")
    claim = _COUNT.search(pattern)
    if claim is None or len(named.numbers) != 1 or not named.known[0]:
        return None
    if not (claim["by"] or claim["tag"] or claim["bare"] or _WISHED.search(text)):
        return None
    return make(named, "count", least=named.numbers[0], claimed=True)


def _without_place(named: Named) -> Named:
    """The question without "in this house" at its end."""
    ending = _IN_PLACE.search(named.pattern)
    if ending is None or len(named.things) != 2 or named.things[1].text not in _PLACES:
        return named
    return replace(
        named,
        pattern=named.pattern[: ending.start()] + ending["rest"],
        things=named.things[:1],
        known=named.known[:1],
        definite=named.definite[:1],
    )
