"""Clips played twice in a row: directions, counts and what was seen first do not change."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from embodied_agent.agent import Agent
from embodied_agent.records import DIRECTIONS, Delta, Frame
from embodied_agent.settings import load_settings
from embodied_agent.sources import open_source
from sim_clips.journey import journey_of_truth
from sim_clips.questions import NOT_TOLD, Notes, true_notes
from sim_clips.questions.common import first_seen
from sim_clips.twice import lap_ns, played_twice
from training import program
from training.true_perception import TruePerceiver

CLIPS = ("house_8", "city_35", "warehouse_48")
#: Types about where things are and what was seen first.
UNCHANGED = ("landmark_position", "relative_direction", "appearance_order")


def _load(name: str) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    clip = Path("sim_clips/clips") / name
    return (
        json.loads((clip / "truth.json").read_text()),
        json.loads((clip / "questions.json").read_text()),
    )


def _twice(frames: Sequence[Frame], later_ns: int) -> Iterator[Frame]:
    yield from frames
    for frame in frames:
        yield replace(frame, stamp_ns=frame.stamp_ns + later_ns, index=frame.index + len(frames))


@pytest.fixture(scope="module", params=CLIPS)
def remembered(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[dict[str, Any], list[dict[str, Any]], list[tuple[int, Delta]]]:
    """A clip's truth, its questions, and what the runtime notes when it is played twice."""
    truth, questions = _load(request.param)
    folder = tmp_path_factory.mktemp(request.param)
    (folder / "truth.json").write_text(json.dumps(played_twice(truth)))
    settings = load_settings(memory__path="")
    with open_source(f"sim_clips/clips/{request.param}", settings.source) as source:
        frames = list(source)
    with Agent(settings, perceiver=TruePerceiver(folder)) as agent:
        agent.begin_replay(request.param)
        for frame in _twice(frames, lap_ns(truth)):
            agent.observe(frame)
        agent.finish()
        while not agent.drain(120.0):
            pass
        stamps = {k.id: k.stamp_ns for k in agent.store.keyframes()}
        notes = [(stamps[d.keyframe_id], d) for d in agent.store.deltas()]
    return truth, questions, notes


def test_answers_about_places_and_first_appearances_do_not_change(
    remembered: tuple[dict[str, Any], list[dict[str, Any]], list[tuple[int, Delta]]],
) -> None:
    truth, questions, notes = remembered
    count = 0
    changed = []
    for row in questions:
        told = row["choices"]["ABCDE".index(row["answer"])] != NOT_TOLD
        if row["type"] not in UNCHANGED or not told:
            continue
        once = [d for stamp, d in notes if stamp <= row["stamp_ns"]]
        again = [d for stamp, d in notes if stamp <= row["stamp_ns"] + lap_ns(truth)]
        assert len(again) > len(once)
        before = program.answer(once, row, truth["world"])
        after = program.answer(again, row, truth["world"])
        if row["type"] == "appearance_order":
            assert after == before == row["answer"], row["id"]
        if before == row["answer"]:
            count += 1
            if after != before:
                first, second = (row["choices"]["ABCDE".index(a)] for a in (before, after))
                if second != NOT_TOLD:
                    steps = (DIRECTIONS.index(first) - DIRECTIONS.index(second)) % 8
                    assert steps in (1, 7), row["id"]
                changed.append(row["id"])
    assert count >= 7
    # The second lap's keyframes are not quite those of the first, so that a direction at the edge
    # of its sector may be noted as the next one, or be open.
    assert len(changed) <= 1, changed


def test_there_are_no_more_things_than_before(
    remembered: tuple[dict[str, Any], list[dict[str, Any]], list[tuple[int, Delta]]],
) -> None:
    truth, _, notes = remembered
    middle = truth["frames"][-1]["stamp_ns"]
    once, both = (
        {m.name for stamp, d in notes if stamp <= until for m in d.mentions}
        for until in (middle, notes[-1][0])
    )
    kinds = [Counter(name.split()[1] for name in names) for names in (once, both)]
    assert len(both - once) <= 1  # a keyframe may fall on a moment that it missed the first time
    assert sum((kinds[1] - kinds[0]).values()) <= 1
    assert both <= {thing["name"] for thing in truth["objects"]}


@pytest.mark.parametrize("name", CLIPS)
def test_the_truth_itself_does_not_change(name: str) -> None:
    truth, _ = _load(name)
    once, twice = journey_of_truth(truth), journey_of_truth(played_twice(truth))
    assert len(twice.views) == 2 * len(once.views)
    assert len(twice.steps) == 2 * len(once.steps)
    for thing in once.objects:
        for early, late in ((0, len(once.views)), (len(once.views) - 1, len(twice.views) - 1)):
            pose, again = once.views[early].pose, twice.views[late].pose
            assert twice.direction(thing, again) == once.direction(thing, pose)
        seen = first_seen(once, thing)
        if seen < len(once.views):
            assert first_seen(twice, thing) == seen
    notes, again_notes = (Notes(true_notes(j), j.world) for j in (once, twice))
    for thing in once.objects:
        last, end = len(once.views) - 1, len(twice.views) - 1
        assert again_notes.first(thing, end) == notes.first(thing, last)
        before, after = notes.last(thing, last), again_notes.last(thing, end)
        assert (after is None) == (before is None)
        assert after is None or after == (before or 0) + len(once.views)
