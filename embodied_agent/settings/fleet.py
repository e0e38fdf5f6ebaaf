"""Settings of the fleet: how a robot sends to it, and how its server runs."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, SecretStr

from embodied_agent.settings.base import Section

#: What a robot's or a person's name in the fleet may be.
NAME_PATTERN = r"^[A-Za-z0-9_.-]{1,64}$"


class FleetSettings(Section):
    """What this robot sends to a fleet server (`embodied-agent fleet`)."""

    url: str = Field(
        "",
        pattern=r"^(https?://[^\s?#]+)?$",
        max_length=512,
        description="address of the fleet server, such as `https://fleet.example.org`; empty: "
        "nothing is sent",
    )
    transport: Literal["http", "mqtt"] = Field(
        "http",
        description="`http`: send to `fleet.url`; `mqtt`: send through the broker of the section "
        "`mqtt`, without `fleet.url`",
    )
    robot: str = Field("robot", pattern=NAME_PATTERN, description="this robot's name in the fleet")
    token: SecretStr | None = Field(
        None,
        description="this robot's token at the server; preferably set as "
        "`EMBODIED_AGENT_FLEET__TOKEN`",
    )
    ca_file: str = Field(
        "", description="CA certificates (PEM) for the server; empty: the system's"
    )
    thumbnail_width: int = Field(
        160,
        ge=0,
        le=640,
        description="width of the keyframes' pictures that are sent, in pixels; 0 sends none",
    )
    batch_keyframes: int = Field(
        64, ge=1, le=1000, description="maximum number of keyframes in one request"
    )
    batch_bytes: int = Field(
        1_000_000,
        ge=65_536,
        le=16_777_216,
        description="maximum size of one request, in bytes; at most the server's "
        "`fleet_server.max_body_bytes`",
    )
    timeout_s: float = Field(
        20.0, gt=0, le=300, description="longest wait for the server's reply, in seconds"
    )
    retry_s: float = Field(
        1.0,
        gt=0,
        le=600,
        description="delay before sending again after a failure, in seconds; doubles with each",
    )
    retry_max_s: float = Field(
        30.0, gt=0, le=3600, description="maximum delay before sending again, in seconds"
    )
    objects_s: float = Field(
        10.0,
        gt=0,
        le=3600,
        description="how often changed objects and named places are sent, in seconds",
    )

    @property
    def is_on(self) -> bool:
        """Whether anything is sent."""
        return bool(self.url) or self.transport == "mqtt"


class FleetServerSettings(Section):
    """The fleet server: where it listens, who may send and ask, and how long it keeps things."""

    database: SecretStr | None = Field(
        None,
        description="PostgreSQL database, such as `postgresql://fleet@db.example.org/fleet`; "
        "preferably set as `EMBODIED_AGENT_FLEET_SERVER__DATABASE`",
    )
    host: str = Field(
        "127.0.0.1",
        min_length=1,
        description="address to listen on; anything but the loopback address needs "
        "`fleet_server.access_file`",
    )
    port: int = Field(8090, ge=0, le=65535, description="TCP port; 0 picks a free one")
    mqtt: bool = Field(
        False,
        description="also take in what robots send through the broker of the section `mqtt`; "
        "a broker on another machine needs `fleet_server.access_file`",
    )
    access_file: str = Field(
        "",
        description="YAML file with the tokens of robots and of people, and the robots that each "
        "person may ask about; empty: anyone who reaches the server may do everything",
    )
    cert_file: str = Field(
        "", description="certificate (PEM, with its chain) to serve over TLS; empty: no TLS"
    )
    key_file: str = Field("", description="private key (PEM, no passphrase) of the certificate")
    allowed_hosts: tuple[str, ...] = Field(
        (),
        description="host names under which clients reach the server, besides IP addresses, "
        "`localhost` and the machine's own name",
    )
    common_frames: tuple[str, ...] = Field(
        (),
        description="coordinate frames (`map`) that mean the same for all robots: their objects "
        "and places share one map",
    )
    retention_days: float = Field(
        0.0,
        ge=0,
        le=36_500,
        description="age at which what robots saw is deleted, in days; 0 keeps everything",
    )
    time_zone: str = Field(
        "", description="time zone of `today` and of times in answers; empty: the server's own"
    )
    max_body_bytes: int = Field(
        4_194_304,
        ge=65_536,
        le=16_777_216,
        description="maximum size of a request body, in bytes",
    )
    connections: int = Field(
        8, ge=1, le=200, description="maximum number of connections to the database"
    )
    database_wait_s: float = Field(
        5.0,
        gt=0,
        le=60,
        description="longest wait for a connection to the database, in seconds; after that "
        "requests are refused with status 503",
    )
    statement_timeout_s: float = Field(
        20.0, gt=0, le=600, description="longest time of one database statement, in seconds"
    )
