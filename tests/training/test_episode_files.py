"""Episodes on the disk: which split a scene belongs to, and files that are whole or refused."""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from embodied_agent.settings import load_settings
from training.episodes.dataset import Writer, dataset_hash, read_episodes
from training.episodes.rows import DatasetError, Episode, to_row
from training.episodes.splits import SPLITS, Shares, split_of
from training.episodes.worlds import WorldUnit, world_episodes


def _settings(**more: object):
    return load_settings(
        reasoning__prompt="compact", source__sample_hz=2, keyframes__split_motions=False, **more
    )


@pytest.fixture(scope="module")
def of_a_world() -> list[Episode]:
    return world_episodes(WorldUnit("house", 1_000_000, 2, questions=16), "compact", {})[0]


@given(st.text(max_size=20), st.text(max_size=5))
def test_a_scenes_split_does_not_depend_on_other_scenes(scene: str, domain: str) -> None:
    first = split_of(scene, Shares(), domain)
    assert first in SPLITS
    assert split_of(scene, Shares(), "", ["another"]) == first
    assert split_of(scene, Shares(), "warehouse", ["warehouse"]) == "ood"


def test_splits_have_about_the_requested_shares() -> None:
    counts = Counter(split_of(f"scene {n}", Shares.parse("75/5/20")) for n in range(4000))
    assert counts["train"] / 4000 == pytest.approx(0.75, abs=0.03)
    assert counts["validation"] / 4000 == pytest.approx(0.05, abs=0.02)
    assert counts["test"] / 4000 == pytest.approx(0.20, abs=0.03)


@pytest.mark.parametrize("text", ["75/25", "80/10/20", "a/b/c", "-5/5/100", "nan/50/50", ""])
def test_invalid_shares_are_refused(text: str) -> None:
    with pytest.raises(DatasetError, match="--split"):
        Shares.parse(text)


def test_a_data_set_whose_scenes_leak_is_refused(of_a_world: list[Episode], tmp_path: Path) -> None:
    writer = Writer(tmp_path, {})
    writer.write("a", [to_row(replace(of_a_world[0], split="train"))])
    writer.write("b", [to_row(replace(of_a_world[1], split="test"))])
    with pytest.raises(DatasetError, match="house_1000000 is in train and in test"):
        read_episodes(tmp_path, "test")


@pytest.mark.parametrize("file_format", ["jsonl", "parquet"])
def test_written_episodes_are_read_back(
    of_a_world: list[Episode], tmp_path: Path, file_format: str
) -> None:
    writer = Writer(tmp_path, {"seed": 1}, file_format)
    done = writer.write("worlds", [to_row(e) for e in of_a_world], {"bad": 2})
    assert done.rows == {"train": len(of_a_world)}
    assert read_episodes(tmp_path) == of_a_world
    assert writer.done("worlds") == done
    assert len(read_episodes(tmp_path, "train", most=5)) == 5


def test_the_hash_of_a_data_set_depends_on_its_rows(
    of_a_world: list[Episode], tmp_path: Path
) -> None:
    rows = [to_row(e) for e in of_a_world]
    hashes = []
    for name, part in (("a", rows), ("b", rows), ("c", rows[:-1])):
        Writer(tmp_path / name, {}).write("unit", part)
        hashes.append(dataset_hash(tmp_path / name))
    assert hashes[0] == hashes[1] != hashes[2]


def test_episodes_with_other_options_are_refused(tmp_path: Path) -> None:
    Writer(tmp_path, {"seed": 1})
    Writer(tmp_path, {"seed": 1})
    with pytest.raises(DatasetError, match="another seed"):
        Writer(tmp_path, {"seed": 2})


def test_an_empty_folder_and_an_invalid_row_are_errors(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="no episodes in"):
        read_episodes(tmp_path)
    (tmp_path / "test").mkdir()
    (tmp_path / "test" / "x.jsonl").write_text('{"id": "7"}\n')
    with pytest.raises(DatasetError, match="row 7 is not a valid episode"):
        read_episodes(tmp_path)
    with pytest.raises(DatasetError, match=r"\(validation, ood\); all its scenes are in test"):
        read_episodes(tmp_path, "validation", "ood")
    (tmp_path / "test" / "x.jsonl").write_text('{"id": \n')
    with pytest.raises(DatasetError, match=r"x\.jsonl"):
        read_episodes(tmp_path)


def test_a_full_disk_leaves_no_half_written_unit(
    of_a_world: list[Episode], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer = Writer(tmp_path, {})

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(DatasetError, match=r"No space left.*make room"):
        writer.write("unit", [to_row(e) for e in of_a_world])
    assert writer.done("unit") is None
    with pytest.raises(DatasetError, match="no episodes"):
        read_episodes(tmp_path)
