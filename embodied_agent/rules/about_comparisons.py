"""Answers that compare: more of these than of those, both, the second of a kind, the most frequent.

The docstring of a public function is a question that it answers.

Out of scope: comparing distances (`about_places`) and times (`about_moments`).
"""

from __future__ import annotations

from collections import Counter

from embodied_agent.rules.about_moments import spans
from embodied_agent.rules.about_things import existence, fits, join_sayings, many
from embodied_agent.rules.absence import MOTION_ONLY, missing, several
from embodied_agent.rules.asked import Asked
from embodied_agent.rules.lexicon import singular
from embodied_agent.rules.matching import match
from embodied_agent.rules.notes import Notes, Thing
from embodied_agent.rules.phrases import Phrase
from embodied_agent.rules.speech import (
    LONGEST_LIST,
    MOST_CITED,
    Saying,
    capital,
    join_each,
    join_names,
    number,
    the,
    times,
    where,
)

_ORDINALS = (
    "first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth",
)  # fmt: skip
#: At most this many things are described.
_MOST = 4


def _total(phrase: Phrase, notes: Notes) -> tuple[int, tuple[Thing, ...]]:
    things = fits(match(phrase, notes))
    return sum(thing.at_once for thing in things), things


def _cited(things: tuple[Thing, ...], notes: Notes) -> str:
    return join_each(things, lambda t: f"{the(t)} ({notes.cite(t.last_index)})")


def more(asked: Asked, notes: Notes) -> Saying:
    """Did you see more lamps than tables?"""
    if notes.hold_motion_only:
        return Saying(MOTION_ONLY, (), "cannot_tell")
    (one, ours), (other, theirs) = (_total(phrase, notes) for phrase in asked.things[:2])
    indexes = tuple(sorted({t.last_index for t in (*ours[:LONGEST_LIST], *theirs[:LONGEST_LIST])}))
    if not indexes:
        names = join_names((several(phrase) for phrase in asked.things[:2]), "or")
        return Saying(f"I have not seen any {names}.", (), "not_seen")
    facts = "; and ".join(
        f"{number(total)} {many(phrase) if total != 1 else singular(phrase.text)}"
        + (f": {_cited(things, notes)}" if things else "")
        for phrase, total, things in zip(asked.things, (one, other), (ours, theirs), strict=False)
    )
    if one == other:
        return Saying(f"No, the same number of each: {facts}.", indexes)
    right = (one > other) != asked.reverse
    return Saying(f"{'Yes' if right else 'No'}. I saw {facts}.", indexes)


def both(asked: Asked, notes: Notes) -> Saying:
    """Did you see both a bed and a sofa?"""
    absent = [phrase for phrase in asked.things if missing(match(phrase, notes), notes) is not None]
    facts = existence(asked, notes)
    if len(absent) == len(asked.things):
        return facts
    seen = facts.text.replace("Yes, I saw", "I saw")
    return Saying(f"{'No' if absent else 'Yes'}. {seen}", facts.evidence, facts.status)


def nth(asked: Asked, notes: Notes) -> Saying:
    """Which was the second lamp? What was the third thing that you saw?"""
    if notes.hold_motion_only:
        return Saying(MOTION_ONLY, (), "cannot_tell")
    things, noun = notes.all_things(), "thing"
    if asked.things:
        result = match(asked.things[0], notes)
        gap = missing(result, notes)
        if gap is not None:
            return gap
        things, noun = list(fits(result)), asked.things[0].text
    ordinal = asked.ordinal or 0
    # The last of a kind is the one that was seen last; of all things, the one that was new last.
    if ordinal < 0 and asked.things:
        thing = max(things, key=lambda t: t.last_index)
        sighting = thing.last
        text = f"The last {noun} was {the(thing)}: I last saw it in {notes.cite(sighting.index)}"
        return Saying(f"{text}, {where(sighting.mention)}.", (sighting.index,))
    things.sort(key=lambda t: t.first_index)
    if ordinal >= len(things):
        indexes = tuple(sorted({t.first_index for t in things[:LONGEST_LIST]}))
        text = f"I saw only {number(len(things))}: {_cited(tuple(things), notes)}."
        return Saying(text, indexes, "not_seen")
    chosen = things[ordinal]
    beside = [t for t in things if t.first_index == chosen.first_index]
    cited = notes.cite(chosen.first_index)
    if ordinal < 0:
        names = join_names(the(t) for t in beside)
        return Saying(f"The last new thing was {names} ({cited}).", (chosen.first_index,))
    if len(beside) > 1:
        names = join_names(the(t) for t in beside)
        text = f"I can't tell: {names} came into view at the same keyframe ({cited})."
        return Saying(text, (chosen.first_index,), "cannot_tell")
    text = f"The {_ORDINALS[ordinal]} {noun} was {the(chosen)}: I first saw it in {cited}"
    return Saying(f"{text}, {where(chosen.first.mention)}.", (chosen.first_index,))


def most_seen(asked: Asked, notes: Notes) -> Saying:
    """What did you see most often, or only once?"""
    if notes.hold_motion_only:
        return Saying(MOTION_ONLY, (), "cannot_tell")
    counts = [(len(set(thing.indexes)), thing) for thing in notes.all_things()]
    if not counts:
        return Saying("My notes name nothing so far.", (), "not_seen")
    best = (min if asked.reverse else max)(count for count, _ in counts)
    things = [thing for count, thing in counts if count == best]
    indexes = tuple(sorted({t.last_index for t in things[:LONGEST_LIST]}))
    keyframes = "one keyframe" if best == 1 else f"{number(best)} keyframes"
    each = " each" if len(things) > 1 else ""
    word = "least" if asked.reverse else "most"
    return Saying(f"I saw {join_each(things, the)} {word} often: in {keyframes}{each}.", indexes)


def times_seen(asked: Asked, notes: Notes) -> Saying:
    """How often did you see the clock?"""

    def say(thing: Thing) -> Saying:
        indexes = sorted(set(thing.indexes))
        parts = spans(indexes, notes)
        count = sum(
            not at or indexes[at - 1] != index - 1 or index in notes.breaks
            for at, index in enumerate(indexes)
        )
        text = f"{capital(the(thing))} came into view {times(count)}: {parts}"
        if len(indexes) > count:
            text += f", {number(len(indexes))} keyframes in all"
        return Saying(f"{text}.", tuple(indexes[:MOST_CITED]))

    result = match(asked.things[0], notes)
    gap = missing(result, notes)
    if gap is not None:
        return gap
    return join_sayings([say(thing) for thing in fits(result)[:_MOST]])


def commonest_colour(asked: Asked, notes: Notes) -> Saying:
    """What is the most common colour?"""
    counts = Counter(colour for t in notes.all_things() for colour in t.phrase.colours)
    if not counts:
        return Saying("I can't tell: my notes name no colours.", (), "cannot_tell")
    best = max(counts.values())
    named = [colour for colour, count in counts.items() if count == best]
    things = tuple(t for t in notes.coloured(named) if t.phrase.colours & set(named))
    indexes = tuple(sorted({t.last_index for t in things[:LONGEST_LIST]}))
    each = " each" if len(named) > 1 else ""
    noun = "thing" if best == 1 else "things"
    return Saying(
        f"Most often {join_names(named)}, with {number(best)} {noun}{each}: {_cited(things, notes)}.",
        indexes,
    )
