"""Where something is, now or had the camera moved otherwise."""

from __future__ import annotations

from typing import Any

from embodied_agent.records import Action
from sim_clips.journey import Journey, after, direction_class, wrap
from sim_clips.questions.common import (
    ClipQuestion,
    Rng,
    ask,
    clear_names,
    direction_options,
    first_seen,
    pick,
    steps_done,
    view_before,
)
from sim_clips.scene import CameraPose

TURNS = (Action.ROTATE_LEFT, Action.ROTATE_RIGHT)


def landmark_position(journey: Journey, now: int, rng: Rng) -> ClipQuestion | None:
    """Where is X, relative to you, now?"""
    names = clear_names(journey, now)
    if not names:
        return None
    name = pick(rng, names)
    azimuth, metres = journey.placed(name, journey.views[now].pose)
    wrong = direction_options(azimuth, rng)
    if wrong is None or metres < 0.7:
        return None
    return ask(
        "landmark_position",
        rng,
        (
            "Where is the {name} now?",
            "Which way is the {name} from here?",
            "In which direction does the {name} lie from where you are?",
            "Relative to your current heading, where is the {name}?",
            "You want to look at the {name} again. In which direction is it?",
            "Where would I find the {name}, seen from you right now?",
        ),
        direction_class(azimuth),
        wrong,
        {"name": name},
        name=name,
    )


def counterfactual(journey: Journey, now: int, rng: Rng) -> ClipQuestion | None:
    """Where would X be, had you turned, or had you left out your last turn?"""
    names = clear_names(journey, now)
    if not names:
        return None
    name = pick(rng, names)
    pose = journey.views[now].pose
    done = steps_done(journey, now)
    turns = [k for k in range(max(0, done - 3), done) if journey.steps[k].action in TURNS]
    if (
        turns
        and rng.random() < 0.35
        and first_seen(journey, name) <= view_before(journey, turns[-1])
    ):
        skipped = turns[-1]
        imagined = journey.views[view_before(journey, skipped)].pose
        for step in journey.steps[skipped + 1 : done]:
            imagined = after(imagined, step)
        about: dict[str, Any] = {"name": name, "skipped": skipped}
        wordings: tuple[str, ...] = (
            "If you had left out your last turn ({turn}), where would the {name} be?",
            "Suppose you had not done your last {turn}. Where would the {name} be now?",
            "Had you skipped the last {turn}, in which direction would the {name} be?",
        )
        turn = journey.steps[skipped].action.value
    else:
        left = rng.random() < 0.5
        angle = int(pick(rng, (45, 90, 90, 135, 180)))
        turn = f"{'rotate left' if left else 'rotate right'} {angle} degrees"
        imagined = CameraPose(
            pose.x, pose.y, pose.z, wrap(pose.yaw_deg + (angle if left else -angle)), pose.pitch_deg
        )
        about = {"name": name, "left": left, "angle": angle}
        wordings = (
            "If you were to {turn} now, where would the {name} be?",
            "Suppose you {turn}. Where is the {name} then?",
            "Where would the {name} be after you {turn} on the spot?",
            "Imagine that you {turn} from here: in which direction would the {name} lie?",
        )
    azimuth, metres = journey.placed(name, imagined)
    wrong = direction_options(azimuth, rng)
    if wrong is None or metres < 0.7:
        return None
    return ask(
        "counterfactual",
        rng,
        wordings,
        direction_class(azimuth),
        wrong,
        about,
        name=name,
        turn=turn,
    )
