"""Settings of the interfaces: how people and programs reach the agent."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, SecretStr, StringConstraints

from embodied_agent.settings.base import Section

#: A topic, or the beginning of topics; without wildcards, and not the broker's own.
ResponseTopic = Annotated[str, StringConstraints(pattern=r"^[^$/+#][^+#]*$", max_length=256)]


class WebSettings(Section):
    """The page, the HTTP API, metrics and MCP, all on one port."""

    enabled: bool = Field(False, description="serve the page, the HTTP API, metrics and MCP")
    host: str = Field(
        "127.0.0.1",
        min_length=1,
        description="address to listen on; anything but the loopback address needs a token",
    )
    port: int = Field(8080, ge=0, le=65535, description="TCP port; 0 picks a free one")
    token: SecretStr | None = Field(
        None,
        min_length=16,
        description="token that clients must send (`Authorization: Bearer`), at least 16 "
        "characters; preferably set as `EMBODIED_AGENT_WEB__TOKEN`",
    )
    cert_file: str = Field(
        "", description="certificate (PEM, with its chain) to serve over TLS; empty: no TLS"
    )
    key_file: str = Field("", description="private key (PEM, no passphrase) of the certificate")
    client_ca_file: str = Field(
        "",
        description="CA certificates (PEM): clients must show a certificate by one of them; empty: "
        "they need none",
    )
    allowed_hosts: tuple[str, ...] = Field(
        (),
        description="host names under which clients reach the server, besides IP addresses, "
        "`localhost` and the machine's own name; requests for other names are refused",
    )
    max_body_bytes: int = Field(
        65_536, ge=1024, le=16_777_216, description="maximum size of a request body, in bytes"
    )
    rate_hz: float = Field(
        100.0,
        gt=0,
        le=100_000,
        description="sustained requests per second allowed from one address",
    )
    burst: int = Field(
        400, ge=1, le=1_000_000, description="requests that one address may send in a burst"
    )
    connections: int = Field(
        512, ge=8, le=100_000, description="maximum number of open connections; more are closed"
    )
    connections_per_client: int = Field(
        128,
        ge=4,
        le=100_000,
        description="maximum number of open connections of one address, and of one user with a "
        "certificate; more are closed",
    )
    watchers: int = Field(
        100,
        ge=1,
        le=10_000,
        description="maximum number of clients following live events, half of them from one "
        "address; more are refused",
    )
    decision_hz: float = Field(
        10.0,
        gt=0,
        le=100,
        description="maximum rate of keyframe decisions in the live events, per second",
    )
    camera_width: int = Field(
        640, ge=64, le=4096, description="maximum width of the live picture, in pixels"
    )


class MqttSettings(Section):
    """Questions and answers over an MQTT 5 broker."""

    enabled: bool = Field(False, description="connect to the broker")
    host: str = Field("127.0.0.1", min_length=1, description="host name or address of the broker")
    port: int = Field(
        1883, ge=1, le=65535, description="TCP port of the broker; usually 8883 with TLS"
    )
    robot: str = Field(
        "robot",
        pattern=r"^[A-Za-z0-9_.-]{1,64}$",
        description="this robot's name; its topics are `embodied_agent/<robot>/…`",
    )
    client_id: str = Field(
        "",
        max_length=128,
        description="MQTT client id, under which the broker keeps the session; empty: "
        "`embodied_agent-<robot>`",
    )
    response_topics: tuple[ResponseTopic, ...] = Field(
        (),
        description="topics to which answers may be sent, besides those below "
        "`embodied_agent/<robot>/answer/`; one that ends in `/` allows all topics that begin with "
        "it",
    )
    username: str = Field(
        "",
        description="user name at the broker; empty: none; `embodied-agent ask --mqtt` asks under "
        "this name",
    )
    password: SecretStr | None = Field(None, description="password at the broker")
    password_file: str = Field(
        "", description="file with the password, as an alternative to `password`"
    )
    tls: bool = Field(
        False, description="use TLS and verify the broker's certificate and host name"
    )
    ca_file: str = Field(
        "", description="CA certificates (PEM) for the broker; empty: the system's"
    )
    cert_file: str = Field("", description="client certificate (PEM) for the broker; empty: none")
    key_file: str = Field(
        "", description="private key (PEM, no passphrase) of the client certificate"
    )
    keepalive_s: int = Field(
        30,
        ge=5,
        le=3600,
        description="MQTT keep-alive, in seconds; a connection that is silent for 1.5 "
        "times as long is closed",
    )
    connect_timeout_s: float = Field(
        10.0, gt=0, le=600, description="timeout of the broker's acknowledgements, in seconds"
    )
    session_expiry_s: int = Field(
        3600,
        ge=0,
        le=604_800,
        description="how long the broker keeps questions while the agent is offline, in seconds",
    )
    retry_s: float = Field(
        1.0,
        gt=0,
        le=600,
        description="delay before reconnecting, in seconds; doubles with each failure",
    )
    retry_max_s: float = Field(
        30.0, gt=0, le=3600, description="maximum delay before reconnecting, in seconds"
    )
    status_interval_s: float = Field(
        30.0, ge=1, le=3600, description="how often the retained status is published, in seconds"
    )
    answer_expiry_s: int = Field(
        3600,
        ge=1,
        le=604_800,
        description="how long the broker keeps an answer that has not been fetched, in seconds",
    )
    keep_requests_s: float = Field(
        86_400.0,
        ge=60,
        description="how long a repeated request id gets its first answer again, in seconds",
    )
    keep_requests: int = Field(
        10_000, ge=100, le=1_000_000, description="maximum number of request ids remembered"
    )
    max_request_bytes: int = Field(
        65_536,
        ge=1024,
        le=1_048_576,
        description="maximum size of a request, in bytes; larger ones are refused",
    )
    max_packet_bytes: int = Field(
        16_777_216,
        ge=65_536,
        le=268_435_455,
        description="MQTT maximum packet size, in bytes; the broker silently drops anything larger",
    )
    receive_maximum: int = Field(
        64,
        ge=1,
        le=65_535,
        description="MQTT receive maximum: requests in flight before one is acknowledged",
    )
    delta_backlog: int = Field(
        256,
        ge=1,
        le=100_000,
        description="deltas buffered while the broker is unreachable; the oldest are dropped",
    )


class RosSettings(Section):
    """The ROS 2 node."""

    autostart: bool = Field(
        False,
        description="the node configures and activates itself, and retries on failure",
    )
    image_transport: Literal["raw", "compressed", "ffmpeg"] = Field(
        "raw",
        description="`raw`: subscribe to `image` (sensor_msgs/Image); `compressed`: to "
        "`image/compressed` (sensor_msgs/CompressedImage); `ffmpeg`: to `image/ffmpeg` "
        "(ffmpeg_image_transport_msgs/FFMPEGPacket: H.264, H.265, AV1)",
    )
    pose: Literal["odom", "tf", "none"] = Field(
        "odom",
        description="source of poses: `odom`: the topic `odom` (nav_msgs/Odometry); `tf`: the "
        "transform from `ros.base_frame` to `ros.fixed_frame`; `none`: no poses",
    )
    fixed_frame: str = Field(
        "auto",
        min_length=1,
        description="frame that poses from TF are expressed in; `auto`: `map` once TF has it, else "
        "`odom`",
    )
    base_frame: str = Field(
        "base_link", description="frame whose pose is looked up in TF (x forward, y left, z up)"
    )
    pose_wait_s: float = Field(
        0.05,
        ge=0,
        le=1,
        description="how long an image waits for the pose at its stamp, in seconds; after that it "
        "gets the nearest pose within 50 ms, or none",
    )
    silent_s: float = Field(
        3.0,
        gt=0,
        le=3600,
        description="diagnostics warn when no image has arrived for this long, in seconds",
    )
    server_check_s: float = Field(
        10.0,
        gt=0,
        le=3600,
        description="how often diagnostics check that the model servers are reachable, in seconds",
    )
    max_image_bytes: int = Field(
        200_000_000,
        ge=1_000_000,
        le=4_000_000_000,
        description="maximum size of an image, in bytes; larger ones are dropped",
    )
