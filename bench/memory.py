"""Days of memory: ``python bench/memory.py [--sizes 200 20000 100000] [--json]``.

Memories of several sizes are generated: deltas as a perceiver might write them, with thousands of
different names, restarts, a recording among live stretches, poses, small pictures. In the oldest
tenth of the largest one, rare things are hidden, each seen once. Models are scripted, so that only
the memory is measured.

Separate processes open each memory and measure the start and the first question, the resident
memory, the page's requests and the HTML report. Then one process asks all memories the same
questions in turn, so that their ratio does not depend on other load. Times are processor times,
without waiting for a core or for the disk.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # a checkout, installed or not

from bench._generated_memory import generate
from bench._memory_processes import CHILDREN, RECALL, child_asks

SIZES = (200, 20_000, 100_000)
#: Questions to each memory, of each kind.
ROUNDS = 40


@dataclass(frozen=True)
class Measured:
    """What was measured of one memory: values by name, and times of questions by kind."""

    values: dict[str, float]
    times: dict[str, list[float]]

    def ask_p95_s(self) -> float:
        """The 95th percentile over all questions about the present."""
        leave = (RECALL, "segments in turn")
        return percentile([t for kind, ts in self.times.items() if kind not in leave for t in ts])


def percentile(values: Sequence[float], share: float = 0.95) -> float:
    """The value that this share of all values does not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def run_child(name: str, rounds: int, *paths: Path) -> dict[str, Any]:
    """What a process of its own measures."""
    command = [sys.executable, __file__, "--child", name, str(rounds), *map(str, paths)]
    output = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    values: dict[str, Any] = json.loads(output.splitlines()[-1])
    return values


def measure(
    folder: Path, sizes: Sequence[int], only: Sequence[str], rounds: int
) -> dict[int, Measured]:
    """Generate what is missing in ``folder`` and measure all of it."""
    paths = {}
    for size in sizes:
        paths[size] = folder / f"memory-{size}.db"
        if not paths[size].exists():
            generate(paths[size], size)
    values: dict[int, dict[str, float]] = {size: {} for size in sizes}
    for size, path in paths.items():
        for name in CHILDREN:
            if (not only or name in only) and (name != "hidden" or size == max(sizes)):
                values[size].update(run_child(name, rounds, path))
    times: list[dict[str, list[float]]] = [{} for _ in sizes]
    if not only or "asks" in only:
        times = run_child("asks", rounds, *paths.values())["times"]
    return {size: Measured(values[size], times[i]) for i, size in enumerate(sizes)}


def table(measured: dict[int, Measured]) -> Iterator[str]:
    """The lines of the printed table."""
    sizes = list(measured)
    yield f"{'keyframes':<34}" + "".join(f"{size:>12,}" for size in sizes)

    def line(
        name: str, of: Callable[[Measured], float | None], form: str, scale: float = 1.0
    ) -> str:
        cells = [of(measured[size]) for size in sizes]
        return f"{name:<34}" + "".join(
            f"{'-' if cell is None else format(cell * scale, form):>12}" for cell in cells
        )

    kinds = list(measured[sizes[0]].times)
    if kinds:
        yield line("ask, p95, ms of the thread", Measured.ask_p95_s, ".1f", 1e3)
        least = measured[sizes[0]].ask_p95_s()
        yield line(f"  against {sizes[0]} keyframes", lambda m: m.ask_p95_s() / least, ".2f")
        for kind in kinds:
            yield line(f"  {kind}, p95, ms", lambda m, k=kind: percentile(m.times[k]), ".1f", 1e3)
    for name, key, form, scale in (
        ("start, s", "start_s", ".2f", 1.0),
        ("first question, ms", "first_ask_s", ".0f", 1e3),
        ("resident memory, MB", "rss_mb", ".0f", 1.0),
        ("/api/path, first, ms", "path_s", ".0f", 1e3),
        ("/api/path, again, ms", "path_again_s", ".0f", 1e3),
        ("/api/status, first, ms", "status_s", ".0f", 1e3),
        ("/api/keyframes, ms", "keyframes_s", ".0f", 1e3),
        ("/api/answers, ms", "answers_s", ".0f", 1e3),
        ("/api/objects, ms", "objects_s", ".0f", 1e3),
        ("HTML report, s", "report_s", ".1f", 1.0),
        ("HTML report, MB", "report_mb", ".0f", 1.0),
        ("HTML report, peak memory, MB", "report_rss_mb", ".0f", 1.0),
        ("hidden, found by kind, %", "by_kind", ".0f", 100.0),
        ("hidden, found by synonym, %", "by_synonym", ".0f", 100.0),
        ("hidden, found by colour, %", "by_colour", ".0f", 100.0),
        ("hidden, recalled for the model, %", "recalled", ".0f", 100.0),
    ):
        if any(key in one.values for one in measured.values()):
            yield line(name, lambda m, k=key: m.values.get(k), form, scale)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--sizes", type=int, nargs="+", default=list(SIZES), metavar="KEYFRAMES")
    parser.add_argument("--folder", type=Path, help="keep the generated memories here")
    parser.add_argument("--only", nargs="+", default=[], choices=[*CHILDREN, "asks"])
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="questions of each kind")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--child", nargs="+", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        name, rounds, *paths = options.child
        one = CHILDREN.get(name)
        files = [Path(path) for path in paths]
        print(json.dumps(child_asks(files, int(rounds)) if one is None else one(files[0])))
        return
    with tempfile.TemporaryDirectory() as scratch:
        folder = options.folder or Path(scratch)
        folder.mkdir(parents=True, exist_ok=True)
        measured = measure(folder, options.sizes, options.only, options.rounds)
    if options.json:
        print(json.dumps({size: {**m.values, "times": m.times} for size, m in measured.items()}))
    else:
        print("\n".join(table(measured)))


if __name__ == "__main__":
    main()
