"""Answers about all that has been: where a thing ever was, how near, what was in view while moving.

The docstring of a public answer function is a question that it answers.

Out of scope: where things are now (`about_places`), when they were seen (`about_moments`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from embodied_agent.records import DISTANCES, Mention
from embodied_agent.rules.about_places import ON_SIDE, SIDE_WORDS, each, nearest
from embodied_agent.rules.about_things import fits
from embodied_agent.rules.absence import MOTION_ONLY
from embodied_agent.rules.asked import Asked
from embodied_agent.rules.matching import match
from embodied_agent.rules.notes import Notes, Thing, name_key
from embodied_agent.rules.reckoning import MOST_LATER, trail
from embodied_agent.rules.speech import (
    LONGEST_LIST,
    Saying,
    join_each,
    join_names,
    number,
    tell_action,
    the,
    where,
)

#: A thing out of view was on a side if at least this share of the places that it may be in is there,
_SURE = 0.92
#: and it was not if at most this share ever was.
_UNLIKELY = 0.25
#: A thing is followed out of view at most so often, the latest times.
_MOST_GAPS = 12
#: The latest keyframes that name a thing, or show a motion, are looked at; no more are.
_MOST_LOOKED_AT = 1000
#: Keyframes of one kind that are named.
_MOST_NAMED = 4


def ever_side(asked: Asked, notes: Notes) -> Saying:
    """Has the sofa been on your left at any time? Was it at the start? Did you see it there?"""
    side = asked.side or "front"
    words = SIDE_WORDS[side]

    def say(thing: Thing) -> Saying:
        if asked.ordinal == 0:
            return _side_at_start(thing, asked.side, notes)
        there = [(i, m) for i, m in _sightings(thing, notes) if m.direction in ON_SIDE[side]]
        if there:
            facts = join_names(f"{where(m)}, in {notes.cite(i)}" for i, m in there[:_MOST_NAMED])
            more = len(there) - _MOST_NAMED
            rest = f", and in {more} more" if more > 0 else ""
            text = f"Yes, {the(thing)} was {facts}{rest}."
            return Saying(text, tuple(i for i, _ in there[:LONGEST_LIST]))
        if asked.reverse:
            seen = list(_sightings(thing, notes))
            text = f"No: I noted {the(thing)} {_noted_ways(seen)} only."
            return Saying(text, tuple(i for i, _ in seen[:LONGEST_LIST]))
        return _side_out_of_view(thing, side, words, notes)

    return each(asked, notes, say)


def _side_at_start(thing: Thing, side: str | None, notes: Notes) -> Saying:
    mention = _mention_at(0, thing, notes)
    if mention is None:
        text = (
            f"I can't tell: {the(thing)} was not in view at the start ({notes.cite(0)}); I "
            f"first saw it in {notes.cite(thing.first_index)}."
        )
        return Saying(text, (0, thing.first_index), "cannot_tell")
    text = f"At the start ({notes.cite(0)}), {the(thing)} was {where(mention)}."
    if side is not None:
        text = f"{'Yes' if mention.direction in ON_SIDE[side] else 'No'}. {text}"
    return Saying(text, (0,))


def _side_out_of_view(thing: Thing, side: str, words: str, notes: Notes) -> Saying:
    """Whether a thing that was never seen on a side should have been there while out of view."""
    most, at = 0.0, thing.last_index
    for index, share in _shares_out_of_view(thing, side, notes):
        if share > most:
            most, at = share, index
        if share >= _SURE:
            break
    seen = [(i, m) for i, m in _sightings(thing, notes)]
    last, mention = next(pair for pair in reversed(seen) if pair[0] <= at)
    told = f"I last saw it before in {notes.cite(last)}, {where(mention)}"
    evidence = tuple(sorted({last, at}))
    if most >= _SURE:
        text = (
            f"Yes: out of view, {the(thing)} should have been {words} by {notes.cite(at)}. {told}."
        )
        return Saying(text, evidence)
    whenever = f"I noted {the(thing)} {_noted_ways(seen)} only"
    if most <= _UNLIKELY:
        return Saying(f"No: {whenever}.", tuple(i for i, _ in seen[:LONGEST_LIST]))
    text = f"I can't tell: {whenever}, but out of view it may have been {words}."
    return Saying(text, tuple(i for i, _ in seen[:LONGEST_LIST]), "cannot_tell")


def _noted_ways(seen: Sequence[tuple[int, Mention]]) -> str:
    ways = join_names(dict.fromkeys(where(m).split(",")[0] for _, m in seen))
    if len(seen) < _MOST_LOOKED_AT:
        return ways
    return f"{ways}, in the latest {_MOST_LOOKED_AT} keyframes that name it,"


def _sightings(thing: Thing, notes: Notes) -> Iterator[tuple[int, Mention]]:
    """Where a thing was noted, with the indexes."""
    for index in dict.fromkeys(thing.indexes[-_MOST_LOOKED_AT:]):
        mention = _mention_at(index, thing, notes)
        if mention is not None:
            yield index, mention


def _mention_at(index: int, thing: Thing, notes: Notes) -> Mention | None:
    """A thing's first mention in a delta; ``None`` if it has none."""
    if not 0 <= index < len(notes.deltas):
        return None
    key = name_key(thing.name)
    mentions = notes.deltas[index].mentions
    return next((mention for mention in mentions if name_key(mention.name) == key), None)


