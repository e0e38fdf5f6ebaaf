"""What each range of scene seeds is for; seeds are named nowhere else.

| seeds | use |
|---|---|
| below 1,000 | clips shipped with the repository (`SHIPPED`), for the demo and tests |
| 500,000 to 699,999 | development, tuning and monitoring of training (`DEVELOPMENT`) |
| 700,000 to 700,999 | the held-out block (`HELD_OUT`), for published figures |
| 900,000 to 999,999 | reserved for third parties, never used here (`RESERVED`) |
| from 1,000,000 | training (`FIRST_TRAINING_SEED`) |
| from 2,000,000,000 | questions asked without a memory, to find shortcuts (`FIRST_PROBE_SEED`) |

The held-out block is measured once per released model; experiments use the development seeds.
Every training program calls `refuse_held_out` or `refuse_scenes` first. `sim_clips.scene.held_out`
defines the held-out pairs of colour and kind: only the warehouse shows them, and the warehouse is
not trained on.

Out of scope: how a data set is divided by shares (`training.episodes.splits`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from embodied_agent.errors import AgentError
from sim_clips.scene import CITY_KINDS, COLOURS, HOUSE_KINDS, WorldName, held_out

#: The clips shipped with the repository.
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
#: Seeds of the held-out block that are recorded as clips, in each world.
HELD_OUT_CLIPS = HELD_OUT[:24]
RESERVED = range(900_000, 1_000_000)
FIRST_TRAINING_SEED = 1_000_000
FIRST_PROBE_SEED = 2_000_000_000
#: The worlds that are trained on.
TRAINED_WORLDS: tuple[WorldName, ...] = ("house", "city")
_SCENE = re.compile(r"(house|city|warehouse)_(\d+)")


class HeldOutError(AgentError):
    """Training was about to use held-out scenes."""


def is_held_out(scene: str) -> bool:
    """Whether a scene, by its name (``house_700003``), must not be trained on because its seed is
    below the training seeds or it is a warehouse. Other names are not simulated scenes: False."""
    match = _SCENE.fullmatch(scene)
    if match is None:
        return False
    return match.group(1) not in TRAINED_WORLDS or int(match.group(2)) < FIRST_TRAINING_SEED


def refuse_scenes(scenes: Iterable[str]) -> None:
    """Check that none of the named scenes is held out.

    Raises:
        HeldOutError: at least one is.
    """
    held = sorted({scene for scene in scenes if is_held_out(scene)})
    if held:
        raise HeldOutError(
            f"{len(held)} of the training scenes are held out ({', '.join(held[:5])}): train on "
            f"{' and '.join(TRAINED_WORLDS)} with seeds from {FIRST_TRAINING_SEED:,}; "
            "sim_clips/splits.py lists what other seeds are for"
        )


def refuse_held_out(world: str, *seeds: int) -> None:
    """Check that none of the scenes ``seeds`` of ``world`` is held out.

    Raises:
        HeldOutError: at least one is.
    """
    refuse_scenes(f"{world}_{seed}" for seed in seeds)


def pairs_of(world: WorldName) -> tuple[str, ...]:
    """All object names (colour and kind) that texts about a world may contain: those that it may
    show. Only the warehouse has the held-out pairs."""
    return tuple(
        f"{colour} {kind}"
        for colour in COLOURS
        for kind in (*HOUSE_KINDS, *CITY_KINDS)
        if held_out(kind, colour) == (world == "warehouse")
    )
