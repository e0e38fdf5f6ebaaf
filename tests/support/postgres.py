"""A real PostgreSQL for tests, with its data in a temporary folder; from Debian's `postgresql`.

It can be stopped as by a crash and started again. Each test has a database of its own.
"""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from glob import glob
from pathlib import Path

import pytest

from tests.support.processes import lasting_port
from tests.support.scratch import quick_folder

WAIT_S = 60


def program(name: str) -> str:
    """The path of one of PostgreSQL's programs; skips the test where it is absent."""
    folders = sorted(glob("/usr/lib/postgresql/*/bin"), reverse=True)
    found = shutil.which(name, path=os.pathsep.join([*folders, os.environ.get("PATH", "")]))
    if found is None:
        pytest.skip(f"no {name} here: apt-get install postgresql")
    return found


def _user() -> str | None:
    """Whom the server runs as: PostgreSQL refuses to run as root."""
    if os.geteuid():
        return None
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name).pw_name
        except KeyError:
            continue
    pytest.skip("PostgreSQL does not run as root, and there is no other user here")


@dataclass
class Postgres:
    """One server, whose data survive its crash, and with ``fsync`` the machine's."""

    folder: Path
    port: int = field(default_factory=lasting_port)
    fsync: bool = False
    _databases: int = 0

    def make(self) -> Postgres:
        user = _user()
        if user is not None:
            self.folder.chmod(0o755)
            shutil.chown(self.folder, user)
        self._run("initdb", "-D", str(self.data), "-U", "tests", "-A", "trust", "-E", "UTF8", "-N")
        with (self.data / "postgresql.conf").open("a") as config:
            config.write(
                f"port = {self.port}\nlisten_addresses = '127.0.0.1'\n"
                f"unix_socket_directories = ''\nmax_connections = 50\n"
                f"fsync = {'on' if self.fsync else 'off'}\n"
                "shared_buffers = 32MB\n"
            )
        return self

    @property
    def data(self) -> Path:
        return self.folder / "data"

    def url(self, database: str = "postgres") -> str:
        return f"postgresql://tests@127.0.0.1:{self.port}/{database}"

    def start(self) -> None:
        log = str(self.folder / "log")
        self._run("pg_ctl", "-D", str(self.data), "-l", log, "-w", "-t", str(WAIT_S), "start")

    def crash(self) -> None:
        """End it at once, as a fault would: it recovers from its log at the next start."""
        self._run("pg_ctl", "-D", str(self.data), "-w", "-m", "immediate", "stop")

    def stop(self) -> None:
        if (self.data / "postmaster.pid").exists():
            self.crash()

    def database(self) -> str:
        """The address of a new, empty database."""
        self._databases += 1
        name = f"fleet_{self._databases}"
        self._run("createdb", "-h", "127.0.0.1", "-p", str(self.port), "-U", "tests", name)
        return self.url(name)

    def _run(self, name: str, *arguments: str) -> None:
        # Not through pipes: the server keeps what it inherits.
        with tempfile.TemporaryFile() as said:
            ended = subprocess.run(
                [program(name), *arguments],
                stdout=said,
                stderr=said,
                stdin=subprocess.DEVNULL,
                user=_user(),
                cwd="/",
                env={**os.environ, "LC_ALL": "C"},
                timeout=2 * WAIT_S,
                check=False,
            )
            said.seek(0)
            assert not ended.returncode, said.read().decode(errors="replace")


@contextmanager
def postgres() -> Iterator[Postgres]:
    """A running server, until the block ends."""
    program("initdb")
    folder = Path(tempfile.mkdtemp(prefix="pg-", dir=quick_folder()))
    server = Postgres(folder)
    try:
        server.make().start()
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)
