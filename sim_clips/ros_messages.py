"""The simulated robot's ROS messages: pictures, calibration, odometry, transforms, markers.

Pure functions that build messages.

Out of scope: publishing them (`sim_clips.ros_robot`).
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt
from builtin_interfaces.msg import Time
from geometry_msgs.msg import Point, Quaternion, TransformStamped
from nav_msgs.msg import Odometry
from sensor_msgs.msg import CameraInfo, CompressedImage, Image
from std_msgs.msg import ColorRGBA, Header
from visualization_msgs.msg import Marker

from sim_clips.record import quaternion
from sim_clips.robot import Robot
from sim_clips.scene import CameraPose, Scene

#: Orientation (x, y, z, w) of the optical frame (x right, y down, z forward) in the camera link (x
#: forward, y left, z up).
_OPTICAL = (-0.5, 0.5, -0.5, 0.5)


class Frames:
    """The names of a robot's coordinate frames, with its prefix."""

    def __init__(self, prefix: str = "") -> None:
        self.map = "map"
        self.odom = f"{prefix}odom"
        self.base = f"{prefix}base_link"
        self.camera = f"{prefix}camera_link"
        self.optical = f"{prefix}camera_optical_frame"


def header(stamp: Time, frame_id: str) -> Header:
    """A header with this stamp."""
    return Header(stamp=stamp, frame_id=frame_id)


def raw_image(bgr: npt.NDArray[np.uint8], stamp: Time, frames: Frames) -> Image:
    """An image message of a BGR picture (height, width, 3)."""
    height, width = bgr.shape[:2]
    message = Image(header=header(stamp, frames.optical), height=height, width=width)
    message.encoding, message.step = "bgr8", width * 3
    message.data = bgr.tobytes()
    return message


def packed_image(jpeg: bytes, stamp: Time, frames: Frames) -> CompressedImage:
    """A message of a JPEG picture."""
    return CompressedImage(
        header=header(stamp, frames.optical), format="bgr8; jpeg compressed bgr8", data=jpeg
    )


def camera_info(scene: Scene, width: int, height: int, stamp: Time, frames: Frames) -> CameraInfo:
    """The calibration of the scene's pinhole camera for a picture size in pixels."""
    focal = width / 2 / math.tan(math.radians(scene.hfov_deg) / 2)
    cx, cy = (width - 1) / 2, (height - 1) / 2
    message = CameraInfo(header=header(stamp, frames.optical), width=width, height=height)
    message.distortion_model = "plumb_bob"
    message.d = [0.0] * 5
    message.k = [focal, 0.0, cx, 0.0, focal, cy, 0.0, 0.0, 1.0]
    message.r = [1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0]
    message.p = [focal, 0.0, cx, 0.0, 0.0, focal, cy, 0.0, 0.0, 0.0, 1.0, 0.0]
    return message


def base_pose(robot: Robot) -> CameraPose:
    """The pose of the robot's base: on the floor below its camera, or level at the camera if it
    flies."""
    pose = robot.pose
    return CameraPose(pose.x, pose.y, pose.z if robot.flies else 0.0, pose.yaw_deg, 0.0)


def odometry(robot: Robot, stamp: Time, frames: Frames) -> Odometry:
    """The base's pose in the odometry frame, and its velocity in its own frame."""
    message = Odometry(header=header(stamp, frames.odom), child_frame_id=frames.base)
    base = base_pose(robot)
    place = message.pose.pose.position
    place.x, place.y, place.z = base.x, base.y, base.z
    message.pose.pose.orientation = _turn(quaternion(base))
    linear, angular = message.twist.twist.linear, message.twist.twist.angular
    velocity = robot.velocity
    linear.x, linear.y, linear.z = velocity.forward, velocity.left, velocity.up
    angular.z = math.radians(velocity.turn_deg)
    return message


def base_transform(robot: Robot, stamp: Time, frames: Frames) -> TransformStamped:
    """The transform from the odometry frame to the base."""
    return _transform(frames.odom, frames.base, base_pose(robot), stamp)


def mount_transforms(
    robot: Robot, stamp: Time, frames: Frames, *, in_map: bool
) -> list[TransformStamped]:
    """The static transforms: base to camera, and, if ``in_map``, map to odometry (identity)."""
    pose = robot.pose
    mount = CameraPose(0.0, 0.0, 0.0 if robot.flies else pose.z, 0.0, pose.pitch_deg)
    optical = TransformStamped(header=header(stamp, frames.camera), child_frame_id=frames.optical)
    optical.transform.rotation = _turn(_OPTICAL)
    transforms = [_transform(frames.base, frames.camera, mount, stamp), optical]
    if in_map:
        origin = CameraPose(0.0, 0.0, 0.0, 0.0, 0.0)
        transforms.append(_transform(frames.map, frames.odom, origin, stamp))
    return transforms


def floor_plan(scene: Scene, stamp: Time, frame_id: str) -> Marker:
    """A marker with the walls as lines on the floor."""
    marker = Marker(header=header(stamp, frame_id), ns="walls", type=Marker.LINE_LIST)
    marker.scale.x = 0.1 if scene.world != "city" else 0.5
    marker.color = ColorRGBA(r=0.6, g=0.6, b=0.6, a=1.0)
    marker.pose.orientation.w = 1.0
    for wall in scene.walls:
        if wall.z < 1.0:
            marker.points += [Point(x=x, y=y, z=0.0) for x, y in (wall.a, wall.b)]
    return marker


def yaw_of(turn: Any) -> float:
    """The heading of a geometry_msgs/Quaternion, in degrees."""
    return math.degrees(
        math.atan2(
            2 * (turn.w * turn.z + turn.x * turn.y), 1 - 2 * (turn.y * turn.y + turn.z * turn.z)
        )
    )


def _transform(parent: str, child: str, pose: CameraPose, stamp: Time) -> TransformStamped:
    message = TransformStamped(header=header(stamp, parent), child_frame_id=child)
    place = message.transform.translation
    place.x, place.y, place.z = pose.x, pose.y, pose.z
    message.transform.rotation = _turn(quaternion(pose))
    return message


def _turn(xyzw: tuple[float, float, float, float]) -> Quaternion:
    x, y, z, w = map(float, xyzw)
    return Quaternion(x=x, y=y, z=z, w=w)
