"""What models read and write: the transcript and compact replies."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from embodied_agent.errors import ReplyError
from embodied_agent.perception.language import (
    CompactReply,
    compact_prompt,
    compact_reply,
    parse_compact,
)
from embodied_agent.records import (
    DIRECTIONS,
    DISTANCES,
    Action,
    Delta,
    Egomotion,
    Mention,
)
from embodied_agent.transcript.text import Transcript, entry_text

NAMES = st.from_regex(r"\A[a-z]{2,8} [a-z]{2,8}\Z").filter(
    lambda name: not set(name.split()) & {*DIRECTIONS, *DISTANCES}
)
MENTIONS = st.builds(Mention, NAMES, st.sampled_from(DIRECTIONS), st.sampled_from(DISTANCES))


@given(
    st.one_of(st.none(), st.sampled_from(list(Action))),
    st.lists(MENTIONS, max_size=6, unique_by=lambda m: m.name),
)
def test_a_compact_reply_reads_back_as_it_was_meant(action, mentions) -> None:
    reply = compact_reply(action, tuple(mentions))
    assert parse_compact(reply) == CompactReply(action, tuple(mentions))


@given(st.text(max_size=200))
def test_any_text_is_read_or_refused_but_never_breaks_the_parser(text: str) -> None:
    try:
        read = parse_compact(text)
    except ReplyError:
        return
    assert ":" in text
    assert all(m.name in text for m in read.mentions)


@given(st.floats(-400, 400), st.floats(-90, 90), st.tuples(*[st.floats(-50, 50)] * 3))
def test_any_motion_has_a_short_hint(yaw: float, pitch: float, travel) -> None:
    assert len(compact_prompt(Egomotion(Action.TILT_UPWARD, yaw, pitch, 0.0, travel))) < 120


def delta(number: int, *names: str) -> Delta:
    mentions = tuple(Mention(n, "front", "near") for n in names)
    return Delta(number, Action.MOVE_FORWARD if number else None, None, mentions)


@given(st.integers(1, 40), st.integers(5, 120))
def test_a_transcript_only_grows_at_its_end_or_loses_a_block_at_its_front(
    count: int, budget: int
) -> None:
    transcript = Transcript(budget, block=4)
    before = ""
    for number in range(count):
        dropped = transcript.dropped_entries
        transcript.add(delta(number, "red sofa"))
        now = transcript.text()
        if transcript.dropped_entries == dropped:
            assert now.startswith(before)
        else:
            assert transcript.dropped_entries == dropped + 4
            assert before.endswith(now[: now.rindex("#")])
        before = now


def test_entries_out_of_order_are_refused() -> None:
    transcript = Transcript(100)
    transcript.add(delta(3))
    with pytest.raises(ValueError, match="order"):
        transcript.add(delta(3))


def test_an_entry_says_what_was_done_and_seen() -> None:
    entry = Delta(4, Action.ROTATE_LEFT, 43.0, (Mention("red sofa", "front-left", "near"),))
    assert entry_text(entry) == "#4 rotate left 45: red sofa front-left near.\n"
