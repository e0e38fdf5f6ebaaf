"""The lines before a transcript that summarise the entries that no longer fit into it.

    -- in summary, what was seen before #412 --
    -- by place, x and y in metres of odom --
    near x 2.1 y -4.0, #0 to #388 (41 keyframes), 0 s to 840 s: red sofa in 12, first #3, last #388
    front-left near; blue lamp in #14 right mid.

Out of scope: what a summary holds (`summaries`), entries (`text`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timezone
from itertools import groupby

from embodied_agent.transcript.summaries import (
    WIDEST_M,
    Seen,
    Stretch,
    SummarisedThing,
    Summary,
    coarser,
    compose,
    most_seen,
)

#: Most things in a line: these numbers are tried in turn.
_THINGS = (12, 8, 6, 4, 3, 2, 1)
#: About how many tokens a line takes.
_LINE_TOKENS = 48
#: Stamps above this are nanoseconds since 1970.
_SINCE_1970_NS = 1_000_000_000_000_000_000
_MINUTE = "%Y-%m-%d %H:%M"


def summary_text(
    summaries: Iterable[Summary], before: int, token_budget: int, count: Callable[[str], int]
) -> str:
    """Lines for all that was seen before keyframe ``before``, within a token budget.

    If that does not hold a line for each stretch, stretches are joined; then fewer things are named
    in each; at last the oldest stretches are left out, and the heading says so.

    Args:
        summaries: of consecutive parts of the memory, oldest first.
        before: id of the first entry that follows.
        token_budget: most tokens of all lines.
        count: counts the tokens of a text.
    """
    stretches = compose(summaries)
    limit = max(1, token_budget // _LINE_TOKENS)
    while stretches:
        stretches = _at_most(stretches, limit)
        for most in _THINGS:
            text = "".join(_lines(stretches, before, most, left_out=0))
            if count(text) <= token_budget:
                return text
        if limit == 1 or len(stretches) > limit:
            break
        limit = max(1, min(limit, len(stretches)) // 2)
    for left_out in range(1, len(stretches)):
        text = "".join(_lines(stretches[left_out:], before, 1, left_out))
        if count(text) <= token_budget:
            return text
    return ""


def _at_most(stretches: list[Stretch], limit: int) -> list[Stretch]:
    """The stretches, joined until there are ``limit`` or no two can be joined."""
    while len(stretches) > limit:
        fewer = coarser(stretches)
        wide = all(one.cell is None or one.size_m > WIDEST_M for one in fewer)
        if len(fewer) == len(stretches) and wide:
            break
        stretches = fewer
    return stretches


def _lines(stretches: list[Stretch], before: int, most: int, left_out: int) -> Iterator[str]:
    older = f"; {left_out} older stretches are left out" if left_out else ""
    yield f"-- in summary, what was seen before #{before}{older} --\n"
    last = stretches[-1].segment
    for (segment, frame_id), group in groupby(
        sorted(stretches, key=lambda one: (one.segment, one.frame_id, one.first_id)),
        key=lambda one: (one.segment, one.frame_id),
    ):
        parts = []
        if segment != last:
            parts.append("before a restart")
        if frame_id:
            parts.append(f"by place, x and y in metres of {frame_id}")
        if parts:
            yield f"-- {'; '.join(parts)} --\n"
        for one in group:
            yield _line(one, most)


def _line(stretch: Stretch, most: int) -> str:
    things = most_seen(stretch)
    said = [_thing_text(thing) for thing in things[:most]]
    if len(things) > most or not stretch.complete:
        said.append("more")
    where = ""
    if stretch.position_m is not None:
        x, y, z = stretch.position_m
        assert stretch.cell is not None
        height = f" z {z:.1f}" if stretch.cell[2] else ""
        where = f"near x {x:.1f} y {y:.1f}{height}, "
    span = _span_text(stretch.first_ns, stretch.last_ns)
    ids = (
        f"#{stretch.first_id}"
        if stretch.first_id == stretch.last_id
        else f"#{stretch.first_id} to #{stretch.last_id} ({stretch.keyframes} keyframes)"
    )
    return f"{where}{ids}, {span}: {'; '.join(said) or 'nothing named'}.\n"


def _thing_text(thing: SummarisedThing) -> str:
    if thing.keyframes == 1:
        return f"{thing.name} in {_seen_text(thing.last)}"
    first = f"#{thing.first.keyframe_id}"
    return f"{thing.name} in {thing.keyframes}, first {first}, last {_seen_text(thing.last)}"


def _seen_text(seen: Seen) -> str:
    distance = f" {seen.distance}" if seen.distance else ""
    return f"#{seen.keyframe_id} {seen.direction}{distance}"


def _span_text(first_ns: int, last_ns: int) -> str:
    """From when to when: as dates in UTC if stamps count from 1970, else in seconds."""
    if min(first_ns, last_ns) < _SINCE_1970_NS:
        first, last = f"{first_ns / 1e9:.0f} s", f"{last_ns / 1e9:.0f} s"
        return first if first == last else f"{first} to {last}"
    begin, end = (
        f"{datetime.fromtimestamp(ns / 1e9, timezone.utc):{_MINUTE}}" for ns in (first_ns, last_ns)
    )
    if begin == end:
        return begin
    day, _, time = end.partition(" ")
    return f"{begin} to {time if begin.startswith(day) else end}"
