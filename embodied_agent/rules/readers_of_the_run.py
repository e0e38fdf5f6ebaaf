"""Questions about the run as a whole: how long it took, how the robot faces compared with the start,
and by how many degrees each turn went.

People put these in many words, of which other readers would take "the start", "last" or "compared" for
what is asked. The patterns are narrow, and go by the question's own words.

Out of scope: how far it went (`readers_of_ways`), how often it turned (`readers_of_time`), what was done
before or after a motion (`readers_of_motion_order`), answers (`about_time`, `about_motion`).
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from embodied_agent.rules.asked import Asked
from embodied_agent.rules.cues import side_in

_WHO = r"(?:you|we|it|the (?:robot|drone|camera|rover|car))"
_FILLER = (
    r"(?:(?:so|and|also|ok|okay|well|but|please|pls|just|now|then|tell (?:me|us)|say|i wonder|do you know|"
    r"can you (?:say|tell me)|could you (?:say|tell me)|roughly|about|exactly|all in all|in (?:all|total)|altogether|overall) )*"
)
_RUN = (
    r"(?:(?:the|your|our|this|that|my|its) )?(?:(?:whole|entire|total|full|complete|little|short|long|big|recorded) )*"
    r"(?:trip|tour|walk|journey|ride|drive|flight|run|recording|video|mission|outing|excursion|stroll|patrol|"
    r"footage|clip|film|expedition|voyage)(?: of (?:yours|ours))?"
)
_ALL = r"(?:it all|all of (?:it|this|that)|everything|the (?:whole|entire) (?:thing|lot|business))"
_HOW_LONG = r"(?:for )?how (?:long|much time|many (?:secs?|seconds?|mins?|minutes?|hours?))"
_ENDING = (
    r"(?: (?:in (?:all|total)|altogether|overall|all in all|so far|until now|up to now|by now|from start to (?:finish|end)|"
    r"from beginning to end|long|exactly|roughly|please|pls|now|then|for|around|about))*$"
)
_GOING = (
    r"(?:driv\w+|drove|fly|flying|flew|flown|walk\w*|travel\w*|rid(?:e|ing|den)|rode|roll\w*|record\w*|film\w*|"
    r"(?:on|under) (?:the )?(?:way|move|road|tour)|under ?way|out(?: and about)?)"
)
_LONG = (
    r"(?:(?:an?|such a) (?:age|eternity|while|long (?:time|while)|lifetime)|ages|(?:very |really |that |so |too )?long|"
    r"forever|hours|(?:very )?much time|any time(?: at all)?)"
)
_DURATION = re.compile(
    rf"^{_FILLER}{_HOW_LONG} (?:was|is|were|has been) (?:{_RUN}|{_ALL}){_ENDING}|"
    rf"^{_FILLER}{_HOW_LONG} (?:did|does|has|have|had) (?:{_RUN}|{_ALL}) (?:last|take|go on|run|taken|lasted|gone on|need|"
    rf"require)(?: (?:you|us))?{_ENDING}|"
    rf"^{_FILLER}{_HOW_LONG} (?:did|have|has|had|were|was|are) {_WHO} (?:been )?{_GOING}{_ENDING}|"
    rf"^{_FILLER}{_HOW_LONG} (?:did|have|has) {_WHO} (?:take|need|spend|taken|needed|spent) (?:for|on|over|to (?:do|make|finish)) "
    rf"(?:{_RUN}|{_ALL}){_ENDING}|"
    rf"^{_FILLER}{_RUN} (?:did|has) (?:it|that|this) (?:take|last|taken|lasted)(?: (?:you|us))? {_LONG}{_ENDING}|"
    rf"^{_FILLER}(?:did|has) (?:{_RUN}|{_ALL}) (?:take|last|taken|lasted)(?: (?:you|us))? {_LONG}{_ENDING}|"
    rf"^{_FILLER}(?:was|is) (?:{_RUN}|{_ALL}) (?:very |really |rather |quite |a )*(?:long|short|quick|brief)(?: one)?$|"
    rf"^{_FILLER}(?:was|is) (?:it|that|this) a (?:very |really |rather |quite )*(?:long|short|quick|brief) {_RUN}$|"
    rf"^{_FILLER}(?:(?:what|how long) (?:is|was) )?(?:the |its |your )?(?:total |overall |whole )?"
    rf"(?:duration|running time|run ?time|flight time|driving time|travel time|length in (?:time|seconds|minutes))"
    rf"(?: (?:of|for) {_RUN})?{_ENDING}|"
    rf"^{_FILLER}how much time (?:has |had )?(?:passed|elapsed|went by|gone by)"
    r"(?: (?:in (?:all|total)|altogether|overall|so far|from start to (?:finish|end)|from (?:the )?(?:start|beginning) to "
    r"(?:the )?(?:end|finish)|between (?:the )?start and (?:the )?(?:end|finish)|since (?:the )?(?:start|beginning)|"
    r"since you (?:started|set (?:off|out))))+$|"
    rf"^{_FILLER}{_HOW_LONG} (?:was it )?from (?:the )?(?:start|beginning) to (?:the )?(?:finish|end)$"
)
_START = (
    r"(?:how |where |when |what |the way )?(?:(?:the|your|our|its|my) )?(?:very )?"
    r"(?:start|begin|beginning|outset|(?:original|initial|first|starting|start) (?:heading|direction|orientation|bearing|"
    rf"pose|way)|(?:{_WHO} )?(?:had )?(?:started|began|first faced|set (?:off|out)|faced (?:at|in) the (?:start|beginning)))"
)
_AGAINST = re.compile(
    r"\b(?:compared? (?:with|to)|in comparison (?:with|to)|relative to|in relation to|with respect to|versus|vs|"
    rf"(?:away )?from|against|than|different from) {_START}\b"
)
#: How it faces; "the start" without one of these may be a place.
_FACES = re.compile(
    r"\b(?:facing|face|faced|heading|headed|pointing|pointed|turned|rotated|oriented|orientated|orientation|"
    r"rotation|swivelled|looking)\b"
)
_ASKS = re.compile(r"\b(?:which|what|how|by how|are|is|have|has|in which)\b")
_NET = re.compile(
    r"\bnet (?:turn|rotation|heading|angle|yaw)\b|"
    r"\bhow (?:many degrees|far|much)\b(?=.*\b(?:turned|rotated|turn|rotate)\b).*\b(?:to|in|towards?) (?:which|what) (?:side|way|direction)\b"
)
_LISTS = (
    r"(?:report|list|give|show|name|enumerate|state|print|write|what|which|tell (?:me|us)|by how)"
)
_TURNS = r"(?:turns?|rotations?|swings?|spins?)"
_SIZES = r"(?:degrees?|angles?|sizes?|how (?:far|much|big|large|wide))"
_TURN_DEGREES = re.compile(
    rf"^{_FILLER}{_LISTS}\b.*\b(?:turns|rotations|swings|spins|each (?:left |right )?{_TURNS}|every (?:left |right )?{_TURNS})\b.*\b{_SIZES}\b|"
    rf"^{_FILLER}{_LISTS}\b.*\b{_SIZES}\b.*\b(?:each|every|all)(?: of)?(?: the| your| its)?(?: single)?(?: left| right)? {_TURNS}\b|"
    rf"^{_FILLER}(?:by )?how (?:far|much|many degrees|big|large) (?:did|was|were|have)\b.*\b(?:each|every)(?: single)? (?:left |right )?"
    rf"(?:turn|rotation|time)\b"
)
#: What is asked about then is not how the robot itself moved, or not all of it.
_OTHER = re.compile(
    r"\b(?:see|saw|seen|if|would|should|will|keyframes?|frames?|biggest|largest|smallest|sharpest|metres?|meters?|"
    r"far away|get back|way back|after you saw|when you saw|how many (?!degrees))\b|#"
)


def read_run(words: Sequence[str], *, names_nothing: bool) -> Asked | None:
    """The question as understood by one of these patterns; ``None`` for all others.

    Args:
        words: the question's (`tokens.tokens_of`).
        names_nothing: whether it names no thing.
    """
    text = " ".join(word for word in words if word != ",")
    if _DURATION.search(text):
        return Asked("duration")
    if not names_nothing or (_OTHER.search(text) and not _NET.search(text)):
        return None
    against = _AGAINST.search(text)
    rest = text if against is None else f"{text[: against.start()]} {text[against.end() :]}"
    if _NET.search(text) or (against and _FACES.search(rest) and _ASKS.search(rest)):
        return Asked("heading")
    if _TURN_DEGREES.search(text):
        return Asked("turn_degrees", side=side_in(text))
    return None
