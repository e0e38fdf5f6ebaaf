"""Objects whose text is thinned out: what they rest on stays, and nothing else is named."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from embodied_agent.codec import from_json, to_json, to_short_json
from embodied_agent.memory import summaries
from embodied_agent.memory.object_evidence import HEIGHT, WIDTH, write_object
from embodied_agent.object_records import Correction, SeenObject
from embodied_agent.objects.geometry import Ray
from embodied_agent.records import SUMMARY_ONLY, Action, Answer, Delta, Evidence, Question
from embodied_agent.settings import MemorySettings
from tests.support.object_world import Robot, pose

ROOM = {"red sofa": (4.0, 0.5, 1.0), "blue lamp": (5.0, 2.5, 1.2), "door": (6.0, 4.0, 1.0)}
DAY_S = 86_400.0
#: Keyframes in a row of summaries of level 1, by `small_blocks`.
ROW = 32


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(summaries, "BLOCK", 8)
    monkeypatch.setattr(summaries, "FANOUT", 4)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The wall clock, in seconds."""
    now = [1_800_000_000.0]
    monkeypatch.setattr("embodied_agent.memory.store.time.time", lambda: now[0])
    return now


def robot(**limits: float) -> Robot:
    return Robot(memory=MemorySettings.model_validate({"place_m": 100.0, **limits}))


def drive(one: Robot, steps: int, *, segment: int = 0) -> None:
    """To and fro past the room, which is in view all the time."""
    for at in range(steps):
        one.look(ROOM, pose(0.0, 0.3 * (at % 8)), segment=segment)


def whole(one: Robot) -> set[int]:
    """The keyframes whose text is kept."""
    return {delta.keyframe_id for delta in one.store.deltas() if delta.problem != SUMMARY_ONLY}


def without_evidence(one: SeenObject) -> SeenObject:
    return replace(one, evidence=(), missed_in=())


def test_evidence_names_no_keyframe_whose_text_is_thinned_out(clock: list[float]) -> None:
    plain, limited = robot(), robot(text_max_age_s=DAY_S)
    for each in (plain, limited):
        drive(each, ROW)
        clock[0] += DAY_S + 1
        drive(each, 3)
        # Those that are seen again are written again, by tracks that knew more evidence.
        drive(each, 5)
    assert limited.store.text_from() == ROW
    kept = whole(limited)
    assert len(kept) < ROW
    for small, one in zip(limited.memory.objects(), plain.memory.objects(), strict=True):
        assert set(one.evidence) - kept, "nothing would have to be dropped"
        assert small.evidence == tuple(number for number in one.evidence if number in kept)
        assert without_evidence(small) == without_evidence(one)
        assert small.seen == ROW + 8


def test_an_object_that_is_not_seen_again_names_no_thinned_keyframe_either(
    clock: list[float],
) -> None:
    one = robot(text_max_age_s=DAY_S)
    drive(one, 20)
    for _ in range(ROW - 20):
        one.look({}, pose(-50.0, 0.0))
    clock[0] += DAY_S + 1
    one.look({}, pose(-50.0, 0.0))
    assert one.store.text_from() == ROW
    for each in one.memory.objects():
        assert each.evidence[-1] == 19
        assert each.seen == 20
        assert set(each.evidence) <= whole(one)


def test_evidence_that_an_earlier_version_left_is_mended(clock: list[float], path: str) -> None:
    settings = MemorySettings(text_max_age_s=DAY_S, place_m=100.0)
    one = Robot(path, memory=settings)
    drive(one, ROW)
    clock[0] += DAY_S + 1
    one.look({}, pose(-50.0, 0.0))
    kept = one.memory.objects()
    with one.store._transaction("write as an earlier version did") as db:
        for each in kept:
            state = str(db.execute("SELECT state FROM objects WHERE id = ?", (each.id,)).get)
            write_object(db, replace(each, evidence=tuple(range(ROW))), state)
    one.store.close()
    again = Robot(path, memory=settings)
    again.look({}, pose(-50.0, 0.0))
    assert again.memory.objects() == kept
    again.store.close()


def test_the_first_the_last_and_the_largest_view_of_an_object_stay(clock: list[float]) -> None:
    one = robot(text_max_age_s=DAY_S)
    near = 13  # once the robot comes close to the sofa
    for at in range(ROW):
        one.look({"red sofa": ROOM["red sofa"]}, pose(2.0 if at == near else 0.0, 0.3 * (at % 8)))
    clock[0] += DAY_S + 1
    drive(one, 1)
    shown = {n for n in whole(one) if n < ROW}
    assert shown == {0, near, ROW - 1}
    assert one.store.keyframes(pictures=True)[near].jpeg


