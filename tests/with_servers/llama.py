"""llama.cpp's server with one model, as a context."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.served import free_port
from tests.support.server_process import server_process

PROGRAM = Path(__file__).with_name("llama_server.py")
START_S = 120.0


@contextmanager
def serving(file: Path) -> Iterator[str]:
    """The address of a server with the model in ``file``."""
    port = free_port()
    with server_process(
        [os.environ["LLAMA_CPP_PYTHON"], PROGRAM, file, str(port)],
        ready="llama.cpp is ready",
        start_s=START_S,
        env={"PYTHONPATH": "", "OMP_NUM_THREADS": "1"},
    ):
        yield f"http://127.0.0.1:{port}"
