"""Answers about what the robot did right before or after a motion.

The docstring of a public function is a question that it answers.

Out of scope: what it did before or after it saw a thing (`about_moments`), all other questions about
motion (`about_motion`).
"""

from __future__ import annotations

from embodied_agent.rules.about_things import join_sayings
from embodied_agent.rules.asked import Asked
from embodied_agent.rules.notes import Notes
from embodied_agent.rules.speech import Saying, done, join_names, tell_action, times

#: At most this many times are told one by one.
_MOST = 4


def done_beside(asked: Asked, notes: Notes) -> Saying:
    """What did you do after you backed up? What did you do before the first left turn?"""
    runs = _runs(asked, notes)
    names = join_names((done(action) for action in asked.actions), "or")
    if not runs:
        return Saying(f"I never {names}.", (0, notes.last) if notes.last else (0,))
    if asked.ordinal is None:
        sayings = [_beside(run, asked, notes) for run in runs[:_MOST]]
        if len(runs) > _MOST:
            sayings.append(Saying(f"I {names} {times(len(runs))} in all.", ()))
        return join_sayings(sayings)
    if asked.ordinal >= len(runs):
        text = f"I can't tell: I {names} only {times(len(runs))} ({notes.cite(runs[-1][0])})."
        return Saying(text, (runs[-1][0],), "cannot_tell")
    return _beside(runs[asked.ordinal], asked, notes)


def _runs(asked: Asked, notes: Notes) -> list[tuple[int, int]]:
    """The first and last index of each time that a motion was made, repetitions in a row as one."""
    runs: list[tuple[int, int]] = []
    for index in notes.motions.where(asked.actions):
        follows = runs and runs[-1][1] == index - 1 and index not in notes.breaks
        if follows and notes.motions.action(index) is notes.motions.action(index - 1):
            runs[-1] = (runs[-1][0], index)
        else:
            runs.append((index, index))
    return runs


def _beside(run: tuple[int, int], asked: Asked, notes: Notes) -> Saying:
    """What was done right before or after one time."""
    first, last = run
    action = notes.motions.action(first)
    assert action is not None
    one = tell_action(notes.deltas[first]) if first == last else done(action)
    cited = f"{one} ({notes.cite(first)}{f' to {notes.cite(last)}' if last > first else ''})"
    evidence = tuple(sorted({first, last}))
    if asked.reverse:
        index, begins = first - 1, first in notes.breaks or first <= 1
        if begins:
            return Saying(f"Nothing before that: first of all, I {cited}.", evidence)
        joint = "Before"
    else:
        index = last + 1
        if index > notes.last:
            return Saying(f"Nothing so far: last of all, I {cited}.", evidence)
        if index in notes.breaks:
            text = f"I can't tell: after I {cited}, I was restarted."
            return Saying(text, evidence, "cannot_tell")
        joint = "After"
    evidence = tuple(sorted({*evidence, index}))
    beside = tell_action(notes.deltas[index])
    if not beside:
        text = (
            f"I can't tell what I did {joint.lower()} I {cited}: the motion to {notes.cite(index)} "
            "could not be measured."
        )
        return Saying(text, evidence, "cannot_tell")
    return Saying(f"{joint} I {cited}, I {beside} ({notes.cite(index)}).", evidence)
