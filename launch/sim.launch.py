# Copyright 2026 The Embodied Agent authors
#
# Licensed under the Apache License, Version 2.0 (the "License");
# you may not use this file except in compliance with the License.
# You may obtain a copy of the License at
#
#     http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.
# See the License for the specific language governing permissions and
# limitations under the License.

"""A simulated robot with the agent on it: `ros2 launch embodied_agent sim.launch.py world:=house`.

The robot publishes its camera, odometry and transforms in real time, and is driven by
`ros2 run teleop_twist_keyboard teleop_twist_keyboard` or RViz's 2D Goal Pose.
"""

from __future__ import annotations

from pathlib import Path

from launch.action import Action
from launch.actions import DeclareLaunchArgument, IncludeLaunchDescription, OpaqueFunction
from launch.launch_description_sources import PythonLaunchDescriptionSource
from launch.substitutions import LaunchConfiguration, PythonExpression
from launch_ros.actions import Node

from launch import LaunchContext, LaunchDescription

_SWITCH = ["true", "false"]
#: Arguments of the robot: name, default, description, and the values allowed where these are few.
ROBOT: tuple[tuple[str, str, str, list[str] | None], ...] = (
    (
        "world",
        "house",
        "house, warehouse, or city, where the robot flies",
        ["house", "warehouse", "city"],
    ),
    ("seed", "8", "the same seed gives the same world", None),
    ("width", "320", "of the images, in pixels", None),
    ("height", "240", "of the images, in pixels", None),
    ("fps", "10.0", "images a second", None),
    (
        "publish_map",
        "true",
        "publish a transform from map to odom, as a localisation does",
        _SWITCH,
    ),
    ("cmd_vel_stamped", "false", "cmd_vel is a TwistStamped, as from Kilted on", _SWITCH),
    ("rviz", "false", "start RViz with the agent's configuration", _SWITCH),
)
#: Arguments of agent.launch.py that have other defaults here, which suit this robot. All its other
#: arguments can be given as well.
OTHER_DEFAULTS = (
    ("image", "camera/image", "base topic of the robot's images"),
    ("image_transport", "compressed", "of the robot's images, which come as raw ones too"),
    ("pose", "tf", "where poses come from: the robot publishes odom and TF"),
    ("perception", "builtin", "perception.backend: builtin knows the simulated worlds"),
    ("reasoning", "builtin", "reasoning.backend"),
)


def _nodes(context: LaunchContext) -> list[Action]:
    def get(name: str) -> str:
        return LaunchConfiguration(name).perform(context)

    remappings = [("/tf", "tf"), ("/tf_static", "tf_static")] if get("namespace") else []
    robot = Node(
        package="embodied_agent",
        executable="sim_robot",
        name="sim_robot",
        namespace=get("namespace"),
        parameters=[
            {
                "world": get("world"),
                "seed": int(get("seed")),
                "width": int(get("width")),
                "height": int(get("height")),
                "fps": float(get("fps")),
                "publish_map": get("publish_map") == "true",
                "cmd_vel_stamped": get("cmd_vel_stamped") == "true",
            }
        ],
        remappings=remappings,
        output="screen",
    )
    actions: list[Action] = [robot]
    if get("rviz") == "true":
        config = str(Path(__file__).absolute().parents[1] / "config" / "ros" / "agent.rviz")
        actions.append(
            Node(
                package="rviz2",
                executable="rviz2",
                namespace=get("namespace"),
                arguments=["-d", config],
                remappings=remappings,
                output="screen",
            )
        )
    return actions


def generate_launch_description() -> LaunchDescription:
    """The robot, the agent, and their arguments."""
    namespace = LaunchConfiguration("namespace", default="")
    # A plain path, so that `--show-args` finds the arguments of the included file.
    agent = IncludeLaunchDescription(
        PythonLaunchDescriptionSource(str(Path(__file__).with_name("agent.launch.py"))),
        # Robots in one domain have transforms of their own, below their namespace.
        launch_arguments={"tf": PythonExpression(["'tf' if '", namespace, "' else '/tf'"])}.items(),
    )
    return LaunchDescription(
        [
            *(
                DeclareLaunchArgument(name, default_value=value, description=text, choices=choices)
                for name, value, text, choices in ROBOT
            ),
            *(
                DeclareLaunchArgument(name, default_value=value, description=text)
                for name, value, text in OTHER_DEFAULTS
            ),
            agent,
            OpaqueFunction(function=_nodes),
        ]
    )
