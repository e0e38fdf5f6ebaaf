"""Mentions to objects over time: which mention is which object, where it is, what has changed.

A fold over keyframes with their deltas, in order: the same keyframes give the same objects. Each
mention of a keyframe is assigned to at most one object and the other way round, so that two red
chairs in one picture are two. What can't be any known object is a new one. An object that is not
where it was, while one of its name is elsewhere, has moved and keeps its history.

Out of scope: the geometry (`geometry`, `rays`), where the camera was (`sessions`), what should have
been in view (`absence`), the tables (`embodied_agent.memory.objects`).
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from scipy.optimize import linear_sum_assignment  # type: ignore[import-untyped]

from embodied_agent.object_records import MapSession, ObjectChanges, ObjectPlace, Sighting
from embodied_agent.objects.absence import Shown, View, overlooked
from embodied_agent.objects.customs import Customs
from embodied_agent.objects.geometry import Ray, estimate, innovations
from embodied_agent.objects.naming import Name, difference, name_of
from embodied_agent.objects.rays import Camera, ray_of
from embodied_agent.objects.sessions import Sessions
from embodied_agent.objects.track import (
    MAX_PLACES,
    Track,
    join,
)
from embodied_agent.records import Box, Delta, Keyframe, Mention
from embodied_agent.settings.objects import ObjectSettings

#: Cost of a pair that can't be.
_NEVER = 1e6
#: An object was missed so often that one of its name elsewhere is taken for it; the second where
#: the name tells its colour.
_LOST, _LOST_ALIKE = 2, 1
#: Objects are located again when what is usual has changed by this part.
_CHANGED = 0.15
#: Two objects of one name are one where both fit one position with at most this misfit.
_AGREES = 3.0
#: Objects of one name that a mention or an object is compared with closely, at most.
_MOST_COMPARED = 4


class Tracker:
    """The objects of the present map session. Not thread-safe.

    Args:
        settings: of noise, gates and limits.
    """

    def __init__(self, settings: ObjectSettings) -> None:
        self._settings = settings
        self.sessions = Sessions(settings)
        self.tracks: dict[int, Track] = {}
        self._groups: dict[str, dict[int, None]] = {}  # ordered sets of ids
        self._customs = Customs()
        self._basis = (0.0, math.nan)  # what is usual, as of when objects were last located by it
        self._next_id = 1
        self.last_keyframe = -1

    def restore(self, state: str, tracks: Iterable[Track]) -> None:
        """Go on from `ObjectChanges.state` with the tracks of its session.

        Raises:
            KeyError, TypeError, ValueError: it is not one.
        """
        values = json.loads(state)
        self.sessions.restore(values["sessions"])
        self._next_id = int(values["next_id"])
        self.last_keyframe = int(values["keyframe_id"])
        self._clear()
        scale, floor = values["basis"]
        self._basis = float(scale), float(floor)
        for track in tracks:
            self._add(track)
            self._customs.update(track)

    def state(self) -> str:
        """What `restore` needs."""
        values: dict[str, Any] = {
            "sessions": self.sessions.state(),
            "next_id": self._next_id,
            "basis": self._basis,
            "keyframe_id": self.last_keyframe,
        }
        return json.dumps(values)

    def take_id(self) -> int:
        """The id of the next new object, which is used up."""
        self._next_id += 1
        return self._next_id - 1

    def fold(self, keyframe: Keyframe, delta: Delta) -> ObjectChanges:
        """Take in the next keyframe with its delta."""
        changes = ObjectChanges(keyframe.id)
        located = self.sessions.locate(keyframe)
        if located.began:
            changes.session = located.session
            self._clear()
        self.last_keyframe = keyframe.id
        mentions = [
            (rank, mention, name_of(mention.name))
            for rank, mention in enumerate(delta.mentions[: self._settings.max_mentions])
            if mention.name.strip()
        ]
        touched: dict[int, Track] = {}
        if located.camera is None:
            self._see_by_name(keyframe, located.session, mentions, changes, touched)
        else:
            self._see(keyframe, located.session, located.camera, mentions, changes, touched)
            if delta.usable:
                boxes = {rank: mention.box for rank, mention, _ in mentions}
                view = self._view(located.camera, boxes, changes)
                self._miss(keyframe, view, changes, touched)
                self._find_again(changes, touched)
        self._finish(changes, touched)
        return changes

    def skip(self, keyframe_id: int) -> ObjectChanges:
        """Go on after a keyframe that shows nothing that can be used."""
        self.last_keyframe = keyframe_id
        return ObjectChanges(keyframe_id, self.state())

    def _finish(self, changes: ObjectChanges, touched: dict[int, Track]) -> None:
        for number in sorted(touched):
            if number in self.tracks:
                track = touched[number]
                changes.objects.append((track.record(), json.dumps(track.state())))
        changes.state = self.state()

    # -- which mention is which object -----------------------------------------------------------

    def _see(
        self,
        keyframe: Keyframe,
        session: MapSession,
        camera: Camera,
        mentions: list[tuple[int, Mention, Name]],
        changes: ObjectChanges,
        touched: dict[int, Track],
    ) -> None:
        rays = [
            ray_of(keyframe.id, rank, mention, camera, self._settings)
            for rank, mention, _ in mentions
        ]
        names = [name for _, _, name in mentions]
        chosen = self._assign(names, rays)
        for (rank, _, name), ray, track in zip(mentions, rays, chosen, strict=True):
            if track is None:
                track = self._new(name, session, keyframe)
            elif not track.name.colors and name.colors:
                track.name = name  # the more exact name
            track.see(keyframe.id, keyframe.stamp_ns, ray)
            track.hits += 1
            touched[track.id] = track
            changes.sightings.append(Sighting(keyframe.id, rank, track.id, ray.values()))
        for track in list(touched.values()):
            self._settle(track)
        self._resettle(touched)
        self._join(changes, touched)

    def _settle(self, track: Track) -> None:
        track.settle(self._customs.usual(track))
        self._customs.update(track)

    def _resettle(self, touched: dict[int, Track]) -> None:
        """Where it has just become known what is usual, locate again what depends on it."""
        scale, floor = self._customs.basis
        before, floor_before = self._basis
        moved = abs(scale - before) > _CHANGED or (floor == floor) != (floor_before == floor_before)
        if not moved and not abs(floor - floor_before) > _CHANGED * math.exp(scale):
            return
        self._basis = scale, floor
        for track in list(self.tracks.values()):
            if not track.triangulated and track.rays:
                self._settle(track)
                touched[track.id] = track

    def _assign(self, names: list[Name], rays: list[Ray]) -> list[Track | None]:
        """The known object of each mention; ``None`` for a new one."""
        groups: dict[str, list[int]] = {}
        for index, name in enumerate(names):
            groups.setdefault(name.group, []).append(index)
        chosen: list[Track | None] = [None] * len(names)
        for group, indexes in groups.items():
            tracks = [
                track
                for number in self._groups.get(group, ())
                if (track := self.tracks[number]).estimate is not None
            ]
            if tracks:
                self._assign_group(indexes, names, rays, tracks, chosen)
        return chosen

    def _assign_group(
        self,
        indexes: list[int],
        names: list[Name],
        rays: list[Ray],
        tracks: list[Track],
        chosen: list[Track | None],
    ) -> None:
        positions = np.array([track.estimate.position for track in tracks if track.estimate])
        covariances = np.array([track.covariance for track in tracks])
        limit = self._settings.gate**2
        costs = np.full((len(indexes), len(tracks)), _NEVER)
        fits = np.zeros((len(indexes), len(tracks)), bool)
        for row, index in enumerate(indexes):
            squared, volumes = innovations(positions, covariances, rays[index])
            for column, track in enumerate(tracks):
                apart = difference(names[index], track.name)
                if apart is not None and squared[column] + apart <= limit:
                    fits[row, column] = True
                    noise = 2 * math.log(rays[index].across_rad * rays[index].up_rad)
                    costs[row, column] = squared[column] + apart + volumes[column] - noise
        free = set(range(len(tracks)))
        for row, at in zip(*linear_sum_assignment(costs), strict=True):
            if fits[row, at]:
                chosen[indexes[row]] = tracks[at]
                free.discard(int(at))
        for index in indexes:
            if chosen[index] is None and free:
                again = self._refitted(names[index], rays[index], tracks, free, positions)
                if again is not None:
                    chosen[index] = tracks[again]
                    free.discard(again)

    def _refitted(
        self, name: Name, ray: Ray, tracks: list[Track], free: set[int], positions: Any
    ) -> int | None:
        """The object whose rays all agree with ``ray`` at another position than now: one that was
        seen from too few places to be where it was thought to be."""
        offsets = np.linalg.norm(positions - np.array(ray.origin), axis=1)
        best: tuple[float, int] | None = None
        for column in sorted(free, key=lambda column: float(offsets[column]))[:_MOST_COMPARED]:
            track = tracks[column]
            if difference(name, track.name) is None or track.estimate is None:
                continue
            if track.triangulated:
                continue  # its place is known
            fit = estimate([*track.rays, ray], self._customs.usual(track))
            if fit.misfit <= _AGREES and (best is None or fit.misfit < best[0]):
                best = fit.misfit, column
        return None if best is None else best[1]

    def _see_by_name(
        self,
        keyframe: Keyframe,
        session: MapSession,
        mentions: list[tuple[int, Mention, Name]],
        changes: ObjectChanges,
        touched: dict[int, Track],
    ) -> None:
        """Without a place, a mention belongs to the one object of its name."""
        for rank, _, name in mentions:
            if sum(other.group == name.group for _, _, other in mentions) > 1:
                continue
            known = [
                self.tracks[number]
                for number in self._groups.get(name.group, ())
                if difference(name, self.tracks[number].name) is not None
            ]
            if len(known) > 1:
                continue
            track = known[0] if known else self._new(name, session, keyframe)
            track.see(keyframe.id, keyframe.stamp_ns, None)
            touched[track.id] = track
            changes.sightings.append(Sighting(keyframe.id, rank, track.id, None))

    def _new(self, name: Name, session: MapSession, keyframe: Keyframe) -> Track:
        track = Track(
            id=self.take_id(),
            session=session.id,
            frame_id=session.frame_id,
            measured=session.measured,
            name=name,
            first_seen_ns=keyframe.stamp_ns,
            last_seen_ns=keyframe.stamp_ns,
            since_ns=keyframe.stamp_ns,
        )
        self._add(track)
        return track

    def _add(self, track: Track) -> None:
        self.tracks[track.id] = track
        self._groups.setdefault(track.name.group, {})[track.id] = None

    def _clear(self) -> None:
        self.tracks, self._groups, self._customs = {}, {}, Customs()
        self._basis = (0.0, math.nan)

    def _drop(self, track: Track) -> None:
        self._customs.drop(track)
        del self.tracks[track.id]
        del self._groups[track.name.group][track.id]

    # -- two that are one ------------------------------------------------------------------------

    def _join(self, changes: ObjectChanges, touched: dict[int, Track]) -> None:
        """Join objects of one name that turn out to be in one place."""
        for number in sorted(touched):
            track = self.tracks.get(number)
            if track is None or track.estimate is None:
                continue
            for other in self._alike(track):
                fit = estimate([*track.rays, *other.rays], self._customs.usual(track))
                if fit.misfit > _AGREES:
                    continue
                older, newer = sorted((track, other), key=lambda one: one.id)
                self._absorb(older, newer, changes, touched)
                older.rays.sort(key=lambda ray: (ray.keyframe_id, ray.rank))
                self._settle(older)
                break

    def _alike(self, track: Track) -> list[Track]:
        """Objects that may be ``track``: of its name, close to it, never seen beside it."""
        assert track.estimate is not None
        others = []
        for number in self._groups[track.name.group]:
            other = self.tracks[number]
            if other is track or other.estimate is None:
                continue
            if difference(track.name, other.name) is None or other.id in track.apart:
                continue
            if track.keyframes & other.keyframes:
                continue
            offset = other.estimate.position - track.estimate.position
            spread = track.covariance + other.covariance
            squared = float(offset @ np.linalg.solve(spread, offset))
            if squared <= self._settings.gate**2:
                others.append((squared, number, other))
        return [other for _, _, other in sorted(others, key=lambda item: item[:2])][:_MOST_COMPARED]

    def _absorb(
        self, track: Track, other: Track, changes: ObjectChanges, touched: dict[int, Track]
    ) -> None:
        """``other`` is ``track``: its sightings become those of ``track``."""
        join(track, other)
        changes.joined.append((other.id, track.id))
        self._drop(other)
        for number in self._groups[track.name.group]:
            if other.id in self.tracks[number].apart:
                self.tracks[number].apart.add(track.id)
                touched[number] = self.tracks[number]
        touched.pop(other.id, None)
        touched[track.id] = track

    # -- what is not there any more --------------------------------------------------------------

    def _view(
        self, camera: Camera, boxes: Mapping[int, Box | None], changes: ObjectChanges
    ) -> View:
        """What the keyframe of ``changes`` shows; ``boxes`` by the rank of the mention."""
        joined = dict(changes.joined)
        seen = []
        for sighting in changes.sightings:
            number = sighting.object_id
            while number in joined:
                number = joined[number]
            seen.append(Shown(self.tracks[number], boxes[sighting.rank]))
        return View(camera, seen)

    def _miss(
        self, keyframe: Keyframe, view: View, changes: ObjectChanges, touched: dict[int, Track]
    ) -> None:
        x, y, z = (float(value) for value in view.camera.origin)
        for track, sure in overlooked(view, self.tracks.values()):
            if not track.miss(keyframe.id, keyframe.stamp_ns, (x, y, z), sure=sure):
                continue
            touched[track.id] = track
            moved = self._moved_to(track)
            if moved is not None:
                self._move(track, moved, changes, touched)
            elif track.gone_since_ns is None:
                needed = track.misses_needed(self._settings.gone_after)
                if len(track.missed_in) >= needed:
                    track.gone_since_ns = track.missed_since_ns

    def _find_again(self, changes: ObjectChanges, touched: dict[int, Track]) -> None:
        """An object that was missed, and the one of its name that turned up elsewhere, are one."""
        for number in sorted(touched):
            track = self.tracks.get(number)
            if track is None or track.missed_in:
                continue
            lost = [
                other
                for one in self._groups[track.name.group]
                if (other := self.tracks[one]) is not track
                and len(other.missed_in) >= (_LOST_ALIKE if _are_alike(track, other) else _LOST)
                and other.estimate is not None
                and other.last_seen_ns < track.first_seen_ns
                and other.id not in track.apart
                and difference(track.name, other.name) is not None
            ]
            if len(lost) == 1 and self._moved_to(lost[0]) is track:
                self._move(lost[0], track, changes, touched)

    def _moved_to(self, track: Track) -> Track | None:
        """The one object of the same name that appeared after ``track`` was last seen."""
        others = [
            other
            for number in self._groups[track.name.group]
            if (other := self.tracks[number]) is not track
            and other.estimate is not None
            and other.first_seen_ns > track.last_seen_ns
            and other.id not in track.apart
            and difference(track.name, other.name) is not None
        ]
        return others[0] if len(others) == 1 else None

    def _move(
        self, track: Track, moved: Track, changes: ObjectChanges, touched: dict[int, Track]
    ) -> None:
        assert track.estimate is not None
        x, y, z = (float(value) for value in track.estimate.position)
        place = ObjectPlace((x, y, z), track.since_ns or track.first_seen_ns, track.last_seen_ns)
        track.places = [*track.places, place][-MAX_PLACES:]
        track.rays, track.estimate = [], moved.estimate
        track.since_ns = moved.first_seen_ns
        self._absorb(track, moved, changes, touched)
        self._customs.update(track)


def _are_alike(one: Track, other: Track) -> bool:
    """Whether both are called the same, with a colour."""
    return bool(one.name.colors) and one.name.key == other.name.key
