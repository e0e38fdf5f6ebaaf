"""Answers about views: what is in view now, at the start or at a keyframe, and what was seen
together.

The docstring of a public answer function is a question that it answers.

Out of scope: everything that was ever seen (`about_things`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from embodied_agent.records import SUMMARY_ONLY
from embodied_agent.rules.about_things import fits, join_sayings
from embodied_agent.rules.absence import MOTION_ONLY, missing
from embodied_agent.rules.asked import Asked, Side
from embodied_agent.rules.matching import match
from embodied_agent.rules.notes import Notes, Thing
from embodied_agent.rules.speech import LONGEST_LIST, Saying, capital, join_names, the, where

_LONGEST_QUOTE = 240
#: At most this many things of a kind are described.
_MOST = 3


def now(asked: Asked, notes: Notes) -> Saying:
    """What is in view now? What is on the left of the picture?"""
    return _view(notes.last, notes, "Now I see", "Now", asked.side)


def at_start(asked: Asked, notes: Notes) -> Saying:
    """What was in view at the start?"""
    return _view(0, notes, "At the start I saw", "At the start", asked.side)


def at_keyframe(asked: Asked, notes: Notes) -> Saying:
    """What did keyframe 7 show?"""
    index = asked.nth if asked.keyframe is None else notes.index(asked.keyframe)
    if index is None or not 0 <= index <= notes.last:
        return no_keyframe(asked, notes)
    return _view(
        index,
        notes,
        f"In {notes.cite(index)} I saw",
        f"In {notes.cite(index)}",
        asked.side,
    )


def no_keyframe(asked: Asked, notes: Notes) -> Saying:
    """The answer to a question about a keyframe that does not exist."""
    which = f"keyframe {asked.keyframe}" if asked.keyframe is not None else "such keyframe"
    text = (
        f"I can't tell: my notes have no {which}, only #{notes.id(0)} to #{notes.id(notes.last)}."
    )
    return Saying(text, (), "cannot_tell")


def _view(index: int, notes: Notes, begin: str, when: str, side: str | None = None) -> Saying:
    if notes.hold_motion_only:
        return Saying(MOTION_ONLY, (), "cannot_tell")
    delta = notes.deltas[index]
    if delta.problem == SUMMARY_ONLY:
        text = f"I can't tell: what keyframe {notes.cite(index)} showed is {SUMMARY_ONLY}."
        return Saying(text, (index,), "cannot_tell")
    if not delta.usable:
        text = f"I can't tell: keyframe {notes.cite(index)} could not be perceived."
        return Saying(text, (index,), "cannot_tell")
    shown = notes.in_view(index)
    if side is not None:
        shown = [(t, m) for t, m in shown if side in m.direction.split("-")]
    cited = f" ({notes.cite(index)})" if notes.cite(index) not in begin else ""
    observation = " ".join(delta.observation.split())[:_LONGEST_QUOTE]
    quote = f" My notes add: “{observation}”" if observation else ""
    if not shown and side is not None and notes.in_view(index):
        return Saying(f"{when}{cited}, my notes name nothing on that side.", (index,))
    if not shown:
        if quote:
            return Saying(f"{when}{cited}, my notes name no particular thing.{quote}", (index,))
        return Saying(f"{when}{cited}, my notes name nothing.", (index,))
    names = "; ".join(f"{the(t)}, {where(m)}" for t, m in shown)
    return Saying(f"{begin}{cited}: {names}.{quote}", (index,))


def seen_on(side: Side, notes: Notes, first: int, last: int) -> Saying:
    """What was on your left in the last ten seconds? ``first`` and ``last``: the part's ends, as
    indexes."""
    if notes.hold_motion_only:
        return Saying(MOTION_ONLY, (), "cannot_tell")
    latest: dict[str, int] = {}
    for index in range(first, last + 1):
        for thing, mention in notes.in_view(index):
            if side in mention.direction.split("-"):
                latest[the(thing)] = index
    if not latest:
        text = "My notes name nothing on that side."
        return Saying(text, tuple(sorted({first, last})))
    on = {"left": "On my left", "right": "On my right", "back": "Behind me"}.get(
        side, "Ahead of me"
    )
    names = join_names(f"{name} ({notes.cite(index)})" for name, index in latest.items())
    evidence = tuple(sorted({*list(latest.values())[:LONGEST_LIST]}))
    return Saying(f"{on} I saw {names}.", evidence)


def view_before(asked: Asked, notes: Notes) -> Saying:
    """What was in view just before the sofa appeared? (In the keyframe before its first sight.)"""

    def say(thing: Thing) -> Saying:
        first = thing.first_index
        name, cited = the(thing), notes.cite(first)
        if not first:
            text = f"I can't tell: {name} was in view from the start ({cited})."
            return Saying(text, (0,), "cannot_tell")
        if first in notes.breaks:
            text = f"I can't tell: I was restarted before I first saw {name} ({cited})."
            return Saying(text, (first,), "cannot_tell")
        when = f"In {notes.cite(first - 1)}, just before I first saw {name} ({cited})"
        seen = _view(first - 1, notes, f"{when}, I saw", when, asked.side)
        return replace(seen, evidence=(first - 1, first))

    return _of_each(asked, notes, say)


def view_after(asked: Asked, notes: Notes) -> Saying:
    """What was in view when the sofa was gone? (In the keyframe after its last sight.)"""

    def say(thing: Thing) -> Saying:
        last = thing.last_index
        name, cited = the(thing), notes.cite(last)
        if last == notes.now:
            return Saying(f"{capital(name)} is still in view ({cited}).", (last,))
        if last == notes.last or last + 1 in notes.breaks:
            text = f"I can't tell: I was restarted after I last saw {name} ({cited})."
            return Saying(text, (last,), "cannot_tell")
        when = f"In {notes.cite(last + 1)}, just after I last saw {name} ({cited})"
        seen = _view(last + 1, notes, f"{when}, I saw", when, asked.side)
        return replace(seen, evidence=(last, last + 1))

    return _of_each(asked, notes, say)


def _of_each(asked: Asked, notes: Notes, say: Callable[[Thing], Saying]) -> Saying:
    """``say`` of each thing that is meant, or why there is none."""
    result = match(asked.things[0], notes)
    gap = missing(result, notes)
    return gap if gap is not None else join_sayings([say(thing) for thing in fits(result)[:_MOST]])


def changed(asked: Asked, notes: Notes) -> Saying:
    """What is new? What is no longer in view? (Against the keyframe before, or the start.)"""
    if notes.hold_motion_only:
        return Saying(MOTION_ONLY, (), "cannot_tell")
    since = notes.start if asked.past else max(notes.start, notes.last - 1)
    if asked.keyframe is not None:
        index = notes.index(asked.keyframe)
        if index is None or index > notes.last:
            return no_keyframe(asked, notes)
        since = index
    if since >= notes.last:
        text = f"I can't tell: I have only one keyframe to compare, {notes.cite(notes.last)}."
        return Saying(text, (notes.last,), "cannot_tell")
    before = {thing.name: thing for thing, _ in notes.in_view(since)}
    now = {thing.name: thing for thing, _ in notes.in_view(notes.last)}
    new = join_names(the(thing) for name, thing in now.items() if name not in before)
    gone = join_names(the(thing) for name, thing in before.items() if name not in now)
    text = (
        f"Since {notes.cite(since)}, {new or 'nothing'} came into view ({notes.cite(notes.last)}); "
        f"{gone or 'nothing'} went out of it."
    )
    return Saying(text, (since, notes.last))


def together(asked: Asked, notes: Notes) -> Saying:
    """What did you see together with the sofa?"""
    result = match(asked.things[0], notes)
    gap = missing(result, notes)
    if gap is not None:
        return gap
    sayings = []
    for thing in fits(result)[:3]:
        indexes = sorted(set(thing.indexes))
        beside: dict[str, list[int]] = {}
        for index in indexes:
            for other, _ in notes.in_view(index):
                if other is not thing:
                    beside.setdefault(the(other), []).append(index)
        if not beside:
            spans = join_names(notes.cite(i) for i in indexes)
            text = f"Nothing else was in view with it ({spans})."
            sayings.append(Saying(text, tuple(indexes[:LONGEST_LIST])))
            continue
        latest = {name: shared[-1] for name, shared in beside.items()}
        names = join_names(f"{name} ({notes.cite(index)})" for name, index in latest.items())
        evidence = tuple(sorted({*list(latest.values())[:LONGEST_LIST]}))
        sayings.append(Saying(f"Together with {the(thing)} I saw {names}.", evidence))
    return join_sayings(sayings)


def ever_together(asked: Asked, notes: Notes) -> Saying:
    """Were the sofa and the lamp ever in view at the same time?"""
    sets: list[tuple[Thing, ...]] = []
    for phrase in asked.things[:2]:
        result = match(phrase, notes)
        gap = missing(result, notes)
        if gap is not None:
            return gap
        sets.append(fits(result))
    best: tuple[int, Thing, Thing] | None = None
    for one in sets[0]:
        for other in sets[1]:
            shared = {*one.indexes} & {*other.indexes}
            if one is not other and shared and (best is None or max(shared) > best[0]):
                best = (max(shared), one, other)
    if best is not None:
        index, one, other = best
        text = (
            f"Yes, {the(one)} and {the(other)} were in view at the same time in "
            f"{notes.cite(index)}."
        )
        return Saying(text, (index,))
    one, other = sets[0][0], sets[1][0]
    text = f"No, {the(one)} and {the(other)} were never in view at the same time."
    return Saying(text, tuple(sorted({one.last_index, other.last_index})))
