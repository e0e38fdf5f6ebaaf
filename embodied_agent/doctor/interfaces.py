"""Checks of whether the page can be served and the MQTT broker reached with these settings.

Out of scope: running the interfaces (`embodied_agent.host.interfaces`).
"""

from __future__ import annotations

import asyncio
import importlib
import socket
import uuid

from embodied_agent.doctor.check import Check
from embodied_agent.errors import AgentError
from embodied_agent.settings import MqttSettings, Settings, WebSettings
from embodied_agent.support.extras import Extra, missing_package

#: Largest message that the check would accept, in bytes. It subscribes to nothing.
_PAYLOAD_BYTES = 1024


def check_web(settings: Settings) -> Check:
    """Whether the page and the HTTP API can be served at their address."""
    name, web = "page and HTTP API", settings.web
    problem = _missing("the page", "web", "embodied_agent.interfaces.web.server")
    if not web.enabled:
        return Check(name, True, problem or "--page serves them", needed=False, off=True)
    problem = problem or _address_problem(web)
    if problem:
        return Check(name, False, problem, needed=True)
    port = web.port or "a free port"
    token = "with a token" if web.token else "without a token"
    return Check(name, True, f"can listen on {web.host}, {port}, {token}", needed=True)


def check_mqtt(settings: Settings) -> Check:
    """Whether the MQTT broker accepts a connection."""
    name, mqtt = "MQTT", settings.mqtt
    problem = _missing("MQTT", "mqtt", "embodied_agent.interfaces.mqtt.connection")
    if not mqtt.enabled:
        return Check(name, True, problem or "--set mqtt.enabled=true connects", False, off=True)
    problem = problem or _broker_problem(mqtt)
    if problem:
        return Check(name, False, problem, needed=True)
    encrypted = "with TLS" if mqtt.tls else "without TLS"
    detail = f"connected to {mqtt.host}:{mqtt.port} {encrypted} as robot {mqtt.robot}"
    return Check(name, True, detail, needed=True)


def _missing(what: str, extra: Extra, module: str) -> str:
    try:
        importlib.import_module(module)
    except ModuleNotFoundError as error:
        return missing_package(what, extra, error)
    return ""


def _address_problem(web: WebSettings) -> str:
    from embodied_agent.interfaces.web.guard import check_exposure
    from embodied_agent.interfaces.web.tls import server_context

    try:
        check_exposure(web)
        server_context(web)
        family = socket.AF_INET6 if ":" in web.host else socket.AF_INET
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((web.host, web.port))
    except AgentError as error:
        return str(error)
    except OSError as error:
        return f"can't listen on {web.host}:{web.port} (web.host, web.port): {error.strerror}"
    return ""


def _broker_problem(mqtt: MqttSettings) -> str:
    from embodied_agent.interfaces.mqtt.connection import Connection

    async def connect() -> None:
        # A name of its own, so that it does not take over the robot's session.
        async with Connection(
            mqtt,
            client_id=f"doctor-{uuid.uuid4().hex}",
            session_expiry_s=0,
            max_payload_bytes=_PAYLOAD_BYTES,
        ):
            pass

    try:
        asyncio.run(connect())
    except AgentError as error:
        return str(error)
    return ""
