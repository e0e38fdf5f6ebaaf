"""The records that flow through the agent: frozen dataclasses with almost no behaviour.

Conventions in every module:

- Stamps are integer nanoseconds of the sensor's clock (``stamp_ns``), never the wall clock.
- Images are ``uint8`` arrays, ``(height, width, 3)`` in BGR order or ``(height, width)`` grey.
- Poses follow REP-103: x forward, y left, z up, metres; quaternions are ``(x, y, z, w)``.
- Directions are relative to the camera's heading at the keyframe that names them.

A frame (`frames`) becomes a keyframe or not (`keyframes`, with `motion`); a delta (`deltas`, with
`directions`) says what it shows, and questions are answered from the deltas (`questions`).

Out of scope: records as JSON (`embodied_agent.codec`), pixels (`embodied_agent.images`).
"""

from __future__ import annotations

from embodied_agent.records.deltas import (
    SUMMARY_ONLY,
    Box,
    Delta,
    Mention,
)
from embodied_agent.records.directions import (
    DIRECTION_LIMITS_DEG,
    DIRECTIONS,
    DISTANCES,
    Direction,
    Distance,
    direction_at,
    wrapped_deg,
)
from embodied_agent.records.frames import (
    CameraMount,
    Depth,
    Frame,
    Image,
    Intrinsics,
    Mount,
    Pose,
)
from embodied_agent.records.keyframes import (
    DOUBTFUL,
    DOUBTFUL_SUPPORT,
    Decision,
    Keyframe,
    Reason,
)
from embodied_agent.records.motion import (
    Action,
    Egomotion,
)
from embodied_agent.records.questions import (
    ANSWER_STATUSES,
    Answer,
    AnswerStatus,
    Evidence,
    Fact,
    Goal,
    Question,
)

__all__ = [
    "ANSWER_STATUSES",
    "DIRECTIONS",
    "DIRECTION_LIMITS_DEG",
    "DISTANCES",
    "DOUBTFUL",
    "DOUBTFUL_SUPPORT",
    "SUMMARY_ONLY",
    "Action",
    "Answer",
    "AnswerStatus",
    "Box",
    "CameraMount",
    "Decision",
    "Delta",
    "Depth",
    "Direction",
    "Distance",
    "Egomotion",
    "Evidence",
    "Fact",
    "Frame",
    "Goal",
    "Image",
    "Intrinsics",
    "Keyframe",
    "Mention",
    "Mount",
    "Pose",
    "Question",
    "Reason",
    "direction_at",
    "wrapped_deg",
]
