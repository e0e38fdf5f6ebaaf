"""A memory becomes a LeRobot data set, and a source again."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from embodied_agent.agent import Agent
from embodied_agent.cli.main import app
from embodied_agent.memory.store import Store
from embodied_agent.records import Answer, Question
from embodied_agent.settings import SourceSettings, load_settings
from embodied_agent.sources import open_source
from embodied_agent.sources.lerobot.export import QUESTIONS
from embodied_agent.sources.lerobot.tables import read_rows
from tests.sources.builders.card import scene
from tests.sources.builders.ros import MS, T0, in_order, poses, raw
from tests.support.sources import write_bag


@pytest.fixture
def memory(tmp_path: Path) -> Path:
    """A memory of two segments, every view another, with one answer."""
    path = tmp_path / "memory.db"
    settings = load_settings(
        perception__backend="geometry",
        memory__path=str(path),
        keyframes__min_interval_s=0.0,
        source__sample_hz=5.0,
    )
    entries = [("/image", raw(T0 + n * 100 * MS, scene(n)), T0 + n * 100 * MS) for n in range(10)]
    bag = write_bag(tmp_path / "bag", in_order(entries, poses()))
    with Agent(settings) as agent:
        for _ in range(2):
            with open_source(str(bag), settings.source) as source:
                for frame in source:
                    agent.observe(frame)
            agent.finish()
            agent.reset()
        assert agent.drain(60)
        agent.store.save_answer(
            Question("where is it?"), Answer("here", status="answered", choice=None)
        )
    return path


def test_a_memory_and_its_data_set_hold_the_same(tmp_path: Path, memory: Path) -> None:
    root = tmp_path / "set"
    result = CliRunner().invoke(
        app, ["export", "--memory", str(memory), "--lerobot", str(root), "--json"]
    )
    assert result.exit_code == 0, result.output
    said = json.loads(result.stdout)
    assert (said["episodes"], said["questions"]) == (2, 1)
    settings = load_settings(memory__path=str(memory))
    with Store.open(str(memory), settings.memory, read_only=True) as store:
        kept = store.keyframes(pictures=True)
        deltas = {delta.keyframe_id: delta for delta in store.deltas()}
    assert said["frames"] == len(kept) >= 6
    for episode in range(2):
        with open_source(str(root), SourceSettings(episode=episode)) as source:
            frames = list(source)
        expected = [k for k in kept if k.segment == kept[episode * len(kept) // 2].segment]
        assert [f.stamp_ns for f in frames] == [k.stamp_ns for k in expected]
        assert [f.encoded for f in frames] == [k.jpeg for k in expected]
        for frame, keyframe in zip(frames, expected, strict=True):
            assert (frame.pose is None) == (keyframe.pose is None)
            if frame.pose is not None and keyframe.pose is not None:
                assert frame.pose.position_m == pytest.approx(keyframe.pose.position_m)
                assert frame.pose.orientation_xyzw == pytest.approx(keyframe.pose.orientation_xyzw)
    rows = list(read_rows(root / "data/chunk-000/file-000.parquet"))
    for row in rows:
        noted = json.loads(row["delta"])
        assert noted["keyframe_id"] == row["keyframe_id"]
        assert noted["observation"] == deltas[row["keyframe_id"]].observation
    (question,) = (root / QUESTIONS).read_text().splitlines()
    assert json.loads(question)["question"]["text"] == "where is it?"


def test_an_export_does_not_overwrite(tmp_path: Path, memory: Path) -> None:
    root = tmp_path / "set"
    root.mkdir()
    (root / "mine.txt").write_text("keep")
    result = CliRunner().invoke(app, ["export", "-m", str(memory), "--lerobot", str(root)])
    assert result.exit_code == 3
    assert "not an empty folder" in result.output
