"""Who may connect: host and origin checks, the token, limits on size and rate, and safe headers.

An ASGI layer around everything else on the port, so that no route can forget a check:

- The ``Host`` header must name this machine: an address, localhost, its own name or one that the
  settings allow. A page elsewhere that points its own name at the robot (DNS rebinding) fails here.
- A request with an ``Origin`` must come from a page of this very server; no CORS header is sent.
- With a token, every request except the probes must carry it as a bearer token, or the cookie that
  the page's first visit (``/?token=…``) set. No other path takes the token in its address, and it
  is never logged.
- Bodies are read up to a size limit and within a time limit before any handler sees them.
- An internal error in a handler is logged and counted here; the client gets no details.

Out of scope: what is served (`embodied_agent.interfaces.web.app`).
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import ipaddress
import logging
import socket
import time
from collections.abc import Callable, Iterable
from http.cookies import CookieError, SimpleCookie
from urllib.parse import parse_qs, urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from embodied_agent.errors import SettingsError
from embodied_agent.interfaces.web.limits import Rate, client_of
from embodied_agent.interfaces.wire.refusals import error_reply
from embodied_agent.settings import WebSettings

_log = logging.getLogger(__name__)

#: Paths for supervisors; they reveal almost nothing and need no token.
PROBES = ("/healthz", "/readyz")
#: Longest wait for a request's body, in seconds.
_BODY_S = 10.0
#: Wrong tokens allowed from one address: at once, and per second in the long run.
_WRONG_BURST, _WRONG_HZ = 10, 0.2
_COOKIE_S = 30 * 24 * 3600

#: Everything comes from this server and nothing is inline, so that text can't become script.
CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; "
    "connect-src 'self'; font-src 'self'; manifest-src 'self'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'"
)
_HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}

#: Told of each finished request: method, route, status, seconds.
Counted = Callable[[str, str, int, float], None]


def refusal(status: int, code: str, message: str, **headers: str) -> Response:
    """A refusal as `embodied_agent.interfaces.wire.models.ErrorReply`."""
    body = error_reply(code, message).model_dump()
    return JSONResponse(body, status, {name.replace("_", "-"): v for name, v in headers.items()})


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach a server on ``host``."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def check_exposure(settings: WebSettings) -> None:
    """Refuse an address that other machines can reach without a token or certificate.

    Raises:
        SettingsError: saying what to set.
    """
    known = settings.token is not None or settings.client_ca_file
    if not known and not is_loopback(settings.host):
        raise SettingsError(
            f"web.host is {settings.host}, which other machines can reach: set web.token (at least "
            "16 characters, best as EMBODIED_AGENT_WEB__TOKEN) or web.client_ca_file, or listen on "
            "127.0.0.1"
        )


class _TooLarge(Exception):
    pass


class Guard:
    """The layer around ``app``."""

    def __init__(self, app: ASGIApp, settings: WebSettings, counted: Counted) -> None:
        self._app = app
        self._settings = settings
        self._counted = counted
        self._token = settings.token.get_secret_value().encode() if settings.token else b""
        # A leaked cookie must not reveal the token itself.
        self._cookie = hmac.new(self._token, b"embodied-agent page", hashlib.sha256).hexdigest()
        self._names = _own_names(settings)
        self._rate = Rate(settings.rate_hz, settings.burst)
        self._wrong = Rate(_WRONG_HZ, _WRONG_BURST)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":  # no route uses web sockets
            await send({"type": "websocket.close", "code": 1008})
            return
        started, status = time.monotonic(), 0

        async def guarded_send(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers.setdefault(name, value)
                headers.setdefault("Cache-Control", "no-store")
            await send(message)

        try:
            refused = self._refused(scope)
            if refused is None:
                try:
                    receive = await self._with_body(Headers(scope=scope), receive)
                except _TooLarge:
                    limit = self._settings.max_body_bytes
                    refused = refusal(
                        413,
                        "too_large",
                        f"the request body may have at most {limit} bytes",
                        Connection="close",
                    )
                except asyncio.TimeoutError:
                    refused = refusal(
                        408,
                        "slow",
                        "the request body did not arrive in time",
                        Connection="close",
                    )
            await (refused or self._app)(scope, receive, guarded_send)
        except Exception:
            # The traceback goes to the log, not to the client.
            _log.exception("a fault while serving %s %s", scope["method"], scope["path"])
            if not status:
                answer = refusal(500, "internal", "a fault in the agent; its log says more")
                await answer(scope, receive, guarded_send)
            status = 500
        finally:
            self._counted(scope["method"], _route(scope), status, time.monotonic() - started)

    def _refused(self, scope: Scope) -> Response | None:
        """The response to a refused request; ``None`` for one that is accepted."""
        headers, path = Headers(scope=scope), scope["path"]
        address = client_of(scope)
        wait_s = self._rate.take(address)
        if wait_s:
            return refusal(
                429, "rate", "too many requests from your address", Retry_After=f"{wait_s + 1:.0f}"
            )
        host = headers.get("host", "")
        if not self._is_ours(host):
            return refusal(
                421,
                "host",
                "this server does not answer to that name; add it to web.allowed_hosts",
            )
        origin = headers.get("origin")
        if origin is not None and _host_of(origin) != host.casefold():
            return refusal(403, "origin", "only this server's own page may send this request")
        if not self._token or path in PROBES:
            return None
        if self._shows_token(headers):
            return None
        if self._wrong.exhausted(address):
            return refusal(429, "rate", "too many wrong tokens; wait a minute", Retry_After="60")
        offered = _first_visit(scope)
        if offered is not None and hmac.compare_digest(offered.encode(), self._token):
            return self._welcome(scope)
        if offered is not None or "authorization" in headers:
            self._wrong.take(address)
        if path == "/":
            return PlainTextResponse(
                "This page needs a token: open it once as /?token=YOUR-TOKEN\n", 401
            )
        return refusal(
            401,
            "token",
            "a token is needed: send 'Authorization: Bearer …'",
            WWW_Authenticate="Bearer",
        )

    def _is_ours(self, host: str) -> bool:
        name = _host_name(host)
        if name in self._names:
            return True
        try:
            ipaddress.ip_address(name)
        except ValueError:
            return False
        return True  # unlike a name, an address can't be pointed elsewhere

    def _shows_token(self, headers: Headers) -> bool:
        scheme, _, value = headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer":
            return hmac.compare_digest(value.strip().encode(), self._token)
        try:
            cookies = SimpleCookie(headers.get("cookie", ""))
        except CookieError:
            return False
        return any(
            hmac.compare_digest(morsel.value.encode(), self._cookie.encode())
            for name, morsel in cookies.items()
            if name.startswith(_COOKIE)
        )

    def _welcome(self, scope: Scope) -> Response:
        """Redirect to the page without the token in its address, and set a cookie instead."""
        response = RedirectResponse("/", 303)
        # Browsers keep cookies per machine, not per port: two robots must not overwrite each
        # other's.
        port = scope["server"][1] if scope.get("server") else 0
        response.set_cookie(
            f"{_COOKIE}{port}",
            self._cookie,
            max_age=_COOKIE_S,
            httponly=True,
            samesite="strict",
            secure=scope.get("scheme") == "https",
        )
        return response

    async def _with_body(self, headers: Headers, receive: Receive) -> Receive:
        """A ``receive`` that returns the whole body, which was read before."""
        limit = self._settings.max_body_bytes
        announced = headers.get("content-length", "0")
        if announced.isascii() and announced.isdigit() and int(announced[:20]) > limit:
            raise _TooLarge
        if announced == "0" and "transfer-encoding" not in headers:
            return receive
        body = bytearray()
        last: Message | None = None

        async def read() -> None:
            nonlocal last
            while True:
                message = await receive()
                if message["type"] != "http.request":
                    last = message
                    return
                body.extend(message.get("body", b""))
                if len(body) > limit:
                    raise _TooLarge
                if not message.get("more_body"):
                    return

        await asyncio.wait_for(read(), _BODY_S)
        whole: Message | None = {"type": "http.request", "body": bytes(body), "more_body": False}

        async def replay() -> Message:
            nonlocal whole, last
            if whole is not None:
                message, whole = whole, None
                return message
            if last is not None:
                return last
            return await receive()

        return replay


_COOKIE = "embodied_agent_"


def _own_names(settings: WebSettings) -> frozenset[str]:
    own = socket.gethostname().casefold()
    names: Iterable[str] = (
        "localhost",
        own,
        f"{own}.local",
        settings.host,
        *settings.allowed_hosts,
    )
    return frozenset(name.casefold().strip("[]") for name in names)


def _host_of(origin: str) -> str | None:
    """``https://robot:8080`` → ``robot:8080``; ``None`` if it is not an address."""
    try:
        return urlsplit(origin).netloc.casefold()
    except ValueError:
        return None


def _host_name(host: str) -> str:
    """``robot:8080`` → ``robot``, ``[::1]:8080`` → ``::1``."""
    host = host.casefold()
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.partition(":")[0]


def _first_visit(scope: Scope) -> str | None:
    """The token in the address of the page's first visit, if this is one."""
    if scope["path"] != "/" or scope["method"] != "GET":
        return None
    try:
        query = parse_qs(scope["query_string"].decode("latin-1"), max_num_fields=20)
    except ValueError:  # too many fields
        return None
    values = query.get("token")
    return values[0] if values else None


def _route(scope: Scope) -> str:
    """The route's pattern, so that counters don't grow with the paths that clients make up."""
    route = scope.get("route")
    if isinstance(route, Route):
        return route.path
    if scope["path"] == "/mcp":
        return "/mcp"
    return "/static" if scope["path"].startswith("/static/") else "other"
