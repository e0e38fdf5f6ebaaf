"""Checks of what works on this machine, and whether anything that the settings need is missing.

Each check uses the thing as the agent would, and says what to do if that fails. Nothing is
installed or changed.

Out of scope: model servers (`servers`), the page and MQTT (`interfaces`).
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Literal

from embodied_agent.doctor.check import Check
from embodied_agent.doctor.interfaces import check_mqtt, check_web
from embodied_agent.errors import ModelError, StoreError
from embodied_agent.perception.auto import resolve_backend
from embodied_agent.settings import (
    PerceptionSettings,
    ReasoningSettings,
    ServerSettings,
    Settings,
)

#: How long a first picture may take to render, in seconds.
RENDER_TIMEOUT_S = 60.0
#: Backends that may load the built-in perceiver; ``auto`` does if the pictures look simulated.
_IN_PROCESS = ("auto", "builtin")
_RENDER = (
    "import mujoco; m = mujoco.MjModel.from_xml_string('<mujoco/>'); "
    "r = mujoco.Renderer(m, 8, 8); r.update_scene(mujoco.MjData(m)); r.render()"
)


def examine(settings: Settings) -> Iterator[Check]:
    """Run every check, and yield each result as soon as it is known."""
    version = ".".join(map(str, sys.version_info[:3]))
    yield Check("Python", sys.version_info >= (3, 10), f"{version} (at least 3.10)", True)
    yield _module("OpenCV", "cv2", "embodied-agent", needed=True)
    yield _sqlite()
    yield _module("bags (rosbags)", "rosbags", "embodied-agent", needed=False)
    settings = settings.model_copy(update={"perception": resolve_backend(settings.perception)})
    builtin = (
        settings.perception.backend in (*_IN_PROCESS, "detector")
        or bool(settings.perception.detector.model)
        or settings.reasoning.backend == "builtin"
    )
    yield _module("PyTorch", "torch", "embodied-agent[builtin]", needed=builtin)
    yield _module("transformers", "transformers", "embodied-agent[builtin]", needed=builtin)
    yield _gpu(settings)
    yield from _models(settings)
    for role, chosen in _roles(settings):
        needed = chosen.backend == "served"
        if needed or "server" in chosen.model_fields_set:
            schema = role == "perceiver" and needed and chosen.prompt != "compact"
            yield from _server(role, chosen.server, needed=needed, schema=schema)
        else:
            how = f"--{'perception' if role == 'perceiver' else 'reasoning'}-server URL"
            yield Check(f"{role}: server", True, f"not configured; {how} sets it", False, off=True)
    yield _memory(settings)
    yield check_web(settings)
    yield check_mqtt(settings)
    yield _simulation()
    yield _ros()


def _roles(
    settings: Settings,
) -> tuple[
    tuple[Literal["perceiver"], PerceptionSettings], tuple[Literal["reasoner"], ReasoningSettings]
]:
    return ("perceiver", settings.perception), ("reasoner", settings.reasoning)


def can_run(checks: list[Check]) -> bool:
    """Whether the chosen settings can run here."""
    return all(check.works for check in checks if check.needed)


def _module(name: str, module: str, requirement: str, *, needed: bool) -> Check:
    try:
        version = getattr(importlib.import_module(module), "__version__", "installed")
    except ImportError as error:
        return Check(name, False, f"{error}; pip install '{requirement}'", needed)
    return Check(name, True, str(version), needed)


def _sqlite() -> Check:
    import apsw

    try:
        apsw.Connection(":memory:").execute("CREATE VIRTUAL TABLE t USING fts5(text)")
    except apsw.Error as error:
        return Check("SQLite", False, f"no full-text search ({error}); reinstall apsw", True)
    return Check("SQLite", True, f"{apsw.sqlite_lib_version()} with FTS5", True)


def _gpu(settings: Settings) -> Check:
    from embodied_agent.vllm_launcher.gpus import find_gpus
    from embodied_agent.vllm_launcher.memory import GIB

    needed = settings.vllm.device == "gpu"
    gpus = find_gpus()
    if not gpus:
        detail = "nvidia-smi finds none; the built-in models run on the CPU"
        return Check("GPU", False, detail, needed)
    listed = ", ".join(f"{gpu.name} ({gpu.memory_bytes / GIB:.0f} GiB)" for gpu in gpus)
    if importlib.util.find_spec("torch") is None:
        return Check("GPU", True, listed, needed)
    import torch

    usable = torch.cuda.is_available()
    detail = "PyTorch can use it" if usable else "but this PyTorch was built without CUDA"
    return Check("GPU", True, f"{listed}; {detail}", needed)


def _models(settings: Settings) -> Iterator[Check]:
    from embodied_agent.perception.factory import make_perceiver
    from embodied_agent.reasoning.factory import make_reasoner

    if settings.perception.backend in _IN_PROCESS:
        chosen = settings.perception.model_copy(update={"backend": "builtin"})
        yield _model("built-in perceiver", lambda: make_perceiver(chosen))
    if settings.perception.backend in ("detector", "served") and (
        settings.perception.detector.model or settings.perception.backend == "detector"
    ):
        chosen_detector = settings.perception.model_copy(update={"backend": "detector"})
        yield _model("detector", lambda: make_perceiver(chosen_detector))
    if settings.reasoning.backend == "builtin":
        yield _model("built-in reasoner", lambda: make_reasoner(settings.reasoning))
    yield _restater(settings.reasoning)


def _restater(settings: ReasoningSettings) -> Check:
    """The model that puts questions into plain words; it is loaded only if the settings insist."""
    from embodied_agent.reasoning.restating import BuiltinRestater, lacking, restates

    name = "restating questions"
    if not restates(settings):
        return Check(name, True, "off, by reasoning.restate, free or model_path", False, off=True)
    if settings.restate == "on":
        return _model(name, lambda: BuiltinRestater(settings.restate_model))
    if problem := lacking(settings.restate_model):
        detail = f"{problem}; until then, the rules read every question as it was put"
        return Check(name, True, detail, False, off=True)
    return Check(name, True, "the model is there", False)


def _model(name: str, make: Callable[[], object]) -> Check:
    try:
        model = make()
    except (ModelError, ImportError) as error:
        return Check(name, False, str(error), True)
    loaded = str(getattr(model, "name", ""))
    getattr(model, "close", lambda: None)()
    return Check(name, True, f"{loaded} can be loaded", True)


def _server(
    role: Literal["perceiver", "reasoner"], server: ServerSettings, *, needed: bool, schema: bool
) -> Iterator[Check]:
    from embodied_agent.doctor.servers import try_server

    for finding in try_server(server, role, schema=schema):
        detail = finding.detail if finding.works is not None else f"unknown: {finding.detail}"
        works = finding.works is not False
        yield Check(f"{role}: {finding.what}", works, detail, needed and finding.essential)


def _memory(settings: Settings) -> Check:
    path = settings.memory.path
    if not path:
        return Check("memory", True, "in RAM only; --memory FILE keeps it", True)
    if Path(path).exists():
        from embodied_agent.memory.store import Store

        try:
            with Store.open(path, settings.memory, read_only=True) as store:
                count = store.counts().total
        except StoreError as error:
            return Check("memory", False, str(error), True)
        return Check("memory", True, f"{path} with {count} keyframes", True)
    folder = Path(path).absolute().parent
    if not folder.is_dir():
        return Check("memory", False, f"the folder {folder} does not exist; create it", True)
    works = os.access(folder, os.W_OK)
    detail = f"{path} {'can' if works else 'cannot'} be created"
    return Check("memory", works, detail, True)


def _simulation() -> Check:
    name = "simulation (MuJoCo)"
    try:
        mujoco = importlib.import_module("mujoco")
    except ImportError:
        return Check(name, False, "not installed: pip install mujoco", False)
    choices = [os.environ["MUJOCO_GL"]] if os.environ.get("MUJOCO_GL") else ["osmesa", "egl"]
    for choice in choices:
        # In a process of its own, because a failing GL library may end the process.
        try:
            result = subprocess.run(
                [sys.executable, "-c", _RENDER],
                env={**os.environ, "MUJOCO_GL": choice},
                capture_output=True,
                timeout=RENDER_TIMEOUT_S,
                check=False,
            )
        except subprocess.TimeoutExpired:
            continue
        if result.returncode == 0:
            return Check(name, True, f"{mujoco.__version__}, renders with {choice}", False)
    return Check(name, False, "can't render: apt-get install libosmesa6 (or libegl1)", False)


def _ros() -> Check:
    setups = sorted(path.parent for path in Path("/opt/ros").glob("*/setup.bash"))
    if importlib.util.find_spec("rclpy"):
        return Check("ROS 2", True, os.environ.get("ROS_DISTRO", "rclpy is installed"), False)
    if setups:
        return Check("ROS 2", False, f"not sourced: source {setups[-1]}/setup.bash", False)
    return Check("ROS 2", False, "not in /opt/ros; recordings don't need it", False)
