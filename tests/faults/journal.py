"""What has been done of a run, on disk after every portion, so that a second start goes on there.

Out of scope: what is done (`runner`), showing it (`table`).
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Entry:
    """A portion that was made. ``seconds`` is its wall-clock time, ``commit`` what was tested;
    ``skipped`` says why the family can't be tried here."""

    family: str
    portion: int
    tries: int = 0
    broken: int = 0
    seconds: float = 0.0
    commit: str = ""
    descriptions: list[str] = field(default_factory=list)
    skipped: str = ""


class JournalError(Exception):
    """A journal that can't be gone on with."""


class Journal:
    """The entries of one run.

    Args:
        path: the file; made where there is none.
        plan: what identifies the run (seed and families): a journal of another is refused.

    Raises:
        JournalError: it can't be written, or is that of another run.
    """

    def __init__(self, path: Path, plan: dict[str, object]) -> None:
        self.path = path
        self.entries: list[Entry] = []
        head = json.dumps(plan, sort_keys=True)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            lines = path.read_text().splitlines() if path.exists() else []
            if not lines:
                self._append(head)
        except OSError as error:
            raise JournalError(f"can't use the journal {path}: {error.strerror}") from error
        if lines and lines[0] != head:
            raise JournalError(
                f"{path} is the journal of another run (another seed or plan); begin a new one "
                "with FRESH=1, or name another file with JOURNAL=FILE"
            )
        for number, line in enumerate(lines[1:], 2):
            try:
                self.entries.append(Entry(**json.loads(line)))
            except (ValueError, TypeError) as error:
                if number == len(lines):  # torn when the run was killed: that portion comes again
                    path.write_text("\n".join(lines[:-1]) + "\n")
                    break
                raise JournalError(f"line {number} of {path} is damaged: {error}") from error

    def add(self, entry: Entry) -> None:
        """Keep an entry; it is on the disk when this returns."""
        self.entries.append(entry)
        self._append(json.dumps(asdict(entry)))

    def done(self, family: str) -> set[int]:
        """The portions of a family that were made."""
        return {entry.portion for entry in self.entries if entry.family == family}

    def _append(self, line: str) -> None:
        with self.path.open("a") as file:
            file.write(line + "\n")
            file.flush()
            os.fsync(file.fileno())
