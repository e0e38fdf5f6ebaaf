"""What no longer fits into the transcript is summarised before its first line."""

from __future__ import annotations

from pathlib import Path

import pytest

from embodied_agent.agent.indexed_view import IndexedView
from embodied_agent.agent.note_index import indexed
from embodied_agent.agent.segment_view import SegmentView
from embodied_agent.agent.summary_lines import SummaryLines
from embodied_agent.memory import summaries
from embodied_agent.memory.store import Store
from embodied_agent.object_records import Correction
from embodied_agent.records import Action, Delta, Mention
from embodied_agent.settings import MemorySettings
from embodied_agent.transcript.text import Transcript, entry_text
from tests.support.object_world import Robot, pose

BUDGET = 400
HEADING = "-- in summary, what was seen before "


def fill(store: Store, count: int) -> list[Delta]:
    """A corridor that is driven, with a door every five metres and a safe near its start."""
    deltas = []
    first = len(store.keyframes())
    for number in range(first, first + count):
        keyframe = store.add_keyframe(
            stamp_ns=number * 10**9, jpeg=b"", width=64, height=48, reason="overlap", segment=0,
            pose=pose(float(number), 0.0),
        )  # fmt: skip
        mentions = [Mention(f"door {number // 5}", "front", "mid")]
        if 2 <= number < 12:
            mentions.append(Mention("grey safe", "left", "near"))
        delta = Delta(keyframe.id, Action.MOVE_FORWARD, mentions=tuple(mentions))
        store.commit_delta(delta)
        deltas.append(delta)
    return deltas


def told(
    store: Store,
    *,
    last: int,
    whole: bool = True,
    share: float = 0.5,
    budget: int = BUDGET,
    plain: bool = False,
) -> str:
    """The transcript as of keyframe ``last``; ``plain``: by the view that needs no indexes."""
    reserve = int(share * budget) if whole else 0
    lines = SummaryLines(store, "", reserve, store.text_from())
    index = indexed(store, None)
    assert index is not None
    view: SegmentView | IndexedView = IndexedView(index, budget, whole=whole, summaries=lines)
    if plain:
        view = SegmentView(store, "", budget, whole=whole, summaries=lines)
    return view.read(0, last).transcript()


@pytest.fixture
def store() -> Store:
    return Store.open("", MemorySettings())


def test_a_short_memory_is_told_in_its_entries_alone(store: Store) -> None:
    deltas = fill(store, 20)
    assert told(store, last=19) == "".join(map(entry_text, deltas))


def test_what_leaves_a_long_memorys_transcript_is_told_in_summary(store: Store) -> None:
    deltas = fill(store, 300)
    text = told(store, last=299)
    first_line, *lines = text.splitlines()
    entries = [line for line in lines if line.startswith("#")]
    assert first_line == f"{HEADING}{entries[0].split()[0]} --"
    first = 300 - len(entries)
    assert text.endswith("".join(map(entry_text, deltas[first:])))
    places = [line for line in lines if line.startswith("near ")]
    assert "grey safe in 10, first #2, last #11 left near; " in places[0]
    assert sum(int(line.split(" keyframes)")[0].rpartition("(")[2]) for line in places) == first
    assert len(text) / 4 <= BUDGET
    assert text == told(store, last=299, plain=True)


def test_a_question_as_of_an_earlier_moment_reads_the_summary_of_then(store: Store) -> None:
    fill(store, 200)
    then = told(store, last=199)
    fill(store, 100)
    assert told(store, last=199) == then
    assert told(store, last=19) == told(store, last=19, share=0.0)


def test_a_small_model_and_a_share_of_nothing_read_no_summary(store: Store) -> None:
    deltas = fill(store, 100)
    for text in (told(store, last=99, whole=False), told(store, last=99, share=0.0)):
        assert text == Transcript.of(deltas, BUDGET).text()


def test_a_restart_and_another_file_with_the_same_entries_tell_the_same(tmp_path: Path) -> None:
    path = str(tmp_path / "memory.db")
    with Store.open(path, MemorySettings()) as store:
        fill(store, 300)
        text = told(store, last=299)
    with Store.open(path, MemorySettings(), read_only=True) as store:
        assert told(store, last=299) == text
    with Store.open("", MemorySettings()) as store:
        fill(store, 300)
        assert told(store, last=299) == text


def test_what_retention_has_thinned_out_is_told_in_summary_only(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(summaries, "BLOCK", 4)
    monkeypatch.setattr(summaries, "FANOUT", 2)
    now = [1e9]
    monkeypatch.setattr("embodied_agent.memory.store.time.time", lambda: now[0])
    with Store.open("", MemorySettings(text_max_age_s=60)) as store:
        fill(store, 12)
        assert HEADING not in told(store, last=11, budget=10 * BUDGET)
        now[0] += 61
        fill(store, 2)
        assert store.text_from() == 8
        for plain in (False, True):
            text = told(store, last=13, budget=10 * BUDGET, plain=plain)
            summary, _, entries = text.partition("#8 move forward")
            assert summary.startswith(f"{HEADING}#8 --")
            assert "door 0 in 4, first #0, last #3" in summary
            assert "perceived" not in summary + entries
            assert told(store, last=5, plain=plain).startswith(f"{HEADING}#6 --")


def test_a_forgotten_object_is_in_no_summary() -> None:
    robot = Robot()
    robot.drive({"grey safe": (4.0, 1.0, 0.5), "blue lamp": (5.0, 0.0, 1.2)}, steps=70)
    before = told(robot.store, last=69)
    assert "grey safe" in before.split("\n#")[0]
    robot.memory.correct(Correction("forget", "Ada", robot.only("grey safe").id))
    after = told(robot.store, last=69)
    assert HEADING in after
    assert "blue lamp" in after
    assert "safe" not in after
