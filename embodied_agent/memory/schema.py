"""The tables of a memory file, and the migrations for older files.

A file has `APPLICATION_ID` and, in ``PRAGMA user_version``, the number of migrations that were
applied to it. Migrations are only ever appended to `MIGRATIONS`; each runs in a transaction of its
own together with the new version number, so a crash between two leaves the file consistent. The
JSON columns need no migration: fields that an older version did not write are filled in when they
are read (`embodied_agent.codec`).

Out of scope: reading and writing rows (`embodied_agent.memory.store`).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import apsw

from embodied_agent.errors import StoreError
from embodied_agent.rules.notes import claimed_words

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

_VERSION_3 = """
-- CRC-32 of what a row holds (`rows`); NULL in rows that were written before.
ALTER TABLE keyframes ADD COLUMN checksum INTEGER;
ALTER TABLE pictures ADD COLUMN checksum INTEGER;
ALTER TABLE deltas ADD COLUMN checksum INTEGER;
ALTER TABLE answers ADD COLUMN checksum INTEGER;
"""

_INTRINSICS = """
ALTER TABLE keyframes ADD COLUMN intrinsics TEXT;  -- JSON, of the upright picture
"""

_OBJECTS = """
-- Objects are derived from keyframes, deltas and corrections, and can be rebuilt at any time.
CREATE TABLE map_sessions (
    id       INTEGER PRIMARY KEY,           -- from 0
    json     TEXT NOT NULL,
    checksum INTEGER NOT NULL
);
CREATE TABLE objects (
    id           INTEGER PRIMARY KEY,
    session      INTEGER NOT NULL,
    kind         TEXT NOT NULL,
    color        TEXT NOT NULL,             -- '' where no name tells
    gone         INTEGER NOT NULL,
    last_seen_ns INTEGER NOT NULL,
    json         TEXT NOT NULL,             -- the whole object
    state        TEXT NOT NULL,             -- JSON, to follow it further
    checksum     INTEGER NOT NULL
);
CREATE INDEX objects_kind ON objects (kind, session, gone, last_seen_ns);
CREATE INDEX objects_session ON objects (session);
CREATE TABLE sightings (
    keyframe_id INTEGER NOT NULL,
    rank        INTEGER NOT NULL,           -- of the mention in its delta
    object_id   INTEGER NOT NULL,
    ray         BLOB,                       -- doubles; NULL where the camera's place is unknown
    checksum    INTEGER NOT NULL,
    PRIMARY KEY (keyframe_id, rank)
) WITHOUT ROWID;
CREATE INDEX sightings_object ON sightings (object_id, keyframe_id);
-- How far the objects are derived: one row.
CREATE TABLE object_fold (
    id            INTEGER PRIMARY KEY CHECK (id = 0),
    keyframe_id   INTEGER NOT NULL,         -- the last one
    correction_id INTEGER NOT NULL,         -- the last one that was applied; 0: none
    state         TEXT NOT NULL,            -- JSON
    checksum      INTEGER NOT NULL
);

