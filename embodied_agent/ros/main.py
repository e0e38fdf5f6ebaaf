"""The process of the node: ``ros2 run embodied_agent agent``.

One executor thread. SIGINT and SIGTERM end it in order, even while it starts, and further signals
don't interrupt that: the memory is closed first. An error in one callback, such as a request for a
transition that does not exist, is logged, and the node continues.

Out of scope: the node (`node`).
"""

from __future__ import annotations

import signal
import sys
import time
from contextlib import suppress
from typing import TYPE_CHECKING

from embodied_agent.errors import AgentError

if TYPE_CHECKING:
    from rclpy.executors import SingleThreadedExecutor

    from embodied_agent.ros.node import AgentNode

#: Replies that are under way at the end get this long, in seconds.
_LAST_REPLIES_S = 0.5
_SIGNALS = (signal.SIGINT, signal.SIGTERM)
#: The executor looks at least this often whether ROS was ended, in seconds.
_AWAKE_S = 1.0


def main(arguments: list[str] | None = None) -> int:
    """Run the node until a signal ends it; returns 0 then, and 1 if it can't start."""
    signals = _Signals()
    # ROS is loaded late, so that a signal in the meantime ends the process without a traceback.
    import rclpy
    from rclpy.clock import Clock, ClockType
    from rclpy.exceptions import (
        InvalidParameterTypeException,
        InvalidParameterValueException,
        NotInitializedException,
    )
    from rclpy.executors import SingleThreadedExecutor

    try:
        from embodied_agent.ros import node as live

        try:
            rclpy.init(args=arguments)
            # Not before: a signal that comes before ROS handles signals would do nothing.
            signals.ros_acts = True
            node = live.AgentNode()
            # On a signal, rclpy first wakes the executor and then ends ROS: a quick executor goes
            # back to sleep, for ever where nothing else comes. Steady: simulated time may stand.
            steady = Clock(clock_type=ClockType.STEADY_TIME)
            node.create_timer(_AWAKE_S, lambda: None, clock=steady)
            executor = SingleThreadedExecutor()
            executor.add_node(node)
        except (AgentError, InvalidParameterTypeException, InvalidParameterValueException) as error:
            return _refuse(error)
        except (RuntimeError, NotInitializedException) as error:  # as rclpy's own errors are
            if signals.count:  # it was told to end while it started
                return 0
            if rclpy.ok():
                raise
            return _refuse(error)  # such as no key for its enclave
        try:
            # A SystemExit raised in a callback of the interpreter is lost, so the count decides.
            if not signals.count:
                _spin(executor, node)
        finally:
            node.release()
            _reply(executor)
            executor.shutdown(timeout_sec=1.0)
            node.destroy_node()
        return 0
    finally:
        rclpy.try_shutdown()  # a signal may be doing the same
        for number in _SIGNALS:  # nothing is left to end
            signal.signal(number, signal.SIG_IGN)


def _refuse(error: Exception) -> int:
    print(f"embodied_agent can't start: {error}", file=sys.stderr)
    return 1


class _Signals:
    """Lets ROS alone act on signals, by ending: no KeyboardInterrupt breaks into what closes.

    Made before rclpy.init, whose own handlers call this one. Until ``ros_acts`` a signal ends the
    process.
    """

    def __init__(self) -> None:
        self.count = 0
        self.ros_acts = False
        self._report = sys.unraisablehook
        sys.unraisablehook = self._finalizer_failed
        for number in _SIGNALS:
            signal.signal(number, self._tell)

    def _tell(self, *_: object) -> None:
        self.count += 1
        if not self.ros_acts:
            raise SystemExit(0)
        if self.count > 1:
            print("embodied_agent is closing its memory; SIGKILL ends it at once", file=sys.stderr)

    def _finalizer_failed(self, failure: sys.UnraisableHookArgs) -> None:
        """What rclpy was making when a signal ended ROS lacks the attributes that its finalizers
        expect."""
        if not (self.count and isinstance(failure.exc_value, AttributeError)):
            self._report(failure)


def _spin(executor: SingleThreadedExecutor, node: AgentNode) -> None:
    import rclpy
    from rclpy.executors import ExternalShutdownException

    while rclpy.ok():
        try:
            executor.spin()
        except ExternalShutdownException:
            return
        except Exception as error:
            # The outermost loop of the process: one bad request must not end a robot's memory.
            if rclpy.ok():
                node.get_logger().error(f"a callback failed: {type(error).__name__}: {error}")


def _reply(executor: SingleThreadedExecutor) -> None:
    """Send the replies that are under way, where ROS was not ended with the signal."""
    import rclpy
    from rclpy.executors import ExternalShutdownException

    deadline = time.monotonic() + _LAST_REPLIES_S
    with suppress(ExternalShutdownException):
        while rclpy.ok() and time.monotonic() < deadline:
            try:
                executor.spin_once(timeout_sec=0.05)
            except RuntimeError:  # as rclpy's own errors are: ROS ended in the middle of it
                if rclpy.ok():
                    raise


if __name__ == "__main__":
    raise SystemExit(main())
