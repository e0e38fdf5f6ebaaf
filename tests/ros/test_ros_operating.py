"""What an operator sees and sets: diagnostics and parameters."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytestmark = [pytest.mark.ros, pytest.mark.timeout(900)]
pytest.importorskip("rclpy", reason="no ROS 2 here: install it in /opt/ros and run `make test`")

from embodied_agent.memory.store import Store  # noqa: E402
from embodied_agent.settings import load_settings  # noqa: E402
from tests.support.ros import (  # noqa: E402
    PATIENCE_S,
    Client,
    NodeProcess,
    running_node,
    statuses_of,
    value,
    wait_until,
)
from tests.support.ros_camera import (  # noqa: E402
    SECOND,
    VIEWS,
    Camera,
    raw_image,
)


def test_diagnostics_warn_when_the_camera_falls_silent(
    camera: Camera, statuses: Callable[[str], Any]
) -> None:
    from diagnostic_msgs.msg import DiagnosticStatus

    camera.send(VIEWS[6])
    wait_until(lambda: statuses("camera").level == DiagnosticStatus.WARN)
    assert "silent" in statuses("camera").message


def test_diagnostics_hold_what_an_operator_needs(
    camera: Camera, statuses: Callable[[str], Any]
) -> None:
    wait_until(lambda: value(statuses("servers"), "reasoning") == "reachable")
    for name, keys in {
        "camera": {"rate_hz", "age_s", "dropped"},
        "memory": {"bytes", "keyframes"},
        "perception": {"queue", "mean_latency_s"},
        "reasoning": {"waiting", "last_latency_s"},
        "servers": {"reasoning"},
    }.items():
        assert keys <= {pair.key for pair in statuses(name).values}


def test_a_store_that_cannot_be_written_is_an_error(client: Client, tmp_path: Path) -> None:
    from diagnostic_msgs.msg import DiagnosticStatus

    parameters = {"memory.path": str(tmp_path / "memory.db")}
    limit = 500_000
    with running_node(tmp_path, namespace="/full", parameters=parameters, file_limit=limit) as node:
        client.start(node)
        statuses = statuses_of(client, node)
        rng = np.random.default_rng(3)
        publisher = client.publisher(raw_image(VIEWS[0], 1).__class__, "/full/image")
        stamp_ns = SECOND

        def failed() -> bool:
            nonlocal stamp_ns
            stamp_ns += SECOND
            noise = rng.integers(0, 255, (480, 640, 3), np.uint8)
            publisher.publish(raw_image(noise, stamp_ns))
            return statuses("memory").level == DiagnosticStatus.ERROR

        wait_until(failed)
        assert node.alive


def test_parameters_say_what_they_are(client: Client, answering: NodeProcess) -> None:
    from rcl_interfaces.srv import DescribeParameters

    names = ["keyframes.overlap_threshold", "keyframes.method", "web.port"]
    found = client.call(
        DescribeParameters,
        f"{answering.name}/describe_parameters",
        DescribeParameters.Request(names=names),
    ).descriptors
    threshold, method, port = found
    assert "a frame is kept" in threshold.description
    assert not threshold.read_only
    assert threshold.floating_point_range[0].to_value == 1.0
    assert not method.read_only  # until it is configured
    assert "robust" in method.additional_constraints
    assert "can be set until the node is configured" in method.additional_constraints
    assert port.integer_range[0].to_value == 65535


@pytest.mark.parametrize(
    ("name", "change", "said"),
    [
        ("keyframes.overlap_threshold", 2.0, "range"),
        ("keyframes.overlap_threshold", 1.0, "less than 1"),
        ("keyframes.method", "paper", "clean it up first"),
        ("ros.autostart", True, "read-only"),
        ("keyframes.overlap_threshold", "half", "type"),
    ],
)
def test_a_bad_value_is_refused_with_a_reason(
    client: Client, answering: NodeProcess, name: str, change: object, said: str
) -> None:
    result = _set(client, answering, name, change)
    assert not result.successful
    assert said in result.reason


def test_a_threshold_changes_while_the_node_runs(
    client: Client, answering: NodeProcess, camera: Camera
) -> None:
    assert _set(client, answering, "keyframes.min_interval_s", 0.0).successful
    assert _set(client, answering, "keyframes.overlap_threshold", 0.99).successful
    for view in VIEWS[10:20]:
        camera.send(view)
    kept = [decision.keep for decision in camera.decisions[-5:]]
    assert _set(client, answering, "keyframes.overlap_threshold", 0.5).successful
    assert all(kept)


def _set(client: Client, node: NodeProcess, name: str, change: object) -> object:
    from rcl_interfaces.srv import SetParameters
    from rclpy.parameter import Parameter

    request = SetParameters.Request(parameters=[Parameter(name, value=change).to_parameter_msg()])
    return client.call(SetParameters, f"{node.name}/set_parameters", request).results[0]


def test_a_bad_parameter_stops_the_node_with_a_reason(tmp_path: Path, client: Client) -> None:
    command = [sys.executable, "-m", "embodied_agent.ros.main", "--ros-args"]
    done = subprocess.run(
        [*command, "-p", "keyframes.method:=psychic"],
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        env=dict(os.environ),
        check=False,
    )
    assert done.returncode == 1
    assert "keyframes.method" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_setting_that_is_set_before_configuring_counts(client: Client, tmp_path: Path) -> None:
    memory = tmp_path / "memory.db"
    with running_node(tmp_path, namespace="/set_first") as node:
        assert _set(client, node, "memory.path", str(memory)).successful
        assert _set(client, node, "ros.image_transport", "compressed").successful
        assert client.transition(node, "configure"), node.log
        assert memory.exists()
        wait_until(lambda: client.node.count_subscribers("/set_first/image/compressed"))
        refused = _set(client, node, "memory.path", "")
        assert "clean it up first" in refused.reason
        assert client.transition(node, "cleanup")
        assert _set(client, node, "memory.path", "").successful


def test_what_is_not_set_leaves_the_choice_of_the_perceiver_to_the_pictures(
    client: Client, tmp_path: Path
) -> None:
    """Each setting is a parameter, but one that nobody gave does not count as set: no server is
    asked that was not named."""
    parameters = {"perception.backend": "auto"}
    with running_node(tmp_path, namespace="/chosen", parameters=parameters) as node:
        client.start(node)
        statuses = statuses_of(client, node)
        Camera(client, "/chosen").send(VIEWS[0])
        wait_until(lambda: value(statuses("perception"), "perceived") != "0")
        assert value(statuses("perception"), "model") == "geometry"


def test_parameters_that_mean_nothing_are_told(client: Client, tmp_path: Path) -> None:
    parameters = {
        "keyframes.methd": "paper",
        "confg": "my.yaml",
        "vllm.program": "vllm",
        "reasoning.server.api_key": "hidden",
        "controller_frequency": 20.0,  # another node's, under the same /**
    }
    with running_node(tmp_path, namespace="/misspelled", parameters=parameters) as node:
        assert client.state(node) == "unconfigured"
        node.wait_for_log("did you mean keyframes.method?")
        node.wait_for_log("did you mean config?")
        node.wait_for_log("vllm.program has no effect in a node")
        node.wait_for_log("EMBODIED_AGENT_REASONING__SERVER__API_KEY")
        assert "hidden" not in node.log
        assert "controller_frequency" not in node.log
        node.wait_for_log("ros2 lifecycle set /misspelled/embodied_agent configure")


def test_only_what_a_node_uses_is_a_parameter(client: Client, answering: NodeProcess) -> None:
    from rcl_interfaces.srv import ListParameters

    names = client.call(
        ListParameters, f"{answering.name}/list_parameters", ListParameters.Request()
    ).result.names
    assert not [name for name in names if name.startswith("vllm.")]
    assert sorted(name for name in names if name.startswith("source.")) == [
        "source.depth_scale",
        "source.depth_topic",
        "source.depth_topics",
        "source.mask",
        "source.mounts",
        "source.redact",
        "source.rotate",
        "source.topics",
    ]


def test_diagnostics_have_full_names_at_the_period_that_was_set(
    client: Client, tmp_path: Path
) -> None:
    from diagnostic_msgs.msg import DiagnosticArray

    messages = client.collect(DiagnosticArray, "/diagnostics")
    parameters = {"diagnostic_updater.period": 0.1}
    short = {"diagnostic_updater.use_fqn": False}
    with (
        running_node(tmp_path, namespace="/one", parameters=parameters) as one,
        running_node(tmp_path, namespace="/two") as two,
        running_node(tmp_path, namespace="/three", parameters=short) as three,
    ):
        for node in (one, two, three):
            client.start(node)

        def of(node: NodeProcess) -> list[Any]:
            return [m for m in messages if m.status and m.status[0].hardware_id == node.name]

        wait_until(lambda: of(two) and of(three) and len(of(one)) > 20)
        assert {status.name for status in of(one)[-1].status} >= {"/one/embodied_agent: camera"}
        assert {status.name for status in of(two)[-1].status} >= {"/two/embodied_agent: camera"}
        assert {status.name for status in of(three)[-1].status} >= {"embodied_agent: camera"}
        stamps = [m.header.stamp.sec + m.header.stamp.nanosec / 1e9 for m in of(one)[-10:]]
        assert stamps[-1] - stamps[0] < 5.0  # with the default they would take nine seconds


def test_signals_during_teardown_do_not_break_it(client: Client, tmp_path: Path) -> None:
    memory = tmp_path / "memory.db"
    parameters = {"memory.path": str(memory)}
    with running_node(tmp_path, namespace="/signalled", parameters=parameters) as node:
        client.start(node)
        camera = Camera(client, "/signalled")
        for view in VIEWS[::5]:
            camera.send(view)
        while node.alive:
            for number in (signal.SIGINT, signal.SIGTERM):
                node.process.send_signal(number)
            with suppress(subprocess.TimeoutExpired):
                node.process.wait(0.01)
        assert node.process.returncode == 0
        assert "Traceback" not in node.log
    assert not Path(f"{memory}-wal").exists()  # it was closed, not left
    with Store.open(str(memory), load_settings().memory, read_only=True) as store:
        assert len(store.keyframes()) >= 2


def ended(code: str, log: Path, after_s: float | None = None) -> int:
    """How a process ends that runs this code and, after a while, is told to end."""
    with log.open("ab") as out:
        process = subprocess.Popen([sys.executable, "-c", code], stdout=out, stderr=out)
        try:
            if after_s is not None:
                with suppress(subprocess.TimeoutExpired):
                    process.wait(after_s)
                process.send_signal(signal.SIGINT)
            return process.wait(PATIENCE_S)
        finally:
            process.kill()
            process.wait()


RUN = "from embodied_agent.ros.main import main\nraise SystemExit(main())\n"


def test_a_signal_while_it_starts_ends_it_without_a_traceback(
    tmp_path: Path, client: Client
) -> None:
    log = tmp_path / "start.log"
    for delay_s in (0.05, 0.4, 0.8, 1.2, 2.0, 3.0):
        ended(RUN, log, delay_s)
    # Before our code runs, Python itself may say KeyboardInterrupt.
    text = log.read_text()
    assert "embodied_agent/ros/node.py" not in text, text


#: Sends the process a signal as a call begins or ends.
_TOLD = """
import os, signal
import {module}

