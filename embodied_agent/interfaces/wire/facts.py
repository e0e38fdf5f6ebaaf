"""Noted facts on the wire, for all interfaces.

Stamps are nanoseconds of the sensor's clock.

Out of scope: the record (`embodied_agent.records.Fact`), which values are noted
(`embodied_agent.agent.fact_gate`).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated

from pydantic import Field, StringConstraints

from embodied_agent.codec import to_values
from embodied_agent.interfaces.wire.fields import By, FrozenReply, StrictRequest
from embodied_agent.records import Fact
from embodied_agent.settings.facts import MAX_FACT_NAME, MAX_FACT_VALUE

_INT64 = 2**63 - 1
_Text = Annotated[str, StringConstraints(min_length=1, max_length=MAX_FACT_VALUE)]
_Real = Annotated[float, Field(allow_inf_nan=False)]
_Whole = Annotated[int, Field(ge=-_INT64, le=_INT64)]


class FactRequest(StrictRequest):
    """A value to note beside what was seen: the level of a battery, the mode of a robot."""

    name: str = Field(
        min_length=1,
        max_length=MAX_FACT_NAME,
        description="begins with a letter; letters, digits, spaces, - and _",
    )
    value: bool | _Whole | _Real | _Text = Field(description="a text or a number")
    stamp_ns: int | None = Field(
        None,
        ge=0,
        le=_INT64,
        description="when it was so, by the sensor's clock, in nanoseconds; default: now, or the "
        "last keyframe's stamp where stamps do not count from 1970",
    )
    by: By = Field("", description="who or what says so; default: whoever sends the request")


class FactReply(FrozenReply):
    """A noted value, and who or what noted it: a topic, a person."""

    id: int | None
    name: str
    value: str
    stamp_ns: int
    by: str


class FactsReply(FrozenReply):
    """Noted values."""

    facts: list[FactReply]


def fact_reply(fact: Fact) -> FactReply:
    """A noted value."""
    return FactReply.model_validate(to_values(fact))


def facts_reply(facts: Iterable[Fact]) -> FactsReply:
    """Noted values."""
    return FactsReply(facts=[fact_reply(fact) for fact in facts])
