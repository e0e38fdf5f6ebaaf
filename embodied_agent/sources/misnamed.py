"""What a folder without frames, or a file that is no video, holds instead, and what to name.

A folder of videos, a folder above the one with the pictures, an archive, photographs in a format
that is not read: each is told by its names, so that the message says what to do. Nothing is
decoded.

Out of scope: what can't be opened at all (`diagnosis`), damaged recordings (`bags`).
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

VIDEO_SUFFIXES = frozenset(
    (
        *(".mp4", ".mov", ".m4v", ".3gp", ".mkv", ".webm", ".avi", ".mpg", ".mpeg", ".ts", ".mts"),
        *(".m2ts", ".wmv", ".flv", ".ogv", ".mjpeg", ".mjpg", ".h264", ".h265", ".hevc", ".ivf"),
    )
)
#: Photographs that OpenCV doesn't decode, or only the first picture of.
_OTHER_PICTURES = frozenset((".heic", ".heif", ".avif", ".gif", ".dng", ".cr2", ".nef", ".arw"))
_ARCHIVES = frozenset((".zip", ".tar", ".tgz", ".gz", ".bz2", ".xz", ".7z", ".rar"))
_ARCHIVE_MAGIC = (b"PK\x03\x04", b"\x1f\x8b", b"BZh", b"\xfd7zXZ", b"7z\xbc\xaf", b"Rar!")
#: MP4 and its kin: boxes of a length and a name, one of which is the index.
_BOXED = frozenset((".mp4", ".mov", ".m4v", ".3gp"))
_MOST_BOXES = 1000
#: Folders below the one that was named are looked into so far, and so many of them.
_DEPTH, _MOST_FOLDERS = 4, 500
_NAMES = 3


def why_no_pictures(folder: Path, image_suffixes: Collection[str]) -> str:
    """Why nothing can be read from ``folder``, which holds no recording and no pictures directly,
    and what to name instead."""
    names = sorted(_names_in(folder))
    if not names:
        return f"{folder} is an empty folder, neither a bag nor pictures: name another one"
    videos = [name for name in names if Path(name).suffix.lower() in VIDEO_SUFFIXES]
    if videos:
        return f"{folder} holds videos ({_some(videos)}): name one of them, {folder / videos[0]}"
    others = [name for name in names if Path(name).suffix.lower() in _OTHER_PICTURES]
    if others:
        return f"{folder} holds pictures that are not read ({_some(others)}): convert them to JPEG"
    archives = [name for name in names if Path(name).suffix.lower() in _ARCHIVES]
    if archives:
        return f"{folder} holds archives ({_some(archives)}): unpack them first"
    for below in _folders_below(folder):
        what = _content(below, image_suffixes)
        if what:
            return (
                f"{folder} itself holds neither a bag nor pictures; {below} holds {what}: name that"
            )
    return (
        f"{folder} holds neither a bag (metadata.yaml, .mcap, .db3, .bag), a LeRobot data set "
        f"(meta/info.json) nor pictures ({', '.join(sorted(image_suffixes))})"
    )


def why_no_video(path: Path, error: str) -> str:
    """Why ``path`` can't be read as a video, where FFmpeg says only ``error``."""
    suffix = path.suffix.lower()
    with suppress(OSError), path.open("rb") as file:
        if suffix in _ARCHIVES or file.read(8).startswith(_ARCHIVE_MAGIC):
            return f"{path} is an archive: unpack it, and name what is in it"
        if suffix in _BOXED and _lacks_index(file):
            return (
                f"can't open the video {path}: it was cut short, and its index, which is written "
                "last, is missing: copy it again, or restore the index with a tool such as untrunc"
            )
    if suffix in VIDEO_SUFFIXES:
        return (
            f"can't open the video {path}: it is damaged, or not a video that FFmpeg can read "
            f"({error})"
        )
    return (
        f"{path} is neither a recording (.mcap, .db3, .bag), a picture nor a video that FFmpeg can "
        f"read ({error})"
    )


def _names_in(folder: Path) -> list[str]:
    with suppress(OSError):
        return [name for name in os.listdir(folder) if not name.startswith(".")]
    return []


def _folders_below(folder: Path) -> Iterator[Path]:
    """The folders below ``folder``, the nearest first."""
    level, looked = [folder], 0
    for _ in range(_DEPTH):
        below: list[Path] = []
        for parent in level:
            with suppress(OSError), os.scandir(parent) as entries:
                inside = (entry for entry in entries if not entry.name.startswith("."))
                below += sorted(
                    Path(entry.path) for entry in inside if entry.is_dir(follow_symlinks=False)
                )
        for each in below:
            if looked == _MOST_FOLDERS:
                return
            looked += 1
            yield each
        level = below[:_MOST_FOLDERS]


def _content(folder: Path, image_suffixes: Collection[str]) -> str:
    """What can be read from ``folder``, in a word; empty: nothing."""
    from embodied_agent.sources.bags.files import is_bag_name  # needs rosbags; videos don't

    names = _names_in(folder)
    if any(is_bag_name(name) or name == "metadata.yaml" for name in names):
        return "a recording"
    if (folder / "meta" / "info.json").is_file():
        return "a LeRobot data set"
    suffixes = {Path(name).suffix.lower() for name in names}
    if suffixes & set(image_suffixes):
        return "pictures"
    return "videos" if suffixes & VIDEO_SUFFIXES else ""


def _lacks_index(file: BinaryIO) -> bool:
    """Whether a file of boxes begins as a video does, and has no ``moov``."""
    at, names = 0, []
    file.seek(0, os.SEEK_END)
    end = file.tell()
    for _ in range(_MOST_BOXES):
        file.seek(at)
        head = file.read(16)
        if len(head) < 8:
            break
        size, name = int.from_bytes(head[:4], "big"), head[4:8]
        if size == 1 and len(head) == 16:
            size = int.from_bytes(head[8:16], "big")
        names.append(name)
        at += size
        if size < 8 or at >= end:
            break
    return names[:1] == [b"ftyp"] and b"moov" not in names


def _some(names: list[str]) -> str:
    shown = ", ".join(names[:_NAMES])
    return f"{shown} and {len(names) - _NAMES} more" if len(names) > _NAMES else shown
