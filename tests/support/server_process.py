"""A server in a process of its own: started, waited for, ended.

Out of scope: how to ask it (each test knows its server).
"""

from __future__ import annotations

import os
import subprocess
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

#: How long a process that was asked to end may take, seconds.
END_S = 60.0


@dataclass(frozen=True)
class ServerProcess:
    """A running server, and the lines that it has written so far."""

    process: subprocess.Popen[str]
    lines: list[str]


@contextmanager
def server_process(
    command: Sequence[str | Path],
    *,
    ready: str,
    start_s: float,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
) -> Iterator[ServerProcess]:
    """Runs ``command``; gives its process once it has written a line that contains ``ready``.

    Args:
        command: program and arguments.
        ready: what it writes when it listens.
        start_s: how long it may take until then, seconds.
        env: set in addition to this process's own environment.
        cwd: the folder it runs in.
    """
    process = subprocess.Popen(
        list(map(str, command)), env={**os.environ, **(env or {})}, cwd=cwd,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace",
    )  # fmt: skip
    lines: list[str] = []
    known = threading.Event()

    def read() -> None:
        assert process.stdout is not None
        for line in process.stdout:
            lines.append(line)
            if ready in line:
                known.set()
        known.set()

    reader = threading.Thread(target=read)
    reader.start()
    try:
        assert known.wait(start_s), f"no {ready!r} within {start_s:g} s:\n{''.join(lines[-40:])}"
        assert any(ready in line for line in lines), "".join(lines[-40:])
        yield ServerProcess(process, lines)
    finally:
        process.terminate()
        try:
            process.wait(END_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(END_S)
        reader.join(END_S)
        if process.stdout is not None:
            process.stdout.close()
