"""The report: self-contained, complete, and safe whatever a model said."""

from __future__ import annotations

import math
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from embodied_agent.cli.memory import write_report
from embodied_agent.errors import AgentError
from embodied_agent.images.pixels import encode_jpeg
from embodied_agent.memory import query
from embodied_agent.memory.store import Store
from embodied_agent.records import (
    Action,
    Answer,
    AnswerStatus,
    Decision,
    Delta,
    Evidence,
    Keyframe,
    Mention,
    Pose,
    Question,
)
from embodied_agent.report.figures import Landmark, Surroundings, path_map
from embodied_agent.report.html import STATUSES, Replay, clock, render, truth_beside, write
from embodied_agent.report.scoring import Case, Scored
from embodied_agent.settings import MemorySettings

HOSTILE = "<script>alert('x')</script><img src=x onerror=alert(1)>\"'&"


def a_pose(i: int) -> Pose:
    yaw = 0.3 * i
    return Pose(
        (math.cos(yaw) * i * 0.4, math.sin(yaw) * i * 0.4, 1.2),
        (0.0, 0.0, math.sin(yaw / 2), math.cos(yaw / 2)),
    )


def a_replay(count: int = 6, *, text: str = "red sofa") -> Replay:
    keyframes, deltas, decisions = [], [], []
    for i in range(count):
        picture = np.full((240, 320, 3), (40 * i % 255, 90, 160), np.uint8)
        cv2.putText(picture, str(i), (120, 150), 0, 3, (255, 255, 255), 5)
        jpeg = cv2.imencode(".jpg", picture)[1].tobytes()
        reason = "first" if i == 0 else "overlap"
        keyframes.append(
            Keyframe(i, i * 10**9, jpeg, reason, 320, 240, overlap_ratio=0.48, pose=a_pose(i))
        )
        action = Action.ROTATE_LEFT if i % 2 else Action.MOVE_FORWARD
        deltas.append(
            Delta(
                i,
                action if i else None,
                30.0 if i % 2 else None,
                (Mention(text, "front-left", "near"), Mention("blue lamp", "right")),
                observation=text,
            )
        )
        decisions += [
            Decision(10 * i + j, (10 * i + j) * 10**8, j == 0, None, 1 - 0.05 * j)
            for j in range(10)
        ]
    question = Question(text + "?", ("front", "back", text), at_ns=3 * 10**9)
    answer = Answer(
        "front",
        "A",
        reasoning=text,
        evidence=(Evidence(2, 2 * 10**9, text),),
        latency_s={"reasoning": 0.4},
    )
    return Replay(
        source="/data/" + text,
        keyframes=keyframes,
        deltas=deltas,
        frames=60,
        decisions=decisions,
        path=[a_pose(i) for i in range(count)],
        overlap_threshold=0.5,
        around=Surroundings((Landmark(text, 1.0, 2.0, "rgb(200 30 30)"),), ((0, 0, 5, 0),)),
        results=[
            Scored(Case(question, "landmark_position", "A"), answer),
            Scored(Case(question, "route_planning", "B"), answer),
            Scored(Case(Question("Where am I?")), Answer.failure(text)),
        ],
        settings={"perception": text},
        elapsed_s=2.5,
    )


class _Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))


def tags_of(html: str) -> list[tuple[str, dict[str, str | None]]]:
    parser = _Tags()
    parser.feed(html)
    return parser.tags


def test_the_report_refers_to_nothing_outside_itself() -> None:
    html = render(a_replay())
    assert "http:" not in html
    assert "https:" not in html
    assert "url(" not in html
    for tag, attributes in tags_of(html):
        assert tag not in {"script", "link", "iframe"}
        for name in ("src", "href"):
            target = attributes.get(name)
            assert target is None or target.startswith(("#", "data:image/jpeg;base64,"))


def test_what_a_model_says_is_never_markup() -> None:
    tags = tags_of(render(a_replay(text=HOSTILE)))
    assert not [tag for tag, _ in tags if tag == "script"]
    assert not [a for _, a in tags if any(name.startswith("on") for name in a)]


@settings(max_examples=25)
@given(st.text(alphabet="<>/\"'&{%}a =#\0\u202e", min_size=1, max_size=40))
def test_no_text_changes_which_elements_the_report_has(text: str) -> None:
    # Which landmarks are labelled depends on how long their names are, rightly.
    plain, other = (replace(a_replay(1, text=t), around=Surroundings()) for t in ("sofa", text))
    assert [tag for tag, _ in tags_of(render(other))] == [tag for tag, _ in tags_of(render(plain))]


def test_each_citation_leads_to_the_keyframe_it_names() -> None:
    tags = tags_of(render(a_replay()))
    ids = {a["id"] for _, a in tags if "id" in a}
    links = [a["href"] for tag, a in tags if tag == "a"]
    assert "#k2" in links
    assert all(link and link[1:] in ids for link in links)


