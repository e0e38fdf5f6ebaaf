"""Answers about what the camera did: turns, moves, the last action, the whole way.

These need no perceiver: the keyframer's egomotion is enough.

Out of scope: where that leaves things (`about_places`).
"""

from __future__ import annotations

from embodied_agent.records import Action
from embodied_agent.rules.about_views import no_keyframe
from embodied_agent.rules.asked import Asked
from embodied_agent.rules.notes import Notes
from embodied_agent.rules.speech import Saying, join_names, runs, tell_action, tell_motion, times

_TURNS = {"left": Action.ROTATE_LEFT, "right": Action.ROTATE_RIGHT}
_MOVES = {
    "front": Action.MOVE_FORWARD, "back": Action.MOVE_BACKWARD,
    "left": Action.MOVE_LEFT, "right": Action.MOVE_RIGHT,
}  # fmt: skip
_MOVED = {"front": "forward", "back": "backward", "left": "to the left", "right": "to the right"}
#: Keyframes that are cited for one count.
_MOST_CITED = 8


def _counted(actions: tuple[Action, ...], notes: Notes) -> tuple[int, tuple[int, ...]]:
    """How often one of these was done, those in a row as one, and in which deltas."""
    measured = [d for d in notes.deltas if d.action is not None]
    count = sum(action in actions for action, _, _ in runs(measured))
    indexes = tuple(i for i, d in enumerate(notes.deltas) if d.action in actions)
    return count, indexes


def turns(asked: Asked, notes: Notes) -> Saying:
    """How often did you turn, or turn left?"""
    counts = {side: _counted((action,), notes) for side, action in _TURNS.items()}
    if asked.side in _TURNS:
        count, indexes = counts[asked.side]
        if not count:
            return Saying(f"I have not turned {asked.side} at all.", _all(notes))
        return Saying(f"I turned {asked.side} {times(count)} ({_cited(indexes, notes)}).", indexes)
    total = sum(count for count, _ in counts.values())
    if not total:
        return Saying("I have not turned at all.", _all(notes))
    indexes = tuple(sorted(i for _, found in counts.values() for i in found))
    left, right = counts["left"][0], counts["right"][0]
    text = f"I turned {times(total)}: {times(left)} to the left and {times(right)} to the right."
    return Saying(text.replace("never to", "not once to"), indexes)


def ever_turned(asked: Asked, notes: Notes) -> Saying:
    """Did you ever turn left?"""
    sides = (asked.side,) if asked.side in _TURNS else tuple(_TURNS)
    count, indexes = _counted(tuple(_TURNS[s] for s in sides if s), notes)
    way = f" {asked.side}" if asked.side in _TURNS else ""
    if not count:
        return Saying(f"No, I have not turned{way} at all.", _all(notes))
    return Saying(f"Yes, I turned{way} {times(count)} ({_cited(indexes, notes)}).", indexes)


def moves(asked: Asked, notes: Notes) -> Saying:
    """How often did you move forward?"""
    actions = (_MOVES[asked.side],) if asked.side else tuple(_MOVES.values())
    count, indexes = _counted(actions, notes)
    way = f" {_MOVED[asked.side]}" if asked.side else ""
    if not count:
        return Saying(f"I have not moved{way} at all.", _all(notes))
    return Saying(f"I moved{way} {times(count)} ({_cited(indexes, notes)}).", indexes)


def _all(notes: Notes) -> tuple[int, ...]:
    return (0, notes.last) if notes.last else (0,)


def _cited(indexes: tuple[int, ...], notes: Notes) -> str:
    shown = [notes.cite(i) for i in indexes[:_MOST_CITED]]
    return join_names(shown) if len(shown) == len(indexes) else f"{', '.join(shown)} and more"


def last_action(asked: Asked, notes: Notes) -> Saying:
    """What did you do last?"""
    index = next((i for i in range(notes.last, 0, -1) if notes.deltas[i].action is not None), None)
    if index is None:
        return Saying("I can't tell: no motion was measured so far.", (notes.last,), "cannot_tell")
    if index < notes.last and notes.deltas[notes.last].angle_deg is None:
        text = f"I can't tell: the motion to {notes.cite(notes.last)} could not be measured."
        return Saying(text, (notes.last,), "cannot_tell")
    return Saying(f"I {tell_action(notes.deltas[index])} ({notes.cite(index)}).", (index,))


def first_action(asked: Asked, notes: Notes) -> Saying:
    """What was your first action?"""
    index = next((i for i, d in enumerate(notes.deltas) if d.action is not None), None)
    if index is None:
        return Saying("I can't tell: no motion was measured so far.", _all(notes), "cannot_tell")
    return Saying(f"First I {tell_action(notes.deltas[index])} ({notes.cite(index)}).", (index,))


def action_at(asked: Asked, notes: Notes) -> Saying:
    """What did you do to get to keyframe 7, or after it?"""
    index = asked.nth if asked.keyframe is None else notes.index(asked.keyframe)
    if index is None or not 0 <= index <= notes.last:
        return no_keyframe(asked, notes)
    index += asked.reverse
    if index > notes.last:
        return Saying("I can't tell: that is the present keyframe.", (notes.last,), "cannot_tell")
    action = tell_action(notes.deltas[index])
    if action:
        return Saying(f"I {action} ({notes.cite(index)}).", (index,))
    why = "it is the first keyframe" if index == 0 else "that motion could not be measured"
    return Saying(f"I can't tell: {why}.", (index,), "cannot_tell")


def actions(asked: Asked, notes: Notes) -> Saying:
    """What did you do, all in all?"""
    since = tell_motion(notes.deltas[1:], most=12)
    if not since:
        return Saying("I have not moved so far.", (0,))
    return Saying(f"I {since}.", _all(notes))
