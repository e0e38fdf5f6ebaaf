"""Waiting within the executor's coroutines for what other threads do.

A coroutine that awaits here gives the executor back until the result is there, so that one thread
serves images, a hundred questions and the parameters alike.

Out of scope: who does the work (`embodied_agent.agent.question_queue`, or a pool of threads).
"""

from __future__ import annotations

import concurrent.futures
import threading
from contextlib import suppress
from typing import Any, TypeVar

from rclpy.exceptions import InvalidHandle
from rclpy.impl.implementation_singleton import rclpy_implementation
from rclpy.qos import QoSProfile
from rclpy.task import Future

_T = TypeVar("_T")

#: What ROS raises when a thread comes too late: the node was cleaned up, or ROS ended.
GONE = (InvalidHandle, rclpy_implementation.RCLError)
#: For services: by default ROS keeps ten requests, and of a hundred at once loses the others.
SERVICE_QOS = QoSProfile(depth=256)


class Pending:
    """Counts requests that wait for their answer."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._count = 0

    def __enter__(self) -> Pending:
        with self._lock:
            self._count += 1
        return self

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._count -= 1

    @property
    def count(self) -> int:
        """How many wait."""
        with self._lock:
            return self._count


async def result_of(
    executor: Any, future: concurrent.futures.Future[_T], timeout_s: float | None = None
) -> _T | None:
    """What ``future`` gives, ``None`` after ``timeout_s`` seconds.

    Raises:
        Exception: whatever the future holds.
    """
    woken = Future(executor=executor)

    def wake(_: object = None) -> None:
        if not woken.done():
            woken.set_result(True)
        # Waiting coroutines check again; at the very end there is no executor left to wake.
        with suppress(*GONE):
            executor.create_task(_nothing)

    timer = None if timeout_s is None else threading.Timer(timeout_s, wake)
    if timer is not None:
        timer.daemon = True
        timer.start()
    future.add_done_callback(wake)
    try:
        await woken
    finally:
        if timer is not None:
            timer.cancel()
    return future.result() if future.done() else None


def _nothing() -> None:
    """A task that only wakes the executor."""
