"""How often a thing of each kind stands between two others, and how that is kept from being a hint.

Of three things, the one at the obtuse angle has one of the others in front and one behind it.
Things along walls are in that position less often than things in the open, so a kind's name would
be a hint for "standing at X, facing Y, where is Z?". Triples are therefore sampled less often the
more likely their middle was to be the middle, so that every kind is in the middle equally often.

Out of scope: the question (`objects`), the fit (`python -m training.shortcuts.corners`).
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from sim_clips.journey import Journey

#: By world, how likely a kind is to be the middle one relative to the others (Plackett–Luce), from
#: development scenes.
MIDDLE: dict[str, dict[str, float]] = {
    "house": {
        "sofa": 0.84, "table": 1.62, "lamp": 0.93, "bookshelf": 0.80, "bed": 0.77,
        "plant": 1.21, "clock": 0.99, "barrel": 1.11, "door": 0.97,
    },
    "city": {
        "building": 0.56, "tree": 1.37, "car": 0.87, "tower": 1.13, "dome": 0.71,
        "crane": 1.17, "billboard": 1.27, "fountain": 1.25,
    },
    "warehouse": {
        "sofa": 0.95, "table": 1.28, "lamp": 1.29, "bookshelf": 1.10, "bed": 0.94,
        "plant": 1.35, "clock": 1.33, "barrel": 1.28, "door": 0.27,
    },
}  # fmt: skip


def share_taken(journey: Journey, three: Collection[str], middle: str) -> float:
    """The share of such threes to ask about: 1 where the middle one was the least likely to be."""
    if journey.renamed:
        return 1.0
    weights = MIDDLE[journey.world]
    likely: Any = {name: weights[name.split()[1]] for name in three}
    return float(min(likely.values()) / likely[middle])
