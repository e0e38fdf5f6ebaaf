"""The tables of the fleet's database, and the migrations of older ones.

Migrations are only ever appended to `MIGRATIONS`. All that are missing run in one transaction
together with the new version number, under a lock against a second server.

Out of scope: connections (`database`), what the rows mean (`intake`, `answering`).
"""

from __future__ import annotations

from collections.abc import Sequence

from psycopg import Connection
from psycopg.rows import TupleRow

from embodied_agent.errors import SettingsError

#: The advisory lock of migrations: "EmAgFlt" in ASCII.
_LOCK = 0x456D4167466C74

_VERSION_1 = """
CREATE TABLE robots (
    id         integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name       text NOT NULL UNIQUE,
    heard_at   timestamptz NOT NULL DEFAULT now(),
    vocabulary bigint NOT NULL DEFAULT 0   -- grows when the set of its names in `seen` changes
);

-- One row per memory file of a robot: how far it was taken in.
CREATE TABLE memories (
    id            integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    robot         integer NOT NULL REFERENCES robots,
    uuid          text NOT NULL,
    keyframe_id   bigint NOT NULL DEFAULT -1,
    stamp_ns      bigint,                  -- of that keyframe
    answer_id     bigint NOT NULL DEFAULT 0,
    correction_id bigint NOT NULL DEFAULT 0,
    UNIQUE (robot, uuid)
);

CREATE TABLE keyframes (
    memory      integer NOT NULL REFERENCES memories,
    keyframe_id bigint NOT NULL,
    robot       integer NOT NULL,
    seen_at     timestamptz NOT NULL,
    stamp_ns    bigint NOT NULL,
    segment     integer NOT NULL,
    frame_id    text NOT NULL,             -- of the pose; '' without one
    x double precision, y double precision, z double precision,  -- metres
    action      text NOT NULL,
    observation text NOT NULL,
    checksum    bigint NOT NULL,           -- of the delta in the robot's memory
    PRIMARY KEY (memory, keyframe_id)
);
CREATE INDEX keyframes_latest ON keyframes (robot, seen_at);
CREATE INDEX keyframes_words ON keyframes USING gin (to_tsvector('english', observation))
    WHERE observation <> '';

CREATE TABLE thumbnails (
    memory      integer NOT NULL,
    keyframe_id bigint NOT NULL,
    jpeg        bytea NOT NULL,
    PRIMARY KEY (memory, keyframe_id)
);
ALTER TABLE thumbnails ALTER COLUMN jpeg SET STORAGE EXTERNAL;  -- JPEG does not compress

CREATE TABLE names (
    id   integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text NOT NULL UNIQUE              -- in lower case
);

CREATE TABLE mentions (
    memory      integer NOT NULL,
    keyframe_id bigint NOT NULL,
    name        integer NOT NULL,
    robot       integer NOT NULL,
    seen_at     timestamptz NOT NULL,
    direction   text NOT NULL,
    distance    text,
    PRIMARY KEY (memory, keyframe_id, name)
);
CREATE INDEX mentions_latest ON mentions (robot, name, seen_at);

-- Which robot has seen what, and when last: derived from `mentions`.
CREATE TABLE seen (
    robot       integer NOT NULL,
    name        integer NOT NULL,
    seen_at     timestamptz NOT NULL,
    memory      integer NOT NULL,
    keyframe_id bigint NOT NULL,
    PRIMARY KEY (robot, name)
);

-- Where a robot's camera was, by squares of half a metre, and when last.
CREATE TABLE visits (
    memory   integer NOT NULL,
    segment  integer NOT NULL,
    frame_id text NOT NULL,
    cell_x   integer NOT NULL,
    cell_y   integer NOT NULL,
    robot    integer NOT NULL,
    seen_at  timestamptz NOT NULL,
    x double precision NOT NULL, y double precision NOT NULL,  -- the last position in it
    keyframe_id bigint NOT NULL,
    PRIMARY KEY (memory, segment, frame_id, cell_x, cell_y)
);
CREATE INDEX visits_where ON visits (frame_id, cell_x, cell_y);

CREATE TABLE answers (
    memory      integer NOT NULL REFERENCES memories,
    answer_id   bigint NOT NULL,
    robot       integer NOT NULL,
    answered_at timestamptz NOT NULL,
    question    text NOT NULL,
    status      text NOT NULL,
    text        text NOT NULL,
    evidence    bigint[] NOT NULL,
    checksum    bigint NOT NULL,
    PRIMARY KEY (memory, answer_id)
);

CREATE TABLE objects (
    memory       integer NOT NULL REFERENCES memories,
    object_id    bigint NOT NULL,
    robot        integer NOT NULL,
    name         text NOT NULL,
    kind         text NOT NULL,
    color        text NOT NULL,
    frame_id     text NOT NULL,
    x double precision, y double precision, z double precision,
    std_m        double precision,
    measured     text NOT NULL,
    last_seen_ns bigint NOT NULL,
    times_seen   bigint NOT NULL,
    gone         boolean NOT NULL,
    evidence     bigint[] NOT NULL,
    checksum     bigint NOT NULL,
    PRIMARY KEY (memory, object_id)
);
CREATE INDEX objects_frame ON objects (frame_id);

CREATE TABLE places (
    memory   integer NOT NULL REFERENCES memories,
    name     text NOT NULL,
    robot    integer NOT NULL,
    frame_id text NOT NULL,
    segment  integer NOT NULL,
    x double precision NOT NULL, y double precision NOT NULL,
    region   double precision[] NOT NULL,  -- x and y of each corner in turn
    PRIMARY KEY (memory, name)
);
"""

