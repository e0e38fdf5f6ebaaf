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

"""vLLM for the perceiver and the reasoner: `ros2 launch embodied_agent vllm.launch.py config:=…`.

Runs `embodied-agent vllm`, which chooses the options, waits until the models respond, restarts what
exits, and stops them with the launch. It needs nothing of ROS but launch itself.
"""

from __future__ import annotations

import shlex

from launch.action import Action
from launch.actions import (
    DeclareLaunchArgument,
    EmitEvent,
    ExecuteProcess,
    OpaqueFunction,
    RegisterEventHandler,
)
from launch.event_handlers import OnProcessExit
from launch.events import Shutdown
from launch.substitutions import LaunchConfiguration

from launch import LaunchContext, LaunchDescription

#: Name, default, description, and the values allowed where these are few.
ARGUMENTS: tuple[tuple[str, str, str, list[str] | None], ...] = (
    ("config", "", "YAML file of settings, such as config/vllm-7b-3b.yaml; empty: defaults", None),
    (
        "program",
        "",
        "the vllm command, or the Python of its environment; empty: as configured",
        None,
    ),
    ("command", "embodied-agent", "the command that starts the servers", None),
    ("set", "", "settings as SECTION.NAME=VALUE, separated by spaces, quoted as in a shell", None),
    ("dry_run", "false", "only print what would be started, and why", ["true", "false"]),
    ("stop_timeout_s", "60", "how long the servers may take to end, in seconds", None),
    ("required", "true", "end the whole launch when the servers end", ["true", "false"]),
)


def generate_launch_description() -> LaunchDescription:
    """The launch: its arguments, then the command."""
    declared = [
        DeclareLaunchArgument(name, default_value=default, description=text, choices=choices)
        for name, default, text, choices in ARGUMENTS
    ]
    return LaunchDescription([*declared, OpaqueFunction(function=_start)])


def _start(context: LaunchContext) -> list[Action]:
    values = {name: LaunchConfiguration(name).perform(context) for name, *_ in ARGUMENTS}
    command = [*shlex.split(values["command"]), "vllm"]
    if values["config"]:
        command += ["--config", values["config"]]
    if values["program"]:
        command += ["--program", values["program"]]
    for assignment in shlex.split(values["set"]):
        command += ["--set", assignment]
    if values["dry_run"] == "true":
        command.append("--dry-run")
    servers = ExecuteProcess(
        cmd=command,
        name="vllm",
        output="screen",
        emulate_tty=True,
        # Longer than the command itself waits for the servers, or they would be left behind.
        sigterm_timeout=values["stop_timeout_s"],
        sigkill_timeout=values["stop_timeout_s"],
    )
    actions: list[Action] = [servers]
    if values["required"] == "true":
        ended = EmitEvent(event=Shutdown(reason="the model servers ended"))
        actions.append(RegisterEventHandler(OnProcessExit(target_action=servers, on_exit=[ended])))
    return actions
