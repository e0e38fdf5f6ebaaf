"""Answers about how often things were in view: seen once only, more often than others, and the
keyframe that shows the most at once.

The docstring of a public function is a question that it answers.

Out of scope: how many there are of a kind, and what was seen most often (`about_comparisons`).
"""

from __future__ import annotations

from embodied_agent.rules.about_moments import spans
from embodied_agent.rules.about_things import fits
from embodied_agent.rules.absence import MOTION_ONLY, missing
from embodied_agent.rules.asked import Asked
from embodied_agent.rules.matching import match
from embodied_agent.rules.notes import Notes, Thing
from embodied_agent.rules.phrases import Phrase
from embodied_agent.rules.speech import (
    LONGEST_LIST,
    MOST_CITED,
    Saying,
    join_each,
    join_names,
    number,
    the,
)
from embodied_agent.rules.times import since_start

#: At most this many keyframes that show equally many things are described.
_MOST = 3
#: The latest keyframes that are looked at for the one that shows the most; no more are.
_MOST_LOOKED_AT = 1000


def seen_once(asked: Asked, notes: Notes) -> Saying:
    """Which things did you see in one keyframe only?"""
    if notes.hold_motion_only:
        return Saying(MOTION_ONLY, (), "cannot_tell")
    kind = f"{join_names(asked.colours, 'or')} thing" if asked.colours else "thing"
    things: list[Thing] = notes.all_things()
    if asked.things:
        result = match(asked.things[0], notes)
        gap = missing(result, notes)
        if gap is not None:
            return gap
        things, kind = list(fits(result)), "such thing"
    elif asked.colours:
        wanted = set(asked.colours)
        things = [t for t in notes.coloured(asked.colours) if t.phrase.colours & wanted]
    if not things:
        return Saying(f"I have not seen any {kind}s.", (), "not_seen")
    once = [thing for thing in things if thing.first_index == thing.last_index]
    if not once:
        least = min(things, key=lambda thing: len(set(thing.indexes)))
        indexes = sorted(set(least.indexes))
        text = (
            f"No {kind}: all that I saw were in view in several keyframes, {the(least)} in the fewest "
            f"({spans(indexes, notes)})."
        )
        return Saying(text, tuple(indexes[:MOST_CITED]))
    names = join_each(once, lambda t: f"{the(t)} ({notes.cite(t.first_index)})")
    noun = kind if len(once) == 1 else f"{kind}s"
    text = f"In one keyframe only, I saw {number(len(once))} {noun}: {names}."
    return Saying(text, tuple(sorted({t.first_index for t in once[:LONGEST_LIST]})))


def seen_more(asked: Asked, notes: Notes) -> Saying:
    """Which did you see more often, the bed or the clock?"""
    seen = _keyframes(asked, notes)
    if isinstance(seen, Saying):
        return seen
    ranked = sorted(seen, key=lambda pair: len(pair[1]), reverse=not asked.reverse)
    facts = [_fact(words, indexes, notes) for words, indexes in ranked]
    evidence = _evidence(seen)
    counts = [len(indexes) for _, indexes in ranked]
    if counts[0] == counts[1]:
        text = f"Equally often: I saw {join_names(facts)}."
        return Saying(text, evidence)
    word = "less" if asked.reverse else "more"
    words = ranked[0][0]
    if len(ranked) > 2:
        word = "least" if asked.reverse else "most"
    facts[0] = facts[0].removeprefix(f"{words} ")
    return Saying(f"I saw {words} {word} often: {join_names(facts)}.", evidence)


def is_seen_more(asked: Asked, notes: Notes) -> Saying:
    """Did you see the bed more often than the clock?"""
    seen = _keyframes(asked, notes)
    if isinstance(seen, Saying):
        return seen
    one, other = (len(indexes) for _, indexes in seen[:2])
    facts = join_names(_fact(words, indexes, notes) for words, indexes in seen[:2])
    if one == other:
        return Saying(f"No, equally often: I saw {facts}.", _evidence(seen))
    right = (one > other) != asked.reverse
    return Saying(f"{'Yes' if right else 'No'}. I saw {facts}.", _evidence(seen))


def _keyframes(asked: Asked, notes: Notes) -> list[tuple[str, list[int]]] | Saying:
    """What each phrase means, in words, with the indexes of the deltas that name it; or why there is
    none."""
    found = []
    for phrase in asked.things:
        result = match(phrase, notes)
        gap = missing(result, notes)
        if gap is not None:
            return gap
        things = fits(result)
        indexes = sorted({index for thing in things for index in thing.indexes})
        found.append((_words(phrase, things), indexes))
    return found


def _words(phrase: Phrase, things: tuple[Thing, ...]) -> str:
    return the(things[0]) if len(things) == 1 else join_each(things, the, "or")


def _fact(words: str, indexes: list[int], notes: Notes) -> str:
    count = "one keyframe" if len(indexes) == 1 else f"{number(len(indexes))} keyframes"
    return f"{words} in {count} ({spans(indexes, notes)})"


def _evidence(seen: list[tuple[str, list[int]]]) -> tuple[int, ...]:
    indexes = sorted({index for _, indexes in seen for index in indexes})
    return tuple(indexes[:MOST_CITED])


def fullest(asked: Asked, notes: Notes) -> Saying:
    """Which keyframe shows the most things at once?"""
    if notes.hold_motion_only:
        return Saying(MOTION_ONLY, (), "cannot_tell")
    counts: dict[int, int] = {}
    for index in range(max(0, len(notes.deltas) - _MOST_LOOKED_AT), len(notes.deltas)):
        if notes.deltas[index].usable:
            counts[index] = len(notes.in_view(index))
    if not counts:
        return Saying("My notes name nothing so far.", (), "not_seen")
    best = (min if asked.reverse else max)(counts.values())
    indexes = [index for index, count in counts.items() if count == best]
    word = "fewest" if asked.reverse else "most"
    many = "nothing" if not best else f"{number(best)} {'thing' if best == 1 else 'things'}"
    if len(indexes) > 1:
        many += " each"
    if len(indexes) > _MOST or not best:
        cited = spans(indexes, notes)
        return Saying(
            f"The {word} things at once: {many}, in {cited}.", tuple(indexes[:MOST_CITED])
        )
    parts = []
    for index in indexes:
        names = join_names(the(thing) for thing, _ in notes.in_view(index))
        parts.append(f"{notes.cite(index)}{since_start(index, notes)}: {names}")
    text = f"The {word} things at once: {many}, in {'; and in '.join(parts)}."
    return Saying(text, tuple(indexes))
