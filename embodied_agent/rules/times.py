"""The wording of times: lengths of time, moments by the clock, before now and after the start.

Times are those of the keyframes' stamps, and count from the last restart; now is the latest
keyframe.

Out of scope: answers about time (`about_time`).
"""

from __future__ import annotations

from datetime import datetime, timezone

from embodied_agent.rules.notes import Notes

#: Stamps from here on are taken for nanoseconds since 1970: 2001-09-09.
_EPOCH_NS = 10**18


def length(nanoseconds: int) -> str:
    """A length of time: ``9.4 seconds``, ``3 minutes and 5 seconds``, ``2 hours``."""
    seconds = nanoseconds / 1e9
    if seconds < 9.95:
        return _unit(round(seconds, 1), "second")
    whole = round(seconds)
    parts = (
        (whole // 86400, "day"), (whole % 86400 // 3600, "hour"), (whole % 3600 // 60, "minute"),
        (whole % 60, "second"),
    )  # fmt: skip
    first = next(i for i, (count, _) in enumerate(parts) if count)
    return " and ".join(_unit(count, name) for count, name in parts[first : first + 2] if count)


def _unit(count: float, name: str) -> str:
    return f"{count:g} {name}" if f"{count:g}" == "1" else f"{count:g} {name}s"


def before_now(index: int, notes: Notes) -> str:
    """How long before now a delta's keyframe was: ``; that was 23 seconds ago``. Empty where that
    is not known, or it is now."""
    if not notes.start <= index < notes.last:
        return ""
    then, now = notes.stamp_ns(index), notes.stamp_ns(notes.last)
    if then is None or now is None:
        return ""
    return f"; that was {length(now - then)} ago"


def since_start(index: int, notes: Notes) -> str:
    """How long after the start a delta's keyframe was: ``, 10 seconds after the start``. Empty
    where that is not known, or it is the start."""
    if index <= notes.start:
        return ""
    begin, then = notes.stamp_ns(notes.start), notes.stamp_ns(index)
    if begin is None or then is None:
        return ""
    return f", {length(then - begin)} after the start"


def by_the_clock(index: int, notes: Notes) -> str:
    """The time of a delta's keyframe: ``at 22:13:20 UTC on 2023-11-14``. Empty where stamps don't
    count from 1970."""
    stamp = notes.stamp_ns(index)
    if stamp is None or stamp < _EPOCH_NS:
        return ""
    moment = datetime.fromtimestamp(stamp / 1e9, tz=timezone.utc)
    return f"at {moment:%H:%M:%S} UTC on {moment:%Y-%m-%d}"
