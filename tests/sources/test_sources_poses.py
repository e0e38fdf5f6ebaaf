"""Poses between odometry messages."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from embodied_agent.records import Pose
from embodied_agent.sources.poses import PoseTrack, interpolate, slerp

MS = 1_000_000
NO_TURN = (0.0, 0.0, 0.0, 1.0)


def yaw(degrees: float) -> tuple[float, float, float, float]:
    half = math.radians(degrees) / 2
    return (0.0, 0.0, math.sin(half), math.cos(half))


def track(*samples: tuple[int, float]) -> PoseTrack:
    made = PoseTrack()
    for stamp_ms, x in samples:
        assert made.add(stamp_ms * MS, Pose((x, 0.0, 0.0), NO_TURN))
    return made


def x_at(made: PoseTrack, stamp_ms: int) -> float | None:
    pose = made.at(stamp_ms * MS)
    return None if pose is None else pose.position_m[0]


def test_between_neighbours_the_position_is_interpolated() -> None:
    assert x_at(track((1000, 1.0), (1100, 2.0)), 1025) == pytest.approx(1.25)


def test_samples_may_come_out_of_order() -> None:
    assert x_at(track((1100, 2.0), (1000, 1.0)), 1050) == pytest.approx(1.5)


def test_a_gap_has_no_pose() -> None:
    made = track((1000, 1.0), (2100, 2.0))
    assert x_at(made, 1550) is None
    assert x_at(made, 1100) is None
    assert x_at(made, 2100) == 2.0


def test_the_tracks_ends_reach_only_a_little() -> None:
    made = track((1000, 1.0), (1100, 2.0))
    assert x_at(made, 1130) == 2.0
    assert x_at(made, 970) == 1.0
    assert x_at(made, 1200) is None
    assert x_at(PoseTrack(), 1000) is None


@pytest.mark.parametrize(
    "pose",
    [
        Pose((math.nan, 0, 0), NO_TURN),
        Pose((0, math.inf, 0), NO_TURN),
        Pose((0, 0, 0), (0.0, 0.0, 0.0, 0.0)),
        Pose((0, 0, 0), (math.nan, 0.0, 0.0, 1.0)),
    ],
)
def test_impossible_poses_are_not_taken(pose: Pose) -> None:
    made = PoseTrack()
    assert not made.add(0, pose)
    assert made.at(0) is None


def test_forgetting_keeps_what_later_pictures_need() -> None:
    made = track((0, 0.0), (400, 1.0), (600, 2.0), (900, 3.0))
    made.forget_before(700 * MS)
    assert x_at(made, 700) == pytest.approx(2.0 + 1 / 3)
    assert x_at(made, 0) is None


def test_orientation_turns_at_constant_speed_along_the_shorter_way() -> None:
    middle = interpolate(Pose((0, 0, 0), yaw(10)), Pose((0, 0, 0), yaw(50)), 0.25)
    assert middle.orientation_xyzw == pytest.approx(yaw(20))
    flipped = tuple(-q for q in yaw(50))
    assert slerp(yaw(10), flipped, 0.25) == pytest.approx(yaw(20))  # type: ignore[arg-type]


@given(
    st.tuples(*[st.floats(-1, 1)] * 4).filter(lambda q: math.hypot(*q) > 0.1),
    st.tuples(*[st.floats(-1, 1)] * 4).filter(lambda q: math.hypot(*q) > 0.1),
    st.floats(0, 1),
)
def test_slerp_gives_unit_quaternions_and_meets_its_ends(
    one: tuple[float, ...], other: tuple[float, ...], part: float
) -> None:
    start, end = (tuple(v / math.hypot(*q) for v in q) for q in (one, other))
    middle = slerp(start, end, part)  # type: ignore[arg-type]
    assert math.hypot(*middle) == pytest.approx(1)
    assert slerp(start, end, 0.0) == pytest.approx(start)  # type: ignore[arg-type]
    dot = sum(a * b for a, b in zip(slerp(start, end, 1.0), end, strict=True))  # type: ignore[arg-type]
    assert abs(dot) == pytest.approx(1)