real = {module}.{name}

def told(*arguments, **named):
    if "{moment}" == "begin":
        os.kill(os.getpid(), signal.{signal})
    try:
        return real(*arguments, **named)
    finally:
        if "{moment}" == "end":
            os.kill(os.getpid(), signal.{signal})

{module}.{name} = told
"""


@pytest.mark.parametrize("number", ["SIGINT", "SIGTERM"])
@pytest.mark.parametrize("moment", ["begin", "end"])
@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("rclpy", "init"),
        ("rclpy.context", "Context.init"),
        ("rclpy.node", "Node.__init__"),
        ("embodied_agent.ros.node", "AgentNode.__init__"),
        ("rclpy.executors", "SingleThreadedExecutor.__init__"),
        ("rclpy.executors", "SingleThreadedExecutor.add_node"),
    ],
)
def test_no_moment_is_one_at_which_a_signal_is_lost(
    client: Client, tmp_path: Path, module: str, name: str, moment: str, number: str
) -> None:
    told = _TOLD.format(module=module, name=name, moment=moment, signal=number)
    log = tmp_path / "told.log"
    assert ended(told + RUN, log) == 0, log.read_text()
    assert "Traceback" not in log.read_text()


def test_a_signal_that_does_not_wake_the_executor_ends_it(client: Client, tmp_path: Path) -> None:
    """As where the executor is quicker than rclpy, which wakes it before it ends ROS."""
    told = """
