"""Wishes that ask for a thing or the way to it: "I want to sit on the sofa, take me there", "any car on
the road?".

They read like orders, or like small talk; what they name is what is asked for.

Out of scope: wishes that name the place in the order itself, "take me to the sofa" (`particulars`,
`readers_of_ways`), what a thing is good for (`uses`).
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import replace

from embodied_agent.rules.asked import Asked
from embodied_agent.rules.names import Named
from embodied_agent.rules.readers_of_time import make

_TAKE = (
    r"(?:(?:can|could|would|will) you |please |so |now |just )*(?:take|lead|guide|bring|direct|get|navigate|drive|show) (?:me|us) "
    r"(?:(?:over |back |straight )?there|(?:over |back |straight )?to (?:it|that|that one|them)|the way(?: (?:there|to it))?|how to get there)(?: now| please)*"
)
_WISH = re.compile(
    r"^(?:so |and |well )?(?:i|we) (?:really |just |also )*(?:want|need|would like|would love|have|am dying|long|wish|fancy|feel like)\b"
    rf".*\bX\b(?:(?!\bX\b).)*? {_TAKE}$"
)
_ANY = re.compile(
    r"^any (?:other |more )?X (?:standing |lying |parked |somewhere )?(?:on|in|at|along|by|near|around|beside|under|next to) (?:the|this|that|your|my|our) X$"
)


def read_wish(named: Named, memory_nouns: Collection[str]) -> Asked | None:
    """The question as understood by one of these patterns; ``None`` for all others."""
    pattern = named.pattern
    if not named.things or not all(named.known):
        return None
    if len(named.things) == 1 and _WISH.search(pattern):
        return make(named, "way_back")
    if len(named.things) == 2 and _ANY.search(pattern):
        place = named.things[1]
        if place.kind in memory_nouns or place.noun in memory_nouns:
            return make(named, "related")
        return make(replace(named, things=named.things[:1]), "existence")
    return None
