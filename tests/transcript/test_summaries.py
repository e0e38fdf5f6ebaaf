"""Summaries: what was seen where, when and how often, however its parts are put together."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from embodied_agent.codec import from_json, to_json
from embodied_agent.records import Delta, Mention
from embodied_agent.transcript.summaries import (
    MAX_STRETCHES,
    MAX_THINGS,
    Entry,
    Seen,
    Summary,
    coarser,
    compose,
    merge,
    most_seen,
    summarise,
    without,
)
from embodied_agent.transcript.summary_text import summary_text

SECOND = 1_000_000_000
SOFA, LAMP = Mention("red sofa", "front", "near"), Mention("blue lamp", "left")


def entry(
    number: int,
    *mentions: Mention,
    at: tuple[float, float] | None = None,
    segment: int = 0,
    stamp_ns: int | None = None,
) -> Entry:
    return Entry(
        segment=segment,
        stamp_ns=number * SECOND if stamp_ns is None else stamp_ns,
        delta=Delta(number, None, mentions=mentions),
        frame_id="" if at is None else "odom",
        position_m=None if at is None else (*at, 0.0),
    )


def text(*summaries: Summary, before: int = 999, budget: int = 1000) -> str:
    return summary_text(summaries, before, budget, lambda text: -(-len(text) // 4))


def walk(count: int, seed: int = 0, *, posed: bool = True, names: int = 20) -> list[Entry]:
    """A walk that comes back to places, and names things at random."""
    draw = random.Random(seed)
    x = y = 0.0
    entries = []
    for number in range(count):
        x, y = x + draw.uniform(-3, 3), y + draw.uniform(-3, 3)
        mentions = [
            Mention(f"thing {draw.randrange(names)}", "front", "mid")
            for _ in range(draw.randrange(4))
        ]
        entries.append(entry(number, *mentions, at=(x, y) if posed else None))
    return entries


def test_a_place_tells_what_was_seen_there_how_often_and_where_it_was_last() -> None:
    summary = summarise(
        [
            entry(0, SOFA, at=(0, 0)),
            entry(1, LAMP, at=(9, 0)),
            entry(2, replace(SOFA, name="Red  sofa", direction="right"), LAMP, LAMP, at=(1, 0)),
        ],
        place_m=4.0,
    )
    near, far = summary.stretches
    assert (near.first_id, near.last_id, near.keyframes, near.position_m) == (0, 2, 2, (0.5, 0, 0))
    assert (near.first_ns, near.last_ns) == (0, 2 * SECOND)
    sofa, lamp = near.things
    assert (sofa.name, sofa.keyframes, sofa.at_once) == ("red sofa", 2, 1)
    assert (sofa.first, sofa.last) == (Seen(0, "front", "near"), Seen(2, "right", "near"))
    assert (lamp.keyframes, lamp.at_once) == (1, 2)
    assert [thing.name for thing in far.things] == ["blue lamp"]


def test_without_poses_a_stretch_is_a_span_of_a_segment() -> None:
    summary = summarise([entry(0, SOFA), entry(1, SOFA), entry(2, LAMP, segment=1)], 4.0)
    assert [(one.segment, one.first_id, one.last_id) for one in summary.stretches] == [
        (0, 0, 1),
        (1, 2, 2),
    ]


@given(st.integers(0, 200), st.integers(0, 5), st.booleans())
def test_merged_parts_are_the_summary_of_the_whole(cut: int, seed: int, posed: bool) -> None:
    entries = walk(200, seed, posed=posed)
    parts = merge([summarise(entries[:cut], 50.0), summarise(entries[cut:], 50.0)])
    whole = summarise(entries, 50.0)
    assert len(parts.stretches) == len(whole.stretches)
    for part, one in zip(parts.stretches, whole.stretches, strict=True):
        assert part.position_sum_m == pytest.approx(one.position_sum_m)
        assert replace(part, position_sum_m=one.position_sum_m) == one


def test_a_summary_comes_back_from_json_as_it_was() -> None:
    summary = summarise(walk(100), 4.0)
    assert from_json(Summary, to_json(summary)) == summary


def test_a_summary_is_bounded_and_says_what_it_leaves_out() -> None:
    summary = summarise(walk(3000, names=10_000), place_m=0.2)
    assert 1 < len(summary.stretches) <= MAX_STRETCHES
    assert sum(len(one.things) for one in summary.stretches) <= MAX_THINGS
    assert not all(one.complete for one in summary.stretches)
    assert sum(one.keyframes for one in summary.stretches) == 3000


def test_coarser_places_hold_the_same_keyframes_and_sightings() -> None:
    stretches = list(summarise(walk(300), 2.0).stretches)
    fewer = coarser(stretches)
    assert len(fewer) < len(stretches)
    for each in (stretches, fewer):
        assert sum(one.keyframes for one in each) == 300
    counted = [
        sum(thing.keyframes for one in each for thing in one.things) for each in (stretches, fewer)
    ]
    assert counted[0] == counted[1]


def test_parts_with_places_of_different_size_are_put_together() -> None:
    fine, coarse = summarise([entry(0, SOFA, at=(5, 0))], 2.0), [entry(1, SOFA, at=(5, 1))]
    (one,) = compose([fine, summarise(coarse, 8.0)])
    assert (one.size_m, one.keyframes) == (8.0, 2)


def test_the_text_names_places_spans_counts_and_evidence() -> None:
    summary = summarise(
        [entry(0, SOFA, at=(0, 0)), entry(2, SOFA, LAMP, at=(1, 0)), entry(3, at=(9, -9))], 4.0
    )
    assert text(summary, before=4) == (
        "-- in summary, what was seen before #4 --\n"
        "-- by place, x and y in metres of odom --\n"
        "near x 0.5 y 0.0, #0 to #2 (2 keyframes), 0 s to 2 s: red sofa in 2, first #0, last #2 "
        "front near; blue lamp in #2 left.\n"
        "near x 9.0 y -9.0, #3, 3 s: nothing named.\n"
    )


def test_the_text_tells_earlier_segments_and_dates() -> None:
    noon = 1_800_000_000 * SECOND
    first = summarise([entry(0, SOFA, segment=0, stamp_ns=noon)], 4.0)
    second = summarise([entry(1, LAMP, segment=1, stamp_ns=noon + 3600 * SECOND)], 4.0)
    assert text(first, second) == (
        "-- in summary, what was seen before #999 --\n"
        "-- before a restart --\n"
        "#0, 2027-01-15 08:00: red sofa in #0 front near.\n"
        "#1, 2027-01-15 09:00: blue lamp in #1 left.\n"
    )


@pytest.mark.parametrize("posed", [True, False])
@pytest.mark.parametrize("budget", [60, 100, 400, 1500])
def test_the_text_keeps_to_its_budget_and_uses_it(posed: bool, budget: int) -> None:
    parts = [summarise(walk(600, posed=posed)[at : at + 64], 4.0) for at in range(0, 600, 64)]
    written = text(*parts, budget=budget)
    assert budget / 4 < len(written) / 4 <= budget
    assert text(*parts, budget=budget) == written


def test_nothing_is_written_where_nothing_fits_or_nothing_was() -> None:
    assert text(summarise(walk(10), 4.0), budget=5) == ""
    assert text() == ""


def test_what_was_seen_most_comes_first_and_the_rest_is_said_to_be_there() -> None:
    names = [Mention(f"thing {number}", "front") for number in range(30)]
    summary = summarise([entry(0, *names), entry(1, names[7])], 4.0)
    assert most_seen(summary.stretches[0])[0].name == "thing 7"
    line = text(summary).splitlines()[-1]
    assert "thing 7 in 2, first #0, last #1 front;" in line
    assert line.endswith("; more.")


def test_what_is_forgotten_is_out_and_other_sightings_of_the_name_stay() -> None:
    summary = summarise([entry(0, SOFA), entry(1, SOFA, LAMP), entry(2, LAMP)], 4.0)
    left = without(summary, lambda seen, key: seen.keyframe_id == 1)
    sofa, lamp = left.stretches[0].things
    assert (sofa.keyframes, sofa.first, sofa.last) == (1, Seen(0, "front", "near"), sofa.first)
    assert (lamp.first.keyframe_id, lamp.last.keyframe_id) == (2, 2)
    left = without(summary, lambda seen, key: key == "red sofa")
    assert [thing.name for thing in left.stretches[0].things] == ["blue lamp"]
