"""Settings of objects and their positions."""

from __future__ import annotations

from pydantic import Field

from embodied_agent.settings.base import Section


class ObjectSettings(Section):
    """How mentions become objects with positions."""

    bearing_std_deg: float = Field(
        1.0,
        gt=0,
        le=45,
        description="standard deviation of a measured bearing of an object that is sure to be "
        "there, in degrees",
    )
    range_std: float = Field(
        0.2,
        gt=0,
        le=2,
        description="relative standard deviation of a measured distance (0.2: 20 %)",
    )
    gate: float = Field(
        4.0,
        gt=0,
        le=20,
        description="a mention belongs to an object if it is within this many standard deviations "
        "of where the object should be seen",
    )
    gone_after: int = Field(
        3,
        ge=1,
        le=1000,
        description="an object is gone after it was missed in this many keyframes in a row that "
        "should have shown it",
    )
    max_speed_mps: float = Field(
        20.0,
        gt=0,
        description="a pose that moves faster than this is a relocalisation or an error, in metres "
        "per second",
    )
    jump_m: float = Field(
        1.0,
        gt=0,
        description="a shorter step between two poses is never a relocalisation, in metres",
    )
    camera_ahead_m: float = Field(
        0.0,
        ge=-100,
        le=100,
        description="distance of the camera ahead of the body that the poses belong to, in metres; "
        "if this or any of the next five settings is not 0, they take precedence over TF",
    )
    camera_left_m: float = Field(
        0.0,
        ge=-100,
        le=100,
        description="distance of the camera to the left of it, in metres",
    )
    camera_up_m: float = Field(
        0.0, ge=-100, le=100, description="distance of the camera above it, in metres"
    )
    camera_yaw_deg: float = Field(
        0.0, ge=-180, le=180, description="heading of the camera, in degrees to the left of ahead"
    )
    camera_pitch_deg: float = Field(
        0.0, ge=-90, le=90, description="upward tilt of the camera, in degrees"
    )
    camera_roll_deg: float = Field(
        0.0,
        ge=-180,
        le=180,
        description="clockwise roll of the camera, seen from behind it, in degrees",
    )
    camera_height_m: float = Field(
        0.0,
        ge=0,
        le=1000,
        description="height of the camera above the floor, in metres; the distance of objects on "
        "the floor then follows from the lower edge of their boxes; 0: unknown",
    )
    goal_distance_m: float = Field(
        1.5,
        gt=0,
        le=100,
        description="preferred distance of a goal pose from the object, in metres",
    )
    max_mentions: int = Field(
        200,
        ge=1,
        le=10_000,
        description="mentions of a keyframe that become objects, the most prominent first; more "
        "are kept in the memory and not located",
    )
