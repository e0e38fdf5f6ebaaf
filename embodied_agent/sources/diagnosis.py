"""Why a source can't be opened: a wrong name, no permission, a busy camera, an unknown host.

OpenCV and the bag readers only say that they failed; this module checks the likely causes one by
one, so that the message names the one that applies. Nothing is read from the source itself.

Out of scope: reading sources (`bags`, `video`, `folder`), damaged recordings (`bag_files`).
"""

from __future__ import annotations

import os
import socket
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

#: Ports of schemes that stand on TCP.
_PORTS = {"rtsp": 554, "rtsps": 322, "rtmp": 1935, "http": 80, "https": 443}
_DEVICES = Path("/dev")
_PROCESSES = Path("/proc")


def why_unreadable(path: Path) -> str:
    """Why the file or folder ``path`` can't be read at all; empty if it can."""
    try:
        if path.is_dir():
            next(path.iterdir(), None)
            return ""
        with path.open("rb") as file:
            return "" if file.read(1) else f"{path} is empty (0 bytes)"
    except PermissionError:
        return (
            f"you have no permission to read {path}; ask its owner, or change it with "
            f"`chmod a+r{'x' if path.is_dir() else ''} {path}`"
        )
    except FileNotFoundError:
        return f"{path} does not exist"
    except OSError as error:
        return f"{path} can't be read: {error.strerror}"


def why_no_camera(camera: int | str) -> str:
    """Why the camera with this number or device file can't be opened."""
    device = _DEVICES / f"video{camera}" if isinstance(camera, int) else Path(camera)
    if not device.exists():
        others = sorted(str(each) for each in _DEVICES.glob("video*"))
        known = f"the cameras here are {', '.join(others)}" if others else "no camera is connected"
        return f"there is no {device}; {known}"
    try:
        os.close(os.open(device, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC))
    except PermissionError:
        return (
            f"you have no permission to use {device}; add yourself to the group that owns it, "
            "usually `video`: sudo usermod -aG video $USER, then log in again"
        )
    except OSError as error:
        return f"{device} can't be opened: {error.strerror}"
    users = list(_users_of(device))
    if users:
        return f"{device} is in use by {' and '.join(users)}; close that program"
    return (
        f"{device} delivers no pictures; it may be in use by another user's program, or not be a "
        "camera (many cameras have a second device for metadata)"
    )


def why_no_stream(url: str, timeout_s: float) -> str:
    """Why the network stream at ``url`` can't be opened; tries for at most ``timeout_s`` seconds a
    step."""
    address = urlsplit(url)
    scheme, host = address.scheme.lower(), address.hostname
    if not host:
        return "the URL names no host"
    try:
        port = address.port or _PORTS.get(scheme)
        socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except ValueError:
        return "the port in the URL is not a number from 0 to 65535"
    except OSError:
        return f"the host name {host} is unknown; check its spelling and the network's DNS"
    if port is None or scheme not in _PORTS:
        return f"FFmpeg can't read a stream from {host}; check scheme, port and path"
    problem = _connection_problem(host, port, timeout_s)
    if problem:
        return problem
    status = _http_status(url, timeout_s) if scheme in ("http", "https") else None
    if status is not None and status >= 400:
        return f"{host}:{port} responds with HTTP status {status}; check path, user and password"
    return (
        f"{host}:{port} responds, but sends no video that FFmpeg can read; check path, user and "
        "password"
    )


def _connection_problem(host: str, port: int, timeout_s: float) -> str:
    """Why ``host`` can't be connected to; empty if it can."""
    where = f"{host}:{port}"
    try:
        with socket.create_connection((host, port), timeout_s):
            return ""
    except ConnectionRefusedError:
        return f"nothing listens on {where}; is the camera or its server running?"
    except TimeoutError:
        return f"{where} does not respond within {timeout_s:g} s"
    except OSError as error:
        return f"{where} can't be reached: {error.strerror or error}"


def _http_status(url: str, timeout_s: float) -> int | None:
    """The status of a request for ``url``; ``None`` if that says nothing."""
    if "@" in urlsplit(url).netloc:
        return None  # 401 would only say that urllib sends no password
    try:
        with urllib.request.urlopen(url, timeout=timeout_s) as response:
            return int(response.status)
    except urllib.error.HTTPError as error:
        return error.code
    except (OSError, ValueError):
        return None


def _users_of(device: Path) -> Iterator[str]:
    """Other processes that have ``device`` open, as far as this user may see."""
    for folder in _PROCESSES.glob("[0-9]*"):
        if folder.name == str(os.getpid()):
            continue
        with suppress(OSError):
            if any(os.readlink(fd) == str(device) for fd in (folder / "fd").iterdir()):
                name = (folder / "comm").read_text(encoding="utf-8", errors="replace").strip()
                yield f"{name} (process {folder.name})"
