"""Answers about what there was: whether, in which colour, how many, and all of it.

Out of scope: when (`about_moments`) and where (`about_places`).
"""

from __future__ import annotations

from collections.abc import Sequence

from embodied_agent.rules.absence import MOTION_ONLY, missing, several
from embodied_agent.rules.asked import Asked
from embodied_agent.rules.lexicon import lexicon, singular
from embodied_agent.rules.matching import Match, detail_of, match
from embodied_agent.rules.notes import Notes, Thing
from embodied_agent.rules.phrases import Phrase
from embodied_agent.rules.speech import Saying, a, join_names, number, the, where


def fits(found: Match) -> tuple[Thing, ...]:
    """The things that a phrase means, or that it is a detail of."""
    return found.things or found.within


def existence(asked: Asked, notes: Notes) -> Saying:
    """Was there a red sofa? Were there a sofa and a lamp?"""
    sayings = [_exists(phrase, asked, notes) for phrase in asked.things]
    return sayings[0] if len(sayings) == 1 else join_sayings(sayings)


def _exists(phrase: Phrase, asked: Asked, notes: Notes) -> Saying:
    found = match(phrase, notes)
    gap = missing(found, notes)
    if gap is not None:
        return Saying(f"Yes. {gap.text}", gap.evidence) if found.observed else gap
    things = fits(found)
    indexes = tuple(sorted({t.last.index for t in things}))
    if len(things) > 1:
        names = join_names(f"{the(t)} ({notes.cite(t.last.index)})" for t in things)
        return Saying(f"Yes, I saw {names}.", indexes)
    thing, sighting = things[0], things[0].last
    place = where(sighting.mention)
    if sighting.index == notes.last:
        return Saying(
            f"Yes, {the(thing)} is in view now ({notes.cite(sighting.index)}), {place}.",
            indexes,
        )
    return Saying(f"Yes, I saw {the(thing)} in {notes.cite(sighting.index)}, {place}.", indexes)


def join_sayings(sayings: Sequence[Saying]) -> Saying:
    """Several answers as one; it is no answer where none of them is."""
    evidence = tuple(sorted({index for saying in sayings for index in saying.evidence}))
    status = next((s.status for s in sayings if s.status == "answered"), sayings[0].status)
    return Saying(" ".join(dict.fromkeys(s.text for s in sayings)), evidence, status)


def colour(asked: Asked, notes: Notes) -> Saying:
    """What colour is the sofa? What colours are the sofas?"""
    sayings = [_coloured(phrase, notes) for phrase in asked.things]
    return sayings[0] if len(sayings) == 1 else join_sayings(sayings)


def _coloured(phrase: Phrase, notes: Notes) -> Saying:
    found = match(phrase, notes)
    gap = missing(found, notes)
    if gap is not None:
        return Saying(gap.text, gap.evidence, "cannot_tell") if found.observed else gap
    if not found.things:
        return _detail_coloured(found, notes)
    things = [t for t in found.things if t.phrase.colours]
    if not things:
        return _colour_unsaid(fits(found)[0], notes)
    indexes = tuple(sorted({t.last.index for t in things}))
    if len(things) == 1:
        thing = things[0]
        return Saying(
            f"The {thing.phrase.noun} is {_colours_of(thing)} ({notes.cite(thing.last.index)}).",
            indexes,
        )
    colours = join_names(dict.fromkeys(_colours_of(t) for t in things))
    names = join_names(f"{the(t)} ({notes.cite(t.last.index)})" for t in things)
    return Saying(f"They are {colours}: I saw {names}.", indexes)


def _detail_coloured(found: Match, notes: Notes) -> Saying:
    """The colour of a shirt, out of "man in a red shirt"."""
    thing = found.within[0]
    detail = detail_of(thing)
    if not detail.hues:
        return _colour_unsaid(thing, notes)
    text = f"It is {join_names(detail.hues)}: I noted {a(thing.name)} ({notes.cite(thing.last.index)})."
    return Saying(text, (thing.last.index,))


