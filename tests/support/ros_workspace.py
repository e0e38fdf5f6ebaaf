"""A usual ROS workspace, build/ros, with this checkout in its src; built by colcon when needed.

colcon runs as in a new shell where only ROS was sourced. This process's virtual environment holds
none of the system's packages that building messages takes, so neither it nor its Python is seen.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
WORKSPACE = ROOT / "build" / "ros"
PREFIX = WORKSPACE / "install" / "embodied_agent"
#: What colcon installs, other than the agent's own code, which tests take from the checkout.
_SOURCES = ("CMakeLists.txt", "package.xml", "config", "launch", "ros_ws/bin", "ros_ws/src")
#: What a Python needs to build messages.
_NEEDED = "import catkin_pkg, em, lark, numpy"
_BUILD_S = 900.0


def build_workspace() -> Path:
    """Build the workspace unless it is built; one process at a time. Returns its prefix."""
    WORKSPACE.mkdir(parents=True, exist_ok=True)
    with (WORKSPACE / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        python = ros_python()
        state = {"ros": os.environ.get("ROS_DISTRO"), "python": python, "sources": _newest_s()}
        stamp = WORKSPACE / "built.json"
        before = json.loads(stamp.read_text()) if stamp.exists() else {}
        if before != state:
            prepare(
                WORKSPACE, keep=(before.get("ros"), before.get("python")) == (state["ros"], python)
            )
            done = colcon("build", "--cmake-args", f"-DPython3_EXECUTABLE={python}")
            assert done.returncode == 0, done.stdout + done.stderr
            stamp.write_text(json.dumps(state))
    return PREFIX


def prepare(workspace: Path, *, keep: bool) -> None:
    """Lay out the workspace for a build. Unless ``keep``, nothing of an earlier one is left: a
    build that failed leaves files that look like a finished one's."""
    (workspace / "built.json").unlink(missing_ok=True)
    if not keep:
        for name in ("build", "install", "log"):
            shutil.rmtree(workspace / name, ignore_errors=True)
    source = workspace / "src" / "embodied-agent"
    source.parent.mkdir(exist_ok=True)
    if not source.is_symlink():
        source.symlink_to(ROOT, target_is_directory=True)


def colcon(
    *arguments: str, cwd: Path = WORKSPACE, path: str = ""
) -> subprocess.CompletedProcess[str]:
    """Run colcon as in a new shell; ``path`` is put before the shell's own."""
    environment = new_shell()
    program = shutil.which("colcon", path=environment["PATH"])
    if program is None:
        pytest.skip("no colcon here: apt-get install python3-colcon-common-extensions")
    if path:
        environment["PATH"] = f"{path}:{environment['PATH']}"
    return subprocess.run(
        [program, *arguments],
        cwd=cwd,
        env=environment,
        capture_output=True,
        text=True,
        timeout=_BUILD_S,
        check=False,
    )


def new_shell() -> dict[str, str]:
    """The environment without this process's virtual environment, checkout, and make."""
    ours = ("MAKE", "MFLAGS", "PYTEST", "VIRTUAL_ENV")
    environment = {k: v for k, v in os.environ.items() if not k.startswith(ours)}
    hidden = (Path(sys.prefix), ROOT)
    for name in ("PATH", "PYTHONPATH", "AMENT_PREFIX_PATH", "CMAKE_PREFIX_PATH", "LD_LIBRARY_PATH"):
        parts = environment.get(name, "").split(":")
        kept = [p for p in parts if p and not any(Path(p).is_relative_to(h) for h in hidden)]
        environment[name] = ":".join(kept)
    return environment


def ros_python() -> str:
    """The Python that ROS was built for, with what building messages takes: that of the `ros2`
    command, else the shell's."""
    environment = new_shell()
    candidates = [shutil.which("python3", path=environment["PATH"]), "/usr/bin/python3"]
    ros2 = shutil.which("ros2", path=environment["PATH"])
    if ros2 is not None:
        with Path(ros2).open("rb") as script:
            first = script.readline().decode(errors="replace")
        candidates.insert(0, first.removeprefix("#!").strip())
    for python in candidates:
        if python and Path(python).exists():
            done = subprocess.run([python, "-c", _NEEDED], env=environment, check=False)
            if done.returncode == 0:
                return python
    pytest.skip(f"no Python of {candidates} can build ROS messages ({_NEEDED})")


def _newest_s() -> float:
    files = [
        path
        for name in _SOURCES
        for path in ([ROOT / name] if (ROOT / name).is_file() else (ROOT / name).rglob("*"))
        if path.is_file() and "__pycache__" not in path.parts
    ]
    return max(path.stat().st_mtime for path in files)
