"""A recording played into the agent: `ros2 launch embodied_agent replay.launch.py bag:=walk`.

The bag is played by `ros2 bag play` at its own rate, as a camera would send it; what comes too fast
is dropped. `embodied-agent replay` drops nothing and needs no ROS.
"""

from __future__ import annotations

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
from launch.substitutions import LaunchConfiguration, PathJoinSubstitution, ThisLaunchFileDir

from launch import LaunchContext, LaunchDescription

_SWITCH = ["true", "false"]
#: Arguments of agent.launch.py whose defaults suit the shipped clips.
PASSED_ON = (
    ("image", "/camera/image", "topic of the bag's images"),
    ("image_transport", "compressed", "how the bag holds them: raw or compressed"),
    ("odom", "/odom", "topic of the bag's odometry"),
    ("config", "", "YAML file of settings; empty: the defaults"),
    ("memory", "", "memory file (SQLite); empty: in memory only, gone at exit"),
    (
        "perception",
        "",
        "perception.backend: auto, builtin, served or geometry; empty: as configured",
    ),
    ("reasoning", "", "reasoning.backend: builtin or served; empty: as configured"),
    ("namespace", "", "namespace of the node"),
    ("log_level", "info", "debug, info, warn, error or fatal"),
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
        for name, value, text in PASSED_ON
    ]
    agent = IncludeLaunchDescription(
        PythonLaunchDescriptionSource(
            PathJoinSubstitution([ThisLaunchFileDir(), "agent.launch.py"])
        ),
        launch_arguments={
            **{name: LaunchConfiguration(name) for name, _, _ in PASSED_ON},
            "use_sim_time": "true",
        }.items(),
    )
    return LaunchDescription([*arguments, agent, OpaqueFunction(function=_play)])
