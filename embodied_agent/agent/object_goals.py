"""Where to stand and look from, to see an object of the memory.

Out of scope: which of the robot's poses is best (`embodied_agent.objects.goals`).
"""

from __future__ import annotations

from embodied_agent.agent.corrections import load_tracks
from embodied_agent.errors import QuestionError
from embodied_agent.memory.objects import ObjectTable
from embodied_agent.memory.query import Reader
from embodied_agent.objects.goals import Stand, area_of, choose
from embodied_agent.objects.rays import mount_on_body
from embodied_agent.records import Goal
from embodied_agent.settings import ObjectSettings

#: Distance from which an object is seen whole, as a multiple of its size.
_WHOLE = 1.3


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
    later = [each.keyframe_id for each in table.sessions() if each.id > session.id]
    shown = {each.keyframe_id for each in table.sightings(object_ids=[object_id])}
    seers = [
        Stand(each.id, each.stamp_ns, each.pose, mount_on_body(each, settings))
        for each in source.keyframes_of(shown)
        if each.pose is not None
    ]
    keyframes = source.keyframes(
        since=session.keyframe_id,
        segment=session.segment,
        within=area_of(one.position_m, seers),
    )
    stands = [
        Stand(each.id, each.stamp_ns, each.pose, mount_on_body(each, settings))
        for each in keyframes
        if each.pose is not None
        and each.pose.frame_id == session.frame_id
        and (not later or each.id < min(later))
    ]
    track = load_tracks(table, ids=[object_id])[object_id]
    preferred = max(settings.goal_distance_m, _WHOLE * track.extent_m)
    chosen = choose(one.position_m, stands, shown, preferred)
    if chosen is None:
        return None
    stand, pose = chosen
    return Goal(pose, stand.stamp_ns, session.id, object_id, stand.keyframe_id)
