"""Folders: pictures, and LeRobot data sets."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from tests.sources.builders import card as c
from tests.sources.builders import lerobot
from tests.sources.builders.cases.case import Build, Case
from tests.sources.builders.depth import distances, png
from tests.sources.builders.ros import MS, T0
from tests.support.sources import S


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
            path = folder / "depth" / f"frame-{n:06d}.png"
            path.write_bytes(png(distances()))
        return folder / "depth"

    def rgb_and_depth(folder: Path) -> Path:
        folder_of(".jpg", lambda n: f"frame-{n:06d}")(folder).rename(folder / "rgb")
        depth_only(folder)
        return folder

    def tum(folder: Path) -> Path:
        (folder / "rgb").mkdir()
        (folder / "depth").mkdir()
        for n in range(10):
            at = T0 + n * 100 * MS
            (folder / "rgb" / f"{seconds(at)}.png").write_bytes(c.encoded(".png", c.card(n)))
            values = distances(units_per_metre=5000)
            name = f"{seconds(at + 20 * MS)}.png"
            (folder / "depth" / name).write_bytes(png(values))
        for name in ("rgb", "depth"):
            lines = [f"{f.stem} {name}/{f.name}" for f in sorted((folder / name).iterdir())]
            (folder / f"{name}.txt").write_text("# timestamp filename\n" + "\n".join(lines) + "\n")
        return folder

    def wide(folder: Path) -> Path:
        rgb_and_depth(folder)
        for file in (folder / "depth").iterdir():
            file.write_bytes(png(distances(c.WIDTH, c.HEIGHT // 2)))
        return folder / "rgb"

    def seconds(at: int) -> str:
        return f"{at // S}.{at % S // 1000:06d}"

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
            "colour and depth in one folder (7-Scenes)",
            rgbd,
            stamps_ns=rate,
            depths=10,
            remark="depth from pictures for 10 of 10 pictures",
        ),
        Case(
            "rgb_and_depth_folders",
            "`rgb` and `depth` folders with equal names",
            rgb_and_depth,
            stamps_ns=rate,
            depths=10,
            remark="depth from depth for 10 of 10 pictures",
        ),
        Case(
            "tum",
            "TUM RGB-D: `rgb.txt`, `depth.txt` and their folders",
            tum,
            depths=10,
            remark="depth from depth for 10 of 10 pictures",
        ),
        Case(
            "depth_of_another_shape",
            "a depth folder of other proportions: depth is not used, and why is said",
            wide,
            stamps_ns=rate,
            remark="the depth pictures in depth are not used: their 96x32 pixels do not have",
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
