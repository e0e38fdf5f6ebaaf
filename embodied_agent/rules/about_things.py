"""Answers about things: whether they were seen, their colours, their number, and lists of them.

The docstring of a public answer function is a question that it answers.

Out of scope: when (`about_moments`) and where (`about_places`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from embodied_agent.rules.absence import MOTION_ONLY, missing, quoted, several, told_together
from embodied_agent.rules.asked import Asked
from embodied_agent.rules.lexicon import lexicon, singular
from embodied_agent.rules.matching import Match, detail_of, match
from embodied_agent.rules.notes import Notes, Thing
from embodied_agent.rules.phrases import Phrase
from embodied_agent.rules.speech import (
    LONGEST_LIST,
    Saying,
    a,
    join_each,
    join_names,
    number,
    the,
    where,
)


def last_seen(things: Sequence[Thing]) -> tuple[int, ...]:
    """The deltas in which the things that a list names were last seen."""
    return tuple(sorted({t.last_index for t in things[:LONGEST_LIST]}))


def fits(result: Match) -> tuple[Thing, ...]:
    """The things that a phrase means; if there are none, those that have it as a detail."""
    return result.things or result.within


def existence(asked: Asked, notes: Notes) -> Saying:
    """Was there a red sofa? Were there a sofa and a lamp?"""
    sayings = [_exists(phrase, asked, notes) for phrase in asked.things]
    return sayings[0] if len(sayings) == 1 else join_sayings(sayings)


def _exists(phrase: Phrase, asked: Asked, notes: Notes) -> Saying:
    result = match(phrase, notes)
    gap = missing(result, notes)
    if gap is not None:
        return Saying(f"Yes. {gap.text}", gap.evidence) if result.observed else gap
    things = fits(result)
    indexes = last_seen(things)
    if len(things) > 1:
        names = join_each(things, lambda t: f"{the(t)} ({notes.cite(t.last_index)})")
        return Saying(f"Yes, I saw {names}.", indexes)
    thing, sighting = things[0], things[0].last
    place = where(sighting.mention)
    if sighting.index == notes.now:
        return Saying(
            f"Yes, {the(thing)} is in view now ({notes.cite(sighting.index)}), {place}.",
            indexes,
        )
    return Saying(f"Yes, I saw {the(thing)} in {notes.cite(sighting.index)}, {place}.", indexes)


def join_sayings(sayings: Sequence[Saying]) -> Saying:
    """Join several answers into one; what was not seen is told in one sentence. Its status is
    ``answered`` if that of any of them is."""
    evidence = tuple(sorted({index for saying in sayings for index in saying.evidence}))
    status = next((s.status for s in sayings if s.status == "answered"), sayings[0].status)
    text = " ".join(dict.fromkeys(told_together([s.text for s in sayings])))
    measured, poses = sum(s.measured for s in sayings), max(s.poses for s in sayings)
    return Saying(text, evidence, status, measured, poses)


def colour(asked: Asked, notes: Notes) -> Saying:
    """What colour is the sofa? What colours are the sofas?"""
    sayings = [_coloured(phrase, notes) for phrase in asked.things]
    return sayings[0] if len(sayings) == 1 else join_sayings(sayings)


def _coloured(phrase: Phrase, notes: Notes) -> Saying:
    result = match(phrase, notes)
    gap = missing(result, notes)
    if gap is not None:
        return Saying(gap.text, gap.evidence, "cannot_tell") if result.observed else gap
    if not result.things:
        return _detail_coloured(result, notes)
    things = [t for t in result.things if t.phrase.colours]
    if not things:
        return _colour_unsaid(fits(result)[0], notes)
    indexes = last_seen(things)
    if len(things) == 1:
        thing = things[0]
        return Saying(
            f"The {thing.phrase.noun} is {_colours_of(thing)} ({notes.cite(thing.last_index)}).",
            indexes,
        )
    colours = join_names(dict.fromkeys(_colours_of(t) for t in things))
    names = join_each(things, lambda t: f"{the(t)} ({notes.cite(t.last_index)})")
    return Saying(f"They are {colours}: I saw {names}.", indexes)


def _detail_coloured(result: Match, notes: Notes) -> Saying:
    """The colour of a detail, such as the shirt of "man in a red shirt"."""
    thing = result.within[0]
    detail = detail_of(thing)
    if not detail.hues:
        return _colour_unsaid(thing, notes)
    text = f"It is {join_names(detail.hues)}: I noted {a(thing.name)} ({notes.cite(thing.last_index)})."
    return Saying(text, (thing.last_index,))


def _colours_of(thing: Thing) -> str:
    return join_names(thing.phrase.hues)


def _colour_unsaid(thing: Thing, notes: Notes) -> Saying:
    index = thing.last_index
    text = (
        f"I can't tell: I saw {the(thing)} ({notes.cite(index)}), but my notes do not "
        f"say what colour it is."
    )
    return Saying(text, (index,), "cannot_tell")


def is_colour(asked: Asked, notes: Notes) -> Saying:
    """Was the sofa green? Is it red or blue?"""
    result = match(asked.things[0], notes)
    gap = missing(result, notes)
    if gap is not None:
        return gap
    things = [t for t in fits(result) if t.phrase.colours]
    if not things:
        return _colour_unsaid(fits(result)[0], notes)
    right = [
        t for t in things if t.phrase.colours | t.phrase.base_colours >= set(asked.colours[:1])
    ]
    either = len(asked.colours) > 1
    if either:
        right = [t for t in things if t.phrase.colours & set(asked.colours)]
    shown = (right or things)[:3]
    indexes = tuple(sorted({t.last_index for t in shown}))
    facts = join_names(
        f"the {t.phrase.noun} is {_colours_of(t)} ({notes.cite(t.last_index)})" for t in shown
    )
    if either and right:
        return Saying(f"{facts[:1].upper()}{facts[1:]}.", indexes)
    return Saying(f"{'Yes' if right else 'No'}, {facts}.", indexes)


def are_all(asked: Asked, notes: Notes) -> Saying:
    """Are all trees green?"""
    result = match(asked.things[0], notes)
    gap = missing(result, notes)
    if gap is not None:
        return gap
    things = fits(result)
    bare = [t for t in things if not t.phrase.colours]
    if bare:
        return _colour_unsaid(bare[0], notes)
    wanted = set(asked.colours)
    others = [t for t in things if not (t.phrase.colours | t.phrase.base_colours) & wanted]
    shown = others or things
    names = join_each(shown, lambda t: f"{the(t)} ({notes.cite(t.last_index)})")
    indexes = last_seen(shown)
    return Saying(f"No: I saw {names}." if others else f"Yes, all that I saw: {names}.", indexes)


def of_colour(asked: Asked, notes: Notes) -> Saying:
    """Which things are red?"""
    if notes.hold_motion_only:
        return Saying(MOTION_ONLY, (), "cannot_tell")
    words = join_names(asked.colours, "or")
    things = _of_colours(asked.colours, notes)
    if not things:
        return Saying(f"I have not seen anything {words}.", (), "not_seen")
    names = join_each(things, lambda t: f"{the(t)} ({notes.cite(t.last_index)})")
    return Saying(f"I saw {names}.", last_seen(things))


def _of_colours(colours: Sequence[str], notes: Notes) -> list[Thing]:
    names = set(colours)
    return [
        t for t in notes.coloured(colours) if (t.phrase.colours | t.phrase.base_colours) & names
    ]


def colours(asked: Asked, notes: Notes) -> Saying:
    """Which colours did you see?"""
    if notes.hold_motion_only:
        return Saying(MOTION_ONLY, (), "cannot_tell")
    first: dict[str, int] = {}
    for thing in notes.all_things():
        for name in sorted(thing.phrase.colours):
            first.setdefault(name, thing.first_index)
    if not first:
        return Saying("I can't tell: my notes name no colours.", (), "cannot_tell")
    return Saying(
        f"My notes name things that are {join_names(first)}.", tuple(sorted(set(first.values())))
    )


def count(asked: Asked, notes: Notes) -> Saying:
    """How many sofas did you see?"""
    sayings = [_counted(phrase, notes) for phrase in asked.things]
    if asked.least and len(sayings) == 1 and sayings[0].status == "answered":
        return _as_many(asked, sayings[0], notes)
    return sayings[0] if len(sayings) == 1 else join_sayings(sayings)


def _as_many(asked: Asked, counted: Saying, notes: Notes) -> Saying:
    """Whether a count is what the question supposes, at least: "did you see two lamps?", or claims:
    "there were two lamps, right?" """
    total = sum(thing.at_once for thing in fits(match(asked.things[0], notes)))
    if asked.claimed:
        return Saying(
            f"{'Yes' if total == asked.least else 'No'}, {counted.text}", counted.evidence
        )
    word = "Yes" if total >= (asked.least or 0) else "No"
    return Saying(f"{word}. {counted.text}", counted.evidence)


def _counted(phrase: Phrase, notes: Notes) -> Saying:
    result = match(phrase, notes)
    gap = missing(result, notes)
    if gap is not None:
        return Saying(gap.text, gap.evidence, "cannot_tell") if result.observed else gap
    things = fits(result)
    total = sum(t.at_once for t in things)
    noun = many(phrase) if total != 1 else _one(phrase)
    names = join_each(
        things,
        lambda t: (
            f"{the(t)} ({notes.cite(t.last_index)})"
            if t.at_once == 1
            else f"{number(t.at_once)} at once in {notes.cite(_crowd(t))}"
        ),
    )
    cited = things[:LONGEST_LIST]
    indexes = tuple(sorted({t.last_index if t.at_once == 1 else _crowd(t) for t in cited}))
    return Saying(f"I saw {number(total)} {noun}: {names}.", indexes)


def _one(phrase: Phrase) -> str:
    """The singular of the noun that was counted."""
    single = singular(phrase.text)
    return "such thing" if phrase.noun in lexicon().uncounted else single


def many(phrase: Phrase) -> str:
    """The plural of the noun that was counted; of "furniture", "pieces of furniture"."""
    mass = phrase.noun in lexicon().uncounted and not phrase.noun.endswith(("s", "people"))
    return f"pieces of {phrase.text}" if mass else several(phrase)


def _crowd(thing: Thing) -> int:
    """The index of the first delta with the largest number of a thing at once."""
    return next(i for i, count in Counter(thing.indexes).items() if count == thing.at_once)


def count_all(asked: Asked, notes: Notes) -> Saying:
    """How many things did you see? How many red ones?"""
    if notes.hold_motion_only:
        return Saying(MOTION_ONLY, (), "cannot_tell")
    things = _of_colours(asked.colours, notes) if asked.colours else notes.all_things()
    which = f"{join_names(asked.colours, 'or')} " if asked.colours else "different "
    if not things:
        return Saying(f"I have not seen any {which}things.", (), "not_seen")
    total = sum(t.at_once for t in things)
    names = join_each(things, the)
    noun = "thing" if total == 1 else "things"
    return Saying(f"I saw {number(total)} {which}{noun}: {names}.", last_seen(things))


def keyframes(asked: Asked, notes: Notes) -> Saying:
    """How many keyframes are there?"""
    total, first, last = len(notes.deltas), f"#{notes.id(0)}", f"#{notes.id(notes.last)}"
    text = f"My memory contains {total} keyframes, {first} to {last}"
    if notes.ended:
        text += "; nothing has been perceived since the restart"
    elif notes.start:
        text += f"; the last restart lies before #{notes.id(notes.start)}"
    else:
        text = text.replace("memory", "memory of this run", 1)
    return Saying(f"{text}.", (0, notes.last))


def inventory(asked: Asked, notes: Notes) -> Saying:
    """What have you seen? Name three things. Which vehicles did you see?"""
    if notes.hold_motion_only:
        return Saying(MOTION_ONLY, (), "cannot_tell")
    if asked.things:
        result = match(asked.things[0], notes)
        gap = missing(result, notes)
        if gap is not None:
            return gap
        things = list(fits(result))
    elif asked.colours:
        things = _of_colours(asked.colours, notes)
    else:
        things = notes.all_things()
    if not things:
        return Saying("My notes name nothing so far.", (), "not_seen")
    if asked.number:
        things = things[: asked.number]
    indexes = tuple(sorted({t.first_index for t in things[:LONGEST_LIST]}))
    return Saying(f"I have seen {join_each(things, the)}.", indexes)


def describe(asked: Asked, notes: Notes) -> Saying:
    """What do you know about the sofa?"""
    result = match(asked.things[0], notes)
    gap = missing(result, notes)
    if gap is not None:
        return gap
    texts, indexes = [], set()
    for thing in fits(result)[:3]:
        first, last = thing.first, thing.last
        indexes |= {first.index, last.index}
        text = f"I first saw {the(thing)} in {notes.cite(first.index)}, {where(first.mention)}"
        if last.index != first.index:
            text += f", and last in {notes.cite(last.index)}, {where(last.mention)}"
        texts.append(f"{text}.")
    return Saying(" ".join(texts), tuple(sorted(indexes)))


def unnoted(asked: Asked, notes: Notes) -> Saying:
    """How heavy is the sofa? (Notes don't say.)"""
    if not asked.things:
        return unnoted_way(asked, notes)
    result = match(asked.things[0], notes)
    gap = missing(result, notes)
    if gap is not None and result.observed:
        return Saying(f"I can't tell. {gap.text}", gap.evidence, "cannot_tell")
    if gap is not None:
        return gap
    thing = fits(result)[0]
    text = (
        f"I can't tell: about {the(thing)}, my notes only say its name and where it was "
        f"({notes.cite(thing.last_index)})."
    )
    observed = quoted(asked.things[0], notes)
    if observed is not None:
        text = f"{text} {observed.text}"
    indexes = {thing.last_index, *(observed.evidence if observed is not None else ())}
    return Saying(text, tuple(sorted(indexes)), "cannot_tell")


def judged(asked: Asked, notes: Notes) -> Saying:
    """Did you see anything dangerous? Are there obstacles? (Notes don't judge things.)"""
    text = (
        "I can't tell: my notes say what I saw and where it was, and don't judge it. Ask me, for "
        "example, what I have seen."
    )
    return Saying(text, (), "cannot_tell")


def unnoted_way(asked: Asked, notes: Notes) -> Saying:
    """How many metres have you travelled? (Notes don't say that, either.)"""
    text = (
        "I can't tell: my notes only say what was in view at each keyframe, and how I "
        "moved in between."
    )
    return Saying(text, (), "cannot_tell")
