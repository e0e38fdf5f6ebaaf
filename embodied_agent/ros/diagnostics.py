"""The node's state on /diagnostics: camera, memory, perception, reasoning, servers, interfaces.

WARN means that somebody should look, ERROR that something is being lost.

Out of scope: where the numbers come from (`watch`, `images`).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue
from rcl_interfaces.msg import ParameterDescriptor
from rclpy.clock import Clock, ClockType

from embodied_agent.agent.status import AgentStatus, QueueStatus
from embodied_agent.ros.messages import clean
from embodied_agent.ros.pairing import Fit
from embodied_agent.support.redaction import without_credentials

OK, WARN, ERROR = DiagnosticStatus.OK, DiagnosticStatus.WARN, DiagnosticStatus.ERROR
#: The parameters of diagnostic_updater, and its default period in seconds.
PERIOD, USE_FQN = "diagnostic_updater.period", "diagnostic_updater.use_fqn"
PERIOD_S = 1.0
_SHORTEST_S = 0.05
#: Above this share of images without a pose, somebody should look.
_MOSTLY = 0.5


@dataclass(frozen=True)
class Finding:
    """One line of diagnostics: how bad, in words, and the numbers behind it."""

    level: bytes = OK
    message: str = "ok"
    values: Mapping[str, object] = field(default_factory=dict)


class RateMeter:
    """How many a second, from a counter that is read now and then."""

    def __init__(self) -> None:
        self._last: tuple[float, int] | None = None
        self.per_s = 0.0

    def read(self, count: int, now_s: float) -> float:
        """The rate since the last reading at least half a period ago."""
        if self._last is None:
            self._last = now_s, count
        elif now_s - self._last[0] >= PERIOD_S / 2:
            self.per_s = (count - self._last[1]) / (now_s - self._last[0])
            self._last = now_s, count
        return self.per_s


def camera(
    *,
    active: bool,
    topic: str,
    arrived: int,
    rate_hz: float,
    age_s: float | None,
    silent_s: float,
    active_s: float,
    status: AgentStatus | None,
    warnings: Mapping[str, int],
    publishers: int,
    calibration: str,
    depth: str,
    advice: Callable[[], str],
) -> Finding:
    """Images: WARN when none came for ``silent_s`` seconds of being active (``advice`` says what to
    do then), and where the camera seems to look elsewhere than it is said to."""
    values = {
        "topic": topic,
        "publishers": publishers,
        "camera_info": calibration,
        **({"depth": depth} if depth else {}),
        "rate_hz": f"{rate_hz:.1f}",
        "age_s": "none yet" if age_s is None else f"{age_s:.2f}",
        "images": arrived,
        "dropped": 0 if status is None else status.frames_dropped,
        "late": 0 if status is None else status.frames_late,
        "out_of_line": 0 if status is None else status.frames_out_of_line,
        "undecodable": 0 if status is None else status.frames_unreadable,
        **{f"complaints.{kind}": count for kind, count in sorted(warnings.items())},
    }
    if not active:
        return Finding(OK, "inactive", values)
    if active_s > silent_s and (age_s is None or age_s > silent_s):
        since = "since the node is active" if age_s is None else f"for {age_s:.1f} s"
        return Finding(WARN, f"the camera is silent: no image {since}; {advice()}", values)
    if status is not None and status.camera_problem:
        return Finding(WARN, status.camera_problem, values)
    return Finding(OK, f"{rate_hz:.1f} images/s", values)


def poses(
    *, source: str, active: bool, counts: Mapping[Fit, int], share_without: float, invalid: int
) -> Finding:
    """Poses: WARN while most of the latest images got none, although poses are asked for."""
    values: dict[str, object] = {"source": source, "invalid": invalid}
    values |= {str(kind): count for kind, count in counts.items()}
    if source == "none":
        return Finding(OK, "none are asked for", values)
    if not active:
        return Finding(OK, "inactive", values)
    if share_without > _MOSTLY:
        reasons: tuple[Fit, ...] = ("late", "missing")
        worst = max(reasons, key=lambda reason: counts[reason])
        return Finding(
            WARN, f"{share_without:.0%} of the latest images have no pose: {worst}", values
        )
    return Finding(OK, f"{counts['found']} images have the pose of their stamp", values)


def memory(status: AgentStatus | None, problem: str) -> Finding:
    """The store: ERROR when it can't be read or written."""
    if status is None:
        return Finding(ERROR, problem) if problem else Finding(OK, "not read yet")
    stats = status.memory
    values = {
        "path": stats.path,
        "bytes": stats.file_bytes,
        "keyframes": stats.keyframes,
        "pictures": stats.pictures,
        "picture_bytes": stats.picture_bytes,
        "segments": stats.segments,
        "answers": stats.answers,
    }
    problem = problem or status.store_problem
    if problem:
        return Finding(ERROR, problem, values)
    return Finding(OK, f"{stats.keyframes} keyframes, {stats.file_bytes} bytes", values)


