"""A path that is read at once is the one that was kept up as the robot went."""

from __future__ import annotations

import pytest

from embodied_agent.interfaces.web import summaries
from embodied_agent.interfaces.web.summaries import PathSummary
from embodied_agent.memory.store import Store
from embodied_agent.records import Pose
from embodied_agent.settings import MemorySettings


def go(store: Store, first: int, count: int, *, without: int = 0) -> None:
    """Keyframes along a line, every ``without``-th of them without a pose."""
    for number in range(first, first + count):
        posed = not without or number % without
        store.add_keyframe(
            stamp_ns=number,
            jpeg=b"",
            width=8,
            height=6,
            reason="overlap",
            segment=number // 40,
            pose=Pose((0.1 * number, 0.0, 0.0), (0.0, 0.0, 0.0, 1.0), "map") if posed else None,
        )


@pytest.mark.parametrize("without", [0, 3])
@pytest.mark.parametrize("count", [0, 1, 5, 7, 8, 15, 16, 60, 100])
def test_a_path_that_is_read_at_once_is_the_one_that_was_kept_up(
    monkeypatch: pytest.MonkeyPatch, count: int, without: int
) -> None:
    monkeypatch.setattr(summaries, "_POINTS", 4)
    with Store.open("", MemorySettings()) as store:
        kept_up = PathSummary(store)
        kept_up.refreshed()
        for number in range(count):
            go(store, number, 1, without=without)
            kept_up.refreshed()
        at_once = PathSummary(store)
        assert at_once.refreshed() == kept_up.refreshed()
        go(store, count, 20, without=without)
        assert at_once.refreshed() == kept_up.refreshed()
