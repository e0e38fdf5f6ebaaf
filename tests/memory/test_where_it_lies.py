"""A memory by another name, and on a disk that can't be written to."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from embodied_agent.errors import StoreError
from embodied_agent.memory.store import Store
from embodied_agent.records import Delta
from embodied_agent.settings import MemorySettings
from tests.support.damage import add

SETTINGS = MemorySettings()


def test_a_link_to_a_memory_has_the_same_one_writer(tmp_path: Path) -> None:
    real, link, folder = tmp_path / "a" / "m.db", tmp_path / "link.db", tmp_path / "b"
    real.parent.mkdir()
    link.symlink_to(real)
    folder.symlink_to(real.parent, target_is_directory=True)
    with Store.open(str(real), SETTINGS) as store:
        add(store)
        for other in (link, folder / "m.db"):
            with pytest.raises(StoreError, match="another agent is writing"):
                Store.open(str(other), SETTINGS)
            with Store.open(str(other), SETTINGS, read_only=True) as reader:
                assert len(reader.keyframes()) == 1
    with Store.open(str(link), SETTINGS), pytest.raises(StoreError, match="another agent"):
        Store.open(str(real), SETTINGS)


_IN_A_READ_ONLY_MOUNT = """
import subprocess, sys
folder = sys.argv[1]
subprocess.run(["mount", "--bind", folder, folder], check=True)
subprocess.run(["mount", "-o", "remount,bind,ro", folder], check=True)
from embodied_agent.errors import StoreError
from embodied_agent.memory.store import Store
from embodied_agent.settings import MemorySettings
print("mounted", flush=True)
with Store.open(f"{folder}/m.db", MemorySettings(), read_only=True) as store:
    print(len(store.keyframes()), len(store.deltas()), store.status().keyframes, flush=True)
try:
    Store.open(f"{folder}/m.db", MemorySettings())
except StoreError as error:
    print(error, flush=True)
"""


@pytest.mark.skipif(shutil.which("unshare") is None, reason="no unshare for a mount of its own")
def test_a_memory_on_a_read_only_disk_is_read_and_says_that_it_cannot_be_written(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "disk"
    folder.mkdir()
    with Store.open(str(folder / "m.db"), SETTINGS) as store:
        for number in range(3):
            add(store)
            store.commit_delta(Delta(number, None))
    for name in ("m.db-wal", "m.db-shm"):
        (folder / name).unlink(missing_ok=True)
    done = subprocess.run(
        [
            *("unshare", "--user", "--map-root-user", "--mount", sys.executable, "-c"),
            *(_IN_A_READ_ONLY_MOUNT, str(folder)),
        ],
        capture_output=True,
        text=True,
        timeout=120,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
    )
    if "mounted" not in done.stdout:
        pytest.skip(f"this machine allows no mounts of one's own: {done.stderr.strip()[-200:]}")
    lines = done.stdout.splitlines()
    assert lines[1:2] == ["3 3 3"], done.stderr
    assert "lies on a read-only disk" in lines[2]
