"""The ROS 2 node at 30 Hz: decisions, latency from publish to decision, and what it costs.

python bench/ros.py [--seconds 20] [--rate 30]

Needs ROS 2 (source its setup file) and the built workspace (`cd ros_ws && colcon build`). A camera
in a process of its own publishes a walk of 640x480 pictures; the node chooses keyframes, with
`perception.backend: geometry` and nobody asking. Beside it run an empty rclpy subscriber to the
same topic, at the same time, and a listener that takes the time of each decision. Costs are CPU
seconds of each process by the kernel's account, as a share of one core.
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
from contextlib import suppress
from pathlib import Path
from typing import Any

import cv2
import numpy as np

WIDTH, HEIGHT = 640, 480
#: Decisions for the last images get this long to come, in seconds.
SETTLE_S = 3.0
_TICK_S = 1.0 / os.sysconf("SC_CLK_TCK")


def pictures(count: int) -> list[np.ndarray]:
    """A pan along one wide picture full of corners."""
    rng = np.random.default_rng(7)
    step = 6
    wide = np.full((HEIGHT, WIDTH + step * count, 3), 110, np.uint8)
    for _ in range(wide.shape[1]):
        x, y = int(rng.integers(wide.shape[1])), int(rng.integers(HEIGHT))
        size, colour = int(rng.integers(8, 40)), tuple(int(c) for c in rng.integers(0, 255, 3))
        cv2.rectangle(wide, (x, y), (x + size, y + size), colour, -1)
    wide = cv2.GaussianBlur(wide, (3, 3), 0)
    return [wide[:, i * step : i * step + WIDTH].copy() for i in range(count)]


def camera(transport: str, rate_hz: float, seconds: float) -> None:
    """Publish; the stamp of each image is the time at which it is handed to ROS."""
    import rclpy
    from rclpy.qos import qos_profile_sensor_data
    from sensor_msgs.msg import CompressedImage, Image

    views = pictures(150)
    views += views[-2:0:-1]  # and back, so that no picture follows a far one
    messages: list[Any] = []
    for view in views:
        if transport == "raw":
            message = Image(height=HEIGHT, width=WIDTH, encoding="bgr8", step=WIDTH * 3)
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
    print(json.dumps({"sent": int(rate_hz * seconds)}), flush=True)
    sys.stdin.readline()
    rclpy.shutdown()


def empty(transport: str) -> None:
    """The cheapest subscriber that rclpy can make."""
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
    """CPU seconds that a process has used, user and system."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) * _TICK_S


class Listener:
    """Takes the time at which each decision arrives."""

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
    """A child that says when it is ready."""
    child = subprocess.Popen(
        [sys.executable, *command], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert child.stdout is not None
    if command[0] == __file__:
        child.stdout.readline()
    return child


def measure(transport: str, rate_hz: float, seconds: float, listener: Listener) -> dict[str, float]:
    """One run."""
    listener.latencies_s.clear()
    listener.dropped = 0
    memory = tempfile.mkdtemp()
    node = start(
        *("-m", "embodied_agent.ros.main", "--ros-args", "-r", "__ns:=/bench"),
        *("-p", "perception.backend:=geometry", "-p", "ros.autostart:=true"),
        *("-p", f"ros.image_transport:={transport}", "-p", f"memory.path:={memory}/memory.db"),
    )
    bare = start(__file__, "--role", "empty", "--transport", transport)
    source = start(
        __file__,
        *("--role", "camera", "--transport", transport),
        *("--rate", str(rate_hz), "--seconds", str(seconds)),
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
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--role", choices=["bench", "camera", "empty"], default="bench")
    parser.add_argument("--transport", choices=["raw", "compressed"], default="raw")
    parser.add_argument("--rate", type=float, default=30.0, help="images a second")
    parser.add_argument("--seconds", type=float, default=20.0, help="of images, each run")
    parser.add_argument("--repeat", type=int, default=2, help="runs of each kind, in turn")
    options = parser.parse_args()
    if options.role == "camera":
        camera(options.transport, options.rate, options.seconds)
        return
    if options.role == "empty":
        empty(options.transport)
        return
    # Alone: neither this machine's robots nor others see it.
    os.environ["ROS_DOMAIN_ID"] = str(os.getpid() % 100 + 1)
    os.environ["ROS_AUTOMATIC_DISCOVERY_RANGE"] = "LOCALHOST"
    try:
        listener = Listener()
    except ImportError as error:
        print(f"Skipped: {error}. Source ROS 2 and ros_ws/install/setup.bash first.")
        return
    print(f"{WIDTH}x{HEIGHT} at {options.rate:g} Hz, {options.seconds:g} s a run.\n")
    print("| transport | run | decisions | dropped | p50 ms | p99 ms | node | empty | beyond it |")
    print("|---|---|---|---|---|---|---|---|---|")
    for run in range(1, options.repeat + 1):
        for transport in ("raw", "compressed"):
            found = measure(transport, options.rate, options.seconds, listener)
            print(
                f"| {transport} | {run} | {found['decided']:.1%} | {found['dropped']} "
                f"| {found['p50_ms']:.1f} | {found['p99_ms']:.1f} | {found['node']:.1%} "
                f"| {found['empty']:.1%} | {found['node'] - found['empty']:.1%} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
