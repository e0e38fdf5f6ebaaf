"""The shipped SROS2 policy: the operator may ask, whoever has no key sees nothing."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

pytestmark = [pytest.mark.ros, pytest.mark.timeout(900)]
pytest.importorskip("rclpy", reason="no ROS 2 here: install it in /opt/ros and run `make test`")
pytest.importorskip("sros2", reason="no SROS2 here: install ros-$ROS_DISTRO-sros2")

from tests.support.ros import PATIENCE_S, ROOT, end, use_interfaces, wait_until  # noqa: E402

_CLIENT = """
import sys

import rclpy
from embodied_agent_interfaces.srv import Ask

rclpy.init()
node = rclpy.create_node("operator")
client = node.create_client(Ask, "/embodied_agent/ask")
if not client.wait_for_service(float(sys.argv[1])):
    print("not found")
    raise SystemExit
future = client.call_async(Ask.Request(question="Where is the sofa?"))
rclpy.spin_until_future_complete(node, future, timeout_sec=60)
print("answered:", future.result().answer.status)
"""


@pytest.fixture(scope="module")
def keystore(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Keys as docs/ros.md has them made."""
    use_interfaces()
    keys = tmp_path_factory.mktemp("security") / "keys"
    policy = ROOT / "config" / "ros" / "policy.xml"
    for command in (
        ["create_keystore", str(keys)],
        ["generate_artifacts", "-k", str(keys), "-p", str(policy)],
    ):
        done = subprocess.run(
            ["ros2", "security", *command], capture_output=True, text=True, check=False
        )
        if "curve must be an EllipticCurve" in done.stderr:
            pytest.skip("this sros2 can't make keys with the cryptography package found here")
        assert done.returncode == 0, done.stderr
    return keys


def secured(keys: Path) -> dict[str, str]:
    return {
        **os.environ,
        "ROS_SECURITY_KEYSTORE": str(keys),
        "ROS_SECURITY_ENABLE": "true",
        "ROS_SECURITY_STRATEGY": "Enforce",
    }


def node_command(enclave: str) -> list[str]:
    return [
        *(sys.executable, "-m", "embodied_agent.ros.main", "--ros-args", "--enclave", enclave),
        *("-p", "ros.autostart:=true", "-p", "perception.backend:=geometry"),
    ]


@pytest.fixture(scope="module")
def node(keystore: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """An active node with a key."""
    log = tmp_path_factory.mktemp("secured") / "node.log"
    with log.open("wb") as out:
        process = subprocess.Popen(
            node_command("/embodied_agent"), env=secured(keystore), stdout=out, stderr=out
        )
    try:
        wait_until(lambda: "ask me at ~/ask" in log.read_text() or process.poll() is not None)
        assert process.poll() is None, log.read_text()
        yield
    finally:
        code = end(process)
    assert code == 0, log.read_text()


def asked(environment: dict[str, str], patience_s: float) -> str:
    """What a client of its own process gets."""
    done = subprocess.run(
        [sys.executable, "-c", _CLIENT, str(patience_s)],
        env=environment,
        capture_output=True,
        text=True,
        timeout=4 * PATIENCE_S,
        check=False,
    )
    return done.stdout.strip() or done.stderr


def test_the_operator_is_answered_and_a_stranger_finds_nothing(node: None, keystore: Path) -> None:
    operator = {**secured(keystore), "ROS_SECURITY_ENCLAVE_OVERRIDE": "/operator"}
    assert asked(operator, PATIENCE_S).startswith("answered")
    assert asked(dict(os.environ), 8.0) == "not found"
    assert asked(operator, PATIENCE_S).startswith("answered")  # it was there all the time


def test_an_enclave_that_the_policy_does_not_name_can_not_start(keystore: Path) -> None:
    done = subprocess.run(
        node_command("/nobody"),
        env=secured(keystore),
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    assert done.returncode == 1
    assert "can't start" in done.stderr
    assert "Traceback" not in done.stderr
