"""Evaluations of one model through several servers are compared question by question."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from training.evaluation import agreement


def written(out: Path, marks: list[dict[str, Any]]) -> Path:
    """An evaluation's file of marks; returns its ``--out``."""
    lines = [json.dumps(mark) + "\n" for mark in marks]
    out.with_name(f"{out.name}.jsonl").write_text("".join(lines))
    return out


def marked(name: str, **values: Any) -> dict[str, Any]:
    plain = {
        "id": name, "right": 1.0, "formatted": True, "said": "left", "consistent": None,
        "reply": f"<think>{name}</think><answer> A</answer>", "latency_s": 0.1, "tokens": 9,
    }  # fmt: skip
    return {**plain, **values}


def test_what_differs_is_counted_and_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    names = [f"q{n}" for n in range(4)]
    first = written(tmp_path / "process", [marked(name) for name in names])
    # Another time and other words, but the same marks.
    like = written(
        tmp_path / "a.b",
        [marked(name, latency_s=3.0, reply="so <answer>A</answer>") for name in names],
    )
    unlike = written(
        tmp_path / "other",
        [marked("q0", right=0.0), marked("q1", said="right"), marked("q2", formatted=False),
         marked("q3")],
    )  # fmt: skip
    assert agreement.main([str(first), str(like)]) == 0
    assert f"| {like} | 4 | 4 | 0 |" in capsys.readouterr().out
    assert agreement.main([str(first), str(like), f"{unlike}.jsonl"]) == 1
    out = capsys.readouterr().out
    assert "4 questions, 4 right" in out
    assert f"| {unlike}.jsonl | 4 | 1 | 4 |" in out
    assert [line.split()[0] for line in out.splitlines() if "marked differently" in line] == [
        "q0", "q1", "q2"
    ]  # fmt: skip


def test_evaluations_of_other_questions_are_not_compared(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    one = written(tmp_path / "one", [marked("q0"), marked("q1")])
    other = written(tmp_path / "other", [marked("q0"), marked("q2")])
    assert agreement.main([str(one), str(other)]) == 1
    assert "2 questions are in one evaluation only" in capsys.readouterr().err
    assert agreement.main([str(one), str(tmp_path / "absent")]) == 1
    assert "absent.jsonl is no evaluation" in capsys.readouterr().err
    twice = written(tmp_path / "twice", [marked("q0"), marked("q0")])
    assert agreement.main([str(one), str(twice)]) == 1
    assert "has the question q0 twice" in capsys.readouterr().err
