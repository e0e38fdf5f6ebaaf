"""Generated deltas in a fleet's database, and how long questions about them take.

Out of scope: the servers that are asked (`bench/fleet.py`).
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Mapping, Sequence

import psycopg

from tests.support.fleet import Asker

COLOURS = ("red", "blue", "green", "white", "black", "yellow", "grey", "brown")
KINDS = (
    "van", "car", "truck", "forklift", "pallet", "crate", "chair", "table", "sofa", "lamp", "plant",
    "door", "window", "bench", "bicycle", "person", "dog", "sign", "barrel", "ladder", "shelf",
    "box", "cone", "bin", "fence",
)  # fmt: skip
QUESTIONS = (
    "Who saw the {name} last?",
    "Which robot has seen a {name} today?",
    "When was the {name} last seen?",
    "Which robots have not seen a {name} in the last hour?",
    "Who saw the {name} first?",
    "Who saw a {name} yesterday?",
    "Has anyone seen a {kind}?",
    "What has robot r{number} seen?",
    "What did the robots see in the last hour?",
    "Has robot r{number} seen a fire extinguisher?",
    "Which robot has seen a piano?",
    "Which rooms has nobody seen today?",
)
#: Times of day are those of hours ago.
FACT_QUESTIONS = (
    "What is the battery of r{number}?",
    "What is the battery of all robots?",
    "What was the battery of r{number} at {clock}?",
    "What was the battery of all robots at {clock}?",
    "Which robot had the lowest battery at {clock}?",
    "What was the battery of r{number} when it first saw the {name}?",
    "When did the battery of r{number} change?",
    "When did the mode change to manual?",
    "What was the battery of r{number} in the last hour?",
    "What was the battery of all robots yesterday?",
)
NAMES = tuple(
    f"{colour} {adjective}{kind}"
    for adjective in ("", "old ", "small ", "wooden ")
    for colour in COLOURS
    for kind in KINDS
)

#: Indexes are made once the rows are there, which takes a fraction of the time.
GENERATE = """
SET synchronous_commit = off;
SET maintenance_work_mem = '512MB';
ALTER TABLE mentions DROP CONSTRAINT mentions_pkey;
ALTER TABLE keyframes DROP CONSTRAINT keyframes_pkey;
DROP INDEX mentions_latest;
DROP INDEX keyframes_latest;
INSERT INTO robots (id, name, vocabulary) OVERRIDING SYSTEM VALUE
    SELECT g, 'r' || (g - 1), 1 FROM generate_series(1, {robots}) g;
INSERT INTO memories (id, robot, uuid, keyframe_id) OVERRIDING SYSTEM VALUE
    SELECT g, g, md5(g::text), {each} - 1 FROM generate_series(1, {robots}) g;
INSERT INTO keyframes SELECT m, k, m, now() - ({each} - k) * interval '1 second', k, 0, 'map',
    k / 10 % 50, m % 50, 0, 'move forward', '', 0
    FROM generate_series(0, {each} - 1) k, generate_series(1, {robots}) m;
INSERT INTO mentions SELECT m, k, n, m, now() - ({each} - k) * interval '1 second', 'front', 'near'
    FROM generate_series(0, {each} - 1) k, generate_series(1, {robots}) m,
    LATERAL (SELECT 1 + (k * 7 + m) % {names} UNION SELECT 1 + (k / 60 + m * 13) % {names})
    AS v (n);
INSERT INTO mentions SELECT 7, {each} / 2, {names} + 1, 7,
    now() - ({each} / 2) * interval '1 second', 'front', 'near';
INSERT INTO facts SELECT m, k, m, 'battery', 'battery', 100 - (k + m) / 20 % 90 || ' %', '', k,
    now() - ({each} - 10 * k) * interval '1 second', '/battery', 0
    FROM generate_series(1, {each} / 10) k, generate_series(1, {robots}) m;
INSERT INTO facts SELECT m, k, m, 'mode', 'mode', CASE k / 50 % 7 WHEN 0 THEN 'manual' ELSE 'auto'
    END, '', k, now() - ({each} - 60 * (k - {each} / 10)) * interval '1 second', '/mode', 0
    FROM generate_series({each} / 10 + 1, {each} / 10 + {each} / 60) k,
    generate_series(1, {robots}) m;
ALTER TABLE keyframes ADD PRIMARY KEY (memory, keyframe_id);
ALTER TABLE mentions ADD PRIMARY KEY (memory, keyframe_id, name);
CREATE INDEX keyframes_latest ON keyframes (robot, seen_at);
CREATE INDEX mentions_latest ON mentions (robot, name, seen_at);
INSERT INTO seen SELECT robot, name, max(seen_at), robot, max(keyframe_id)
    FROM mentions GROUP BY robot, name;
INSERT INTO visits SELECT memory, 0, 'map', floor(x / 0.5), floor(y / 0.5), memory, max(seen_at),
    max(x), max(y), max(keyframe_id) FROM keyframes GROUP BY 1, 4, 5;
INSERT INTO places SELECT 1, 'room ' || g, 1, 'map', 0, 4 * g + 2, 2,
    ARRAY[4 * g, 0, 4 * g + 4, 0, 4 * g + 4, 4, 4 * g, 4]::double precision[]
    FROM generate_series(0, 19) g;
"""


def generate(db: psycopg.Connection, robots: int, deltas: int) -> None:
    """Fill an empty database with the deltas of robots r0, r1, …, one a second until now."""
    with db.transaction(), db.cursor() as cursor:
        cursor.executemany("INSERT INTO names (name) VALUES (%s)", [(n,) for n in NAMES])
        cursor.execute("INSERT INTO names (name) VALUES ('fire extinguisher')")
    script = GENERATE.format(robots=robots, each=deltas // robots, names=len(NAMES))
    for statement in script.split(";\n"):
        if statement.strip():
            db.execute(statement.encode())
    db.execute("ANALYZE")


def time_questions(
    askers: Mapping[str, Asker],
    questions: Sequence[str],
    asked: int,
    robots: int,
) -> None:
    """Ask each server the same questions in turn, and print how long they took."""
    taken: dict[str, dict[str, list[float]]] = {version: {} for version in askers}
    for number in range(asked):
        template = questions[number % len(questions)]
        question = template.format(
            name=NAMES[number * 37 % len(NAMES)],
            kind=KINDS[number % len(KINDS)],
            number=number * 7 % robots,
            clock=f"{number * 5 % 24:02}:{number * 13 % 60:02}",
        )
        turn = list(askers.items())
        for version, ask in turn if number % 2 else reversed(turn):
            began = time.monotonic()
            ask(question)
            taken[version].setdefault(template, []).append(1000 * (time.monotonic() - began))
    for version, by_template in taken.items():
        every = sorted(value for values in by_template.values() for value in values)
        print(f"  {version}: p50, p95, slowest of {len(every)}: {percentile(every, 50):.0f}, "
              f"{percentile(every, 95):.0f}, {every[-1]:.0f} ms")  # fmt: skip
    print("    median, slowest, ms")
    for template in questions:
        columns = [
            f"{statistics.median(values):5.0f} {max(values):5.0f}"
            for values in (by_template[template] for by_template in taken.values())
        ]
        print(f"    {'   '.join(columns)}  {template}")


def percentile(values: list[float], share: int) -> float:
    return values[min(len(values) - 1, len(values) * share // 100)]
