"""Which stamps are dropped, and which open a new segment."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from embodied_agent.agent.clock_gate import ClockGate, Passed
from embodied_agent.sources.base import CLOCK_RESTART_NS

MS = 1_000_000
DAY = 86_400_000 * MS


def passed(stamps: list[int]) -> tuple[list[int], list[int], ClockGate[int]]:
    """The stamps that pass, those that open a segment, and the gate."""
    gate: ClockGate[int] = ClockGate()
    taken = [p for number, stamp in enumerate(stamps) for p in gate.take(stamp, number)]
    taken += gate.end()
    return [stamps[p.frame] for p in taken], [stamps[p.frame] for p in taken if p.restart], gate


def steady(count: int, start: int = 0, step: int = 33 * MS) -> list[int]:
    return [start + step * n for n in range(count)]


@pytest.mark.parametrize("off", [DAY, -2_500 * MS, 10 * 60_000 * MS, -(1 << 62), (1 << 62)])
@pytest.mark.parametrize("times", [1, 2])
def test_stamps_out_of_line_are_dropped_and_counted(off: int, times: int) -> None:
    line = steady(225, start=4_000 * MS)
    wrong = [line[99] + off + n for n in range(times)]
    taken, restarts, gate = passed([*line[:100], *wrong, *line[100:]])
    assert taken == line
    assert restarts == []
    assert (gate.absurd, gate.late) == (times, 0)


@pytest.mark.parametrize("off", [DAY, -2_500 * MS, -DAY])
def test_a_lasting_jump_opens_one_segment_and_loses_no_frame(off: int) -> None:
    line = [*steady(50, start=DAY * 2), *steady(50, start=DAY * 2 + 1_650 * MS + off)]
    taken, restarts, gate = passed(line)
    assert taken == line
    assert restarts == [line[50]]
    assert gate.absurd == 0


def test_wrong_stamps_again_and_again_open_nothing() -> None:
    line = steady(60)
    stamps = [s for n, stamp in enumerate(line) for s in ((stamp, stamp - DAY * (n % 3)))]
    taken, restarts, gate = passed(stamps)
    assert sorted(set(taken)) == line
    assert restarts == []
    assert gate.absurd > 0


def test_jitter_is_late_and_not_absurd() -> None:
    taken, restarts, gate = passed([0, 100 * MS, 50 * MS, 200 * MS])
    assert (taken, restarts) == ([0, 100 * MS, 200 * MS], [])
    assert (gate.late, gate.absurd) == (1, 0)


@pytest.mark.parametrize("step", [200 * MS, 61_000 * MS, 600_000 * MS, 7_200_000 * MS])
@pytest.mark.parametrize("count", [1, 2, 3, 4, 20])
def test_a_time_lapse_is_no_jump(step: int, count: int) -> None:
    line = steady(count, step=step)
    assert passed(line)[:2] == (line, [])


def test_a_pause_of_minutes_is_no_restart() -> None:
    line = [*steady(50), *steady(50, start=600_000 * MS)]
    taken, restarts, _ = passed(line)
    assert (taken, restarts) == (line, [])


@given(st.lists(st.integers(-(1 << 63), (1 << 63) - 1), max_size=40))
def test_every_frame_is_taken_or_counted_and_stamps_rise_within_a_segment(
    stamps: list[int],
) -> None:
    gate: ClockGate[int] = ClockGate()
    taken = [p for stamp in stamps for p in gate.take(stamp, stamp)]
    taken += gate.end()
    assert len(taken) + gate.late + gate.absurd == len(stamps)
    last: int | None = None
    for stamp, restart in taken:
        assert restart or last is None or stamp >= last
        last = stamp


def fed(stamps: list[int]) -> ClockGate[int]:
    """A gate that has taken these stamps."""
    gate: ClockGate[int] = ClockGate()
    for stamp in stamps:
        gate.take(stamp, stamp)
    return gate


def test_a_frame_with_the_stamp_of_the_last_one_passes() -> None:
    assert passed([5, 5, 5])[0] == [5, 5, 5]


def test_up_to_two_seconds_back_is_late_and_more_is_out_of_line() -> None:
    line = steady(10, start=DAY)
    taken, _, gate = passed([*line, line[-1] - CLOCK_RESTART_NS, line[-1] - 1])
    assert (taken, gate.late, gate.absurd) == (line, 2, 0)
    taken, _, gate = passed([*line, line[-1] - CLOCK_RESTART_NS - 1])
    assert (taken, gate.late, gate.absurd) == (line, 0, 1)


@pytest.mark.parametrize(
    ("step", "limit"),
    [(33 * MS, 60_000 * MS), (6_000 * MS, 60_000 * MS), (7_000 * MS, 70_000 * MS)],
)
def test_a_minute_or_ten_usual_intervals_ahead_is_in_line_and_more_is_not(
    step: int, limit: int
) -> None:
    line = steady(10, step=step)
    assert fed(line).take(line[-1] + limit, 0) == [Passed(0)]
    gate = fed(line)
    assert gate.take(line[-1] + limit + 1, 0) == []
    assert gate.take(line[-1] + step, 1) == [Passed(1)]
    assert gate.absurd == 1


def test_what_is_usual_is_known_from_the_latest_intervals() -> None:
    # An interval of 10 s among the last eight allows 100 s; before them, it is forgotten.
    slow_first = [0, 10_000 * MS, *steady(7, start=10_100 * MS, step=100 * MS)]
    assert fed(slow_first).take(slow_first[-1] + 100_000 * MS, 0) == [Passed(0)]
    forgotten = [*slow_first, slow_first[-1] + 100 * MS]
    assert fed(forgotten).take(forgotten[-1] + 100_000 * MS, 0) == []


def test_stamps_out_of_line_that_do_not_agree_are_dropped_one_by_one() -> None:
    line = steady(20, start=4 * DAY)
    wrong = [10 * DAY, 20 * DAY, DAY, DAY + 60_000 * MS + 1, DAY]
    taken, restarts, gate = passed([*line, *wrong, line[-1] + 33 * MS])
    assert taken == [*line, line[-1] + 33 * MS]
    assert (restarts, gate.absurd, gate.late) == ([], 5, 0)


def test_three_frames_that_agree_are_a_jump_and_two_are_not_yet() -> None:
    gate = fed(steady(20, start=DAY))
    jumped = [5, 5, 5 + 60_000 * MS]
    assert [gate.take(stamp, stamp) for stamp in jumped[:2]] == [[], []]
    assert gate.take(jumped[2], jumped[2]) == [
        Passed(5, restart=True),
        Passed(5),
        Passed(jumped[2]),
    ]
    assert gate.take(jumped[2] + 1, 7) == [Passed(7)]


@pytest.mark.parametrize(("ahead", "restarts"), [(3_600_000 * MS, 0), (3_600_000 * MS + 1, 1)])
def test_a_gap_of_more_than_an_hour_opens_a_segment_and_an_hour_does_not(
    ahead: int, restarts: int
) -> None:
    line = steady(20)
    after = steady(5, start=line[-1] + ahead)
    taken, opened, _ = passed([*line, *after])
    assert taken == [*line, *after]
    assert len(opened) == restarts


@pytest.mark.parametrize("back", [True, False])
def test_after_a_jump_the_intervals_before_it_are_not_usual_any_more(back: bool) -> None:
    lapse = steady(10, start=DAY, step=600_000 * MS)
    after = steady(10, start=0 if back else 3 * DAY)
    gate = fed([*lapse, *after])
    assert gate.take(after[-1] + 120_000 * MS, 0) == []


def test_after_a_pause_the_intervals_before_it_stay_usual() -> None:
    line = steady(9, step=20_000 * MS)
    gate = fed([*line, *steady(3, start=line[-1] + 250_000 * MS)])
    assert gate.take(line[-1] + 250_066 * MS + 200_000 * MS, 0) == [Passed(0)]


def test_of_a_source_with_two_frames_twice_the_gap_may_be_usual() -> None:
    gap = 100_000 * MS
    first, *held = (DAY + n * gap for n in (0, 1, 3, 5))
    assert fed([first, *held[:2]]).take(held[2], 0)[-1] == Passed(0)
    assert fed([first, *held[:2]]).take(held[2] + 1, 0) == []


def test_a_time_lapse_whose_clock_jumps_goes_on_in_a_segment_of_its_own() -> None:
    line = steady(20, start=DAY, step=600_000 * MS)
    after = steady(20, start=0, step=600_000 * MS)
    assert passed([*line, *after])[:2] == ([*line, *after], [0])


def test_reset_drops_what_was_held_and_takes_any_stamp() -> None:
    gate = fed([*steady(10, start=DAY), 3 * DAY, 6 * DAY, 6 * DAY])
    assert gate.absurd == 1
    gate.reset()
    assert gate.absurd == 3
    assert gate.take(7, 7) == [Passed(7)]
    assert gate.take(8, 8) == [Passed(8)]
    assert gate.end() == []


def test_reset_forgets_the_usual_interval() -> None:
    gate = fed(steady(10, step=600_000 * MS))
    gate.reset()
    gate.take(0, 0)
    gate.take(1, 1)
    assert gate.take(120_000 * MS, 2) == []


def test_where_another_camera_shows_that_the_clock_jumped_held_frames_are_given_back() -> None:
    gate = fed([*steady(10, start=DAY, step=600_000 * MS), 5, 9])
    assert gate.restart() == [5, 9]
    assert gate.absurd == 0
    assert gate.take(4, 4) == []
    assert gate.late == 1
    assert gate.take(10, 10) == [Passed(10)]
    assert gate.take(120_000 * MS, 11) == []  # the intervals are those of the held frames
    assert gate.take(8, 12) == []
    assert gate.late == 2


def test_where_another_camera_jumped_a_camera_that_holds_nothing_takes_any_stamp() -> None:
    gate = fed(steady(10, start=DAY))
    assert gate.restart() == []
    assert gate.take(5, 5) == [Passed(5)]


def test_frames_still_held_at_the_end_of_a_sparse_source_are_kept() -> None:
    day = fed([0, DAY])
    assert day.end() == [Passed(DAY)]
    assert passed([DAY, 3 * DAY])[0] == [DAY, 3 * DAY]
    assert day.end() == []
    assert day.absurd == 0
    two = fed([5, 5 + DAY, 6 + DAY])
    assert two.end() == [Passed(5 + DAY), Passed(6 + DAY)]


@pytest.mark.parametrize("stamps", [[DAY, 5, 6], [*steady(5), DAY, DAY + 1]])
def test_frames_held_at_the_end_are_dropped_if_they_go_back_or_others_came_often(
    stamps: list[int],
) -> None:
    gate = fed(stamps)
    assert gate.end() == []
    assert gate.absurd == 2
