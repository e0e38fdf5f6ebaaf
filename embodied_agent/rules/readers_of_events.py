"""Questions about what happened to things: "did anything fall over?", "did somebody open the door?",
"has something moved by itself?".

Notes have no events. Without these patterns the questions would be taken for ones about what was
there. What came into view or went out of it is none of these (`particulars`).

Out of scope: the answers (`about_events`), whether a thing moved (`readers_of_the_unnoted`).
"""

from __future__ import annotations

import re
from dataclasses import replace

from embodied_agent.rules.asked import Asked
from embodied_agent.rules.cues import THE
from embodied_agent.rules.names import Named
from embodied_agent.rules.phrases import read_phrase
from embodied_agent.rules.readers_of_time import make

_SOMEBODY = r"(?:anybody|anyone|somebody|someone|any person|some person)"
_ANYTHING = (
    r"(?:anything|something|everything|nothing|(?:any|some|one) (?:thing|object|item)s?|(?:the )?(?:things|objects)|"
    rf"(?:any|one|some) of (?:them|it|{THE}X)|{THE}X)"
)
_OFTEN = r"(?:(?:else|ever|just|really|suddenly|already|actually|perhaps|maybe|also|then) )*"
#: What happens to things. That they come, go, appear or are seen is noted; that they move may be.
_HAPPEN = (
    r"(?:(?:fall|fell|falling|fallen)(?! (?:out of|from|into) (?:view|sight)| behind)|"
    r"break|broke|broken|breaking|burn|burned|burnt|burning|catch fire|caught fire|on fire|"
    r"explod\w+|crash\w*|collaps\w+|toppl\w+|tip(?:ped)?(?: over)?|spill\w*|leak\w*|drop|dropped|"
    r"slid|slide|shake|shook|wobbl\w+|burst|melt\w*|shrink|shrank|grow|grew|flash\w*|blink\w*|flicker\w*|"
    r"light up|lit up|beep\w*|ring|rang|buzz\w*|bark\w*|speak|spoke|shout\w*|scream\w*|happen(?:ed|ing)?|occur\w*|"
    r"knocked (?:over|down)|stolen|damaged|destroyed|touched|opened|closed|shut|lifted|taken away|"
    r"removed|thrown|hit|pushed|kicked|repaired|cleaned|painted|switched (?:on|off)|turned (?:on|off)|"
    r"(?:switch|turn|go|went|come on|came on) (?:on|off)|(?<!been )(?:open|close)(?! (?:to|by|enough|up)\b)|"
    r"(?:make|made|making) (?:a |an |any |some )?(?:\w+ )?(?:noises?|sounds?|mess|music|fuss)|smell\w*|"
    r"change (?:its |their |the )?(?:colours?|shapes?|sizes?|appearance|temperature)|"
    r"changed (?:its |their )?(?:colours?|shapes?|sizes?|appearance)|"
    r"(?:move[d]?|moving|change[d]?|start\w*|stop\w*|roll(?:ed|ing)?|turn(?:ed)?)\b.*\b(?:by itself|by themselves|on its own|on their own|"
    r"alone|itself|unaided)|roll(?:ed|ing)? (?:away|off|down|over)|"
    r"go wrong|went wrong|gone wrong|get (?:broken|damaged|lost|stolen|wet|hurt|dirty|hot|cold)|got (?:broken|damaged|lost|stolen|wet|hurt|dirty))"
)
#: What people are seen to do is that they are there (`particulars`); all else is an event.
_SEEN_DOING = (
    r"(?:see|saw|seen|appear\w*|show\w*|stand\w*|stood|pass\w*|"
    r"(?:walk\w*|run\w*|ran|com(?:e|ing)|came|go|going|went|gone)"
    r"(?! (?:in|into|inside|out|away|off|home|through|up|down|upstairs|downstairs|back|near|close)\b))"
)
_EVENT = re.compile(
    rf"^(?:so |and |tell me (?:if|whether) )?(?:did|has|have|had) {_ANYTHING} {_OFTEN}(?:been |be |being |got |get )?{_HAPPEN}\b|"
    rf"^(?:did|have|had|do|can) (?:you|we) (?:ever |really |just )?(?:see|seen|notice|noticed|watch|watched) {_ANYTHING} {_OFTEN}(?:being |get |getting )?{_HAPPEN}\b|"
    rf"^(?:so |and )?(?:is|are|was|were) (?!{THE}X\b){_ANYTHING} {_OFTEN}(?:being |getting )?(?!(?:open|closed?|shut)\b|broken$){_HAPPEN}\b|"
    r"^(?:what|which (?:thing|object|item|one)s?) (?:has |have )?(?:just |suddenly )?(?:fell|fallen|broke|exploded|burned|burnt|collapsed|"
    r"toppled|spilled|crashed|leaked|caught fire|got (?:broken|damaged|stolen))\b|"
    rf"^(?:what|whatever) (?:has |had )?happened (?:to|with) {THE}X\b"
)
_DEED = re.compile(
    rf"^(?:so |and |tell me (?:if|whether) )?(?:did|has|have|had) {_SOMEBODY} {_OFTEN}(?:been (?=\w+(?:ed|en|ing|ght|rt)\b))?(?!{_SEEN_DOING}\b|been\b)\w+|"
    rf"^(?:is|was) {_SOMEBODY} {_OFTEN}(?:opening|closing|stealing|taking|touching|moving|breaking|hiding|"
    r"talking|speaking|shouting|calling|cooking|working|sleeping|eating|singing|using)\b"
)
_HEARD = re.compile(
    r"^(?:did|have|can|could|do) (?:you|we|i) (?:ever )?(?:hear|heard|smell|smelled|feel|felt) "
    r"(?:anything|something|anybody|anyone|somebody|someone|(?:a |an |any |some |the )?(?:\w+ )?(?:noises?|sounds?|voices?|music|bang|crash|alarm))\b"
)
#: "Did it fall over?" names nothing.
_PRONOUN = re.compile(r"(did|has|have|had|is|was) (?:it|they|he|she|that|this)\b(?! X)")


def read_event(named: Named) -> Asked | None:
    """The question as understood by one of these patterns; ``None`` for all others."""
    # A verb at the end may have been taken for an unknown thing: "did anything fall?"
    text = named.text
    if "KF" in text or len(named.things) > 2:
        return None
    if _DEED.search(text):
        return make(replace(named, things=(read_phrase("person"),)), "happened")
    pronoun = _PRONOUN.match(text)
    if pronoun and _EVENT.search(f"{pronoun[1]} something{text[pronoun.end() :]}"):
        return make(named, "unresolved")
    if not (_EVENT.search(text) or _HEARD.search(text)):
        return None
    about = next((i for i, known in enumerate(named.known) if known), None)
    things = () if about is None else named.things[about : about + 1]
    return make(replace(named, things=things), "happened")
