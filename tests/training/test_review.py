"""Drafts about objects are right where the notes are, and become questions once people agree."""

from __future__ import annotations

import json
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from embodied_agent.records import Delta, Keyframe, Mention, Pose
from embodied_agent.settings import load_settings
from sim_clips.journey import CameraPose, journey_of_truth
from sim_clips.questions import NOT_TOLD
from training.episodes.dataset import Writer, rows_of
from training.episodes.overlay import decided, is_draft, read_overlay, reviewed
from training.episodes.recordings import Recorder, RecordingUnit
from training.episodes.rows import DatasetError, Episode
from training.questions.objects import object_questions, positions, sightings_of
from training.review import Review, serve
from training.rows import training_rows
from training.run_config import DataConfig

CLIP = "sim_clips/clips/house_8"


@pytest.fixture(scope="module")
def drafts() -> list[Episode]:
    settings = load_settings(memory__path="", reasoning__prompt="full")
    unit = RecordingUnit(CLIP, "house_8", ("objects",), per_type=6)
    return [e for e in Recorder(settings, "true").episodes(unit, {})[0] if is_draft(e)]


def test_drafts_of_true_notes_have_the_right_answers(drafts: list[Episode]) -> None:
    truth = json.loads(Path(CLIP, "truth.json").read_text())
    journey = journey_of_truth(truth)
    poses = {f["stamp_ns"]: CameraPose(**f["pose"]) for f in truth["frames"]}
    directions = [e for e in drafts if e.category == "object_direction"]
    assert len(directions) >= 4
    for episode in directions:
        name = episode.question.partition("is the ")[2].rstrip("?")
        assert episode.answer_text == journey.direction(name, poses[episode.stamp_ns])
        assert NOT_TOLD in episode.choices
    first = [e for e in drafts if e.category == "seen_first"]
    for episode in first:
        assert journey.glimpsed is not None
        assert episode.answer_text == min(episode.choices, key=journey.glimpsed.__getitem__)
    assert {"object_direction", "seen_first", "not_told"} <= {e.category for e in drafts}


def test_every_draft_names_keyframes_of_before_the_question(drafts: list[Episode]) -> None:
    for episode in drafts:
        evidence = episode.about["evidence"]
        assert evidence
        assert all(item["stamp_ns"] <= episode.stamp_ns for item in evidence)
        noted = {delta.keyframe_id for delta in episode.deltas}
        assert {item["keyframe"] for item in evidence} <= noted


def at(number: int, x: float, y: float, *mentions: Mention) -> tuple[Keyframe, Delta]:
    pose = Pose((x, y, 0.0), (0.0, 0.0, 0.0, 1.0))
    keyframe = Keyframe(number, number, b"", "overlap", 320, 240, pose=pose)
    return keyframe, Delta(number, None, mentions=mentions)


def test_notes_that_contradict_each_other_are_not_asked_about() -> None:
    # The way leads 4 m ahead; the chair is noted to the left of both ends, so it is two chairs or
    # far away; with its measured distances it can only be two.
    near = [at(n, 4.0 * n, 0.0, Mention("chair", "left", "near", range_m=1.0)) for n in range(2)]
    apart = sightings_of({d.keyframe_id: d for _, d in near}, [k for k, _ in near])["chair"]
    assert len(positions(apart)) == 0
    far = [at(n, 4.0 * n, 0.0, Mention("tower", "left", "far")) for n in range(2)]
    assert len(
        positions(sightings_of({d.keyframe_id: d for _, d in far}, [k for k, _ in far])["tower"])
    )
    questions, skipped = object_questions(
        {d.keyframe_id: d for _, d in near}, [k for k, _ in near], np.random.default_rng(0)
    )
    assert not [q for q in questions if q.category == "object_direction"]
    assert "chair: its directions contradict each other" in skipped


def test_a_thing_that_one_keyframe_has_twice_is_left_out() -> None:
    both = [
        at(n, float(n), 0.0, Mention("chair", "left"), Mention("chair", "right")) for n in (0, 1)
    ]
    assert sightings_of({d.keyframe_id: d for _, d in both}, [k for k, _ in both]) == {}


@pytest.mark.parametrize(("sightings", "open_"), [(1, True), (2, False)])
def test_only_of_a_thing_that_was_noted_once_it_is_asked_whether_it_can_be_told(
    sightings: int, open_: bool
) -> None:
    # Two notes from places close to each other leave its direction as open as one does, but which
    # keyframes a perceiver names a thing in is chance.
    way = [at(n, 0.1 * n, 0.0, Mention("chair", "left")) for n in range(sightings)]
    way.append(at(sightings, 3.0, 0.0))
    questions, _ = object_questions(
        {d.keyframe_id: d for _, d in way}, [k for k, _ in way], np.random.default_rng(0)
    )
    assert bool([q for q in questions if q.category == "not_told"]) is open_


# ---- The page and its file.


@pytest.fixture
def page(drafts: list[Episode], tmp_path: Path) -> Iterator[tuple[Review, str, Path]]:
    overlay = tmp_path / "reviews" / "house.yaml"
    review = Review(drafts, overlay, load_settings())
    server, address = serve(review)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    yield review, address, overlay
    server.shutdown()
    thread.join(30)
    server.server_close()