-- What people said; not derived from anything.
CREATE TABLE corrections (
    id       INTEGER PRIMARY KEY,
    json     TEXT NOT NULL,
    checksum INTEGER NOT NULL
);
CREATE TABLE named_places (
    name     TEXT PRIMARY KEY,
    json     TEXT NOT NULL,
    checksum INTEGER NOT NULL
) WITHOUT ROWID;
"""

_CHECKED_REQUESTS = """
-- As above, for questions from remote clients, their deliveries, and replayed sources.
ALTER TABLE requests ADD COLUMN checksum INTEGER;
ALTER TABLE outbox ADD COLUMN checksum INTEGER;
ALTER TABLE sources ADD COLUMN checksum INTEGER;
"""

_ALERTS = """
-- What people want to be told of, and what they were told.
CREATE TABLE standing_questions (
    id       INTEGER PRIMARY KEY,
    json     TEXT NOT NULL,
    checksum INTEGER NOT NULL
);
CREATE TABLE alerts (
    id          INTEGER PRIMARY KEY,
    question_id INTEGER NOT NULL,
    key         TEXT NOT NULL,              -- of the event: each is reported once
    json        TEXT NOT NULL,
    checksum    INTEGER NOT NULL,
    published   INTEGER NOT NULL,           -- 1 once the MQTT broker has it
    posted      INTEGER NOT NULL,           -- 1 once the webhook has it, or there is none
    UNIQUE (question_id, key)
);
CREATE INDEX alerts_unpublished ON alerts (id) WHERE published = 0;
CREATE INDEX alerts_unposted ON alerts (id) WHERE posted = 0;
"""

_MOUNT = """
ALTER TABLE keyframes ADD COLUMN mount TEXT;  -- JSON, of the camera on the body of the pose
"""

_SUMMARIES = """
-- Derived from deltas; what retention has dropped is only in here.
CREATE TABLE summaries (
    level    INTEGER NOT NULL,              -- 0: of a block of keyframes; above: of 16 rows below
    number   INTEGER NOT NULL,              -- from 0
    json     TEXT NOT NULL,
    checksum INTEGER NOT NULL,
    PRIMARY KEY (level, number)
);
-- How far retention has come: one row.
CREATE TABLE retention (
    id            INTEGER PRIMARY KEY CHECK (id = 0),
    pictures_from INTEGER NOT NULL,         -- pictures of earlier keyframes are thinned out
    text_from     INTEGER NOT NULL          -- text of earlier keyframes is thinned out
);
INSERT INTO retention VALUES (0, 0, 0);
-- Which keyframes answers rest on; derived from answers.
CREATE TABLE citations (
    keyframe_id INTEGER NOT NULL,
    answer_id   INTEGER NOT NULL,
    PRIMARY KEY (keyframe_id, answer_id)
) WITHOUT ROWID;
CREATE INDEX citations_answer ON citations (answer_id);
"""

#: Derives the citations of all answers; damaged ones are skipped.
CITE_ALL = """
INSERT OR IGNORE INTO citations SELECT number, answer_id FROM (
    SELECT CASE e.type WHEN 'object' THEN json_extract(e.value, '$.keyframe_id') END AS number,
        a.id AS answer_id
    FROM answers a, json_each(
        CASE WHEN json_valid(a.answer) THEN a.answer ELSE '{}' END, '$.evidence'
    ) e
) WHERE typeof(number) = 'integer';
"""

_IDENTITY = """
-- Tells this memory from every other one; a fleet keeps what it was sent under it.
CREATE TABLE identity (
    id   INTEGER PRIMARY KEY CHECK (id = 0),
    uuid TEXT NOT NULL                      -- 32 hexadecimal digits
);
INSERT INTO identity VALUES (0, lower(hex(randomblob(16))));
"""

_INDEXES = """
-- The words of observations that claim something (`embodied_agent.rules.notes.claimed_words`).
CREATE TABLE claims (
    keyframe_id INTEGER NOT NULL REFERENCES keyframes (id),
    word        TEXT NOT NULL,
    PRIMARY KEY (keyframe_id, word)
) WITHOUT ROWID;
CREATE INDEX claims_word ON claims (word, keyframe_id);
INSERT OR IGNORE INTO claims SELECT deltas.keyframe_id, words.value FROM deltas,
    json_each(claimed_words(
        CASE WHEN json_valid(deltas.json, 2) THEN deltas.json ->> 'observation' END
    )) words;
