"""Who sends an HTTP request to the fleet server, by a token or by the page's cookie.

Out of scope: the tokens and what each may do (`access`), what is asked (`app`).
"""

from __future__ import annotations

from collections.abc import Callable
from http.cookies import CookieError, SimpleCookie

from fastapi import Request
from fastapi.responses import PlainTextResponse, Response
from starlette.datastructures import Headers

from embodied_agent.fleet.serving.access import ANYBODY, Access, Client, session_of
from embodied_agent.interfaces.web.guard import refusal
from embodied_agent.interfaces.web.limits import Rate, client_of

#: Wrong tokens allowed from one address: per second in the long run, and at once.
_WRONG_HZ, _WRONG_BURST = 0.2, 10
_SESSION_S = 30 * 24 * 3600


class RefusedVisit(Exception):
    """A request that is refused with this response."""

    def __init__(self, response: Response) -> None:
        super().__init__(response.status_code)
        self.response = response


class Visitors:
    """The clients of one server. Not thread-safe: it belongs to the loop's thread. Every method
    raises `RefusedVisit` if the request is to be refused.

    Args:
        access: who may do what.
    """

    def __init__(self, access: Access) -> None:
        self._access = access
        self._wrong = Rate(_WRONG_HZ, _WRONG_BURST)

    def check_sender(self, request: Request, robot: str) -> None:
        """Check that a client may send as a robot."""
        client = self._identified(request)
        if not client.may_send_as(robot):
            raise RefusedVisit(
                refusal(403, "robot", f"{client.name} may not send as the robot {robot!r}")
            )

    def asker(self, request: Request) -> Client:
        """The client, which may ask questions."""
        client = self._identified(request)
        if not client.asks_about:
            raise RefusedVisit(refusal(403, "asker", f"{client.name} may send, but not ask"))
        return client

    def _identified(self, request: Request) -> Client:
        client = self.client(request)
        if client is None:
            raise RefusedVisit(
                refusal(
                    401,
                    "token",
                    "a token is needed: send 'Authorization: Bearer …'",
                    WWW_Authenticate="Bearer",
                )
            )
        return client

    def client(self, request: Request) -> Client | None:
        """The client, by its token or the page's cookie; ``None`` if it has neither."""
        if self._access.is_open:
            return ANYBODY
        scheme, _, value = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer":
            return self._known(request, lambda: self._access.client(value.strip()))
        session = _session(request.headers, _cookie_name(request))
        if session is None:
            return None
        return self._known(request, lambda: self._access.client_of(session))

    def _known(self, request: Request, look_up: Callable[[], Client | None]) -> Client | None:
        """The owner of a token or session; wrong ones are counted by address.

        An address is never locked out: a robot with a valid token may share it with a client that
        guesses tokens.
        """
        client = look_up()
        if client is None:
            address = client_of(request.scope)
            if self._wrong.exhausted(address):
                raise RefusedVisit(
                    refusal(429, "rate", "too many wrong tokens; wait a minute", Retry_After="60")
                )
            self._wrong.take(address)
        return client

    def signed_in(self, request: Request, token: str) -> Response:
        """The reply to the page's first visit: a cookie in place of the token."""
        if self._access.is_open:
            return Response(status_code=303, headers={"Location": "/"})
        if self._known(request, lambda: self._access.client(token)) is None:
            return PlainTextResponse("This token is not known.\n", 401)
        response = Response(status_code=303, headers={"Location": "/"})
        response.set_cookie(
            _cookie_name(request),
            session_of(token),
            max_age=_SESSION_S,
            httponly=True,
            samesite="strict",
            secure=request.url.scheme == "https",
        )
        return response


def _cookie_name(request: Request) -> str:
    """Browsers keep cookies per machine, not per port."""
    server = request.scope.get("server")
    return f"embodied_agent_fleet_{server[1] if server else 0}"


def _session(headers: Headers, name: str) -> str | None:
    try:
        cookies = SimpleCookie(headers.get("cookie", ""))
    except CookieError:
        return None
    return cookies[name].value if name in cookies else None
