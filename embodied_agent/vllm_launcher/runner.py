"""Runs the planned servers: starts, watches, restarts and ends them.

On GPUs they start one after the other, because each measures the free memory when it starts; two at
once would count each other's half-loaded weights.

Out of scope: a single process (`process`), command lines (`plan`).
"""

from __future__ import annotations

import json
import math
import socket
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence

from embodied_agent.errors import ModelError, ModelUnavailable
from embodied_agent.support.breaker import Breaker
from embodied_agent.vllm_launcher.plan import Plan
from embodied_agent.vllm_launcher.process import ServerProcess

#: How often a starting server is checked for readiness, in seconds.
_ASK_S = 1.0
#: How long such a request may take, in seconds.
_REPLY_S = 5.0
#: First and maximum delay before a restart, in seconds.
_RESTART_S, _LONGEST_RESTART_S = 2.0, 60.0
#: After a server has run this long, in seconds, its restarts are counted from zero again.
_STABLE_S = 600.0
#: Texts in a server's log, in lower case, and their meanings.
_HINTS = (
    ("no available memory for the cache", "too little memory is left for the cache"),
    ("out of memory", "the GPU has too little memory"),
    ("free memory on device", "other programs use the GPU's memory"),
    ("unrecognized arguments", "this version of vLLM does not support one of the options"),
    ("address already in use", "the port is in use"),
    ("max seq len", "the cache is too small for one prompt: lower max_model_len"),
    ("repository not found", "there is no such model on the hub, or it needs a login"),
    ("localentrynotfound", "the model is not downloaded, and there is no network"),
    (
        "no module named",
        "vLLM is not installed in that environment: give its command with --program",
    ),
)


class Runner:
    """Runs planned servers. `run` blocks until `stop` is called, from any thread or signal handler.

    Args:
        plans: the servers, in the order in which they are started.
        start_timeout_s: how long a server may take to become ready, in seconds.
        stop_timeout_s: how long the servers may take to end before they are killed, in seconds.
        restarts: how often a server that exits unexpectedly is restarted.
        say: called for each event with the role, a text, and whether the text is from the server's
            log.
    """

    def __init__(
        self,
        plans: Sequence[Plan],
        *,
        start_timeout_s: float,
        stop_timeout_s: float,
        restarts: int,
        say: Callable[[str, str, bool], None],
    ) -> None:
        self._plans = list(plans)
        self._start_timeout_s, self._stop_timeout_s = start_timeout_s, stop_timeout_s
        self._restarts = restarts
        self._say = say
        self._wake = threading.Event()
        self._stopping = False
        self._running: dict[str, ServerProcess] = {}
        self._ready_at: dict[str, float] = {}
        self._breakers = {
            plan.role: Breaker(_RESTART_S, _LONGEST_RESTART_S, jitter=lambda: 0.0) for plan in plans
        }

    @property
    def process_ids(self) -> dict[str, int]:
        """The process id of each running server, by role."""
        return {role: process.process_id for role, process in self._running.items()}

    def stop(self) -> None:
        """End `run`, even while it is starting servers. Safe to call twice and in a signal
        handler."""
        self._stopping = True
        self._wake.set()

    def run(self, on_ready: Callable[[], None] = lambda: None) -> None:
        """Start all servers, call ``on_ready``, keep them running until `stop`, and end them.

        Raises:
            ModelError: a server could not be started, or exited too often.
        """
        try:
            # Servers on a CPU don't measure free memory, so they may start together.
            together = not any(plan.gpus for plan in self._plans)
            for plan in self._plans:
                self._launch(plan)
                if not together:
                    self._await(plan)
            for plan in self._plans if together else ():
                self._await(plan)
            if self._stopping:
                return
            on_ready()
            while not self._stopping:
                self._watch()
        finally:
            self._end_all()

    def _launch(self, plan: Plan) -> None:
        """Start one server.

        Raises:
            ModelError: its port is in use, or it can't be started.
        """
        if self._stopping:
            return
        _check_free(plan)
        self._say(plan.role, f"starting {plan.name} on {plan.url}", False)
        self._running[plan.role] = ServerProcess(
            plan, lambda line: self._say(plan.role, line, True), self._wake.set
        )

    def _await(self, plan: Plan) -> None:
        """Wait until a started server is ready.

        Raises:
            ModelUnavailable: the server did not become ready in time.
            ModelError: the server exited.
        """
        if self._stopping:
            return
        process, started = self._running[plan.role], time.monotonic()
        deadline = started + self._start_timeout_s
        while not self._stopping:
            if process.ended is not None:
                raise ModelError(_why_ended(process))
            if _ready(plan):
                self._ready_at[plan.role] = time.monotonic()
                took_s = time.monotonic() - started
                self._say(plan.role, f"{plan.name} is ready on {plan.url} ({took_s:.0f} s)", False)
                return
            left = deadline - time.monotonic()
            if left <= 0:
                raise ModelUnavailable(
                    f"the {plan.role} did not become ready within {self._start_timeout_s:g} s; "
                    f"its log ends with:\n{_indented_log(process)}\n"
                    "vllm.start_timeout_s allows more time"
                )
            self._wait(min(left, _ASK_S))

    def _watch(self) -> None:
        """Restart servers that exited, once their delay is over; then wait for the next event."""
        waits = [3600.0]
        for plan in self._plans:
            breaker, process = self._breakers[plan.role], self._running.get(plan.role)
            if process is not None and process.ended is None:
                continue
            if process is not None:
                del self._running[plan.role]
                if time.monotonic() - self._ready_at.get(plan.role, math.inf) > _STABLE_S:
                    breaker.success()
                breaker.failure()
                process.end(0.0)  # its workers, if any are left
                if breaker.failures > self._restarts:
                    raise ModelError(
                        f"{_why_ended(process)}\ngiving up after {self._restarts} restarts"
                    )
                self._say(
                    plan.role,
                    f"{_why_ended(process)}\nrestarting in {breaker.wait_s():.0f} s "
                    f"(restart {breaker.failures} of {self._restarts})",
                    False,
                )
            if breaker.begin():
                try:
                    self._launch(plan)
                    self._await(plan)
                except ModelError as error:
                    if breaker.failures >= self._restarts or plan.role not in self._running:
                        raise
                    self._say(plan.role, str(error), False)
                    breaker.cancel()
                    self._running[plan.role].terminate()
            waits.append(breaker.wait_s() if plan.role not in self._running else 3600.0)
        self._wait(min(waits))

    def _wait(self, timeout_s: float) -> None:
        self._wake.wait(timeout_s)
        if not self._stopping:
            self._wake.clear()

    def _end_all(self) -> None:
        for process in self._running.values():
            process.terminate()
        deadline = time.monotonic() + self._stop_timeout_s
        for role, process in self._running.items():
            process.end(max(0.0, deadline - time.monotonic()))
            self._say(role, "stopped", False)
        self._running.clear()


