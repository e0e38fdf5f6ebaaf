"""Questions about what no camera notes: what a thing is made of, smells, sounds, warmth, height above
the ground, and whether somebody lives somewhere.

"Wood or plastic?" names two materials, which would be taken for things. What is asked for as a thing
stays one: "did you see a glass?", "is there a wooden chair?", "a brick wall".

Out of scope: other questions that notes never answer (`readers_of_the_unnoted`), events such as "did
you hear anything?" (`readers_of_events`), the answers (`about_qualities`, `about_things`).
"""

from __future__ import annotations

import re
from collections.abc import Collection

from embodied_agent.rules.asked import Asked
from embodied_agent.rules.lexicon import singular
from embodied_agent.rules.names import names_in
from embodied_agent.rules.phrases import Phrase
from embodied_agent.rules.readers_of_events import read_event
from embodied_agent.rules.vocabulary import word_set

#: What things are made of, as nouns and adjectives; not what is a colour, too, as gold.
MATERIALS = word_set(
    "wood wooden timber oak pine plywood bamboo plastic metal metallic steel iron aluminium aluminum "
    "brass tin brick bricks concrete cement stone marble granite ceramic porcelain clay "
    "glass leather fabric cloth cotton wool velvet silk linen rubber foam paper cardboard wicker rattan "
    "vinyl nylon fibreglass fiberglass plaster asphalt"
)
_STUFF = rf"(?:real |solid |pure |fake |polished )?(?:{'|'.join(sorted(MATERIALS))})"
_MADE = r"(?:(?:is |was |are |were )?(?:it |they )?(?:made |built )?(?:out )?(?:of |from |in )?)"
_SEEN_BY_YOU = re.compile(
    r"^(?:did|have|do|can) (?:you|we) (?:ever )?(?:see|seen|notice|noticed|meet|met)\b"
)
#: Whatever else is asked: that one was seen is a question about things.
_SEEN = re.compile(
    r"\b(?:see|saw|seen|spot|spotted|notice|noticed|find|found|pass|passed|count|how many|how much|where|when|"
    r"how far|which way|show|any|(?:is|are|was|were) there|there (?:is|are|was|were))\b"
)
#: "Wood or plastic", "made of brick or what"; not "a wooden or plastic chair".
_CHOICE = re.compile(
    rf"\b{_MADE}(?<!\ba )(?<!\ban )(?<!\bthe )(?P<stuff>{_STUFF})(?: ,)?(?: (?:and )?or (?:(?:is|was|are|were) (?:it|they) )?(?:more )?{_MADE}"
    rf"(?:{_STUFF}|what(?:ever)?|something(?: else)?|else)(?: ,)?)+"
    r"(?= (?:is|was|are|were|for|the|that|this|your|my|do|can|would)\b| ,|$)"
)
_MADE_OF = re.compile(
    r"\b(?:made|built|constructed|carved|woven|crafted) (?:out |up )?(?:of|from|in)$|"
    rf"\b(?:made|built|constructed|carved|woven|crafted) (?:out |up )?(?:of|from) (?:a |an |the )?{_STUFF}$|"
    r"\b(?:what|which) (?:(?:kind|sort|type) of )?(?:materials?|fabric|timber)\b|"
    r"\bmaterials?\b.*\b(?:of|is|are|was|were)\b|"
    r"\b(?:what|which) (?:kind|sort|type) of (?:wood|metal|stone|plastic|cloth|leather) (?:is|was|are|were) (?:the|that|this)\b"
)
#: "Is the table wooden?"; a name that ends so is read before this is tried.
_IS_OF = re.compile(
    r"^(?:so |and )?(?:is|was|are|were|does|do|did) (?:the|that|this|these|those|your|my|it|they) (?:.+ )?"
    rf"(?:(?:look|feel|seem) (?:like )?)?(?<!\ba )(?<!\ban )(?<!\bthe ){_STUFF}$"
)
_WARM = r"(?:warm|hot|cold|cool|chilly|freezing|humid|damp|stuffy|draughty|drafty|warmer|colder|hotter|cooler)"
_LOUD = r"(?:noisy|loud|quiet|silent|noisier|louder|quieter)"
_NEARBY = r"(?:(?: in| out)? there| here| inside| outside| in the \w+| (?:near|by|at|around|beside|next to|close to) .+)?"
_SENSED = re.compile(
    r"\b(?:smell|smells|smelled|smelt|smelling|smelly|stink|stinks|stank|stinking|reek|reeks|reeked|scents?|odou?rs?|whiff|aroma|"
    r"fragrance|taste|tastes|tasted|tasty)\b|"
    r"\b(?:what|which|any|some|a|an|the|strange|loud|funny|of) (?:\w+ )?(?:noises?|sounds?)\b(?! like)|"
    r"\b(?:make|made|making|makes) (?:a |any |some |the )?(?:noises?|sounds?)\b|\bwhat (?:did|do|does) .+ sound like\b|"
    r"\b(?:can|could|did|do|would|have|had) (?:you|we|one) (?:ever |actually |also |even )?hear(?!d? (?:of|about|that|there|the (?:one|joke))\b)\b|"
    rf"\bhow {_LOUD}\b|\bhow {_WARM} (?:was|were|did)\b|\bhow {_WARM} (?:is|are) (?:it (?:in|near|by|there|inside)|the)\b|"
    r"\b(?:the |what |which |room )temperature\b|"
    rf"^(?:so |and )?(?:(?:is|was|did|does|do|would) (?:it|the .+|that .+) )?(?:(?:feel|get|feels|felt|got|be) )?(?:(?:very|really|quite|so|too) )?(?P<felt>{_WARM}|{_LOUD})"
    rf"(?: or (?:{_WARM}|{_LOUD}))?{_NEARBY}$"
)
_FOLKS = r"(?:somebody|someone|anybody|anyone|nobody|no one|people|who|they|family|families|humans?|persons?)"
_STILL = r"(?:actually |really |still |even |currently |also |ever )*"
_LIVED = re.compile(
    rf"\b{_FOLKS}(?: (?:who|that))? {_STILL}(?:is |are |was |were )?(?:lives?|living(?! room)|lived|resides?|residing|dwells?|stays?|staying)"
    r"(?= (?:here|there|inside|around|nearby)\b| in (?:here|there)\b| (?:in|inside|at|behind) (?:the|that|this|these|those|your)\b|$)|"
    r"\b(?:is|are|was|were|looks?|seems?|seem to be|feels?|stands?|still|been) (?:(?:the|that|this|it|they) (?:.+ )?)?"
    r"(?:lived in|inhabited|uninhabited|abandoned|deserted|vacant|derelict)(?: or .+)?$|"
    r"\b(?:stands?|standing|stood) empty\b"
)
#: "How high above the ground are you?"; the ground is no thing that was looked for.
_HEIGHT = re.compile(
    r"\bhow (?:high|low|far(?: up)?|much|many \w+)\b.*\b(?:above|over|off|from) (?:the )?(?:ground|floor|surface|sea level)\b"
)
#: Without a named thing, one of these says that the question is about the place; others are about the
#: world at large: "what sound does a cow make?"
_OF_THE_PLACE = re.compile(
    r"\b(?:did|was|were|had|it|there|here|this|that|place|house|room|inside|outside|near|around|you)\b"
)
_AT_LARGE = re.compile(
    r"\b(?:normally|usually|typically|generally)\b|\byou (?:made|built|constructed) (?:of|from)\b"
)


