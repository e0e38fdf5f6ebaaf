"""Episodes: the runtime's prompts, split by scene, built once despite interruptions."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from embodied_agent.agent import Agent
from embodied_agent.records import Action, Delta, Frame, Mention, Pose
from embodied_agent.settings import load_settings
from embodied_agent.sources import open_source
from sim_clips.questions import NOT_TOLD
from sim_clips.questions.free.nouns import HELD_OUT_NOUNS
from sim_clips.scene import CITY_KINDS, HOUSE_KINDS
from training.episodes.__main__ import app, perceiver_of
from training.episodes.building import BuildOptions, build_all
from training.episodes.dataset import Writer, dataset_hash, read_episodes
from training.episodes.recordings import Recorder, RecordingUnit
from training.episodes.rows import DatasetError, Episode, checked, from_row, prompt_of, to_row
from training.episodes.scenes import merged, scene_of, visited
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
    """Stores every prompt that it gets."""

    name = "keeper"

    def __init__(self) -> None:
        self.prompts = []

    def stream(self, prompt, *, timeout_s, max_tokens=None, temperature=None, seed=None):
        if temperature is None:  # else it is asked again, as the memory does not bear its answer
            self.prompts.append(prompt)
        yield "<think></think><answer>A</answer>"

    def close(self) -> None:
        pass


def test_prompts_from_a_recording_are_those_of_the_live_agent(of_a_clip: list[Episode]) -> None:
    settings = _settings(reasoning__free="reasoner", reasoning__check_notes=False)
    keeper = _Keeper()
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
    # What the notes leave open is answered without the reasoner, so it is left out.
    assert set(truth) <= {row["id"] for row in made}
    assert len(truth) >= 0.7 * len(made)
    assert sum(episode.answer_text == NOT_TOLD for episode in truth.values()) < 0.2 * len(made)
    for row in (row for row in made if row["id"] in truth):
        assert truth[row["id"]].answer == row["answer"]
        assert truth[row["id"]].stamp_ns == row["stamp_ns"]
    others = {e.category for e in of_a_clip if e.provenance["questions"] == "odometry"}
    assert {"start_direction", "start_distance", "route_progress"} <= others
    assert {e.domain for e in of_a_clip} == {"house"}


def test_an_episode_contains_nothing_from_after_its_question(
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
def test_a_row_reads_back_as_the_same_episode(
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
def test_an_answer_that_cannot_be_marked_is_refused(
    of_a_world: list[Episode], kind: str, answer: str
) -> None:
    broken = replace(of_a_world[0], kind=kind, choices=("a", "b"), answer=answer)
    with pytest.raises(DatasetError, match=of_a_world[0].id):
        checked(broken)


# ---- Building.


def test_the_same_scenes_give_the_same_rows_in_this_process_and_in_others(tmp_path: Path) -> None:
    units = [WorldUnit("house", 1_000_000 + n, 1, questions=4) for n in range(3)]
    options = BuildOptions(_settings(), "geometry")
    for name, workers in (("one", 1), ("two", 2)):
        build_all(units, Writer(tmp_path / name, options.made_with()), options, workers=workers)
    assert dataset_hash(tmp_path / "one") == dataset_hash(tmp_path / "two")


def test_finished_units_are_not_built_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    units = [WorldUnit("house", 1_000_000 + n, 1, questions=2) for n in range(2)]
    options = BuildOptions(_settings(), "geometry")
    writer = Writer(tmp_path, options.made_with())
    build_all(units[:1], writer, options)
    made: list[str] = []
    write = writer.write
    monkeypatch.setattr(writer, "write", lambda unit, *a: made.append(unit) or write(unit, *a))
    done, failed = build_all(units, writer, options)
    assert made == [units[1].name]
    assert (len(done), failed) == (2, [])


def test_an_interrupted_command_resumes_with_the_same_result(tmp_path: Path) -> None:
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


def test_ray_builds_the_same_rows(tmp_path: Path) -> None:
    pytest.importorskip("ray", reason="no Ray here: pip install --group cluster")
    base = [sys.executable, "-m", "training.episodes", "--worlds", "house:2", "--per-scene", "2"]
    base += ["--block", "1", "--perception", "geometry", "--out"]
    # Ray's workers have low priority; on a busy machine they would never run.
    environment = {**os.environ, "RAY_worker_niceness": "0"}
    for name, more in (("ray", ["--ray", "--workers", "1"]), ("here", [])):
        command = [*base, str(tmp_path / name), *more]
        ran = subprocess.run(command, capture_output=True, text=True, env=environment)
        assert ran.returncode == 0, ran.stderr[-3000:]
    assert dataset_hash(tmp_path / "ray") == dataset_hash(tmp_path / "here")


def test_questions_that_the_memory_answers_without_a_model_are_left_out_and_counted() -> None:
    # Without a perceiver nothing is named: no prompt is written about an object.
    unit = RecordingUnit(CLIP, "house_8")
    rows, skipped = Recorder(load_settings(memory__path=""), "geometry").episodes(unit, {})
    assert len(rows) >= 10
    assert sum(n for reason, n in skipped.items() if reason.startswith("answered without")) >= 10
    # How long perceiving took differs from run to run, and is in no row.
    assert {delta.latency_s for row in rows for delta in row.deltas} == {0.0}


def test_a_bag_without_usable_frames_is_reported_and_the_others_are_built(tmp_path: Path) -> None:
    bad = tmp_path / "bad"
    bad.mkdir()
    (bad / "picture.jpg").write_bytes(b"no picture")
    out = tmp_path / "out"
    more = ["--worlds", "house:1", "--per-scene", "2", "--perception", "geometry"]
    result = CliRunner().invoke(app, [str(bad), *more, "--out", str(out)])
    assert result.exit_code == 1
    assert "failed: bad" in result.output
    assert "1 of 2 units failed" in result.output
    assert len(read_episodes(out)) == 2


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "no source of episodes"),
        (["--worlds", "moon:3"], "--worlds needs"),
        (["--worlds", "house:1", "--perception", "magic"], "--perception must be one of"),
        (["--worlds", "house:1", "--renamed", "yes"], "--renamed must be one of"),
        (["--benchmark", "vsi=x.parquet"], "needs --videos"),
        (["--worlds", "house:1", "--worlds", "house:1"], "given twice"),
    ],
)
def test_invalid_arguments_are_reported_at_once(
    arguments: list[str], said: str, tmp_path: Path
) -> None:
    result = CliRunner().invoke(app, [*arguments, "--out", str(tmp_path / "out")])
    assert result.exit_code != 0
    assert said in " ".join(result.output.split())


def worlds_of(out: Path, *more: str) -> list[Episode]:
    arguments = ["--worlds", "house:2", "--per-scene", "4", "--out", str(out), *more]
    assert CliRunner().invoke(app, arguments).exit_code == 0
    return read_episodes(out)


def names_in(episodes: Sequence[Episode]) -> set[str]:
    return {m.name for e in episodes for d in e.deltas for m in d.mentions}


def test_the_seed_and_the_words_of_text_worlds_are_those_that_were_asked_for(
    tmp_path: Path,
) -> None:
    first = worlds_of(tmp_path / "first")
    again = worlds_of(tmp_path / "again", "--seed", "1")
    other = worlds_of(tmp_path / "other", "--seed", "2")
    assert [e.question for e in first] == [e.question for e in again]
    assert [e.question for e in first] != [e.question for e in other]
    known = (*HOUSE_KINDS, *CITY_KINDS)
    assert all(name.endswith(known) for name in names_in([*first, *other]))
    held = names_in(worlds_of(tmp_path / "held", "--renamed", "held_out"))
    assert held
    assert all(name.endswith(HELD_OUT_NOUNS) for name in held)


def test_worlds_are_named_with_their_number_of_scenes_and_first_seed() -> None:
    assert parse_worlds("city:20@500000") == ("city", 20, 500_000)
    assert parse_worlds("house:5")[2] == 1_000_000


def test_a_scene_is_named_by_its_recording_or_by_a_pattern(tmp_path: Path) -> None:
    assert scene_of(CLIP) == "house_8"
    assert scene_of(f"{CLIP}/house_8.mcap") == "house_8"
    assert scene_of("/data/kitchen/walk3.mp4") == "walk"
    assert scene_of("/data/office_2026-05-01-10_00_00.mcap") == "office"
    assert scene_of("/data/lab/2026_05_01.mcap") == "lab/"
    assert scene_of("/data/kitchen/walk3.mp4", "/data/([^/]+)/") == "kitchen"
    with pytest.raises(DatasetError, match="finds no scene"):
        scene_of("/data/kitchen/walk3.mp4", "/bags/([^/]+)/")


def posed(frame_id: str, *places: tuple[float, float]) -> list[Frame]:
    return [
        Frame(n, pose=Pose((x, y, 0.0), (0.0, 0.0, 0.0, 1.0), frame_id))
        for n, (x, y) in enumerate(places)
    ]


def test_recordings_of_one_place_on_a_map_are_one_scene_whatever_their_names() -> None:
    scenes = {"a.mcap": "hall", "b.mcap": "atrium", "c.mcap": "cellar", "d.mcap": "yard"}
    line = [(2.0 * n, 1.0) for n in range(10)]
    cells = {
        "a.mcap": visited(posed("map", *line)),
        "b.mcap": visited(posed("map", *line[8:], *((2.0 * n, 40.0) for n in range(10)))),
        "c.mcap": visited(posed("map", *((2.0 * n, 90.0) for n in range(10)))),
        "d.mcap": visited(posed("odom", *line)),
    }
    assert cells["d.mcap"] == set()
    assert merged(scenes, cells) == {
        "a.mcap": "atrium", "b.mcap": "atrium", "c.mcap": "cellar", "d.mcap": "yard"
    }  # fmt: skip
    assert merged(scenes, {}) == scenes


def test_the_built_in_perceiver_refuses_real_pictures_and_a_server_goes_first(
    tmp_path: Path,
) -> None:
    walk = tmp_path / "walk"
    walk.mkdir()
    for number in range(6):
        rng = np.random.default_rng(number)
        smooth = cv2.resize(rng.uniform(60, 200, (6, 8, 3)), (320, 240))
        noisy = np.clip(smooth + rng.normal(0, 9, (240, 320, 3)), 0, 255).astype(np.uint8)
        cv2.imwrite(str(walk / f"{number}.png"), noisy)
    done = CliRunner().invoke(app, [str(walk), "--out", str(tmp_path / "out")])
    assert done.exit_code == 1
    assert "don't look like the simulated worlds" in " ".join(done.output.split())
    assert perceiver_of("auto", load_settings()) == "builtin"
    served = load_settings(perception__server__base_url="http://127.0.0.1:9/v1")
    assert perceiver_of("auto", served) == "served"
    assert perceiver_of("geometry", served) == "geometry"


def test_a_recording_that_changes_its_scene_is_refused(tmp_path: Path) -> None:
    writer = Writer(tmp_path, {}, "jsonl")
    writer.write("walk:bags/walk1.mcap", [])
    writer.refuse_other_scene("walk:bags/walk1.mcap", "walk")
    with pytest.raises(DatasetError, match=r"walk1\.mcap was written as scene walk"):
        writer.refuse_other_scene("hall:bags/walk1.mcap", "hall")
