"""What to do next, how to get somewhere or back, and how much of a plan is done."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from embodied_agent.records import Action, Direction
from sim_clips.journey import INVERSE, Journey, after, direction_class, wrap
from sim_clips.questions.common import (
    ClipQuestion,
    Rng,
    ask,
    clear_names,
    direction_options,
    pick,
    steps_done,
    view_before,
)
from sim_clips.scene import CameraPose, Step

#: A wrong route must end at least this far, or turned this much, from where the right one ends.
ROUTE_MARGIN_M, ROUTE_MARGIN_DEG = 0.45, 12.0
#: Plans and retraced routes are asked about up to this many steps.
LONGEST_PLAN = 9


def progress_evaluation(journey: Journey, now: int, rng: Rng) -> ClipQuestion | None:
    """Given the instructions from the start, which step was completed last?"""
    done = steps_done(journey, now)
    if not 1 <= done <= LONGEST_PLAN or not journey.views[now].at_end:
        return None
    length = min(len(journey.steps), max(5, done + int(rng.integers(0, 3))))
    if length < 4:
        return None
    # Where the numbers offered lie says nothing about which of them is right.
    lowest = int(rng.integers(max(1, done - 3), min(done, length - 3) + 1))
    numbers = [n for n in range(lowest, lowest + 4) if n != done]
    plan = ", ".join(f"{i + 1} {journey.steps[i].action.value}" for i in range(length))
    return ask(
        "progress_evaluation",
        rng,
        (
            "Your instructions from the start were: {plan}. Which step have you just finished?",
            "The plan since the start is: {plan}. How far have you come?",
            "You follow this route from the start: {plan}. Which step did you complete last?",
            "Route: {plan}. Which of its steps is the last one that is done?",
        ),
        f"step {done}",
        [f"step {n}" for n in numbers],
        {"done": done},
        plan=plan,
    )


def action_generation(journey: Journey, now: int, rng: Rng) -> ClipQuestion | None:
    """Which single action comes next, to face or reach X, or to undo the last one?"""
    done = steps_done(journey, now)
    if done > 0 and journey.views[now].at_end and rng.random() < 0.4:
        last = journey.steps[done - 1].action
        truth = INVERSE[last]
        others = [a.value for a in Action if a not in (truth, last)]
        rng.shuffle(others)
        return ask(
            "action_generation",
            rng,
            (
                "Which action undoes your last one?",
                "What should you do to get back to where you were before your last action?",
                "Your last action was a mistake. Which action takes it back?",
            ),
            truth.value,
            [last.value, *others[:2]],
            {"undo": True},
        )
    names = clear_names(journey, now)
    if not names:
        return None
    name = pick(rng, names)
    azimuth, metres = journey.placed(name, journey.views[now].pose)
    size = abs(azimuth)
    if metres < 0.7 or size > 150 or 8 < size < 25:
        return None
    options = ["move forward", "rotate left", "rotate right"]
    truth_text = options[0] if size <= 8 else options[1] if azimuth > 0 else options[2]
    extra = pick(rng, ("move backward", "tilt upward", "tilt downward", "move upward"))
    return ask(
        "action_generation",
        rng,
        (
            "Which action should you take next to get to the {name}?",
            "You are to go to the {name}. What do you do first?",
            "What is the next action on the way to the {name}?",
            "To approach the {name}, which action comes first?",
        ),
        truth_text,
        [*(o for o in options if o != truth_text), extra],
        {"name": name},
        name=name,
    )


def route_planning(journey: Journey, now: int, rng: Rng) -> ClipQuestion | None:
    """How to get back to where you were some steps ago, or which turn heads for X?"""
    done = steps_done(journey, now)
    if not journey.views[now].at_end:
        return None
    if rng.random() < 0.5 and done >= 2:
        count = 2 if done == 2 else int(rng.integers(2, 4))
        back = undo(journey.steps[done - count : done])
        pose = journey.views[now].pose
        goal = journey.views[view_before(journey, done - count)].pose
        variants = [back, journey.steps[done - count : done], back[::-1]]
        for _ in range(24):
            # From any variant, not from the truth alone: else the truth is what all resemble.
            changed = list(variants[int(rng.integers(len(variants)))])
            place = int(rng.integers(count))
            action = pick(rng, (INVERSE[changed[place].action], Action(pick(rng, _PLAIN))))
            changed[place] = replace(changed[place], action=action)
            variants.append(tuple(changed))
        truth = route_text(back)
        wrong = {
            route_text(v): None
            for v in variants
            if route_text(v) != truth and not _same_place(walk(pose, v), goal)
        }
        shuffled = [str(w) for w in rng.permutation(list(wrong))]
        if len(shuffled) < 3 or not _same_place(walk(pose, back), goal):
            return None
        moves = {2: "two", 3: "three"}[count]
        return ask(
            "route_planning",
            rng,
            (
                "How do you get back to where you were {moves} actions ago?",
                "Which route takes back your last {moves} actions?",
                "Retrace your last {moves} actions: what do you do?",
                "You have to return to where you were before your last {moves} actions. Which way?",
            ),
            truth,
            shuffled[:3],
            {"back": count},
            moves=moves,
        )
    names = clear_names(journey, now)
    if not names:
        return None
    name = pick(rng, names)
    azimuth, metres = journey.placed(name, journey.views[now].pose)
    if metres < 0.7:
        return None
    wrong_directions = direction_options(azimuth, rng)
    if wrong_directions is None:
        return None
    return ask(
        "route_planning",
        rng,
        (
            "Which route leads straight to the {name}?",
            "How do you get to the {name} from here, as straight as possible?",
            "You are to drive to the {name}. Which way do you go?",
            "Plan the direct way to the {name}.",
        ),
        route_to(direction_class(azimuth)),
        [route_to(d) for d in wrong_directions],
        {"name": name},
        name=name,
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


_PLAIN = ("move forward", "move backward", "rotate left", "rotate right")


def route_to(direction: Direction) -> str:
    """The two-step route towards a direction: a turn, then forward."""
    turn = {
        "front": "",
        "front-left": "rotate left 45, ",
        "left": "rotate left 90, ",
        "back-left": "rotate left 135, ",
        "back": "rotate left 180, ",
        "back-right": "rotate right 135, ",
        "right": "rotate right 90, ",
        "front-right": "rotate right 45, ",
    }[direction]
    return f"{turn}move forward"
