"""Pictures in bags: raw encodings, and compressed files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from tests.sources.builders import card as c
from tests.sources.builders import ros
from tests.sources.builders.cases.case import Build, Case, bag, picture_bag, raw_bag
from tests.sources.builders.ros import MS, T0
from tests.support.sources import compressed


def raw_pictures() -> list[Case]:
    """Raw pictures."""

    bgr = c.card()
    odd = c.card(0, 95, 63)

    def yuv(picture: c.Picture, name: str) -> tuple[np.ndarray, dict[str, Any]]:
        """The card in a YUV layout, as one row of bytes, and the message's fields."""
        height, width = picture.shape[:2]
        padded = np.pad(picture, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")
        planes = cv2.cvtColor(padded, cv2.COLOR_BGR2YUV_I420)
        rows, columns = padded.shape[:2]
        luma = planes[:rows]
        u, v = planes[rows:].reshape(2, rows // 2, columns // 2)
        fields: dict[str, Any] = {"width": width, "height": height, "step": width}
        if name in ("nv12", "nv21"):
            pair = (u, v) if name == "nv12" else (v, u)
            chroma = np.dstack(pair).ravel()
        elif name == "i420":
            chroma = np.concatenate((u.ravel(), v.ravel()))
        else:
            whole = np.zeros((height, columns, 2), np.uint8)
            first, second = (0, 1) if name == "yuyv" else (1, 0)
            whole[:, :, first] = luma[:height]
            full_u = u.repeat(2, axis=0)[:height]
            full_v = v.repeat(2, axis=0)[:height]
            whole[:, 0::2, second], whole[:, 1::2, second] = full_u, full_v
            fields["step"] = 2 * width
            return whole[:, :width].reshape(-1), fields
        return np.concatenate((luma[:height, :width].ravel(), chroma)), fields

    def yuv_case(name: str, picture: c.Picture, what: str) -> Case:
        data, fields = yuv(picture, name)
        build = raw_bag(name, picture, **fields, data=data)
        return Case(f"{name}_{what}", "nv12, nv21, i420, yuyv and uyvy of even and odd size", build)

    grey = c.grey_card().astype(np.uint32)
    jpeg_bytes = np.frombuffer(c.jpeg(bgr), np.uint8)
    padded = np.concatenate((jpeg_bytes, np.zeros(bgr.size - jpeg_bytes.size, np.uint8)))
    wrong = np.frombuffer(c.jpeg(c.card(0, 64, 48)), np.uint8)
    wrong = np.concatenate((wrong, np.zeros(bgr.size - wrong.size, np.uint8)))
    return [
        Case("bgr8", "bgr8", raw_bag("bgr8", bgr)),
        Case("rgb8", "rgb8", raw_bag("rgb8", np.ascontiguousarray(bgr[:, :, ::-1]))),
        Case("rgba8", "rgba8", raw_bag("rgba8", cv2.cvtColor(bgr, cv2.COLOR_BGR2RGBA))),
        Case("mono8", "mono8", raw_bag("mono8", c.grey_card()), coloured=False, grey=True),
        *(
            Case(
                f"mono{bits}",
                "mono of 10, 12, 14 and 16 bits",
                raw_bag("mono16", (grey * ((1 << bits) - 1) // 255).astype(np.uint16)),
                coloured=False,
                grey=True,
            )
            for bits in (10, 12, 14, 16)
        ),
        *(
            yuv_case(name, picture, what)
            for name in ("nv12", "nv21", "i420", "yuyv", "uyvy")
            for picture, what in ((bgr, "even"), (odd, "odd"))
        ),
        Case(
            "jpeg_as_rgb8",
            "JPEG data that a driver labels rgb8: decoded as JPEG",
            raw_bag("rgb8", bgr, data=padded),
            remark="its driver sends compressed pictures but calls them 'rgb8'",
        ),
        Case(
            "jpeg_as_rgb8_of_another_size",
            "JPEG data labelled rgb8, of another size: refused, naming the driver's fault",
            raw_bag("rgb8", bgr, data=wrong),
            refused="the driver sends JPEG data but calls them 'rgb8'",
        ),
        Case(
            "unknown_raw_encoding",
            "any other encoding: refused, naming it",
            raw_bag("vogon8", bgr),
            refused="unknown image encoding 'vogon8'",
        ),
    ]


def compressed_pictures() -> list[Case]:
    """Compressed pictures."""

    def jpegs(change: Callable[[int, bytes], bytes]) -> Build:
        def build(folder: Path) -> Path:
            entries = []
            for n in range(10):
                at = T0 + n * 100 * MS
                data = change(n, c.jpeg(c.scene(n)))
                entries.append(("/camera/image", compressed(at, data), at))
            return bag(folder, entries)

        return build

    def torn(n: int, data: bytes) -> bytes:
        return data[: len(data) * 2 // 3] + b"\xff\xd9" if n == 4 else data

    def no_end(n: int, data: bytes) -> bytes:
        return data[:-2]

    def flat(folder: Path) -> Path:
        entries = []
        for n in range(10):
            at = T0 + n * 100 * MS
            picture = c.scene(n)
            if n == 4:
                picture[160:] = 128
            entries.append(("/camera/image", ros.raw(at, picture), at))
        return bag(folder, entries)

    return [
        Case("jpeg", "JPEG", picture_bag(".jpg")),
        Case("png", "PNG", picture_bag(".png")),
        Case(
            "png16", "PNG of 16 bits", picture_bag(".png", mono16=True), coloured=False, grey=True
        ),
        Case("tiff", "TIFF", picture_bag(".tiff")),
        Case("webp", "WebP", picture_bag(".webp")),
        Case(
            "jpeg_torn",
            "torn JPEG with its end marker: left out and counted",
            jpegs(torn),
            frames=9,
            coloured=False,
            skipped={"truncated_image": 1},
        ),
        Case(
            "jpeg_without_end",
            "JPEG without its end marker, all rows present",
            jpegs(no_end),
            coloured=False,
        ),
        Case(
            "flat_lower_part",
            "picture with a flat lower part: left out and counted",
            flat,
            frames=9,
            coloured=False,
            skipped={"truncated_image": 1},
        ),
    ]