def perception(status: AgentStatus | None) -> Finding:
    """Keyframes to deltas: WARN while the model can't be reached, ERROR when it has stopped."""
    state = None if status is None else status.perception
    if state is None:
        return Finding(OK, "not read yet")
    latency_s = state.mean_latency_s
    values = {
        "model": state.model,
        "state": state.state,
        "queue": state.pending,
        "perceived": state.perceived,
        "unusable": state.unusable,
        "retries": state.retries,
        "mean_latency_s": "" if latency_s is None else f"{latency_s:.3f}",
        "last_error": state.last_error,
    }
    waiting = f"{state.pending} keyframes wait"
    if state.state == "stopped":
        return Finding(ERROR, f"stopped, {waiting}: {state.last_error}", values)
    if state.state != "closed":
        return Finding(WARN, f"the model fails, {waiting}: {state.last_error}", values)
    return Finding(OK, waiting, values)


def reasoning(
    status: AgentStatus | None, questions: QueueStatus, last_latency_s: float | None
) -> Finding:
    """Questions to answers."""
    asked = 0 if status is None else status.reasoning.asked
    values = {
        "model": "" if status is None else status.reasoning.model,
        "asked": asked,
        "without_answer": 0 if status is None else status.reasoning.problems,
        "waiting": questions.waiting,
        "running": questions.running,
        "refused": questions.refused,
        "expired": questions.expired,
        "last_latency_s": "" if last_latency_s is None else f"{last_latency_s:.3f}",
    }
    if status is not None:
        state = status.reasoning
        for name in ("first_token_s", "load_s", "model_bytes", "resident_bytes"):
            value = getattr(state, name)
            values[name] = "" if value is None else f"{value:.3f}".removesuffix(".000")
        if state.loading_s is not None:
            return Finding(OK, f"loading the model, for {state.loading_s:.0f} s", values)
    return Finding(OK, f"{asked} asked, {questions.waiting} wait", values)


def servers(problems: Mapping[str, str]) -> Finding:
    """Model servers, by stage: WARN where one can't be reached; stored keyframes wait for it."""
    values = {stage: problem or "reachable" for stage, problem in problems.items()}
    lines = [f"{stage}: {problem}" for stage, problem in problems.items() if problem]
    if lines:
        return Finding(WARN, "; ".join(lines), values)
    return Finding(OK, "reachable" if problems else "none are used", values)


def interfaces(problems: Mapping[str, str], names: tuple[str, ...]) -> Finding:
    """Web and MQTT: WARN where one fails."""
    values = {name: problems.get(name, "") or "ok" for name in names}
    if problems:
        return Finding(WARN, "; ".join(f"{name}: {why}" for name, why in problems.items()), values)
    return Finding(OK, ", ".join(names) or "none are on", values)


class Diagnostics:
    """Publishes findings until it is destroyed, as diagnostic_updater does and by its parameters
    (that module can't be ended with a session, and before Jazzy it has no full names).

    Args:
        node: publishes.
        checks: by name; called on the executor, must return at once.
    """

    def __init__(self, node: Any, checks: Mapping[str, Callable[[], Finding]]) -> None:
        self._node = node
        self._checks = checks
        self._hardware_id = node.get_fully_qualified_name()
        period_s = _parameter(node, PERIOD, PERIOD_S, "how often diagnostics are published, in s")
        full_name = _parameter(
            node, USE_FQN, True, "names in diagnostics begin with the node's full name"
        )
        self._name = self._hardware_id if full_name else node.get_name()
        self._publisher = node.create_publisher(DiagnosticArray, "/diagnostics", 10)
        # Steady: also while simulated time stands still, which is when a camera falls silent.
        self._timer = node.create_timer(
            max(period_s, _SHORTEST_S), self._publish, clock=Clock(clock_type=ClockType.STEADY_TIME)
        )

    def destroy(self) -> None:
        """Publish no more."""
        self._node.destroy_timer(self._timer)
        self._node.destroy_publisher(self._publisher)
        for name in (PERIOD, USE_FQN):
            self._node.undeclare_parameter(name)

    def _publish(self) -> None:
        message = DiagnosticArray()
        message.header.stamp = self._node.get_clock().now().to_msg()
        for name, check in self._checks.items():
            finding = check()
            message.status.append(
                DiagnosticStatus(
                    level=finding.level,
                    name=f"{self._name}: {name}",
                    message=clean(without_credentials(finding.message)),
                    hardware_id=self._hardware_id,
                    values=[
                        KeyValue(key=key, value=clean(without_credentials(str(value))))
                        for key, value in finding.values.items()
                    ],
                )
            )
        self._publisher.publish(message)


def _parameter(node: Any, name: str, default: Any, description: str) -> Any:
    return node.declare_parameter(name, default, ParameterDescriptor(description=description)).value


def age_s(since_s: float | None) -> float | None:
    """Seconds since a time of `time.monotonic`."""
    return None if since_s is None else time.monotonic() - since_s
