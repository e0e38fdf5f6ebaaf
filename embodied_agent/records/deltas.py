"""What the perceiver saw: what changed between two keyframes, and the objects in view.

Out of scope: objects across keyframes (`embodied_agent.object_records`).
"""

from __future__ import annotations

from dataclasses import dataclass

from embodied_agent.records.directions import Direction, Distance
from embodied_agent.records.motion import Action


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle in an upright picture, in fractions of its width and height: (0, 0) is the top
    left corner, (1, 1) the bottom right one."""

    left: float
    top: float
    right: float
    bottom: float


@dataclass(frozen=True, slots=True)
class Mention:
    """One object that a delta names: its ``name``, such as "red sofa", and where it is.

    What follows ``distance`` is ``None`` unless the perceiver measured it. ``box`` is where the
    object is in the picture. ``bearing_deg`` is its horizontal angle from the camera's heading
    (from the robot's, if it has several cameras), positive to the left, in (-180, 180];
    ``elevation_deg`` the vertical one, positive upward. Both point at the middle of the box, and
    are relative to the camera as it is tilted.
    ``range_m`` is its distance from the camera in metres, and ``range_std_m`` the standard
    deviation of that, known where depth tells it. ``confidence`` in [0, 1] is how sure the
    perceiver is that the object is there.
    """

    name: str
    direction: Direction
    distance: Distance | None = None
    box: Box | None = None
    bearing_deg: float | None = None
    elevation_deg: float | None = None
    range_m: float | None = None
    confidence: float | None = None
    range_std_m: float | None = None


#: The ``problem`` of a delta whose text retention has dropped; its motion is kept.
SUMMARY_ONLY = "kept as a summary only"


@dataclass(frozen=True, slots=True)
class Delta:
    """What changed from the previous keyframe to keyframe ``keyframe_id``.

    ``action`` is ``None`` for the first keyframe and if it is unknown. ``angle_deg`` is the size of
    a rotation or tilt, in degrees. ``mentions`` are the objects seen in the new view, most
    prominent first. ``observation`` is free text, empty if the perceiver gave none. ``usable`` is
    False if the perceiver's reply could not be used; the delta then contains the egomotion only.
    ``agrees_with_egomotion`` says whether the perceiver and the keyframer name the same action
    (both none, if the camera was at rest), ``None`` if they can't be compared. ``model`` is the
    perceiver's name, ``latency_s`` the time it took, in seconds. ``camera`` is the name of the
    camera, empty for the first or only one; directions are relative to the robot's heading,
    whichever camera it is. ``problem`` says why the delta is not usable, and is empty if it is;
    `SUMMARY_ONLY` where retention has dropped its text.
    """

    keyframe_id: int
    action: Action | None
    angle_deg: float | None = None
    mentions: tuple[Mention, ...] = ()
    observation: str = ""
    usable: bool = True
    agrees_with_egomotion: bool | None = None
    model: str = ""
    latency_s: float = 0.0
    camera: str = ""
    problem: str = ""

    @property
    def at_rest(self) -> bool:
        """Whether the keyframer measured that the camera did not move since the keyframe before."""
        return (
            self.action is None
            and self.angle_deg is not None
            and self.agrees_with_egomotion is not None
        )