def test_right_and_wrong_answers_are_told_and_counted() -> None:
    html = render(a_replay())
    assert len(re.findall(r"badge right", html)) == 1
    assert "1 <small>of 2</small>" in html
    assert "No answer" in html


@pytest.mark.parametrize("status", [s for s in STATUSES if s != "failed"])
def test_each_kind_of_answer_is_told_apart(status: AnswerStatus) -> None:
    result = Scored(Case(Question("Is there a fridge?")), Answer("so it is", status=status))
    html = render(replace(a_replay(), results=[result]))
    badge = f'<span class="badge {status}">{STATUSES[status]}</span>'
    assert badge in html.replace("&#39;", "'")
    assert "so it is" in html


def test_an_empty_replay_makes_a_report_too() -> None:
    html = render(Replay(source="x", keyframes=[], deltas=[]))
    assert "There are no keyframes" in html


def test_a_picture_that_retention_dropped_is_told() -> None:
    gone = Keyframe(0, 0, b"", "first", 320, 240)
    assert "picture dropped" in render(Replay(source="x", keyframes=[gone], deltas=[]))


def test_keyframes_without_poses_give_no_map() -> None:
    assert path_map([Keyframe(0, 0, b"", "first", 320, 240)], [], Surroundings()) is None


def test_a_path_lies_within_its_drawing() -> None:
    plan = path_map(a_replay(12).keyframes, [], Surroundings((Landmark("far", 50, -80),)))
    assert plan is not None
    for mark in plan.marks + plan.landmarks:
        assert 0 <= mark.x <= plan.width
        assert 0 <= mark.y <= plan.height


def test_a_turning_camera_gets_one_mark_on_the_map() -> None:
    pose = a_pose(0)
    still = [Keyframe(i, i, b"", "overlap", 320, 240, pose=pose) for i in range(3)]
    plan = path_map(still, [], Surroundings())
    assert plan is not None
    assert [mark.label for mark in plan.marks] == ["0–2"]


def test_a_camera_that_comes_back_shares_the_earlier_mark() -> None:
    poses = [a_pose(0), a_pose(0), a_pose(9), a_pose(0)]
    plan = path_map(
        [Keyframe(i, i, b"", "overlap", 9, 9, pose=p) for i, p in enumerate(poses)],
        [],
        Surroundings(),
    )
    assert plan is not None
    assert [mark.label for mark in plan.marks] == ["0–1, 3", "2"]


def test_a_report_that_cannot_be_written_says_where(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(AgentError, match=r"file/report\.html"):
        write(a_replay(1), tmp_path / "file" / "report.html")


@pytest.mark.parametrize(("ns", "text"), [(0, "0:00.0"), (67_300_000_000, "1:07.3")])
def test_times_read_as_minutes_and_seconds(ns: int, text: str) -> None:
    assert clock(ns) == text


def test_a_clips_truth_is_drawn_and_any_other_file_of_that_name_is_not(tmp_path: Path) -> None:
    truth = tmp_path / "truth.json"
    truth.write_text(
        '{"objects": [{"name": "red sofa", "position": [1, 2, 0]}],'
        '"walls": [{"a": [0, 0], "b": [1, 0], "z": 0}, {"a": [0, 0], "b": [1, 0], "z": 2.0}]}'
    )
    around = truth_beside(str(tmp_path))
    assert around.landmarks == (Landmark("red sofa", 1, 2, "red"),)
    assert around.walls == ((0, 0, 1, 0),)
    truth.write_text('{"objects": "none"}')
    assert truth_beside(str(tmp_path)) == Surroundings()


def test_the_report_of_a_memory_is_that_of_its_keyframes_read_a_few_at_a_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(query, "_CHUNK", 3)
    jpeg = encode_jpeg(np.full((24, 32, 3), 90, np.uint8), 80)
    with Store.open(str(tmp_path / "memory.db"), MemorySettings()) as store:
        for number in range(8):
            store.add_keyframe(
                stamp_ns=number * 10**9,
                jpeg=jpeg,
                width=32,
                height=24,
                reason="overlap",
                segment=0,
                pose=Pose((0.5 * number, 0.0, 0.0), (0.0, 0.0, 0.0, 1.0), "map"),
            )
        for number in range(6):
            mention = Mention(f"box {number}", "front")
            store.commit_delta(Delta(number, None, None, (mention,), usable=number != 4))
        target = tmp_path / "memory.html"
        write_report(store, target)
        held = Replay(store.path, store.keyframes(pictures=True), store.deltas())
        assert target.read_text("utf-8") == render(held)
    assert target.read_text("utf-8").count("<img ") == 8
