"""Memory files as an earlier version wrote them."""

from __future__ import annotations

import os
from pathlib import Path

import apsw

from embodied_agent.memory import schema


def version_before(mark: str) -> int:
    """The version before the migration whose script contains ``mark``."""
    return next(n for n, script in enumerate(schema.MIGRATIONS) if mark in script)


def make_older(path: Path, version: int) -> None:
    """Rewrite the memory at ``path``, which nobody has open, as a file of ``version``: its tables
    and columns, and what the present file has for them."""
    older = path.with_name(path.name + ".older")
    db = apsw.Connection(str(older))
    schema.migrate(db, str(older), schema.MIGRATIONS[:version])
    db.execute("ATTACH ? AS new", (str(path),))
    for table in _tables(db):
        columns = ", ".join(["rowid", "text"] if table == "delta_text" else _columns(db, table))
        db.execute(f"DELETE FROM main.{table}")  # a migration may have written rows
        db.execute(f"INSERT INTO main.{table} ({columns}) SELECT {columns} FROM new.{table}")
    db.close()
    for ending in ("-wal", "-shm"):
        path.with_name(path.name + ending).unlink(missing_ok=True)
    os.replace(older, path)


def _tables(db: apsw.Connection) -> list[str]:
    rows = db.execute("SELECT name FROM main.sqlite_schema WHERE type = 'table' ORDER BY rowid")
    names = [str(row[0]) for row in rows]
    return [name for name in names if not name.startswith(("sqlite_", "delta_text_"))]


def _columns(db: apsw.Connection, table: str) -> list[str]:
    return [str(row[1]) for row in db.execute(f"PRAGMA main.table_info({table})")]
