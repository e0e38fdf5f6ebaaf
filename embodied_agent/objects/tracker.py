"""Mentions to objects over time: which objects there are, where they are, what has changed.

A fold over keyframes with their deltas, in order: the same keyframes give the same objects. Each
mention of a keyframe is assigned to an object or begins a new one (`assignment`); an object that is
not where it was, while one of its name is elsewhere, has moved (`moving`).

Out of scope: the geometry (`geometry`, `rays`), where the camera was (`sessions`), what should have
been in view (`absence`), the tables (`embodied_agent.memory.objects`).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from embodied_agent.images import read_depth
from embodied_agent.object_records import MapSession, ObjectChanges, Sighting
from embodied_agent.objects.absence import Shown, View
from embodied_agent.objects.assignment import assign, join_alike
from embodied_agent.objects.moving import find_again, note_missed
from embodied_agent.objects.naming import Name, difference, name_of
from embodied_agent.objects.rays import Camera, ray_of
from embodied_agent.objects.sessions import Sessions
from embodied_agent.objects.track import Track
from embodied_agent.objects.tracks import Step, Tracks
from embodied_agent.records import Box, Delta, Keyframe, Mention
from embodied_agent.settings.objects import ObjectSettings


class Tracker:
    """The objects of the present map session. Not thread-safe.

    Args:
        settings: of noise, gates and limits.
    """

    def __init__(self, settings: ObjectSettings) -> None:
        self._settings = settings
        self.sessions = Sessions(settings)
        self._tracks = Tracks()
        self._next_id = 1
        self.last_keyframe = -1

    @property
    def tracks(self) -> Mapping[int, Track]:
        """The objects, by id."""
        return self._tracks.by_id

    def restore(self, state: str, tracks: Iterable[Track]) -> None:
        """Go on from `ObjectChanges.state` with the tracks of its session.

        Raises:
            KeyError, TypeError, ValueError: it is not one.
        """
        values = json.loads(state)
        self.sessions.restore(values["sessions"])
        self._next_id = int(values["next_id"])
        self.last_keyframe = int(values["keyframe_id"])
        self._tracks.clear()
        scale, floor = values["basis"]
        self._tracks.basis = float(scale), float(floor)
        for track in tracks:
            self._tracks.add(track)
            self._tracks.note_custom(track)

    def state(self) -> str:
        """What `restore` needs."""
        values: dict[str, Any] = {
            "sessions": self.sessions.state(),
            "next_id": self._next_id,
            "basis": self._tracks.basis,
            "keyframe_id": self.last_keyframe,
        }
        return json.dumps(values)

    def take_id(self) -> int:
        """The id of the next new object, which is used up."""
        self._next_id += 1
        return self._next_id - 1

    def fold(self, keyframe: Keyframe, delta: Delta) -> ObjectChanges:
        """Take in the next keyframe with its delta."""
        step = Step(ObjectChanges(keyframe.id))
        located = self.sessions.locate(keyframe)
        if located.began:
            step.changes.session = located.session
            self._tracks.clear()
        self.last_keyframe = keyframe.id
        mentions = [
            (rank, mention, name_of(mention.name))
            for rank, mention in enumerate(delta.mentions[: self._settings.max_mentions])
            if mention.name.strip()
        ]
        if located.camera is None:
            self._see_by_name(keyframe, located.session, mentions, step)
        else:
            self._see(keyframe, located.session, located.camera, mentions, step)
            if delta.usable:
                boxes = {rank: mention.box for rank, mention, _ in mentions}
                view = self._view(located.camera, boxes, step.changes, keyframe)
                note_missed(keyframe, view, self._tracks, step, self._settings)
                find_again(self._tracks, step)
        return self._finished(step)

    def skip(self, keyframe_id: int) -> ObjectChanges:
        """Go on after a keyframe that shows nothing that can be used."""
        self.last_keyframe = keyframe_id
        return ObjectChanges(keyframe_id, self.state())

    def _finished(self, step: Step) -> ObjectChanges:
        for number in sorted(step.touched):
            if number in self.tracks:
                track = step.touched[number]
                step.changes.objects.append((track.record(), json.dumps(track.state())))
        step.changes.state = self.state()
        return step.changes

    def _see(
        self,
        keyframe: Keyframe,
        session: MapSession,
        camera: Camera,
        mentions: list[tuple[int, Mention, Name]],
        step: Step,
    ) -> None:
        rays = [
            ray_of(keyframe.id, rank, mention, camera, self._settings)
            for rank, mention, _ in mentions
        ]
        names = [name for _, _, name in mentions]
        chosen = assign(names, rays, self._tracks, self._settings)
        for (rank, _, name), ray, track in zip(mentions, rays, chosen, strict=True):
            if track is None:
                track = self._new(name, session, keyframe)
            elif not track.name.colors and name.colors:
                track.name = name  # the more exact name
            track.see(keyframe.id, keyframe.stamp_ns, ray)
            track.hits += 1
            step.touched[track.id] = track
            step.changes.sightings.append(Sighting(keyframe.id, rank, track.id, ray.values()))
        for track in list(step.touched.values()):
            self._tracks.settle(track)
        self._tracks.resettle(step)
        join_alike(self._tracks, step, self._settings)

    def _see_by_name(
        self,
        keyframe: Keyframe,
        session: MapSession,
        mentions: list[tuple[int, Mention, Name]],
        step: Step,
    ) -> None:
        """Without a place, a mention belongs to the one object of its name."""
        for rank, _, name in mentions:
            if sum(other.group == name.group for _, _, other in mentions) > 1:
                continue
            known = [
                track
                for track in self._tracks.of_group(name)
                if difference(name, track.name) is not None
            ]
            if len(known) > 1:
                continue
            track = known[0] if known else self._new(name, session, keyframe)
            track.see(keyframe.id, keyframe.stamp_ns, None)
            step.touched[track.id] = track
            step.changes.sightings.append(Sighting(keyframe.id, rank, track.id, None))

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
        self._tracks.add(track)
        return track

    def _view(
        self,
        camera: Camera,
        boxes: Mapping[int, Box | None],
        changes: ObjectChanges,
        keyframe: Keyframe,
    ) -> View:
        """What the keyframe of ``changes`` shows; ``boxes`` by the rank of the mention."""
        joined = dict(changes.joined)
        seen = []
        for sighting in changes.sightings:
            number = sighting.object_id
            while number in joined:
                number = joined[number]
            seen.append(Shown(self.tracks[number], boxes[sighting.rank]))
        return View(camera, seen, read_depth(keyframe.depth))
