"""What a case is: an input, how it is made, and what is expected of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from tests.sources.builders import card as c
from tests.sources.builders import ros
from tests.sources.builders.ros import MS, T0
from tests.support.sources import MCAP, compressed, write_bag

Build = Callable[[Path], Path]


@dataclass(frozen=True)
class Case:
    """One input.

    Attributes:
        name: of the test.
        input: for the table: what people have.
        build: makes it in a folder, and returns the source.
        frames: that are read.
        poses: frames that have a pose.
        stamps_ns: of the first and the last frame.
        coloured: its frames show the card in its colours.
        grey: they show it in grey.
        skipped: what is left out, by reason.
        offset_s: the offset between the clocks.
        remark: words that its examination must hold.
        depths: frames that have a depth picture.
        refused: words of the sentence with which it is refused; empty: it is read.
        settings: of the source.
    """

    name: str
    input: str
    build: Build
    frames: int = 10
    poses: int = 0
    stamps_ns: tuple[int, int] | None = (T0, T0 + 900 * MS)
    coloured: bool = True
    grey: bool = False
    skipped: dict[str, int] = field(default_factory=dict)
    offset_s: float | None = None
    remark: str = ""
    depths: int = 0
    refused: str = ""
    settings: dict[str, Any] = field(default_factory=dict)


def bag(folder: Path, entries: list[ros.Entry], plugin: Any = MCAP) -> Path:
    """A bag of these messages in a folder."""
    return write_bag(folder / "bag", entries, plugin)


def raw_bag(encoding: str, picture: c.Picture, **other: Any) -> Build:
    """A bag of one raw encoding."""

    def build(folder: Path) -> Path:
        entries = []
        for n in range(10):
            at = T0 + n * 100 * MS
            entries.append(("/camera/image", ros.raw(at, picture, encoding, **other), at))
        return bag(folder, entries)

    return build


def picture_bag(suffix: str, *, mono16: bool = False) -> Build:
    """A bag of compressed pictures in the format of a file ``suffix``."""

    def build(folder: Path) -> Path:
        entries = []
        for n in range(10):
            at = T0 + n * 100 * MS
            picture = c.grey_card(n).astype(np.uint16) * 257 if mono16 else c.card(n)
            data = c.encoded(suffix, picture)
            entries.append(("/camera/image", compressed(at, data, suffix.strip(".")), at))
        return bag(folder, entries)

    return build
