"""Runs portions, each in a process of its own, until everything is done or the time is over.

A portion that hangs, crashes or ends without a result breaks its family's promise. The family that
has done the least of its share comes next, so that a run that is cut short has tried everything in
proportion.

Out of scope: the command line (`__main__`), what a portion does (`portion`).
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from tests.faults.journal import Entry, Journal
from tests.faults.plan import Family
from tests.support.scratch import quick_folder

ROOT = Path(__file__).resolve().parents[2]

#: Runs portion ``number`` of a family with a seed; `run_portion`, but for tests.
Run = Callable[[Family, int, int], Entry]


@dataclass
class Schedule:
    """What comes next.

    Args:
        families: those to be tried.
        journal: what was done before.
        minutes: stop after this long; 0: when everything is done. Each family gets at least one
            portion.
        run: makes a portion.
        say: told of each portion.
    """

    families: Sequence[Family]
    journal: Journal
    seed: int
    run: Run
    minutes: float = 0.0
    say: Callable[[str], object] = lambda text: print(text, flush=True)
    _spent_s: dict[str, float] = field(default_factory=dict)

    def carry_out(self) -> None:
        """Run what is left."""
        deadline = time.monotonic() + 60 * self.minutes
        for family in self.families:
            self._leave_out(family)
        while (family := self._next()) is not None:
            first = not self.journal.done(family.name)
            if self.minutes and not first and time.monotonic() >= deadline:
                return
            number = min(set(range(family.portions)) - self.journal.done(family.name))
            entry = self.run(family, number, self.seed)
            self._spent_s[family.name] = self._spent_s.get(family.name, 0.0) + entry.seconds
            self.journal.add(entry)
            self.say(
                f"{entry.family} {number + 1}/{family.portions}: {entry.tries} {family.unit}, "
                f"{entry.broken} broken, {entry.seconds:.1f} s"
            )

    def _leave_out(self, family: Family) -> None:
        reason = missing(family)
        if reason and not self.journal.done(family.name):
            self.journal.add(Entry(family.name, 0, skipped=reason))
            self.say(f"{family.name} is left out: {reason}")

    def _next(self) -> Family | None:
        def share(family: Family) -> tuple[bool, float]:
            done = self.journal.done(family.name)
            if self.minutes:
                return bool(done), self._spent_s.get(family.name, 0.0) / family.weight
            return bool(done), len(done) / family.portions

        skipped = {entry.family for entry in self.journal.entries if entry.skipped}
        left = [
            family
            for family in self.families
            if family.name not in skipped and len(self.journal.done(family.name)) < family.portions
        ]
        return min(left, key=share, default=None)


def missing(family: Family) -> str:
    """Why a family can't be tried on this machine; empty where it can."""
    path = f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin:/sbin"
    absent = [name for name in family.needs if shutil.which(name, path=path) is None]
    return f"no {', '.join(absent)} here" if absent else ""


def commit() -> str:
    """What is tested, as Git names it; empty outside a checkout, and where there is no Git."""
    try:
        told = subprocess.run(
            ["git", "describe", "--always", "--dirty", "--exclude", "*"],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
    except OSError:
        return ""
    return told.stdout.strip()


def run_portion(family: Family, number: int, seed: int, keep: Path | None = None) -> Entry:
    """Run a portion in a process of its own, and end all that it started.

    What it wrote is kept in ``keep`` where it broke something.
    """
    with tempfile.TemporaryDirectory(
        prefix=f"faults-{family.name}-", dir=quick_folder(), ignore_cleanup_errors=True
    ) as folder:
        return _portion(family, number, seed, Path(folder), keep)


def _portion(family: Family, number: int, seed: int, folder: Path, keep: Path | None) -> Entry:
    began = time.monotonic()
    values: dict[str, object] = {}
    count = family.count(number)
    with (folder / "out").open("w+b") as out, (folder / "err").open("w+b") as err:
        arguments = [family.attack, f"{seed}/{family.name}/{number}", str(count), str(folder)]
        its = subprocess.Popen(
            [sys.executable, "-m", "tests.faults.portion", *arguments],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=err,
            cwd=ROOT,
            env={
                **os.environ,
                "PYTHONPATH": str(ROOT),
                "PATH": f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin",
                "OMP_NUM_THREADS": "1",
                "TMPDIR": str(folder),
            },
            start_new_session=True,
        )
        try:
            its.wait(family.limit_s)
            ending = f"it ended with {its.returncode} and without a result"
        except subprocess.TimeoutExpired:
            ending = f"it took more than {family.limit_s:g} s"
        finally:
            _end(its)
    try:
        values = json.loads((folder / "out").read_bytes().splitlines()[-1])
    except (ValueError, IndexError):
        told = (folder / "err").read_text(errors="replace")[-1_000:]
        values = {"tries": count, "broken": 1, "descriptions": [f"{ending}: {told}"]}
    if not isinstance(values, dict) or values.keys() != {"tries", "broken", "descriptions"}:
        values = {"tries": count, "broken": 1, "descriptions": [ending]}
    seconds = round(time.monotonic() - began, 1)
    entry = Entry(family.name, number, seconds=seconds, commit=commit(), **values)  # type: ignore[arg-type]
    if entry.broken and keep is not None:
        target = keep / f"{family.name}-{number}"
        shutil.rmtree(target, ignore_errors=True)
        shutil.copytree(folder, target, symlinks=True, ignore_dangling_symlinks=True)
    return entry


def _end(its: subprocess.Popen[bytes]) -> None:
    """End the portion and whatever it has left running, which is in its process group."""
    with suppress(ProcessLookupError):
        os.killpg(its.pid, signal.SIGKILL)
    its.wait(30)
