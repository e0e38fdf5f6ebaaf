"""Answers about the camera's motion: turns, moves, the first and last action, the whole way.

They need no perceiver: the keyframer's egomotion is enough. The docstring of a public function is a
question that it answers.

Out of scope: where things are now (`about_places`).
"""

from __future__ import annotations

from embodied_agent.records import Action
from embodied_agent.rules.about_views import no_keyframe
from embodied_agent.rules.asked import Asked
from embodied_agent.rules.notes import Notes
from embodied_agent.rules.speech import (
    MOST_CITED,
    Saying,
    join_each,
    join_names,
    tell_action,
    tell_motion,
    times,
)

_TURNS = {"left": Action.ROTATE_LEFT, "right": Action.ROTATE_RIGHT}
_MOVES = {
    "front": Action.MOVE_FORWARD, "back": Action.MOVE_BACKWARD,
    "left": Action.MOVE_LEFT, "right": Action.MOVE_RIGHT,
}  # fmt: skip
_MOVED = {"front": "forward", "back": "backward", "left": "to the left", "right": "to the right"}
#: Within this many degrees, two headings are about the same.
_SAME_DEG = 8.0
#: At most this many keyframes are named in the words of an answer.
_MOST_NAMED = 8


def _counted(actions: tuple[Action, ...], notes: Notes) -> tuple[int, tuple[int, ...]]:
    """How often these actions occurred, repetitions in a row counted once, and in which deltas."""
    return notes.motions.times(actions, notes.breaks), notes.motions.where(actions)


def turns(asked: Asked, notes: Notes) -> Saying:
    """How often did you turn, or turn left?"""
    counts = {side: _counted((action,), notes) for side, action in _TURNS.items()}
    if asked.side in _TURNS:
        count, indexes = counts[asked.side]
        if not count:
            return Saying(f"I have not turned {asked.side} at all.", _all(notes))
        return Saying(
            f"I turned {asked.side} {times(count)} ({_cited(indexes, notes)}).",
            indexes[:MOST_CITED],
        )
    total = sum(count for count, _ in counts.values())
    if not total:
        return Saying("I have not turned at all.", _all(notes))
    indexes = tuple(sorted(i for _, indexes in counts.values() for i in indexes))
    left, right = counts["left"][0], counts["right"][0]
    if not (left and right):
        text = f"I turned {times(total)}, {'always ' * (total > 1)}to the {'left' if left else 'right'}."
    else:
        text = (
            f"I turned {times(total)}: {times(left)} to the left and {times(right)} to the right."
        )
    return Saying(text, indexes[:MOST_CITED])


def ever_turned(asked: Asked, notes: Notes) -> Saying:
    """Did you ever turn left?"""
    sides = (asked.side,) if asked.side in _TURNS else tuple(_TURNS)
    count, indexes = _counted(tuple(_TURNS[s] for s in sides if s), notes)
    way = f" {asked.side}" if asked.side in _TURNS else ""
    if not count:
        return Saying(f"No, I have not turned{way} at all.", _all(notes))
    text = f"Yes, I turned{way} {times(count)} ({_cited(indexes, notes)})."
    return Saying(text, indexes[:MOST_CITED])


def moves(asked: Asked, notes: Notes) -> Saying:
    """How often did you move forward?"""
    actions = (_MOVES[asked.side],) if asked.side else tuple(_MOVES.values())
    count, indexes = _counted(actions, notes)
    way = f" {_MOVED[asked.side]}" if asked.side else ""
    if not count:
        return Saying(f"I have not moved{way} at all.", _all(notes))
    text = f"I moved{way} {times(count)} ({_cited(indexes, notes)})."
    return Saying(text, indexes[:MOST_CITED])


_EVER: dict[Action, str] = {
    Action.TILT_UPWARD: "tilted upward", Action.TILT_DOWNWARD: "tilted downward",
    Action.MOVE_BACKWARD: "moved backward", Action.MOVE_UPWARD: "moved upward",
    Action.MOVE_DOWNWARD: "moved downward",
}  # fmt: skip


def ever_moved(asked: Asked, notes: Notes) -> Saying:
    """Did you ever move backward? Did you go up or down?"""
    counts = [(action, *_counted((action,), notes)) for action in asked.actions]
    done = [(action, count, indexes) for action, count, indexes in counts if count]
    if not done:
        never = join_names((_EVER[action] for action in asked.actions), "or")
        return Saying(f"No, I never {never}.", _all(notes))
    facts = join_names(
        f"{_EVER[action]} {times(count)} ({_cited(indexes, notes)})"
        for action, count, indexes in done
    )
    return Saying(
        f"Yes, I {facts}.", tuple(sorted({i for _, _, found in done for i in found[:MOST_CITED]}))
    )


def total_turn(asked: Asked, notes: Notes) -> Saying:
    """By how many degrees did you turn in all? Did you turn all the way around?"""
    parts: list[str] = []
    indexes: list[int] = []
    unknown = 0
    for side, action in _TURNS.items():
        turned = notes.motions.where([action])
        angles = [notes.motions.angle_deg(i) for i in turned]
        unknown += sum(angle is None for angle in angles)
        indexes += turned
        if turned:
            parts.append(f"{sum(angle or 0.0 for angle in angles):.0f} degrees to the {side}")
    if not indexes:
        return Saying("I have not turned at all.", _all(notes))
    text = f"In all, I turned {join_names(parts)}"
    if unknown:
        text += f", and {times(unknown)} by an angle that was not measured"
    return Saying(f"{text}.", tuple(sorted(indexes))[:MOST_CITED])


