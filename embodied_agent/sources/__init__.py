"""Where frames come from: `open_source` reads a recording, a video, pictures, a data set, a camera.

with open_source("walk.mcap", SourceSettings(sample_hz=1)) as source:
    for frame in source:
        image = decode(frame)
"""

from __future__ import annotations

import re
from pathlib import Path

from embodied_agent.errors import SourceError
from embodied_agent.images import decode, decode_grey, encode_jpeg, image_size
from embodied_agent.settings import SourceSettings
from embodied_agent.sources.base import Source
from embodied_agent.sources.diagnosis import why_unreadable

__all__ = [
    "Source",
    "check_live",
    "decode",
    "decode_grey",
    "encode_jpeg",
    "image_size",
    "is_live",
    "open_source",
]

_URL = re.compile(r"[a-z][a-z0-9+.-]*://", re.I)


def is_live(spec: str) -> bool:
    """Whether ``spec`` names a camera or a stream, which go on without end."""
    if _URL.match(spec):
        return True
    path = Path(spec)
    if spec.startswith("/dev/"):
        return not (path.is_file() or path.is_dir())  # recordings may lie in /dev/shm
    return spec.isdigit() and not path.exists()


def check_live(spec: str, settings: SourceSettings | None = None) -> None:
    """Refuse a camera or stream that no waiting would bring, without opening it.

    Raises:
        SourceError: ``spec`` is not the address of a supported stream, or names no camera.
        SettingsError: ``source.redact`` names nothing that is installed.
    """
    from embodied_agent.sources.camera import check_camera
    from embodied_agent.sources.filters import Filters

    check_camera(spec)
    Filters(settings or SourceSettings(), 0)


def open_source(spec: str | Path, settings: SourceSettings | None = None) -> Source:
    """Open what ``spec`` names, by its form and by what lies there.

    A folder with metadata.yaml, .mcap or .db3 files is a recording, one with meta/info.json a
    LeRobot data set, any other folder one of pictures; a .mcap, .db3 or .bag file is a recording, a
    picture a folder of one, any other file a video; a number or ``/dev/video…`` is a camera, a URL
    (rtsp, http, …) a stream.

    Raises:
        SourceError: nothing is there, or it can't be read.
        SettingsError: ``source.redact`` names nothing that is installed.
    """
    from embodied_agent.sources.filters import Filters

    settings = settings or SourceSettings()
    source = _open(str(spec), settings)
    try:
        filters = Filters(settings, source.turns)
    except BaseException:
        source.close()
        raise
    if filters:
        source.alter(filters.apply)
    return source


def _open(spec: str, settings: SourceSettings) -> Source:
    # Each kind is imported when it is asked for: bags need rosbags, a camera on a robot does not.
    if is_live(spec):
        from embodied_agent.sources.camera import open_camera

        return open_camera(spec, settings)
    if not spec.strip():
        raise SourceError("the name of the source is empty: is a variable not set?")
    path = Path(spec).expanduser()
    try:
        if not path.exists():
            raise SourceError(
                f"{spec} does not exist: name a recording, a video, a folder of images, a "
                "camera's number or a URL"
            )
        problem = why_unreadable(path)
        if problem:
            raise SourceError(problem)
        inside = [p.name for p in path.iterdir()] if path.is_dir() else [path.name]
    except (OSError, ValueError) as error:
        raise SourceError(f"can't read {spec}: {error}") from error
    from embodied_agent.sources.bags.files import is_bag_name
    from embodied_agent.sources.folder import IMAGE_SUFFIXES, open_folder

    if any(is_bag_name(name) or name == "metadata.yaml" for name in inside):
        from embodied_agent.sources.bags.source import open_bag

        return open_bag(path, settings)
    if path.is_dir() and (path / "meta" / "info.json").is_file():
        from embodied_agent.sources.lerobot.source import open_lerobot

        return open_lerobot(path, settings)
    if path.is_dir() or path.suffix.lower() in IMAGE_SUFFIXES:
        return open_folder(path, settings)
    from embodied_agent.sources.video import open_video

    return open_video(path, settings)
