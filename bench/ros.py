"""The ROS 2 node at 30 Hz: decisions, latency from publish to decision, and CPU cost.

python bench/ros.py [--seconds 20] [--rate 30] [--size 1920x1080] [--tf-late-ms 5]

Needs ROS 2 (source its setup file) and the built workspace (`cd ros_ws && colcon build`). A camera
in a process of its own publishes pictures; the node selects keyframes, with
`perception.backend: geometry` and without questions. With --tf-late-ms the transform of each image
follows it by that much, and the node waits for it. At the same time, an empty rclpy subscriber
receives the same topic for comparison, and a listener records the time of each decision. Costs are
the CPU seconds of each process as counted by the kernel, as a share of one core.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import cv2
import numpy as np

#: How long to wait for the decisions on the last images, in seconds.
SETTLE_S = 3.0
_TICK_S = 1.0 / os.sysconf("SC_CLK_TCK")


def pictures(count: int, width: int, height: int) -> list[np.ndarray]:
    """A pan along one wide picture full of corners."""
    rng = np.random.default_rng(7)
    step = 6
    wide = np.full((height, width + step * count, 3), 110, np.uint8)
    for _ in range(wide.shape[1]):
        x, y = int(rng.integers(wide.shape[1])), int(rng.integers(height))
        size, colour = int(rng.integers(8, 40)), tuple(int(c) for c in rng.integers(0, 255, 3))
        cv2.rectangle(wide, (x, y), (x + size, y + size), colour, -1)
    wide = cv2.GaussianBlur(wide, (3, 3), 0)
    return [wide[:, i * step : i * step + width].copy() for i in range(count)]


def camera(
    transport: str, rate_hz: float, seconds: float, size: tuple[int, int], tf_late_s: float | None
) -> None:
    """Publish images, each stamped with the time at which it is handed to ROS."""
    import rclpy
    from rclpy.qos import qos_profile_sensor_data
    from sensor_msgs.msg import CompressedImage, Image

    width, height = size
    views = pictures(150, width, height)
    views += views[-2:0:-1]  # and back, so that consecutive pictures always overlap
    messages: list[Any] = []
    for view in views:
        if transport == "raw":
            message = Image(height=height, width=width, encoding="bgr8", step=width * 3)
            message.data = view.tobytes()
        else:
            message = CompressedImage(format="jpeg")
            message.data = cv2.imencode(".jpg", view, [cv2.IMWRITE_JPEG_QUALITY, 90])[1].tobytes()
        message.header.frame_id = "camera"
        messages.append(message)
    rclpy.init()
    node = rclpy.create_node("camera")
    kind, topic = (Image, "image") if transport == "raw" else (CompressedImage, "image/compressed")
    publisher = node.create_publisher(kind, f"/bench/{topic}", qos_profile_sensor_data)
    follow = None if tf_late_s is None else _transforms(node, tf_late_s)
    while publisher.get_subscription_count() < 2:
        rclpy.spin_once(node, timeout_sec=0.1)
    print("ready", flush=True)
    sys.stdin.readline()
    start = time.monotonic()
    for number in range(int(rate_hz * seconds)):
        time.sleep(max(0.0, start + number / rate_hz - time.monotonic()))
        message = messages[number % len(messages)]
        now = time.time_ns()
        message.header.stamp.sec, message.header.stamp.nanosec = divmod(now, 1_000_000_000)
        publisher.publish(message)
        if follow is not None:
            follow(message.header.stamp)
    print(json.dumps({"sent": int(rate_hz * seconds)}), flush=True)
    sys.stdin.readline()
    rclpy.try_shutdown()  # the signal that ends it may have


def _transforms(node: Any, late_s: float) -> Callable[[Any], None]:
    """Publishes where the robot is at a stamp, a little later."""
    import copy

    from geometry_msgs.msg import TransformStamped
    from tf2_msgs.msg import TFMessage

    publisher = node.create_publisher(TFMessage, "/tf", 100)

    def follow(stamp: Any) -> None:
        step = TransformStamped(child_frame_id="base_link")
        step.header.frame_id, step.header.stamp = "odom", copy.copy(stamp)
        step.transform.rotation.w = 1.0
        message = TFMessage(transforms=[step])
        threading.Timer(late_s, publisher.publish, (message,)).start()

    return follow


def empty(transport: str) -> None:
    """Run the cheapest possible rclpy subscriber."""
    import rclpy
    from rclpy.qos import qos_profile_sensor_data
    from sensor_msgs.msg import CompressedImage, Image

    rclpy.init()
    node = rclpy.create_node("empty")
    kind, topic = (Image, "image") if transport == "raw" else (CompressedImage, "image/compressed")
    node.create_subscription(kind, f"/bench/{topic}", lambda _: None, qos_profile_sensor_data)
    print("ready", flush=True)
    with suppress(KeyboardInterrupt, rclpy.executors.ExternalShutdownException):
        rclpy.spin(node)


def cpu_s(pid: int) -> float:
    """The CPU seconds, user and system, that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) * _TICK_S


