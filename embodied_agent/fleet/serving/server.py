"""The fleet server: the socket, the app on it, the broker, and deleting what is too old.

Out of scope: what is served (`app`), how a server listens
(`embodied_agent.interfaces.web.listening`), the command (`embodied_agent.cli.fleet`).
"""

from __future__ import annotations

import asyncio
import logging
import threading
from datetime import datetime, timedelta, timezone, tzinfo
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import uvicorn

from embodied_agent.errors import DatabaseError, SettingsError
from embodied_agent.fleet.replies import BrokerStatus
from embodied_agent.fleet.serving.access import Access
from embodied_agent.fleet.serving.answering import Answering
from embodied_agent.fleet.serving.app import FleetApp
from embodied_agent.fleet.serving.database import Database
from embodied_agent.fleet.serving.requests import RobotRequests
from embodied_agent.fleet.serving.retention import delete_before
from embodied_agent.interfaces.web.connections import Tally
from embodied_agent.interfaces.web.guard import is_loopback
from embodied_agent.interfaces.web.listening import listen, serving, url_of
from embodied_agent.interfaces.web.tls import server_context
from embodied_agent.rules import load_rules
from embodied_agent.settings import FleetServerSettings, MqttSettings, WebSettings
from embodied_agent.support.extras import missing_package

if TYPE_CHECKING:
    from embodied_agent.fleet.serving.mqtt_intake import MqttIntake

_log = logging.getLogger(__name__)

#: How often what is too old is deleted, in seconds.
_RETENTION_S = 600.0
#: Time for running requests once the server stops, in seconds.
_GRACE_S = 5
#: Most connections that wait to be accepted.
_WAITING = 1024
#: Open connections of one address, behind which a whole fleet may be, and of all together.
_CONNECTIONS_EACH, _CONNECTIONS = 2000, 4000


class FleetServer:
    """Serves until it is stopped. The constructor binds the address.

    Args:
        settings: of the fleet server.
        mqtt: the broker, if ``settings.mqtt`` is on.

    Raises:
        SettingsError: a setting can't be used, or other machines could reach it without tokens.
    """

    def __init__(self, settings: FleetServerSettings, mqtt: MqttSettings | None = None) -> None:
        if not settings.access_file and not is_loopback(settings.host):
            raise SettingsError(
                f"fleet_server.host is {settings.host}, which other machines can reach: set "
                "fleet_server.access_file to a file with tokens, or listen on 127.0.0.1"
            )
        broker = mqtt or MqttSettings()
        if settings.mqtt and not settings.access_file and not is_loopback(broker.host):
            raise SettingsError(
                f"mqtt.host is {broker.host}, where other machines can publish: set "
                "fleet_server.access_file to a file with tokens"
            )
        self._settings = settings
        access = Access(settings.access_file)
        zone = _zone(settings.time_zone)
        self._tls = server_context(
            WebSettings(cert_file=settings.cert_file, key_file=settings.key_file)
        )
        self.database = Database(settings)
        answering = Answering(self.database, zone=zone, common_frames=settings.common_frames)
        requests = RobotRequests(self.database)
        self._mqtt = _intake(requests, access, settings, broker) if settings.mqtt else None
        self._app = FleetApp(self.database, answering, access, requests, settings, self.broker)
        self._socket = listen(
            settings.host,
            settings.port,
            Tally(_CONNECTIONS_EACH, _CONNECTIONS),
            waiting=_WAITING,
            section="fleet_server",
        )
        self._port = int(self._socket.getsockname()[1])
        self._stop = threading.Event()
        self._server: uvicorn.Server | None = None
        #: Set once requests are served.
        self.ready = threading.Event()

    @property
    def url(self) -> str:
        """Where the page is, for a browser on this machine or one that reaches it."""
        return url_of(self._settings.host, self._port, self._tls)

    def broker(self) -> BrokerStatus | None:
        """The state of the connection to the broker; ``None`` where there is none."""
        return None if self._mqtt is None else self._mqtt.status()

    def serve(self) -> None:
        """Serve until `stop` is called; returns once everything is closed. To be called on a thread
        of its own: signals are the process's affair."""
        load_rules()
        self.database.open()
        self._server = serving(
            self._app.app,
            Tally(_CONNECTIONS_EACH, _CONNECTIONS),
            self._tls,
            lifespan="off",
            waiting=_WAITING,
            grace_s=_GRACE_S,
        )
        if self._settings.retention_days:
            threading.Thread(target=self._delete_old, name="retention", daemon=True).start()
        try:
            self.ready.set()
            if not self._stop.is_set():
                asyncio.run(self._serve_all(self._server))
        finally:
            self._stop.set()
            self._socket.close()
            self._app.close()
            if self._mqtt is not None:
                self._mqtt.close()
            self.database.close()

    async def _serve_all(self, server: uvicorn.Server) -> None:
        stop = asyncio.Event()
        intake = None
        if self._mqtt is not None:
            intake = asyncio.ensure_future(self._mqtt.serve(stop))
        try:
            await server.serve(sockets=[self._socket])
        finally:
            stop.set()
            if intake is not None:
                await asyncio.wait((intake,), timeout=2 * _GRACE_S)
                intake.cancel()

    def stop(self) -> None:
        """End `serve`; called from any thread or a signal handler."""
        self._stop.set()
        if self._server is not None:
            self._server.should_exit = True

    def _delete_old(self) -> None:
        kept = timedelta(days=self._settings.retention_days)
        while True:
            try:
                count = delete_before(self.database, datetime.now(timezone.utc) - kept)
                if count:
                    _log.info("deleted %d keyframes that were older than %s", count, kept)
            except DatabaseError as error:
                _log.warning("what is too old could not be deleted: %s", error)
            if self._stop.wait(_RETENTION_S):
                return


def _intake(
    requests: RobotRequests, access: Access, settings: FleetServerSettings, broker: MqttSettings
) -> MqttIntake:
    try:
        from embodied_agent.fleet.serving.mqtt_intake import MqttIntake
    except ModuleNotFoundError as error:
        raise SettingsError(missing_package("fleet_server.mqtt", "mqtt", error)) from error
    return MqttIntake(requests, access, broker, max_body_bytes=settings.max_body_bytes)


def _zone(name: str) -> tzinfo | None:
    if not name:
        return None
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise SettingsError(
            f"fleet_server.time_zone {name!r} is not known: name one such as Europe/Berlin"
        ) from error
