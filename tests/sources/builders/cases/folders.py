"""Folders: pictures, and LeRobot data sets."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from tests.sources.builders import card as c
from tests.sources.builders import lerobot
from tests.sources.builders.cases.case import Build, Case
from tests.sources.builders.ros import MS, T0


def folders() -> list[Case]:
    """Folders of pictures."""

    def folder_of(suffix: str, name: Callable[[int], str] = str) -> Build:
        def build(folder: Path) -> Path:
            (folder / "pictures").mkdir()
            for n in range(10):
                path = folder / "pictures" / f"{name(n)}{suffix}"
                path.write_bytes(c.encoded(suffix, c.card(n)))
            return folder / "pictures"

        return build

    def rgbd(folder: Path) -> Path:
        pictures = folder_of(".jpg", lambda n: f"frame-{n:06d}.color")(folder)
        depth_only(folder)
        for file in (folder / "depth").iterdir():
            file.rename(pictures / f"{file.stem}.depth.png")
        return pictures

    def depth_only(folder: Path) -> Path:
        (folder / "depth").mkdir()
        for n in range(10):
            distances = np.full((c.HEIGHT, c.WIDTH), 900 + n, np.uint16)
            path = folder / "depth" / f"frame-{n:06d}.png"
            path.write_bytes(c.encoded(".png", distances))
        return folder / "depth"

    rate = (0, 900 * MS)
    return [
        *(
            Case(f"folder{suffix}", suffix.strip(".").upper(), folder_of(suffix), stamps_ns=rate)
            for suffix in (".jpg", ".png", ".tiff", ".webp", ".bmp", ".ppm")
        ),
        Case(
            "folder_of_times",
            "names that are times since 1970",
            folder_of(".png", lambda n: str(T0 + n * 100 * MS)),
        ),
        Case(
            "rgbd_folder",
            "colour and depth in one folder: depth is ignored",
            rgbd,
            stamps_ns=rate,
            remark="10 depth pictures are left out",
        ),
        Case(
            "depth_folder",
            "depth pictures only: refused, naming the topic",
            depth_only,
            refused="holds depth pictures only",
        ),
        Case(
            "name_beyond_all_times",
            "names that are numbers too large for a time: a fixed rate",
            folder_of(".jpg", lambda n: str(9_999_999_999_999_999_990 + n)),
            stamps_ns=rate,
        ),
    ]


def lerobot_sets() -> list[Case]:
    """LeRobot data sets."""

    rate = (0, 900 * MS)
    return [
        Case(
            "lerobot_v2",
            "version 2.1, video",
            lambda p: lerobot.write_v2(p / "set"),
            poses=10,
            stamps_ns=rate,
        ),
        Case(
            "lerobot_v3",
            "version 3.0, video of several episodes",
            lambda p: lerobot.write_v3(p / "set"),
            poses=10,
            stamps_ns=rate,
            settings={"episode": 1},
        ),
        Case(
            "lerobot_v3_camera",
            "version 3.0, a camera by its key",
            lambda p: lerobot.write_v3(p / "set"),
            poses=10,
            stamps_ns=rate,
            settings={"topic": "observation.images.front"},
        ),
        Case(
            "lerobot_no_episode",
            "a missing episode: refused",
            lambda p: lerobot.write_v3(p / "set"),
            refused="has no episode 7",
            settings={"episode": 7},
        ),
        Case(
            "lerobot_v1",
            "version 1: refused, naming the version",
            lambda p: lerobot.write_v2(p / "set", version="v1.6"),
            refused="version v1.6",
        ),
    ]
