"""Which things of the notes a phrase means, and what comes nearest where none fits.

"couch" means the green sofa, "vehicle" each car, "a green bed" the green bed and no red one.

Out of scope: reading phrases (`phrases`), sentences about what was found (`names`).
"""

from __future__ import annotations

from dataclasses import dataclass

from rapidfuzz import fuzz

from embodied_agent.rules.lexicon import lexicon, singular
from embodied_agent.rules.notes import Notes, Thing
from embodied_agent.rules.phrases import Phrase, read_phrase

#: Unknown words that are spelt as much alike as this, in per cent, count as near.
_ALIKE = 75.0


@dataclass(frozen=True, slots=True)
class Match:
    """What the notes hold for a phrase. Each list is in the order of first appearance.

    Attributes:
        phrase: what was looked for.
        things: those that fit.
        other_colour: of the kind, but in another colour.
        no_colour: of the kind; the notes don't say in which colour.
        unsaid: of the kind and colour; the notes don't say the phrase's qualifiers.
        within: it is a detail of these, as the books in "table with books".
        observed: indexes of deltas whose observation speaks of it.
        nearest: what comes nearest, where nothing fits.
    """

    phrase: Phrase
    things: tuple[Thing, ...] = ()
    other_colour: tuple[Thing, ...] = ()
    no_colour: tuple[Thing, ...] = ()
    unsaid: tuple[Thing, ...] = ()
    within: tuple[Thing, ...] = ()
    observed: tuple[int, ...] = ()
    nearest: Thing | None = None

    @property
    def is_known(self) -> bool:
        """Whether the notes hold something of the kind."""
        return bool(self.things or self.other_colour or self.no_colour or self.unsaid)


def match(phrase: Phrase, notes: Notes) -> Match:
    """What the notes hold for ``phrase``."""
    things: list[Thing] = []
    other_colour: list[Thing] = []
    no_colour: list[Thing] = []
    unsaid: list[Thing] = []
    within: list[Thing] = []
    kinds: dict[tuple[str, str], bool] = {}  # of many things, few differ in kind
    for thing in list(notes.things.values()):  # they may grow meanwhile
        key = thing.phrase.kind, thing.phrase.noun
        if key not in kinds:
            kinds[key] = _is_kind(phrase, thing.phrase)
        if kinds[key] and not _is_another(phrase, thing.phrase):
            colours = thing.phrase.colours | thing.phrase.base_colours
            if not phrase.colours <= colours:
                (other_colour if colours else no_colour).append(thing)
            elif not _says(thing.phrase, phrase.qualifiers):
                unsaid.append(thing)
            else:
                things.append(thing)
        elif phrase.kind and thing.phrase.details:
            detail = detail_of(thing)
            if _is_kind(phrase, detail) and phrase.colours <= detail.colours:
                within.append(thing)
    known = things or other_colour or no_colour or unsaid
    observed = _observed(phrase, notes) if phrase.kind and not known else []
    return Match(
        phrase,
        tuple(things),
        tuple(other_colour),
        tuple(no_colour),
        tuple(unsaid),
        tuple(within),
        tuple(observed),
        None if known or within or observed else nearest(phrase, notes),
    )


def detail_of(thing: Thing) -> Phrase:
    """What a name adds after "with" or "in": the shirt of "man in a red shirt"."""
    return read_phrase(" ".join(thing.phrase.details))


def _observed(phrase: Phrase, notes: Notes) -> list[int]:
    """The deltas whose observation speaks of it, by any of its names."""
    words = {phrase.noun, *lexicon().words(phrase.kind)}
    indexes = {
        index
        for noun in words
        for index in notes.observed(" ".join((*phrase.hues, *phrase.qualifiers, noun)))
    }
    return sorted(indexes)


def nearest(phrase: Phrase, notes: Notes) -> Thing | None:
    """The thing whose kind is nearest to the phrase's, the latest of equals; ``None`` where none
    has to do with it."""
    best: tuple[float, int, int] | None = None
    found: Thing | None = None
    kinds: dict[tuple[str, str], float] = {}
    for thing in list(notes.things.values()):
        key = thing.phrase.kind, thing.phrase.noun
        if key not in kinds:
            kinds[key] = _closeness(phrase, thing.phrase)
        closeness = kinds[key]
        rank = (closeness, len(phrase.colours & thing.phrase.colours), thing.last.index)
        if closeness > 0 and (best is None or rank > best):
            best, found = rank, thing
    return found


def _is_kind(asked: Phrase, noted: Phrase) -> bool:
    if asked.is_generic:
        return True
    if noted.is_generic:
        return False
    if asked.kind == noted.kind:
        return True
    if asked.group is not None and noted.kind in lexicon().members[asked.group]:
        return True
    # A stop sign is a sign; but "zebra crossing" names no zebra: the last word says what it is.
    head = singular(asked.noun)
    return noted.kind not in lexicon().false_heads and (
        noted.kind.endswith(f" {asked.kind}") or singular(noted.noun).endswith(f" {head}")
    )


def _is_another(asked: Phrase, noted: Phrase) -> bool:
    """Whether both are numbered, and differently: gate 4 is not gate 7."""
    ours = {q for q in asked.qualifiers if q.isdigit()}
    theirs = {q for q in noted.qualifiers if q.isdigit()} if ours else ours
    return bool(ours) and bool(theirs) and not ours & theirs


def _says(noted: Phrase, qualifiers: tuple[str, ...]) -> bool:
    """Whether a name holds each of the qualifiers."""
    words = {singular(w) for w in noted.text.replace("-", " ").split()}
    return all(singular(w) in words for q in qualifiers for w in q.split("-"))


def _closeness(asked: Phrase, noted: Phrase) -> float:
    """How near the kinds of two phrases are, in [0, 1]."""
    if asked.is_generic or noted.is_generic:
        return 0.0
    if asked.group is not None:
        members = lexicon().members[asked.group]
        return max((lexicon().are_near(kind, noted.kind) for kind in members), default=0.0)
    near = lexicon().are_near(asked.kind, noted.kind)
    if near or lexicon().known(asked.noun):
        return near
    alike = fuzz.ratio(singular(asked.noun), singular(noted.noun))
    return alike / 1000.0 if alike >= _ALIKE else 0.0
