"""What an operator sees and sets: diagnostics and parameters."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytestmark = [pytest.mark.ros, pytest.mark.timeout(900)]
pytest.importorskip("rclpy", reason="no ROS 2 here: install it in /opt/ros and run `make test`")

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
    assert method.read_only
    assert "robust" in method.additional_constraints
    assert port.integer_range[0].to_value == 65535


@pytest.mark.parametrize(
    ("name", "change", "said"),
    [
        ("keyframes.overlap_threshold", 2.0, "range"),
        ("keyframes.overlap_threshold", 1.0, "less than 1"),
        ("keyframes.method", "paper", "read-only"),
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
