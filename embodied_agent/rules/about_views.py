"""Answers about views: what is in view now, at the start or at a keyframe, and what was together.

Out of scope: everything that was ever seen (`about_things`).
"""

from __future__ import annotations

from embodied_agent.rules.about_things import fits, join_sayings
from embodied_agent.rules.absence import MOTION_ONLY, missing
from embodied_agent.rules.asked import Asked
from embodied_agent.rules.matching import match
from embodied_agent.rules.notes import Notes, Thing
from embodied_agent.rules.speech import Saying, join_names, the, where

_LONGEST_QUOTE = 240


def now(asked: Asked, notes: Notes) -> Saying:
    """What is in view now?"""
    return _view(notes.last, notes, "Now I see", "Now")


def at_start(asked: Asked, notes: Notes) -> Saying:
    """What was in view at the start?"""
    return _view(0, notes, "At the start I saw", "At the start")


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
    """There is no keyframe of that number."""
    which = f"keyframe {asked.keyframe}" if asked.keyframe is not None else "such keyframe"
    text = (
        f"I can't tell: my notes hold no {which}, only {notes.cite(0)} to {notes.cite(notes.last)}."
    )
    return Saying(text, (), "cannot_tell")


def _view(index: int, notes: Notes, begin: str, when: str, side: str | None = None) -> Saying:
    if notes.hold_motion_only:
        return Saying(MOTION_ONLY, (), "cannot_tell")
    delta = notes.deltas[index]
    if not delta.usable:
        text = f"I can't tell: keyframe {notes.cite(index)} could not be perceived."
        return Saying(text, (index,), "cannot_tell")
    shown = notes.in_view(index)
    if side is not None:
        shown = [(t, m) for t, m in shown if side in m.direction.split("-")]
    cited = f" ({notes.cite(index)})" if notes.cite(index) not in begin else ""
    observed = " ".join(delta.observation.split())[:_LONGEST_QUOTE]
    quote = f" My notes add: “{observed}”" if observed else ""
    if not shown:
        if quote:
            return Saying(f"{when}{cited} my notes name no single thing.{quote}", (index,))
        return Saying(f"{when}{cited} my notes name nothing.", (index,))
    names = "; ".join(f"{the(t)}, {where(m)}" for t, m in shown)
    return Saying(f"{begin}{cited}: {names}.{quote}", (index,))


def together(asked: Asked, notes: Notes) -> Saying:
    """What did you see together with the sofa?"""
    found = match(asked.things[0], notes)
    gap = missing(found, notes)
    if gap is not None:
        return gap
    sayings = []
    for thing in fits(found)[:3]:
        indexes = sorted({s.index for s in thing.sightings})
        beside: dict[str, list[int]] = {}
        for index in indexes:
            for other, _ in notes.in_view(index):
                if other is not thing:
                    beside.setdefault(the(other), []).append(index)
        if not beside:
            spans = join_names(notes.cite(i) for i in indexes)
            sayings.append(Saying(f"Nothing else was in view with it ({spans}).", tuple(indexes)))
            continue
        names = join_names(f"{name} ({notes.cite(where_[-1])})" for name, where_ in beside.items())
        evidence = tuple(sorted({where_[-1] for where_ in beside.values()}))
        sayings.append(Saying(f"Together with {the(thing)} I saw {names}.", evidence))
    return join_sayings(sayings)


def relation(asked: Asked, notes: Notes) -> Saying:
    """What is on the table? Notes place things from the camera, not from others."""
    beside = together(asked, notes)
    if beside.status != "answered":
        return beside
    text = (
        f"I can't tell: my notes say where things were from me, not from each other. {beside.text}"
    )
    return Saying(text, beside.evidence, "cannot_tell")


def ever_together(asked: Asked, notes: Notes) -> Saying:
    """Were the sofa and the lamp ever in view at the same time?"""
    sets: list[tuple[Thing, ...]] = []
    for phrase in asked.things[:2]:
        found = match(phrase, notes)
        gap = missing(found, notes)
        if gap is not None:
            return gap
        sets.append(fits(found))
    best: tuple[int, Thing, Thing] | None = None
    for one in sets[0]:
        for other in sets[1]:
            shared = {s.index for s in one.sightings} & {s.index for s in other.sightings}
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
    return Saying(text, tuple(sorted({one.last.index, other.last.index})))