def read_quality(words: list[str], memory_nouns: Collection[str]) -> Asked | None:
    """The question as understood by one of these patterns; ``None`` for all others."""
    text = " ".join(words)
    if _AT_LARGE.search(text):
        return None
    if _HEIGHT.search(text):
        return Asked("unnoted_way")
    if _asks_for_material(text) and not _SEEN.search(text):
        rest = [word for word in words if word not in MATERIALS]
        named = names_in(rest, memory_nouns)
        things = tuple(
            thing
            for thing, known, definite in zip(
                named.things, named.known, named.definite, strict=True
            )
            if known or definite
        )
        if not things:
            of_this = _OF_THE_PLACE.search(text) or _CHOICE.search(text)
            return Asked("unnoted_way") if of_this else None
        return Asked("unnoted", things=things[:1], of_material=True)
    if _SENSED.search(text):
        event = read_event(names_in(words, memory_nouns))
        return _of_what_was_seen(words, memory_nouns) if _is_unresolved(event) else event
    if _LIVED.search(text) and not _SEEN_BY_YOU.search(text):
        return _of_what_was_seen(words, memory_nouns)
    return None


def _is_unresolved(event: Asked | None) -> bool:
    """Whether no event is asked about; "it" in "did it smell of smoke?" is no thing."""
    return event is None or event.family == "unresolved"


def _asks_for_material(text: str) -> bool:
    return bool(_CHOICE.search(text) or _MADE_OF.search(text) or _IS_OF.search(text))


def _of_what_was_seen(words: list[str], memory_nouns: Collection[str]) -> Asked | None:
    """The question, of the first thing in it that is in the memory: another one may be what it smells
    of, or the house."""
    named = names_in(words, memory_nouns)
    seen = tuple(thing for thing in named.things if _is_in(thing, memory_nouns))
    if seen:
        return Asked("unnoted", things=seen[:1])
    return Asked("unnoted_way") if _OF_THE_PLACE.search(" ".join(words)) else None


def _is_in(thing: Phrase, memory_nouns: Collection[str]) -> bool:
    return bool(thing.kind) and (thing.kind in memory_nouns or thing.noun in memory_nouns)


def noted_material(name: str) -> bool:
    """Whether a thing's name says what it is made of: "wooden table"."""
    return any(word in MATERIALS or singular(word) in MATERIALS for word in name.split()[:-1])