def heading(asked: Asked, notes: Notes) -> Saying:
    """Which way do you face, compared with the start?"""
    saying = total_turn(asked, notes)
    turned = notes.motions.where(_TURNS.values())
    if not turned:
        last = notes.motions.last_measured(1)
        if last is None:
            text = "I can't tell: no motion has been measured so far."
            return Saying(text, saying.evidence, "cannot_tell")
        return Saying(f"{saying.text} I face as I did at the start{_but(notes)}.", saying.evidence)
    net = 0.0
    for index in turned:
        angle = notes.motions.angle_deg(index)
        if angle is None:
            text = f"I can't tell how I face compared with the start. {saying.text}"
            return Saying(text, saying.evidence, "cannot_tell")
        net += angle if notes.motions.action(index) is Action.ROTATE_LEFT else -angle
    net = (net + 180.0) % 360.0 - 180.0
    size = max(5, 5 * round(abs(net) / 5))
    if abs(net) < _SAME_DEG:
        faces = "about as I did at the start"
    elif abs(net) > 180.0 - _SAME_DEG:
        faces = "about the opposite way to the start"
    else:
        side = "left" if net > 0 else "right"
        faces = f"about {size} degrees to the {side} of how I faced at the start"
    text = f"{saying.text.removesuffix('.')}, so I now face {faces}{_but(notes)}."
    return Saying(text, saying.evidence)


def _but(notes: Notes) -> str:
    """What a heading leaves out: motions that could not be measured."""
    unknown = [
        index
        for index in range(1, notes.last + 1)
        if notes.motions.action(index) is None and not notes.deltas[index].at_rest
    ]
    if not unknown:
        return ""
    cited = _cited(tuple(unknown), notes)
    which = f"the motion to {cited}" if len(unknown) == 1 else f"the motions to {cited}"
    return f", as far as I could measure: {which} could not be measured"


def turn_degrees(asked: Asked, notes: Notes) -> Saying:
    """By how many degrees was each turn, or each right turn?"""
    parts: list[str] = []
    indexes: list[int] = []
    for side, action in _TURNS.items():
        turned = notes.motions.where([action]) if asked.side in (side, None) else ()
        if not turned:
            continue
        indexes += turned
        angles = [(index, notes.motions.angle_deg(index)) for index in turned]
        known = [angle for _, angle in angles if angle is not None]
        if len(turned) == 1:
            by = f"{known[0]:.0f} degrees" if known else "an angle that was not measured"
            parts.append(f"to the {side} by {by} ({notes.cite(turned[0])})")
            continue
        least = "at least " if len(known) < len(angles) else ""
        each = join_each(angles, lambda one: f"{_size(one[1])} ({notes.cite(one[0])})")
        parts.append(f"to the {side} by {least}{sum(known):.0f} degrees in all: {each}")
    if not indexes:
        way = f" {asked.side}" if asked.side in _TURNS else ""
        return Saying(f"I have not turned{way} at all.", _all(notes))
    return Saying(f"I turned {'; '.join(parts)}.", tuple(sorted(indexes))[:MOST_CITED])


def _size(angle_deg: float | None) -> str:
    return "an angle that was not measured" if angle_deg is None else f"{angle_deg:.0f}"


def _all(notes: Notes) -> tuple[int, ...]:
    return (0, notes.last) if notes.last else (0,)


def _cited(indexes: tuple[int, ...], notes: Notes) -> str:
    shown = [notes.cite(i) for i in indexes[:_MOST_NAMED]]
    return join_names(shown) if len(shown) == len(indexes) else f"{', '.join(shown)} and more"


def last_action(asked: Asked, notes: Notes) -> Saying:
    """What did you do last?"""
    index = notes.motions.last_measured(1)
    if index is None:
        return Saying(
            "I can't tell: no motion has been measured so far.", (notes.last,), "cannot_tell"
        )
    if index < notes.last and notes.motions.angle_deg(notes.last) is None:
        text = f"I can't tell: the motion to {notes.cite(notes.last)} could not be measured."
        return Saying(text, (notes.last,), "cannot_tell")
    text = f"I {tell_action(notes.deltas[index])} ({notes.cite(index)})"
    if index < notes.last and notes.deltas[notes.last].at_rest:
        return Saying(f"{text}. By {notes.cite(notes.last)} I stood still.", (index, notes.last))
    return Saying(f"{text}.", (index,))


def first_action(asked: Asked, notes: Notes) -> Saying:
    """What was your first action?"""
    index = notes.motions.first_measured()
    if index is None:
        return Saying(
            "I can't tell: no motion has been measured so far.", _all(notes), "cannot_tell"
        )
    return Saying(f"First I {tell_action(notes.deltas[index])} ({notes.cite(index)}).", (index,))


def action_at(asked: Asked, notes: Notes) -> Saying:
    """What did you do to get to keyframe 7, or after it?"""
    index = asked.nth if asked.keyframe is None else notes.index(asked.keyframe)
    if index is None or not 0 <= index <= notes.last:
        return no_keyframe(asked, notes)
    index += asked.reverse
    if index > notes.last:
        return Saying("I can't tell: that is the current keyframe.", (notes.last,), "cannot_tell")
    action = tell_action(notes.deltas[index])
    if action:
        return Saying(f"I {action} ({notes.cite(index)}).", (index,))
    if index in notes.breaks:
        return Saying("I can't tell: I was restarted before it.", (index,), "cannot_tell")
    why = "it is the first keyframe" if index == 0 else "that motion could not be measured"
    return Saying(f"I can't tell: {why}.", (index,), "cannot_tell")


def actions(asked: Asked, notes: Notes) -> Saying:
    """What did you do, all in all?"""
    since = tell_motion(notes.motions, 1, most=12)
    if not since:
        return Saying("I have not moved so far.", (0,))
    return Saying(f"I {since}.", _all(notes))
