"""Splits that hold: held-out scenes and names are never trained on, evaluations see all scenes."""

from __future__ import annotations

import itertools
import re
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim_clips import splits
from sim_clips.scene import CITY_KINDS, COLOURS, HOUSE_KINDS, held_out
from sim_clips.splits import (
    DEVELOPMENT,
    FIRST_PROBE_SEED,
    FIRST_TRAINING_SEED,
    HELD_OUT,
    HELD_OUT_CLIPS,
    RESERVED,
    SHIPPED,
    HeldOutError,
    is_held_out,
    pairs_of,
    refuse_held_out,
    refuse_scenes,
)
from training.episodes.dataset import Writer
from training.episodes.rows import to_row
from training.episodes.splits import DEFAULT_SHARES, split_of
from training.episodes.worlds import WorldUnit, world_episodes
from training.evaluation.clustered import clustered, independent
from training.evaluation.marking import wilson
from training.frames import main as make_frames
from training.redirect import renamed_text
from training.rows import held_rows, spread, training_rows
from training.run_config import DataConfig
from training.samples import corpus, samples_of, training_scene
from training.vocabulary import train_tokenizer

HELD_PAIRS = {f"{c} {k}" for c in COLOURS for k in HOUSE_KINDS if held_out(k, c)}
_NAME = re.compile(rf"\b(?:{'|'.join(COLOURS)}) (?:{'|'.join((*HOUSE_KINDS, *CITY_KINDS))})\b")


def test_the_blocks_of_seeds_do_not_touch_each_other() -> None:
    assert max(seed for _, seed in SHIPPED) < 1000 <= DEVELOPMENT[0]
    ends = [DEVELOPMENT, HELD_OUT, RESERVED]
    for before, after in itertools.pairwise(ends):
        assert before[-1] < after[0]
    assert RESERVED[0] == 900_000
    assert RESERVED[-1] < FIRST_TRAINING_SEED < FIRST_PROBE_SEED


def test_the_held_out_block_has_at_least_twenty_clips_of_each_world() -> None:
    assert len(HELD_OUT_CLIPS) >= 20
    assert set(HELD_OUT_CLIPS) <= set(HELD_OUT)
    assert HELD_OUT_CLIPS[-1] < 900_000


@pytest.mark.parametrize(
    ("world", "seed"),
    [*SHIPPED, ("house", DEVELOPMENT[0]), ("city", HELD_OUT[0]), ("house", RESERVED[5]),
     ("warehouse", FIRST_TRAINING_SEED)],
)  # fmt: skip
def test_training_on_what_is_held_out_is_refused(world: str, seed: int) -> None:
    with pytest.raises(HeldOutError, match=f"{world}_{seed}"):
        refuse_held_out(world, seed)
    assert is_held_out(f"{world}_{seed}")


def test_training_scenes_and_recordings_of_other_names_are_not_refused() -> None:
    refuse_held_out("house", FIRST_TRAINING_SEED, FIRST_TRAINING_SEED + 7)
    refuse_scenes(["kitchen_8", "city_1000000", "walk"])


@pytest.mark.parametrize("worlds", ["house:1@700000", "warehouse:1", "house:2,city:1@500000"])
def test_training_rows_refuse_worlds_that_are_held_out(worlds: str) -> None:
    with pytest.raises(HeldOutError, match="held out"):
        training_rows(DataConfig(worlds=worlds, questions=4), "compact")


def test_training_rows_refuse_episodes_of_a_held_out_scene(tmp_path: Path) -> None:
    episodes, _ = world_episodes(WorldUnit("house", HELD_OUT[3], 1, questions=4), "compact", {})
    Writer(tmp_path, {}).write("unit", [{**to_row(e), "split": "train"} for e in episodes])
    with pytest.raises(HeldOutError, match=f"house_{HELD_OUT[3]}"):
        training_rows(DataConfig(train=(str(tmp_path),)), "compact")


