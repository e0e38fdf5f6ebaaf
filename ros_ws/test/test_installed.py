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

"""The packages as colcon installed them: found, importable, launchable, and the node runs.

These run with ROS's own Python, which may lack what the agent takes from pip. The node runs with
the `python3` that is first on the PATH, as under `ros2 run`; where that can't import the agent, the
node's test is skipped, and says what is missing.
"""

import importlib.util
import os
import re
import signal
import subprocess
from pathlib import Path

import pytest
import rclpy
from ament_index_python.packages import get_package_prefix, get_package_share_directory
from launch.actions import DeclareLaunchArgument
from launch.launch_description_sources import get_launch_description_from_python_launch_file

from launch import LaunchContext, LaunchDescription

LAUNCH_FILES = ("agent.launch.py", "replay.launch.py", "sim.launch.py", "vllm.launch.py")
NODE_S = 120.0


def test_both_packages_are_in_the_index() -> None:
    for package in ("embodied_agent", "embodied_agent_interfaces"):
        assert Path(get_package_share_directory(package), "package.xml").is_file()


def test_every_interface_can_be_made() -> None:
    from embodied_agent_interfaces import action, msg, srv

    share = Path(get_package_share_directory("embodied_agent_interfaces"))
    for folder, module in (("msg", msg), ("srv", srv), ("action", action)):
        names = [path.stem for path in (share / folder).glob(f"*.{folder}")]
        assert names
        for name in names:
            kind = getattr(module, name)
            for part in {"msg": (kind,)}.get(folder, ()):
                part()
    srv.Ask.Request(question="Where is the sofa?")
    action.Reason.Goal()


@pytest.mark.parametrize("name", LAUNCH_FILES)
def test_a_launch_file_is_installed_and_explains_its_arguments(name: str) -> None:
    path = Path(get_package_share_directory("embodied_agent"), "launch", name)
    description = get_launch_description_from_python_launch_file(str(path))
    assert isinstance(description, LaunchDescription)
    arguments = description.get_launch_arguments()
    assert arguments
    for argument in arguments:
        assert isinstance(argument, DeclareLaunchArgument)
        assert argument.description
        if argument.default_value is not None:
            for part in argument.default_value:
                part.perform(LaunchContext())


def test_the_settings_and_parameters_are_installed() -> None:
    config = Path(get_package_share_directory("embodied_agent"), "config")
    assert (config / "default.yaml").is_file()
    assert list((config / "ros").glob("*.yaml"))


def test_the_python_package_comes_with_its_models_and_its_page() -> None:
    found = importlib.util.find_spec("embodied_agent")
    assert found is not None
    assert found.origin is not None
    folder = Path(found.origin).parent
    assert list(folder.glob("models/*/model.safetensors"))
    assert (folder / "interfaces" / "web" / "static" / "index.html").is_file()


def test_the_node_configures_and_activates_itself(tmp_path: Path) -> None:
    import_node = ["python3", "-c", "import embodied_agent.ros.node"]
    tried = subprocess.run(import_node, capture_output=True, text=True, check=False)
    if tried.returncode:
        missing = re.findall(r"No module named .*", tried.stderr)
        if not missing:
            pytest.fail(tried.stderr)
        pytest.skip(
            f"python3 can't run the node: {missing[-1]}; docs/ros.md says how to install it"
        )
    from lifecycle_msgs.msg import State
    from lifecycle_msgs.srv import GetState

    program = Path(get_package_prefix("embodied_agent"), "lib", "embodied_agent", "agent")
    arguments = ["--ros-args", "-r", "__ns:=/colcon_test", "-p", "ros.autostart:=true"]
    arguments += ["-p", "perception.backend:=geometry"]
    environment = {**os.environ, "ROS_DOMAIN_ID": str(os.getpid() % 100 + 1)}
    os.environ["ROS_DOMAIN_ID"] = environment["ROS_DOMAIN_ID"]
    log = tmp_path / "node.log"
    with log.open("wb") as out:
        node = subprocess.Popen(
            [str(program), *arguments], env=environment, stdout=out, stderr=subprocess.STDOUT
        )
    rclpy.init()
    client = rclpy.create_node("colcon_test_client")
    try:
        service = client.create_client(GetState, "/colcon_test/embodied_agent/get_state")
        assert service.wait_for_service(NODE_S), log.read_text()
        state = State.PRIMARY_STATE_UNKNOWN
        deadline = client.get_clock().now().nanoseconds + int(NODE_S * 1e9)
        while state != State.PRIMARY_STATE_ACTIVE:
            assert client.get_clock().now().nanoseconds < deadline, log.read_text()
            future = service.call_async(GetState.Request())
            rclpy.spin_until_future_complete(client, future, timeout_sec=NODE_S)
            state = future.result().current_state.id
    finally:
        client.destroy_node()
        rclpy.shutdown()
        node.send_signal(signal.SIGINT)
        code = node.wait(NODE_S)
    assert code == 0, log.read_text()
