"""llama.cpp's own server as a process of its own, for one GGUF file at a time."""

from __future__ import annotations

import os
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.support.served import free_port

PROGRAM = Path(__file__).with_name("llama_server.py")
START_S = 120.0


@dataclass(frozen=True)
class LlamaServer:
    """A server that listens at ``port``."""

    port: int
    process: subprocess.Popen[str]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def kill(self) -> None:
        """End it in the middle of whatever it does."""
        self.process.kill()
        self.process.wait(20)


@contextmanager
def serving(file: Path) -> Iterator[LlamaServer]:
    """A server with the model in ``file``."""
    port = free_port()
    process = subprocess.Popen(
        [os.environ["LLAMA_CPP_PYTHON"], str(PROGRAM), str(file), str(port)],
        env={**os.environ, "PYTHONPATH": "", "OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace",
    )  # fmt: skip
    lines: list[str] = []
    known = threading.Event()

    def read() -> None:
        assert process.stdout is not None
        for line in process.stdout:
            lines.append(line)
            if line == "ready\n":
                known.set()
        known.set()

    reader = threading.Thread(target=read)
    reader.start()
    try:
        assert known.wait(START_S), "the server did not start"
        assert process.poll() is None, "".join(lines)
        yield LlamaServer(port, process)
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(20)
        reader.join(20)
        assert process.stdout is not None
        process.stdout.close()
