"""Where frames come from: `open_source` reads a bag, a video, a folder of pictures or a camera.

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

__all__ = ["Source", "decode", "decode_grey", "encode_jpeg", "image_size", "open_source"]

_URL = re.compile(r"[a-z][a-z0-9+.-]*://", re.I)


def open_source(spec: str | Path, settings: SourceSettings | None = None) -> Source:
    """Open what ``spec`` names, by its form and by what lies there.

    A folder with metadata.yaml, .mcap or .db3 files is a rosbag2 recording, any other folder one
    of pictures; a .mcap or .db3 file is a recording, a picture a folder of one, any other file a
    video; a number or ``/dev/video…`` is a camera, an URL (rtsp, http, …) a stream.

    Raises:
        SourceError: nothing is there, or it can't be read.
    """
    spec, settings = str(spec), settings or SourceSettings()
    # Each kind is imported when it is asked for: bags need rosbags, a camera on a robot does not.
    if _URL.match(spec) or spec.startswith("/dev/") or (spec.isdigit() and not Path(spec).exists()):
        from embodied_agent.sources.video import open_camera

        return open_camera(spec, settings)
    path = Path(spec).expanduser()
    if not path.exists():
        raise SourceError(
            f"{spec} does not exist: name a recording, a video, a folder of images, a camera's "
            "number or a URL"
        )
    problem = why_unreadable(path)
    if problem:
        raise SourceError(problem)
    suffix = path.suffix.lower()
    if suffix == ".bag":
        raise SourceError(f"{spec} is a ROS 1 bag; convert it first: rosbags-convert --src {spec}")
    from embodied_agent.sources.bag_files import BAG_SUFFIXES
    from embodied_agent.sources.folder import IMAGE_SUFFIXES, open_folder

    try:
        inside = [p.name for p in path.iterdir()] if path.is_dir() else [path.name]
    except OSError as error:
        raise SourceError(f"can't read the folder {spec}: {error}") from error
    if any(name.endswith(BAG_SUFFIXES) or name == "metadata.yaml" for name in inside):
        from embodied_agent.sources.bags import open_bag

        return open_bag(path, settings)
    if path.is_dir() or suffix in IMAGE_SUFFIXES:
        return open_folder(path, settings)
    from embodied_agent.sources.video import open_video

    return open_video(path, settings)
