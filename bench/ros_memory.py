"""The ROS 2 node's memory over hours: ``python bench/ros_memory.py [--hours 8] [--minutes 15]``.

Needs ROS 2 (source its setup file) and the built workspace (`cd ros_ws && colcon build`). A robot
drives in a circle with a camera, as seen by the node: images, transforms and /clock, all in
simulated time. Time is compressed: the next image is sent once the last one is decided on, with the
stamp that it would have. The node runs with `perception.backend: geometry` in a process of its own,
with a memory file and limits for pictures and text, and is searched every ten simulated minutes.

Prints, each simulated half hour, the process's memory (RSS), its open files and threads, and the
size of the memory file. It ends early when the minutes are over.

Out of scope: decisions and latency in real time (`bench/ros.py`), hours without ROS, with questions
and objects (`bench/soak.py`).
"""

from __future__ import annotations

import argparse
import math
import os
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # a checkout, installed or not

from bench.ros import pictures, start

NAME = "/bench/embodied_agent"
WIDTH, HEIGHT = 320, 240
#: Pictures that the camera pans along and back, and seconds for a round of the circle.
VIEWS, ROUND_S = 150, 120.0
SEARCH_EVERY_S = 600
SAMPLE_EVERY_S = 1800
#: An image without a decision for this long is sent again: it may be lost before the two ends have
#: found each other.
AGAIN_S = 5.0
#: Longest wait for the node, in seconds.
PATIENCE_S = 120.0


