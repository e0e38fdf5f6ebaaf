"""Settings of the interfaces: how the world outside reaches the agent."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, SecretStr

from embodied_agent.settings.base import Section


class WebSettings(Section):
    """The page, the HTTP API, metrics and MCP, on one port."""

    enabled: bool = Field(False, description="serve them")
    host: str = Field(
        "127.0.0.1",
        min_length=1,
        description="address to listen on; any but the loopback needs a token",
    )
    port: int = Field(8080, ge=0, le=65535, description="TCP port; 0: any that is free")
    token: SecretStr | None = Field(
        None,
        min_length=16,
        description="what clients must show (`Authorization: Bearer`), at least 16 characters; "
        "best given as `EMBODIED_AGENT_WEB__TOKEN`",
    )
    allowed_hosts: tuple[str, ...] = Field(
        (),
        description="names by which clients reach the server, besides addresses, `localhost` and "
        "the machine's own name; requests for other names are refused",
    )
    max_body_bytes: int = Field(
        65_536, ge=1024, le=16_777_216, description="longest request body, in bytes"
    )
    rate_hz: float = Field(
        100.0, gt=0, le=100_000, description="requests per second from one address, lastingly"
    )
    burst: int = Field(400, ge=1, le=1_000_000, description="requests at once from one address")
    watchers: int = Field(
        100, ge=1, le=10_000, description="clients that may follow live; more are refused"
    )
    decision_hz: float = Field(
        10.0, gt=0, le=100, description="most keyframe decisions shown live, per second"
    )
    camera_width: int = Field(
        640, ge=64, le=4096, description="the live picture is scaled down to this, in pixels"
    )


class MqttSettings(Section):
    """Questions and answers over an MQTT 5 broker."""

    enabled: bool = Field(False, description="connect to the broker")
    host: str = Field("127.0.0.1", min_length=1, description="name or address of the broker")
    port: int = Field(1883, ge=1, le=65535, description="of the broker; with TLS mostly 8883")
    robot: str = Field(
        "robot",
        pattern=r"^[A-Za-z0-9_.-]{1,64}$",
        description="this robot's name: its topics are `embodied_agent/<robot>/…`",
    )
    client_id: str = Field(
        "",
        max_length=128,
        description="names the session that the broker keeps; empty: `embodied_agent-<robot>`",
    )
    username: str = Field("", description="for the broker; empty: none")
    password: SecretStr | None = Field(None, description="for the broker")
    password_file: str = Field(
        "", description="file that holds the password; instead of `password`"
    )
    tls: bool = Field(False, description="encrypt, and check the broker's certificate and name")
    ca_file: str = Field(
        "", description="PEM file of who signed the broker's certificate; empty: the system's"
    )
    cert_file: str = Field("", description="PEM file of the certificate shown to the broker")
    key_file: str = Field("", description="PEM file of that certificate's key, without passphrase")
    keepalive_s: int = Field(
        30, ge=5, le=3600, description="a silent connection is taken for dead after 1.5 times this"
    )
    connect_timeout_s: float = Field(
        10.0, gt=0, le=600, description="longest wait for the broker's acknowledgements, in seconds"
    )
    session_expiry_s: int = Field(
        3600,
        ge=0,
        le=604_800,
        description="the broker keeps questions this long while the agent is away, in seconds",
    )
    retry_s: float = Field(
        1.0, gt=0, le=600, description="wait before connecting again; doubles each time"
    )
    retry_max_s: float = Field(30.0, gt=0, le=3600, description="longest such wait, in seconds")
    status_interval_s: float = Field(
        30.0, ge=1, le=3600, description="the retained status is renewed this often, in seconds"
    )
    answer_expiry_s: int = Field(
        3600,
        ge=1,
        le=604_800,
        description="an answer that nobody took is given up after this, in seconds",
    )
    keep_requests_s: float = Field(
        86_400.0,
        ge=60,
        description="a repeated request id gets its first answer for this long, in seconds",
    )
    keep_requests: int = Field(
        10_000, ge=100, le=1_000_000, description="most request ids that are remembered"
    )
    max_request_bytes: int = Field(
        65_536, ge=1024, le=1_048_576, description="larger requests are refused"
    )
    max_packet_bytes: int = Field(
        16_777_216,
        ge=65_536,
        le=268_435_455,
        description="the broker is told to send nothing larger; it drops that without a word",
    )
    receive_maximum: int = Field(
        64, ge=1, le=65_535, description="requests that the broker sends before one is acknowledged"
    )
    delta_backlog: int = Field(
        256, ge=1, le=100_000, description="deltas kept while the broker is away; the oldest go"
    )


class RosSettings(Section):
    """The ROS 2 node."""

    autostart: bool = Field(
        False,
        description="the node configures and activates itself, and tries again where it fails",
    )
    image_transport: Literal["raw", "compressed"] = Field(
        "raw",
        description="`raw`: subscribe to `image` (sensor_msgs/Image); `compressed`: to "
        "`image/compressed` (sensor_msgs/CompressedImage)",
    )
    pose: Literal["odom", "tf", "none"] = Field(
        "odom",
        description="where poses come from: `odom`: the topic `odom` (nav_msgs/Odometry); `tf`: "
        "the transform from `ros.base_frame` to `ros.fixed_frame`; `none`: nowhere",
    )
    fixed_frame: str = Field("odom", description="poses from TF are given in this frame")
    base_frame: str = Field(
        "base_link", description="the frame whose pose is taken from TF: x ahead, y left, z up"
    )
    pose_wait_s: float = Field(
        0.05,
        ge=0,
        le=1,
        description="an image waits this long for a pose at its stamp, in seconds; then it takes "
        "the nearest within 50 ms, or none",
    )
    silent_s: float = Field(
        3.0,
        gt=0,
        le=3600,
        description="diagnostics warn when no image came for this long, in seconds",
    )
    server_check_s: float = Field(
        10.0,
        gt=0,
        le=3600,
        description="how often diagnostics ask whether the models' servers can be reached, in "
        "seconds",
    )
    max_image_bytes: int = Field(
        200_000_000, ge=1_000_000, le=4_000_000_000, description="larger images are not taken"
    )
