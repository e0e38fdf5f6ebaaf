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

"""A recording played into the agent: `ros2 launch embodied_agent replay.launch.py bag:=walk`.

The bag is played by `ros2 bag play` at its own rate, as a camera would send it; what comes too fast
is dropped. `embodied-agent replay` drops nothing and needs no ROS.
"""

from __future__ import annotations

from pathlib import Path

from launch.action import Action
from launch.actions import (
    DeclareLaunchArgument,
    EmitEvent,
    ExecuteProcess,
    IncludeLaunchDescription,
    OpaqueFunction,
    RegisterEventHandler,
    TimerAction,
)
from launch.event_handlers import OnProcessExit
from launch.events import Shutdown
from launch.launch_description_sources import PythonLaunchDescriptionSource
from launch.substitutions import LaunchConfiguration

from launch import LaunchContext, LaunchDescription

_SWITCH = ["true", "false"]
#: Arguments of agent.launch.py that have other defaults here, which suit the shipped clips. All its
#: other arguments can be given as well.
OTHER_DEFAULTS = (
    ("image", "/camera/image", "base topic of the bag's images"),
    ("image_transport", "compressed", "how the bag holds them: raw, compressed or ffmpeg"),
    ("odom", "/odom", "topic of the bag's odometry"),
)


def _play(context: LaunchContext) -> list[Action]:
    def get(name: str) -> str:
        return LaunchConfiguration(name).perform(context)

    command = ["ros2", "bag", "play", get("bag"), "--rate", get("rate"), "--clock", "100"]
    if get("loop") == "true":
        command.append("--loop")
    player = ExecuteProcess(cmd=command, name="bag", output="screen")
    actions: list[Action] = [TimerAction(period=float(get("delay_s")), actions=[player])]
    if get("stop") == "true":
        ended = OnProcessExit(target_action=player, on_exit=[EmitEvent(event=Shutdown())])
        actions.append(RegisterEventHandler(ended))
    return actions


def generate_launch_description() -> LaunchDescription:
    """The player, and the agent on simulated time."""
    arguments = [
        DeclareLaunchArgument("bag", description="the recording: a rosbag2 folder"),
        DeclareLaunchArgument("rate", default_value="1.0", description="1: as fast as recorded"),
        DeclareLaunchArgument(
            "loop", default_value="false", description="play it again and again", choices=_SWITCH
        ),
        DeclareLaunchArgument(
            "delay_s", default_value="5.0", description="start to play after this, in seconds"
        ),
        DeclareLaunchArgument(
            "stop",
            default_value="false",
            description="stop everything when the bag ends; false: the node stays, to be asked",
            choices=_SWITCH,
        ),
    ]
    arguments += [
        DeclareLaunchArgument(name, default_value=value, description=text)
        for name, value, text in OTHER_DEFAULTS
    ]
    # A plain path, so that `--show-args` finds the arguments of the included file.
    agent = IncludeLaunchDescription(
        PythonLaunchDescriptionSource(str(Path(__file__).with_name("agent.launch.py"))),
        launch_arguments={"use_sim_time": "true"}.items(),
    )
    return LaunchDescription([*arguments, agent, OpaqueFunction(function=_play)])
