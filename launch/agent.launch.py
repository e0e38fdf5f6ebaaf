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

"""The agent on a robot's camera: `ros2 launch embodied_agent agent.launch.py image:=/camera/image`.

It configures and activates itself. `--show-args` lists what can be set. An argument that is given
wins over both files, the ROS parameter file over the YAML file of settings, and that over defaults.
"""

from __future__ import annotations

import os
from pathlib import Path

import yaml
from launch.action import Action
from launch.actions import DeclareLaunchArgument, OpaqueFunction
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import LifecycleNode

from launch import LaunchContext, LaunchDescription

_AUTOSTART = "EMBODIED_AGENT_ROS__AUTOSTART"
_SWITCH = ["true", "false"]
#: A switch that is left to the files unless it is given.
_OPTIONAL = ["", *_SWITCH]
_TRANSPORTS = ["raw", "compressed", "ffmpeg"]
#: Name, default, description, and the values allowed where these are few. Empty: as the files say.
ARGUMENTS: tuple[tuple[str, str, str, list[str] | None], ...] = (
    ("image", "", "base topic of the camera's images; empty: image in the namespace", None),
    (
        "image_transport",
        "",
        "raw (sensor_msgs/Image), or what lies below the base topic: compressed, ffmpeg; "
        "empty: as the files say, else raw",
        ["", *_TRANSPORTS],
    ),
    (
        "camera_info",
        "",
        "topic of the camera's calibration; empty: camera_info beside the image topic",
        None,
    ),
    (
        "depth",
        "",
        "topic of depth pictures that are registered to the images; empty: none",
        None,
    ),
    ("odom", "", "topic of the odometry that gives poses; empty: odom in the namespace", None),
    (
        "pose",
        "",
        "where poses come from: the odometry topic (odom), TF (tf), or nowhere (none); empty: as "
        "the files say, else odom",
        ["", "odom", "tf", "none"],
    ),
    (
        "tf",
        "/tf",
        "topic of the transforms, its static ones beside it; tf: that of the namespace",
        None,
    ),
    ("config", "", "YAML file of settings; empty: the defaults", None),
    (
        "params_file",
        "",
        "ROS parameter file, which wins over the YAML file of settings; empty: none",
        None,
    ),
    (
        "memory",
        "",
        "memory file (SQLite); empty: as the files say, else in memory only, gone at exit",
        None,
    ),
    (
        "perception",
        "",
        "perception.backend: auto, builtin, served, detector or geometry; empty: as configured",
        None,
    ),
    ("reasoning", "", "reasoning.backend: builtin or served; empty: as configured", None),
    (
        "web_port",
        "",
        "serve the page on this port of this machine; empty: as configured, else not at all",
        None,
    ),
    (
        "mqtt_host",
        "",
        "connect to the MQTT broker on this host; empty: as configured, else not at all",
        None,
    ),
    ("namespace", "", "namespace of the node and of all relative topics", None),
    ("name", "embodied_agent", "name of the node", None),
    (
        "autostart",
        "",
        "configure and activate the node by itself; empty: as the files say, else true",
        _OPTIONAL,
    ),
    ("respawn", "false", "start the node again two seconds after it ended", _SWITCH),
    (
        "use_sim_time",
        "",
        "take time from /clock; empty: as the parameter file says, else false",
        _OPTIONAL,
    ),
    ("log_level", "info", "debug, info, warn, error or fatal", None),
)
#: Arguments that are parameters, where they are given.
PARAMETERS = (
    ("config", "config"),
    ("image_transport", "ros.image_transport"),
    ("pose", "ros.pose"),
    ("memory", "memory.path"),
    ("perception", "perception.backend"),
    ("reasoning", "reasoning.backend"),
)


def _nodes(context: LaunchContext) -> list[Action]:
    def get(name: str) -> str:
        return LaunchConfiguration(name).perform(context)

    given: dict[str, object] = {to: get(name) for name, to in PARAMETERS if get(name)}
    for name, parameter in (("autostart", "ros.autostart"), ("use_sim_time", "use_sim_time")):
        if get(name):
            given[parameter] = get(name) == "true"
    if get("web_port"):
        given |= {"web.enabled": True, "web.port": int(get("web_port"))}
    if get("mqtt_host"):
        given |= {"mqtt.enabled": True, "mqtt.host": get("mqtt_host")}
    files = [get("params_file")] if get("params_file") else []
    # A launched node starts by itself unless a file says otherwise. Given as a parameter, this
    # default would win over the files.
    decided = _AUTOSTART in os.environ or _says_autostart(get("config"))
    image, info = get("image"), get("camera_info")
    remapped = {
        "image": image,
        "camera_info": info,
        "depth": get("depth"),
        "odom": get("odom"),
    }
    remappings = [(name, topic) for name, topic in remapped.items() if topic]
    if get("tf") != "/tf":
        remappings += [("/tf", get("tf")), ("/tf_static", f"{get('tf')}_static")]
    node = LifecycleNode(
        package="embodied_agent",
        executable="agent",
        name=get("name"),
        namespace=get("namespace"),
        parameters=[*files, *([given] if given else [])],
        additional_env={} if decided else {_AUTOSTART: "true"},
        remappings=remappings,
        arguments=["--ros-args", "--log-level", get("log_level")],
        output="screen",
        respawn=get("respawn") == "true",
        respawn_delay=2.0,
    )
    return [node]


def _says_autostart(config: str) -> bool:
    """Whether a YAML file of settings decides itself."""
    try:
        settings = yaml.safe_load(Path(config).read_text("utf-8")) if config else None
    except (OSError, UnicodeDecodeError, yaml.YAMLError):
        return False  # the node says what is wrong with it
    section = settings.get("ros") if isinstance(settings, dict) else None
    return isinstance(section, dict) and "autostart" in section


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
