"""The built-in perceiver measures what it names, in a shipped clip, against the clip's truth."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from embodied_agent.perception.builtin import BuiltinPerceiver
from embodied_agent.perception.locator import FILE
from embodied_agent.records import Box, Delta, Keyframe, Mention
from embodied_agent.settings import PerceptionSettings, SourceSettings
from embodied_agent.sources import open_source
from embodied_agent.transcript.text import entry_text
from sim_clips.journey import journey_of_truth, wrap
from sim_clips.scene import CameraPose

pytestmark = pytest.mark.models
CLIP = Path(__file__).parents[2] / "sim_clips" / "clips" / "house_44"


def seen(count: int) -> list[Keyframe]:
    """Frames spread over the clip, each as a first view."""
    with open_source(str(CLIP), SourceSettings()) as source:
        frames = list(source)
    chosen = np.linspace(0, len(frames) - 1, count).astype(int)
    return [
        Keyframe(
            number, frames[n].stamp_ns, frames[n].encoded or b"", "first", 320, 240,
            intrinsics=frames[n].intrinsics,
        )
        for number, n in enumerate(chosen)
    ]  # fmt: skip


def plain(delta: Delta) -> Delta:
    """The delta as it was before anything was measured."""
    mentions = tuple(Mention(m.name, m.direction, m.distance) for m in delta.mentions)
    return replace(delta, mentions=mentions)


def test_bearings_and_ranges_are_near_the_truth() -> None:
    truth = json.loads((CLIP / "truth.json").read_text())
    journey = journey_of_truth(truth)
    frames = {frame["stamp_ns"]: frame for frame in truth["frames"]}
    perceiver = BuiltinPerceiver(PerceptionSettings(backend="builtin"))
    bearings, ratios, named = [], [], 0
    for keyframe in seen(8):
        delta = perceiver.perceive(None, keyframe)
        assert entry_text(plain(delta)) == entry_text(delta)
        frame = frames[keyframe.stamp_ns]
        for mention in delta.mentions:
            named += 1
            if mention.bearing_deg is None:
                assert mention.box is None
                continue
            assert isinstance(mention.box, Box)
            assert mention.confidence is not None
            assert 0 < mention.confidence <= 1
            assert mention.range_m is not None
            if frame["visible"].get(mention.name, 0) >= 150:
                azimuth, metres = journey.placed(mention.name, CameraPose(**frame["pose"]))
                bearings.append(abs(wrap(azimuth - mention.bearing_deg)))
                ratios.append(mention.range_m / metres)
    assert len(bearings) >= named / 2
    assert np.median(bearings) < 5
    assert 0.7 < np.median(ratios) < 1.4


def test_a_checkpoint_without_locator_names_the_same_and_measures_nothing(tmp_path: Path) -> None:
    shipped = BuiltinPerceiver(PerceptionSettings(backend="builtin"))
    folder = Path(__file__).parents[2] / "embodied_agent" / "models" / "perceiver"
    for file in folder.iterdir():
        if file.name != Path(FILE).parent.name:
            (tmp_path / file.name).symlink_to(file)
    bare = BuiltinPerceiver(PerceptionSettings(backend="builtin", model_path=str(tmp_path)))
    (keyframe,) = seen(1)
    expected, delta = shipped.perceive(None, keyframe), bare.perceive(None, keyframe)
    assert delta.mentions == plain(expected).mentions
    assert entry_text(delta) == entry_text(expected)
