"""Depth of live frames: mentions get their distances, also after a restart, and positions are
computed with them."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from embodied_agent.agent import Agent
from embodied_agent.agent.object_memory import ObjectMemory
from embodied_agent.memory.store import Store
from embodied_agent.perception.geometry import GeometryPerceiver
from embodied_agent.perception.measuring import mention_at
from embodied_agent.records import Box, Delta, Frame, Intrinsics, Keyframe, Pose
from embodied_agent.settings import MemorySettings, ObjectSettings
from tests.support.object_world import off_m
from tests.support.seeing import quick_settings as settings
from tests.support.views import panorama_views

W, H = 320, 240
LENS = Intrinsics(240.0, 240.0, 160.0, 120.0, W, H)
BOX = Box(0.45, 0.4, 0.55, 0.6)
#: Where the lamp is: its front is 3 m ahead.
LAMP = (3.1, 0.0, 1.0)
LEVEL = Pose((0.0, 0.0, 1.0), (0.0, 0.0, 0.0, 1.0), "map")


class Boxed(GeometryPerceiver):
    """Sees a lamp in the middle of every picture."""

    def perceive(self, previous: Keyframe | None, current: Keyframe) -> Delta:
        mention = mention_at("green lamp", BOX, current, 75.0, confidence=1.0)
        return Delta(current.id, None, mentions=(mention,), model="boxed")


def depth(lamp_mm: int = 3000) -> np.ndarray:
    picture = np.full((H, W), 6000, np.uint16)
    picture[round(0.4 * H) : round(0.6 * H), round(0.45 * W) : round(0.55 * W)] = lamp_mm
    return picture


def frame(stamp_ns: int = 0, shown: np.ndarray | None = None) -> Frame:
    view = panorama_views(1, width=W)[0]
    return Frame(stamp_ns, image=view, pose=LEVEL, intrinsics=LENS, depth=shown)


def observed(path: Path | str, shown: np.ndarray | None) -> Agent:
    agent = Agent(settings(path), perceiver=Boxed())
    agent.observe(frame(0, shown))
    agent.finish()
    assert agent.drain(60)
    return agent


def test_one_keyframe_with_depth_tells_where_a_thing_is() -> None:
    with observed("", depth()) as agent:
        (mention,) = agent.store.deltas()[0].mentions
        assert mention.range_m == pytest.approx(3.1, abs=0.1)
        assert mention.range_std_m is not None
        (lamp,) = agent.objects("green lamp")
        assert off_m(lamp, LAMP) < 0.15
        assert lamp.std_m is not None
        assert lamp.std_m < 0.5
        assert agent.status().keyframer.depth == {"": "used"}


def test_without_depth_the_same_keyframe_tells_its_direction_only() -> None:
    with observed("", None) as agent:
        (mention,) = agent.store.deltas()[0].mentions
        assert mention.range_m is None
        (lamp,) = agent.objects("green lamp")
        assert lamp.std_m is not None
        assert lamp.std_m > 0.5


@pytest.mark.parametrize("scale", [0.001, 10.0])
def test_depth_in_other_units_moves_nothing(scale: float) -> None:
    wrong = (depth() * scale).clip(0, 65535).astype(np.uint16)
    with observed("", wrong) as agent, observed("", None) as plain:
        assert agent.status().keyframer.depth[""].startswith("not used: ")
        assert agent.store.deltas()[0].mentions == plain.store.deltas()[0].mentions
        assert agent.objects() == plain.objects()


def test_a_keyframe_that_a_crash_left_pending_gets_its_distances_at_the_next_start(
    tmp_path: Path,
) -> None:
    path = tmp_path / "memory.db"
    with observed("", depth()) as agent:
        (whole,) = agent.store.keyframes(pictures=True)
        expected = agent.store.deltas()[0].mentions
    with Store.open(str(path), MemorySettings()) as store:
        store.add_keyframe(
            stamp_ns=0, jpeg=whole.jpeg, width=W, height=H, reason="first", segment=0,
            pose=LEVEL, intrinsics=whole.intrinsics, depth=whole.depth,
        )  # fmt: skip
    with Agent(settings(path), perceiver=Boxed()) as agent:
        assert agent.drain(60)
        assert agent.store.deltas()[0].mentions == expected
        (lamp,) = agent.objects("green lamp")
        assert off_m(lamp, LAMP) < 0.15


def test_objects_that_are_derived_again_are_where_depth_put_them(tmp_path: Path) -> None:
    """The distances are in the deltas, so the depth pictures may be gone."""
    path = tmp_path / "memory.db"
    with observed(path, depth()) as agent:
        (before,) = agent.objects()
    with Store.open(str(path), MemorySettings()) as store:
        store._writer.execute("DELETE FROM depths")
    with Agent(settings(path), perceiver=Boxed()) as agent:
        assert ObjectMemory(agent.store, ObjectSettings()).rebuild() == 1
        (after,) = agent.objects()
    assert after.position_m is not None
    assert before.position_m is not None
    assert math.dist(after.position_m, before.position_m) < 1e-9
