"""The socket that a web server listens on, and uvicorn on it, for every server of this package.

Out of scope: what is served, and for how long (`server`; for many robots,
`embodied_agent.fleet.serving.server`).
"""

from __future__ import annotations

import ipaddress
import socket
from ssl import SSLContext
from typing import Any, Literal

import uvicorn

from embodied_agent.errors import SettingsError
from embodied_agent.interfaces.web.connections import LimitedListener, Tally
from embodied_agent.interfaces.web.protocol import limited


def listen(host: str, port: int, tally: Tally, *, waiting: int, section: str) -> socket.socket:
    """A listening socket, so that a port in use is an error at once and early clients wait.

    Args:
        host: an address of this machine, or a name for one.
        port: the port; 0 picks a free one.
        tally: limits on open connections.
        waiting: most connections that wait to be accepted.
        section: the section of the settings, for errors.

    Raises:
        SettingsError: the address can't be listened on.
    """
    try:
        family = socket.AF_INET
        if ":" in host:
            ipaddress.IPv6Address(host)
            family = socket.AF_INET6
        listening = LimitedListener(family, tally)
        try:
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listening.bind((host, port))
            listening.listen(waiting)
            listening.setblocking(False)
        except BaseException:
            listening.close()
            raise
        return listening
    except (OSError, ValueError) as error:
        raise SettingsError(
            f"can't listen on {host}:{port} ({section}.host, {section}.port): {error}"
        ) from error


def serving(
    app: Any,
    tally: Tally,
    tls: SSLContext | None,
    *,
    lifespan: Literal["on", "off"],
    waiting: int,
    grace_s: int,
) -> uvicorn.Server:
    """uvicorn for an app. It neither identifies itself to clients nor logs requests.

    Args:
        app: an ASGI application.
        tally: limits on the connections of each user with a certificate.
        tls: ``None`` for plain HTTP.
        lifespan: whether the app is told of its start and end.
        waiting: most connections that wait to be accepted.
        grace_s: time for running requests once the server stops, in seconds.
    """
    config = uvicorn.Config(
        app,
        http=limited(tally),
        ws="none",
        lifespan=lifespan,
        log_config=None,
        access_log=False,  # the address of a first visit holds the token
        server_header=False,
        proxy_headers=False,
        backlog=waiting,
        timeout_graceful_shutdown=grace_s,
    )
    config.load()
    config.ssl = tls
    return uvicorn.Server(config)


def url_of(host: str, port: int, tls: SSLContext | None) -> str:
    """The URL of the page, for a browser on this machine or one that can reach it."""
    if host in ("0.0.0.0", "::"):
        host = socket.gethostname()
    elif ":" in host:
        host = f"[{host}]"
    return f"{'http' if tls is None else 'https'}://{host}:{port}/"
