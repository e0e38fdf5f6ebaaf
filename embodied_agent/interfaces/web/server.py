"""The web server as one of the agent's interfaces: the socket, and uvicorn on the shared loop.

The address is bound when the server is made, so that a port in use fails the start with a clear
error, and early clients wait instead of being refused.

Out of scope: what is served (`embodied_agent.interfaces.web.app`), the socket (`listening`).
"""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Callable, Mapping

from embodied_agent.agent import Agent
from embodied_agent.agent.question_queue import QuestionQueue
from embodied_agent.errors import AgentError
from embodied_agent.interfaces.status import InterfaceStatus, WebStatus
from embodied_agent.interfaces.web.app import WebApp, make_app
from embodied_agent.interfaces.web.connections import Tally
from embodied_agent.interfaces.web.listening import listen, serving, url_of
from embodied_agent.interfaces.web.tls import server_context
from embodied_agent.interfaces.wire.models import SourceState
from embodied_agent.settings import Settings

#: Most connections that wait to be accepted.
_WAITING = 512
#: Time for running requests once the server stops, in seconds.
_GRACE_S = 3


class WebServer:
    """The web interface, an `Interface` of `embodied_agent.host.interfaces`.

    Args:
        agent: what it shows.
        questions: the question queue.
        settings: of all; ``settings.web`` is this interface's.
        interfaces: state of all interfaces, for the status.
        not_ready: why the process is not ready, besides the agent's own reasons.
        source: where frames come from, for the status.

    Raises:
        SettingsError: the address can't be listened on, or needs a token; a certificate can't be
            used.
    """

    def __init__(
        self,
        agent: Agent,
        questions: QuestionQueue,
        settings: Settings,
        *,
        interfaces: Callable[[], Mapping[str, InterfaceStatus]] = dict,
        not_ready: Callable[[], list[str]] = list,
        source: Callable[[], SourceState | None] = lambda: None,
    ) -> None:
        def app() -> WebApp:
            return make_app(
                agent,
                questions,
                settings,
                interfaces=interfaces,
                not_ready=not_ready,
                source=source,
            )

        self._app: WebApp | None = app()
        self._make = app
        self._settings = settings.web
        self._host, self._port = settings.web.host, settings.web.port
        self._tls = server_context(settings.web)
        self._tally = self._new_tally()
        self._socket: socket.socket | None = self._listen()
        self.ready = threading.Event()
        self._serving: WebApp | None = None

    @property
    def url(self) -> str:
        """The URL of the page, for a browser on this machine or one that can reach it."""
        return url_of(self._host, self._port, self._tls)

    async def serve(self, stop: asyncio.Event) -> None:
        """Serve until ``stop`` is set. Then streams end at once, and other requests within a few
        seconds.

        Raises:
            SettingsError: the address can no longer be listened on.
            AgentError: the server stopped by itself.
        """
        listening = self._socket or self._listen()
        app = self._app or self._make()
        self._socket = self._app = None
        server = serving(
            app,
            self._new_tally(),
            self._tls,
            lifespan="on",
            waiting=_WAITING,
            grace_s=_GRACE_S,
        )
        self._serving = app
        try:
            running = asyncio.create_task(server.serve(sockets=[listening]))
            stopping = asyncio.create_task(stop.wait())
            started = asyncio.create_task(app.started.wait())
            # The page would miss frames that come in before the app has started.
            await asyncio.wait({running, stopping, started}, return_when=asyncio.FIRST_COMPLETED)
            self.ready.set()
            await asyncio.wait({running, stopping}, return_when=asyncio.FIRST_COMPLETED)
            started.cancel()
            stopping.cancel()
            if app.parts is not None:
                app.parts.feed.close()
            server.should_exit = True
            await running
            if not stop.is_set():
                raise AgentError("the web server stopped by itself; see the log")
        finally:
            self._serving = None
            listening.close()

    def status(self) -> WebStatus:
        """State and counters at this moment."""
        parts = self._serving.parts if self._serving else None
        return WebStatus(
            state="serving" if parts else "down",
            url=self.url,
            watchers=parts.feed.watchers if parts else 0,
            connections=self._tally.open,
            connections_refused=self._tally.refused,
        )

    def _new_tally(self) -> Tally:
        return Tally(self._settings.connections_per_client, self._settings.connections)

    def _listen(self) -> socket.socket:
        listening = listen(self._host, self._port, self._tally, waiting=_WAITING, section="web")
        self._port = int(listening.getsockname()[1])
        return listening
