"""The part of a recording around a keyframe is cut out of it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from embodied_agent.agent import Agent
from embodied_agent.agent.replay import replay_key
from embodied_agent.cli.clip import recording_of
from embodied_agent.cli.main import app
from embodied_agent.settings import SourceSettings, load_settings
from embodied_agent.sources import open_source
from tests.sources.builders import mcap, ros
from tests.sources.builders.card import scene
from tests.sources.builders.ros import MS, T0, Entry, in_order, raw
from tests.support.sources import DB3, write_bag


def walk(count: int = 60) -> list[Entry]:
    pictures = [
        ("/cam/image", raw(T0 + n * 100 * MS, scene(n)), T0 + n * 100 * MS) for n in range(count)
    ]
    return in_order(pictures, ros.tf_walk(count * 4), ros.calibration())


@pytest.mark.parametrize("kind", ["mcap", "db3", "bag"])
def test_a_clip_holds_the_seconds_around_a_keyframe(tmp_path: Path, kind: str) -> None:
    if kind == "bag":
        recording = ros.write_ros1(tmp_path / "a.bag", walk())
    elif kind == "mcap":
        recording = mcap.write_mcap(tmp_path / "a.mcap", walk())
    else:
        recording = write_bag(tmp_path / "a", walk(), DB3)
    memory = tmp_path / "memory.db"
    settings = load_settings(perception__backend="geometry", memory__path=str(memory))
    with Agent(settings) as agent, open_source(str(recording), settings.source) as source:
        agent.begin_replay(replay_key(str(recording), settings.source))
        for frame in source:
            agent.observe(frame)
        agent.finish()
        keyframe = agent.store.keyframes()[3]
    out = tmp_path / "clip.mcap"
    arguments = ["clip", "-m", str(memory), "--around", str(keyframe.id), "--seconds", "1"]
    result = CliRunner().invoke(app, [*arguments, "--out", str(out), "--json"])
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["topics"] >= 3
    with open_source(str(out), SourceSettings()) as source:
        frames = list(source)
    stamps = [frame.stamp_ns for frame in frames]
    assert keyframe.stamp_ns in stamps
    assert max(stamps) - min(stamps) <= 1000 * MS
    assert len(frames) >= 5
    # The mount was told once, long before.
    assert all(frame.pose is not None for frame in frames[1:-1])
    again = CliRunner().invoke(app, [*arguments, "--out", str(out)])
    assert again.exit_code == 3
    assert "there already" in again.output


def test_the_recording_is_found_in_what_identifies_it(tmp_path: Path) -> None:
    path = tmp_path / 'odd {"name"} {'
    key = replay_key(str(path), SourceSettings(mask=(((0, 0), (1, 0), (1, 1)),)))
    assert recording_of(key) == path.resolve()
    assert recording_of("") is None
