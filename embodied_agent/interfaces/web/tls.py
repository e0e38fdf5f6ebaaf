"""TLS for the web server: its own certificate and, if required, certificates of clients.

The files are read before the server listens, so that an unusable one is reported as an error in the
settings.

Out of scope: who may connect (`guard`).
"""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from typing import Any

from embodied_agent.errors import SettingsError
from embodied_agent.settings import WebSettings


def server_context(settings: WebSettings) -> ssl.SSLContext | None:
    """The TLS context; ``None`` if no certificate is set.

    Raises:
        SettingsError: a file can't be used, or one that belongs to it is not set.
    """
    if not settings.cert_file:
        if settings.key_file or settings.client_ca_file:
            raise SettingsError("web.key_file and web.client_ca_file need web.cert_file: set it")
        return None
    if not settings.key_file:
        raise SettingsError("web.cert_file and web.key_file belong together: set both")
    reading = f"{settings.cert_file} with {settings.key_file}"
    try:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        # A key with a passphrase must not hold up a robot's start with a prompt.
        context.load_cert_chain(settings.cert_file, settings.key_file, password="")
        if settings.client_ca_file:
            reading = settings.client_ca_file
            context.load_verify_locations(settings.client_ca_file)
            context.verify_mode = ssl.CERT_REQUIRED
    except (OSError, ValueError) as error:
        raise SettingsError(f"can't use the PEM file {reading}: {error}") from error
    return context


def user_of(certificate: Mapping[str, Any] | None) -> str:
    """The common name in a client's certificate; empty if there is none.

    Args:
        certificate: that of a verified client, as `ssl.SSLSocket.getpeercert` returns it.
    """
    for part in (certificate or {}).get("subject", ()):
        for name, value in part:
            if name == "commonName":
                return str(value)
    return ""
