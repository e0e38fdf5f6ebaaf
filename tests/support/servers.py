"""A server program of somebody else's, until it says that it is ready."""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def ready_server(
    command: Sequence[str | Path],
    env: Mapping[str, str],
    is_ready: Callable[[str], bool],
    start_s: float,
) -> Iterator[subprocess.Popen[str]]:
    """Runs ``command``; gives its process once it printed a line that ``is_ready`` accepts."""
    process = subprocess.Popen(
        command,
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    )
    lines: list[str] = []
    known = threading.Event()

    def read() -> None:
        assert process.stdout is not None
        for line in process.stdout:
            lines.append(line)
            if is_ready(line):
                known.set()
        known.set()

    reader = threading.Thread(target=read)
    reader.start()
    try:
        assert known.wait(start_s), f"the server did not start: {''.join(lines)}"
        assert process.poll() is None, "".join(lines)
        yield process
    finally:
        process.terminate()
        try:
            process.wait(60)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(60)
        reader.join(60)
        if process.stdout is not None:
            process.stdout.close()
