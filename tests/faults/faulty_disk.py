"""A disk that fails on command, for every SQLite file of this process.

Writes and syncs pass until a number of them was made; then some fail, or a power cut freezes the
files as a disk may hold them then: all that was synchronised, and of what was written since, any
part.

Out of scope: which promises are checked then (`disk`).
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import apsw

Kind = Literal["full", "failing", "torn", "power cut"]
KINDS: tuple[Kind, ...] = ("full", "failing", "torn", "power cut")


@dataclass
class _Image:
    """What a disk surely holds of a file, and what was written to it since."""

    synced: bytes = b""
    since: list[tuple[int, bytes]] = field(default_factory=list)


@dataclass
class Disk:
    """The state that all files share. ``trouble`` begins after ``calls_left`` writes or syncs, and
    lasts for ``trouble_left`` of them."""

    draw: random.Random = field(default_factory=random.Random)
    kind: Kind | None = None
    calls_left: int = 0
    trouble_left: int = 0
    failures: int = 0
    frozen: dict[str, bytes] | None = None
    images: dict[str, _Image] = field(default_factory=dict)

    def plan(self, kind: Kind, after: int, lasting: int) -> None:
        """Trouble of this kind is to come."""
        self.kind, self.calls_left, self.trouble_left = kind, after, lasting
        self.failures, self.frozen = 0, None

    def calm(self) -> None:
        """No more trouble."""
        self.kind = None

    def call(self) -> Kind | None:
        """A write or sync is made: the trouble that it meets."""
        if self.kind is None:
            return None
        if self.calls_left > 0:
            self.calls_left -= 1
            return None
        if self.kind == "power cut":
            if self.frozen is None:
                self.frozen = {name: self._as_left(image) for name, image in self.images.items()}
            return None
        if self.trouble_left <= 0:
            return None
        self.trouble_left -= 1
        # A failing disk fails now and then; a full one always.
        if self.kind == "failing" and self.draw.random() < 0.5:
            return None
        self.failures += 1
        return self.kind

    def _as_left(self, image: _Image) -> bytes:
        data = bytearray(image.synced)
        for offset, written in image.since:
            if self.draw.random() < 0.5:
                continue
            part = written[: self.draw.choice((len(written), len(written) // 512 * 256))]
            data[len(data) : offset] = bytes(max(0, offset - len(data)))
            data[offset : offset + len(part)] = part
        return bytes(data)

    def write_frozen(self, folder: Path) -> Path:
        """Write the frozen files into ``folder``; the memory among them."""
        assert self.frozen is not None
        memory = None
        for name, data in self.frozen.items():
            path = folder / Path(name).name
            path.write_bytes(data)
            memory = path if path.suffix == ".db" else memory
        assert memory is not None
        return memory


class _File(apsw.VFSFile):
    def __init__(self, disk: Disk, name: Any, flags: Any) -> None:
        super().__init__("unix", name, flags)
        self._disk = disk
        path = name if isinstance(name, str) else name.filename() if name else ""
        self._path = Path(path)
        self._kept = self._path.suffix in (".db", ".db-wal")
        if self._kept:
            data = self._path.read_bytes() if self._path.exists() else b""
            disk.images.setdefault(path, _Image(data))
            self._image = disk.images[path]

    def xWrite(self, data: bytes, offset: int) -> None:  # noqa: N802
        trouble = self._disk.call()
        if trouble == "torn":
            super().xWrite(data[: len(data) // 2], offset)
        if trouble is not None:
            raise apsw.FullError("full") if trouble == "full" else apsw.IOError("write")
        super().xWrite(data, offset)
        if self._kept:
            self._image.since.append((offset, bytes(data)))

    def xSync(self, flags: int) -> None:  # noqa: N802
        if self._disk.call() is not None:
            raise apsw.IOError("sync")
        super().xSync(flags)
        if self._kept:
            self._image.synced, self._image.since = self._path.read_bytes(), []

    def xTruncate(self, size: int) -> None:  # noqa: N802
        super().xTruncate(size)
        if self._kept:
            self._image.synced, self._image.since = self._path.read_bytes(), []


class _Disks(apsw.VFS):
    def __init__(self, disk: Disk) -> None:
        super().__init__("failing", "unix", makedefault=True)
        self._disk = disk

    def xOpen(self, name: Any, flags: Any) -> _File:  # noqa: N802
        return _File(self._disk, name, flags)

    def xDelete(self, name: str, sync: bool) -> None:  # noqa: N802
        super().xDelete(name, sync)
        self._disk.images.pop(name, None)


@contextmanager
def ordinary() -> Iterator[None]:
    """Files that are opened within the block lie on an ordinary disk.

    For readers: when they close, SQLite tries for a lock that it does not need, and apsw raises
    where SQLite goes on.
    """
    apsw.set_default_vfs("unix")
    try:
        yield
    finally:
        apsw.set_default_vfs("failing")


#: Kept for as long as the process: SQLite goes on to use it.
_installed: list[_Disks] = []


def install() -> Disk:
    """Put every SQLite file that this process opens from now on on such a disk."""
    disk = Disk()
    _installed.append(_Disks(disk))
    return disk