def test_what_an_answer_cites_stays(clock: list[float]) -> None:
    one = robot(text_max_age_s=DAY_S)
    drive(one, ROW)
    cited = next(number for number in range(9, ROW) if number not in (0, ROW - 1))
    one.store.save_answer(Question("?"), Answer("There.", evidence=(Evidence(cited, 0),)))
    clock[0] += DAY_S + 1
    drive(one, 1)
    assert cited in whole(one)
    assert all(cited in each.evidence for each in one.memory.objects())


def test_objects_of_an_earlier_session_are_thinned_out_with_their_text(clock: list[float]) -> None:
    plain, limited = robot(), robot(text_max_age_s=DAY_S)
    for each in (plain, limited):
        drive(each, ROW)
        drive(each, ROW, segment=1)
        clock[0] += DAY_S + 1
        drive(each, 3, segment=1)
    before = [one for one in plain.memory.objects() if one.session == 0]
    after = [one for one in limited.memory.objects() if one.session == 0]
    assert [*map(without_evidence, after)] == [*map(without_evidence, before)]
    for one in after:
        assert one.evidence == (0, ROW - 1)
        sightings = limited.store.objects.sightings(object_ids=[one.id])
        assert {0, ROW - 1} <= {each.keyframe_id for each in sightings}
        thinned = [each for each in sightings if each.keyframe_id not in whole(limited)]
        assert len(thinned) <= 2  # from which its position can be computed again
    sofa = next(one for one in after if one.name == "red sofa")
    limited.memory.correct(Correction("relabel", "test", object_id=sofa.id, text="couch"))
    couch = limited.store.objects.find(sofa.id)
    assert couch is not None
    assert (couch.label, couch.seen) == ("couch", ROW)
    assert couch.position_m == pytest.approx(sofa.position_m, abs=0.2)


def test_what_is_forgotten_leaves_no_evidence_after_thinning(clock: list[float]) -> None:
    one = robot(text_max_age_s=DAY_S)
    drive(one, ROW)
    clock[0] += DAY_S + 1
    drive(one, 3)
    first = one.store.keyframes()[0].stamp_ns
    one.memory.correct(Correction("forget", "test", from_ns=first, to_ns=first))
    for each in one.memory.objects():
        assert each.evidence
        assert 0 not in each.evidence
        assert set(each.evidence) <= whole(one)


def test_thinned_text_does_not_count_as_sightings(clock: list[float]) -> None:
    """Else sightings would be thinned out that are within their limit."""
    one = robot(text_max_age_s=DAY_S, sightings_max=len(ROOM) * (ROW + 21))
    drive(one, ROW)
    clock[0] += DAY_S + 1
    drive(one, 30)
    ids = [each.id for each in one.memory.objects()]
    sightings = one.store.objects.sightings(object_ids=ids)
    assert len(sightings) < one.store.settings.sightings_max < len(ROOM) * (ROW + 30)
    assert all(each.ray is not None for each in sightings)


def test_older_rows_keep_fewer_keyframes_as_later_ones_are_thinned(clock: list[float]) -> None:
    one = robot(text_max_age_s=DAY_S)
    drive(one, 3 * ROW)
    clock[0] += DAY_S + 1
    drive(one, 3)
    assert one.store.text_from() == 3 * ROW
    kept = {number for number in whole(one) if number < 3 * ROW}
    assert {0, 3 * ROW - 1} <= kept
    assert len(kept) <= 2 + len(ROOM)  # the largest view of each object
    told = [stretch for part in one.store.summaries.before(3 * ROW) for stretch in part.stretches]
    assert sum(stretch.keyframes for stretch in told) == 3 * ROW


def test_the_numbers_of_a_ray_lie_where_they_are_looked_up() -> None:
    ray = Ray(
        0, 0, (0.0, 0.0, 0.0), (1.0, 0.0, 0.0), 0.1, 0.1, height_rad=0.25, width_rad=0.5
    )  # fmt: skip
    assert (ray.values()[HEIGHT], ray.values()[WIDTH]) == (0.25, 0.5)
    assert math.isnan(ray.values()[HEIGHT + 1])


def test_a_short_record_is_read_as_it_was() -> None:
    delta = Delta(3, Action.MOVE_RIGHT, camera="left", problem=SUMMARY_ONLY)
    short = to_short_json(delta)
    assert len(short) < len(to_json(delta)) / 2
    assert from_json(Delta, short) == delta
