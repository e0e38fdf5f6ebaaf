"""What every maker of questions uses: the question itself, margins, and what may be asked about.

Not here: the eight types (`places`, `ways`, `objects`), a clip's set of questions (`clip`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from embodied_agent.records import DIRECTIONS, Direction
from sim_clips.journey import Journey, direction_class, sector_gap
from sim_clips.scene import VISIBLE_PIXELS

#: An object may be asked about when some view showed at least this many pixels of it.
CLEAR_PIXELS = 1.6 * VISIBLE_PIXELS
#: A wrong direction option must be at least this far from the true azimuth, degrees.
DIRECTION_MARGIN_DEG = 12.0


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


def pick(rng: Rng, items: Sequence[Any]) -> Any:
    """One of the items."""
    return items[int(rng.integers(len(items)))]


def ask(
    kind: str,
    rng: Rng,
    wordings: Sequence[str],
    truth: str,
    wrong: Sequence[str],
    about: Any,
    **names: str,
) -> ClipQuestion:
    """A question in one of its wordings, with its choices in a random order."""
    options = [truth, *wrong]
    order = rng.permutation(len(options))
    return ClipQuestion(
        type=kind,
        text=pick(rng, wordings).format(**names),
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


def steps_done(journey: Journey, now: int) -> int:
    """How many steps were complete or under way at view ``now``."""
    return journey.views[now].step + 1


def direction_options(azimuth: float, rng: Rng, count: int = 3) -> list[Direction] | None:
    """Wrong directions that the azimuth is clear of; ``None`` where it lies too near an edge that
    matters for fewer than ``count``."""
    truth = direction_class(azimuth)
    wrong = [d for d in DIRECTIONS if d != truth and sector_gap(azimuth, d) >= DIRECTION_MARGIN_DEG]
    if len(wrong) < count:
        return None
    # One neighbour where possible, so that telling left from right is not enough.
    wrong.sort(key=lambda d: sector_gap(azimuth, d) + float(rng.uniform(0, 60)))
    return wrong[:count]


def view_before(journey: Journey, step: int) -> int:
    """Index of the view from which a step began."""
    return max(i for i, view in enumerate(journey.views) if view.step < step and view.at_end)


def first_seen(journey: Journey, name: str) -> int:
    """Index of the first view that shows the object; the number of views where none does."""
    for index, view in enumerate(journey.views):
        if view.visible.get(name, 0) >= VISIBLE_PIXELS:
            return index
    return len(journey.views)
