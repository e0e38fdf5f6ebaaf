"""How objects lie to each other and to the camera, and in which order they came into view."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from sim_clips.journey import bearing
from sim_clips.questions.common import (
    CLEAR_PIXELS,
    MOST_OPTIONS,
    Past,
    Rng,
    Subject,
    first_seen,
    pick,
    some,
    subject_of,
)
from sim_clips.questions.corners import share_taken

#: The nearest object must be at most this fraction of the distance of any other option.
NEAREST_RATIO = 0.7
#: So many sets of objects are tried of each size.
TRIED_SETS = 6
_WHICH_OF_MORE = (
    "Which of these is closest to you now?",
    "Which one is the nearest to where you are?",
    "Of the following, what are you closest to at the moment?",
    "From here, which of these objects is the least far away?",
)
_WHICH_OF_TWO = (
    "Which of these two is closer to you now?",
    "Which one is nearer to where you are?",
    "Of these two, what are you closer to at the moment?",
    "From here, which of the two is less far away?",
)
#: First appearances must lie at least this many views apart.
ORDER_GAP_VIEWS = 1
#: In relative directions, the true angle keeps this far from the quadrants' axes, degrees.
QUADRANT_MARGIN_DEG = 14.0
#: Who stands at one object and faces another is at least this far from it, metres.
APART_M = 0.8
QUADRANTS = ("front-left", "front-right", "back-left", "back-right")


def relative_distance(past: Past, rng: Rng, offered: bool) -> Subject | None:
    """Which of these is the nearest to you now?

    Each of them is at some moment. If possible there are four or three of them, else two: a third
    one that never is the nearest would show by what kind of thing it is.
    """
    for count in range(MOST_OPTIONS, 1, -1):
        sets = _nearest_sets(past, count)
        for place in rng.permutation(len(sets))[:TRIED_SETS]:
            options, truths = sets[int(place)]
            subject = subject_of(
                past,
                "relative_distance",
                _WHICH_OF_TWO if count == 2 else _WHICH_OF_MORE,
                options,
                truths,
                {"names": list(options)},
                offered=offered,
                known_since=max(past.clear_since[n] for n in options),
            )
            open_too = not offered or any(subject.open.values())
            if all(subject.right.values()) and open_too:
                return subject
    return None


@lru_cache(maxsize=12)
def _nearest_sets(past: Past, count: int) -> list[tuple[tuple[str, ...], dict[int, str | None]]]:
    """All sets of so many objects of which each is clearly the nearest at some moment, and at each
    moment which one is."""
    names = sorted(past.clear_since)
    moments = np.array(past.moments)
    metres = np.array([[past.journey.placed(n, past.pose(m))[1] for n in names] for m in moments])
    found = []
    for columns in itertools.combinations(range(len(names)), count):
        of_these = metres[:, columns]
        first, second = np.partition(of_these, 1, axis=1)[:, :2].T
        clear = first <= NEAREST_RATIO * second
        nearest = of_these.argmin(axis=1)
        if len(set(nearest[clear].tolist())) == count:
            options = tuple(names[c] for c in columns)
            truths: dict[int, str | None] = {
                int(m): options[n] for m, n in zip(moments[clear], nearest[clear], strict=True)
            }
            found.append((options, truths))
    return found


def relative_direction(past: Past, rng: Rng, offered: bool) -> Subject | None:
    """Standing at X and facing Y, where is Z?

    Of each triangle with an obtuse angle, that angle's corner is stood at as often as the others:
    front and back are equally likely, and so are left and right. Which corner that is does not
    depend on what kind of thing is there (`corners`).
    """
    three = draw_three(past, rng)
    if three is None or not three.front:
        return None
    if rng.random() > share_taken(past.journey, three.names, three.back[0]):
        return None
    subjects = []
    for corners in (three.back, three.front):
        at = pick(rng, corners)
        facing, asked = (n for n in three.names if n != at)
        if rng.random() < 0.5:
            facing, asked = asked, facing
        subject = _quadrant_subject(past, at, facing, asked, offered=offered)
        if not any(subject.right.values()) or (offered and not any(subject.open.values())):
            return None
        subjects.append(subject)
    chosen: Subject = pick(rng, subjects)
    return chosen


@dataclass(frozen=True)
class Three:
    """Three things of one view: those from which the other two lie on opposite sides (at most one),
    and those from which they lie on the same side; a corner at which that is in doubt is in
    neither."""

    names: tuple[str, ...]
    back: tuple[str, ...]
    front: tuple[str, ...]


def draw_three(past: Past, rng: Rng) -> Three | None:
    """Three things that a view shows clearly, one of them between the others."""
    views = [
        v
        for v in past.journey.views[: max(past.moments, default=0) + 1]
        if sum(p >= CLEAR_PIXELS for p in v.visible.values()) >= 3
    ]
    if not views:
        return None
    seen = sorted(n for n, p in pick(rng, views).visible.items() if p >= CLEAR_PIXELS)
    names = tuple(seen[int(i)] for i in rng.permutation(len(seen))[:3])
    found = {at: _seen_from(past, at, [n for n in names if n != at]) for at in names}
    angles = {at: abs(angle) for at, angle in found.items() if angle is not None}
    back = tuple(at for at, angle in angles.items() if angle > 90)
    return Three(names, back, tuple(a for a in angles if a not in back)) if back else None


def _quadrant_subject(past: Past, at: str, facing: str, asked: str, *, offered: bool) -> Subject:
    angle = _seen_from(past, at, (facing, asked))
    assert angle is not None
    truth = f"{'front' if abs(angle) < 90 else 'back'}-{'left' if angle > 0 else 'right'}"
    since = past.clear_since
    return subject_of(
        past,
        "relative_direction",
        (
            "If you stood at the {at} and faced the {facing}, where would the {asked} be?",
            "Standing by the {at} and looking at the {facing}, where is the {asked}?",
            "Seen from the {at} with the {facing} straight ahead, which way is the {asked}?",
            "Someone at the {at} looks towards the {facing}. Where does the {asked} lie for them?",
        ),
        QUADRANTS,
        dict.fromkeys(past.moments, truth),
        {"at": at, "facing": facing, "asked": asked},
        offered=offered,
        known_since=max(since[n] for n in (at, facing, asked)),
        partial=True,
        at=at,
        facing=facing,
        asked=asked,
    )


def _seen_from(past: Past, at: str, others: Sequence[str]) -> float | None:
    """The azimuth of the second of ``others`` for someone at ``at`` who faces the first; ``None``
    where it lies too near a quadrant's edge, or two of them too near each other."""
    (ax, ay), (fx, fy), (zx, zy) = (past.journey.objects[n] for n in (at, *others))
    heading = float(np.degrees(np.arctan2(fy - ay, fx - ax)))
    angle, metres = bearing(zx - ax, zy - ay, heading)
    _, apart = bearing(fx - ax, fy - ay, 0.0)
    size = abs(angle)
    if min(metres, apart) < APART_M or min(size, abs(size - 90), 180 - size) < QUADRANT_MARGIN_DEG:
        return None
    return angle


