"""The records of objects and places: what is where, since when, and what people said about it.

Conventions are those of `embodied_agent.records`. Every position belongs to a map session
(`MapSession`); positions of different sessions can't be compared.

Out of scope: how positions come about (`embodied_agent.objects`), tables (`memory.objects`).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, get_args

import numpy as np

from embodied_agent.records import Pose

#: What positions are made of: the poses of the camera, or dead reckoning from its egomotion.
Measured = Literal["poses", "egomotion"]
#: Why a map session began.
SessionReason = Literal["first", "restart", "frame", "relocalisation"]
CorrectionKind = Literal["forget", "relabel", "merge", "split", "annotate"]
CORRECTION_KINDS: tuple[CorrectionKind, ...] = get_args(CorrectionKind)
#: A mention in the memory: the keyframe's id, and the mention's index in its delta.
MentionRef = tuple[int, int]
Vector = tuple[float, float, float]
#: Corners of an area on the floor plan, (x, y) in metres.
Polygon = tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True)
class MapSession:
    """A span of the memory within which positions can be compared.

    It begins with keyframe ``keyframe_id`` at ``started_ns``, for the ``reason``: the first of the
    memory, a restart of process, recording or clock, another ``frame_id`` of the poses, or a
    relocalisation, which is a pose that jumps. Without poses ``frame_id`` is "" and positions are
    relative to the camera's at the start: x ahead, y left, z up.
    """

    id: int
    frame_id: str
    started_ns: int
    keyframe_id: int
    segment: int = 0
    measured: Measured = "poses"
    reason: SessionReason = "first"


@dataclass(frozen=True, slots=True)
class ObjectPlace:
    """Where an object was before it moved: metres, and stamps in nanoseconds."""

    position_m: Vector
    first_seen_ns: int
    last_seen_ns: int


@dataclass(frozen=True, slots=True)
class SeenObject:
    """One object in the world, as the memory knows it.

    ``name`` is what perceivers call it, or a person where ``label`` is not empty; ``kind`` and
    ``color`` are read from it ("" where it names none). ``position_m`` (x, y, z) and
    ``covariance_m2`` (3 by 3, row by row, in square metres) are those of its middle, in
    ``frame_id`` and within the map session ``session``; ``None`` while it can't be located.
    ``measured`` says from what; by "egomotion" a position is rough, and its scale is a guess.

    ``seen`` counts the keyframes that show it. ``missed`` counts how often in a row it should have
    been in view since and was not; after several times it is gone since ``gone_since_ns``.
    ``evidence`` are ids of keyframes that show it, newest last, and ``missed_in`` of those that
    don't. ``places`` are where it was before it moved, oldest first. ``note`` is a person's.
    """

    id: int
    name: str
    color: str
    kind: str
    session: int
    frame_id: str
    position_m: Vector | None
    covariance_m2: tuple[float, ...] | None
    measured: Measured
    first_seen_ns: int
    last_seen_ns: int
    seen: int
    missed: int = 0
    gone_since_ns: int | None = None
    evidence: tuple[int, ...] = ()
    label: str = ""
    missed_in: tuple[int, ...] = ()
    places: tuple[ObjectPlace, ...] = ()
    note: str = ""

    @property
    def std_m(self) -> float | None:
        """Standard deviation of the position in its least certain direction, in metres."""
        if self.covariance_m2 is None:
            return None
        matrix = np.array(self.covariance_m2).reshape(3, 3)
        return float(np.sqrt(max(float(np.linalg.eigvalsh(matrix)[-1]), 0.0)))


@dataclass(frozen=True, slots=True)
class Correction:
    """What a person says about the memory; ``by`` whom, and ``at_s``, seconds since 1970.

    - ``forget``: the object ``object_id``, everything seen from ``from_ns`` to ``to_ns``
      (inclusive, of the sensor's clock), or everything in and seen from ``region`` of ``session``.
      It is removed from the file, pictures included.
    - ``relabel``: ``object_id`` is called ``text`` from now on.
    - ``merge``: ``other_id`` is the same object as ``object_id``, and becomes part of it.
    - ``split``: what the keyframes ``keyframes`` show as ``object_id`` is another object.
    - ``annotate``: ``text`` is noted about ``object_id``; "" removes the note.

    ``id``, ``after`` (the last keyframe that the object table held), ``mentions`` and
    ``other_mentions`` (those of both objects at that time) are filled in when it is stored: they
    find the objects again where the table is rebuilt.
    """

    kind: CorrectionKind
    by: str
    object_id: int | None = None
    other_id: int | None = None
    text: str = ""
    keyframes: tuple[int, ...] = ()
    from_ns: int | None = None
    to_ns: int | None = None
    region: Polygon = ()
    session: int | None = None
    at_s: float = 0.0
    id: int | None = None
    after: int = -1
    mentions: tuple[MentionRef, ...] = ()
    other_mentions: tuple[MentionRef, ...] = ()


@dataclass(frozen=True, slots=True)
class NamedPlace:
    """A place that a person named, such as "dock": a ``pose`` or a ``region`` (corners on the floor
    plan) in ``frame_id``, within the map session ``session``; ``by`` whom, and ``at_s``, seconds
    since 1970. Exactly one of both is set."""

    name: str
    session: int
    frame_id: str
    by: str
    pose: Pose | None = None
    region: Polygon = ()
    at_s: float = 0.0

    @property
    def position_m(self) -> Vector:
        """The place as one point: the pose's, or the middle of the region's corners, z = 0."""
        if self.pose is not None:
            return self.pose.position_m
        x, y = np.mean(np.array(self.region), axis=0)
        return float(x), float(y), 0.0


#: The events of standing questions: an object comes into view, or is no longer where it was.
AlertEvent = Literal["seen", "gone"]


@dataclass(frozen=True, slots=True)
class StandingQuestion:
    """A standing question: report ``event`` of the objects that ``name`` means; ``by`` whom.

    ``text`` is the wish in the person's words, and ``place`` the named place at which it counts; ""
    is anywhere. ``webhook`` is an address that alerts are posted to; "" for none. ``at_s`` is when
    it was made, in seconds since 1970, and ``after`` the last keyframe that there was: nothing
    before it is reported. ``id`` is set when it is stored.
    """

    name: str
    event: AlertEvent
    by: str
    text: str = ""
    place: str = ""
    webhook: str = ""
    at_s: float = 0.0
    after: int = -1
    id: int | None = None


@dataclass(frozen=True, slots=True)
class Alert:
    """What a standing question waited for has happened: ``text`` says it in a sentence.

    Keyframe ``keyframe_id``, at ``stamp_ns`` and ``pose``, shows it. ``object_id`` is the object,
    if the memory knows it as one. ``at_s`` is when it was found, in seconds since 1970. ``id``
    grows by one per alert of a memory, from 1.
    """

    id: int
    question_id: int
    event: AlertEvent
    name: str
    text: str
    keyframe_id: int
    stamp_ns: int
    pose: Pose | None = None
    object_id: int | None = None
    at_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Sighting:
    """The mention ``rank`` of a keyframe shows the object ``object_id``. ``ray`` are the numbers of
    its ray (`embodied_agent.objects.geometry.Ray`); ``None`` where the camera's place is unknown.
    """

    keyframe_id: int
    rank: int
    object_id: int
    ray: tuple[float, ...] | None = None


@dataclass(slots=True)
class ObjectChanges:
    """What changes in the table of objects with keyframe ``keyframe_id``, the last that it holds.
    ``correction_id`` is the last correction that it holds, 0 for none.

    ``objects`` come with what is needed to follow them further, as JSON. All sightings of the first
    of ``joined`` are those of the second from now on, and the first is no object any more.
    ``state`` is what is needed to go on with the next keyframe, as JSON.
    """

    keyframe_id: int
    state: str = ""
    objects: list[tuple[SeenObject, str]] = field(default_factory=list)
    sightings: list[Sighting] = field(default_factory=list)
    joined: list[tuple[int, int]] = field(default_factory=list)
    session: MapSession | None = None
    correction_id: int = 0
