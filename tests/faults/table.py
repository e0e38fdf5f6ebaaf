"""The outcome of a run as one table, in Markdown, and what was broken below it.

Out of scope: running (`runner`).
"""

from __future__ import annotations

from collections.abc import Sequence

from tests.faults.journal import Entry
from tests.faults.plan import Family

#: Broken promises that are described below the table.
_MOST_SHOWN = 20


def table(families: Sequence[Family], entries: Sequence[Entry], *, whole: bool) -> str:
    """Rows of what is promised, how many tries were made, how many broke it, and the seconds.

    Where the run was meant to be ``whole``, tries are shown with how many were planned.
    """
    rows = [("family", "promise", "tries", "broken", "seconds")]
    for family in families:
        own = [entry for entry in entries if entry.family == family.name]
        skipped = next((entry.skipped for entry in own if entry.skipped), "")
        if skipped:
            rows.append((family.name, family.promise, "-", "-", f"left out: {skipped}"))
            continue
        tries = sum(entry.tries for entry in own)
        made = len({entry.portion for entry in own})
        told = f"{tries:,} {family.unit}"
        if whole and made < family.portions:
            told += f" of {family.tries:,}"
        broken = str(sum(entry.broken for entry in own)) if own else "-"
        seconds = f"{sum(entry.seconds for entry in own):.0f}" if own else "-"
        rows.append((family.name, family.promise, told, broken, seconds))
    total = sum(entry.tries for entry in entries)
    broken = sum(entry.broken for entry in entries)
    seconds = sum(entry.seconds for entry in entries)
    rows.append(("all", "", f"{total:,}", str(broken), f"{seconds:.0f}"))
    lines = ["| " + " | ".join(row) + " |" for row in rows]
    lines.insert(1, "|---|---|---:|---:|---:|")
    return "\n".join(lines)


def broken_promises(entries: Sequence[Entry], seed: int) -> str:
    """What was broken, and the command that repeats it; empty where nothing was."""
    lines: list[str] = []
    for entry in [entry for entry in entries if entry.broken][:_MOST_SHOWN]:
        lines.append(
            f"broken: {entry.family}, portion {entry.portion}, {entry.broken} of {entry.tries}; "
            f"again with: make faults ONLY={entry.family} PORTION={entry.portion} SEED={seed}"
        )
        lines += [f"    {line}" for text in entry.descriptions for line in text.splitlines()]
    return "\n".join(lines)
