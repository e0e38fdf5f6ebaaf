"""Memory files of other versions, and rows that no version wrote."""

from __future__ import annotations

import math

import apsw
import pytest

from embodied_agent.errors import StoreError
from embodied_agent.memory import schema
from embodied_agent.memory.store import Store
from embodied_agent.records import (
    Action,
    Answer,
    Delta,
    Evidence,
    Pose,
    Question,
)
from embodied_agent.settings import MemorySettings
from tests.support.damage import add
from tests.support.mentions import SOFA

SETTINGS = MemorySettings()


def test_a_file_of_newer_code_is_refused_with_what_to_do(path: str) -> None:
    Store.open(path, SETTINGS).close()
    connection = apsw.Connection(path)
    connection.pragma("user_version", len(schema.MIGRATIONS) + 1)
    connection.close()
    for read_only in (False, True):
        with pytest.raises(StoreError, match="newer version of embodied-agent"):
            Store.open(path, SETTINGS, read_only=read_only)


def test_an_older_file_is_brought_forward_with_what_it_holds(path: str) -> None:
    with Store.open(path, SETTINGS) as store:
        add(store)
    more = (*schema.MIGRATIONS, "ALTER TABLE keyframes ADD COLUMN note TEXT DEFAULT 'none'")
    connection = apsw.Connection(path)
    schema.migrate(connection, path, more)
    assert schema.version_of(connection) == len(more)
    assert connection.execute("SELECT id, note FROM keyframes").get == (0, "none")
    schema.migrate(connection, path, more)
    connection.close()


def test_a_migration_that_fails_leaves_the_file_as_it_was(path: str) -> None:
    with Store.open(path, SETTINGS) as store:
        add(store)
    connection = apsw.Connection(path)
    with pytest.raises(apsw.SQLError):
        schema.migrate(
            connection, path, (*schema.MIGRATIONS, "CREATE TABLE half (x); SELECT nonsense")
        )
    connection.close()
    with Store.open(path, SETTINGS) as store:
        assert [k.id for k in store.keyframes()] == [0]


#: As versions before 0.2 wrote them, key by key.
OLD_DELTA = (
    '{"keyframe_id":0,"action":"rotate left","angle_deg":45.0,"mentions":[{"name":"red sofa",'
    '"direction":"front-left","distance":"near"}],"observation":"a d\u00f3or","usable":true,'
    '"agrees_with_egomotion":null,"model":"m","latency_s":NaN}'
)
OLD_QUESTION = '{"text":"Where?","choices":["left","right"],"at_ns":3,"timeout_s":30.0,"id":"q"}'
OLD_ANSWER = (
    '{"text":"right","choice":"B","reasoning":"#0","consistency":0.8,"evidence":[{"keyframe_id":0,'
    '"stamp_ns":7,"note":"cited","pose":{"position_m":[1.0,2.0,3.0],"orientation_xyzw":[0,0,0,1],'
    '"frame_id":"odom"}}],"latency_s":{"total":1.5},"models":{"reasoner":"m"},"problem":"",'
    '"question_id":"q","notice":"","verified_by":"votes"}'
)
OLD_FAILURE = '{"text":"","evidence":[],"problem":"no model"}'


def test_a_memory_that_an_earlier_version_wrote_is_read(path: str) -> None:
    with Store.open(path, SETTINGS) as store:
        add(store)
        store.commit_delta(Delta(0, None))
        db = store._writer
        db.execute("UPDATE deltas SET json = ?, checksum = NULL", (OLD_DELTA,))
        for answer in (OLD_FAILURE, OLD_ANSWER):
            db.execute(
                "INSERT INTO answers (question, answer, stored_at_s) VALUES (?, ?, 0)",
                (OLD_QUESTION, answer),
            )
    with Store.open(path, SETTINGS, read_only=True) as store:
        (delta,) = store.deltas()
        assert (delta.action, delta.mentions) == (Action.ROTATE_LEFT, (SOFA,))
        assert math.isnan(delta.latency_s)
        (_, failure), (question, answer) = store.answers()
    assert failure == Answer.failure("no model")
    assert question == Question("Where?", ("left", "right"), at_ns=3, id="q")
    assert (answer.status, answer.choice, answer.consistency) == ("answered", "B", 0.8)
    assert answer.evidence == (Evidence(0, 7, "cited", Pose((1, 2, 3), (0, 0, 0, 1))),)


@pytest.mark.parametrize("text", ["", "[]", '{"keyframe_id": "three", "action": null}', OLD_ANSWER])
def test_a_row_that_was_tampered_with_is_left_out_and_named(path: str, text: str) -> None:
    with Store.open(path, SETTINGS) as store:
        for number in range(3):
            add(store)
            store.commit_delta(Delta(number, None))
        change = "UPDATE deltas SET json = ?, checksum = {} WHERE keyframe_id = ?"
        store._writer.execute(change.format("NULL"), (text, 0))
        store._writer.execute(change.format("checksum"), (OLD_DELTA, 1))
        assert [delta.keyframe_id for delta in store.deltas()] == [2]
        assert store.status().damaged == ("delta of keyframe 0", "delta of keyframe 1")
