"""Tells systemd that the process is ready, alive or stopping; does nothing without systemd.

The protocol is one datagram to the socket that ``NOTIFY_SOCKET`` names; see sd_notify(3).
"""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Mapping

_log = logging.getLogger(__name__)


def notify(*lines: str, environment: Mapping[str, str] = os.environ) -> bool:
    """Send ``lines`` such as ``READY=1``; returns whether there is a supervisor."""
    address = environment.get("NOTIFY_SOCKET", "")
    if not address.startswith(("/", "@")):
        return False
    if address.startswith("@"):  # Linux: a name without a file
        address = "\0" + address[1:]
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as to:
            to.settimeout(1.0)
            to.sendto("\n".join(lines).encode(), address)
    except OSError as error:
        _log.warning("can't notify the supervisor (%s): %s", ", ".join(lines), error)
        return False
    return True


def watchdog_period_s(environment: Mapping[str, str] = os.environ) -> float | None:
    """How often to send ``WATCHDOG=1``, in seconds; ``None`` where no supervisor expects it."""
    if environment.get("WATCHDOG_PID", str(os.getpid())) != str(os.getpid()):
        return None
    microseconds = environment.get("WATCHDOG_USEC", "")
    if not microseconds.isdecimal() or int(microseconds) == 0:
        return None
    return int(microseconds) / 1e6 / 2
