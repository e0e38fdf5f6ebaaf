"""Prometheus metrics of every stage, in a registry of their own.

Counters of the stages are read at each scrape; latencies and decisions are counted as they occur.
Names follow Prometheus: ``embodied_agent_<what>_<unit>``, counters end in ``_total``.

Out of scope: the counting inside the stages (`embodied_agent.agent.status`).
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator
from typing import get_args

from prometheus_client import CollectorRegistry, Counter, Histogram, disable_created_metrics
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.exposition import generate_latest
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from embodied_agent.agent import Agent
from embodied_agent.agent.listeners import Listener
from embodied_agent.agent.question_queue import QuestionQueue, QueuedQuestion, QueueListener
from embodied_agent.codec import to_values
from embodied_agent.errors import AgentError
from embodied_agent.interfaces.wire.models import ConnectionState, StatusReply
from embodied_agent.records import Answer, Decision, Delta, Frame, Keyframe

_log = logging.getLogger(__name__)

# The creation times of series are of no use here, and would be a third of the text.
disable_created_metrics()  # type: ignore[no-untyped-call]

_PREFIX = "embodied_agent"
_SECONDS = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 25, 60)


class Metrics:
    """The metrics of one agent and its interfaces.

    Args:
        agent: the agent.
        questions: the question queue.
        status: the status of everything.
        watchers: how many clients watch live.
        resyncs: how many watchers missed events.
    """

    def __init__(
        self,
        agent: Agent,
        questions: QuestionQueue,
        status: Callable[[], StatusReply],
        watchers: Callable[[], int],
        resyncs: Callable[[], int],
    ) -> None:
        self._registry = CollectorRegistry()
        self._decisions = Counter(
            f"{_PREFIX}_decisions",
            "Frames decided on, by the reason for keeping them (none: not kept)",
            ["reason"],
            registry=self._registry,
        )
        self._keyframes = Counter(
            f"{_PREFIX}_keyframes", "Keyframes stored", registry=self._registry
        )
        self._perception = Histogram(
            f"{_PREFIX}_perception_seconds",
            "Time that the perceiver takes per keyframe",
            buckets=_SECONDS,
            registry=self._registry,
        )
        self._answers = Counter(
            f"{_PREFIX}_answers",
            "Finished questions, by the status of their answers",
            ["status"],
            registry=self._registry,
        )
        self._stages = Histogram(
            f"{_PREFIX}_answer_seconds",
            "Time of an answer, by stage",
            ["stage"],
            buckets=_SECONDS,
            registry=self._registry,
        )
        self._requests = Counter(
            f"{_PREFIX}_http_requests",
            "HTTP requests served",
            ["method", "route", "status"],
            registry=self._registry,
        )
        self._request_seconds = Histogram(
            f"{_PREFIX}_http_request_seconds",
            "Time of HTTP requests, without streams",
            ["route"],
            buckets=(0.001, 0.005, *_SECONDS),
            registry=self._registry,
        )
        self._registry.register(_Stages(status, watchers, resyncs))
        listener = Listener(self._on_decision, self._on_keyframe, self._on_delta)
        self._remove = (
            agent.listen(listener),
            questions.listen(QueueListener(on_answer=self._on_answer)),
        )

    def text(self) -> bytes:
        """All metrics in Prometheus' text format."""
        return generate_latest(self._registry)

    def close(self) -> None:
        """Stop listening."""
        for remove in self._remove:
            remove()

    def requested(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count one HTTP request."""
        method = method if method in ("GET", "HEAD", "POST", "DELETE", "OPTIONS") else "other"
        self._requests.labels(method, route, status).inc()
        if route not in ("/api/events", "/api/ask", "/mcp"):
            self._request_seconds.labels(route).observe(seconds)

    def _on_decision(self, frame: Frame, decision: Decision) -> None:
        self._decisions.labels(decision.reason or "none").inc()

    def _on_keyframe(self, keyframe: Keyframe) -> None:
        self._keyframes.inc()

    def _on_delta(self, keyframe: Keyframe, delta: Delta) -> None:
        self._perception.observe(delta.latency_s)

    def _on_answer(self, queued: QueuedQuestion, answer: Answer) -> None:
        self._answers.labels(answer.status).inc()
        for stage, seconds in answer.latency_s.items():
            self._stages.labels(stage).observe(seconds)


class _Stages(Collector):
    """Reads the stages' own counters."""

    def __init__(
        self,
        status: Callable[[], StatusReply],
        watchers: Callable[[], int],
        resyncs: Callable[[], int],
    ) -> None:
        self._status, self._watchers, self._resyncs = status, watchers, resyncs

    def describe(self) -> Iterable[Metric]:
        return ()

    def collect(self) -> Iterator[Metric]:
        try:
            status = self._status()
        except AgentError as error:
            _log.warning("no metrics of the stages: %s", error)
            yield _gauge("up", "1 while the stages can be read", 0)
            return
        perception, memory = status.perception, status.memory
        yield _gauge("up", "1 while the stages can be read", 1)
        yield _gauge("ready", "1 while questions about the present can be answered", status.ready)
        yield _counter("frames", "Frames received", status.frames)
        yield _counter("frames_dropped", "Frames replaced by a newer one", status.frames_dropped)
        yield _counter("frames_late", "Frames that came out of order", status.frames_late)
        yield _counter("frames_unreadable", "Undecodable frames", status.frames_unreadable)
        if status.frame_age_s is not None:
            yield _gauge("frame_age_seconds", "Time since the latest frame", status.frame_age_s)
        if status.input is not None:
            state = GaugeMetricFamily(
                f"{_PREFIX}_source_state", "1 for the source's current state", labels=["state"]
            )
            for name in get_args(ConnectionState):
                state.add_metric([name], float(name == status.input.state))
            yield state
            yield _gauge(
                "source_state_seconds", "Time in the source's current state", status.input.state_s
            )
            yield _counter(
                "source_losses", "Times the source was lost or absent", status.input.losses
            )
        yield _counter(
            "listener_failures", "Listener callbacks that raised", status.listener_failures
        )
        yield _counter(
            "frames_doubtful",
            "Frames whose overlap with the last keyframe is doubtful",
            status.keyframer.frames_doubtful,
        )
        yield _gauge("keyframes_pending", "Keyframes waiting to be perceived", memory.pending)
        if perception is not None:
            yield _counter("perceived", "Keyframes perceived", perception.perceived)
            yield _counter("unusable", "Keyframes without a usable reply", perception.unusable)
            yield _counter("perception_retries", "Repeated perceiver calls", perception.retries)
            yield _counter(
                "perception_disagreed_with_egomotion",
                "Deltas whose action the keyframer measured otherwise",
                perception.disagreed_with_egomotion,
            )
            yield _counter(
                "perception_given_up", "Keyframes that no call could perceive", perception.given_up
            )
            yield _gauge(
                "perception_retry_in_seconds", "Time until the next try", perception.retry_in_s
            )
            state = GaugeMetricFamily(
                f"{_PREFIX}_perception_state", "1 for the current state", labels=["state"]
            )
            state.add_metric([perception.state], 1)
            yield state
        yield _gauge("asks_waiting", "Questions waiting for their turn", status.asks.waiting)
        yield _gauge("asks_running", "Questions being answered", status.asks.running)
        yield _counter(
            "asks_refused", "Questions refused because the queue was full", status.asks.refused
        )
        yield _counter("asks_expired", "Questions that timed out in the queue", status.asks.expired)
        reasoning = status.reasoning
        yield _counter(
            "asks_left_open",
            "Questions with choices that the notes do not settle",
            reasoning.left_open,
        )
        yield _counter(
            "asks_again",
            "Questions that the reasoner was asked again because the notes settle them",
            reasoning.asked_again,
        )
        yield _counter(
            "asks_restated",
            "Questions that a small model put into plain words",
            reasoning.restated,
        )
        yield _gauge(
            "reasoner_loading", "1 while the reasoner is loaded", reasoning.loading_s is not None
        )
        for gauge, meaning, reading in (
            ("reasoner_load_seconds", "Time that loading the reasoner took", reasoning.load_s),
            (
                "reasoner_first_token_seconds",
                "Time to the first token of the latest reply",
                reasoning.first_token_s,
            ),
            (
                "reasoner_memory_bytes",
                "Memory of the reasoner in this process, with what it keeps",
                reasoning.model_bytes,
            ),
            ("resident_bytes", "Resident memory of this process", reasoning.resident_bytes),
        ):
            if reading is not None:
                yield _gauge(gauge, meaning, reading)
        yield _gauge("memory_keyframes", "Keyframes in the memory", memory.keyframes)
        yield _gauge("memory_objects", "Different objects named", memory.objects)
        yield _gauge("memory_file_bytes", "Size of the memory", memory.file_bytes)
        yield _gauge("memory_picture_bytes", "Size of its pictures", memory.picture_bytes)
        yield _gauge("memory_text_bytes", "Size of all but its pictures", memory.text_bytes)
        yield _gauge("watchers", "Clients watching live", self._watchers())
        yield _counter("resyncs", "Watchers that missed events", self._resyncs())
        problem = GaugeMetricFamily(
            f"{_PREFIX}_interface_problem", "1 while an interface has a problem", labels=["name"]
        )
        counts = GaugeMetricFamily(
            f"{_PREFIX}_interface_count", "Counters of the interfaces", labels=["name", "what"]
        )
        for name, interface in status.interfaces.items():
            problem.add_metric([name], float(bool(interface.problem)))
            for what, count in to_values(interface).items():
                if isinstance(count, (int, float)) and not isinstance(count, bool):
                    counts.add_metric([name, what], float(count))
        yield problem
        yield counts


def _gauge(name: str, meaning: str, value: float) -> Metric:
    return GaugeMetricFamily(f"{_PREFIX}_{name}", meaning, value=float(value))


def _counter(name: str, meaning: str, value: float) -> Metric:
    return CounterMetricFamily(f"{_PREFIX}_{name}", meaning, value=float(value))
