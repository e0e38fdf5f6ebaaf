"""What models on the wire are made of: bounded numbers, ids and stamps, strict requests, replies.

Out of scope: the models (`models`, `objects`, `corrections`, `standing`).
"""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

_INT64 = 2**63 - 1

#: A finite number of metres or degrees.
Number = Annotated[float, Field(ge=-1e9, le=1e9, allow_inf_nan=False)]
#: The number of a keyframe, an object, a map session.
Id = Annotated[int, Field(ge=0, le=_INT64)]
#: Nanoseconds of the sensor's clock.
Stamp = Annotated[int, Field(ge=-_INT64, le=_INT64)]
#: Who says something.
By = Annotated[str, StringConstraints(max_length=200)]


class StrictRequest(BaseModel):
    """What a client sends: "12" is not a number and 1 is not a text, and unknown fields are
    refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class FrozenReply(BaseModel):
    """What a client is sent."""

    model_config = ConfigDict(frozen=True)
