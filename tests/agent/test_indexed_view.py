"""A memory of any size: where its transcript begins, and what happens where its file is damaged."""

from __future__ import annotations

from pathlib import Path

import apsw
import pytest

from embodied_agent.agent import Agent, indexed_view
from embodied_agent.agent.indexed_view import IndexedView
from embodied_agent.agent.note_index import indexed
from embodied_agent.agent.summary_lines import SummaryLines
from embodied_agent.memory.store import Store
from embodied_agent.object_records import Correction
from embodied_agent.records import Action, Delta, Mention, Question
from embodied_agent.settings import MemorySettings, load_settings
from tests.support.old_memories import make_older, version_before
from tests.support.random_memories import add_to

SETTINGS = MemorySettings()


def deltas(count: int, first: int = 0) -> list[Delta]:
    """A thing of its own in each."""
    return [
        Delta(number, Action.MOVE_FORWARD, None, (Mention(f"box {number}", "front"),), model="m")
        for number in range(first, first + count)
    ]


def rows(those: list[Delta], *, every: int = 1000) -> list[tuple[int, str, Delta]]:
    """In segments of so many."""
    return [(delta.keyframe_id // every, "", delta) for delta in those]


@pytest.mark.parametrize("whole", [True, False])
def test_a_transcript_does_not_depend_on_when_it_was_begun(
    monkeypatch: pytest.MonkeyPatch, whole: bool
) -> None:
    monkeypatch.setattr(indexed_view, "_LEAST_STEP", 8)
    budget = 60
    with Store.open("", SETTINGS) as store:
        add_to(store, rows(deltas(1), every=13))
        none = SummaryLines(store, "", reserve=0, text_from=0)
        index = indexed(store, None)
        assert index is not None
        grown = IndexedView(index, budget, whole=whole, summaries=none)
        for number in range(1, 60):
            add_to(store, rows(deltas(1, number), every=13))
            fresh_index = indexed(store, None)
            assert fresh_index is not None
            fresh = IndexedView(fresh_index, budget, whole=whole, summaries=none)
            segment = number // 13
            told = grown.read(segment, number).transcript()
            assert told == fresh.read(segment, number).transcript()
            # As of an earlier moment it is what it was then, whatever was asked in between.
            earlier = number // 2
            assert (
                grown.read(earlier // 13, earlier).transcript()
                == fresh.read(earlier // 13, earlier).transcript()
            )
            assert f"box {number}" in told


def agent_on(path: Path) -> Agent:
    """An agent that needs no model."""
    return Agent(load_settings(perception__backend="geometry", memory__path=str(path)))


def memory(path: Path) -> Path:
    """Three things, each in a delta of its own."""
    with Store.open(str(path), SETTINGS) as store:
        add_to(store, rows(deltas(3)))
    return path


def test_a_damaged_delta_is_left_out_and_everything_else_is_answered(tmp_path: Path) -> None:
    path = memory(tmp_path / "memory.db")
    db = apsw.Connection(str(path))
    db.execute("UPDATE deltas SET json = replace(json, 'box 1', 'box 7') WHERE keyframe_id = 1")
    db.close()
    with agent_on(path) as agent:
        for number, status in ((0, "answered"), (1, "not_seen"), (2, "answered")):
            answer = agent.ask(Question(f"Did you see box {number}?"))
            assert answer.status == status, answer
        assert agent.status().memory.damaged


def test_an_older_file_that_is_only_read_is_answered_from(tmp_path: Path) -> None:
    path = memory(tmp_path / "memory.db")
    make_older(path, version_before("CREATE TABLE claims"))
    with Store.open(str(path), SETTINGS, read_only=True) as store:
        settings = load_settings(perception__backend="geometry")
        with Agent(settings, store=store) as agent:
            assert [e.keyframe_id for e in agent.ask("Did you see box 1?").evidence] == [1]
            assert agent.ask("Did you see a piano?").status == "not_seen"


def test_what_is_forgotten_is_no_longer_known(tmp_path: Path) -> None:
    path = memory(tmp_path / "memory.db")
    with agent_on(path) as agent:
        assert agent.ask("Did you see box 1?").status == "answered"
        agent.correct(Correction("forget", by="a test", from_ns=10**9, to_ns=10**9))
        assert agent.ask("Did you see box 1?").status == "not_seen"
        assert agent.ask("Did you see box 2?").status == "answered"
