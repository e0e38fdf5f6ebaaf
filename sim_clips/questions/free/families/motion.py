"""What the camera did: how often it turned, what it did last."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from embodied_agent.records import Action
from embodied_agent.transcript.text import ANGLE_STEP_DEG
from sim_clips.questions.free.claims import Claim
from sim_clips.questions.free.families.drafts import (
    CANNOT_TELL,
    Draft,
    Maker,
    Reader,
    Reading,
    Rng,
    pick,
)
from sim_clips.questions.free.families.moments import actions_between
from sim_clips.questions.free.standpoint import Standpoint
from sim_clips.questions.free.truth import Facts

TURNS = {"left": Action.ROTATE_LEFT, "right": Action.ROTATE_RIGHT}
#: Counts from here on may be off by one.
_ROUGH_COUNT = 5


def runs(actions: Iterable[Action | None]) -> list[Action]:
    """Consecutive equal actions as one, unknown ones left out."""
    merged: list[Action] = []
    before: Action | None = None
    for action in actions:
        if action is not None and action is not before:
            merged.append(action)
        before = action if action is not None else before
    return merged


def turns(standpoint: Standpoint, rng: Rng) -> Draft | None:
    """How often did you turn, or turn left? Did you ever turn right?"""
    form = pick(rng, ("turns_side", "turns_side", "turns_all", "ever_turned"))
    side = "" if form == "turns_all" else pick(rng, tuple(TURNS))
    steps = standpoint.journey.steps[: standpoint.journey.views[standpoint.now].step + 1]
    actions = [step.action for step in steps]
    wanted = [TURNS[side]] if side else list(TURNS.values())
    merged = sum(action in wanted for action in runs(actions))
    single = sum(action in wanted for action in actions)
    slack = int(merged >= _ROUGH_COUNT)
    if form == "ever_turned":
        facts = Facts(asked=("yes",), yes=merged > 0)
    else:
        facts = Facts(asked=("number",), number=(merged - slack, single + slack))
    return Draft(form, {"side": side} if side else {}, facts, {"side": side})


def read_turns(standpoint: Standpoint, about: Mapping[str, Any]) -> Reading | None:
    """Turns in the notes, those in a row as one."""
    side = about["side"]
    wanted = [TURNS[side]] if side else list(TURNS.values())
    times = sum(a in wanted for a in runs(delta.action for delta in standpoint.notes))
    evidence = tuple(i for i, d in enumerate(standpoint.notes) if d.action in wanted)
    return Reading(Claim(yes=times > 0, numbers=frozenset([times])), evidence)


def last_action(standpoint: Standpoint, rng: Rng) -> Draft | None:
    """What did you do last? What did you do to get to keyframe 7?"""
    if standpoint.now < 1:
        return None
    if rng.random() < 0.3:
        index = int(rng.integers(1, standpoint.now + 1))
        form, slots = "action_at", {"n": str(standpoint.id(index))}
    else:
        index, form, slots = standpoint.now, "last_action", {}
    actions = actions_between(standpoint, index)
    if actions is None:
        return None
    facts = Facts(asked=("actions",), actions=actions, degrees=_degrees(standpoint, index))
    return Draft(form, slots, facts, {"number": standpoint.id(index)})


def _degrees(standpoint: Standpoint, index: int) -> tuple[float, float] | None:
    """The angles that may be given: from that since the view before to that of the whole turn."""
    views, steps = standpoint.journey.views, standpoint.journey.steps
    step = steps[views[index].step]
    if not step.action.is_rotation:
        return None
    noted = standpoint.deltas[index].angle_deg
    least = step.amount if noted is None else min(noted, step.amount)
    return least - ANGLE_STEP_DEG, step.amount + ANGLE_STEP_DEG


def read_last_action(standpoint: Standpoint, about: Mapping[str, Any]) -> Reading | None:
    """The action of the keyframe's delta."""
    index = next(
        (i for i, d in enumerate(standpoint.notes) if d.keyframe_id == about["number"]), None
    )
    if index is None:
        return CANNOT_TELL
    delta = standpoint.notes[index]
    if delta.action is None:
        return CANNOT_TELL
    degrees = frozenset() if delta.angle_deg is None else frozenset([delta.angle_deg])
    return Reading(Claim(actions=frozenset([delta.action]), degrees=degrees), (index,))


MAKERS: dict[str, Maker] = {"turns": turns, "last_action": last_action}
READERS: dict[str, Reader] = {
    "turns_side": read_turns,
    "turns_all": read_turns,
    "ever_turned": read_turns,
    "last_action": read_last_action,
    "action_at": read_last_action,
}
