"""What leaves a memory as it grows: pictures first, then text, and answers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from embodied_agent.agent import Agent
from embodied_agent.memory import summaries
from embodied_agent.memory.repair import check, repair
from embodied_agent.memory.store import Store
from embodied_agent.object_records import Correction
from embodied_agent.records import (
    SUMMARY_ONLY,
    Action,
    Answer,
    Delta,
    Egomotion,
    Evidence,
    Mention,
    Question,
)
from embodied_agent.settings import MemorySettings, load_settings
from embodied_agent.transcript.summaries import compose
from embodied_agent.transcript.text import entry_text
from tests.support.object_world import pose

DAY_S = 86_400.0
PICTURE = b"x" * 1000
HALL = "A long hall with a grey floor and many doors."


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Few keyframes make several levels: 8 in a block, 32 in a row of level 1, 128 of level 2."""
    monkeypatch.setattr(summaries, "BLOCK", 8)
    monkeypatch.setattr(summaries, "FANOUT", 4)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The wall clock of the memory, in seconds."""
    now = [1_800_000_000.0]
    monkeypatch.setattr("embodied_agent.memory.store.time.time", lambda: now[0])
    return now


def fill(store: Store, count: int, *, posed: bool = True, observation: str = HALL) -> None:
    """A robot that drives to and fro, ten metres, and names one thing of its own kind now and
    then."""
    for _ in range(count):
        number = store.status().keyframes
        keyframe = store.add_keyframe(
            stamp_ns=number * 10**9, jpeg=PICTURE, width=64, height=48, reason="overlap", segment=0,
            egomotion=Egomotion(Action.MOVE_FORWARD, confidence=0.9),
            pose=pose(number % 10, 0.0) if posed else None,
        )  # fmt: skip
        mentions = [Mention("red sofa", "front", "near")]
        if number % 40 == 5:
            mentions.append(Mention(f"crate {number}", "left", "far"))
        store.commit_delta(
            Delta(
                keyframe.id,
                Action.MOVE_FORWARD,
                mentions=tuple(mentions),
                observation=observation,
            )
        )


def pictured(store: Store) -> list[int]:
    return [one.id for one in store.keyframes(pictures=True) if one.jpeg]


def worded(store: Store) -> list[int]:
    return [delta.keyframe_id for delta in store.deltas() if delta.mentions]


@pytest.mark.parametrize("posed", [True, False])
def test_old_pictures_thin_out_by_place_and_the_older_the_fewer(
    clock: list[float], posed: bool
) -> None:
    settings = MemorySettings(thin_after_s=DAY_S, place_m=5.0)
    with Store.open("", settings) as store:
        fill(store, 48, posed=posed)
        clock[0] += DAY_S / 2
        fill(store, 40, posed=posed)
        assert pictured(store) == list(range(88))
        clock[0] += DAY_S / 2 + 1
        fill(store, 1, posed=posed)
        assert store.status().pictures_from == 48
        kept = pictured(store)
        assert [one for one in kept if one >= 48] == list(range(48, 89))
        first, second = (sum(low <= one < low + 16 for one in kept) for low in (0, 32))
        assert 0 < first < second < 16
        assert len(worded(store)) == 89


def test_over_the_limit_pictures_thin_out_before_any_time_is_left_without(
    clock: list[float],
) -> None:
    with Store.open("", MemorySettings(max_bytes=40 * len(PICTURE), place_m=5.0)) as store:
        fill(store, 150)
        kept = pictured(store)
        assert len(kept) <= 40
        assert kept[-8:] == list(range(142, 150))
        assert kept[0] < 32
        assert store.status().picture_bytes == len(kept) * len(PICTURE)


def test_pictures_that_answers_rest_on_are_kept_longest(clock: list[float]) -> None:
    with Store.open("", MemorySettings(max_bytes=6 * len(PICTURE))) as store:
        fill(store, 6)
        store.save_answer(
            Question("Where is the sofa?"),
            Answer("There.", evidence=(Evidence(3, 3), Evidence(5, 5))),
        )
        fill(store, 30)
        kept = pictured(store)
        assert {3, 5} <= set(kept)
        assert len(kept) == 6


def test_pictures_that_an_object_rests_on_outlive_thinning(clock: list[float]) -> None:
    settings = MemorySettings(thin_after_s=DAY_S, place_m=1000.0)
    with Store.open("", settings) as store:
        fill(store, 48)
        with Agent(load_settings(perception__backend="geometry"), store=store) as agent:
            assert {"crate 5", "crate 45"} <= {one.name for one in agent.objects()}
        clock[0] += DAY_S + 1
        fill(store, 1)
        assert store.status().pictures_from == 48
        assert {5, 45} <= set(pictured(store))
        assert len(pictured(store)) < 15


def test_an_age_limit_of_pictures_is_kept_whatever_rests_on_them(clock: list[float]) -> None:
    with Store.open("", MemorySettings(max_age_s=60)) as store:
        fill(store, 3)
        store.save_answer(Question("?"), Answer("There.", evidence=(Evidence(1, 1),)))
        clock[0] += 61
        fill(store, 2)
        assert pictured(store) == [3, 4]


@pytest.fixture
def thinned(path: str, clock: list[float]) -> Iterator[Store]:
    """A memory whose first 128 keyframes of 200 are older than the limit of its text."""
    with Store.open(path, MemorySettings(text_max_age_s=DAY_S, place_m=5.0)) as store:
        fill(store, 131)
        store.save_answer(Question("?"), Answer("There.", evidence=(Evidence(77, 77),)))
        clock[0] += DAY_S + 1
        fill(store, 69)
        yield store


def test_old_text_leaves_its_evidence_its_motion_and_its_summary(thinned: Store) -> None:
    status = thinned.status()
    assert (status.text_from, thinned.text_from()) == (128, 128)
    kept = [one for one in worded(thinned) if one < 128]
    things = [
        thing for stretch in compose(thinned.summaries.before(128)) for thing in stretch.things
    ]
    evidence = {seen.keyframe_id for thing in things for seen in (thing.first, thing.last)}
    assert {77} | evidence <= set(kept)
    assert len(kept) < 20
    assert {"crate 5", "crate 45", "crate 85", "crate 125"} < {thing.name for thing in things}
    assert sum(thing.keyframes for thing in things if thing.name == "red sofa") == 128
    bare = [delta for delta in thinned.deltas(until=127) if delta.keyframe_id not in kept]
    assert {(delta.action, delta.problem, delta.observation) for delta in bare} == {
        (Action.MOVE_FORWARD, SUMMARY_ONLY, "")
    }
    assert entry_text(bare[0]).endswith(f"move forward: {SUMMARY_ONLY}.\n")
    assert thinned.keyframes()[17].pose == pose(7, 0.0)
    assert [hit.keyframe.id for hit in thinned.search(text="crate", limit=9)] == [
        165, 125, 85, 45, 5,
    ]  # fmt: skip
    assert not thinned.damage.names()


def test_what_is_left_of_thinned_keyframes_fills_its_pages(thinned: Store) -> None:
    with thinned._query("measure") as db:
        sql = "SELECT sum(unused) * 1.0 / sum(pgsize) FROM dbstat WHERE name = 'keyframes'"
        assert db.execute(sql).get < 0.2


def test_answers_tell_where_they_reach_back_to_what_is_a_summary_only(thinned: Store) -> None:
    notice = f"what was seen before #128 is {SUMMARY_ONLY}"
    with Agent(load_settings(perception__backend="geometry"), store=thinned) as agent:
        asked = {
            "Did you see crate 45?": ("answered", [45], True),
            "When did you first see the sofa?": ("answered", [0], True),
            "When did you last see the sofa?": ("answered", [199], False),
            "What do you see now?": ("answered", [199], False),
            "Did you see an elephant?": ("not_seen", None, True),
            "What did you see at keyframe 17?": ("cannot_tell", [17], True),
            "How often did you move forward?": ("answered", None, True),
            "Tell me a joke": ("out_of_scope", None, False),
        }
        for question, (status, evidence, noticed) in asked.items():
            answer = agent.ask(question)
            assert answer.status == status, question
            if evidence is not None:
                assert [one.keyframe_id for one in answer.evidence] == evidence, question
            assert (notice in answer.notice) is noticed, (question, answer)
        assert "200" in agent.ask("How many keyframes do you have?").text


def test_an_agent_learns_at_once_that_text_was_thinned(clock: list[float]) -> None:
    settings = load_settings(perception__backend="geometry")
    with Store.open("", MemorySettings(text_max_age_s=DAY_S)) as store:
        fill(store, 40)
        with Agent(settings, store=store) as agent:
            assert agent.ask("What did you see at keyframe 17?").status == "answered"
            clock[0] += DAY_S + 1
            fill(store, 1)
            assert store.text_from() == 32
            answer = agent.ask("What did you see at keyframe 18?")
            assert (answer.status, SUMMARY_ONLY in answer.text) == ("cannot_tell", True)
            # An answer rests on that one.
            assert agent.ask("What did you see at keyframe 17?").status == "answered"


def test_an_object_that_was_last_seen_in_thinned_text_is_still_there(thinned: Store) -> None:
    with Agent(load_settings(perception__backend="geometry"), store=thinned) as agent:
        (crate,) = [one for one in agent.objects() if one.name == "crate 45"]
        assert crate.evidence == (45,)


def test_what_is_forgotten_leaves_thinned_summaries_too(thinned: Store, path: str) -> None:
    with Agent(load_settings(perception__backend="geometry"), store=thinned) as agent:
        (crate,) = [one for one in agent.objects() if one.name == "crate 45"]
        agent.correct(Correction("forget", "Ada", crate.id))
        agent.correct(Correction("forget", "Ada", from_ns=80 * 10**9, to_ns=90 * 10**9))
    told = compose(thinned.summaries.before(200))
    names = {thing.name for stretch in told for thing in stretch.things}
    assert not names & {"crate 45", "crate 85"}
    assert {"crate 5", "crate 125", "red sofa"} <= names
    thinned.close()
    data = Path(path).read_bytes()
    assert b"crate 45" not in data
    assert b"crate 85" not in data
    assert b"crate 125" in data


def test_a_repaired_memory_keeps_summaries_and_how_far_retention_has_come(
    thinned: Store, path: str
) -> None:
    before = thinned.summaries.before(200)
    thinned.close()
    assert check(path).is_whole
    found, _ = repair(path)
    assert found.is_whole
    with Store.open(path, MemorySettings()) as store:
        assert store.summaries.before(200) == before
        assert store.text_from() == 128


def test_a_limit_by_size_thins_text_and_nothing_else(path: str) -> None:
    with Store.open(path, MemorySettings(max_bytes=0)) as store:
        fill(store, 400, observation=40 * HALL)
        whole = store.status().text_bytes
    limit = whole * 3 // 4
    with Store.open(path, MemorySettings(max_bytes=0, text_max_bytes=limit)) as store:
        fill(store, 20)
        status = store.status()
        assert 0 < status.text_from < 400
        assert status.text_bytes < limit
        assert status.keyframes == 420


@pytest.mark.parametrize("by", ["bytes", "age"])
def test_answers_beyond_their_limit_are_dropped_with_their_citations(
    clock: list[float], by: str
) -> None:
    answer = Answer("There." * 20, evidence=(Evidence(0, 0),))
    limits = {"bytes": {"answers_max_bytes": 2000}, "age": {"answers_max_age_s": 60.0}}[by]
    with Store.open("", MemorySettings(**limits)) as store:
        fill(store, 2)
        for number in range(20):
            clock[0] += 9.9
            store.save_answer(Question(f"Where is thing {number}?"), answer)
        kept = [question.text for question, _ in store.answers()]
        assert 1 < len(kept) < 9
        assert kept[-1] == "Where is thing 19?"
        with store._query("count") as db:
            assert db.execute("SELECT count(*) FROM citations").get == len(kept)


def test_nothing_is_dropped_without_limits(path: str) -> None:
    with Store.open(path, MemorySettings(max_bytes=0)) as store:
        fill(store, 150)
        status = store.status()
        assert (status.pictures, status.pictures_from, status.text_from) == (150, 0, 0)
        assert len(worded(store)) == 150
