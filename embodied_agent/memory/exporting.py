"""A copy of a memory file as it is at one moment, also while it is written to.

Out of scope: reading rows (`query`), saving what a damaged file still holds (`salvage`).
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

import apsw

from embodied_agent.errors import OutputError

#: Pages that are copied in one step; signals are handled between steps.
_PAGES = 256


@contextmanager
def new_file(path: str) -> Iterator[str]:
    """The name of a file to write. It becomes ``path`` at the end, or is removed after an error.

    Raises:
        OutputError: ``path`` exists or can't be written.
    """
    if os.path.exists(path):
        raise OutputError(f"{path} exists; name a new file for the export")
    folder = os.path.dirname(os.path.abspath(path))
    try:
        # Written beside ``path`` and renamed, so that a half-written export never has that name.
        handle, partial = tempfile.mkstemp(prefix=".export-", dir=folder)
        os.close(handle)
    except OSError as error:
        raise OutputError(f"can't write {path}: {error.strerror}") from error
    try:
        yield partial
        os.rename(partial, path)
    except BaseException:
        os.unlink(partial)
        raise


def copy_into(db: apsw.Connection, path: str) -> None:
    """Write all of a database into the empty file ``path``."""
    copy = apsw.Connection(path)
    with copy.backup("main", db, "main") as backup:
        while not backup.done:
            backup.step(_PAGES)
    copy.pragma("journal_mode", "DELETE")
    copy.close()