def _colours_of(thing: Thing) -> str:
    return join_names(thing.phrase.hues)


def _colour_unsaid(thing: Thing, notes: Notes) -> Saying:
    index = thing.last.index
    text = (
        f"I can't tell: I saw {the(thing)} ({notes.cite(index)}), but my notes do not "
        f"say its colour."
    )
    return Saying(text, (index,), "cannot_tell")


def is_colour(asked: Asked, notes: Notes) -> Saying:
    """Was the sofa green? Is it red or blue?"""
    found = match(asked.things[0], notes)
    gap = missing(found, notes)
    if gap is not None:
        return gap
    things = [t for t in fits(found) if t.phrase.colours]
    if not things:
        return _colour_unsaid(fits(found)[0], notes)
    right = [
        t for t in things if t.phrase.colours | t.phrase.base_colours >= set(asked.colours[:1])
    ]
    either = len(asked.colours) > 1
    if either:
        right = [t for t in things if t.phrase.colours & set(asked.colours)]
    shown = (right or things)[:3]
    indexes = tuple(sorted({t.last.index for t in shown}))
    facts = join_names(
        f"the {t.phrase.noun} is {_colours_of(t)} ({notes.cite(t.last.index)})" for t in shown
    )
    if either and right:
        return Saying(f"{facts[:1].upper()}{facts[1:]}.", indexes)
    return Saying(f"{'Yes' if right else 'No'}, {facts}.", indexes)


def of_colour(asked: Asked, notes: Notes) -> Saying:
    """Which things are red?"""
    if notes.hold_motion_only:
        return Saying(MOTION_ONLY, (), "cannot_tell")
    words = join_names(asked.colours, "or")
    things = _of_colours(asked.colours, notes)
    if not things:
        return Saying(f"I have not seen anything {words}.", (), "not_seen")
    names = join_names(f"{the(t)} ({notes.cite(t.last.index)})" for t in things)
    return Saying(f"I saw {names}.", tuple(sorted({t.last.index for t in things})))


def _of_colours(colours: Sequence[str], notes: Notes) -> list[Thing]:
    wanted_colours = set(colours)
    return [
        t
        for t in notes.things.values()
        if (t.phrase.colours | t.phrase.base_colours) & wanted_colours
    ]


def colours(asked: Asked, notes: Notes) -> Saying:
    """Which colours did you see?"""
    if notes.hold_motion_only:
        return Saying(MOTION_ONLY, (), "cannot_tell")
    first: dict[str, int] = {}
    for thing in notes.things.values():
        for name in sorted(thing.phrase.colours):
            first.setdefault(name, thing.first.index)
    if not first:
        return Saying("I can't tell: my notes name no colours.", (), "cannot_tell")
    return Saying(
        f"My notes name things that are {join_names(first)}.", tuple(sorted(set(first.values())))
    )


def count(asked: Asked, notes: Notes) -> Saying:
    """How many sofas did you see?"""
    sayings = [_counted(phrase, notes) for phrase in asked.things]
    return sayings[0] if len(sayings) == 1 else join_sayings(sayings)


def _counted(phrase: Phrase, notes: Notes) -> Saying:
    found = match(phrase, notes)
    gap = missing(found, notes)
    if gap is not None:
        return Saying(gap.text, gap.evidence, "cannot_tell") if found.observed else gap
    things = fits(found)
    total = sum(t.at_once for t in things)
    noun = several(phrase) if total != 1 else _one(phrase)
    names = join_names(
        (f"{the(t)} ({notes.cite(t.last.index)})" if t.at_once == 1 else
         f"{number(t.at_once)} at once in {notes.cite(_crowd(t))}")
        for t in things
    )  # fmt: skip
    indexes = tuple(sorted({t.last.index if t.at_once == 1 else _crowd(t) for t in things}))
    return Saying(f"I saw {number(total)} {noun}: {names}.", indexes)


