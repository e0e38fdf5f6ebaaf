"""Reads mutated copies of small inputs: none may crash, hang, or take more than 512 MB.

    python -m tests.sources.mutations               # 500 copies of each format
    python -m tests.sources.mutations --count 20 --only mp4

Each format is read in a process of its own. Prints one line per format; the exit code is 1 where
a copy did what it must not, and the copy is kept.
"""

from __future__ import annotations

import argparse
import contextlib
import random
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from embodied_agent.errors import AgentError
from embodied_agent.images import decode
from embodied_agent.settings import SourceSettings
from embodied_agent.sources import open_source

COUNT = 500
#: Longest time for one copy, and largest growth of the process over all copies of a format.
LONGEST_S = 30
MOST_GROWTH_BYTES = 512_000_000
#: One case of `builders.cases` per format, and the file of it that is mutated.
FORMATS: dict[str, tuple[str, str]] = {
    "mcap": ("mcap_with_odometry", "*.mcap"),
    "mcap_ros1": ("ros1_profile", ""),
    "mcap_protobuf": ("protobuf_raw", ""),
    "mcap_json": ("json", ""),
    "db3": ("db3_with_odometry", "*.db3"),
    "zstd": ("lone_compressed_file", ""),
    "bag": ("bag", ""),
    "bag_bz2": ("bag_bz2", ""),
    "tf": ("tf_only", "*.mcap"),
    "depth": ("depth_beside_colour", "*.mcap"),
    "compressed_depth": ("compressed_depth_32fc1", "*.mcap"),
    "depth_png": ("rgbd_folder", "frame-000000.depth.png"),
    "h264_packets": ("ffmpeg_h264", "*.mcap"),
    "h265_packets": ("ffmpeg_h265", "*.mcap"),
    "av1_packets": ("ffmpeg_av1", "*.mcap"),
    "metadata": ("mcap_with_odometry", "metadata.yaml"),
    "mp4": ("mp4_h264", ""),
    "mkv_av1": ("mkv_av1", ""),
    "avi": ("avi_mjpeg", ""),
    "jpg": ("folder.jpg", "0.jpg"),
    "png": ("folder.png", "0.png"),
    "tiff": ("folder.tiff", "0.tiff"),
    "webp": ("folder.webp", "0.webp"),
    "bmp": ("folder.bmp", "0.bmp"),
    "ppm": ("folder.ppm", "0.ppm"),
    "lerobot_info": ("lerobot_v3", "meta/info.json"),
    "lerobot_table": ("lerobot_v3", "data/chunk-000/*.parquet"),
    "lerobot_video": ("lerobot_v3", "videos/*/chunk-000/*.mp4"),
}


def mutate(data: bytes, draw: random.Random) -> bytes:
    """A copy that differs: bytes hit, a part cut, zeroed, doubled or moved, a number made huge."""
    copy = bytearray(data)
    for _ in range(draw.choice((1, 1, 2, 4))):
        if not copy:
            break
        kind = draw.randrange(6)
        at = draw.randrange(len(copy))
        # Headers and indexes lie at the ends, where damage does most.
        if draw.random() < 0.5:
            at = min(draw.randrange(256), len(copy) - 1)
        elif draw.random() < 0.3:
            at = max(0, len(copy) - 1 - draw.randrange(512))
        length = min(draw.choice((1, 4, 16, 256, 4096)), len(copy) - at)
        if kind == 0:
            for _ in range(draw.randrange(1, 20)):
                copy[draw.randrange(len(copy))] = draw.randrange(256)
        elif kind == 1:
            del copy[at:]
        elif kind == 2:
            copy[at : at + length] = bytes(length)
        elif kind == 3:
            copy[at:at] = copy[at : at + length]
        elif kind == 4:
            del copy[at : at + length]
        else:
            copy[at : at + 4] = draw.choice(
                (b"\xff\xff\xff\xff", b"\xff\xff\xff\x7f", b"\0\0\0\x10")
            )
    return bytes(copy)


def read_all(path: Path) -> str:
    """Read a source and decode its frames; how it ended."""
    try:
        with open_source(str(path), SourceSettings()) as source:
            for frame in source:
                with contextlib.suppress(AgentError):
                    decode(frame)
    except AgentError:
        return "refused"
    return "read"


def run_format(name: str, count: int, seed: int, keep: Path) -> int:
    """Read ``count`` mutated copies in this process; the exit code."""
    from tests.sources.builders.cases import CASES

    case_name, pattern = FORMATS[name]
    case = next(c for cases in CASES.values() for c in cases if c.name == case_name)
    folder = Path(tempfile.mkdtemp(prefix="mutations-"))
    try:
        source = case.build(folder)
        target = next(iter(sorted(source.glob(pattern)))) if pattern else source
        whole = target.read_bytes()
        assert read_all(source) == "read", f"the unharmed {name} is not read"
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        outcomes = {"read": 0, "refused": 0}
        longest = 0.0
        signal.signal(signal.SIGALRM, _on_alarm)
        for number in range(count):
            draw = random.Random(f"{name} {seed} {number}")
            target.write_bytes(mutate(whole, draw))
            # Kept before it is read: a crash leaves no time for it.
            shutil.copy(target, keep / f"{name}{target.suffix}")
            began = time.monotonic()
            signal.alarm(LONGEST_S)
            try:
                outcomes[read_all(source)] += 1
            except BaseException as error:
                print(f"{name}: copy {number} raised {error!r}", flush=True)
                return 1
            finally:
                signal.alarm(0)
            longest = max(longest, time.monotonic() - began)
            growth = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024
            if growth > MOST_GROWTH_BYTES:
                print(f"{name}: copy {number} made it grow by {growth // 1_000_000} MB", flush=True)
                return 1
        print(
            f"{name}: {count} copies, {outcomes['read']} read, {outcomes['refused']} refused, "
            f"longest {longest:.1f} s, growth {growth // 1_000_000} MB",
            flush=True,
        )
        (keep / f"{name}{target.suffix}").unlink()
        return 0
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _on_alarm(*_: object) -> None:
    raise TimeoutError(f"it took more than {LONGEST_S} s")


def run_apart(name: str, count: int, seed: int, keep: Path) -> tuple[int, str]:
    """`run_format` in a process of its own; its exit code and what it printed."""
    command = [sys.executable, "-m", __spec__.name if __spec__ else "tests.sources.mutations"]
    command += ["--inside", name, "--count", str(count), "--seed", str(seed), "--keep", str(keep)]
    result = subprocess.run(command, capture_output=True, text=True, errors="replace")
    lines = [line for line in result.stdout.splitlines() if line.startswith(f"{name}:")]
    said = lines[-1] if lines else f"{name}: ended by signal or error {result.returncode}"
    if result.returncode and not lines:
        said += f": {result.stderr.strip()[-500:]}"
    return result.returncode, said


def main(run: Callable[[str, int, int, Path], tuple[int, str]] = run_apart) -> int:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--count", type=int, default=COUNT)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", action="append", choices=sorted(FORMATS))
    parser.add_argument("--keep", type=Path, default=Path(tempfile.gettempdir()))
    parser.add_argument("--inside", choices=sorted(FORMATS), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.inside:
        return run_format(options.inside, options.count, options.seed, options.keep)
    worst = 0
    for name in options.only or FORMATS:
        code, said = run(name, options.count, options.seed, options.keep)
        print(said, flush=True)
        worst = max(worst, abs(code))
    return 1 if worst else 0


if __name__ == "__main__":
    sys.exit(main())
