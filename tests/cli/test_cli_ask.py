"""Asking from the command line, with a language model behind a real server on the loopback."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from embodied_agent.cli.main import app
from tests.support.served import faulty, refuses, says

QUICK = ["--perception", "geometry", "--reasoning", "served"]
REPLY = says("<think>It was #1", " <b>left</b>.</think>", "<answer>B</answer>")


@pytest.fixture
def server() -> Iterator[str]:
    with faulty(REPLY) as running:
        yield running.url


def run(*arguments: object, server: str) -> Result:
    named = [str(a) for a in arguments] + ["--set", f"reasoning.server.base_url={server}"]
    result = CliRunner().invoke(app, named)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def questions(folder: Path) -> Path:
    """Two with a truth, the server being right about the first, and one without."""
    entry = {"text": "Where to?", "choices": ["left", "right", "back"], "stamp_ns": 10**9}
    path = folder / "questions.json"
    entries = [
        {**entry, "id": "q1", "type": "route_planning", "answer": "B"},
        {**entry, "id": "q2", "type": "landmark_position", "answer": "C"},
        {"text": "Anything else?"},
    ]
    path.write_text(json.dumps(entries))
    return path


def test_replay_scores_answers_per_type(walk: Path, tmp_path: Path, server: str) -> None:
    result = run(
        "replay", walk, *QUICK, "--questions", questions(tmp_path), "--json", server=server
    )
    assert result.exit_code == 0, result.stderr
    values = json.loads(result.stdout)
    first = values["answers"][0]
    assert first["question"] == "Where to?"
    assert first["type"] == "route_planning"
    assert first["choices"] == ["left", "right", "back"]
    assert (first["choice"], first["truth"], first["right"]) == ("B", "B", True)
    assert first["reasoning"] == "It was #1 <b>left</b>."
    assert first["evidence"][0]["keyframe_id"] == 1
    assert first["latency_s"]["total"] > 0
    assert values["answers"][2]["right"] is None
    assert values["score"] == {
        "overall": 0.5,
        "right": 1,
        "count": 2,
        "types": {
            "landmark_position": {"score": 0.0, "right": 0, "count": 1},
            "route_planning": {"score": 1.0, "right": 1, "count": 1},
        },
    }


def test_replay_tells_each_answer_and_how_many_were_right(
    walk: Path, tmp_path: Path, server: str
) -> None:
    report = tmp_path / "report.html"
    result = run(
        "replay",
        walk,
        *QUICK,
        "--questions",
        questions(tmp_path),
        "--report",
        report,
        server=server,
    )
    assert result.exit_code == 0
    for said in (
        "(answered, correct)",
        "It was #1",
        "evidence: keyframe 1\n",
        "1 of 2 answers correct",
    ):
        assert said in result.stdout
    assert f"report: {report}" in result.stdout
    html = report.read_text()
    assert "<b>left" not in html
    assert 'href="#k1"' in html


def test_choices_go_with_the_questions_in_their_order(walk: Path, server: str) -> None:
    arguments = ["--ask", "Which?", "--choices", "left | right", "--ask", "What?", "--json"]
    result = run("replay", walk, *QUICK, *arguments, server=server)
    answers = json.loads(result.stdout)["answers"]
    assert [a["choices"] for a in answers] == [["left", "right"], []]
    assert [a["choice"] for a in answers] == ["B", None]


def test_an_existing_memory_can_be_asked(walk: Path, tmp_path: Path, server: str) -> None:
    memory = tmp_path / "walk.db"
    run("replay", walk, *QUICK, "--memory", memory, server=server)
    asked = ["ask", "Which?", "--choices", "left|right", "--memory", memory]
    served = ["--reasoning-server", server]
    result = run(*asked, *served, "--json", server=server)
    assert result.exit_code == 0, result.stderr
    assert json.loads(result.stdout)["choice"] == "B"
    told = run(*asked, *served, server=server)
    assert "B  right  (answered)" in told.stdout


def test_a_question_before_anything_was_seen_has_no_answer(
    walk: Path, tmp_path: Path, server: str
) -> None:
    memory = tmp_path / "walk.db"
    run("replay", walk, *QUICK, "--memory", memory, server=server)
    asked = ["ask", "Which?", "--at-ns", "-5", "--memory", memory, "--json"]
    result = run(*asked, "--set", "reasoning.backend=served", server=server)
    assert result.exit_code == 5
    assert "nothing was seen" in json.loads(result.stdout)["problem"]


def test_no_answer_at_all_is_a_model_error(walk: Path) -> None:
    with faulty(refuses(401)) as running:
        result = run("replay", walk, *QUICK, "--ask", "Which?", "--json", server=running.url)
    assert result.exit_code == 5
    (answer,) = json.loads(result.stdout)["answers"]
    assert answer["problem"]
    assert answer["choice"] is None


def test_doctor_finds_the_server_and_its_model(server: str) -> None:
    named = ["--set", "perception.backend=geometry", "--set", "reasoning.backend=served"]
    result = run("doctor", "--json", *named, server=server)
    assert result.exit_code == 0, result.stdout
    wrong = run("doctor", *named, "--set", "reasoning.server.model=other", server=server)
    assert wrong.exit_code == 1
    assert "not other" in wrong.stdout
