"""What corrections by people do to objects: two become one, one becomes two.

Out of scope: finding the objects that a correction means, and storing the result
(`embodied_agent.agent.corrections`).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from embodied_agent.object_records import Sighting
from embodied_agent.objects.geometry import Ray
from embodied_agent.objects.track import MAX_EVIDENCE, Track, join


def merge(track: Track, other: Track) -> None:
    """``other`` is part of ``track`` from now on."""
    join(track, other)
    track.apart.discard(other.id)
    track.rays.sort(key=lambda ray: (ray.keyframe_id, ray.rank))
    track.settle()


def split(
    track: Track,
    sightings: Sequence[Sighting],
    stamps_ns: dict[int, int],
    keyframes: Collection[int],
    new_id: int,
) -> Track:
    """What ``keyframes`` show of ``track`` becomes another object, which is returned.

    Args:
        track: loses these sightings.
        sightings: all of it, in keyframe order.
        stamps_ns: of their keyframes, by id.
        keyframes: of the new object; some and not all of them show ``track``.
        new_id: of the new object.
    """
    other = Track(
        id=new_id,
        session=track.session,
        frame_id=track.frame_id,
        measured=track.measured,
        name=track.name,
        first_seen_ns=0,
        last_seen_ns=0,
    )
    for part, kept in ((track, False), (other, True)):
        own = [one for one in sightings if (one.keyframe_id in keyframes) is kept]
        _refill(part, own, stamps_ns)
    track.apart.add(other.id)
    other.apart.add(track.id)
    return other


def _refill(track: Track, sightings: Sequence[Sighting], stamps_ns: dict[int, int]) -> None:
    numbers = sorted({one.keyframe_id for one in sightings})
    track.seen, track.evidence = len(numbers), numbers[-MAX_EVIDENCE:]
    track.first_seen_ns = stamps_ns[numbers[0]]
    track.last_seen_ns = stamps_ns[numbers[-1]]
    track.since_ns = track.first_seen_ns
    track.missed_in, track.missed_since_ns, track.gone_since_ns = [], None, None
    track.missed_from = []
    track.places, track.longest_m = [], 0.0
    track.rays = [
        Ray.of(one.keyframe_id, one.rank, one.ray) for one in sightings if one.ray is not None
    ]
    track.rays.sort(key=lambda ray: (ray.keyframe_id, ray.rank))
    track.settle()
