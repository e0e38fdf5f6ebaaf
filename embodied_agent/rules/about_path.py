"""Answers about the driven path, in metres, from recorded poses: how long it is, how far the start
is, and whether the robot was at this place before.

Without poses, or with those of one keyframe alone, the notes only tell how often the camera moved.
The docstring of a public function is a question that it answers.

Out of scope: turns and moves (`about_motion`), the way back (`about_places`), how far things are
(`about_measured`).
"""

from __future__ import annotations

import numpy as np

from embodied_agent.rules.about_motion import moves
from embodied_agent.rules.about_places import back_to_start
from embodied_agent.rules.asked import Asked
from embodied_agent.rules.driven_path import DrivenPath
from embodied_agent.rules.notes import Notes
from embodied_agent.rules.speech import Saying
from embodied_agent.rules.times import before_now

#: Nearer than this is the same place, in metres; farther than the other, it has been left.
HERE_M, AWAY_M = 1.0, 1.5


def travelled(asked: Asked, notes: Notes) -> Saying:
    """How many metres did you drive?"""
    path = _path(notes)
    if path is None:
        counted = moves(Asked("moves"), notes)
        text = f"I can't tell in metres: no poses were recorded. {counted.text}"
        return Saying(text, counted.evidence, "cannot_tell")
    text = (
        f"I moved about {metres(path.length_m)}, from {_cite(path.ids[0], notes)} to "
        f"{_cite(path.ids[-1], notes)} by the recorded poses; in a straight line, it is about "
        f"{metres(path.straight_m)}.{_since(path, notes)}"
    )
    return _said(text, path, notes)


def from_start(asked: Asked, notes: Notes) -> Saying:
    """How far are you from where you started?"""
    path = _path(notes)
    if path is None:
        return back_to_start(asked, notes)
    text = (
        f"I am about {metres(path.straight_m)} from {_cite(path.ids[0], notes)}, where I started, "
        f"in a straight line; I moved about {metres(path.length_m)} to "
        f"{_cite(path.ids[-1], notes)}.{_since(path, notes)}"
    )
    return _said(text, path, notes)


def been_here(asked: Asked, notes: Notes) -> Saying:
    """Have you been here before?"""
    path = _path(notes)
    if path is None or path.ids[-1] != notes.id(notes.last):
        which = "no poses were recorded" if path is None else "the latest keyframe has no pose"
        return Saying(f"I can't tell whether I was here before: {which}.", (), "cannot_tell")
    distances = path.distances_m()
    gone = np.flatnonzero(distances > AWAY_M)
    noted = np.array([notes.index(number) is not None for number in path.ids])
    # Whatever lies after the last time away belongs to this visit.
    earlier = distances[: gone[-1] if len(gone) else 0]
    near = np.flatnonzero((earlier <= HERE_M) & noted[: len(earlier)])
    now = _cite(path.ids[-1], notes)
    if not len(near):
        text = (
            f"No: between {_cite(path.ids[0], notes)} and {now}, I was not within "
            f"{metres(HERE_M)} of here before this visit.{_since(path, notes)}"
        )
        return _said(text, path, notes)
    left = gone[gone < near[-1]]
    visit = near[near > left[-1]] if len(left) else near  # the latest one before this
    best = int(visit[earlier[visit].argmin()])
    index, here = notes.index(path.ids[best]), notes.last
    assert index is not None
    text = (
        f"Yes, in {notes.cite(index)} I was about {metres(float(earlier[best]))} from here ({now})"
        f"{before_now(index, notes)}."
    )
    return Saying(text, (index, here), poses=len(path.ids))


def metres(distance_m: float) -> str:
    """A rough distance: ``2.4 m``, ``31 m``."""
    return f"{distance_m:.{1 if distance_m < 9.95 else 0}f} m"


def _path(notes: Notes) -> DrivenPath | None:
    """The path over these notes, from a keyframe in them to another one; ``None`` if there is
    none."""
    path = notes.path() if notes.deltas else None
    if path is None:
        return None
    path = path.between(notes.id(0), notes.id(notes.last))
    known = [number for number in path.ids if notes.index(number) is not None]
    return path.between(known[0], known[-1]) if len(known) > 1 else None


def _cite(keyframe_id: int, notes: Notes) -> str:
    index = notes.index(keyframe_id)
    assert index is not None
    return notes.cite(index)


def _since(path: DrivenPath, notes: Notes) -> str:
    """What is said where the poses don't reach back to the beginning of the notes."""
    if path.ids[0] == notes.id(notes.start):
        return ""
    return " Earlier positions can't be compared with these."


def _said(text: str, path: DrivenPath, notes: Notes) -> Saying:
    ends = (notes.index(path.ids[0]), notes.index(path.ids[-1]))
    evidence = tuple(index for index in ends if index is not None)
    return Saying(text, evidence, poses=len(path.ids))