def _shares_out_of_view(thing: Thing, side: str, notes: Notes) -> Iterator[tuple[int, float]]:
    """By index of a delta that does not mention it, the share of the places that a thing may be in
    that lies on a side."""
    indexes = list(dict.fromkeys(thing.indexes[-_MOST_LOOKED_AT:]))
    ends = [*indexes[1:], len(notes.deltas)]
    gaps = [(i, end) for i, end in zip(indexes, ends, strict=True) if end > i + 1][-_MOST_GAPS:]
    for index, end in gaps:
        stop = next((b for b in notes.breaks if index < b < end), end)
        mention = _mention_at(index, thing, notes)
        if mention is None:
            continue
        stop = min(stop, index + 1 + MOST_LATER)
        later = enumerate(notes.deltas[index + 1 : stop], index + 1)
        for at, places in trail(thing.name, mention, later):
            yield at, places.share_on(side)


def ever_near(asked: Asked, notes: Notes) -> Saying:
    """Have you been near the sofa? How close did you get to it?"""

    def say(thing: Thing) -> Saying:
        ranged = [(i, m) for i, m in _sightings(thing, notes) if m.distance is not None]
        if not ranged:
            text = f"I can't tell: my notes do not say how far away {the(thing)} was"
            return Saying(
                f"{text} ({notes.cite(thing.last_index)}).", (thing.last_index,), "cannot_tell"
            )
        least = min((m.distance for _, m in ranged if m.distance), key=DISTANCES.index)
        there = [i for i, m in ranged if m.distance == least]
        word = "at mid range" if least == "mid" else least
        cited = join_names(notes.cite(i) for i in there[:_MOST_NAMED])
        text = f"At its nearest, {the(thing)} was {word}, in {cited}"
        if not asked.reverse:
            text = f"{'Yes' if least == 'near' else 'No, not that I noted'}. {text}"
        return Saying(f"{text}.", tuple(there[:LONGEST_LIST]))

    return each(asked, notes, say)


def at_range(asked: Asked, notes: Notes) -> Saying:
    """Which things were near? Which were far away?"""
    if notes.hold_motion_only:
        return Saying(MOTION_ONLY, (), "cannot_tell")
    word = "far" if asked.reverse else "near"
    found: dict[str, int] = {}
    for index in range(max(0, len(notes.deltas) - _MOST_LOOKED_AT), len(notes.deltas)):
        for thing, mention in notes.in_view(index):
            if mention.distance == word:
                found[the(thing)] = index
    if not found:
        return Saying(f"I can't tell: my notes name nothing as {word}.", (), "cannot_tell")
    names = join_each(list(found.items()), lambda pair: f"{pair[0]} ({notes.cite(pair[1])})")
    indexes = tuple(sorted(set([*found.values()][:LONGEST_LIST])))
    return Saying(f"As {word}, I noted {names}.", indexes)


def farthest(asked: Asked, notes: Notes) -> Saying:
    """What is the farthest from you? What is the farthest thing that you have ever seen?"""
    if notes.hold_motion_only:
        return Saying(MOTION_ONLY, (), "cannot_tell")
    if not asked.past:
        return nearest(Asked("nearest", reverse=True), notes)
    far = [
        t for t in notes.all_things() if any(m.distance == "far" for _, m in _sightings(t, notes))
    ]
    if not far:
        text = "I can't tell: my notes put nothing farther away than the rest."
        return Saying(text, (), "cannot_tell")
    if len(far) == 1:
        return Saying(f"The only thing that I noted as far is {the(far[0])}.", (far[0].last_index,))
    indexes = tuple(sorted({t.last_index for t in far[:LONGEST_LIST]}))
    text = f"I can't tell which is the farthest: I noted {join_each(far, the)} as far."
    return Saying(text, indexes, "cannot_tell")


