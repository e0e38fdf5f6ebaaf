"""The cost of reading compared with decoding: ``bench/sources.py [--json] [--gigabytes 10]``.

A recording of 640×480 JPEG pictures with odometry is written, then read through `open_source` as
for the keyframer (checked, with a grey preview at half size). For comparison, the same pictures are
only decoded: in colour, and in grey at half size. With ``--gigabytes``, a large recording is
written, too, and `inspect` is timed on it.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
from pathlib import Path

import cv2
import numpy as np
from mcap.writer import CompressionType, Writer
from rosbags.typesys import Stores, get_typestore

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # a checkout, installed or not

from embodied_agent.cli.inspect import inspect_source
from embodied_agent.settings import SourceSettings, load_settings
from embodied_agent.sources import open_source

STORE = get_typestore(Stores.ROS2_JAZZY)
PERIOD_NS, START_NS = 33_333_333, 1_700_000_000_000_000_000
_IMAGE, _ODOMETRY = "sensor_msgs/msg/CompressedImage", "nav_msgs/msg/Odometry"


def pictures(count: int) -> list[bytes]:
    """JPEG pictures with texture, as of a room."""
    random = np.random.default_rng(0)
    noise = random.integers(0, 256, (480, 640 + 4 * count, 3), np.uint8)
    wide = np.asarray(cv2.GaussianBlur(noise, (0, 0), 1.5), np.uint8)
    views = (wide[:, 4 * n : 4 * n + 640] for n in range(count))
    return [cv2.imencode(".jpg", v, [cv2.IMWRITE_JPEG_QUALITY, 90])[1].tobytes() for v in views]


def write(path: Path, jpegs: list[bytes], count: int) -> Path:
    """Write an MCAP file of ``count`` pictures and as many odometry messages."""
    types = STORE.types
    with path.open("wb") as file:
        writer = Writer(file, compression=CompressionType.NONE)
        writer.start("ros2", library="bench")
        channels = {}
        for topic, name in (("/image", _IMAGE), ("/odom", _ODOMETRY)):
            text, _ = STORE.generate_msgdef(name, ros_version=2)
            schema = writer.register_schema(name, "ros2msg", text.encode())
            channels[topic] = writer.register_channel(topic, "cdr", schema)
        vector, zero = types["geometry_msgs/msg/Vector3"], np.zeros(36)
        twist = types["geometry_msgs/msg/TwistWithCovariance"](
            types["geometry_msgs/msg/Twist"](vector(0.0, 0.0, 0.0), vector(0.0, 0.0, 0.0)), zero
        )
        turn = types["geometry_msgs/msg/Quaternion"](0.0, 0.0, 0.0, 1.0)
        for n in range(count):
            at = START_NS + n * PERIOD_NS
            stamp = types["builtin_interfaces/msg/Time"](at // 10**9, at % 10**9)
            header = types["std_msgs/msg/Header"](stamp, "camera")
            data = np.frombuffer(jpegs[n % len(jpegs)], np.uint8)
            image = types[_IMAGE](header, "jpeg", data)
            point = types["geometry_msgs/msg/Point"](n * 0.01, 0.0, 0.0)
            pose = types["geometry_msgs/msg/PoseWithCovariance"](
                types["geometry_msgs/msg/Pose"](point, turn), zero
            )
            odometry = types[_ODOMETRY](header, "base_link", pose, twist)
            for topic, message in (("/odom", odometry), ("/image", image)):
                raw = bytes(STORE.serialize_cdr(message, message.__msgtype__))
                writer.add_message(channels[topic], at, raw, at)
        writer.finish()
    return path


def decode_all(jpegs: list[bytes], mode: int) -> float:
    """CPU seconds for decoding all pictures."""
    began = time.process_time()
    for jpeg in jpegs:
        cv2.imdecode(np.frombuffer(jpeg, np.uint8), mode)
    return time.process_time() - began


def read_all(path: Path) -> float:
    """CPU seconds for opening, checking and reading a recording."""
    began = time.process_time()
    with open_source(str(path), SourceSettings()) as source:
        count = sum(frame.preview is not None for frame in source)
    assert count == source.expected_frames
    return time.process_time() - began


def main() -> None:
    """Parse the command line, measure, and print the results."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--frames", type=int, default=1500, help="length of the recording")
    parser.add_argument("--gigabytes", type=float, default=0.0, help="size of the large recording")
    options = parser.parse_args()
    cv2.setNumThreads(1)
    with tempfile.TemporaryDirectory() as folder:
        jpegs = pictures(options.frames)
        path = write(Path(folder) / "walk.mcap", jpegs, options.frames)
        # In turn, so that other load on the machine affects all of them alike.
        modes = (cv2.IMREAD_COLOR, cv2.IMREAD_REDUCED_GRAYSCALE_2)
        times = [(*(decode_all(jpegs, m) for m in modes), read_all(path)) for _ in range(5)]
        colour, grey, reading = (min(column) for column in zip(*times, strict=True))
        result = {
            "frames": options.frames,
            "decode_ms": 1e3 * colour / options.frames,
            "decode_half_grey_ms": 1e3 * grey / options.frames,
            "read_ms": 1e3 * reading / options.frames,
            "ratio": statistics.median(read / colour for colour, _, read in times),
            "ratio_half_grey": statistics.median(read / grey for _, grey, read in times),
        }
        if options.gigabytes:
            path.unlink()
            size = sum(map(len, jpegs)) / len(jpegs)
            large = write(path, jpegs, int(options.gigabytes * 1e9 / size))
            began = time.perf_counter()
            inspection = inspect_source(str(large), load_settings())
            result |= {
                "large_gigabytes": large.stat().st_size / 1e9,
                "large_frames": inspection.frames,
                "inspect_s": time.perf_counter() - began,
            }
    if options.json:
        print(json.dumps(result, indent=1))
        return
    for name, value in result.items():
        print(f"{name:22}{value:>12.2f}" if isinstance(value, float) else f"{name:22}{value:>12}")


if __name__ == "__main__":
    main()
