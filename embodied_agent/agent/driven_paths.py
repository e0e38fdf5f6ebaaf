"""Reads the path that the robot drove from the poses of its keyframes.

A pose that jumps and comes back is left out, as for objects, and only the latest map session
counts: positions in another one can't be compared with these.

Out of scope: sentences about the path (`embodied_agent.rules.about_path`).
"""

from __future__ import annotations

import numpy as np

from embodied_agent.memory.query import Reader
from embodied_agent.objects.sessions import Sessions
from embodied_agent.rules.driven_path import DrivenPath
from embodied_agent.settings import ObjectSettings

#: The latest keyframes that are read: a longer path is told from there.
_MOST_READ = 10_000


def driven_path(last_id: int, keyframes: Reader, settings: ObjectSettings) -> DrivenPath | None:
    """The path up to a keyframe, in the map session of that; ``None`` without poses.

    Args:
        last_id: the last keyframe that may be used.
        keyframes: the memory.
        settings: which poses are jumps.

    Raises:
        StoreError: the memory can't be read.
    """
    latest = next(iter(keyframes.keyframes_of([last_id])), None)
    if latest is None:
        return None
    sessions = Sessions(settings)
    ids: list[int] = []
    positions_m: list[tuple[float, float, float]] = []
    since = max(0, last_id + 1 - _MOST_READ)
    for keyframe in keyframes.keyframes(since=since, segment=latest.segment, limit=_MOST_READ):
        if keyframe.id > last_id:
            break
        located = sessions.locate(keyframe)
        if located.began:
            ids, positions_m = [], []
        if located.session.measured != "poses" or located.camera is None or keyframe.pose is None:
            continue
        ids.append(keyframe.id)
        positions_m.append(keyframe.pose.position_m)
    return DrivenPath(tuple(ids), np.array(positions_m, dtype=float)) if ids else None