class Listener:
    """Records the latency of each decision."""

    def __init__(self) -> None:
        import rclpy
        from embodied_agent_interfaces.msg import KeyframeDecision
        from rclpy.executors import SingleThreadedExecutor

        rclpy.init()
        self.node = rclpy.create_node("listener")
        self.latencies_s: list[float] = []
        self.dropped = 0
        topic = "/bench/embodied_agent/decision"
        self.node.create_subscription(KeyframeDecision, topic, self._take, 1000)
        executor = SingleThreadedExecutor()
        executor.add_node(self.node)
        threading.Thread(target=executor.spin, daemon=True).start()

    def _take(self, message: Any) -> None:
        stamp = message.header.stamp
        self.latencies_s.append(time.time() - stamp.sec - stamp.nanosec * 1e-9)
        self.dropped = message.dropped


def start(*command: str) -> subprocess.Popen[str]:
    """Start a child process; if it runs this file, wait until it is ready."""
    child = subprocess.Popen(
        [sys.executable, *command], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert child.stdout is not None
    if command[0] == __file__:
        child.stdout.readline()
    return child


def measure(
    transport: str,
    rate_hz: float,
    seconds: float,
    listener: Listener,
    size: str,
    tf_late_ms: float | None,
) -> dict[str, float]:
    """Measure one run."""
    listener.latencies_s.clear()
    listener.dropped = 0
    memory = tempfile.mkdtemp()
    node = start(
        *("-m", "embodied_agent.ros.main", "--ros-args", "-r", "__ns:=/bench"),
        *("-p", "perception.backend:=geometry", "-p", "ros.autostart:=true"),
        *("-p", f"ros.image_transport:={transport}", "-p", f"memory.path:={memory}/memory.db"),
        *(("-p", "ros.pose:=tf") if tf_late_ms is not None else ()),
    )
    bare = start(__file__, "--role", "empty", "--transport", transport)
    source = start(
        __file__,
        *("--role", "camera", "--transport", transport),
        *("--rate", str(rate_hz), "--seconds", str(seconds), "--size", size),
        *(("--tf-late-ms", str(tf_late_ms)) if tf_late_ms is not None else ()),
    )
    try:
        while not listener.node.count_publishers("/bench/embodied_agent/decision"):
            time.sleep(0.1)
        time.sleep(1.0)
        before = cpu_s(node.pid), cpu_s(bare.pid), time.monotonic()
        assert source.stdin is not None
        assert source.stdout is not None
        source.stdin.write("go\n")
        source.stdin.flush()
        sent = json.loads(source.stdout.readline())["sent"]
        after = cpu_s(node.pid), cpu_s(bare.pid), time.monotonic()
        time.sleep(SETTLE_S)
    finally:
        for child in (source, bare, node):
            child.terminate()
            try:
                child.communicate(timeout=10)
            except subprocess.TimeoutExpired:
                child.kill()
                child.communicate()
    taken_s = after[2] - before[2]
    latencies = sorted(listener.latencies_s)
    return {
        "decided": len(latencies) / sent,
        "dropped": listener.dropped,
        "p50_ms": statistics.median(latencies) * 1000,
        "p99_ms": latencies[int(len(latencies) * 0.99) - 1] * 1000,
        "node": (after[0] - before[0]) / taken_s,
        "empty": (after[1] - before[1]) / taken_s,
    }


def main() -> None:
    """Parse the command line, measure, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--role", choices=["bench", "camera", "empty"], default="bench")
    parser.add_argument("--transport", choices=["raw", "compressed"], default="raw")
    parser.add_argument("--rate", type=float, default=30.0, help="images per second")
    parser.add_argument("--seconds", type=float, default=20.0, help="duration of each run")
    parser.add_argument("--repeat", type=int, default=2, help="runs per transport, in turn")
    parser.add_argument("--size", default="640x480", help="of the images, in pixels")
    parser.add_argument(
        "--tf-late-ms", type=float, help="poses from TF, so many ms after their images"
    )
    options = parser.parse_args()
    if options.role == "camera":
        width, height = map(int, options.size.split("x"))
        late_s = None if options.tf_late_ms is None else options.tf_late_ms / 1000
        camera(options.transport, options.rate, options.seconds, (width, height), late_s)
        return
    if options.role == "empty":
        empty(options.transport)
        return
    # Isolated from other ROS nodes, on this machine and elsewhere.
    os.environ["ROS_DOMAIN_ID"] = str(os.getpid() % 100 + 1)
    os.environ["ROS_AUTOMATIC_DISCOVERY_RANGE"] = "LOCALHOST"
    try:
        listener = Listener()
    except ImportError as error:
        print(f"Skipped: {error}. Source ROS 2 and ros_ws/install/setup.bash first.")
        return
    poses = "" if options.tf_late_ms is None else f", TF {options.tf_late_ms:g} ms after images"
    print(f"{options.size} at {options.rate:g} Hz, {options.seconds:g} s a run{poses}.\n")
    print("| transport | run | decisions | dropped | p50 ms | p99 ms | node | empty | beyond it |")
    print("|---|---|---|---|---|---|---|---|---|")
    for run in range(1, options.repeat + 1):
        for transport in ("raw", "compressed"):
            result = measure(
                *(transport, options.rate, options.seconds, listener),
                *(options.size, options.tf_late_ms),
            )
            print(
                f"| {transport} | {run} | {result['decided']:.1%} | {result['dropped']} "
                f"| {result['p50_ms']:.1f} | {result['p99_ms']:.1f} | {result['node']:.1%} "
                f"| {result['empty']:.1%} | {result['node'] - result['empty']:.1%} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
