"""A simulated robot on ROS 2: `ros2 launch embodied_agent sim.launch.py world:=house`.

It publishes the topics of a robot with one camera: images (raw and JPEG, each only if subscribed),
camera_info, odometry and transforms; and the floor plan for RViz. Drive it with velocities on
`cmd_vel`, for example from teleop_twist_keyboard, or to a pose on `goal_pose`, for example from
RViz.

Out of scope: its motion (`sim_clips.robot`), messages (`sim_clips.ros_messages`).
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from typing import Any

import cv2
import rclpy
from geometry_msgs.msg import PoseStamped, Twist, TwistStamped
from nav_msgs.msg import Odometry
from rcl_interfaces.msg import ParameterDescriptor
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, QoSProfile
from sensor_msgs.msg import CameraInfo, CompressedImage, Image
from std_msgs.msg import String
from tf2_msgs.msg import TFMessage
from visualization_msgs.msg import Marker

from sim_clips import ros_messages
from sim_clips.layout import make_scene
from sim_clips.render import Renderer
from sim_clips.robot import STILL, Robot, Velocity

#: How often the robot moves and publishes its pose, per second.
_CONTROL_HZ = 30.0
#: How long a velocity command applies if it is not repeated, seconds.
_COMMAND_S = 0.6
_KEPT = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)


class SimRobot(Node):  # type: ignore[misc]  # ROS has no types where it is absent
    """The node ``sim_robot``.

    Raises:
        ValueError: unknown world.
        RenderError: no OpenGL library is available.
    """

    def __init__(self) -> None:
        super().__init__("sim_robot")
        get = self._declare
        world = get("world", "house", "house, warehouse or city")
        seed = get("seed", 8, "the same seed gives the same world")
        self._width = get("width", 320, "pixels")
        self._height = get("height", 240, "pixels")
        fps = get("fps", 10.0, "images per second")
        self._quality = get("jpeg_quality", 85, "JPEG quality of compressed images, 1 to 100")
        prefix = get("frame_prefix", "", "prefix of all frame names except map")
        in_map = get("publish_map", True, "publish an exact transform from map to odom")
        stamped = get("cmd_vel_stamped", False, "cmd_vel is a TwistStamped, as in Kilted and later")
        self.scene = make_scene(world, seed)
        self.robot = Robot(self.scene)
        self.frames = ros_messages.Frames(prefix)
        self._renderer = Renderer(self._width, self._height)
        self._renderer.load(self.scene)
        self._commanded_ns = 0

        publisher = self.create_publisher
        self._raw = publisher(Image, "camera/image", 2)
        self._packed = publisher(CompressedImage, "camera/image/compressed", 2)
        self._info = publisher(CameraInfo, "camera/camera_info", 2)
        self._odom = publisher(Odometry, "odom", 50)
        self._tf = publisher(TFMessage, "/tf", 100)
        self._static = publisher(TFMessage, "/tf_static", _KEPT)
        self._plan = publisher(Marker, "~/floor_plan", _KEPT)
        self._told = publisher(String, "~/goal_status", 10)
        frame = self.frames.map if in_map else self.frames.odom
        self._goal_frames = {frame, self.frames.odom, ""}
        now = self._now()
        self._static.publish(
            TFMessage(
                transforms=ros_messages.mount_transforms(
                    self.robot, now, self.frames, in_map=in_map
                )
            )
        )
        self._plan.publish(ros_messages.floor_plan(self.scene, now, frame))
        self.create_subscription(
            TwistStamped if stamped else Twist,
            "cmd_vel",
            lambda message: self._on_velocity(message.twist if stamped else message),
            10,
        )
        self.create_subscription(PoseStamped, "goal_pose", self._on_goal, 10)
        self._last_ns = self.get_clock().now().nanoseconds
        self.create_timer(1 / _CONTROL_HZ, self._move)
        self.create_timer(1 / fps, self._look)
        pose = self.robot.pose
        self.get_logger().info(
            f"{world} {seed}: {len(self.scene.objects)} objects, the robot is at "
            f"({pose.x:.1f}, {pose.y:.1f}); drive it with cmd_vel or goal_pose"
        )

    def close(self) -> None:
        """Free the renderer."""
        self._renderer.close()

    def _declare(self, name: str, default: Any, description: str) -> Any:
        described = ParameterDescriptor(description=description, read_only=True)
        return self.declare_parameter(name, default, described).value

    def _now(self) -> Any:
        return self.get_clock().now().to_msg()

    def _on_velocity(self, twist: Any) -> None:
        self._commanded_ns = self.get_clock().now().nanoseconds
        self.robot.command(
            Velocity(twist.linear.x, twist.linear.y, twist.linear.z, math.degrees(twist.angular.z))
        )

    def _on_goal(self, goal: Any) -> None:
        if goal.header.frame_id not in self._goal_frames:
            self._tell(f"refused: the goal is in {goal.header.frame_id!r}, not in the map")
            return
        place = goal.pose.position
        yaw_deg = ros_messages.yaw_of(goal.pose.orientation)
        length_m = self.robot.go_to(place.x, place.y, yaw_deg)
        if length_m is None:
            self._tell(f"refused: there is no route to ({place.x:.1f}, {place.y:.1f})")
        else:
            self._tell(f"going: {length_m:.1f} m to ({place.x:.1f}, {place.y:.1f})")

    def _tell(self, text: str) -> None:
        self.get_logger().info(text)
        self._told.publish(String(data=text))

    def _move(self) -> None:
        now_ns = self.get_clock().now().nanoseconds
        seconds = min((now_ns - self._last_ns) / 1e9, 0.5)
        self._last_ns = now_ns
        driving = self.robot.drives_itself
        old = now_ns - self._commanded_ns > _COMMAND_S * 1e9
        if not driving and old and self.robot.velocity != STILL:
            self.robot.command(STILL)
        if seconds > 0:
            self.robot.advance(seconds)
        if driving and not self.robot.drives_itself:
            pose = self.robot.pose
            self._tell(f"arrived: at ({pose.x:.1f}, {pose.y:.1f})")
        self._say_where(self._now())

    def _say_where(self, stamp: Any) -> None:
        self._odom.publish(ros_messages.odometry(self.robot, stamp, self.frames))
        transform = ros_messages.base_transform(self.robot, stamp, self.frames)
        self._tf.publish(TFMessage(transforms=[transform]))

    def _look(self) -> None:
        wanted: list[tuple[Any, Callable[..., Any]]] = []
        if self._raw.get_subscription_count():
            wanted.append((self._raw, self._raw_image))
        if self._packed.get_subscription_count():
            wanted.append((self._packed, self._packed_image))
        stamp = self._now()
        self._info.publish(
            ros_messages.camera_info(self.scene, self._width, self._height, stamp, self.frames)
        )
        if not wanted:
            return
        # Publish the pose of the same moment as the picture.
        self._say_where(stamp)
        bgr = self._renderer.render(self.robot.pose).bgr
        for publisher, message in wanted:
            publisher.publish(message(bgr, stamp))

    def _raw_image(self, bgr: Any, stamp: Any) -> Any:
        return ros_messages.raw_image(bgr, stamp, self.frames)

    def _packed_image(self, bgr: Any, stamp: Any) -> Any:
        options = [cv2.IMWRITE_JPEG_QUALITY, self._quality]
        jpeg = cv2.imencode(".jpg", bgr, options)[1].tobytes()
        return ros_messages.packed_image(jpeg, stamp, self.frames)


def main(arguments: list[str] | None = None) -> int:
    """Run the robot until it is shut down; returns 1 if it can't start."""
    from embodied_agent.errors import AgentError

    rclpy.init(args=arguments)
    try:
        node = SimRobot()
    except (AgentError, ValueError) as error:
        print(f"sim_robot can't start: {error}", file=sys.stderr)
        rclpy.try_shutdown()
        return 1
    executor = SingleThreadedExecutor()
    executor.add_node(node)
    try:
        executor.spin()
    except (KeyboardInterrupt, ExternalShutdownException):
        pass
    finally:
        node.close()
        executor.shutdown(timeout_sec=1.0)
        node.destroy_node()
        rclpy.try_shutdown()
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
