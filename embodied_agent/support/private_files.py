"""Creates files that only their owner can read, because reports and exports show people's homes.

Out of scope: the memory file (`embodied_agent.memory.file`).
"""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import BinaryIO

PRIVATE = 0o600


def open_private(path: Path) -> BinaryIO:
    """``path``, opened for writing from its beginning, with mode 0600 before anything is in it.

    What is not a regular file, such as a pipe, keeps its mode.

    Raises:
        OSError: it can't be opened.
    """
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, PRIVATE)
    try:
        if stat.S_ISREG(os.fstat(descriptor).st_mode):
            os.fchmod(descriptor, PRIVATE)
        return os.fdopen(descriptor, "wb")
    except BaseException:
        os.close(descriptor)
        raise
