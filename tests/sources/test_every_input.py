"""Each small input of `builders.cases` is read right, or refused in one true sentence."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from typer.testing import CliRunner

from embodied_agent.cli.main import app
from embodied_agent.errors import SourceError
from embodied_agent.settings import SourceSettings
from embodied_agent.sources import decode, decode_grey, open_source
from tests.sources.builders.card import assert_colours, grey_card
from tests.sources.builders.cases import CASES, Case
from tests.sources.builders.depth import assert_card_distances

ALL = [case for cases in CASES.values() for case in cases]
READ = [case for case in ALL if not case.refused]
REFUSED = [case for case in ALL if case.refused]


def by_name(case: Case) -> str:
    return case.name


def test_there_are_as_many_inputs_as_people_bring() -> None:
    assert len(ALL) >= 60
    assert len({case.name for case in ALL}) == len(ALL)


@pytest.mark.parametrize("case", READ, ids=by_name)
def test_an_input_is_read_right(tmp_path: Path, case: Case) -> None:
    path = case.build(tmp_path)
    with open_source(str(path), SourceSettings(**case.settings)) as source:
        frames = list(source)
        known = source.examination
    assert source.skipped == case.skipped
    assert len(frames) == case.frames
    if case.stamps_ns is not None:
        assert (frames[0].stamp_ns, frames[-1].stamp_ns) == case.stamps_ns
    assert sum(frame.pose is not None for frame in frames) == case.poses
    if case.poses and case.name.startswith(("mcap", "db3", "tai", "boot", "tf", "bag", "proto")):
        assert known.poses_from
        for n, frame in enumerate(frames):
            assert frame.pose is not None
            assert frame.pose.position_m[0] == pytest.approx(n * 0.1, abs=1e-6)
    assert sum(frame.depth is not None for frame in frames) == source.depths == case.depths
    assert bool(known.depth_from) is bool(case.depths)
    for frame in frames:
        if frame.depth is not None:
            assert_card_distances(frame.depth)
        picture = decode(frame)
        if case.coloured:
            assert_colours(picture)
        if case.grey:
            expected = cv2.cvtColor(grey_card(), cv2.COLOR_GRAY2BGR)
            assert np.abs(picture.astype(int) - expected)[:, 16:].max() <= 3
            # The keyframer sees the same.
            assert np.abs(decode_grey(frame).astype(int) - picture[:, :, 0]).max() <= 1
    if case.offset_s is not None:
        assert known.clock_offset_s == pytest.approx(case.offset_s, abs=0.05)
    if case.remark:
        assert case.remark in " ".join(known.remarks)
        assert case.remark in source.description
    assert known.chosen
    assert known.why


@pytest.mark.parametrize("case", REFUSED, ids=by_name)
def test_an_input_is_refused_in_one_sentence(tmp_path: Path, case: Case) -> None:
    path = case.build(tmp_path)
    settings = SourceSettings(**case.settings)
    with pytest.raises(SourceError) as caught, open_source(str(path), settings) as source:
        list(source)
    assert case.refused in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("case", ALL[::4], ids=by_name)
def test_inspect_says_the_same(tmp_path: Path, case: Case) -> None:
    path = case.build(tmp_path)
    options = [f"--set=source.{name}={value}" for name, value in case.settings.items()]
    result = CliRunner().invoke(app, ["inspect", str(path), "--json", "--full", *options])
    values = json.loads(result.stdout)
    assert result.exit_code == (3 if case.refused else 0)
    assert values["usable"] is not bool(case.refused)
    assert isinstance(values["topics"], list)
    assert values["why"].endswith((".", "?"))
    if case.refused:
        assert case.refused in values["why"]
        assert values["frames"] == 0
    else:
        assert (values["frames"], values["poses"]) == (case.frames, case.poses)
        assert values["depths"] == case.depths
        assert values["skipped"] == case.skipped
        assert values["chosen"]