def _check_free(plan: Plan) -> None:
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            plan.host, plan.port, type=socket.SOCK_STREAM
        )[0]
        with socket.socket(family, kind, protocol) as probe:
            # The option that vLLM sets, too, so that just closed connections don't matter.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as error:
        raise ModelError(
            f"the {plan.role} can't listen on {plan.host}:{plan.port} ({error}); stop the program "
            "that uses the port, or choose another port with server.base_url"
        ) from error


def _ready(plan: Plan) -> bool:
    """Whether the server is healthy and lists the model."""
    root = plan.url.rsplit("/v1", 1)[0]
    try:
        _get(plan, f"{root}/health")
        models = json.loads(_get(plan, f"{plan.url.rstrip('/')}/models"))
        names = [model["id"] for model in models["data"]]
    except (OSError, ValueError, KeyError, TypeError, urllib.error.URLError):
        return False
    return plan.name in names


def _get(plan: Plan, url: str) -> bytes:
    request = urllib.request.Request(url)
    key = plan.environment.get("VLLM_API_KEY")
    if key:
        request.add_header("Authorization", f"Bearer {key}")
    # No proxy: the server is on this machine.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(request, timeout=_REPLY_S) as response:
        body: bytes = response.read(1_000_000)
    return body


def _why_ended(process: ServerProcess) -> str:
    status = process.ended
    log = " ".join(process.last_lines).lower()
    hint = next((meaning for text, meaning in _HINTS if text in log), "")
    how = f"signal {-status}" if status is not None and status < 0 else f"status {status}"
    return (
        f"the {process.plan.role} exited with {how}"
        + (f": {hint}" if hint else "")
        + (f"; its log ends with:\n{_indented_log(process)}" if process.last_lines else "")
    )


def _indented_log(process: ServerProcess) -> str:
    return "\n".join(f"    {line}" for line in process.last_lines)
