"""Objects and sightings that are thinned out keep what was seen where, and when first and last."""

from __future__ import annotations

from dataclasses import replace

import pytest

from embodied_agent.memory.store import Store
from embodied_agent.object_records import Correction, SeenObject
from embodied_agent.settings import MemorySettings
from tests.support.object_world import Robot, off_m, pose

ROOM = {"red sofa": (4.0, 0.5, 1.0), "blue lamp": (5.0, 2.5, 1.2), "door": (6.0, 4.0, 1.0)}
STEPS = 40
#: Sightings of an object that stay as they are: the first, the last, and its position's.
NEEDED = 2 + 16


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The wall clock, in seconds."""
    now = [1_800_000_000.0]
    monkeypatch.setattr("embodied_agent.memory.store.time.time", lambda: now[0])
    return now


def robot(path: str = "", **limits: float) -> Robot:
    return Robot(path, memory=MemorySettings.model_validate(limits))


def drive(one: Robot, *, steps: int = STEPS, segment: int = 0) -> None:
    """To and fro past the room, which is in view all the time."""
    for at in range(steps):
        one.look(ROOM, pose(0.0, 0.3 * (at % 8)), segment=segment)


def whole(store: Store) -> list[int]:
    """The keyframes of sightings that are not thinned out."""
    ids = [one.id for one in store.objects.objects()]
    return [s.keyframe_id for s in store.objects.sightings(object_ids=ids) if s.ray is not None]


def without_evidence(one: SeenObject) -> SeenObject:
    return replace(one, evidence=(), missed_in=())


@pytest.mark.parametrize("by", ["number", "age"])
def test_old_sightings_are_thinned_and_objects_are_as_without_limits(
    by: str, clock: list[float]
) -> None:
    plain = robot()
    limited = robot(sightings_max=20) if by == "number" else robot(sightings_max_age_s=50.0)
    for each in (plain, limited):
        drive(each, steps=STEPS // 2)
        clock[0] += 100.0
        drive(each, steps=STEPS // 2)
    assert limited.memory.objects() == plain.memory.objects()
    kept = whole(limited.store)
    assert len(kept) <= len(ROOM) * (NEEDED if by == "number" else STEPS // 2 + 5)
    assert {0, STEPS - 1} <= set(kept)
    # Which keyframe shows which object is known of all.
    ids = [one.id for one in plain.memory.objects()]
    assert [
        (s.keyframe_id, s.rank, s.object_id)
        for s in limited.store.objects.sightings(object_ids=ids)
    ] == [
        (s.keyframe_id, s.rank, s.object_id) for s in plain.store.objects.sightings(object_ids=ids)
    ]


def test_what_was_the_last_sighting_is_thinned_once_there_is_a_later_one() -> None:
    one = robot(sightings_max=1)
    drive(one, steps=2 * STEPS)
    assert len(whole(one.store)) <= len(ROOM) * NEEDED


def test_thinning_goes_on_after_a_restart(path: str) -> None:
    first = robot(path, sightings_max=20)
    drive(first)
    first.store.close()
    again = robot(path, sightings_max=20)
    drive(again)
    sofas = again.memory.objects("red sofa")
    assert all(off_m(sofa, ROOM["red sofa"]) < 0.2 for sofa in sofas)
    assert 0 < len(whole(again.store)) <= len(sofas) * len(ROOM) * NEEDED < 2 * STEPS * len(ROOM)
    again.store.close()


@pytest.mark.parametrize("limits", [{"objects_max": 1}, {"objects_max_age_s": 50.0}])
def test_objects_of_earlier_sessions_keep_what_they_are_and_when_they_were_seen(
    limits: dict[str, float], clock: list[float]
) -> None:
    plain, limited = robot(), robot(**limits)
    for each in (plain, limited):
        for segment in range(3):
            drive(each, segment=segment)
            clock[0] += 100.0
    before, after = plain.memory.objects(), limited.memory.objects()
    assert [*map(without_evidence, after)] == [*map(without_evidence, before)]
    for small, one in zip(after, before, strict=True):
        if one.session < 2:
            assert small.evidence == (one.evidence[0], one.evidence[-1])
        else:
            assert small.evidence == one.evidence


def test_thinned_objects_can_be_corrected() -> None:
    one = robot(objects_max=1, sightings_max=1)
    for segment in range(2):
        drive(one, segment=segment)
    old = [each for each in one.memory.objects() if each.session == 0]
    sofa = next(each for each in old if each.name == "red sofa")
    lamp = next(each for each in old if each.name == "blue lamp")
    one.memory.correct(Correction("relabel", "test", object_id=lamp.id, text="reading lamp"))
    one.memory.correct(Correction("merge", "test", object_id=lamp.id, other_id=sofa.id))
    merged = one.store.objects.find(lamp.id)
    assert merged is not None
    assert (merged.name, merged.first_seen_ns) == ("reading lamp", sofa.first_seen_ns)
    assert merged.position_m is not None


def test_forgetting_a_thinned_object_removes_every_mention_of_it() -> None:
    one = robot(objects_max=1, sightings_max=1)
    for segment in range(2):
        drive(one, segment=segment)
    for each in one.memory.objects("red sofa"):
        one.memory.correct(Correction("forget", "test", object_id=each.id))
    names = {mention.name for delta in one.store.deltas() for mention in delta.mentions}
    assert names == {"blue lamp", "door"}


def test_objects_that_are_derived_again_are_the_same_and_thinned_again() -> None:
    one = robot(objects_max=1, sightings_max=20)
    for segment in range(2):
        drive(one, segment=segment)
    before = one.memory.objects()
    one.memory.rebuild()
    assert [*map(without_evidence, one.memory.objects())] == [*map(without_evidence, before)]
    thinned = 2 + 2  # in the first session, whose objects are thinned out too
    assert len(whole(one.store)) <= len(ROOM) * (thinned + NEEDED)
