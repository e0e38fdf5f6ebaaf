"""Questions whether a thing is the same one as before, and whether somebody moved it: "is that the
same lamp?", "somebody moved the clock, right?".

Notes name things by colour and kind, and have no events. Without these patterns the first would be
taken for questions about order, the second for ones about the robot's own motion.

Out of scope: the same picture, time, colour or direction, what came into view or went out of it
(`particulars`), other events (`readers_of_events`), the answers (`about_sameness`).
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import replace

from embodied_agent.rules.asked import Asked, Family
from embodied_agent.rules.cues import THE
from embodied_agent.rules.lexicon import lexicon
from embodied_agent.rules.names import Named, names_in
from embodied_agent.rules.readers_of_time import make
from embodied_agent.rules.vocabulary import FRAME, word_set

_SAME = re.compile(
    r"\b(?:the (?:very |exact )?|one and the |that )same (?:(?:C )?(?:ones?|thing|object|item)(?: the X)?|as (?:the|that|it was|before|earlier|at|in)\b)(?! (?:colour|size|shape|kind|side))|"
    rf"\b(?:is|was) {THE}X (?:really |actually )?the same$|"
    r"\b(?:a different|another|a new) (?:one|X)\b.*\bor (?:(?:is|was) (?:it|that) )?(?:just )?the same\b|"
    r"\bthe same\b.*\bor (?:(?:is|was) (?:it|that) )?(?:just )?(?:a different|another|a new) (?:one|X)$"
)
_PLACED = re.compile(r"\b(?:on|in|at|by|near|from|of|behind|under|beside|to) the (?:very )?same\b")
#: How often it was seen is told by other rules.
_AGAIN = re.compile(
    r"^(?:did|have|had) (?:you|we) .*\b(?:again|twice|more than once|several times|N times)$"
)
#: Without one of these, no pattern fits.
_WORDS = word_set(
    "same moved move shift shifted displace displaced relocate relocated rearrange rearranged swap "
    "swapped replace replaced remove removed take took taken steal stole stolen drag dragged carry "
    "carried reposition repositioned nudge nudged where stay stayed remain remained place spot "
    "position location"
)
#: "Are the blue lamp and the red one the same?" names two.
_TWO = re.compile(
    rf"^(?:so )?(?:is|was|are|were) {THE}X (?:and|really|actually|also)? ?(?:the same (?:one |thing )?as )?{THE}X(?: (?:really |actually )?(?:(?:one and )?the same\b.*))?$"
)
_FOLKS = r"(?:somebody|someone|anybody|anyone|nobody|no one|who|they|people|he|she|(?:the|a) X)"
_OFTEN = r"(?:(?:else|ever|just|really|already|actually|perhaps|maybe|probably|also|secretly) )*"
_MOVED = r"(?:moved|shifted|displaced|relocated|rearranged|swapped|replaced|removed|taken|stolen|dragged|carried|repositioned|nudged)"
_MOVE = rf"(?:move|shift|displace|relocate|rearrange|swap|replace|remove|take|took|steal|stole|drag|carry|reposition|nudge|{_MOVED})"
#: "Somebody took my phone; where was it last seen?"
_PLACE_OR_TIME = re.compile(
    r"\b(?:where|when) (?:is|was|are|were|did|have|has) (?!.*\bsame\b)|\blast seen$"
)
_ITSELF = re.compile(r"\b(?:by|on) (?:itself|themselves|its own|their own)\b|\bunaided\b")
#: "Did somebody move it?" is an event (`readers_of_events`).
_MOVED_BY = re.compile(
    rf"^(?!(?:did|has|have|had) (?:somebody|someone|anybody|anyone)\b)(?:so |and |i (?:think|bet|guess|believe) (?:that )?|(?:is it true|tell me|do you (?:know|think)) (?:that |if |whether )?)?"
    rf"(?:(?:did|has|have|had) )?{_FOLKS} {_OFTEN}(?:(?:has|have|had) {_OFTEN})?{_MOVE} (?:away )?{THE}X\b(?! to (?:see|find))"
)
_WAS_MOVED = re.compile(
    rf"^(?:so |and )?(?:has|have|had|is|was|are|were|did|could|might) {THE}X {_OFTEN}(?:have |get |got )?(?:been )?(?:being )?{_OFTEN}(?:{_MOVED}|move)\b"
    r"(?! (?:into|out of|in|from|towards?|closer|nearer|past) (?:view|sight|you|us|me)\b)|"
    rf"^(?:so |and )?{THE}X (?:was|were|has been|have been|had been|got|must have been) {_OFTEN}(?:moved|shifted|displaced|swapped|replaced|rearranged|stolen)\b|"
    rf"\b(?:is|was|are|were|stands?|stood) {THE}X (?:still |always |now )?(?:(?:standing |sitting )?(?:where|at the place where) (?:it|they) (?:was|were|stood|used to be)|"
    r"(?:in|at|on) (?:the|its) (?:very )?(?:same|old|usual|original|first) (?:place|spot|position|location))\b|"
    rf"\b(?:did|has|have) {THE}X (?:stay|stayed|remain|remained) (?:put|where (?:it|they) (?:was|were)|(?:in|at|on) (?:the|its) (?:same )?(?:place|spot|position))\b"
)


def read_sameness(words: list[str], memory_nouns: Collection[str]) -> Asked | None:
    """The question as understood by one of these patterns; ``None`` for all others."""
    if not _WORDS.intersection(words):
        return None
    named = names_in(_with_ones(words, memory_nouns), memory_nouns)
    pattern, count = named.pattern, len(named.things)
    if not count or "KF" in pattern or _ITSELF.search(pattern) or _PLACE_OR_TIME.search(pattern):
        return None
    by = _MOVED_BY.search(pattern)
    if by is not None:
        return _of(named, by.group().count("X") - 1, "moved")
    if count == 1 and _WAS_MOVED.search(pattern):
        return make(named, "moved")
    same = _SAME.search(pattern)
    if same is None or _PLACED.search(pattern) or _AGAIN.search(pattern):
        return None
    if count == 2 and _TWO.search(pattern):
        return make(named, "same_one")
    is_named = same.group().endswith("X")
    meant = pattern[: same.end()].count("X") - 1 if is_named else 0
    things = named.things
    closer = [  # "are the red lamps the same lamp?"
        i for i in range(meant) if things[i].kind == things[meant].kind and things[i].colours
    ]
    return _of(named, closer[0] if closer and not things[meant].colours else meant, "same_one")


def _with_ones(words: list[str], memory_nouns: Collection[str]) -> list[str]:
    """The words, with "the same one, the lamp" for "the same lamp": what is the same would be lost in
    the name."""
    spread = list(words)
    for i in range(len(words) - 1, -1, -1):
        if words[i] != "same":
            continue
        after = [word for word in words[i + 1 : i + 3] if word not in lexicon().colours]
        if (
            after
            and after[0] not in FRAME
            and (lexicon().known(after[0]) or after[0] in memory_nouns)
        ):
            spread[i + 1 : i + 1] = ["one", "the"]
    return spread


def _of(named: Named, index: int, family: Family) -> Asked:
    """The question, of one of the things that it names."""
    return make(replace(named, things=named.things[index : index + 1]), family)
