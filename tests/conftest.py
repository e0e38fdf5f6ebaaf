"""What several tests share: the renderer's choice, ROS skips, and a walk made of pictures."""

from __future__ import annotations

import ctypes.util
import importlib.util
import os
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import pytest
from hypothesis import HealthCheck, settings
from xdist.scheduler import LoadFileScheduling
from xdist.workermanage import WorkerController

from embodied_agent.models.catalogue import cache_folder
from tests.support.views import panorama_views

# How long an example takes, or is drawn, depends on what else the machine does; pytest's time-out
# stays. (A test that suppresses other checks names this one again.) The examples are the same in
# every run, so a change is judged by what it changes; others are tried with `make test
# ARGS="--hypothesis-profile=explore"`.
_PATIENT: dict[str, Any] = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow]}
settings.register_profile("project", derandomize=True, **_PATIENT)
settings.register_profile("explore", derandomize=False, max_examples=1_000, **_PATIENT)
# `make mutants` compares runs: it needs the same examples each time.
settings.register_profile("mutants", derandomize=True, database=None, max_examples=25, **_PATIENT)
settings.load_profile("project")

# A shell ignores SIGINT for what it starts in the background, and processes inherit that: those
# that tests interrupt would go on.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

if ctypes.util.find_library("OSMesa"):
    os.environ.setdefault("MUJOCO_GL", "osmesa")
elif ctypes.util.find_library("EGL"):
    os.environ.setdefault("MUJOCO_GL", "egl")


# Whether a base model lies in the user's cache must not change what tests find: those that use one
# say so (`tests.support.trained_adapter.fetched_base`).
os.environ.setdefault("TESTED_WITH_MODELS", str(cache_folder()))
os.environ["EMBODIED_AGENT_MODELS"] = str(Path(__file__).parent / "no models")

#: What of its kind runs one at a time: one robot network, one browser.
_ALONE = ("tests/ros/", "tests/interfaces/page/")
#: What takes longest, the longest first. Begun early, none of it is left to one process at the end.
LONG = (
    "tests/ros/",
    "tests/training/test_shortcuts.py",
    "tests/interfaces/page/",
    "tests/interfaces/mqtt/test_mqtt_faults.py",
    "tests/training/test_two_processes.py",
    "tests/docs/test_console_blocks.py",
    "tests/test_wheel.py",
    "tests/training/test_ray_cluster.py",
    "tests/agent/test_crash.py",
    "tests/cli/test_run.py",
    "tests/reasoning/test_reasoning_builtin.py",
    "tests/training/test_training.py",
    "tests/test_packaging.py",
    "tests/training/test_grpo_large.py",
    "tests/cli/test_cli_output.py",
    "tests/sources/test_mutations.py",
    "tests/training/test_grpo.py",
)


class FileByFile(LoadFileScheduling):
    """Keeps the tests of a file in one process, so that it makes its fixtures once, and those of
    some folders; what takes long begins first."""

    def _split_scope(self, nodeid: str) -> str:
        file = super()._split_scope(nodeid)
        return next((folder for folder in _ALONE if file.startswith(folder)), file)

    def _assign_work_unit(self, node: WorkerController) -> None:
        for scope in reversed(LONG):
            if scope in self.workqueue:
                self.workqueue.move_to_end(scope, last=False)
        super()._assign_work_unit(node)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> LoadFileScheduling:
    """What gives tests to the processes."""
    return FileByFile(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip what this machine can't run, each with the reason."""
    missing = {
        "ros": None
        if importlib.util.find_spec("rclpy")
        else "no ROS 2 here: install it in /opt/ros and run `make test`",
        "gl": None
        if importlib.util.find_spec("mujoco") and "MUJOCO_GL" in os.environ
        else "no software renderer: apt-get install libosmesa6 (or libegl1)",
        "vllm": None
        if os.environ.get("VLLM_PROGRAM")
        else "no vLLM is named: run `make test-vllm`",
        "servers": None
        if os.environ.get("LLAMA_CPP_PYTHON")
        else "no llama.cpp is named: run `make test-servers`",
    }
    for item in items:
        for marker, reason in missing.items():
            if reason and item.get_closest_marker(marker):
                item.add_marker(pytest.mark.skip(reason=reason))


#: How long threads may take to end after the last test of a file, in seconds.
_ENDING_S = 60.0
#: Part of the names of threads that libraries start once and keep.
_KEPT_THREADS = ("tqdm_monitor", "_telemetry_worker")


@pytest.fixture(autouse=True, scope="module")
def _nothing_outlives_its_file() -> Iterator[None]:
    """Threads end with the tests that started them; others would fail or slow other files."""
    before = set(threading.enumerate())
    yield
    assert os.sched_getscheduler(0) == os.SCHED_OTHER, "a library made this process a real-time one"
    deadline = time.monotonic() + _ENDING_S
    while left := [
        thread.name
        for thread in threading.enumerate()
        if thread not in before and not any(kept in thread.name for kept in _KEPT_THREADS)
    ]:
        assert time.monotonic() < deadline, f"these threads are still running: {sorted(left)}"
        time.sleep(0.05)


@pytest.fixture
def walk(tmp_path: Path) -> Path:
    """A folder of 30 pictures, each 24 of 320 pixels further along."""
    folder = tmp_path / "walk"
    folder.mkdir()
    for i, view in enumerate(panorama_views(30)):
        cv2.imwrite(str(folder / f"{i:04d}.png"), view)
    return folder