def _one(phrase: Phrase) -> str:
    """The singular of what was counted."""
    single = singular(phrase.text)
    return "such thing" if phrase.noun in lexicon().uncounted else single


def _crowd(thing: Thing) -> int:
    """The index of the first delta that names most of a thing at once."""
    indexes = [s.index for s in thing.sightings]
    return next(i for i in indexes if indexes.count(i) == thing.at_once)


def count_all(asked: Asked, notes: Notes) -> Saying:
    """How many things did you see? How many red ones?"""
    if notes.hold_motion_only:
        return Saying(MOTION_ONLY, (), "cannot_tell")
    things = _of_colours(asked.colours, notes) if asked.colours else list(notes.things.values())
    which = f"{join_names(asked.colours, 'or')} " if asked.colours else "different "
    if not things:
        return Saying(f"I have not seen any {which}things.", (), "not_seen")
    total = sum(t.at_once for t in things)
    names = join_names(the(t) for t in things)
    noun = "thing" if total == 1 else "things"
    indexes = tuple(sorted({t.last.index for t in things}))
    return Saying(f"I saw {number(total)} {which}{noun}: {names}.", indexes)


def keyframes(asked: Asked, notes: Notes) -> Saying:
    """How many keyframes are there?"""
    total, first, last = len(notes.deltas), notes.cite(0), notes.cite(notes.last)
    return Saying(
        f"My memory of this run holds {total} keyframes, {first} to {last}.", (0, notes.last)
    )


def inventory(asked: Asked, notes: Notes) -> Saying:
    """What have you seen? Name three things. Which vehicles did you see?"""
    if notes.hold_motion_only:
        return Saying(MOTION_ONLY, (), "cannot_tell")
    things = list(notes.things.values())
    if asked.things:
        found = match(asked.things[0], notes)
        gap = missing(found, notes)
        if gap is not None:
            return gap
        things = list(fits(found))
    elif asked.colours:
        things = _of_colours(asked.colours, notes)
    if not things:
        return Saying("My notes name nothing so far.", (), "not_seen")
    if asked.number:
        things = things[: asked.number]
    indexes = tuple(sorted({t.first.index for t in things}))
    return Saying(f"I have seen {join_names(the(t) for t in things)}.", indexes)


def describe(asked: Asked, notes: Notes) -> Saying:
    """What do you know about the sofa?"""
    found = match(asked.things[0], notes)
    gap = missing(found, notes)
    if gap is not None:
        return gap
    texts, indexes = [], set()
    for thing in fits(found)[:3]:
        first, last = thing.first, thing.last
        indexes |= {first.index, last.index}
        text = f"I first saw {the(thing)} in {notes.cite(first.index)}, {where(first.mention)}"
        if last.index != first.index:
            text += f", and last in {notes.cite(last.index)}, {where(last.mention)}"
        texts.append(f"{text}.")
    return Saying(" ".join(texts), tuple(sorted(indexes)))


def unnoted(asked: Asked, notes: Notes) -> Saying:
    """How heavy is the sofa? Notes don't hold that."""
    if not asked.things:
        return unnoted_way(asked, notes)
    found = match(asked.things[0], notes)
    gap = missing(found, notes)
    if gap is not None and found.observed:
        return Saying(f"I can't tell. {gap.text}", gap.evidence, "cannot_tell")
    if gap is not None:
        return gap
    thing = fits(found)[0]
    text = (
        f"I can't tell: of {the(thing)} my notes only hold its name and where it was "
        f"({notes.cite(thing.last.index)})."
    )
    return Saying(text, (thing.last.index,), "cannot_tell")


def unnoted_way(asked: Asked, notes: Notes) -> Saying:
    """How many metres have you travelled? Notes don't hold that either."""
    text = (
        "I can't tell: my notes only hold what was in view at each keyframe, and how I "
        "moved in between."
    )
    return Saying(text, (), "cannot_tell")
