"""The eight question types, made from geometry and visibility.

Each maker takes a `Journey`, the index of the view that is "now" and a random generator, and gives
a `ClipQuestion`, or ``None`` where no unambiguous question of its type can be asked there. The
margins by which an answer must be right are the constants below.

Wordings vary, options are texts without letters, and `make_questions` balances the answer letters.
"""

from __future__ import annotations

import string
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from embodied_agent.records import DIRECTIONS, Action, Direction
from sim_clips.journey import (
    INVERSE,
    Journey,
    after,
    bearing,
    direction_class,
    journey_of_truth,
    sector_gap,
    wrap,
)
from sim_clips.scene import VISIBLE_PIXELS, CameraPose, Step

#: An object may be asked about when some view showed at least this many pixels of it.
CLEAR_PIXELS = 1.6 * VISIBLE_PIXELS
#: A wrong direction option must be at least this far from the true azimuth, degrees.
DIRECTION_MARGIN_DEG = 12.0
#: The nearest object must be at most this fraction of the distance of any other option.
NEAREST_RATIO = 0.62
#: First appearances must lie at least this many views apart.
ORDER_GAP_VIEWS = 1
#: In relative directions, the true angle keeps this far from the quadrants' axes, degrees.
QUADRANT_MARGIN_DEG = 14.0
#: A wrong route must end at least this far, or turned this much, from where the right one ends.
ROUTE_MARGIN_M, ROUTE_MARGIN_DEG = 0.45, 12.0
#: Plans and retraced routes are asked about up to this many steps.
LONGEST_PLAN = 9


@dataclass(frozen=True)
class ClipQuestion:
    """A question with its truth. ``answer`` indexes ``choices``. ``about`` holds what a teacher
    needs to write out the reasoning (object names, turns, numbers of steps)."""

    type: str
    text: str
    choices: tuple[str, ...]
    answer: int
    about: Mapping[str, Any] = field(default_factory=dict)


Rng = np.random.Generator
Maker = Callable[[Journey, int, Rng], ClipQuestion | None]


def _pick(rng: Rng, items: Sequence[Any]) -> Any:
    return items[int(rng.integers(len(items)))]


def _ask(
    kind: str,
    rng: Rng,
    wordings: Sequence[str],
    truth: str,
    wrong: Sequence[str],
    about: Any,
    **names: str,
) -> ClipQuestion:
    options = [truth, *wrong]
    order = rng.permutation(len(options))
    return ClipQuestion(
        type=kind,
        text=_pick(rng, wordings).format(**names),
        choices=tuple(options[i] for i in order),
        answer=int(np.flatnonzero(order == 0)[0]),
        about=about,
    )


def clear_names(journey: Journey, now: int) -> list[str]:
    """Objects that some view up to ``now`` showed clearly."""
    best: Counter[str] = Counter()
    for view in journey.views[: now + 1]:
        for name, pixels in view.visible.items():
            best[name] = max(best[name], int(pixels))
    return [name for name, pixels in best.items() if pixels >= CLEAR_PIXELS]


def _steps_done(journey: Journey, now: int) -> int:
    return journey.views[now].step + 1


def _direction_options(azimuth: float, rng: Rng, count: int = 3) -> list[Direction] | None:
    """Wrong directions that the azimuth is clear of; ``None`` where it lies too near an edge that
    matters for fewer than ``count``."""
    truth = direction_class(azimuth)
    wrong = [d for d in DIRECTIONS if d != truth and sector_gap(azimuth, d) >= DIRECTION_MARGIN_DEG]
    if len(wrong) < count:
        return None
    # One neighbour where possible, so that telling left from right is not enough.
    wrong.sort(key=lambda d: sector_gap(azimuth, d) + float(rng.uniform(0, 60)))
    return wrong[:count]


