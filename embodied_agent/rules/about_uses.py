"""Answers about things to do something with: somewhere to sit, a way out.

The notes name things, not their uses; the answer therefore names the thing and leaves the use to
whoever asks. The docstring of a public function is a question that it answers.

Out of scope: which things serve which use (`uses`).
"""

from __future__ import annotations

from collections.abc import Sequence

from embodied_agent.rules.about_places import placed
from embodied_agent.rules.absence import MOTION_ONLY
from embodied_agent.rules.asked import Asked
from embodied_agent.rules.notes import Notes, Thing
from embodied_agent.rules.speech import Saying, a, join_names, the
from embodied_agent.rules.uses import use_named

#: At most this many things are named.
_MOST = 4


def use(asked: Asked, notes: Notes) -> Saying:
    """Where can I sit? Which way is the exit?"""
    if notes.hold_motion_only:
        return Saying(MOTION_ONLY, (), "cannot_tell")
    wanted = use_named(asked.use)
    things = _of_kinds(wanted.kinds, notes)[:_MOST]
    if not things:
        examples = join_names((a(kind) for kind in wanted.kinds[:2]), "or")
        text = f"I have not seen anything to {wanted.name}, such as {examples}"
        signs = _of_kinds(wanted.signs, notes)[:_MOST]
        hints = join_names(f"{the(t)} ({notes.cite(t.last_index)})" for t in signs)
        evidence = tuple(sorted({thing.last_index for thing in signs}))
        return Saying(f"{text}, but I saw {hints}." if hints else f"{text}.", evidence, "not_seen")
    indexes = {thing.last_index for thing in things}
    names = join_names((f"{the(t)} ({notes.cite(t.last_index)})" for t in things), "or")
    way = placed(things[0], notes)
    direction = f" {way.text}" if way.status == "answered" else ""
    return Saying(f"You could {wanted.name} {names}.{direction}", tuple(sorted(indexes)))


def _of_kinds(kinds: Sequence[str], notes: Notes) -> list[Thing]:
    """The things of some kinds: the first of these first, the latest seen first among equals."""
    ranks = {kind: rank for rank, kind in enumerate(kinds)}
    things = [t for t in notes.of_kinds(kinds) if t.phrase.kind in ranks]
    return sorted(things, key=lambda t: (ranks[t.phrase.kind], -t.last_index))
