"""Tries what is promised under faults and prints one table; exit code 1 where a promise is broken.

    python -m tests.faults                         # all of it, about an hour; goes on where it was
    python -m tests.faults --minutes 5             # a sample of five minutes
    python -m tests.faults --only door-http --portion 3 --seed 1

Every portion is written to the journal when it is done; a second start goes on after the last one.
A sample has no journal.
"""

from __future__ import annotations

import argparse
import signal
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.faults.journal import Entry, Journal, JournalError
from tests.faults.plan import FAMILIES, Family, family
from tests.faults.runner import ROOT, Schedule, run_portion
from tests.faults.table import broken_promises, table

_FOLDER = ROOT / "build" / "faults"


#: The exit code of a run that was interrupted and had broken nothing until then.
_INTERRUPTED = 130


@contextmanager
def _interruptible() -> Iterator[None]:
    """SIGINT and SIGTERM raise, also where a shell has the former ignored."""

    def raise_it(number: int, frame: object) -> None:
        raise KeyboardInterrupt

    numbers = (signal.SIGINT, signal.SIGTERM)
    before = [signal.signal(number, raise_it) for number in numbers]
    try:
        yield
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)


def main(arguments: list[str] | None = None, families: tuple[Family, ...] = FAMILIES) -> int:
    """The command; returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.faults",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--minutes", type=float, default=0.0, help="a sample that takes about this")
    parser.add_argument("--seed", type=int, default=1, help="of every choice (1)")
    parser.add_argument("--journal", type=Path, default=_FOLDER / "journal.jsonl")
    parser.add_argument("--fresh", action="store_true", help="begin anew, without the journal")
    parser.add_argument("--only", action="append", metavar="FAMILY", help="may be repeated")
    parser.add_argument("--portion", type=int, help="only this one of the --only family")
    options = parser.parse_args(arguments)
    try:
        chosen = tuple(family(name, families) for name in options.only or ()) or families
    except LookupError as error:
        parser.error(str(error))
    whole = not (options.minutes or options.only)

    def run(one: Family, number: int, seed: int) -> Entry:
        return run_portion(one, number, seed, _FOLDER / "broken")

    interrupted = False
    if options.portion is not None:
        entries = [run(one, options.portion, options.seed) for one in chosen]
    else:
        with tempfile.TemporaryDirectory() as scratch:
            path = options.journal if whole else Path(scratch) / "journal.jsonl"
            if options.fresh:
                path.unlink(missing_ok=True)
            sizes = {one.name: [one.tries, one.portion] for one in chosen}
            plan = {"seed": options.seed, "families": sizes}
            try:
                journal = Journal(path, plan)
            except JournalError as error:
                parser.error(str(error))
            if journal.entries:
                print(f"going on with {path}, which has {len(journal.entries)} portions")
            schedule = Schedule(chosen, journal, options.seed, run, options.minutes)
            try:
                with _interruptible():
                    schedule.carry_out()
            except KeyboardInterrupt:
                interrupted = True
                print("interrupted" + (f"; a further start goes on with {path}" if whole else ""))
            entries = journal.entries
    print()
    print(table(chosen, entries, whole=whole))
    commits = sorted({entry.commit for entry in entries if entry.commit})
    print(f"\nseed {options.seed}, commit {', '.join(commits)}")
    if told := broken_promises(entries, options.seed):
        print(f"\n{told}\nwhat those portions wrote is in {_FOLDER / 'broken'}")
        return 1
    return _INTERRUPTED if interrupted else 0


if __name__ == "__main__":
    sys.exit(main())
