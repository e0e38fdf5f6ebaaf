"""The small mechanisms of `embodied_agent.support`: back-off, breaker, pace, logs, lazy models."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from embodied_agent.errors import ModelUnavailable
from embodied_agent.support.backoff import Backoff
from embodied_agent.support.breaker import Breaker
from embodied_agent.support.lazy import Lazy
from embodied_agent.support.pace import Pace
from embodied_agent.support.throttled_log import ThrottledLog

SECOND = 1_000_000_000


class Clock:
    """Seconds that pass when a test says so."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_waits_double_up_to_the_longest() -> None:
    backoff = Backoff(1.0, 6.0, jitter=lambda: 0.0)
    assert [backoff.failure_s() for _ in range(5)] == [1.0, 2.0, 4.0, 6.0, 6.0]
    assert backoff.failures == 5
    backoff.reset()
    assert (backoff.failures, backoff.failure_s()) == (0, 1.0)


def test_a_try_that_was_stable_makes_the_next_wait_short_again() -> None:
    clock = Clock()
    backoff = Backoff(1.0, 60.0, stable_s=10.0, clock=clock, jitter=lambda: 0.0)
    for lasted_s, wait_s in ((0.0, 1.0), (9.9, 2.0), (10.0, 1.0), (1.0, 2.0)):
        backoff.begin()
        clock.now += lasted_s
        assert backoff.failure_s() == wait_s


@given(st.floats(0.01, 10), st.floats(0, 0.999), st.integers(1, 2000))
def test_a_wait_is_never_longer_than_the_longest_nor_shorter_than_half_of_it(
    first_s: float, jitter: float, failures: int
) -> None:
    backoff = Backoff(first_s, 30.0, jitter=lambda: jitter)
    for _ in range(failures):
        wait_s = backoff.failure_s()
    assert min(30.0, first_s) / 2 <= wait_s <= 30.0


def test_the_breaker_waits_longer_after_each_failure_and_probes_once() -> None:
    now = 0.0
    breaker = Breaker(1.0, 4.0, clock=lambda: now, jitter=lambda: 0.0)
    waits = []
    for _ in range(4):
        assert breaker.begin()
        breaker.failure()
        breaker.failure()  # a call begun before counts as the same outage
        waits.append(breaker.wait_s())
        assert (breaker.state, breaker.begin()) == ("open", False)
        now += breaker.wait_s()
        assert breaker.state == "half-open"
    assert waits == [1.0, 2.0, 4.0, 4.0]
    assert breaker.begin()
    assert not breaker.begin()
    breaker.cancel()
    assert breaker.begin()
    breaker.success()
    assert (breaker.state, breaker.begin(), breaker.begin()) == ("closed", True, True)


def test_the_breakers_jitter_only_shortens_the_wait() -> None:
    for jitter in (0.0, 0.5, 0.999):
        breaker = Breaker(2.0, 30.0, clock=lambda: 0.0, jitter=lambda j=jitter: j)
        breaker.failure()
        assert 1.0 <= breaker.wait_s() <= 2.0


def test_a_closed_breaker_lets_every_caller_call_at_once() -> None:
    clock = Clock()
    breaker = Breaker(1.0, 4.0, clock=clock, jitter=lambda: 0.0)
    for _ in range(2):
        assert (breaker.state, breaker.failures, breaker.wait_s()) == ("closed", 0, 0.0)
        assert breaker.begin()
        assert breaker.begin()
        breaker.failure()
        assert (breaker.failures, breaker.wait_s()) == (1, 1.0)
        clock.now += 60.0
        assert (breaker.state, breaker.wait_s()) == ("half-open", 0.0)
        assert breaker.begin()
        breaker.success()


def test_a_failure_that_began_before_the_outage_neither_counts_nor_ends_the_wait() -> None:
    clock = Clock()
    breaker = Breaker(1.0, 4.0, clock=clock, jitter=lambda: 0.0)
    breaker.failure()
    clock.now += 1.5
    breaker.failure()
    assert (breaker.state, breaker.failures) == ("half-open", 1)
    assert breaker.begin()
    breaker.failure()
    assert (breaker.state, breaker.failures, breaker.wait_s()) == ("open", 2, 2.0)
    clock.now += 0.5
    assert (breaker.begin(), breaker.wait_s()) == (False, 1.5)


def test_a_recording_keeps_the_pace_of_its_stamps() -> None:
    clock = Clock()
    pace = Pace(2.0, clock=clock)
    assert pace.wait_s(5 * SECOND) == 0
    assert pace.wait_s(6 * SECOND) == 0.5
    assert pace.wait_s(8 * SECOND) == 1.5
    assert pace.wait_s(3 * SECOND) == 1.5  # a stamp that jumps back is due at once
    assert pace.wait_s(1000 * SECOND) == 1.5  # a hole is not waited for
    clock.now = 200.0
    assert pace.wait_s(1001 * SECOND) == 0


def test_warnings_are_counted_by_kind_and_logged_now_and_then() -> None:
    lines: list[str] = []
    clock = Clock()
    log = ThrottledLog(lines.append, every_s=10.0, clock=clock)
    for _ in range(50):
        log.add("bad_step", "the step is 100 % wrong")
    log.add("empty_image", "nothing in it")
    assert log.counts() == {"bad_step": 50, "empty_image": 1}
    assert lines == ["the step is 100 % wrong", "nothing in it"]
    clock.now += 10.0
    log.add("bad_step", "the step is wrong")
    assert lines[2:] == ["the step is wrong (bad_step; 49 more since the last such line)"]


class Model:
    """Something that must be closed."""

    def __init__(self) -> None:
        self.closed = 0

    def close(self) -> None:
        self.closed += 1


def test_a_lazy_model_is_made_once_whoever_needs_it() -> None:
    made: list[Model] = []
    begun = threading.Barrier(8)

    def make() -> Model:
        made.append(Model())
        return made[-1]

    lazy = Lazy(make)

    def need() -> Model:
        begun.wait(60)
        return lazy()

    assert lazy.loaded is None
    with ThreadPoolExecutor(8) as pool:
        models = [future.result() for future in [pool.submit(need) for _ in range(8)]]
    assert len(made) == 1
    assert set(models) == {lazy.loaded}
    lazy.close()
    assert made[0].closed == 1


def test_a_model_that_could_not_be_made_is_tried_again() -> None:
    faults = [OSError("no such checkpoint")]

    def make() -> Model:
        if faults:
            raise faults.pop()
        return Model()

    lazy = Lazy(make)
    with pytest.raises(OSError, match="checkpoint"):
        lazy()
    assert lazy() is lazy.loaded


def test_what_was_never_made_or_is_borrowed_is_not_closed() -> None:
    Lazy(lambda: pytest.fail("nobody needed it")).close()
    model = Model()
    lazy = Lazy.borrowed(model)
    assert lazy() is lazy.loaded is model
    lazy.close()
    assert model.closed == 0


def test_closing_does_not_wait_for_a_model_that_is_being_loaded() -> None:
    loading, may_load = threading.Event(), threading.Event()
    model = Model()

    def make() -> Model:
        loading.set()
        assert may_load.wait(60)
        return model

    lazy = Lazy(make)
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(lazy)
        assert loading.wait(60)
        lazy.close()  # returns although nothing is loaded yet
        assert not model.closed
        may_load.set()
        with pytest.raises(ModelUnavailable, match="closed while it was loaded"):
            first.result(60)
    assert model.closed == 1
