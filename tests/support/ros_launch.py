"""Launch files of the repository, run by the real `ros2 launch`."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.ros import PATIENCE_S, ROOT


def sourced() -> dict[str, str]:
    """The environment of somebody who has built the workspace and sourced it; after
    `use_interfaces`."""
    environment = dict(os.environ)
    # `env python3` must be the Python that has the packages, as in an active environment.
    environment["PATH"] = f"{Path(sys.executable).parent}:{environment['PATH']}"
    return environment


class Launched:
    """A running `ros2 launch`."""

    def __init__(self, process: subprocess.Popen[bytes], log: Path) -> None:
        self.process = process
        self.log_path = log
        self.name = ""

    @property
    def log(self) -> str:
        return self.log_path.read_text(errors="replace")


@contextmanager
def launched(file: str, folder: Path, environment: dict[str, str], **arguments: str) -> Iterator:
    """A launch file of the repository, until the block ends."""
    command = ["ros2", "launch", str(ROOT / "launch" / file)]
    command += [f"{name}:={value}" for name, value in arguments.items()]
    log = folder / "launch.log"
    with log.open("wb") as out:
        process = subprocess.Popen(
            command,
            stdout=out,
            stderr=subprocess.STDOUT,
            env=environment,
            cwd=folder,
            start_new_session=True,
        )
        made = Launched(process, log)
        made.name = f"{arguments.get('namespace', '')}/embodied_agent"
        try:
            yield made
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGINT)
            try:
                process.wait(PATIENCE_S)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
                raise
