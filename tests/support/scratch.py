"""Where files of processes that are killed go: into memory where there is room.

A killed process leaves the same files there as on a disk, whose synchronisation takes most of the
time.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

#: Room that a folder in memory must have, in bytes.
_ROOM = 2_000_000_000


def quick_folder() -> str | None:
    """A folder for temporary ones; ``None``: the usual."""
    shared = Path("/dev/shm")
    roomy = shared.is_dir() and os.access(shared, os.W_OK)
    return str(shared) if roomy and shutil.disk_usage(shared).free > _ROOM else None
