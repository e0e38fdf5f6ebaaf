"""What to do next, how to get somewhere or back, and how much of a plan is done."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from embodied_agent.records import Action
from embodied_agent.rules.derivation import route_to
from sim_clips.journey import INVERSE, after, wrap
from sim_clips.questions.common import (
    FEWEST_OPTIONS,
    MOST_OPTIONS,
    Past,
    Rng,
    Subject,
    pick,
    some,
    subject_of,
)
from sim_clips.questions.places import (
    NEAREST_M,
    OFTEN,
    direction_subject,
    directions_of,
    thing_behind,
    view_before,
)
from sim_clips.scene import CameraPose, Step

#: A wrong route must end at least this far, or turned this much, from where the right one ends.
ROUTE_MARGIN_M, ROUTE_MARGIN_DEG = 0.45, 12.0
#: Plans have this many steps.
SHORTEST_PLAN, LONGEST_PLAN = 5, 9
#: What lies this near to straight ahead is ahead, what lies farther off than the second is not.
AHEAD_DEG, ASIDE_DEG = 8.0, 25.0
#: Nothing farther behind than this is asked to be turned to: either way would do.
BEHIND_DEG = 150.0
_MIRRORED = {
    Action.MOVE_LEFT: Action.MOVE_RIGHT,
    Action.MOVE_RIGHT: Action.MOVE_LEFT,
    Action.ROTATE_LEFT: Action.ROTATE_RIGHT,
    Action.ROTATE_RIGHT: Action.ROTATE_LEFT,
}


def progress_evaluation(past: Past, rng: Rng, offered: bool) -> Subject | None:
    """Given the instructions from the start, which step was completed last?

    How long the plan is says nothing of how many steps are done. Where the memory does not tell,
    what was done is not what the plan says: it is the mirror image of a plan, which is as likely a
    plan as any.
    """
    actions = [step.action for step in past.journey.steps]
    reached = max((past.steps_done(m) for m in past.moments), default=0)
    length = int(rng.integers(SHORTEST_PLAN, LONGEST_PLAN + 1))
    most = min(length, reached)
    if length > len(actions) or most < FEWEST_OPTIONS:
        return None
    options = some(rng, [f"step {n}" for n in range(1, most + 1)])
    truths: dict[int, str | None] = {m: f"step {past.steps_done(m)}" for m in past.done}

    def subject(plan: Sequence[Action]) -> Subject:
        return subject_of(
            past,
            "progress_evaluation",
            (
                "Your instructions from the start were: {plan}. Which step have you just finished?",
                "The plan since the start is: {plan}. How far have you come?",
                "You follow this route from the start: {plan}. Which step did you complete last?",
                "Route: {plan}. Which of its steps is the last one that is done?",
            ),
            options,
            truths,
            {"plan": [action.value for action in plan]},
            offered=offered,
            plan=", ".join(f"{i} {action.value}" for i, action in enumerate(plan, 1)),
        )

    own = subject(actions[:length])
    if not offered or not all(own.right.values()):
        return own
    other = subject([_MIRRORED.get(action, action) for action in actions[:length]])
    unlike = other.open.get("another plan")
    if not unlike:
        return None
    unlike_only = {"another plan": unlike}
    if rng.random() < 1 / (len(options) + 1):
        return replace(other, right=own.right, open=unlike_only, told=False)
    return replace(own, open=unlike_only, told=True)


def action_generation(past: Past, rng: Rng, offered: bool) -> Subject | None:
    """Which single action comes next, to face or reach X, or to undo the last one?"""
    return (_undo if rng.random() < 0.4 else _approach)(past, rng, offered)


def _undo(past: Past, rng: Rng, offered: bool) -> Subject | None:
    """Options come in pairs of an action and its inverse, or no two of them are such a pair."""
    truths: dict[int, str | None] = {
        m: INVERSE[past.journey.steps[past.journey.views[m].step].action].value for m in past.done
    }
    reached = sorted({Action(t) for t in truths.values() if t is not None})
    pairs = [(a, INVERSE[a]) for a in reached if INVERSE[a] in reached and a < INVERSE[a]]
    if len(pairs) >= 2 and rng.random() < 0.5:
        drawn = some(rng, [f"{a.value}/{b.value}" for a, b in pairs], 2)
        options = tuple(action for pair in drawn for action in pair.split("/"))
    else:
        single: list[Action] = []
        for action in (Action(a) for a in some(rng, [a.value for a in reached], len(reached))):
            if INVERSE[action] not in single:
                single.append(action)
        options = tuple(a.value for a in single[:MOST_OPTIONS])
    if len(options) < FEWEST_OPTIONS:
        return None
    return subject_of(
        past,
        "action_generation",
        (
            "Which action undoes your last one?",
            "What should you do to get back to where you were before your last action?",
            "Your last action was a mistake. Which action takes it back?",
        ),
        options,
        truths,
        {"undo": True},
        offered=offered,
    )


def _approach(past: Past, rng: Rng, offered: bool) -> Subject | None:
    since = past.clear_since
    if not since:
        return None
    name = pick(rng, sorted(since))
    truths: dict[int, str | None] = {}
    for m in past.moments:
        azimuth, metres = past.journey.placed(name, past.pose(m))
        size = abs(azimuth)
        if metres < NEAREST_M or size > BEHIND_DEG or AHEAD_DEG < size < ASIDE_DEG:
            continue
        side = "rotate left" if azimuth > 0 else "rotate right"
        truths[m] = "move forward" if size <= AHEAD_DEG else side
    return subject_of(
        past,
        "action_generation",
        (
            "Which action should you take next to get to the {name}?",
            "You are to go to the {name}. What do you do first?",
            "What is the next action on the way to the {name}?",
            "To approach the {name}, which action comes first?",
        ),
        ("move forward", "rotate left", "rotate right"),
        truths,
        {"name": name},
        offered=offered,
        known_since=since[name],
        name=name,
    )


def route_planning(past: Past, rng: Rng, offered: bool) -> Subject | None:
    """How to get back to where you were some steps ago, or which turn heads for X?"""
    return (_back if rng.random() < 0.5 else _direct)(past, rng, offered)


def _back(past: Past, rng: Rng, offered: bool) -> Subject | None:
    """Every option is the way back from some moment of the same journey."""
    count = int(rng.integers(2, 4))
    ways = {
        m: undo(past.journey.steps[past.steps_done(m) - count : past.steps_done(m)])
        for m in past.moments
        if past.steps_done(m) >= count
    }
    options = some(rng, {route_text(way) for way in ways.values()})
    if len(options) < FEWEST_OPTIONS:
        return None
    moments: dict[int, str | None] = {m: route_text(way) for m, way in ways.items()}
    truths = {m: t for m, t in moments.items() if _alone(past, m, count, ways, options)}
    return subject_of(
        past,
        "route_planning",
        (
            "How do you get back to where you were {moves} actions ago?",
            "Which route takes back your last {moves} actions?",
            "Retrace your last {moves} actions: what do you do?",
            "You have to return to where you were before your last {moves} actions. Which way?",
        ),
        options,
        truths,
        {"back": count},
        offered=offered,
        moves={2: "two", 3: "three"}[count],
    )


def _alone(
    past: Past,
    now: int,
    count: int,
    ways: Mapping[int, Sequence[Step]],
    options: Sequence[str],
) -> bool:
    """Whether of the options only the true one leads back, however far each of its steps goes as
    it went at some moment."""
    pose, truth = past.pose(now), ways[now]
    goal = past.pose(view_before(past, past.steps_done(now) - count))
    if route_text(truth) not in options or not _same_place(walk(pose, truth), goal):
        return False
    return not any(
        _same_place(walk(pose, way), goal)
        for way in ways.values()
        if route_text(way) in options and route_text(way) != route_text(truth)
    )


def _direct(past: Past, rng: Rng, offered: bool) -> Subject | None:
    name = thing_behind(past, rng)
    if name is None:
        return None
    truths = {m: word and route_to(word) for m, word in directions_of(past, name).items()}
    return direction_subject(
        past,
        rng,
        offered,
        "route_planning",
        (
            "Which route leads straight to the {name}?",
            "How do you get to the {name} from here, as straight as possible?",
            "You are to drive to the {name}. Which way do you go?",
            "Plan the direct way to the {name}.",
        ),
        truths,
        {"name": name},
        weights={route_to(direction): weight for direction, weight in OFTEN.items()},
    )


def undo(steps: Sequence[Step]) -> tuple[Step, ...]:
    """The steps that take ``steps`` back, in the order in which to do them."""
    return tuple(replace(step, action=INVERSE[step.action]) for step in reversed(steps))


def route_text(steps: Sequence[Step]) -> str:
    """A route as a choice says it."""
    return ", ".join(step.action.value for step in steps)


def walk(pose: CameraPose, steps: Sequence[Step]) -> CameraPose:
    """Where a sequence of steps leads."""
    for step in steps:
        pose = after(pose, step)
    return pose


def _same_place(a: CameraPose, b: CameraPose) -> bool:
    apart = ((a.x - b.x) ** 2 + (a.y - b.y) ** 2 + (a.z - b.z) ** 2) ** 0.5
    turned = max(abs(wrap(a.yaw_deg - b.yaw_deg)), abs(a.pitch_deg - b.pitch_deg))
    return apart < ROUTE_MARGIN_M and turned < ROUTE_MARGIN_DEG
