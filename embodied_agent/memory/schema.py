"""The tables of a memory file, and how an older file is brought forward.

A file carries `APPLICATION_ID` and, in ``PRAGMA user_version``, the number of migrations that were
applied to it. Migrations are only ever appended to `MIGRATIONS`; each runs in a transaction of its
own together with the new version number, so a crash between two leaves the file consistent. The
JSON columns need no migration: fields that an older version did not write are filled in when they
are read (`embodied_agent.codec`).

Out of scope: reading and writing rows (`embodied_agent.memory.store`).
"""

from __future__ import annotations

from collections.abc import Sequence

import apsw

from embodied_agent.errors import StoreError

#: "EmAg" in ASCII: marks a SQLite file as a memory of this agent, for `file` and for this code.
APPLICATION_ID = 0x456D4167

_VERSION_1 = """
CREATE TABLE keyframes (
    id            INTEGER PRIMARY KEY,      -- from 0, one more per keyframe
    segment       INTEGER NOT NULL,         -- restarts of the sensor's clock
    stamp_ns      INTEGER NOT NULL,         -- sensor's clock
    source        TEXT NOT NULL,            -- key of the replayed source; '' when live
    ordinal       INTEGER NOT NULL,         -- number of the frame within its source, from 0
    reason        TEXT NOT NULL,
    frame_id      TEXT NOT NULL,
    width         INTEGER NOT NULL,
    height        INTEGER NOT NULL,
    overlap_ratio REAL,
    inliers       INTEGER NOT NULL,
    egomotion     TEXT,                     -- JSON
    pose          TEXT,                     -- JSON
    x REAL, y REAL, z REAL,                 -- position of the pose, metres
    stored_at_s   REAL NOT NULL,            -- wall clock, for retention by age
    picture_bytes INTEGER NOT NULL,         -- 0 once retention has dropped the picture
    state         TEXT NOT NULL CHECK (state IN ('pending', 'done', 'unusable'))
);
CREATE INDEX keyframes_time ON keyframes (segment, stamp_ns);
CREATE INDEX keyframes_source ON keyframes (source, id);
CREATE INDEX keyframes_pending ON keyframes (id) WHERE state = 'pending';
CREATE INDEX keyframes_pictured ON keyframes (id, picture_bytes) WHERE picture_bytes > 0;

-- Apart from keyframes so that a change of state does not rewrite the picture.
CREATE TABLE pictures (
    keyframe_id INTEGER PRIMARY KEY REFERENCES keyframes (id),
    jpeg        BLOB NOT NULL
);

CREATE TABLE deltas (
    keyframe_id INTEGER PRIMARY KEY REFERENCES keyframes (id),
    action      TEXT,
    usable      INTEGER NOT NULL,
    model       TEXT NOT NULL,
    latency_s   REAL NOT NULL,
    json        TEXT NOT NULL               -- the whole delta
);

CREATE TABLE mentions (
    keyframe_id INTEGER NOT NULL REFERENCES keyframes (id),
    rank        INTEGER NOT NULL,           -- 0: most prominent
    name        TEXT NOT NULL,
    direction   TEXT NOT NULL,
    distance    TEXT,
    PRIMARY KEY (keyframe_id, rank)
) WITHOUT ROWID;
CREATE INDEX mentions_name ON mentions (name, keyframe_id);

CREATE VIRTUAL TABLE delta_text USING fts5 (text, tokenize = 'porter unicode61');

CREATE TABLE answers (
    id          INTEGER PRIMARY KEY,
    question    TEXT NOT NULL,              -- JSON
    answer      TEXT NOT NULL,              -- JSON
    stored_at_s REAL NOT NULL
);

CREATE TABLE sources (
    key      TEXT PRIMARY KEY,
    settings TEXT NOT NULL,                 -- what the keyframes were chosen with
    finished INTEGER NOT NULL               -- 1 once the last frame was seen
);
"""

_VERSION_2 = """
-- Questions that came over MQTT, so that a repeated one gets its first answer.
CREATE TABLE requests (
    id            TEXT PRIMARY KEY,         -- the client's, or made up where there was none
    digest        BLOB NOT NULL,            -- of what was asked: tells a repetition from another
    body          TEXT NOT NULL,            -- JSON, to ask again after a crash
    client        TEXT NOT NULL,            -- whose turn it takes
    received_at_s REAL NOT NULL,            -- wall clock
    expires_at_s  REAL,                     -- wall clock; not answered after this
    answer        TEXT                      -- JSON, once there is one
);
CREATE INDEX requests_open ON requests (received_at_s) WHERE answer IS NULL;
CREATE INDEX requests_age ON requests (received_at_s);

-- Where answers are to go; a row goes once the broker has taken the answer.
CREATE TABLE outbox (
    number      INTEGER PRIMARY KEY,
    request_id  TEXT NOT NULL REFERENCES requests (id),
    topic       TEXT NOT NULL,
    correlation BLOB NOT NULL,
    since_s     REAL NOT NULL,              -- wall clock
    UNIQUE (request_id, topic, correlation)
);
"""

#: Script n brings a file from version n to n + 1.
MIGRATIONS: tuple[str, ...] = (_VERSION_1, _VERSION_2)


def version_of(connection: apsw.Connection) -> int:
    """How many migrations were applied to the file."""
    return int(connection.pragma("user_version"))


def migrate(connection: apsw.Connection, path: str, migrations: Sequence[str] = MIGRATIONS) -> None:
    """Bring the file behind ``connection`` to the newest version.

    Raises:
        StoreError: the file is another program's, or was written by newer code.
        apsw.Error: SQLite can't write.
    """
    check_ours(connection, path, migrations)
    for version in range(version_of(connection), len(migrations)):
        connection.execute("BEGIN IMMEDIATE")
        try:
            # Another process may have migrated the file while this one waited for the lock.
            if version_of(connection) == version:
                connection.execute(migrations[version])
                connection.pragma("application_id", APPLICATION_ID)
                connection.pragma("user_version", version + 1)
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise


def check_ours(
    connection: apsw.Connection, path: str, migrations: Sequence[str] = MIGRATIONS
) -> None:
    """Refuse a file that this code must not write to.

    Raises:
        StoreError: the file is another program's, or was written by newer code.
    """
    application = int(connection.pragma("application_id"))
    version = version_of(connection)
    tables = connection.execute("SELECT count(*) FROM sqlite_schema").get
    if application != APPLICATION_ID and (application or version or tables):
        raise StoreError(
            f"{path} is a SQLite file of another program; name another file for the memory"
        )
    if version > len(migrations):
        raise StoreError(
            f"{path} was written by a newer version of embodied-agent (file version {version}; "
            f"this code reads up to {len(migrations)}); update embodied-agent or use another file"
        )
