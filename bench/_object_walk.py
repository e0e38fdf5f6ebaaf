"""One clip's mentions, folded into a memory, as `bench.objects` measures it.

The boxes and the poses that the memory gets are those of the truth with noise. The poses can also
be wrong about where the camera looks, and the camera's calibration about its focal length.

Out of scope: what came of it, compared with the truth (`bench._object_comparison`).
"""

from __future__ import annotations

import base64
import time
from collections import Counter
from dataclasses import replace

import numpy as np

from bench._object_views import HEIGHT, WIDTH, Seen, Shot, Views, egomotion_of
from embodied_agent.agent.object_memory import ObjectMemory
from embodied_agent.memory.store import Store
from embodied_agent.objects.rays import quaternion as quaternion_of
from embodied_agent.optics import angles_at, assumed
from embodied_agent.perception.ranging import with_ranges
from embodied_agent.records import Box, Delta, Mention, Pose, direction_at
from embodied_agent.settings import MemorySettings, ObjectSettings
from embodied_agent.sources.bags.transforms import multiply
from sim_clips.record import quaternion
from sim_clips.scene import CameraPose

#: Standard deviations of the noise: a pose's position (metres) and angles (degrees), and the edges
#: of boxes (pixels of 320×240).
POSE_M, POSE_DEG, EDGE_PX = 0.03, 0.5, 1.0


class Walk:
    """One clip's mentions, folded into a memory."""

    def __init__(
        self,
        views: Views,
        names: str,
        poses: str,
        seed: int,
        turned_deg: float = 0.0,
        focal: float = 1.0,
    ) -> None:
        self.views = views
        self._names = names
        self._poses = poses
        self._turned = quaternion_of(-turned_deg)
        self._rng = np.random.default_rng(seed)
        true = assumed(WIDTH, HEIGHT, views.hfov_deg)
        self._lens = replace(true, fx=true.fx * focal, fy=true.fy * focal)
        self.store = Store.open("", MemorySettings())
        self.memory = ObjectMemory(self.store, ObjectSettings())
        self.true_of: dict[tuple[int, int], int] = {}
        self.fold_ms: list[float] = []

    def step(self, shot: Shot) -> int:
        """Fold one keyframe; returns its id."""
        keyframe = self.store.add_keyframe(
            stamp_ns=shot.stamp_ns,
            jpeg=b"",
            depth=base64.b64decode(shot.depth),
            width=WIDTH,
            height=HEIGHT,
            reason="overlap",
            segment=0,
            egomotion=egomotion_of(shot),
            pose=None if self._poses == "none" else self._pose(shot.pose),
            intrinsics=self._lens,
        )
        for rank, seen in enumerate(shot.seen):
            self.true_of[keyframe.id, rank] = seen.id
        plain = Delta(keyframe.id, None, mentions=tuple(map(self._mention, shot.seen)))
        delta = with_ranges(plain, keyframe, self.views.hfov_deg)
        self.store.commit_delta(delta)
        started = time.thread_time()
        self.memory.add(keyframe, delta)
        self.fold_ms.append((time.thread_time() - started) * 1e3)
        return keyframe.id

    def _pose(self, pose: CameraPose) -> Pose:
        x, y, z, yaw, pitch = self._rng.normal(0.0, [POSE_M] * 3 + [POSE_DEG] * 2)
        noisy = CameraPose(
            pose.x + x, pose.y + y, pose.z + z, pose.yaw_deg + yaw, pose.pitch_deg + pitch
        )
        turn = multiply(quaternion(noisy), self._turned)
        return Pose((noisy.x, noisy.y, noisy.z), turn, "odom")

    def _mention(self, seen: Seen) -> Mention:
        jitter = self._rng.normal(0.0, EDGE_PX, 4) / [WIDTH, HEIGHT, WIDTH, HEIGHT]
        left, top, right, bottom = np.clip(np.array(seen.box) + jitter, 0.0, 1.0)
        box = Box(float(left), float(top), float(right), float(bottom))
        bearing, elevation = angles_at(
            self._lens, (box.left + box.right) / 2, (box.top + box.bottom) / 2
        )
        name = seen.name.split(" ", 1)[1] if self._names == "kind" else seen.name
        return Mention(
            name,
            direction_at(bearing),
            seen.distance,  # type: ignore[arg-type]
            box=box,
            bearing_deg=bearing,
            elevation_deg=elevation,
            confidence=0.9,
        )

    def contents(self) -> dict[int, Counter[int]]:
        """The true objects that each object of the table was made of."""
        made: dict[int, Counter[int]] = {}
        for one in self.memory.objects():
            sightings = self.store.objects.sightings(object_ids=[one.id])
            made[one.id] = Counter(self.true_of[s.keyframe_id, s.rank] for s in sightings)
        return made