def seen_while(asked: Asked, notes: Notes) -> Saying:
    """What did you see while you moved backward? What, after you turned left for the first time?"""
    if notes.hold_motion_only:
        return Saying(MOTION_ONLY, (), "cannot_tell")
    runs: list[list[int]] = []
    for index in range(len(notes.deltas)):
        if notes.motions.action(index) not in asked.actions:
            continue
        if runs and runs[-1][-1] == index - 1 and index not in notes.breaks:
            runs[-1].append(index)
        else:
            runs.append([index])
    done = tell_action(notes.deltas[runs[0][0]]).split(" by ")[0] if runs else ""
    if not runs:
        action = asked.actions[0].value.replace("rotate", "turn")
        return Saying(f"I can't tell: I did not {action}.", (), "cannot_tell")
    which = ""
    if asked.ordinal is not None:
        if asked.ordinal >= len(runs):
            text = f"I can't tell: I {done} fewer times than that."
            return Saying(text, tuple(run[-1] for run in runs), "cannot_tell")
        which = {0: " for the first time", 1: " for the second time", -1: " for the last time"}[
            asked.ordinal
        ]
        runs = [[runs[asked.ordinal][-1]]]
    indexes = [index for run in runs for index in run][-_MOST_LOOKED_AT:]
    latest = {the(thing): index for index in indexes for thing, _ in notes.in_view(index)}
    cited = join_names(notes.cite(i) for i in indexes[:_MOST_NAMED])
    cited += f" and {number(len(indexes) - _MOST_NAMED)} more" if len(indexes) > _MOST_NAMED else ""
    begin = f"When I {done}{which} ({cited}),"
    if not latest:
        return Saying(f"{begin} my notes name nothing.", tuple(indexes[:LONGEST_LIST]))
    names = join_each(list(latest.items()), lambda pair: f"{pair[0]} ({notes.cite(pair[1])})")
    return Saying(f"{begin} I saw {names}.", tuple(sorted(indexes[:LONGEST_LIST])))


def latest(asked: Asked, notes: Notes) -> Saying:
    """What are the three latest things that you saw?"""
    if notes.hold_motion_only:
        return Saying(MOTION_ONLY, (), "cannot_tell")
    things = notes.latest(asked.number or _MOST_NAMED)
    names = join_each(things, lambda t: f"{the(t)} ({notes.cite(t.last_index)})")
    return Saying(f"Most recently I saw {names}.", tuple(sorted({t.last_index for t in things})))


def others(asked: Asked, notes: Notes) -> Saying:
    """What have you seen besides chairs? What else was in keyframe 2, apart from the sofa?"""
    if notes.hold_motion_only:
        return Saying(MOTION_ONLY, (), "cannot_tell")
    but = {id(thing) for phrase in asked.things for thing in fits(match(phrase, notes))}
    things = [thing for thing in notes.all_things() if id(thing) not in but]
    without = join_names((p.text if p.plural else the(p.text) for p in asked.things), "and")
    if not things:
        return Saying(f"I have seen nothing besides {without}.", (), "not_seen")
    indexes = tuple(sorted({t.last_index for t in things[:LONGEST_LIST]}))
    names = join_each(things, lambda t: f"{the(t)} ({notes.cite(t.last_index)})")
    return Saying(f"Besides {without}, I saw {names}.", indexes)


def count_other(asked: Asked, notes: Notes) -> Saying:
    """How many buildings are not red?"""

    def colours(thing: Thing) -> set[str]:
        return {*thing.phrase.colours, *thing.phrase.base_colours}

    phrase = asked.things[0]
    things = fits(match(phrase, notes))
    if not things:
        return Saying(f"I have not seen any {phrase.text}.", (), "not_seen")
    plain = [thing for thing in things if not colours(thing)]
    if plain:
        text = f"I can't tell: my notes do not say what colour {the(plain[0])} is"
        index = plain[0].last_index
        return Saying(f"{text} ({notes.cite(index)}).", (index,), "cannot_tell")
    other = [thing for thing in things if not colours(thing) & set(asked.colours)]
    total = sum(thing.at_once for thing in other)
    not_of = join_names(asked.colours, "or")
    indexes = tuple(sorted({t.last_index for t in (other or things)[:LONGEST_LIST]}))
    verb = "is" if total == 1 else "are"
    names = join_each(other, lambda t: f"{the(t)} ({notes.cite(t.last_index)})")
    listed = f": {names}" if other else ""
    return Saying(f"{number(total).capitalize()} of them {verb} not {not_of}{listed}.", indexes)