def got(address: str, body: Any = None, headers: dict[str, str] | None = None) -> tuple[int, bytes]:
    request = urllib.request.Request(
        address,
        None if body is None else json.dumps(body).encode(),
        {"Content-Type": "application/json", **(headers or {})},
    )
    try:
        with urllib.request.urlopen(request, timeout=60) as reply:
            return reply.status, reply.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read()


def test_the_page_shows_each_draft_with_the_pictures_of_its_evidence(
    page: tuple[Review, str, Path], drafts: list[Episode]
) -> None:
    _, address, _ = page
    assert b"Drafted questions" in got(address)[1]
    listed = json.loads(got(f"{address}drafts.json")[1])
    assert [item["id"] for item in listed] == [draft.id for draft in drafts]
    item = listed[0]["evidence"][0]
    status, jpeg = got(f"{address}picture/0/{item['stamp_ns']}")
    assert status == 200
    image = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)
    assert image.shape[1] > 100
    assert got(f"{address}picture/0/1")[0] == 404
    assert got(f"{address}picture/99999/1")[0] == 404


def test_verdicts_are_in_the_file_at_once_and_decide_what_is_trained_on(
    page: tuple[Review, str, Path], drafts: list[Episode], tmp_path: Path
) -> None:
    _, address, overlay = page
    direction = next(d for d in drafts if d.category == "object_direction")
    name = direction.question.partition("is the ")[2].rstrip("?")
    others = [d for d in drafts if d is not direction][:3]
    wrong = next(letter for letter in "AB" if letter != others[2].answer)
    for body in (
        {"id": direction.id, "verdict": "rename", "names": {name: "old chest"}},
        {"id": others[0].id, "verdict": "keep"},
        {"id": others[1].id, "verdict": "drop"},
        {"id": others[2].id, "verdict": "correct", "answer": wrong},
    ):
        assert got(f"{address}verdict", body)[0] == 200
    text = overlay.read_text()
    assert text.startswith("reviewed:\n- id: ")
    assert list(read_overlay(overlay)) == sorted(read_overlay(overlay))
    kept = {e.id: e for e in decided(drafts, str(overlay))}
    assert set(kept) == {direction.id, others[0].id, others[2].id}
    assert "old chest" in kept[direction.id].question
    assert "old chest" in kept[direction.id].prompt.user
    assert name not in kept[direction.id].prompt.user
    assert kept[others[2].id].answer == wrong

    Writer(tmp_path / "data", {}, "jsonl").write("all", rows_of(drafts))
    data = DataConfig(train=(str(tmp_path / "data"),), review=str(overlay))
    train = [replace(d, split="train", domain="") for d in drafts]
    Writer(tmp_path / "train", {}, "jsonl").write("all", rows_of(train))
    rows = training_rows(data.model_copy(update={"train": (str(tmp_path / "train"),)}), "full")
    assert len(rows) == 3


def test_what_is_not_reviewed_or_has_changed_is_left_out(drafts: list[Episode]) -> None:
    assert decided(drafts, "") == []
    kept, left_out = reviewed(drafts[:1], {})
    assert (kept, left_out) == ([], {"not reviewed": 1})
    plain = replace(drafts[0], about={})
    assert decided([plain], "") == [plain]
    with pytest.raises(DatasetError, match="there is no review"):
        decided(drafts, "nowhere.yaml")


@pytest.mark.parametrize(
    "body",
    [
        {"id": "of nobody", "verdict": "keep"},
        {"verdict": "keep"},
        ["keep"],
        {"id": None, "verdict": "keep"},
        {"id": "FIRST", "verdict": "burn"},
        {"id": "FIRST", "verdict": "correct", "answer": "Z"},
        {"id": "FIRST", "verdict": "correct"},
        {"id": "FIRST", "verdict": "rename", "names": {}},
        {"id": "FIRST", "verdict": "rename", "names": {"a": 3}},
        {"id": "FIRST", "verdict": "rename", "names": {"a": "x" * 100}},
    ],
)
def test_what_is_no_verdict_is_refused_and_nothing_is_written(
    page: tuple[Review, str, Path], drafts: list[Episode], body: Any
) -> None:
    _, address, overlay = page
    if isinstance(body, dict) and body.get("id") == "FIRST":
        body = {**body, "id": drafts[0].id}
    status, said = got(f"{address}verdict", body)
    assert status == 400
    assert json.loads(said)["problem"]
    assert not overlay.exists()


def test_only_the_printed_address_is_served(page: tuple[Review, str, Path]) -> None:
    _, address, overlay = page
    root = address.rsplit("/", 2)[0]
    assert got(f"{root}/")[0] == 404
    assert got(f"{root}/guess/drafts.json")[0] == 404
    assert got(f"{address}drafts.json", headers={"Host": "evil.example:80"})[0] == 404
    assert got(f"{address}verdict", {"id": "x" * 20_000})[0] == 413
    assert got(f"{address}verdict", {}, {"Content-Type": "text/plain"})[0] == 404
    assert not overlay.exists()


@pytest.mark.parametrize(
    "text", ["reviewed: 3", "- 1", "reviewed: [3]", "reviewed: [{id: a}]", "a: ["]
)
def test_a_file_that_is_no_review_is_an_error(tmp_path: Path, text: str) -> None:
    (tmp_path / "bad.yaml").write_text(text)
    with pytest.raises(DatasetError):
        read_overlay(tmp_path / "bad.yaml")
    with pytest.raises(DatasetError, match="--questions objects"):
        Review([], tmp_path / "none.yaml", load_settings())