class Robot:
    """Sends what a robot's camera and odometry would, and waits for the node's decisions."""

    def __init__(self) -> None:
        import rclpy
        from embodied_agent_interfaces.msg import KeyframeDecision
        from embodied_agent_interfaces.srv import Recall
        from rclpy.executors import SingleThreadedExecutor
        from rosgraph_msgs.msg import Clock
        from sensor_msgs.msg import Image
        from tf2_msgs.msg import TFMessage

        rclpy.init()
        self.node = rclpy.create_node("robot")
        self._clock = self.node.create_publisher(Clock, "/clock", 10)
        self._tf = self.node.create_publisher(TFMessage, "/tf", 100)
        self._image = self.node.create_publisher(Image, "/bench/image", 10)
        self._recall = self.node.create_client(Recall, f"{NAME}/recall")
        self._decided = threading.Condition()
        self._decided_ns = 0
        self.keyframes = 0
        self.node.create_subscription(KeyframeDecision, f"{NAME}/decision", self._take, 100)
        views = pictures(VIEWS, WIDTH, HEIGHT)
        self._views = [view.tobytes() for view in [*views, *views[-2:0:-1]]]
        executor = SingleThreadedExecutor()
        executor.add_node(self.node)
        threading.Thread(target=executor.spin, daemon=True).start()

    def _take(self, message: Any) -> None:
        stamp = message.header.stamp
        with self._decided:
            self._decided_ns = stamp.sec * 10**9 + stamp.nanosec
            self.keyframes += message.keep
            self._decided.notify()

    def meet(self) -> None:
        """Wait until the node listens."""
        deadline = time.monotonic() + PATIENCE_S
        while not (
            self._image.get_subscription_count()
            and self._tf.get_subscription_count()
            and self.node.count_publishers(f"{NAME}/decision")
        ):
            if time.monotonic() > deadline:
                raise SystemExit("the node did not become active")
            time.sleep(0.1)
        time.sleep(1.0)

    def step(self, number: int, stamp_ns: int) -> None:
        """Be at one moment, and wait until the node has decided on its image."""
        from builtin_interfaces.msg import Time
        from geometry_msgs.msg import TransformStamped
        from rosgraph_msgs.msg import Clock
        from sensor_msgs.msg import Image
        from tf2_msgs.msg import TFMessage

        stamp = Time(sec=stamp_ns // 10**9, nanosec=stamp_ns % 10**9)
        place = TransformStamped(child_frame_id="base_link")
        place.header.frame_id, place.header.stamp = "odom", stamp
        heading = 2 * math.pi * (stamp_ns / 1e9) / ROUND_S
        place.transform.translation.x = 5 * math.sin(heading)
        place.transform.translation.y = -5 * math.cos(heading)
        place.transform.rotation.z = math.sin(heading / 2)
        place.transform.rotation.w = math.cos(heading / 2)
        image = Image(height=HEIGHT, width=WIDTH, encoding="bgr8", step=WIDTH * 3)
        image.header.frame_id, image.header.stamp = "camera", stamp
        image.data = self._views[number % len(self._views)]
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline:
            self._clock.publish(Clock(clock=stamp))
            self._tf.publish(TFMessage(transforms=[place]))
            self._image.publish(image)
            with self._decided:
                if self._decided.wait_for(lambda: self._decided_ns >= stamp_ns, AGAIN_S):
                    return
        raise SystemExit(f"no decision on the image of {stamp_ns / 1e9:.1f} s")

    def search(self) -> int:
        """Search the node's memory; how many keyframes it gave."""
        from embodied_agent_interfaces.srv import Recall

        replied = threading.Event()
        future = self._recall.call_async(Recall.Request(limit=100, pictures=True))
        future.add_done_callback(lambda _: replied.set())
        if not replied.wait(PATIENCE_S):
            raise SystemExit("no reply to a search")
        return len(future.result().deltas)


def row(process: subprocess.Popen[str], hours: float, keyframes: int, path: Path) -> str:
    """What the node takes now."""
    pages = int(Path(f"/proc/{process.pid}/statm").read_text().split()[1])
    rss_mb = pages * os.sysconf("SC_PAGE_SIZE") / 1e6
    files = len(os.listdir(f"/proc/{process.pid}/fd"))
    threads = len(os.listdir(f"/proc/{process.pid}/task"))
    parts = [part for part in (path, Path(f"{path}-wal")) if part.exists()]
    size_mb = sum(part.stat().st_size for part in parts) / 1e6
    return f"| {hours:.1f} | {keyframes} | {rss_mb:.1f} | {files} | {threads} | {size_mb:.1f} |"


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--hours", type=float, default=8.0, help="simulated hours")
    parser.add_argument("--minutes", type=float, default=15.0, help="most minutes that it takes")
    parser.add_argument("--rate", type=float, default=1.0, help="images per simulated second")
    parser.add_argument("--max-bytes", type=int, default=20_000_000, help="memory.max_bytes")
    parser.add_argument(
        "--text-max-bytes", type=int, default=20_000_000, help="memory.text_max_bytes"
    )
    options = parser.parse_args()
    # Isolated from other ROS nodes, on this machine and elsewhere.
    os.environ["ROS_DOMAIN_ID"] = str(os.getpid() % 100 + 1)
    os.environ["ROS_AUTOMATIC_DISCOVERY_RANGE"] = "LOCALHOST"
    try:
        robot = Robot()
    except ImportError as error:
        print(f"Skipped: {error}. Source ROS 2 and ros_ws/install/setup.bash first.")
        return
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "memory.db"
        node = start(
            *("-m", "embodied_agent.ros.main", "--ros-args", "-r", "__ns:=/bench"),
            *("-p", "use_sim_time:=true", "-p", "ros.autostart:=true", "-p", "ros.pose:=tf"),
            *("-p", "perception.backend:=geometry", "-p", f"memory.path:={path}"),
            *("-p", f"memory.max_bytes:={options.max_bytes}"),
            *("-p", f"memory.text_max_bytes:={options.text_max_bytes}"),
            *("-p", "qos_overrides./bench/image.subscription.reliability:=reliable"),
        )
        try:
            run(robot, node, path, options)
        finally:
            node.terminate()
            node.communicate(timeout=PATIENCE_S)


def run(robot: Robot, node: subprocess.Popen[str], path: Path, options: argparse.Namespace) -> None:
    """Drive, and print the table."""
    robot.meet()
    begun_s = time.monotonic()
    print("| hours | keyframes | RSS, MB | files | threads | memory file, MB |", flush=True)
    print("|---|---|---|---|---|---|", flush=True)
    number = 0
    for number in range(int(options.hours * 3600 * options.rate) + 1):
        at_s = number / options.rate
        robot.step(number, 1_000_000_000 + int(at_s * 1e9))
        if number and at_s % SEARCH_EVERY_S == 0:
            robot.search()
        if at_s % SAMPLE_EVERY_S == 0:
            print(row(node, at_s / 3600, robot.keyframes, path), flush=True)
        if time.monotonic() - begun_s > options.minutes * 60:
            break
    print(
        f"\n{number / options.rate / 3600:.1f} simulated hours in "
        f"{(time.monotonic() - begun_s) / 60:.1f} minutes; load of the machine "
        f"{os.getloadavg()[1]:.1f} on {os.cpu_count()} cores"
    )


if __name__ == "__main__":
    main()
