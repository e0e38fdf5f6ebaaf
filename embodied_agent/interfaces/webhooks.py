"""Webhooks: alerts of standing questions, posted as JSON to the addresses that people named.

An alert is posted until the server accepts it (a status of 200 to 299), after growing delays, and
is given up after ``alerts.keep_s``. A server that accepted it but could not say so gets it again,
with the same ``id``. Redirects are not followed, because they may lead anywhere.

Out of scope: which addresses are allowed (`embodied_agent.agent.alerts`), the model of an alert
(`embodied_agent.interfaces.wire.standing`).
"""

from __future__ import annotations

import asyncio
import http.client
import logging
import threading
import time
import urllib.error
import urllib.request
from contextlib import suppress
from typing import Any

from embodied_agent.agent import Agent
from embodied_agent.agent.listeners import Listener
from embodied_agent.interfaces.status import WebhookStatus
from embodied_agent.interfaces.wire.standing import alert_reply
from embodied_agent.object_records import Alert
from embodied_agent.settings import AlertSettings
from embodied_agent.support.backoff import Backoff
from embodied_agent.support.redaction import without_credentials
from embodied_agent.support.throttled_log import ThrottledLog

_log = logging.getLogger(__name__)

#: Delay after a failure: the first and the longest, in seconds.
_RETRY_S, _RETRY_MAX_S = 1.0, 300.0
#: A server that has not failed for this long, in seconds, starts over from the first delay.
_STABLE_S = 600.0
#: How often the memory is searched for alerts if none was announced, in seconds.
_IDLE_S = 60.0
#: Most bytes of a reply that are read.
_MOST_REPLY = 1024


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any, **__: Any) -> None:
        return None


class Webhooks:
    """Posts the alerts of one agent.

    Args:
        agent: the agent whose alerts are posted.
        settings: of alerts.
    """

    def __init__(self, agent: Agent, settings: AlertSettings) -> None:
        self._agent = agent
        self._settings = settings
        self._opener = urllib.request.build_opener(_NoRedirects)
        self._warnings = ThrottledLog(_log.warning)
        #: By address, until when nothing is posted to it.
        self._waiting: dict[str, tuple[Backoff, float]] = {}
        self._posted = self._given_up = 0
        self._last_error = ""
        #: Set once it serves.
        self.ready = threading.Event()

    def status(self) -> WebhookStatus:
        """State and counters at this moment; called from any thread."""
        return WebhookStatus(
            state="serving" if self.ready.is_set() else "down",
            last_error=self._last_error,
            posted=self._posted,
            given_up=self._given_up,
        )

    async def serve(self, stop: asyncio.Event) -> None:
        """Post alerts until ``stop`` is set.

        Raises:
            StoreError: the memory can't be read or written.
        """
        loop = asyncio.get_running_loop()
        came = asyncio.Event()

        def on_alert(_: Alert) -> None:
            with suppress(RuntimeError):  # the loop has ended
                loop.call_soon_threadsafe(came.set)

        unlisten = self._agent.listen(Listener(on_alert=on_alert))
        self.ready.set()
        try:
            while not stop.is_set():
                came.clear()
                rest_s = await asyncio.to_thread(self._post_all)
                waits = [asyncio.ensure_future(event.wait()) for event in (came, stop)]
                try:
                    await asyncio.wait(waits, timeout=rest_s, return_when=asyncio.FIRST_COMPLETED)
                finally:
                    for wait in waits:
                        wait.cancel()
        finally:
            unlisten()
            self.ready.clear()

    def _post_all(self) -> float:
        """Post the alerts that are due; returns how long to wait for the next one, in seconds."""
        hooks = {one.id: one.webhook for one in self._agent.standing_questions()}
        table = self._agent.store.alerts
        rest_s = _IDLE_S
        for alert in table.undelivered("posted"):
            address = hooks.get(alert.question_id, "")
            allowed = address.startswith(tuple(self._settings.webhooks)) if address else False
            if not allowed or time.time() - alert.at_s > self._settings.keep_s:
                self._given_up += 1
                table.delivered(alert.id, "posted")
                continue
            backoff, until = self._waiting.get(address) or (
                Backoff(_RETRY_S, _RETRY_MAX_S, stable_s=_STABLE_S),
                0.0,
            )
            now = time.monotonic()
            if now < until:
                rest_s = min(rest_s, until - now)
                continue
            backoff.begin()
            problem = self._post(address, alert)
            if problem:
                self._last_error = f"{without_credentials(address)}: {problem}"
                self._warnings.add(address, f"an alert could not be posted to {self._last_error}")
                wait_s = backoff.failure_s()
                self._waiting[address] = backoff, time.monotonic() + wait_s
                rest_s = min(rest_s, wait_s)
                continue
            self._waiting.pop(address, None)
            self._last_error = ""
            self._posted += 1
            table.delivered(alert.id, "posted")
        return rest_s

    def _post(self, address: str, alert: Alert) -> str:
        """Post an alert; returns why it was not accepted, empty if it was."""
        request = urllib.request.Request(
            address,
            data=alert_reply(alert).model_dump_json().encode(),
            headers={"Content-Type": "application/json", "User-Agent": "embodied-agent"},
            method="POST",
        )
        try:
            timeout_s = self._settings.webhook_timeout_s
            with self._opener.open(request, timeout=timeout_s) as response:
                response.read(_MOST_REPLY)
        except urllib.error.HTTPError as error:
            error.close()
            return f"it responded with status {error.code}"
        except (OSError, ValueError, http.client.HTTPException) as error:
            return str(getattr(error, "reason", "") or error) or type(error).__name__
        return ""
