"""A real node in a process of its own, and a client beside it, on a ROS domain of this test run."""

from __future__ import annotations

import ctypes
import os
import random
import resource
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from tests.support.ros_workspace import ROOT, build_workspace

#: Nothing here takes that long; a machine that is busy with other things may.
PATIENCE_S = 60.0

# One domain a test run, seen from this machine only.
os.environ["ROS_DOMAIN_ID"] = str(random.SystemRandom().randint(1, 100))
if os.environ.get("ROS_DISTRO") == "humble":
    os.environ["ROS_LOCALHOST_ONLY"] = "1"
else:
    os.environ["ROS_AUTOMATIC_DISCOVERY_RANGE"] = "LOCALHOST"


def use_interfaces() -> None:
    """Make the interfaces importable in this process, and the installed packages known to commands
    that it starts, as sourcing the workspace would before it began. The agent's own code stays that
    of the checkout."""
    prefix = build_workspace()
    if str(prefix) in os.environ.get("AMENT_PREFIX_PATH", "").split(":"):
        return
    lib = prefix / "lib"
    (packages,) = lib.glob("python3*/site-packages")
    sys.path.append(str(packages))
    for name, value in (
        ("AMENT_PREFIX_PATH", prefix),
        ("LD_LIBRARY_PATH", lib),
        ("PYTHONPATH", packages),
        ("PYTHONPATH", ROOT),
    ):
        os.environ[name] = f"{value}:{os.environ.get(name, '')}".rstrip(":")
    # The loader has read LD_LIBRARY_PATH already, so the libraries are loaded by their paths, as
    # often as it takes for each to find those that it needs. Python needs none of those for C++.
    left = sorted(path for path in lib.glob("*.so") if not path.stem.endswith("_cpp"))
    while left:
        failed = []
        for path in left:
            try:
                ctypes.CDLL(str(path), mode=ctypes.RTLD_GLOBAL)
            except OSError:
                failed.append(path)
        assert len(failed) < len(left), failed
        left = failed


def wait_until(what: Callable[[], Any], timeout_s: float = PATIENCE_S) -> Any:
    """What ``what`` gives once it is true."""
    pause = threading.Event()
    deadline = time.monotonic() + timeout_s
    while not (found := what()):
        assert time.monotonic() < deadline, f"{what} did not come true within {timeout_s} s"
        pause.wait(0.01)
    return found


def publish_until(
    publisher: Any, message: Any, what: Callable[[], Any], every_s: float = 1.0
) -> Any:
    """What ``what`` gives once it is true; the message is sent again and again, as one may get
    lost before the node has found its publisher."""
    last = -every_s

    def seen() -> Any:
        nonlocal last
        if time.monotonic() - last > every_s:
            publisher.publish(message)
            last = time.monotonic()
        return what()

    return wait_until(seen)


def end(process: subprocess.Popen[Any]) -> int:
    """Tell a process to end, and how it did; it is killed if it doesn't."""
    if process.poll() is None:
        process.send_signal(signal.SIGINT)
    try:
        return process.wait(PATIENCE_S)
    finally:
        process.kill()
        process.wait()


class NodeProcess:
    """A running node."""

    def __init__(self, process: subprocess.Popen[bytes], log: Path, name: str) -> None:
        self.process = process
        self.log_path = log
        self.name = name

    @property
    def namespace(self) -> str:
        return self.name.rpartition("/")[0]

    @property
    def log(self) -> str:
        return self.log_path.read_text(errors="replace")

    def wait_for_log(self, text: str) -> None:
        """Wait until it has logged this: a line may come after what it is about."""
        wait_until(lambda: text in self.log)

    @property
    def alive(self) -> bool:
        return self.process.poll() is None

    def files(self) -> int:
        """How many files it has open."""
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))

    def threads(self) -> int:
        """How many threads it has."""
        return len(os.listdir(f"/proc/{self.process.pid}/task"))

    def stop(self) -> int:
        """Ask it to end, and how it did."""
        return end(self.process)


