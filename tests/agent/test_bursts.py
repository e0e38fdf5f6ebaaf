"""A burst of frames never delays a decision by more than one frame, and decisions never wait."""

from __future__ import annotations

import threading

import cv2
import numpy as np
import pytest

from embodied_agent.agent.mailbox import Mailbox
from embodied_agent.keyframes import KeyframeSelector
from embodied_agent.records import Decision, Frame, Image
from embodied_agent.settings import KeyframeSettings
from tests.support.views import panorama_views

BURST = 5
WAIT_S = 60.0


def frames(count: int) -> list[Frame]:
    views: list[Image] = list(panorama_views(count, width=320))
    return [
        Frame(index * 33_000_000, encoded=cv2.imencode(".jpg", v)[1].tobytes(), index=index)
        for index, v in enumerate(views)
    ]


class Decider:
    """Takes frames in with a real keyframer; stops in the middle of those that it is told to."""

    def __init__(self, stop_in: set[int]) -> None:
        self._selector = KeyframeSelector(KeyframeSettings())
        self._stop_in = stop_in
        self.reached = threading.Semaphore(0)
        self.go_on = threading.Semaphore(0)
        self.decided = threading.Semaphore(0)
        self.decisions: list[Decision] = []

    def take(self, frame: Frame) -> None:
        if frame.index in self._stop_in:
            self.reached.release()
            assert self.go_on.acquire(timeout=WAIT_S)
        self.decisions.append(self._selector.step(frame))
        self.decided.release()


@pytest.mark.parametrize("burst", [2, BURST, 20])
def test_of_a_burst_the_newest_frame_is_decided_next(burst: int) -> None:
    """Whatever arrives while one frame is decided, only that one decision lies before its own."""
    recorded = frames(2 * burst + 1)
    decider = Decider({0, burst})
    mailbox = Mailbox(decider.take, threading.RLock())
    mailbox.post(recorded[0])
    for last in (burst, 2 * burst):
        assert decider.reached.acquire(timeout=WAIT_S)
        for frame in recorded[last - burst + 1 : last + 1]:
            mailbox.post(frame)
        decider.go_on.release()
    for _ in range(3):
        assert decider.decided.acquire(timeout=WAIT_S)
    mailbox.close()
    assert [d.index for d in decider.decisions] == [0, burst, 2 * burst]
    assert mailbox.dropped == 2 * (burst - 1)


def test_frames_posted_together_are_all_decided_until_others_come() -> None:
    recorded = frames(9)
    decider = Decider({0, 4})
    mailbox = Mailbox(decider.take, threading.RLock())
    mailbox.post(recorded[0])
    assert decider.reached.acquire(timeout=WAIT_S)
    mailbox.post(*recorded[1:4])
    decider.go_on.release()
    for _ in range(4):
        assert decider.decided.acquire(timeout=WAIT_S)
    mailbox.post(*recorded[4:8])
    assert decider.reached.acquire(timeout=WAIT_S)
    mailbox.post(recorded[8])
    decider.go_on.release()
    for _ in range(2):
        assert decider.decided.acquire(timeout=WAIT_S)
    mailbox.close()
    assert [d.index for d in decider.decisions] == [0, 1, 2, 3, 4, 8]
    assert mailbox.dropped == 3


def test_a_decision_needs_no_later_frame() -> None:
    """Of each prefix of a recording, the decisions are those of the whole."""
    recorded = frames(24)

    def decide(count: int) -> list[tuple[int, bool, float | None]]:
        selector = KeyframeSelector(KeyframeSettings())
        steps = [selector.step(frame) for frame in recorded[:count]]
        return [(d.index, d.keep, d.overlap_ratio) for d in steps]

    whole = decide(24)
    assert any(keep for _, keep, _ in whole[1:])
    for count in (1, 5, 13, 23):
        assert decide(count) == whole[:count]


def test_selectors_that_run_side_by_side_decide_as_each_alone() -> None:
    """Cameras have a selector each, on threads of their own; a replay gives the same keyframes."""
    recorded = frames(30)
    backwards = [
        Frame(index * 33_000_000, encoded=frame.encoded, index=index)
        for index, frame in enumerate(reversed(recorded))
    ]

    def decide(source: list[Frame], out: list[Decision]) -> None:
        selector = KeyframeSelector(KeyframeSettings())
        out.extend(selector.step(frame) for frame in source)

    alone: list[list[Decision]] = [[], []]
    together: list[list[Decision]] = [[], []]
    for source, out in zip((recorded, backwards), alone, strict=True):
        decide(source, out)
    threads = [
        threading.Thread(target=decide, args=pair)
        for pair in zip((recorded, backwards), together, strict=True)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(WAIT_S)
    for one, other in zip(alone, together, strict=True):
        assert len(one) == len(other) == 30
        for a, b in zip(one, other, strict=True):
            assert (a.keep, a.reason, a.overlap_ratio, a.support, a.egomotion) == (
                b.keep,
                b.reason,
                b.overlap_ratio,
                b.support,
                b.egomotion,
            )
            assert a.homography is None or np.array_equal(a.homography, b.homography)
