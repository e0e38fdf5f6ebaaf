"""Moments that a question names by the clock: "at 10:05", "yesterday at noon", "20 minutes ago".

A time of day without a day is the latest one that has passed. Answers say which day that was.

Out of scope: spans of time (`reading`), answers as of a moment (`fact_moments`).
"""

from __future__ import annotations

import re
from datetime import date, datetime, time, timedelta

from embodied_agent.rules.spans import span_in

_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_HALF = r"[ap]\.?m\b\.?"
_CLOCK = (
    r"(?:(?P<hour>\d{1,2}):(?P<minute>\d\d)(?::(?P<second>\d\d))?(?![\d:])(?: ?(?P<half>"
    rf"{_HALF}))?|(?P<whole>\d{{1,2}}) ?(?:(?P<whole_half>{_HALF})|o['’]clock\b)"
    r"|(?P<word>noon|midnight)\b)"
)
_DAY = rf"(?:on )?\b(?P<day>today|yesterday|this morning|\d{{4}}-\d\d-\d\d|{'|'.join(_DAYS)})\b"
_AT = r"\b(?:at|around|as of) (?:about |around )?"
_FORMS = (
    re.compile(rf",? ?{_DAY},? (?:{_AT}|about )?{_CLOCK}", re.I),
    re.compile(rf",? ?{_AT}{_CLOCK}(?:,? {_DAY})?", re.I),
)


def moment_in(text: str, now: datetime) -> tuple[str, datetime | None]:
    """The text without its moment, and the moment; ``None`` if it names none that has passed.

    Args:
        text: a question.
        now: the present, in the time zone that times of day are meant in.
    """
    for form in _FORMS:
        match = form.search(text)
        if match is None:
            continue
        moment = _moment(match, now)
        if moment is None:
            return text, None
        return _joined(text[: match.start()], text[match.end() :]), moment
    span = span_in(text)
    if span is not None and span.kind == "ago":
        return " ".join(span.rest.split()), now - timedelta(seconds=span.start)
    return text, None


def _joined(before: str, after: str) -> str:
    return " ".join(f"{before} {after}".replace(" ?", "?").split()).strip(" ,")


def _moment(match: re.Match[str], now: datetime) -> datetime | None:
    """The moment of a match; ``None`` for one that does not exist or lies ahead."""
    clock = _clock(match)
    if clock is None:
        return None
    day = (match["day"] or "").lower()
    if day[:1].isdigit():
        try:
            candidates = [date.fromisoformat(day)]
        except ValueError:
            return None
    elif day in ("today", "this morning"):
        candidates = [now.date()]
    elif day == "yesterday":
        candidates = [now.date() - timedelta(days=1)]
    else:
        candidates = [now.date() - timedelta(days=back) for back in range(8)]
        if day:
            candidates = [one for one in candidates if one.weekday() == _DAYS.index(day)]
    moments = (datetime.combine(one, clock, now.tzinfo) for one in candidates)
    return next((one for one in moments if one <= now), None)


def _clock(match: re.Match[str]) -> time | None:
    if match["word"]:
        return time(12 if match["word"].lower() == "noon" else 0)
    hour = int(match["hour"] or match["whole"])
    half = (match["half"] or match["whole_half"] or "")[:1].lower()
    if half:
        if not 1 <= hour <= 12:
            return None
        hour = hour % 12 + (12 if half == "p" else 0)
    try:
        return time(hour, int(match["minute"] or 0), int(match["second"] or 0))
    except ValueError:
        return None
