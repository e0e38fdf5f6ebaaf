"""The things in the notes that a phrase means, or the closest match if there is none.

"couch" means the green sofa, "vehicle" each car, and "a green bed" the green bed but not the red
one.

Out of scope: reading phrases (`phrases`), sentences about the result (`about_things`, `absence`).
"""

from __future__ import annotations

from dataclasses import dataclass

from rapidfuzz import fuzz

from embodied_agent.rules.lexicon import lexicon, singular
from embodied_agent.rules.notes import Notes, Thing
from embodied_agent.rules.phrases import Phrase, read_phrase

#: Unknown words whose spelling is at least this similar, in per cent, count as close.
ALIKE = 75.0
#: Kinds that share only a group of more kinds than this, such as "indoor thing", are not close.
_LARGEST_GROUP = 40


@dataclass(frozen=True, slots=True)
class Match:
    """The things in the notes that match a phrase. Each list is in the order of first appearance;
    where there are ``things``, the others are in any order.

    Attributes:
        phrase: the phrase.
        things: things that match it.
        other_colour: things of its kind, but in another colour.
        no_colour: things of its kind whose colour the notes don't mention.
        unsaid: things of its kind and colour for which the notes don't mention its qualifiers.
        within: things that it is a detail of, as the books in "table with books".
        observed: indexes of deltas whose observation mentions it.
        nearest: the closest match, if nothing else matches.
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
        """Whether the notes have a thing of the phrase's kind."""
        return bool(self.things or self.other_colour or self.no_colour or self.unsaid)


def match(phrase: Phrase, notes: Notes) -> Match:
    """Match ``phrase`` with the things in the notes."""
    things: list[Thing] = []
    other_colour: list[Thing] = []
    no_colour: list[Thing] = []
    unsaid: list[Thing] = []
    within: list[Thing] = []
    kinds: dict[tuple[str, str], bool] = {}  # cached, since many things share few kinds
    for thing in notes.related_to(phrase):
        noted = thing.phrase
        key = noted.kind, noted.noun
        if key not in kinds:
            kinds[key] = _is_kind(phrase, noted)
        if kinds[key] and not _is_another(phrase, noted):
            colours = noted.colours | noted.base_colours
            if not phrase.colours <= colours:
                (other_colour if colours else no_colour).append(thing)
            elif not _says(noted, phrase.qualifiers):
                unsaid.append(thing)
            else:
                things.append(thing)
        elif phrase.kind and noted.details:
            detail = detail_of(thing)
            if _is_kind(phrase, detail) and phrase.colours <= detail.colours:
                within.append(thing)
    if things:
        return Match(
            phrase,
            tuple(notes.in_order(things)),
            tuple(other_colour),
            tuple(no_colour),
            tuple(unsaid),
            tuple(within),
        )
    known = other_colour or no_colour or unsaid
    observed = _observed(phrase, notes) if phrase.kind and not known else []
    return Match(
        phrase,
        (),
        tuple(notes.in_order(other_colour)),
        tuple(notes.in_order(no_colour)),
        tuple(notes.in_order(unsaid)),
        tuple(notes.in_order(within)),
        tuple(observed),
        None if known or within or observed else nearest(phrase, notes),
    )


def detail_of(thing: Thing) -> Phrase:
    """The part of a name after "with" or "in": the shirt of "man in a red shirt"."""
    return read_phrase(" ".join(thing.phrase.details))


def _observed(phrase: Phrase, notes: Notes) -> list[int]:
    """The indexes of the deltas whose observation mentions the phrase, by any of its names."""
    words = {phrase.noun, *lexicon().words(phrase.kind)}
    indexes = {
        index
        for noun in words
        for index in notes.observed(" ".join((*phrase.hues, *phrase.qualifiers, noun)))
    }
    return sorted(indexes)


def nearest(phrase: Phrase, notes: Notes) -> Thing | None:
    """The thing whose kind is closest to the phrase's, the latest of equals; ``None`` if none is
    related."""
    best = (0.0, 0)
    closest: list[Thing] = []
    kinds: dict[tuple[str, str], float] = {}
    for thing in notes.akin_to(phrase):
        noted = thing.phrase
        key = noted.kind, noted.noun
        if key not in kinds:
            kinds[key] = _closeness(phrase, noted)
        rank = kinds[key], len(phrase.colours & noted.colours)
        if rank[0] * _LARGEST_GROUP < 1:
            continue
        if rank > best:
            best, closest = rank, []
        if rank == best:
            closest.append(thing)
    return max(notes.in_order(closest), key=lambda thing: thing.last_index, default=None)


def _is_kind(asked: Phrase, noted: Phrase) -> bool:
    if asked.is_generic:
        return True
    if noted.is_generic:
        return False
    if asked.kind == noted.kind:
        return True
    if asked.group is not None and noted.kind in lexicon().members[asked.group]:
        return True
    # The last word says what a thing is: a stop sign is a sign, but a zebra crossing is no zebra.
    head = singular(asked.noun)
    return noted.kind not in lexicon().false_heads and (
        noted.kind.endswith(f" {asked.kind}") or singular(noted.noun).endswith(f" {head}")
    )


def _is_another(asked: Phrase, noted: Phrase) -> bool:
    """Whether both have numbers, and different ones: gate 4 is not gate 7."""
    if not asked.qualifiers:
        return False
    ours = {q for q in asked.qualifiers if q.isdigit()}
    theirs = {q for q in noted.qualifiers if q.isdigit()} if ours else ours
    return bool(ours) and bool(theirs) and not ours & theirs


def _says(noted: Phrase, qualifiers: tuple[str, ...]) -> bool:
    """Whether a name contains all of the qualifiers."""
    if not qualifiers:
        return True
    words = {singular(w) for w in noted.text.replace("-", " ").split()}
    return all(singular(w) in words for q in qualifiers for w in q.split("-"))


def _closeness(asked: Phrase, noted: Phrase) -> float:
    """How similar the kinds of two phrases are, in [0, 1]."""
    if asked.is_generic or noted.is_generic:
        return 0.0
    if asked.group is not None:
        members = lexicon().members[asked.group]
        return max((lexicon().are_near(kind, noted.kind) for kind in members), default=0.0)
    near = lexicon().are_near(asked.kind, noted.kind)
    if near or lexicon().known(asked.noun):
        return near
    alike = fuzz.ratio(singular(asked.noun), singular(noted.noun))
    return alike / 1000.0 if alike >= ALIKE else 0.0


def means(asked: Phrase, noted: Phrase) -> bool:
    """Whether a phrase means things that are called ``noted``, whatever their colour; one without
    a word means nothing."""
    return bool(asked.text) and _is_kind(asked, noted) and not _is_another(asked, noted)
