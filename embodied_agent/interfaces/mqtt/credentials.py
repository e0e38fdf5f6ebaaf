"""How broker and robot authenticate to each other: certificates for TLS, and the password.

Both are read before connecting, so that an unusable file is an error in the settings.

Out of scope: the connection that uses them (`connection`).
"""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Any

from embodied_agent.errors import SettingsError
from embodied_agent.settings import MqttSettings


class _Context(ssl.SSLContext):
    """Keeps the socket that it wraps, because paho does not close it if the handshake fails."""

    socket: ssl.SSLSocket | None = None

    def wrap_socket(self, *args: Any, **kwargs: Any) -> ssl.SSLSocket:
        self.socket = super().wrap_socket(*args, **kwargs)
        return self.socket


def tls_context(settings: MqttSettings) -> _Context | None:
    """The TLS context; ``None`` if ``tls`` is off.

    Raises:
        SettingsError: a file can't be used, or is set without ``tls``.
    """
    if not settings.tls:
        if settings.ca_file or settings.cert_file or settings.key_file:
            raise SettingsError("mqtt.ca_file, cert_file and key_file need mqtt.tls: set it")
        return None
    if bool(settings.cert_file) != bool(settings.key_file):
        raise SettingsError("mqtt.cert_file and mqtt.key_file belong together: set both")
    reading = settings.ca_file
    try:
        context = _Context(ssl.PROTOCOL_TLS_CLIENT)  # checks certificate and name
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        if settings.ca_file:
            context.load_verify_locations(settings.ca_file)
        else:
            context.load_default_certs()
        if settings.cert_file:
            reading = f"{settings.cert_file} with {settings.key_file}"
            # A key with a passphrase must not hold up a robot's start with a prompt.
            context.load_cert_chain(settings.cert_file, settings.key_file, password="")
    except (OSError, ValueError) as error:
        raise SettingsError(f"can't use the PEM file {reading}: {error}") from error
    return context


def password(settings: MqttSettings) -> str | None:
    """The password, read from its file if one is set.

    Raises:
        SettingsError: the file can't be read, or there is no user name with it.
    """
    if settings.password is not None and settings.password_file:
        raise SettingsError("set mqtt.password or mqtt.password_file, not both")
    if not settings.username and (settings.password is not None or settings.password_file):
        raise SettingsError("an MQTT password needs a user name: set mqtt.username")
    if settings.password is not None:
        return settings.password.get_secret_value()
    if not settings.password_file:
        return None
    try:
        return Path(settings.password_file).read_text(encoding="utf-8").rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(
            f"can't read mqtt.password_file {settings.password_file}: {error}"
        ) from error
