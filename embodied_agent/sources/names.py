"""What a source is called where people read it."""

from __future__ import annotations


def without_password(url: str) -> str:
    """The URL as it may be shown: ``rtsp://user:secret@host`` keeps neither user nor secret."""
    scheme, _, rest = url.partition("://")
    host, slash, path = rest.partition("/")
    return f"{scheme}://{host.rpartition('@')[2]}{slash}{path}"


def shown(spec: str) -> str:
    """A live source as it may be shown."""
    return f"stream {without_password(spec)}" if "://" in spec else f"camera {spec}"
