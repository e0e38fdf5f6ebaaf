"""Which scenes are for what: the one place that names their seeds.

| seeds | for |
|---|---|
| below 1,000 | clips that come with the repository (`SHIPPED`): the demo and tests |
| 500,000 to 699,999 | looking at while something is developed, tuned or trained (`DEVELOPMENT`) |
| 700,000 to 700,999 | the held-out block (`HELD_OUT`): figures that a reader sees |
| 900,000 to 999,999 | kept for others, never used here (`RESERVED`) |
| from 1,000,000 | training (`FIRST_TRAINING_SEED`) |
| from 2,000,000,000 | questions that are measured without a memory (`FIRST_PROBE_SEED`) |

The held-out block is measured once per released model; whoever tries something out looks at the
development seeds. Whatever trains calls `refuse_held_out` or `refuse_scenes` first. Pairs of colour
and kind that are held out stand in `sim_clips.scene.held_out`: only the warehouse shows them, and
the warehouse is not trained on.

Out of scope: how a data set is divided by shares (`training.episodes.splits`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from embodied_agent.errors import AgentError
from sim_clips.scene import CITY_KINDS, COLOURS, HOUSE_KINDS, WorldName, held_out

#: The clips that come with the repository.
SHIPPED: tuple[tuple[WorldName, int], ...] = (
    ("house", 8),
    ("house", 44),
    ("house", 58),
    ("city", 26),
    ("city", 35),
    ("city", 47),
    ("warehouse", 40),
    ("warehouse", 48),
)
DEVELOPMENT = range(500_000, 700_000)
HELD_OUT = range(700_000, 701_000)
#: Of the held-out block the scenes that are recorded as clips, in each world.
HELD_OUT_CLIPS = HELD_OUT[:24]
RESERVED = range(900_000, 1_000_000)
FIRST_TRAINING_SEED = 1_000_000
FIRST_PROBE_SEED = 2_000_000_000
#: The worlds that are trained on.
TRAINED_WORLDS: tuple[WorldName, ...] = ("house", "city")
_SCENE = re.compile(r"(house|city|warehouse)_(\d+)")


class HeldOutError(AgentError):
    """Something was to be trained on that is held out."""


def is_held_out(scene: str) -> bool:
    """Whether a scene, by its name (``house_700003``), must not be trained on: it is below the
    training seeds, or a warehouse. Recordings of other names are nobody's scene here."""
    match = _SCENE.fullmatch(scene)
    if match is None:
        return False
    return match.group(1) not in TRAINED_WORLDS or int(match.group(2)) < FIRST_TRAINING_SEED


def refuse_scenes(scenes: Iterable[str]) -> None:
    """Make sure that none of the scenes, by name, is held out.

    Raises:
        HeldOutError: one is.
    """
    held = sorted({scene for scene in scenes if is_held_out(scene)})
    if held:
        raise HeldOutError(
            f"{len(held)} scenes to train on are held out ({', '.join(held[:5])}): train on "
            f"{' and '.join(TRAINED_WORLDS)} from seed {FIRST_TRAINING_SEED:,} on; "
            "sim_clips/splits.py says what the others are for"
        )


def refuse_held_out(world: str, *seeds: int) -> None:
    """Make sure that none of the scenes, by world and seed, is held out.

    Raises:
        HeldOutError: one is.
    """
    refuse_scenes(f"{world}_{seed}" for seed in seeds)


def pairs_of(world: WorldName) -> tuple[str, ...]:
    """The names of colour and kind that may be said in texts about a world: those that it may
    show. Held-out pairs are said of the warehouse alone."""
    return tuple(
        f"{colour} {kind}"
        for colour in COLOURS
        for kind in (*HOUSE_KINDS, *CITY_KINDS)
        if held_out(kind, colour) == (world == "warehouse")
    )