_FACTS = """
ALTER TABLE memories ADD COLUMN fact_id bigint NOT NULL DEFAULT 0;

-- Values that were noted beside what was seen: a battery's level, a robot's mode.
CREATE TABLE facts (
    memory   integer NOT NULL REFERENCES memories,
    fact_id  bigint NOT NULL,
    robot    integer NOT NULL,
    key      text NOT NULL,                -- what names of one fact have in common
    name     text NOT NULL,
    value    text NOT NULL,
    source   text NOT NULL,                -- of the recording that it came with; '' when live
    stamp_ns bigint NOT NULL,
    noted_at timestamptz NOT NULL,
    noted_by text NOT NULL,
    checksum bigint NOT NULL,
    PRIMARY KEY (memory, fact_id)
);
CREATE UNIQUE INDEX facts_moment ON facts (memory, key, source, stamp_ns);
CREATE INDEX facts_latest ON facts (key, robot, noted_at, fact_id);
CREATE INDEX facts_age ON facts (robot, noted_at);
"""

#: Script n brings a database from version n to n + 1.
MIGRATIONS: tuple[str, ...] = (_VERSION_1, _FACTS)


def migrate(connection: Connection[TupleRow], migrations: Sequence[str] = MIGRATIONS) -> int:
    """Migrate the database to the newest version; returns how many migrations were applied.

    Raises:
        SettingsError: the database was written by a newer version.
        psycopg.Error: the database can't be used.
    """
    with connection.transaction(), connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", (_LOCK,))
        cursor.execute("CREATE TABLE IF NOT EXISTS fleet_schema (version integer NOT NULL)")
        row = cursor.execute("SELECT version FROM fleet_schema").fetchone()
        version = 0 if row is None else int(row[0])
        if version > len(migrations):
            raise SettingsError(
                f"the fleet's database has schema version {version}, which is newer than this "
                f"program's {len(migrations)}: update embodied-agent"
            )
        for script in migrations[version:]:
            cursor.execute(script.encode())
        if row is None:
            cursor.execute("INSERT INTO fleet_schema VALUES (%s)", (len(migrations),))
        else:
            cursor.execute("UPDATE fleet_schema SET version = %s", (len(migrations),))
        return len(migrations) - version
