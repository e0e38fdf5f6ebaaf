"""`embodied-agent facts`: noted and listed, and what it says where it can't."""

from __future__ import annotations

import json
from pathlib import Path

from tests.support.command_line import run


def test_facts_are_noted_and_listed(tmp_path: Path) -> None:
    path = str(tmp_path / "memory.db")
    for value, stamp in (("auto", 5_000_000_000), ("manual", 9_000_000_000)):
        said = run("facts", "note", "mode", value, "--stamp", stamp, "--by", "Ada",
                   "--memory", path)  # fmt: skip
        assert said.exit_code == 0, said.output
        assert f"{value:<32} at {stamp / 1e9:.3f} s, by Ada" in said.stdout
    run("facts", "note", "owner", "Bob", "--memory", path, "--json")
    latest = json.loads(run("facts", "--memory", path, "--json").stdout)
    assert [(one["name"], one["value"]) for one in latest] == [("mode", "manual"), ("owner", "Bob")]
    history = json.loads(run("facts", "--name", "Mode", "--memory", path, "--json").stdout)
    assert [one["value"] for one in history] == ["manual", "auto"]
    assert "UTC" in run("facts", "--memory", path).stdout
    answer = run("ask", "Which mode are you in?", "--memory", path)
    assert "The mode is manual" in answer.stdout


def test_what_cannot_be_noted_or_read_is_said(tmp_path: Path) -> None:
    path = str(tmp_path / "memory.db")
    refused = run("facts", "note", "7", "x", "--memory", path)
    assert refused.exit_code != 0
    assert "can't be the name of a fact" in refused.output
    assert "there is no memory at" in run("facts", "--memory", tmp_path / "none.db").output
    assert "no facts" in run("facts", "--memory", path).stdout
