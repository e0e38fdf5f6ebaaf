"""llama.cpp's own server as a process of its own, for one GGUF file at a time."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.support.served import free_port
from tests.support.server_process import server_process

PROGRAM = Path(__file__).with_name("llama_server.py")
START_S = 300.0


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
    with server_process(
        [os.environ["LLAMA_CPP_PYTHON"], PROGRAM, file, str(port)],
        ready="llama.cpp is ready",
        start_s=START_S,
        env={"PYTHONPATH": "", "OMP_NUM_THREADS": "1"},
    ) as running:
        yield LlamaServer(port, running.process)
