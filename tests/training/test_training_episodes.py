"""Episodes: what the runtime would have shown, split by scene, made once however often killed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from embodied_agent.agent import Agent
from embodied_agent.records import Action, Delta, Mention
from embodied_agent.settings import load_settings
from embodied_agent.sources import open_source
from sim_clips.questions import NOT_TOLD
from training.episodes.__main__ import app, scene_of
from training.episodes.dataset import Writer, dataset_hash, read_episodes
from training.episodes.making import Making, make_all
from training.episodes.recordings import Recorder, RecordingUnit
from training.episodes.rows import DatasetError, Episode, checked, from_row, prompt_of, to_row
from training.episodes.splits import SPLITS, Shares, split_of
from training.episodes.worlds import WorldUnit, parse_worlds, world_episodes
from training.true_perception import TruePerceiver

CLIP = "sim_clips/clips/house_8"


def _settings(**more: object):
    return load_settings(
        reasoning__prompt="compact", source__sample_hz=2, keyframes__split_motions=False, **more
    )


@pytest.fixture(scope="module")
def of_a_clip() -> list[Episode]:
    unit = RecordingUnit(CLIP, "house_8")
    return Recorder(_settings(), "true").episodes(unit, {})[0]


@pytest.fixture(scope="module")
def of_a_world() -> list[Episode]:
    return world_episodes(WorldUnit("house", 1_000_000, 2, questions=16), "compact", {})[0]


class _Keeper:
    """Keeps every prompt that it is asked."""

    name = "keeper"

    def __init__(self) -> None:
        self.prompts = []

    def stream(self, prompt, *, timeout_s, max_tokens=None, temperature=None, seed=None):
        if temperature is None:  # else it is asked again, as the memory does not bear its answer
            self.prompts.append(prompt)
        yield "<think></think><answer>A</answer>"

    def close(self) -> None:
        pass


def test_a_recordings_prompts_are_those_of_the_live_agent(of_a_clip: list[Episode]) -> None:
    settings, keeper = _settings(reasoning__free="reasoner"), _Keeper()
    with (
        open_source(CLIP, settings.source) as frames,
        Agent(settings, perceiver=TruePerceiver(Path(CLIP)), reasoner=keeper) as agent,
    ):
        agent.begin_replay(CLIP)
        for frame in frames:
            agent.observe(frame)
        agent.finish()
        assert agent.drain(120)
        for episode in of_a_clip:
            agent.ask(replace(episode.asked, at_ns=episode.stamp_ns))
    assert [e.prompt for e in of_a_clip] == keeper.prompts


def test_a_text_only_prompt_is_the_one_built_from_its_deltas(of_a_world: list[Episode]) -> None:
    for episode in of_a_world:
        assert episode.prompt == prompt_of(episode.deltas, episode.asked, "compact")
        assert f"Recall: {episode.recalled or 'nothing'}." in episode.task


def test_a_clip_gives_its_own_questions_and_those_of_its_odometry(of_a_clip: list[Episode]) -> None:
    made = json.loads(Path(CLIP, "questions.json").read_text())
    truth = {e.id: e for e in of_a_clip if e.provenance["questions"] == "truth"}
    # What was not noted by then is answered without the reasoner, so it is not taught.
    assert set(truth) <= {row["id"] for row in made}
    assert len(truth) >= 0.8 * len(made)
    for row in (row for row in made if row["id"] in truth):
        assert truth[row["id"]].answer == row["answer"]
        assert truth[row["id"]].stamp_ns == row["stamp_ns"]
    others = {e.category for e in of_a_clip if e.provenance["questions"] == "odometry"}
    assert {"start_direction", "start_distance", "route_progress"} <= others
    assert {e.domain for e in of_a_clip} == {"house"}


def test_an_episode_knows_nothing_that_was_seen_after_its_question(
    of_a_clip: list[Episode],
) -> None:
    by_time = sorted(of_a_clip, key=lambda e: e.stamp_ns)
    assert len(by_time[0].deltas) < len(by_time[-1].deltas)
    for earlier, later in pairwise(by_time):
        assert later.deltas[: len(earlier.deltas)] == earlier.deltas


def test_the_teachers_reasoning_leads_to_the_answer(of_a_world: list[Episode]) -> None:
    reasoned = [e for e in of_a_world if e.reasoning]
    assert len(reasoned) > len(of_a_world) / 2
    for episode in reasoned:
        assert "#" in episode.reasoning or episode.answer_text == NOT_TOLD


def test_without_memory_nothing_is_named(of_a_world: list[Episode]) -> None:
    blind = of_a_world[-1].without_memory()
    assert blind.transcript == "#0 start: nothing named.\n"
    assert "Recall: nothing." in blind.task
    assert (blind.answer, blind.choices) == (of_a_world[-1].answer, of_a_world[-1].choices)


def test_another_style_is_built_from_the_same_entries(of_a_world: list[Episode]) -> None:
    prompt = of_a_world[0].prompt_in("full")
    assert prompt.system
    assert "Choices:\nA. " in prompt.task
    assert of_a_world[0].prompt_in("compact") == of_a_world[0].prompt


_NAMES = st.text('abc é🙂"\\\n,:', min_size=1, max_size=9)
_DELTAS = st.builds(
    Delta,
    keyframe_id=st.integers(0, 999),
    action=st.none() | st.sampled_from(Action),
    angle_deg=st.none() | st.floats(0, 180),
    mentions=st.lists(
        st.builds(
            Mention, _NAMES, st.sampled_from(["front", "left"]), st.sampled_from([None, "near"])
        ),
        max_size=3,
    ).map(tuple),
    observation=_NAMES,
    usable=st.booleans(),
)


@given(
    deltas=st.lists(_DELTAS, max_size=3).map(tuple),
    texts=st.lists(_NAMES, min_size=4, max_size=4),
    about=st.dictionaries(_NAMES, st.integers() | st.booleans() | _NAMES, max_size=3),
)
def test_a_row_reads_back_as_the_episode_it_was(
    of_a_world: list[Episode], deltas: tuple[Delta, ...], texts: list[str], about: dict
) -> None:
    episode = replace(
        of_a_world[0],
        deltas=deltas,
        question=texts[0],
        choices=(texts[1], texts[2]),
        transcript=texts[3],
        about=about,
    )
    assert from_row(json.loads(json.dumps(to_row(episode)))) == episode


@pytest.mark.parametrize(("kind", "answer"), [("choice", "E"), ("choice", "AB"), ("number", "two")])
def test_an_answer_that_can_not_be_marked_is_refused(
    of_a_world: list[Episode], kind: str, answer: str
) -> None:
    broken = replace(of_a_world[0], kind=kind, choices=("a", "b"), answer=answer)
    with pytest.raises(DatasetError, match=of_a_world[0].id):
        checked(broken)


# ---- Splits.


@given(st.text(max_size=20), st.text(max_size=5))
def test_a_scene_has_one_split_whatever_else_there_is(scene: str, domain: str) -> None:
    first = split_of(scene, Shares(), domain)
    assert first in SPLITS
    assert split_of(scene, Shares(), "", ["another"]) == first
    assert split_of(scene, Shares(), "warehouse", ["warehouse"]) == "ood"


def test_splits_have_about_the_shares_that_were_asked_for() -> None:
    counts = Counter(split_of(f"scene {n}", Shares.parse("75/5/20")) for n in range(4000))
    assert counts["train"] / 4000 == pytest.approx(0.75, abs=0.03)
    assert counts["validation"] / 4000 == pytest.approx(0.05, abs=0.02)
    assert counts["test"] / 4000 == pytest.approx(0.20, abs=0.03)


@pytest.mark.parametrize("text", ["75/25", "80/10/20", "a/b/c", "-5/5/100", "nan/50/50", ""])
def test_shares_that_are_none_are_refused(text: str) -> None:
    with pytest.raises(DatasetError, match="--split"):
        Shares.parse(text)


def test_a_data_set_whose_scenes_leak_is_refused(of_a_world: list[Episode], tmp_path: Path) -> None:
    writer = Writer(tmp_path, {})
    writer.write("a", [to_row(replace(of_a_world[0], split="train"))])
    writer.write("b", [to_row(replace(of_a_world[1], split="test"))])
    with pytest.raises(DatasetError, match="house_1000000 is in train and in test"):
        read_episodes(tmp_path, "test")


# ---- Files.


@pytest.mark.parametrize("file_format", ["jsonl", "parquet"])
def test_what_is_written_is_read_back(
    of_a_world: list[Episode], tmp_path: Path, file_format: str
) -> None:
    writer = Writer(tmp_path, {"seed": 1}, file_format)
    done = writer.write("worlds", [to_row(e) for e in of_a_world], {"bad": 2})
    assert done.rows == {"train": len(of_a_world)}
    assert read_episodes(tmp_path) == of_a_world
    assert writer.done("worlds") == done
    assert len(read_episodes(tmp_path, "train", most=5)) == 5


def test_the_hash_of_a_data_set_follows_its_rows(of_a_world: list[Episode], tmp_path: Path) -> None:
    rows = [to_row(e) for e in of_a_world]
    hashes = []
    for name, part in (("a", rows), ("b", rows), ("c", rows[:-1])):
        Writer(tmp_path / name, {}).write("unit", part)
        hashes.append(dataset_hash(tmp_path / name))
    assert hashes[0] == hashes[1] != hashes[2]


def test_episodes_made_otherwise_are_not_mixed_in(tmp_path: Path) -> None:
    Writer(tmp_path, {"seed": 1})
    Writer(tmp_path, {"seed": 1})
    with pytest.raises(DatasetError, match="another seed"):
        Writer(tmp_path, {"seed": 2})


def test_an_empty_folder_and_a_broken_row_are_clear_errors(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="no episodes in"):
        read_episodes(tmp_path)
    (tmp_path / "test").mkdir()
    (tmp_path / "test" / "x.jsonl").write_text('{"id": "7"}\n')
    with pytest.raises(DatasetError, match="row 7 is no episode"):
        read_episodes(tmp_path)
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


# ---- Making.


def test_the_same_scenes_give_the_same_rows_in_this_process_and_in_others(tmp_path: Path) -> None:
    units = [WorldUnit("house", 1_000_000 + n, 1, questions=4) for n in range(3)]
    making = Making(_settings(), "geometry")
    for name, workers in (("one", 1), ("two", 2)):
        make_all(units, Writer(tmp_path / name, making.made_with()), making, workers=workers)
    assert dataset_hash(tmp_path / "one") == dataset_hash(tmp_path / "two")


def test_what_is_done_is_not_done_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    units = [WorldUnit("house", 1_000_000 + n, 1, questions=2) for n in range(2)]
    making = Making(_settings(), "geometry")
    writer = Writer(tmp_path, making.made_with())
    make_all(units[:1], writer, making)
    made: list[str] = []
    write = writer.write
    monkeypatch.setattr(writer, "write", lambda unit, *a: made.append(unit) or write(unit, *a))
    done, failed = make_all(units, writer, making)
    assert made == [units[1].name]
    assert (len(done), failed) == (2, [])


def test_killed_halfway_the_same_command_goes_on_and_gives_the_same(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "training.episodes", "--worlds", "house:9"]
    command += ["--block", "1", "--per-scene", "2", "--perception", "geometry", "--out"]
    killed = subprocess.Popen(
        [*command, str(tmp_path / "killed")], stderr=subprocess.PIPE, start_new_session=True
    )
    try:
        first = tmp_path / "killed" / "done"
        _wait_for(lambda: any(first.glob("*.json")), killed)
    finally:
        os.killpg(killed.pid, signal.SIGKILL)
        killed.communicate()
    assert 1 <= len(list(first.glob("*.json"))) < 9
    for name in ("killed", "whole"):
        subprocess.run([*command, str(tmp_path / name)], check=True, capture_output=True)
    assert dataset_hash(tmp_path / "killed") == dataset_hash(tmp_path / "whole")
    assert len(read_episodes(tmp_path / "killed")) == len(read_episodes(tmp_path / "whole"))


def _wait_for(condition, process: subprocess.Popen) -> None:
    import threading

    for _ in range(6000):
        if condition():
            return
        assert process.poll() is None, process.stderr.read()
        threading.Event().wait(0.02)
    raise AssertionError("nothing was done within two minutes")


def test_ray_makes_the_same_rows(tmp_path: Path) -> None:
    pytest.importorskip("ray", reason="no Ray here: pip install --group cluster")
    base = [sys.executable, "-m", "training.episodes", "--worlds", "house:2", "--per-scene", "2"]
    base += ["--block", "1", "--perception", "geometry", "--out"]
    # Ray's workers make way for all else; on a busy machine they would never get to run.
    environment = {**os.environ, "RAY_worker_niceness": "0"}
    for name, more in (("ray", ["--ray", "--workers", "1"]), ("here", [])):
        command = [*base, str(tmp_path / name), *more]
        ran = subprocess.run(command, capture_output=True, text=True, env=environment)
        assert ran.returncode == 0, ran.stderr[-3000:]
    assert dataset_hash(tmp_path / "ray") == dataset_hash(tmp_path / "here")


def test_a_bag_without_usable_frames_is_reported_and_the_others_are_made(tmp_path: Path) -> None:
    bad = tmp_path / "bad"
    bad.mkdir()
    (bad / "picture.jpg").write_bytes(b"no picture")
    out = tmp_path / "out"
    more = ["--worlds", "house:1", "--per-scene", "2", "--perception", "geometry"]
    result = CliRunner().invoke(app, [str(bad), *more, "--out", str(out)])
    assert result.exit_code == 1
    assert "left out bad" in result.output
    assert "1 of 2 units could not be made" in result.output
    assert len(read_episodes(out)) == 2


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "nothing to make episodes of"),
        (["--worlds", "moon:3"], "--worlds needs"),
        (["--worlds", "house:1", "--perception", "magic"], "--perception is one of"),
        (["--benchmark", "vsi=x.parquet"], "needs --videos"),
        (["--worlds", "house:1", "--worlds", "house:1"], "given twice"),
    ],
)
def test_what_can_not_be_made_is_said_at_once(
    arguments: list[str], said: str, tmp_path: Path
) -> None:
    result = CliRunner().invoke(app, [*arguments, "--out", str(tmp_path / "out")])
    assert result.exit_code != 0
    assert said in " ".join(result.output.split())


def test_worlds_are_named_with_their_number_of_scenes_and_first_seed() -> None:
    assert parse_worlds("city:20@500000") == ("city", 20, 500_000)
    assert parse_worlds("house:5")[2] == 1_000_000


def test_a_scene_is_named_by_its_recording_or_by_a_pattern(tmp_path: Path) -> None:
    assert scene_of(CLIP) == "house_8"
    assert scene_of(f"{CLIP}/house_8.mcap") == "house_8"
    assert scene_of("/data/kitchen/walk3.mp4") == "walk3"
    assert scene_of("/data/kitchen/walk3.mp4", "/data/([^/]+)/") == "kitchen"
    with pytest.raises(DatasetError, match="finds no scene"):
        scene_of("/data/kitchen/walk3.mp4", "/bags/([^/]+)/")
