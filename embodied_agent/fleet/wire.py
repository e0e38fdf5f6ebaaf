"""What goes over the wire between robots and the fleet server.

Requests refuse fields that they don't know and values that are too large. Times are seconds since
1970; stamps are nanoseconds of the robot's sensor clock.

Out of scope: questions and what the page shows (`replies`), how messages travel (`link`, `topics`).
"""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from embodied_agent.records import AnswerStatus

_INT64 = 2**63 - 1
#: Most entries of one list in a request.
MOST_ITEMS = 10_000
#: Longest text of a name and of anything else, in characters.
MAX_NAME, MAX_TEXT = 1000, 20_000

Name = Annotated[str, StringConstraints(min_length=1, max_length=MAX_NAME)]
Text = Annotated[str, StringConstraints(max_length=MAX_TEXT)]
Id = Annotated[int, Field(ge=-1, le=_INT64)]
Sum = Annotated[int, Field(ge=0, lt=2**32)]
Stamp = Annotated[int, Field(ge=-_INT64, le=_INT64)]
Seconds = Annotated[float, Field(ge=0, le=32_503_680_000, allow_inf_nan=False)]  # to the year 3000
Metres = Annotated[float, Field(allow_inf_nan=False)]
MemoryId = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{32}$")]


class Request(BaseModel):
    """What is sent to the server: unknown fields and other types are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Reply(BaseModel):
    """What the server answers; a client ignores fields that it doesn't know."""

    model_config = ConfigDict(frozen=True)


class FleetMention(Request):
    """One thing that a keyframe shows, and where it is from the camera."""

    name: Name
    direction: str = Field("front", max_length=32)
    distance: str | None = Field(None, max_length=32)


class FleetKeyframe(Request):
    """A perceived keyframe. ``checksum`` is that of its delta in the robot's memory. Without a pose
    ``frame_id`` is empty. ``thumbnail`` is a JPEG file in base64, empty for none."""

    id: Id
    stamp_ns: Stamp
    seen_at_s: Seconds
    segment: int = Field(ge=0, le=2**31 - 1)
    frame_id: str = Field("", max_length=256)
    position_m: tuple[Metres, Metres, Metres] | None = None
    action: str = Field("", max_length=64)
    observation: Text = ""
    mentions: list[FleetMention] = Field(default_factory=list, max_length=1000)
    checksum: Sum
    thumbnail: str = Field("", max_length=1_000_000)


class FleetAnswer(Request):
    """A question that the robot answered. ``evidence`` are ids of keyframes."""

    id: Id
    answered_at_s: Seconds
    question: Text
    status: AnswerStatus
    text: Text
    evidence: list[Id] = Field(default_factory=list, max_length=1000)
    checksum: Sum


class FleetObject(Request):
    """An object as the robot's memory knows it; its position is null while it can't be located."""

    id: Id
    name: Name
    kind: str = Field("", max_length=MAX_NAME)
    color: str = Field("", max_length=MAX_NAME)
    frame_id: str = Field("", max_length=256)
    position_m: tuple[Metres, Metres, Metres] | None = None
    std_m: float | None = Field(None, ge=0, allow_inf_nan=False)
    measured: str = Field("", max_length=32)
    last_seen_ns: Stamp
    seen: int = Field(0, ge=0, le=_INT64)
    gone: bool = False
    evidence: list[Id] = Field(default_factory=list, max_length=1000)
    checksum: Sum


class FleetFact(Request):
    """A value that was noted beside what was seen, and who or what noted it. ``source`` identifies
    the recording that it came with, empty for none; facts of one name, source and stamp are one."""

    id: Id
    name: Name
    value: Text = ""
    stamp_ns: Stamp
    noted_at_s: Seconds
    by: str = Field("", max_length=MAX_NAME)
    source: str = Field("", max_length=MAX_NAME)
    checksum: Sum


class FleetPlace(Request):
    """A place that a person named: a point, or the corners of a region, in ``frame_id``."""

    name: Name
    frame_id: str = Field("", max_length=256)
    segment: int = Field(0, ge=0, le=2**31 - 1)
    position_m: tuple[Metres, Metres]
    region: list[tuple[Metres, Metres]] = Field(default_factory=list, max_length=1000)


class Corrected(Request):
    """Everything that people corrected up to ``correction_id`` is told; the memory's last answer
    was ``answer_id`` then, and its last fact ``fact_id``."""

    correction_id: Id
    answer_id: Id
    fact_id: Id | None = None


class Batch(Request):
    """News of one memory.

    ``keyframes``, ``answers`` and ``facts`` continue after the ids ``after_keyframe``,
    ``after_answer`` and ``after_fact``; what the server has already is skipped. ``amended_…``
    replace what it has. ``objects`` are new or changed, ``objects_gone`` are no more. ``places``
    replace all places, null leaves them. Facts with stamps in ``forgotten_ns`` (first and last,
    inclusive) are deleted before others are taken in.
    """

    memory: MemoryId
    after_keyframe: Id = -1
    after_answer: Id = 0
    after_fact: Id = 0
    keyframes: list[FleetKeyframe] = Field(default_factory=list, max_length=MOST_ITEMS)
    answers: list[FleetAnswer] = Field(default_factory=list, max_length=MOST_ITEMS)
    amended_keyframes: list[FleetKeyframe] = Field(default_factory=list, max_length=MOST_ITEMS)
    amended_answers: list[FleetAnswer] = Field(default_factory=list, max_length=MOST_ITEMS)
    facts: list[FleetFact] = Field(default_factory=list, max_length=MOST_ITEMS)
    amended_facts: list[FleetFact] = Field(default_factory=list, max_length=MOST_ITEMS)
    forgotten_ns: list[tuple[Stamp, Stamp]] = Field(default_factory=list, max_length=MOST_ITEMS)
    objects: list[FleetObject] = Field(default_factory=list, max_length=MOST_ITEMS)
    objects_gone: list[Id] = Field(default_factory=list, max_length=MOST_ITEMS)
    places: list[FleetPlace] | None = Field(None, max_length=MOST_ITEMS)
    corrected: Corrected | None = None


class Audit(Request):
    """The checksums of what the memory holds with ids ``first`` to ``last`` inclusive, by table.

    Answers and objects in that range that are not named are deleted. Keyframes and facts are only
    compared: a memory drops the oldest after its own retention, and the server keeps them.
    """

    memory: MemoryId
    table: str = Field(pattern=r"^(keyframes|answers|objects|facts)$")
    first: Id
    last: Id
    sums: list[tuple[Id, Sum]] = Field(max_length=MOST_ITEMS)


class Audited(Reply):
    """The ids of rows that differ from the memory's; of objects and facts also of those that the
    server lacks."""

    wanted: list[int]


class CursorRequest(Request):
    """Asks how far the server is with a memory."""

    memory: MemoryId


class Restart(Request):
    """What the server has of a memory is to be deleted: it is not what the memory holds."""

    memory: MemoryId


class Cursor(Reply):
    """How far the server is with a memory: the last keyframe with its stamp, the last answer, the
    last correction, the last fact. ``fact_id`` is null if the server is too old to take facts."""

    keyframe_id: int = -1
    stamp_ns: int | None = None
    answer_id: int = 0
    correction_id: int = 0
    fact_id: int | None = None