def test_pictures_to_train_on_are_not_made_of_held_out_scenes(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    arguments = ["frames", "--first", str(HELD_OUT[0]), "--out", str(tmp_path / "frames")]
    monkeypatch.setattr("sys.argv", arguments)
    with pytest.raises(HeldOutError):
        make_frames()
    assert not (tmp_path / "frames").exists()


def test_a_scene_to_train_on_is_refused_should_the_limits_move(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rng = np.random.default_rng(1)
    for _ in range(50):
        world, seed = training_scene(rng)
        assert world in ("house", "city")
        assert seed >= FIRST_TRAINING_SEED
    monkeypatch.setattr(splits, "FIRST_TRAINING_SEED", 1 << 40)
    with pytest.raises(HeldOutError):
        training_scene(rng)


@pytest.mark.parametrize(("world", "seed"), SHIPPED)
def test_no_shipped_clip_lands_in_train(world: str, seed: int) -> None:
    found = split_of(f"{world}_{seed}", DEFAULT_SHARES, domain=world)
    assert found == ("ood" if world == "warehouse" else "test")


def test_the_first_commands_of_the_documentation_train_on_no_held_out_scene() -> None:
    text = Path("docs/training.md").read_text()
    command = text[text.index("python -m training.episodes") :].splitlines()[0]
    assert "sim_clips/clips/*" in command
    made = re.findall(r"--worlds (\w+):(\d+)(?:@(\d+))?", command)
    assert made
    for world, count, first in made:
        start = int(first or FIRST_TRAINING_SEED)
        for seed in range(start, start + int(count)):
            scene = f"{world}_{seed}"
            in_train = split_of(scene, DEFAULT_SHARES, domain=world) == "train"
            assert not (in_train and is_held_out(scene))


def test_a_simulated_scene_to_train_on_is_split_by_its_shares() -> None:
    scenes = [f"house_{FIRST_TRAINING_SEED + n}" for n in range(400)]
    counts = Counter(split_of(scene, DEFAULT_SHARES, domain="house") for scene in scenes)
    assert set(counts) == {"train", "validation", "test"}
    assert 0.65 <= counts["train"] / len(scenes) <= 0.85


# ---- Names.


def test_the_warehouse_alone_says_held_out_pairs() -> None:
    assert set(pairs_of("warehouse")) == HELD_PAIRS
    assert set(pairs_of("house")) == set(pairs_of("city"))
    assert not HELD_PAIRS & set(pairs_of("house"))


@pytest.mark.parametrize("seed", range(6))
def test_no_text_to_train_on_names_a_held_out_pair(seed: int) -> None:
    rng = np.random.default_rng(seed)
    for _ in range(12):
        world, scene = training_scene(rng)
        deltas, samples = samples_of(world, scene, rng, questions=7, longest=30, noise=2.0)
        texts = [m.name for d in deltas for m in d.mentions]
        texts += [f"{s.task}{s.reply}" for s in samples]
        assert not HELD_PAIRS & {name for text in texts for name in _NAME.findall(text)}


def test_neither_the_tokenizer_nor_its_texts_know_a_held_out_pair() -> None:
    texts = list(corpus(40))
    assert not HELD_PAIRS & {name for text in texts for name in _NAME.findall(text)}
    tokenizer = train_tokenizer(texts, whole_names=True)
    whole = {token.strip() for token in map(tokenizer.decode, tokenizer.get_vocab().values())}
    assert not HELD_PAIRS & whole
    named = set(pairs_of("house"))
    assert 0.7 <= len(named & whole) / len(named) <= 0.8
    for name in sorted(HELD_PAIRS | (named - whole)):
        assert len(tokenizer.tokenize(f" {name}")) == 2


def test_the_judge_is_not_taught_with_held_out_pairs() -> None:
    rng = np.random.default_rng(1)
    for _ in range(300):
        (text,) = renamed_text(("the green sofa, the blue lamp and the pink car",), rng)
        assert not HELD_PAIRS & set(_NAME.findall(text))


# ---- Evaluation sets and intervals.


def test_held_rows_are_of_all_scenes_and_types() -> None:
    data = DataConfig(
        held_worlds="house:6@500000,city:6@500000,warehouse:3@500000",
        held_limit=48, questions=16, answerable=False,
    )  # fmt: skip
    found = held_rows(data, "compact")
    assert {name: len(rows) for name, rows in found.items()} == {"id": 48, "ood": 48}
    scenes = Counter(row["scene"] for row in found["id"])
    assert len(scenes) == 12
    assert max(scenes.values()) - min(scenes.values()) <= 1
    assert len({row["category"] for row in found["id"]}) == 8
    assert len({row["scene"] for row in found["ood"]}) == 3


def test_all_rows_stay_where_there_is_no_limit() -> None:
    rows = [{"scene": f"s{n % 3}", "category": f"c{n % 2}", "n": n} for n in range(17)]
    assert sorted(row["n"] for row in spread(rows, None)) == list(range(17))


@given(st.lists(st.booleans(), min_size=2, max_size=60))
def test_questions_that_stand_alone_get_about_wilsons_interval(values: list[bool]) -> None:
    marks = [float(v) for v in values]
    low, high = clustered(marks, range(len(marks)))
    share = sum(marks) / len(marks)
    if 0 < share < 1:
        assert (low, high) == pytest.approx(wilson(share, len(marks) - 1))
    assert 0 <= low <= share <= high <= 1


@given(st.lists(st.booleans(), min_size=2, max_size=20), st.integers(2, 9))
def test_asking_the_same_again_makes_no_interval_narrower(values: list[bool], times: int) -> None:
    clips = list(range(len(values)))
    once = clustered([float(v) for v in values], clips)
    often = clustered([float(v) for v in values] * times, clips * times)
    assert often == pytest.approx(once)
    assert independent([1.0] * 6, "aabbcc") == 3.0


def test_there_is_no_interval_of_nothing() -> None:
    assert clustered([], []) == (0.0, 1.0)
    assert clustered([1.0, 0.0], "aa") == pytest.approx(wilson(0.5, 1.0))