def appearance_order(past: Past, rng: Rng, offered: bool) -> Subject | None:
    """In which order did these appear?"""
    since = past.clear_since
    first = {n: first_seen(past.journey, n) for n in since}
    names = [str(n) for n in rng.permutation(sorted(first))]
    chosen: list[str] = []
    for name in names:
        if all(abs(first[name] - first[c]) > ORDER_GAP_VIEWS for c in chosen):
            chosen.append(name)
        if len(chosen) == 3:
            break
    if len(chosen) < 3:
        return None
    truth = ", ".join(sorted(chosen, key=lambda n: first[n]))
    orders = [", ".join(order) for order in itertools.permutations(chosen)]
    wrong = some(rng, [order for order in orders if order != truth], MOST_OPTIONS - 1)
    known = max(since[n] for n in chosen)
    listed = [str(n) for n in rng.permutation(chosen)]
    return subject_of(
        past,
        "appearance_order",
        (
            "In which order did you first see these: {listed}?",
            "Put these in the order of their first appearance: {listed}.",
            "Which of these orders is the one in which they came into view: {listed}?",
            "What came first, second and third: {listed}?",
        ),
        (truth, *wrong),
        {m: truth for m in past.moments if m >= known},
        {"names": listed},
        offered=offered,
        known_since=known,
        partial=True,
        listed=", ".join(listed),
    )
