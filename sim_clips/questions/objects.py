"""How objects lie to each other and to the camera, and in which order they came into view."""

from __future__ import annotations

import numpy as np

from sim_clips.journey import Journey, bearing
from sim_clips.questions.common import (
    CLEAR_PIXELS,
    ClipQuestion,
    Rng,
    ask,
    clear_names,
    first_seen,
    pick,
)

#: The nearest object must be at most this fraction of the distance of any other option.
NEAREST_RATIO = 0.62
#: First appearances must lie at least this many views apart.
ORDER_GAP_VIEWS = 1
#: In relative directions, the true angle keeps this far from the quadrants' axes, degrees.
QUADRANT_MARGIN_DEG = 14.0


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
    first = int(pick(rng, near))
    wrong = list(rng.permutation(ranked[first + 1 :]))[:3]
    truth = ranked[first]
    listed = list(rng.permutation([truth, *wrong]))
    return ask(
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
    view = pick(rng, views)
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
    return ask(
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


def appearance_order(journey: Journey, now: int, rng: Rng) -> ClipQuestion | None:
    """In which order did these appear?"""
    first = {n: first_seen(journey, n) for n in clear_names(journey, now)}
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
    return ask(
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