-- What is told of the motion from keyframe to keyframe, in an index of its own.
ALTER TABLE deltas ADD COLUMN angle_deg REAL;
UPDATE deltas SET angle_deg = CASE WHEN json_valid(json, 2) THEN json ->> 'angle_deg' END;
CREATE INDEX deltas_motion ON deltas (keyframe_id, action, usable, angle_deg);
-- The present, and the path, without reading all keyframes.
CREATE INDEX keyframes_segment ON keyframes (segment, id);
CREATE INDEX keyframes_source_segment ON keyframes (source, segment, id);
CREATE INDEX keyframes_posed ON keyframes (id) WHERE x IS NOT NULL;
CREATE INDEX keyframes_place ON keyframes (x, y) WHERE x IS NOT NULL;
"""

_FACTS = """
-- Values with a stamp that were noted beside the deltas: a battery's level, a robot's mode.
CREATE TABLE facts (
    id          INTEGER PRIMARY KEY,
    key         TEXT NOT NULL,              -- what names of one fact have in common
    source      TEXT NOT NULL,              -- key of the replayed source; '' when live
    stamp_ns    INTEGER NOT NULL,
    stored_at_s REAL NOT NULL,              -- wall clock, for retention by age
    json        TEXT NOT NULL,              -- '' once forgotten: a replay must not bring it back
    checksum    INTEGER NOT NULL
);
CREATE UNIQUE INDEX facts_moment ON facts (source, key, stamp_ns);
CREATE INDEX facts_newest ON facts (source, key, id);
CREATE INDEX facts_time ON facts (stamp_ns);
"""

_DEPTHS = """
-- Small depth pictures of keyframes; ``keyframes.picture_bytes`` counts them too.
CREATE TABLE depths (
    keyframe_id INTEGER PRIMARY KEY REFERENCES keyframes (id),
    png         BLOB NOT NULL,
    checksum    INTEGER NOT NULL
);
"""

#: Rows carry checksums from this version on.
CHECKED = 3

#: There are tables of objects from this version on.
WITH_OBJECTS = 5

#: There are tables of standing questions and alerts from this version on.
WITH_ALERTS = 7

#: There are summaries from this version on.
WITH_SUMMARIES = 9

#: There are indexes that questions are answered from, from this version on.
INDEXED = 11

#: There are facts from this version on.
WITH_FACTS = 12

#: There are depth pictures from this version on.
WITH_DEPTHS = 13

#: Requests, deliveries and sources carry checksums from this version on.
CHECKED_REQUESTS = 6

#: Script n brings a file from version n to n + 1.
MIGRATIONS: tuple[str, ...] = (
    _VERSION_1,
    _VERSION_2,
    _VERSION_3,
    _INTRINSICS,
    _OBJECTS,
    _CHECKED_REQUESTS,
    _ALERTS,
    _MOUNT,
    _SUMMARIES + CITE_ALL,
    _IDENTITY,
    _INDEXES,
    _FACTS,
    _DEPTHS,
)


def version_of(connection: apsw.Connection) -> int:
    """How many migrations were applied to the file."""
    return int(connection.pragma("user_version"))


def is_blank(connection: apsw.Connection) -> bool:
    """Whether the file has no table yet. Raises apsw.Error where it can't be read."""
    tables = connection.execute("SELECT count(*) FROM sqlite_schema").get
    return not tables and not version_of(connection)


def columns_of(connection: apsw.Connection, table: str) -> set[str]:
    """The names of a table's columns."""
    return {str(row[1]) for row in connection.execute(f"PRAGMA table_info({table})")}


def migrate(connection: apsw.Connection, path: str, migrations: Sequence[str] = MIGRATIONS) -> None:
    """Bring the file behind ``connection`` to the newest version.

    Raises:
        StoreError: the file is another program's, or was written by newer code.
        apsw.Error: SQLite can't write.
    """
    check_ours(connection, path, migrations)
    connection.create_scalar_function("claimed_words", _claimed_words, 1, deterministic=True)
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


def _claimed_words(*observation: Any) -> str:
    """The words of an observation as a JSON array, for migrations."""
    (text,) = observation
    return json.dumps(claimed_words(text) if isinstance(text, str) else [])


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
