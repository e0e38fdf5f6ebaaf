"""The name of a source for people."""

from __future__ import annotations

from embodied_agent.support.redaction import without_credentials


def shown(spec: str) -> str:
    """A live source as it may be shown."""
    return f"stream {without_credentials(spec)}" if "://" in spec else f"camera {spec}"