def landmark_position(journey: Journey, now: int, rng: Rng) -> ClipQuestion | None:
    """Where is X, relative to you, now?"""
    names = clear_names(journey, now)
    if not names:
        return None
    name = _pick(rng, names)
    azimuth, metres = journey.placed(name, journey.views[now].pose)
    wrong = _direction_options(azimuth, rng)
    if wrong is None or metres < 0.7:
        return None
    return _ask(
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
    name = _pick(rng, names)
    pose = journey.views[now].pose
    done = _steps_done(journey, now)
    turns = [k for k in range(max(0, done - 3), done) if journey.steps[k].action in _TURNS]
    if (
        turns
        and rng.random() < 0.35
        and _first_seen(journey, name) <= _view_before(journey, turns[-1])
    ):
        skipped = turns[-1]
        imagined = journey.views[_view_before(journey, skipped)].pose
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
        angle = int(_pick(rng, (45, 90, 90, 135, 180)))
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
    wrong = _direction_options(azimuth, rng)
    if wrong is None or metres < 0.7:
        return None
    return _ask(
        "counterfactual",
        rng,
        wordings,
        direction_class(azimuth),
        wrong,
        about,
        name=name,
        turn=turn,
    )


_TURNS = (Action.ROTATE_LEFT, Action.ROTATE_RIGHT)


def _view_before(journey: Journey, step: int) -> int:
    """Index of the view from which a step began."""
    return max(i for i, view in enumerate(journey.views) if view.step < step and view.at_end)


def _first_seen(journey: Journey, name: str) -> int:
    for index, view in enumerate(journey.views):
        if view.visible.get(name, 0) >= VISIBLE_PIXELS:
            return index
    return len(journey.views)


def progress_evaluation(journey: Journey, now: int, rng: Rng) -> ClipQuestion | None:
    """Given the instructions from the start, which step was completed last?"""
    done = _steps_done(journey, now)
    if not 1 <= done <= LONGEST_PLAN or not journey.views[now].at_end:
        return None
    length = min(len(journey.steps), max(5, done + int(rng.integers(0, 3))))
    if length < 4:
        return None
    # Where the numbers offered lie says nothing about which of them is right.
    lowest = int(rng.integers(max(1, done - 3), min(done, length - 3) + 1))
    numbers = [n for n in range(lowest, lowest + 4) if n != done]
    plan = ", ".join(f"{i + 1} {journey.steps[i].action.value}" for i in range(length))
    return _ask(
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
    done = _steps_done(journey, now)
    if done > 0 and journey.views[now].at_end and rng.random() < 0.4:
        last = journey.steps[done - 1].action
        truth = INVERSE[last]
        others = [a.value for a in Action if a not in (truth, last)]
        rng.shuffle(others)
        return _ask(
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
    name = _pick(rng, names)
    azimuth, metres = journey.placed(name, journey.views[now].pose)
    size = abs(azimuth)
    if metres < 0.7 or size > 150 or 8 < size < 25:
        return None
    options = ["move forward", "rotate left", "rotate right"]
    truth_text = options[0] if size <= 8 else options[1] if azimuth > 0 else options[2]
    extra = _pick(rng, ("move backward", "tilt upward", "tilt downward", "move upward"))
    return _ask(
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


def relative_distance(journey: Journey, now: int, rng: Rng) -> ClipQuestion | None:
    """Which of these is the nearest to you now?"""
    recent = {
        name
        for view in journey.views[max(0, now - 3) : now + 1]
        for name, pixels in view.visible.items()
        if pixels >= CLEAR_PIXELS
    }
    pose = journey.views[now].pose
    ranked = sorted(recent, key=lambda n: journey.placed(n, pose)[1])
    near = [
        i
        for i in range(len(ranked) - 2)
        if journey.placed(ranked[i], pose)[1]
        <= NEAREST_RATIO * journey.placed(ranked[i + 1], pose)[1]
    ]
    if not near:
        return None
    first = int(_pick(rng, near))
    wrong = list(rng.permutation(ranked[first + 1 :]))[:3]
    truth = ranked[first]
    listed = list(rng.permutation([truth, *wrong]))
    return _ask(
        "relative_distance",
        rng,
        (
            "Which of these is closest to you now?",
            "Which one is the nearest to where you are?",
            "Of the following, what are you closest to at the moment?",
            "From here, which of these objects is the least far away?",
        ),
        truth,
        [str(w) for w in wrong],
        {"names": [str(n) for n in listed]},
    )


QUADRANTS = ("front-left", "front-right", "back-left", "back-right")


def relative_direction(journey: Journey, now: int, rng: Rng) -> ClipQuestion | None:
    """Standing at X and facing Y, where is Z? X, Y and Z were seen together."""
    views = [
        v
        for v in journey.views[: now + 1]
        if sum(p >= CLEAR_PIXELS for p in v.visible.values()) >= 3
    ]
    if not views:
        return None
    view = _pick(rng, views)
    names = [n for n, p in view.visible.items() if p >= CLEAR_PIXELS]
    at, facing, asked = (str(n) for n in rng.permutation(names)[:3])
    (ax, ay), (fx, fy), (zx, zy) = (journey.objects[n] for n in (at, facing, asked))
    heading = float(np.degrees(np.arctan2(fy - ay, fx - ax)))
    angle, metres = bearing(zx - ax, zy - ay, heading)
    _, apart = bearing(fx - ax, fy - ay, 0.0)
    size = abs(angle)
    if min(metres, apart) < 0.8 or min(size, abs(size - 90), 180 - size) < QUADRANT_MARGIN_DEG:
        return None
    truth = f"{'front' if size < 90 else 'back'}-{'left' if angle > 0 else 'right'}"
    return _ask(
        "relative_direction",
        rng,
        (
            "If you stood at the {at} and faced the {facing}, where would the {asked} be?",
            "Standing by the {at} and looking at the {facing}, where is the {asked}?",
            "Seen from the {at} with the {facing} straight ahead, which way is the {asked}?",
            "Someone at the {at} looks towards the {facing}. Where does the {asked} lie for them?",
        ),
        truth,
        [q for q in QUADRANTS if q != truth],
        {"at": at, "facing": facing, "asked": asked},
        at=at,
        facing=facing,
        asked=asked,
    )


def route_planning(journey: Journey, now: int, rng: Rng) -> ClipQuestion | None:
    """How to get back to where you were some steps ago, or which turn heads for X?"""
    done = _steps_done(journey, now)
    if not journey.views[now].at_end:
        return None
    if rng.random() < 0.5 and done >= 2:
        count = 2 if done == 2 else int(rng.integers(2, 4))
        back = undo(journey.steps[done - count : done])
        pose = journey.views[now].pose
        goal = journey.views[_view_before(journey, done - count)].pose
        variants = [back, journey.steps[done - count : done], back[::-1]]
        for _ in range(24):
            # From any variant, not from the truth alone: else the truth is what all resemble.
            changed = list(variants[int(rng.integers(len(variants)))])
            place = int(rng.integers(count))
            action = _pick(rng, (INVERSE[changed[place].action], Action(_pick(rng, _PLAIN))))
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
        return _ask(
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
    name = _pick(rng, names)
    azimuth, metres = journey.placed(name, journey.views[now].pose)
    if metres < 0.7:
        return None
    wrong_directions = _direction_options(azimuth, rng)
    if wrong_directions is None:
        return None
    return _ask(
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


def appearance_order(journey: Journey, now: int, rng: Rng) -> ClipQuestion | None:
    """In which order did these appear?"""
    first = {n: _first_seen(journey, n) for n in clear_names(journey, now)}
    first = {n: i for n, i in first.items() if i <= now}
    names = list(rng.permutation(sorted(first)))
    chosen: list[str] = []
    for name in names:
        if all(abs(first[str(name)] - first[c]) > ORDER_GAP_VIEWS for c in chosen):
            chosen.append(str(name))
        if len(chosen) == 3:
            break
    if len(chosen) < 3:
        return None
    truth = sorted(chosen, key=lambda n: first[n])
    permutations = [(0, 2, 1), (1, 0, 2), (1, 2, 0), (2, 0, 1), (2, 1, 0)]
    wrong = [", ".join(truth[i] for i in permutations[int(p)]) for p in rng.permutation(5)[:3]]
    listed = ", ".join(str(n) for n in rng.permutation(chosen))
    return _ask(
        "appearance_order",
        rng,
        (
            "In which order did you first see these: {listed}?",
            "Put these in the order of their first appearance: {listed}.",
            "Which of these orders is the one in which they came into view: {listed}?",
            "What came first, second and third: {listed}?",
        ),
        ", ".join(truth),
        wrong,
        {"names": chosen},
        listed=listed,
    )


#: Maker of each type, in the order of the published tables.
MAKERS: dict[str, Maker] = {
    "landmark_position": landmark_position,
    "counterfactual": counterfactual,
    "progress_evaluation": progress_evaluation,
    "action_generation": action_generation,
    "relative_distance": relative_distance,
    "relative_direction": relative_direction,
    "route_planning": route_planning,
    "appearance_order": appearance_order,
}


def question_of(
    kind: str, journey: Journey, now: int, rng: Rng, *, tries: int = 8
) -> ClipQuestion | None:
    """A question of type ``kind`` at view ``now``, or ``None`` after ``tries`` vain attempts."""
    for _ in range(tries):
        question = MAKERS[kind](journey, now, rng)
        if question is not None and len(set(question.choices)) == len(question.choices):
            return question
    return None


def make_questions(
    truth: Mapping[str, Any], seed: int, *, moments: int = 6, per_type: int = 4
) -> list[dict[str, Any]]:
    """Up to ``per_type`` questions of each type about a recorded clip, over ``moments`` stamps.

    Answers are lettered so that each letter is right about equally often, and no answer text of a
    type is right much more often than others. JSON-ready; the same truth and seed give the same.
    """
    rng = np.random.default_rng([seed, 0x51])
    journey = journey_of_truth(truth)
    ends = [i for i, view in enumerate(journey.views) if view.at_end and view.step >= 2]
    count = min(moments, len(ends))
    stamps = sorted({ends[round(k)] for k in np.linspace(1, len(ends) - 1, count)})
    letters: Counter[int] = Counter()
    said: Counter[tuple[str, str]] = Counter()
    asked: set[tuple[str, int, str]] = set()
    found: list[tuple[int, ClipQuestion]] = []
    for kind in MAKERS:
        wanted = per_type
        for attempt in range(12 * per_type):
            if wanted == 0:
                break
            now = stamps[int(rng.integers(len(stamps)))]
            question = question_of(kind, journey, now, rng)
            if question is None:
                continue
            right = question.choices[question.answer]
            patience = attempt // (3 * per_type)
            # Another wording of the same question would count one answer twice.
            same = (kind, now, right if kind == "relative_distance" else repr(question.about))
            if same in asked or said[kind, right] > patience:
                continue
            asked.add(same)
            said[kind, right] += 1
            place = min(
                range(len(question.choices)), key=lambda i: (letters[i], float(rng.random()))
            )
            letters[place] += 1
            found.append((now, _with_answer_at(question, place)))
            wanted -= 1
    found.sort(key=lambda item: item[0])
    return [
        {
            "id": f"{truth['world']}_{truth['seed']}_{number:02d}",
            "type": question.type,
            "text": question.text,
            "choices": list(question.choices),
            "answer": string.ascii_uppercase[question.answer],
            "stamp_ns": journey.views[now].stamp_ns,
            "about": dict(question.about),
        }
        for number, (now, question) in enumerate(found)
    ]


def _with_answer_at(question: ClipQuestion, place: int) -> ClipQuestion:
    choices = list(question.choices)
    choices[question.answer], choices[place] = choices[place], choices[question.answer]
    return ClipQuestion(question.type, question.text, tuple(choices), place, question.about)
