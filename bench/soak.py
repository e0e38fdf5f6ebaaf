"""A day of the running process in minutes: ``python bench/soak.py [--hours 24] [--minutes 60]``.

A robot drives in circles on a floor with a camera at 10 frames a second. Time is compressed: the
next frame arrives as soon as the last one is processed, with the stamp that it would have.
Everything else is as in `embodied-agent run`: keyframes are chosen from pixels, stored and
perceived, objects are tracked, and questions are asked over HTTP every ten simulated minutes, while
retention keeps pictures, text and answers within limits. Perceiver and reasoner are scripted, so
that only the rest is measured.

Prints, for each simulated hour, the process's memory (RSS) and processor time, how long questions
took, and the size of the memory file; ``--plot`` draws them. It ends early when the minutes are
over. ``--json`` writes the samples as they come; ``--from`` reads them and only prints and draws.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path

import cv2
import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # a checkout, installed or not

from bench._scripted import Scripted
from embodied_agent.agent import Agent
from embodied_agent.host.interfaces import serving
from embodied_agent.optics import angles_at, assumed, point_at
from embodied_agent.perception.geometry import GeometryPerceiver
from embodied_agent.records import Box, Delta, Frame, Keyframe, Mention, Pose, direction_at
from embodied_agent.settings import load_settings

HZ = 10
#: Questions are asked as often, in simulated seconds.
ASK_EVERY_S = 600
#: Size of a frame in pixels, and how far the view slides from one to the next.
WIDTH, HEIGHT, STEP_PX = 160, 120, 2
#: Frames until the view is the first one again.
LAP = 3000
#: The floor: length and width of the loop in metres, the radius of its corners (a heading that
#: jumps would be taken for a relocalisation), and how many things stand along it.
FLOOR_M, CORNER_M, THINGS = (40.0, 20.0), 4.0, 240
#: Metres from which things are seen, and their size.
SIGHT_M, SIZE_M = 6.0, 0.5
MEMORY = "memory.db"
LENS = assumed(WIDTH, HEIGHT, 75.0)
COLOURS = ("red", "blue", "green", "yellow", "white", "black", "grey", "brown")
KINDS = ("chair", "desk", "door", "plant", "shelf", "bin", "lamp", "sofa", "printer", "cabinet")
CHOICES = ["left", "right", "the memory does not tell"]


@dataclass(frozen=True)
class Sample:
    """What was measured at one moment: simulated hours, the process's time on a processor in
    seconds, sizes in bytes, latencies in seconds."""

    hours: float
    cpu_s: float
    rss: int
    file_bytes: int
    keyframes: int
    pictures: int
    picture_bytes: int
    text_bytes: int
    text_from: int
    latency_s: list[float]
    statuses: list[str]


def place_of(progress: float) -> tuple[float, float, float]:
    """x, y and heading (radians) on the loop, after ``progress`` laps."""
    length, width = FLOOR_M[0] - 2 * CORNER_M, FLOOR_M[1] - 2 * CORNER_M
    quarter = math.pi / 2 * CORNER_M
    along = progress % 1.0 * (2 * (length + width) + 4 * quarter)
    x, y = CORNER_M, 0.0
    for side, straight in enumerate((length, width, length, width)):
        heading = side * math.pi / 2
        ahead = math.cos(heading), math.sin(heading)
        if along <= straight:
            return x + along * ahead[0], y + along * ahead[1], heading
        along -= straight
        x, y = x + straight * ahead[0], y + straight * ahead[1]
        turn = min(along, quarter) / CORNER_M
        forth, aside = CORNER_M * math.sin(turn), CORNER_M * (1 - math.cos(turn))
        x, y = x + forth * ahead[0] - aside * ahead[1], y + forth * ahead[1] + aside * ahead[0]
        if along <= quarter:
            return x, y, heading + turn
        along -= quarter
    return CORNER_M, 0.0, 0.0


class Floor(GeometryPerceiver):
    """A perceiver that names the things near the camera's pose, and once an hour one of its own."""

    name = "scripted"

    def __init__(self, seed: int) -> None:
        draw = random.Random(seed)
        self._things = []
        for number in range(THINGS):
            x, y, _ = place_of(number / THINGS)
            where = x + draw.uniform(-3, 3), y + draw.uniform(-3, 3)
            self._things.append((f"{draw.choice(COLOURS)} {draw.choice(KINDS)}", *where))

    def perceive(self, previous: Keyframe | None, current: Keyframe) -> Delta:
        delta = super().perceive(previous, current)
        assert current.pose is not None
        x, y, _ = current.pose.position_m
        _, _, z, w = current.pose.orientation_xyzw
        heading = 2 * math.atan2(z, w)
        mentions = []
        for name, at_x, at_y in self._things:
            range_m = math.hypot(at_x - x, at_y - y)
            bearing = math.degrees(math.atan2(at_y - y, at_x - x) - heading)
            point = point_at(LENS, bearing, 0.0)
            if not 1 < range_m < SIGHT_M or point is None or not 0.1 < point[0] < 0.9:
                continue
            half = SIZE_M / range_m * LENS.fx / WIDTH / 2
            bearing, elevation = angles_at(LENS, *point)
            mention = Mention(
                name,
                direction_at(bearing),
                "near" if range_m < 2 else "mid",
                Box(point[0] - half, 0.5 - half, point[0] + half, 0.5 + half),
                bearing,
                elevation,
                confidence=0.9,
            )
            mentions.append(mention)
        hour, second = divmod(current.stamp_ns // 10**9, 3600)
        if 1800 <= second < 1806:
            mentions.append(Mention(f"parcel {hour}", "front", "near"))
        return Delta(
            current.id, delta.action, delta.angle_deg, tuple(mentions[:8]), model=self.name
        )


def closed_strip(seed: int) -> np.ndarray:
    """A closed strip full of corners, which the frames of a lap slide along."""
    draw = np.random.default_rng(seed)
    length = LAP * STEP_PX
    strip = np.full((HEIGHT, length), 110, np.uint8)
    for _ in range(length * 2):
        x, y = int(draw.integers(length)), int(draw.integers(HEIGHT))
        size = int(draw.integers(3, 12))
        strip[y : y + size, x : x + size] = int(draw.integers(255))
    return np.hstack([strip, strip[:, :WIDTH]])


def run(options: argparse.Namespace) -> None:
    """The process that is measured: says where to ask, then when a question is due, and waits."""
    cv2.setNumThreads(1)  # pictures are too small to share
    settings = load_settings(
        memory__path=str(Path(options.child) / MEMORY),
        memory__max_bytes=options.max_bytes,
        memory__text_max_bytes=options.text_max_bytes,
        memory__answers_max_bytes=options.answers_max_bytes,
        perception__backend="geometry",
        reasoning__prompt="full",
        reasoning__free="rules",
        web__enabled=True,
        web__port=0,
        web__rate_hz=100_000,
        web__burst=1_000_000,
    )
    strip = closed_strip(seed=0)
    with (
        Agent(settings, perceiver=Floor(seed=0), reasoner=Scripted()) as agent,
        serving(agent, settings) as interfaces,
    ):
        agent.begin_live()
        print(interfaces.url, flush=True)
        for number in range(int(options.hours * 3600 * HZ)):
            left = number % LAP * STEP_PX
            x, y, heading = place_of(number / LAP)
            turn = (0.0, 0.0, math.sin(heading / 2), math.cos(heading / 2))
            frame = Frame(
                stamp_ns=number * 10**9 // HZ,
                image=strip[:, left : left + WIDTH].copy(),
                index=number,
                pose=Pose((x, y, 0.0), turn, "map"),
            )
            agent.observe(frame)
            if (number + 1) % (ASK_EVERY_S * HZ) == 0:
                print(json.dumps((number + 1) / HZ / 3600), flush=True)
                if sys.stdin.readline().strip() != "go on":
                    return


def questions(draw: random.Random, hours: float) -> list[dict[str, object]]:
    """What is asked at one moment, as bodies for ``/api/ask``."""
    colour, kind = draw.choice(COLOURS), draw.choice(KINDS)
    parcel = draw.randrange(max(1, int(hours)))
    return [
        {"question": "What do you see now?"},
        {"question": f"Did you see a {kind}?"},
        {"question": f"When did you last see the {colour} {kind}?"},
        {"question": f"How many {kind}s did you see?"},
        {"question": f"Where did you see parcel {parcel}?"},
        {"question": "Did you see an accordion?"},
        {"question": "How often did you turn left?"},
        {"question": f"On which side is the {colour} {kind}?", "choices": CHOICES},
    ]


def asked(url: str, body: dict[str, object]) -> tuple[float, str]:
    """How long an answer took, in seconds, and its status."""
    request = urllib.request.Request(
        f"{url}api/ask",
        json.dumps(body).encode(),
        {"Content-Type": "application/json"},
    )
    started = time.perf_counter()
    with closing(urllib.request.urlopen(request, timeout=120)) as reply:
        answer = json.load(reply)
    return time.perf_counter() - started, str(answer["status"])


def rss_of(pid: int) -> int:
    """The memory that a process has in RAM, in bytes."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def cpu_s_of(pid: int) -> float:
    """How long a process has been on a processor, in seconds."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def measure(options: argparse.Namespace) -> list[Sample]:
    """Run the process and ask it, until the hours or the minutes are over."""
    samples: list[Sample] = []
    draw = random.Random(1)
    deadline = time.monotonic() + options.minutes * 60
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        child = subprocess.Popen(
            [
                *(sys.executable, __file__, "--child", folder, "--hours", str(options.hours)),
                *("--max-bytes", str(options.max_bytes)),
                *("--text-max-bytes", str(options.text_max_bytes)),
                *("--answers-max-bytes", str(options.answers_max_bytes)),
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert child.stdin is not None
        assert child.stdout is not None
        url = child.stdout.readline().strip()
        for line in child.stdout:
            hours = float(json.loads(line))
            answers = [asked(url, body) for body in questions(draw, hours)]
            with closing(urllib.request.urlopen(f"{url}api/status", timeout=120)) as reply:
                memory = json.load(reply)["memory"]
            samples.append(
                Sample(
                    hours,
                    cpu_s_of(child.pid),
                    rss_of(child.pid),
                    (Path(folder) / MEMORY).stat().st_size,
                    *(int(memory[name]) for name in ("keyframes", "pictures", "picture_bytes")),
                    *(int(memory[name]) for name in ("text_bytes", "text_from")),
                    [latency for latency, _ in answers],
                    [status for _, status in answers],
                )
            )
            if options.json:
                write(samples, options.json)
            child.stdin.write("go on\n" if time.monotonic() < deadline else "stop\n")
            child.stdin.flush()
        child.wait(120)
        if child.returncode:
            raise SystemExit(f"the process ended with exit code {child.returncode}")
    return samples


def write(samples: list[Sample], path: Path) -> None:
    """Write the samples so far in the place of those that were written before."""
    part = path.with_name(f"{path.name}.part")
    part.write_text(json.dumps([asdict(one) for one in samples]), encoding="utf-8")
    part.replace(path)


def plot(samples: list[Sample], path: Path) -> None:
    """RSS, latencies and sizes over simulated hours."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    hours = [one.hours for one in samples]
    figure, (memory, latency, size) = pyplot.subplots(3, 1, sharex=True, figsize=(8, 7))
    memory.plot(hours, [one.rss / 1e6 for one in samples], color="tab:blue")
    memory.set_ylabel("RSS, MB")
    for label, value in (("slowest", max), ("median", statistics.median)):
        latency.plot(hours, [1e3 * value(one.latency_s) for one in samples], label=label)
    latency.set_ylabel("answers, ms")
    latency.legend(loc="upper left")
    size.plot(hours, [one.picture_bytes / 1e6 for one in samples], label="pictures")
    size.plot(hours, [one.text_bytes / 1e6 for one in samples], label="all else")
    size.plot(hours, [one.file_bytes / 1e6 for one in samples], label="file")
    size.set_ylabel("memory, MB")
    size.legend(loc="upper left")
    size.set_xlabel("simulated hours")
    for axes in (memory, latency, size):
        axes.set_ylim(0, 1.1 * axes.get_ylim()[1])
        axes.grid(alpha=0.3)
    figure.tight_layout()
    figure.savefig(path, dpi=110)


def report(samples: list[Sample]) -> Iterator[str]:
    """A line per simulated hour."""
    yield (
        "hours  keyframes  RSS, MB  CPU, s  answers: median, slowest, ms  pictures    MB  "
        "all else, MB  file, MB  text from"
    )
    cpu_s = 0.0
    hourly: dict[int, list[Sample]] = {}
    for one in samples:
        hourly.setdefault(math.ceil(one.hours - 1e-9), []).append(one)
    for hour, each in hourly.items():
        last = each[-1]
        latencies = [1e3 * value for one in each for value in one.latency_s]
        yield (
            f"{hour:5d}  {last.keyframes:9d}  {last.rss / 1e6:7.1f}  {last.cpu_s - cpu_s:6.1f}  "
            f"{statistics.median(latencies):15.1f}  {max(latencies):12.1f}  "
            f"{last.pictures:8d}  {last.picture_bytes / 1e6:4.1f}  {last.text_bytes / 1e6:12.1f}  "
            f"{last.file_bytes / 1e6:8.1f}  {last.text_from:9d}"
        )
        cpu_s = last.cpu_s


def growth(samples: list[Sample], since: float) -> str:
    """By how much the process and its file grow in an hour, from ``since`` (hours) on."""
    late = [one for one in samples if one.hours >= since]
    if len(late) < 3:
        return "too short to tell what grows"
    hours = [one.hours for one in late]
    parts = []
    for name, values in (
        ("RSS", [one.rss for one in late]),
        ("all else", [one.text_bytes for one in late]),
        ("file", [one.file_bytes for one in late]),
    ):
        slope = statistics.linear_regression(hours, [value / 1e6 for value in values]).slope
        parts.append(f"{name} {slope:+.2f}")
    return f"MB an hour, from hour {since:g} on: {', '.join(parts)}"


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--hours", type=float, default=24.0, help="simulated hours")
    parser.add_argument("--minutes", type=float, default=60.0, help="most minutes that it takes")
    parser.add_argument("--max-bytes", type=int, default=20_000_000, help="memory.max_bytes")
    parser.add_argument(
        "--text-max-bytes", type=int, default=20_000_000, help="memory.text_max_bytes"
    )
    parser.add_argument(
        "--answers-max-bytes", type=int, default=1_000_000, help="memory.answers_max_bytes"
    )
    parser.add_argument("--folder", help="where the memory file lies for the time; a fast disk")
    parser.add_argument("--plot", type=Path, metavar="PNG", help="draw into this file")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all samples so far")
    parser.add_argument(
        "--from", type=Path, metavar="FILE", dest="written", help="print and draw what was written"
    )
    parser.add_argument(
        "--settled",
        type=float,
        default=4.0,
        metavar="HOURS",
        help="tell what grows from then on",
    )
    parser.add_argument("--child", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        run(options)
        return
    if options.written:
        values = json.loads(options.written.read_text(encoding="utf-8"))
        samples = [Sample(**one) for one in values]
        print("\n".join(report(samples)))
    else:
        started = time.monotonic()
        samples = measure(options)
        took_s = time.monotonic() - started
        print("\n".join(report(samples)))
        load = os.getloadavg()[1]
        print(
            f"{samples[-1].hours:.1f} simulated hours in {took_s / 60:.1f} minutes; load of the "
            f"machine {load:.1f} on {os.cpu_count()} cores"
        )
    print(growth(samples, options.settled))
    if options.plot:
        plot(samples, options.plot)


if __name__ == "__main__":
    main()