@contextmanager
def running_node(
    folder: Path,
    *,
    namespace: str,
    parameters: dict[str, object] | None = None,
    file_limit: int | None = None,
    remap: dict[str, str] | None = None,
) -> Iterator[NodeProcess]:
    """The node with these parameters; `file_limit` is the largest file that it may write."""
    values = {"perception.backend": "geometry", **(parameters or {})}
    command = [sys.executable, "-m", "embodied_agent.ros.main", "--ros-args"]
    if namespace:  # else the root's
        command += ["-r", f"__ns:={namespace}"]
    for source, target in (remap or {}).items():
        command += ["-r", f"{source}:={target}"]
    for name, value in values.items():
        shown = str(value).lower() if isinstance(value, bool) else str(value)
        command += ["-p", f"{name}:={shown}"]

    def limit() -> None:
        if file_limit is not None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (file_limit, file_limit))

    log = folder / f"node{namespace.replace('/', '_')}.log"
    # Through a pipe, so that the limit does not hold for the log.
    with log.open("wb") as out:
        process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, cwd=folder, preexec_fn=limit
        )
        assert process.stdout is not None
        copier = threading.Thread(target=_copy, args=(process.stdout, out))
        copier.start()
        node = NodeProcess(process, log, f"{namespace}/embodied_agent")
        try:
            yield node
        finally:
            try:
                code = node.stop()
            finally:
                copier.join(PATIENCE_S)
    assert code == 0, node.log


def _copy(source: Any, out: Any) -> None:
    with source:
        for line in source:
            out.write(line)
            out.flush()


class Client:
    """A ROS node of the test, spun on a thread of its own."""

    def __init__(self) -> None:
        import rclpy
        from rclpy.executors import SingleThreadedExecutor

        self.context = rclpy.Context()
        rclpy.init(context=self.context)
        self.node = rclpy.create_node(f"client_{os.getpid()}", context=self.context)
        self._executor = SingleThreadedExecutor(context=self.context)
        self._executor.add_node(self.node)
        self._thread = threading.Thread(target=self._spin, daemon=True)
        self._thread.start()

    def _spin(self) -> None:
        from rclpy.executors import ExternalShutdownException

        with suppress(ExternalShutdownException):
            self._executor.spin()

    def close(self) -> None:
        import rclpy

        self._executor.shutdown(5.0)
        rclpy.shutdown(context=self.context)
        self._thread.join(5.0)
        self.node.destroy_node()

    def call(self, kind: Any, name: str, request: Any, timeout_s: float = PATIENCE_S) -> Any:
        """A service's response."""
        client = self.node.create_client(kind, name)
        try:
            assert client.wait_for_service(timeout_s), f"{name} is not there"
            return self.result(client.call_async(request), timeout_s)
        finally:
            self.node.destroy_client(client)

    def result(self, future: Any, timeout_s: float = PATIENCE_S) -> Any:
        """What a ROS future gives."""
        done = threading.Event()
        future.add_done_callback(lambda _: done.set())
        assert done.wait(timeout_s), "no reply"
        return future.result()

    def transition(self, node: NodeProcess, name: str) -> bool:
        """Whether the transition worked."""
        from lifecycle_msgs.msg import Transition
        from lifecycle_msgs.srv import ChangeState

        request = ChangeState.Request(transition=Transition(label=name))
        return bool(self.call(ChangeState, f"{node.name}/change_state", request).success)

    def state(self, node: NodeProcess) -> str:
        from lifecycle_msgs.srv import GetState

        return self.call(GetState, f"{node.name}/get_state", GetState.Request()).current_state.label

    def start(self, node: NodeProcess) -> None:
        """Configure and activate."""
        assert self.transition(node, "configure"), node.log
        assert self.transition(node, "activate"), node.log

    def collect(self, kind: Any, topic: str, qos: Any = 1000) -> list[Any]:
        """A list that grows by each message."""
        found: list[Any] = []
        self.node.create_subscription(kind, topic, found.append, qos)
        return found

    def publisher(self, kind: Any, topic: str) -> Any:
        """A publisher that the node has found."""
        made = self.node.create_publisher(kind, topic, 100)
        wait_until(lambda: made.get_subscription_count() > 0)
        return made


def statuses_of(client: Client, node: NodeProcess) -> Callable[[str], Any]:
    """Gives the node's latest status of a name, from when the first have come."""
    from diagnostic_msgs.msg import DiagnosticArray

    found = client.collect(DiagnosticArray, "/diagnostics")

    def latest(name: str) -> Any:
        for message in reversed(found):
            for status in message.status:
                if status.hardware_id == node.name and status.name.endswith(f": {name}"):
                    return status
        return None

    wait_until(lambda: latest("memory"))
    return latest


def value(status: Any, key: str) -> str:
    """One value of a status; empty where there is none."""
    return next((pair.value for pair in status.values if pair.key == key), "")
