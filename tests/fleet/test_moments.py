"""Moments that are named by the clock: which day a time belongs to, and what is no moment."""

from __future__ import annotations

from datetime import datetime, time, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from embodied_agent.fleet.serving.moments import moment_in

#: A Friday afternoon.
NOW = datetime(2026, 11, 27, 15, 0, tzinfo=timezone.utc)

MOMENTS = [
    ("at 10:05", "11-27 10:05:00"),
    ("at 10:05:30", "11-27 10:05:30"),
    ("at 16:00", "11-26 16:00:00"),
    ("yesterday at 10:05", "11-26 10:05:00"),
    ("at 10:05 yesterday", "11-26 10:05:00"),
    ("at noon", "11-27 12:00:00"),
    ("at midnight", "11-27 00:00:00"),
    ("around 3 pm yesterday", "11-26 15:00:00"),
    ("at 12 am today", "11-27 00:00:00"),
    ("as of 9 o'clock", "11-27 09:00:00"),
    ("on Monday at 8:15", "11-23 08:15:00"),
    ("at 2 p.m. on Friday", "11-27 14:00:00"),
    ("at 4 pm on Friday", "11-20 16:00:00"),
    ("on 2026-11-20 at 9:30 pm", "11-20 21:30:00"),
    ("20 minutes ago", "11-27 14:40:00"),
    ("half an hour ago", "11-27 14:30:00"),
    ("two days ago", "11-25 15:00:00"),
]


@pytest.mark.parametrize(("words", "moment"), MOMENTS, ids=[one[0] for one in MOMENTS])
def test_a_moment_is_read_and_taken_out_of_the_question(words: str, moment: str) -> None:
    rest, at = moment_in(f"What was the battery {words}?", NOW)
    assert at is not None
    assert f"{at:%m-%d %H:%M:%S}" == moment
    assert rest.rstrip("?") == "What was the battery"


@pytest.mark.parametrize(
    "words",
    [
        "today at 16:00", "on 2027-01-01 at 10:00", "on 2026-02-30 at 10:00", "at 25:00",
        "at 10:61", "at 13 pm", "at 0 am", "at 12 s", "at #7", "between 10:00 and 11:00", "today",
        "yesterday", "in the last hour", "",
    ],
)  # fmt: skip
def test_what_is_no_moment_that_has_passed_stays_in_the_question(words: str) -> None:
    question = f"What was the battery {words}?"
    assert moment_in(question, NOW) == (question, None)


def test_a_time_of_day_is_meant_in_the_time_zone_of_the_present() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    _, at = moment_in("battery at 10:05", NOW.astimezone(berlin))
    assert at == datetime(2026, 11, 27, 9, 5, tzinfo=timezone.utc)


@given(st.times(), st.datetimes(datetime(2020, 1, 1), datetime(2040, 1, 1)))
def test_a_time_without_a_day_is_the_latest_that_has_passed(clock: time, present: datetime) -> None:
    now = present.replace(tzinfo=timezone.utc)
    _, at = moment_in(f"battery at {clock:%H:%M:%S}", now)
    assert at is not None
    assert f"{at:%H:%M:%S}" == f"{clock:%H:%M:%S}"
    assert timedelta(0) <= now - at < timedelta(days=1)
