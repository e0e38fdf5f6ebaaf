"""Questions from afar and their answers, as the memory file keeps them."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import apsw
import pytest

from embodied_agent.memory import schema
from embodied_agent.memory.counts import OutboxCounts
from embodied_agent.memory.outbox import Address, Outbox, Request
from embodied_agent.memory.store import Store
from embodied_agent.settings import MemorySettings

HOME = Address("reply/alice", b"7")


def request(name: str, *, asks: bytes = b"same", age_s: float = 0, **kwargs: float) -> Request:
    return Request(name, asks, "{}", "alice", time.time() - age_s, **kwargs)


@pytest.fixture
def outbox(tmp_path: Path) -> Iterator[Outbox]:
    with Store.open(str(tmp_path / "memory.db"), MemorySettings()) as store:
        yield store.outbox


def test_a_question_is_open_until_it_is_answered(outbox: Outbox) -> None:
    assert outbox.take([(request("a"), HOME)]) == ["new"]
    assert [r.id for r in outbox.open()] == ["a"]
    assert outbox.due(10) == []
    assert outbox.answer("a", '"left"')
    assert outbox.open() == []
    (due,) = outbox.due(10)
    assert (due.address, due.answer) == (HOME, '"left"')


def test_a_repeated_question_is_recognised_and_gets_the_first_answer_again(outbox: Outbox) -> None:
    outbox.take([(request("a"), HOME)])
    outbox.answer("a", '"first"')
    outbox.sent([outbox.due(10)[0].number])
    assert outbox.take([(request("a"), HOME)]) == ["repeated"]
    assert not outbox.answer("a", '"second"')
    assert [d.answer for d in outbox.due(10)] == ['"first"']


def test_an_answer_goes_to_every_place_that_asked_but_once(outbox: Outbox) -> None:
    there = Address("reply/bob")
    assert outbox.take([(request("a"), HOME), (request("a"), there), (request("a"), HOME)]) == [
        "new",
        "repeated",
        "repeated",
    ]
    outbox.answer("a", "{}")
    assert [d.address for d in outbox.due(10)] == [HOME, there]


def test_an_id_of_another_question_is_told_apart(outbox: Outbox) -> None:
    outbox.take([(request("a"), HOME)])
    assert outbox.take([(request("a", asks=b"other"), Address("reply/eve"))]) == ["conflict"]
    outbox.answer("a", "{}")
    assert [d.address for d in outbox.due(10)] == [HOME]


def test_what_was_refused_may_be_asked_again(outbox: Outbox) -> None:
    outbox.take([(request("a"), HOME)])
    outbox.forget("a")
    assert outbox.counts() == OutboxCounts(remembered=0, open=0, due=0)
    assert outbox.take([(request("a"), HOME)]) == ["new"]


def test_an_expired_question_is_forgotten_when_its_answer_comes(outbox: Outbox) -> None:
    outbox.take([(request("a", age_s=20, expires_at_s=time.time() - 10), HOME)])
    assert not outbox.answer("a", "{}")
    assert outbox.counts().remembered == 0


def test_repeating_a_question_lengthens_its_life(outbox: Outbox) -> None:
    outbox.take([(request("a", expires_at_s=time.time() - 10), HOME)])
    outbox.take([(request("a", expires_at_s=time.time() + 60), HOME)])
    assert outbox.answer("a", "{}")


def test_old_ids_are_forgotten_but_open_questions_stay(outbox: Outbox) -> None:
    outbox.take([(request("old", age_s=100), HOME), (request("open", age_s=100), HOME)])
    outbox.answer("old", "{}")
    assert outbox.prune(keep_s=50, keep=10, answer_expiry_s=1000) == 1
    assert outbox.counts() == OutboxCounts(remembered=1, open=1, due=0)


def test_no_more_ids_are_remembered_than_asked_for(outbox: Outbox) -> None:
    for i in range(20):
        outbox.take([(request(str(i), age_s=20 - i), HOME)])
        outbox.answer(str(i), "{}")
    outbox.prune(keep_s=1000, keep=5, answer_expiry_s=1000)
    assert [d.number for d in outbox.due(100)] == [16, 17, 18, 19, 20]


def test_answers_that_nobody_took_are_given_up(outbox: Outbox) -> None:
    outbox.take([(request("a"), HOME)])
    outbox.answer("a", "{}")
    assert outbox.due(10, since_s=time.time() + 1) == []
    assert outbox.prune(keep_s=1000, keep=10, answer_expiry_s=-1) == 1
    assert outbox.counts() == OutboxCounts(remembered=1, open=0, due=0)


def test_questions_and_answers_survive_a_new_process(tmp_path: Path) -> None:
    path = str(tmp_path / "memory.db")
    with Store.open(path, MemorySettings()) as store:
        store.outbox.take([(request("a"), HOME), (request("b"), HOME)])
        store.outbox.answer("a", "{}")
    with Store.open(path, MemorySettings()) as store:
        assert [r.id for r in store.outbox.open()] == ["b"]
        assert [d.address for d in store.outbox.due(10)] == [HOME]


def test_a_memory_of_the_first_version_gets_the_tables(tmp_path: Path) -> None:
    path = str(tmp_path / "memory.db")
    connection = apsw.Connection(path)
    schema.migrate(connection, path, schema.MIGRATIONS[:1])
    connection.close()
    with Store.open(path, MemorySettings()) as store:
        assert store.outbox.take([(request("a"), HOME)]) == ["new"]
