"""Training in several processes on this machine, without GPUs.

A group is forked from a process that has loaded torch, transformers and trl, which takes longer
than a short training. In all else its processes are new: they run the program as
``python PROGRAM…`` does, with the variables that `accelerate launch` sets.
"""

from __future__ import annotations

import importlib
import json
import os
import runpy
import secrets
import select
import signal
import socket
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

#: What the programs load anyway.
_LOADED = ("torch.distributed", "training.sft", "training.grpo")
#: The interface over which processes of a group talk: what a machine calls itself may lead nowhere.
LOOPBACK = socket.if_indextoname(1)
#: Once one process of a group has failed, the others have this long to end by themselves.
_GRACE_S = 60.0


def python_path() -> str:
    """This checkout before whatever the tests themselves were given."""
    before = os.environ.get("PYTHONPATH")
    return os.pathsep.join([str(Path.cwd()), *([before] if before else [])])


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def lasting_port() -> int:
    """A free port for a server that is killed and started again.

    It lies below the ports that outgoing connections are given. A client on this machine that
    tries again and again to reach an absent server would be given the server's own port one day,
    connect to itself, and keep the server from coming back.
    """
    first = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    candidates = range(min(16_384, first // 2), first)
    while True:
        with socket.socket() as free, suppress(OSError):
            free.bind(("127.0.0.1", secrets.choice(candidates)))
            return int(free.getsockname()[1])


@dataclass(frozen=True)
class Done:
    """How a group ended: the first exit code that is not 0, and what all of it wrote to stderr."""

    returncode: int
    stderr: str


class Launcher:
    """Runs one group after the other. Close it at the end."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.support.processes"],
            env={
                **os.environ,
                "PYTHONPATH": python_path(), "OMP_NUM_THREADS": "1", "TORCHDYNAMO_DISABLE": "1",
                "PYTHONWARNINGS": "ignore", "DS_ACCELERATOR": "cpu",
                "GLOO_SOCKET_IFNAME": LOOPBACK,
            },
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True,
        )  # fmt: skip

    def run(self, count: int, program: Sequence[str]) -> Done:
        """Run ``python PROGRAM…`` in ``count`` processes of one group."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with tempfile.NamedTemporaryFile("r", suffix=".stderr") as stderr:
            job = {"count": count, "program": [*program], "stderr": stderr.name}
            self._process.stdin.write(json.dumps(job) + "\n")
            self._process.stdin.flush()
            codes = json.loads(self._process.stdout.readline())
            return Done(next((code for code in codes if code), 0), stderr.read())

    def close(self) -> None:
        """End it, and whatever of a group is left."""
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.communicate()


def _serve() -> None:
    """Load the libraries, then run one group for each line that comes."""
    replies = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # a library's output must not mix with the replies
    for name in _LOADED:
        importlib.import_module(name)
    for line in sys.stdin:
        job = json.loads(line)
        print(_group(job["count"], job["program"], job["stderr"]), file=replies, flush=True)


def _group(count: int, program: Sequence[str], stderr: str) -> list[int]:
    """The exit codes of the processes of a group."""
    port = free_port()
    ranks: dict[int, int] = {}  # by the descriptor of the process
    pids = []
    for rank in range(count):
        pid = os.fork()
        if pid == 0:
            os._exit(_member(rank, count, port, program, stderr))
        pids.append(pid)
        ranks[os.pidfd_open(pid)] = rank
    codes = [0] * count
    deadline: float | None = None
    while ranks:
        left = None if deadline is None else max(0.0, deadline - time.monotonic())
        ended, _, _ = select.select([*ranks], [], [], left)
        for descriptor in ended or [*ranks]:
            rank = ranks.pop(descriptor)
            if not ended:
                os.kill(pids[rank], signal.SIGKILL)
            codes[rank] = os.waitstatus_to_exitcode(os.waitpid(pids[rank], 0)[1])
            os.close(descriptor)
            if codes[rank] and deadline is None:
                deadline = time.monotonic() + _GRACE_S
    return codes


def _member(rank: int, count: int, port: int, program: Sequence[str], stderr: str) -> int:
    """Run the program as one process of a group; its exit code."""
    os.environ.update(
        RANK=str(rank), LOCAL_RANK=str(rank), WORLD_SIZE=str(count), LOCAL_WORLD_SIZE=str(count),
        MASTER_ADDR="127.0.0.1", MASTER_PORT=str(port),
    )  # fmt: skip
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, 0)
    os.dup2(null, 1)
    os.dup2(os.open(stderr, os.O_WRONLY | os.O_APPEND), 2)
    try:
        if program[0] == "-m":
            sys.argv = [*program[1:]]
            runpy.run_module(program[1], run_name="__main__", alter_sys=True)
        else:
            sys.argv = [*program]
            runpy.run_path(program[0], run_name="__main__")
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(bool(end.code))
    except BaseException:
        traceback.print_exc()
        code = 1
    sys.stdout.flush()
    sys.stderr.flush()
    return code


if __name__ == "__main__":
    _serve()
