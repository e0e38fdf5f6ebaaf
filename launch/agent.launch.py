"""The agent on a robot's camera: `ros2 launch embodied_agent agent.launch.py image:=/camera/image`.

It configures and activates itself. `--show-args` lists what can be set.
"""

from __future__ import annotations

from launch.action import Action
from launch.actions import DeclareLaunchArgument, OpaqueFunction
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import LifecycleNode

from launch import LaunchContext, LaunchDescription

_SWITCH = ["true", "false"]
#: Name, default, description, and the values allowed where these are few.
ARGUMENTS: tuple[tuple[str, str, str, list[str] | None], ...] = (
    ("image", "image", "topic of the camera's images (sensor_msgs/Image)", None),
    (
        "image_transport",
        "raw",
        "raw: subscribe to the image topic; compressed: to <image>/compressed",
        ["raw", "compressed"],
    ),
    (
        "camera_info",
        "",
        "topic of the camera's calibration; empty: camera_info beside the image topic",
        None,
    ),
    ("odom", "odom", "topic of the odometry that gives poses (nav_msgs/Odometry)", None),
    (
        "pose",
        "odom",
        "where poses come from: the odometry topic, TF, or nowhere",
        ["odom", "tf", "none"],
    ),
    ("config", "", "YAML file of settings; empty: the defaults", None),
    (
        "params_file",
        "",
        "ROS parameter file, which wins over the YAML file of settings; empty: none",
        None,
    ),
    ("memory", "", "memory file (SQLite); empty: in memory only, gone at exit", None),
    (
        "perception",
        "",
        "perception.backend: auto, builtin, served or geometry; empty: as configured",
        None,
    ),
    ("reasoning", "", "reasoning.backend: builtin or served; empty: as configured", None),
    ("namespace", "", "namespace of the node and of all relative topics", None),
    ("name", "embodied_agent", "name of the node", None),
    ("autostart", "true", "configure and activate the node by itself", _SWITCH),
    ("respawn", "false", "start the node again two seconds after it ended", _SWITCH),
    ("use_sim_time", "false", "take time from /clock", _SWITCH),
    ("log_level", "info", "debug, info, warn, error or fatal", None),
)


def _nodes(context: LaunchContext) -> list[Action]:
    def get(name: str) -> str:
        return LaunchConfiguration(name).perform(context)

    image = get("image").rstrip("/")
    folder = image.rpartition("/")[0]
    info = get("camera_info") or (f"{folder}/camera_info" if folder else "camera_info")
    if image.startswith("/") and not folder:
        info = get("camera_info") or "/camera_info"
    parameters: dict[str, object] = {
        "ros.autostart": get("autostart") == "true",
        "ros.image_transport": get("image_transport"),
        "ros.pose": get("pose"),
        "use_sim_time": get("use_sim_time") == "true",
    }
    named = (
        ("config", "config"),
        ("memory", "memory.path"),
        ("perception", "perception.backend"),
        ("reasoning", "reasoning.backend"),
    )
    parameters.update({to: get(name) for name, to in named if get(name)})
    files = [get("params_file")] if get("params_file") else []
    return [
        LifecycleNode(
            package="embodied_agent",
            executable="node",
            name=get("name"),
            namespace=get("namespace"),
            parameters=[*files, parameters],
            remappings=[
                ("image", image),
                ("image/compressed", f"{image}/compressed"),
                ("camera_info", info),
                ("odom", get("odom")),
            ],
            arguments=["--ros-args", "--log-level", get("log_level")],
            output="screen",
            respawn=get("respawn") == "true",
            respawn_delay=2.0,
        )
    ]


def generate_launch_description() -> LaunchDescription:
    """The node and its arguments."""
    return LaunchDescription(
        [
            *(
                DeclareLaunchArgument(name, default_value=value, description=text, choices=choices)
                for name, value, text, choices in ARGUMENTS
            ),
            OpaqueFunction(function=_nodes),
        ]
    )
