"""Backup and restore, as docs/fleet.md says it."""

from __future__ import annotations

import subprocess
from pathlib import Path

from tests.support.fleet import Asker, Robot, rows, serving
from tests.support.postgres import Postgres, program


def test_a_restored_backup_answers_as_before_and_robots_send_the_rest(
    database_server: Postgres, tmp_path: Path
) -> None:
    url = database_server.database()
    dump = tmp_path / "fleet.dump"
    with serving(url) as fleet:
        robot = Robot(fleet.url, "r1", tmp_path / "memory.db")
        for number in range(3):
            robot.see("red van", f"crate {number}", where=(number, 0.0))
        robot.send()
        before = Asker(fleet.url)("Who saw the red van last?")
        backup = [program("pg_dump"), "--format=custom", "--file", str(dump), url]
        subprocess.run(backup, check=True, timeout=60)
        robot.see("dog")  # after the backup
        robot.send()
        robot.close()
    restored = database_server.database()
    restore = [program("pg_restore"), "--no-owner", "--exit-on-error", "--dbname", restored, dump]
    subprocess.run(restore, check=True, timeout=60)
    with serving(restored) as fleet:
        assert Asker(fleet.url)("Who saw the red van last?") == before
        assert Asker(fleet.url)("Who saw a dog?").status == "not_seen"
        robot = Robot(fleet.url, "r1", tmp_path / "memory.db")
        robot.send()
        robot.close()
        assert Asker(fleet.url)("Who saw a dog?").status == "answered"
        arrived = rows(fleet, "SELECT keyframe_id FROM keyframes ORDER BY 1")
        assert arrived == [(0,), (1,), (2,), (3,)]
