"""Keyframes keep the camera's calibration, files without the column are read, and a calibration
that can't be right is left out and named."""

from __future__ import annotations

import json
from pathlib import Path
from zlib import crc32

import numpy as np
import pytest

from embodied_agent.agent import Agent
from embodied_agent.memory.repair import check, repair
from embodied_agent.memory.rows import keyframe_sum
from embodied_agent.memory.store import Store
from embodied_agent.records import Delta, Frame, Intrinsics, Keyframe
from embodied_agent.settings import MemorySettings, PerceptionSettings, Settings
from tests.support.old_memories import make_older, version_before

CAMERA = Intrinsics(320.0, 322.0, 318.5, 241.0, 640, 480)
SETTINGS = MemorySettings()


def add(store: Store, intrinsics: Intrinsics | None) -> Keyframe:
    return store.add_keyframe(
        stamp_ns=1, jpeg=b"x", width=640, height=480, reason="first", segment=0,
        intrinsics=intrinsics,
    )  # fmt: skip


def test_a_stored_calibration_comes_back_by_every_way_of_reading(tmp_path: Path) -> None:
    path = str(tmp_path / "m.db")
    with Store.open(path, SETTINGS) as store:
        added = [add(store, CAMERA), add(store, None)]
        assert [keyframe.intrinsics for keyframe in added] == [CAMERA, None]
        store.commit_delta(Delta(0, None, observation="a lamp"))
        (hit,) = store.search(text="lamp")
        assert hit.keyframe.intrinsics == CAMERA
    with Store.open(path, SETTINGS, read_only=True) as store:
        assert [keyframe.intrinsics for keyframe in store.keyframes()] == [CAMERA, None]
        assert store.damage.names() == ()
    assert check(path).is_whole


def as_before(path: Path) -> None:
    """Make the file one of the version before keyframes had a calibration."""
    make_older(path, version_before("intrinsics"))


def test_a_file_of_the_version_before_is_read_and_migrated(tmp_path: Path) -> None:
    path = tmp_path / "m.db"
    with Store.open(str(path), SETTINGS) as store:
        add(store, None)
        store.commit_delta(Delta(0, None, observation="a lamp"))
    as_before(path)
    with Store.open(str(path), SETTINGS, read_only=True) as store:
        assert [keyframe.intrinsics for keyframe in store.keyframes()] == [None]
        assert store.search(text="lamp")[0].keyframe.id == 0
        assert store.damage.names() == ()
    assert check(str(path)).is_whole
    with Store.open(str(path), SETTINGS) as store:
        add(store, CAMERA)
        assert [keyframe.intrinsics for keyframe in store.keyframes()] == [None, CAMERA]
        assert store.damage.names() == ()


@pytest.mark.parametrize("old", [False, True])
def test_repair_keeps_the_calibration(tmp_path: Path, old: bool) -> None:
    path, target = tmp_path / "m.db", str(tmp_path / "repaired.db")
    with Store.open(str(path), SETTINGS) as store:
        add(store, None if old else CAMERA)
        add(store, None)
    if old:
        as_before(path)
    found, _ = repair(str(path), target)
    assert found.is_whole
    with Store.open(target, SETTINGS) as store:
        assert [k.intrinsics for k in store.keyframes()] == [None if old else CAMERA, None]


def test_a_changed_calibration_is_damage(tmp_path: Path) -> None:
    path = str(tmp_path / "m.db")
    with Store.open(path, SETTINGS) as store:
        add(store, CAMERA)
        text = store._writer.execute("SELECT intrinsics FROM keyframes").get
        changed = text.replace("318.5", "18.5")
        assert changed != text
        store._writer.execute("UPDATE keyframes SET intrinsics = ?", (changed,))
    with Store.open(path, SETTINGS, read_only=True) as store:
        assert store.keyframes() == []
        assert store.damage.names() == ("keyframe 0",)


def test_the_checksum_of_a_keyframe_without_calibration_is_that_of_earlier_versions() -> None:
    values = [0, 0, 1, "first", "camera", 640, 480, None, 0, None, None]
    assert keyframe_sum([*values, None]) == crc32(json.dumps(values).encode())
    assert keyframe_sum([*values, None]) != keyframe_sum([*values, "{}"])


def observe(camera: Intrinsics | None) -> tuple[Keyframe, dict[str, str]]:
    settings = Settings(perception=PerceptionSettings(backend="geometry", field_of_view_deg=60))
    picture = np.random.default_rng(0).integers(0, 255, (120, 160, 3)).astype(np.uint8)
    with Agent(settings) as agent:
        agent.observe(Frame(1, image=picture, intrinsics=camera))
        agent.finish()
        (keyframe,) = agent.store.keyframes()
        return keyframe, agent.status().keyframer.calibration


def test_a_calibration_is_stored_for_the_size_of_the_picture() -> None:
    keyframe, said = observe(CAMERA)
    assert keyframe.intrinsics == Intrinsics(80.0, 80.5, 79.625, 60.25, 160, 120)
    assert said == {"": "used"}


def test_a_camera_without_calibration_says_what_is_assumed() -> None:
    keyframe, said = observe(None)
    assert keyframe.intrinsics is None
    assert said == {"": "there is none; a horizontal field of view of 60 degrees is assumed"}


def test_a_calibration_that_cannot_be_right_is_left_out_and_named(
    caplog: pytest.LogCaptureFixture,
) -> None:
    keyframe, said = observe(Intrinsics(320, 320, 320, 180, 640, 360))
    assert keyframe.intrinsics is None
    assert said[""].startswith("it is of 640x360, the picture is 160x120; a horizontal")
    assert "the calibration is not used: it is of 640x360" in caplog.text
