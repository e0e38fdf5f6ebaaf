"""The process of the node: ``ros2 run embodied_agent node``.

One executor thread; SIGINT and SIGTERM end it in order. A fault in one callback, such as a
transition that does not exist being asked for, is logged and the rest goes on.

Out of scope: the node (`node`).
"""

from __future__ import annotations

import sys
import time
from contextlib import suppress

import rclpy
from rclpy.exceptions import (
    InvalidParameterTypeException,
    InvalidParameterValueException,
)
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor

from embodied_agent.errors import AgentError
from embodied_agent.ros.node import AgentNode

#: Replies that are under way at the end get this long, in seconds.
_LAST_REPLIES_S = 0.5


def main(arguments: list[str] | None = None) -> int:
    """Run the node until it is told to end; 0 when it was, 1 when it can't start."""
    rclpy.init(args=arguments)
    try:
        node = AgentNode()
    except (AgentError, InvalidParameterTypeException, InvalidParameterValueException) as error:
        print(f"embodied_agent can't start: {error}", file=sys.stderr)
        _shutdown()
        return 1
    executor = SingleThreadedExecutor()
    executor.add_node(node)
    try:
        _spin(executor, node)
    finally:
        node.release()
        _reply(executor)
        executor.shutdown(timeout_sec=1.0)
        node.destroy_node()
        _shutdown()
    return 0


def _spin(executor: SingleThreadedExecutor, node: AgentNode) -> None:
    with suppress(KeyboardInterrupt):  # wherever it comes, also while a fault is logged
        while rclpy.ok():
            try:
                executor.spin()
            except ExternalShutdownException:
                return
            except Exception as error:
                # The outermost loop of the process: one bad request must not end a robot's memory.
                node.get_logger().error(f"a callback failed: {type(error).__name__}: {error}")


def _reply(executor: SingleThreadedExecutor) -> None:
    """Send the replies that are under way, where ROS was not ended with the signal."""
    deadline = time.monotonic() + _LAST_REPLIES_S
    with suppress(ExternalShutdownException):
        while rclpy.ok() and time.monotonic() < deadline:
            try:
                executor.spin_once(timeout_sec=0.05)
            except RuntimeError:  # as rclpy's own errors are: ROS ended in the middle of it
                if rclpy.ok():
                    raise


def _shutdown() -> None:
    if rclpy.ok():
        rclpy.shutdown()


if __name__ == "__main__":
    raise SystemExit(main())