import os, signal, threading
import rclpy.executors
from rclpy.guard_condition import GuardCondition

class Deaf(GuardCondition):
    def __init__(self, context):
        super().__init__(callback=None, callback_group=None, context=context)

rclpy.executors.SignalHandlerGuardCondition = Deaf
real = rclpy.executors.SingleThreadedExecutor.spin

def spin(self):
    threading.Timer(1.0, os.kill, (os.getpid(), signal.SIGINT)).start()
    real(self)

rclpy.executors.SingleThreadedExecutor.spin = spin
"""
    log = tmp_path / "deaf.log"
    assert ended(told + RUN, log) == 0, log.read_text()
    assert "Traceback" not in log.read_text()


def test_a_signal_that_the_interpreter_swallowed_still_ends_it(
    client: Client, tmp_path: Path
) -> None:
    # What is raised in a finalizer is printed, and the program goes on.
    told = """
import os, signal
import rclpy

class Swallows:
    def __del__(self):
        os.kill(os.getpid(), signal.SIGINT)
        for _ in range(1000):
            pass

real = rclpy.init

def init(*arguments, **named):
    Swallows()
    real(*arguments, **named)

rclpy.init = init
"""
    log = tmp_path / "swallowed.log"
    assert ended(told + RUN, log) == 0, log.read_text()
    assert "SystemExit" in log.read_text()  # it was swallowed indeed
