"""Objects that are not where they were: missed, gone, or moved to where one of their name is now.

An object that has moved keeps its history.

Out of scope: what should have been in view (`absence`), which mention is which object
(`assignment`).
"""

from __future__ import annotations

from embodied_agent.object_records import ObjectPlace
from embodied_agent.objects.absence import View, overlooked
from embodied_agent.objects.naming import may_have_moved
from embodied_agent.objects.track import MAX_PLACES, Track
from embodied_agent.objects.tracks import Step, Tracks
from embodied_agent.records import Keyframe
from embodied_agent.settings.objects import ObjectSettings

#: An object was missed so often that one of its name elsewhere is taken for it; the second where
#: the name tells its colour.
_LOST, _LOST_ALIKE = 2, 1


def note_missed(
    keyframe: Keyframe, view: View, tracks: Tracks, step: Step, settings: ObjectSettings
) -> None:
    """Take note of the objects that ``keyframe`` should show and does not."""
    x, y, z = (float(value) for value in view.camera.origin)
    for track, missing in overlooked(view, tracks.by_id.values()):
        moved = _moved_to(track, tracks)
        if missing == "in part":
            if moved is not None and _are_alike(track, moved):
                track.miss(keyframe.id, keyframe.stamp_ns, (x, y, z), sure=False)
                _move(track, moved, tracks, step)
            elif not track.doubted:
                track.doubted = True
                step.touched[track.id] = track
            continue
        if not track.miss(keyframe.id, keyframe.stamp_ns, (x, y, z), sure=missing == "surely"):
            continue
        step.touched[track.id] = track
        if moved is not None:
            _move(track, moved, tracks, step)
        elif track.gone_since_ns is None:
            needed = track.misses_needed(settings.gone_after)
            if len(track.missed_in) >= needed:
                track.gone_since_ns = track.missed_since_ns


def find_again(tracks: Tracks, step: Step) -> None:
    """An object that was missed, and the one of its name that turned up elsewhere, are one."""
    for number in sorted(step.touched):
        track = tracks.by_id.get(number)
        if track is None or track.missed_in or track.doubted:
            continue
        lost = [
            other
            for other in tracks.of_group(track.name)
            if other is not track
            and _is_lost(other, alike=_are_alike(track, other))
            and other.estimate is not None
            and other.last_seen_ns < track.first_seen_ns
            and other.id not in track.apart
            and may_have_moved(track.name, other.name)
        ]
        if len(lost) == 1 and _moved_to(lost[0], tracks) is track:
            _move(lost[0], track, tracks, step)


def _is_lost(track: Track, *, alike: bool) -> bool:
    """Whether it was missed often enough to be taken for one that is elsewhere."""
    if alike:
        return track.doubted or len(track.missed_in) >= _LOST_ALIKE
    return len(track.missed_in) >= _LOST


def _moved_to(track: Track, tracks: Tracks) -> Track | None:
    """The one object of the same name that appeared after ``track`` was last seen."""
    others = [
        other
        for other in tracks.of_group(track.name)
        if other is not track
        and other.estimate is not None
        and other.first_seen_ns > track.last_seen_ns
        and other.id not in track.apart
        and may_have_moved(track.name, other.name)
    ]
    return others[0] if len(others) == 1 else None


def _move(track: Track, moved: Track, tracks: Tracks, step: Step) -> None:
    assert track.estimate is not None
    x, y, z = (float(value) for value in track.estimate.position)
    place = ObjectPlace((x, y, z), track.since_ns or track.first_seen_ns, track.last_seen_ns)
    track.places = [*track.places, place][-MAX_PLACES:]
    track.rays, track.estimate = [], moved.estimate
    track.since_ns = moved.first_seen_ns
    tracks.absorb(track, moved, step)
    tracks.note_custom(track)


def _are_alike(one: Track, other: Track) -> bool:
    """Whether both are called the same, with a colour."""
    return bool(one.name.colors) and one.name.key == other.name.key
