"""Who may send as which robot, and who may ask about which robots.

A YAML file names both:

    robots:                     # a robot's name, and its token
      drone7: 0f3c…
    askers:                     # who asks, with a token, about which robots (`*` for any letters)
      warehouse: {token: 91aa…, robots: ["cart-*", drone7]}

A robot's token sends as that robot and nothing else; an asker's token asks and sends nothing.
Without a file, anyone who reaches the server may do both, so it listens on the loopback address
only.

Out of scope: how a token is sent (`app`, `mqtt_intake`).
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, SecretStr, StringConstraints, ValidationError

from embodied_agent.errors import SettingsError
from embodied_agent.interfaces.wire.refusals import field_errors
from embodied_agent.settings.fleet import NAME_PATTERN
from embodied_agent.support.documents import DocumentError, read_yaml

RobotName = Annotated[str, StringConstraints(pattern=NAME_PATTERN)]
Token = Annotated[SecretStr, Field(min_length=16)]


class _Asker(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    token: Token
    robots: list[str] = Field(default_factory=lambda: ["*"])


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    robots: dict[RobotName, Token] = Field(default_factory=dict)
    askers: dict[RobotName, _Asker] = Field(default_factory=dict)


@dataclass(frozen=True)
class Client:
    """The owner of a token. ``sends_as`` is the robot that the client may send as (``None``: no
    robot; "*": any), and ``asks_about`` are patterns of robots that it may ask about."""

    name: str
    sends_as: str | None = None
    asks_about: tuple[str, ...] = ()

    def may_send_as(self, robot: str) -> bool:
        """Whether this client may send data as that robot."""
        return self.sends_as in ("*", robot)

    def may_ask_about(self, robot: str) -> bool:
        """Whether this client may learn what that robot has seen."""
        return any(fnmatchcase(robot, pattern) for pattern in self.asks_about)

    @property
    def asks_about_all(self) -> bool:
        """Whether this client may ask about every robot."""
        return "*" in self.asks_about

    def among(self, robots: Iterable[str]) -> list[str]:
        """The robots that this client may ask about."""
        return [robot for robot in robots if self.may_ask_about(robot)]


#: Anyone who reaches a server that has no access file.
ANYBODY = Client("anybody", "*", ("*",))


class Access:
    """The tokens of one server.

    Args:
        path: the access file; "": there is none.

    Raises:
        SettingsError: it can't be read, or two clients have the same token.
    """

    def __init__(self, path: str) -> None:
        self.is_open = not path
        self._clients: dict[bytes, Client] = {}
        self._sessions: dict[str, Client] = {}
        if not path:
            return
        try:
            values = read_yaml(Path(path).read_bytes())
            file = _File.model_validate(values)
        except (OSError, DocumentError) as error:
            raise SettingsError(f"can't read fleet_server.access_file {path}: {error}") from error
        except ValidationError as error:
            problems = field_errors(error.errors())
            raise SettingsError(f"fleet_server.access_file {path}: {problems}") from error
        clients = [
            *((token, Client(name, sends_as=name)) for name, token in file.robots.items()),
            *(
                (asker.token, Client(name, asks_about=tuple(asker.robots)))
                for name, asker in file.askers.items()
            ),
        ]
        for token, client in clients:
            digest = _digest(token.get_secret_value())
            if digest in self._clients:
                other = self._clients[digest].name
                raise SettingsError(
                    f"fleet_server.access_file {path}: {other} and {client.name} have the same "
                    "token; give each its own"
                )
            self._clients[digest] = client
            self._sessions[session_of(token.get_secret_value())] = client

    def client(self, token: str) -> Client | None:
        """The owner of ``token``; ``None`` if it is not known."""
        if self.is_open:
            return ANYBODY
        return self._clients.get(_digest(token))

    def client_of(self, session: str) -> Client | None:
        """The owner of a session; ``None`` if it is not known."""
        return self._sessions.get(session)


def session_of(token: str) -> str:
    """The value of the page's cookie. It does not reveal the token."""
    return hmac.new(token.encode(), b"embodied-agent fleet", hashlib.sha256).hexdigest()


def _digest(token: str) -> bytes:
    """Tokens are compared by digest, so that the time it takes reveals nothing about them."""
    return hashlib.sha256(token.encode()).digest()
