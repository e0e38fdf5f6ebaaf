"""Where to stand and look from, to see an object of the memory.

However long the memory, few of its keyframes are considered: those that the object's position is
computed from, which are from places far apart, and the latest ones. What was driven lately is most
likely still free.

Out of scope: which of the robot's poses is best (`embodied_agent.objects.goals`).
"""

from __future__ import annotations

import json
from collections.abc import Iterable

from embodied_agent.errors import QuestionError
from embodied_agent.memory.objects import ObjectTable
from embodied_agent.memory.query import Reader
from embodied_agent.object_records import SeenObject
from embodied_agent.objects.geometry import Ray
from embodied_agent.objects.goals import Stand, area_of, choose
from embodied_agent.objects.rays import mount_on_body
from embodied_agent.objects.track import Track, restore
from embodied_agent.records import Goal, Keyframe
from embodied_agent.settings import ObjectSettings

#: Distance from which an object is seen whole, as a multiple of its size.
_WHOLE = 1.3
#: Most of the latest sightings of an object that are considered, and most of the latest keyframes
#: near it that do not show it.
MOST_SHOWN, MOST_DRIVEN = 256, 512


def goal_of(
    object_id: int, table: ObjectTable, source: Reader, settings: ObjectSettings
) -> Goal | None:
    """A pose on or near the driven path, facing an object; ``None`` if its position is not known
    well enough, or no such pose was driven.

    Args:
        object_id: the object.
        table: the objects.
        source: the memory that they are derived from.
        settings: of objects.

    Raises:
        QuestionError: there is no such object.
        StoreError: the memory can't be read.
    """
    one = table.find(object_id)
    if one is None:
        raise QuestionError(f"there is no object {object_id}; see the list of objects")
    session = next((each for each in table.sessions() if each.id == one.session), None)
    if one.position_m is None or session is None or session.measured != "poses":
        return None
    position, begin, segment, frame_id = (
        one.position_m,
        session.keyframe_id,
        session.segment,
        session.frame_id,
    )
    later = min(
        (each.keyframe_id for each in table.sessions() if each.id > session.id), default=None
    )
    last_id = source.last_id() if later is None else later - 1
    followed = table.followed(ids=[object_id])
    if not followed:
        return None
    track = _restored(*followed[0], table)
    shown = {
        each.keyframe_id for each in table.sightings(object_ids=[object_id], latest=MOST_SHOWN)
    }
    shown.update(ray.keyframe_id for ray in track.rays)

    def stands(keyframes: Iterable[Keyframe]) -> list[Stand]:
        return [
            Stand(each.id, each.stamp_ns, each.pose, mount_on_body(each, settings))
            for each in keyframes
            if each.pose is not None
            and each.pose.frame_id == frame_id
            and each.segment == segment
            and begin <= each.id <= last_id
        ]

    clear = stands(source.keyframes_of(shown))

    def others() -> list[Stand]:
        driven = source.keyframes(
            since=begin,
            until=last_id,
            segment=segment,
            within=area_of(position, clear),
            latest=MOST_DRIVEN,
        )
        return stands(driven)

    preferred = max(settings.goal_distance_m, _WHOLE * track.extent_m)
    chosen = choose(position, clear, others, preferred, last_id=last_id)
    if chosen is None:
        return None
    stand, pose = chosen
    return Goal(pose, stand.stamp_ns, session.id, object_id, stand.keyframe_id)


def _restored(record: SeenObject, state: str, table: ObjectTable) -> Track:
    """The track of an object, from the few sightings that its position is computed from."""
    values = json.loads(state)
    sightings = table.sightings_at((number, rank) for number, rank in values["rays"])
    rays = [Ray.of(s.keyframe_id, s.rank, s.ray) for s in sightings if s.ray is not None]
    return restore(record, values, rays)
