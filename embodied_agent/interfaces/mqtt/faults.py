"""Why an MQTT broker can't be reached, refuses or disconnects, and what to do about it.

Out of scope: noticing it (`connection`), reconnecting (`service`, `client`).
"""

from __future__ import annotations

import logging

import aiomqtt
from paho.mqtt.reasoncodes import ReasonCode

from embodied_agent.errors import LinkError
from embodied_agent.settings import MqttSettings

_SESSION_TAKEN_OVER = 0x8E
#: Reason codes of a broker that hangs up because of something we sent: malformed, a protocol error,
#: implementation specific, or because of topic, alias, size, format, retain flag or QoS.
OUR_FAULT = frozenset({0x81, 0x82, 0x83, 0x90, 0x94, 0x95, 0x99, 0x9A, 0x9B})
#: Reason codes of a broker that hangs up for reasons of its own or another connection: busy,
#: shutting down, keep-alive timeout, session taken over, administrative action, moved, connected
#: for too long.
NOT_OUR_FAULT = frozenset({0x89, 0x8B, 0x8D, _SESSION_TAKEN_OVER, 0x98, 0x9C, 0x9D, 0xA0})
#: What to allow on a broker that refuses the connection because it does not support something.
_NEEDS = {
    0x9A: "the robot's status is a retained message; have the broker allow those",
    0x9B: "questions and answers must not be lost and need QoS 1; have the broker allow it",
}
#: How libraries call a connection that the other end has cut.
_HUNG_UP = ("eof occurred", "reset by peer", "broken pipe")


class Refused(LinkError):
    """The broker refuses a message, now and later."""


class TooLarge(Refused):
    """The broker refuses a message because of its size."""


class Later(LinkError):
    """The broker does not accept a message now, but may do so later."""


class Unacknowledged(LinkError):
    """A message was sent, and the broker did not acknowledge it."""


class Faults(logging.Handler):
    """Keeps the last error that paho logs, because paho does not raise it."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.last = ""
        self.logger = logging.Logger("paho", logging.ERROR)
        self.logger.addHandler(self)

    def emit(self, record: logging.LogRecord) -> None:
        self.last = record.getMessage()


def who(settings: MqttSettings) -> str:
    """The name under which the broker knows this client."""
    return f"user {settings.username}" if settings.username else "this client"


def explained(
    error: aiomqtt.MqttError, settings: MqttSettings, *, logged: str, connected: bool
) -> LinkError:
    """What went wrong, where, and what to do.

    Args:
        error: what aiomqtt raised.
        settings: the broker, and the credentials for it.
        logged: the last error that paho logged (`Faults`).
        connected: whether the broker had accepted the connection before.
    """
    place = f"MQTT broker {settings.host}:{settings.port}"
    code = _reason_code(error)
    value = None if code is None else code.value
    cause = str(error.__cause__ or error)
    faults = f"{cause} {logged}".lower()
    if isinstance(error, aiomqtt.exceptions.MqttConnectError):
        advice = _NEEDS.get(value or 0) or (
            "check mqtt.username and its password, and the broker's access list: it must let "
            f"{who(settings)} use the topics of {settings.robot!r}"
        )
        return LinkError(f"the {place} refuses the connection ({code or cause}): {advice}")
    if value == _SESSION_TAKEN_OVER:
        return LinkError(
            f"another client with the same name took over at the {place}: two agents have the "
            f"same mqtt.robot {settings.robot!r} or mqtt.client_id; give each its own"
        )
    if value in OUR_FAULT:
        return LinkError(
            f"the {place} hung up because of a message that this agent sent ({code}); messages "
            "that cost the connection again are set aside"
        )
    if "certificate verify failed" in faults or "certificate_verify_failed" in faults:
        return LinkError(
            f"the certificate of the {place} can't be trusted ({cause}): check mqtt.ca_file, "
            "and that mqtt.host is a name in the certificate"
        )
    if "alert" in faults and ("certificate" in faults or "unknown ca" in faults):
        return LinkError(
            f"the {place} does not accept our certificate ({logged or cause}): check "
            "mqtt.cert_file and mqtt.key_file"
        )
    if "[ssl" in faults or "tls" in faults:
        detail = logged or cause
        return LinkError(f"no encrypted connection to the {place} ({detail}): check mqtt.port")
    detail = f"{cause}; {logged}" if logged else cause
    if connected:
        return LinkError(
            f"the connection to the {place} was lost ({detail}); if that keeps happening, "
            "another client may have the same mqtt.robot or mqtt.client_id"
        )
    advice = "is it running, and is mqtt.tls right for that port?"
    if settings.tls and any(sign in faults for sign in _HUNG_UP):
        # The broker's verdict on a certificate comes after the handshake, and may be lost with the
        # line.
        advice += " If so, does it accept our certificate (mqtt.cert_file, mqtt.key_file)?"
    return LinkError(f"no connection to the {place} ({detail}): {advice}")


def _reason_code(error: aiomqtt.MqttError) -> ReasonCode | None:
    """The broker's reason code, from the error itself or from its cause."""
    for fault in (error, error.__cause__):
        if isinstance(fault, aiomqtt.MqttCodeError) and isinstance(fault.rc, ReasonCode):
            return fault.rc
    return None
