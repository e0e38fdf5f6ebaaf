"""Episodes made on a Ray cluster of two nodes, with a worker killed, are those of one process."""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.support.processes import python_path
from tests.support.served import free_port
from tests.support.server_process import server_process
from training.episodes.dataset import dataset_hash, read_episodes

pytest.importorskip("ray", reason="no Ray here: pip install --group cluster")
psutil = pytest.importorskip("psutil", reason="comes with accelerate")
pytestmark = pytest.mark.timeout(1500)

CLIPS = [f"sim_clips/clips/{name}" for name in ("house_8", "city_26", "house_44")]
PROGRAM = [
    sys.executable, "-m", "training.episodes", *CLIPS, "--worlds", "house:6", "--per-scene", "2",
    "--block", "1", "--perception", "geometry",
]  # fmt: skip
RAY = str(Path(sys.executable).with_name("ray"))
START_S, WORK_S = 300.0, 900.0
#: A builder that has computed this long is in the middle of its work, in seconds.
WORKED_S = 4.0
#: What Ray calls the process of one of our builders.
WORKER = "_RayBuilder"


@pytest.fixture(scope="module")
def cluster() -> Iterator[dict[str, str]]:
    """The environment to reach a cluster of two nodes on this machine, of one CPU each."""
    # Sockets below this folder have paths of at most 107 characters.
    folder = Path(tempfile.mkdtemp(prefix="ray", dir="/tmp"))
    port = free_port()
    access = {
        "RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(32),
        "PYTHONPATH": python_path(), "OMP_NUM_THREADS": "1", "RAY_worker_niceness": "0",
    }  # fmt: skip
    common = ["--num-cpus", "1", "--node-ip-address", "127.0.0.1", "--block",
              "--disable-usage-stats", "--object-store-memory", "200000000"]  # fmt: skip
    head = [RAY, "start", "--head", "--port", str(port), "--temp-dir", str(folder),
            "--include-dashboard", "false", *common]  # fmt: skip
    node = [RAY, "start", "--address", f"127.0.0.1:{port}", *common]
    try:
        with ExitStack() as both:
            for command in (head, node):
                both.enter_context(
                    server_process(command, ready="runtime started", start_s=START_S, env=access)
                )
            yield {**access, "RAY_ADDRESS": f"127.0.0.1:{port}"}
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def builders(port: str) -> dict[int, int]:
    """The running builders of the cluster on ``port``: each one's process, and its node's."""
    running = {}
    for process in psutil.process_iter():
        try:
            if WORKER not in " ".join(process.cmdline()):
                continue
            raylet = process.parent()
            if raylet is not None and f":{port}" in " ".join(raylet.cmdline()):
                running[process.pid] = raylet.pid
        except psutil.NoSuchProcess:
            continue
    return running


def worked_s(process: int) -> float:
    """How long a process has computed, in seconds; 0 if it has ended."""
    try:
        return float(psutil.Process(process).cpu_times().user)
    except psutil.NoSuchProcess:
        return 0.0


def test_two_nodes_make_the_rows_of_one_process_though_a_worker_is_killed(
    cluster: dict[str, str], tmp_path: Path
) -> None:
    alone = subprocess.run(
        [*PROGRAM, "--out", str(tmp_path / "alone")],
        env={**os.environ, "PYTHONPATH": python_path(), "OMP_NUM_THREADS": "1"},
        capture_output=True, text=True, timeout=WORK_S, check=False,
    )  # fmt: skip
    assert alone.returncode == 0, alone.stderr[-3000:]
    log = tmp_path / "log.txt"
    nodes: set[int] = set()
    killed = 0
    with log.open("w") as out:
        process = subprocess.Popen(
            [*PROGRAM, "--ray", "--workers", "2", "--out", str(tmp_path / "cluster")],
            env={**os.environ, **cluster}, stdout=out, stderr=subprocess.STDOUT,
        )  # fmt: skip
    try:
        deadline = time.monotonic() + WORK_S
        while process.poll() is None and time.monotonic() < deadline:
            running = builders(cluster["RAY_ADDRESS"].partition(":")[2])
            nodes |= set(running.values())
            # Where the other node is slow to start its builder, one alone may do all of the work.
            at_work = running if len(nodes) == 2 else [b for b in running if worked_s(b) > WORKED_S]
            if at_work and not killed:
                killed = next(iter(at_work))
                os.kill(killed, signal.SIGKILL)
            threading.Event().wait(0.1)
        assert process.poll() == 0, log.read_text()[-3000:]
    finally:
        process.kill()
        process.wait(60)
    assert killed, f"{len(nodes)} nodes had a builder: {log.read_text()[-3000:]}"
    rows = read_episodes(tmp_path / "cluster")
    assert len(rows) == len(read_episodes(tmp_path / "alone")) > 20
    assert dataset_hash(tmp_path / "cluster") == dataset_hash(tmp_path / "alone")


def test_a_cluster_refuses_whoever_lacks_its_token(cluster: dict[str, str], tmp_path: Path) -> None:
    done = subprocess.run(
        [*PROGRAM, "--ray", "--out", str(tmp_path / "refused")],
        env={**os.environ, **cluster, "RAY_AUTH_TOKEN": secrets.token_hex(32)},
        capture_output=True, text=True, timeout=WORK_S, check=False,
    )  # fmt: skip
    assert done.returncode != 0
    assert not list((tmp_path / "refused").rglob("*.jsonl"))
