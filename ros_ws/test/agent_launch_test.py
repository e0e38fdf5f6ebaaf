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

"""The installed launch file, tested with launch_testing: the node becomes active and ends in order.

The node runs with the `python3` that is first on the PATH; where that can't import the agent, the
test is skipped, and says what is missing.
"""

import os
import re
import subprocess
import unittest

import launch_testing
import launch_testing.actions
import launch_testing.asserts
import rclpy
from ament_index_python.packages import get_package_share_directory
from launch.actions import IncludeLaunchDescription, SetEnvironmentVariable
from launch.launch_description_sources import PythonLaunchDescriptionSource
from lifecycle_msgs.msg import State
from lifecycle_msgs.srv import GetState

from launch import LaunchDescription

NODE_S = 120.0
#: A ROS domain of this run.
os.environ["ROS_DOMAIN_ID"] = str(os.getpid() % 100 + 1)


def generate_test_description() -> LaunchDescription:
    """Launch the node by itself, on a camera that nobody publishes."""
    import_node = ["python3", "-c", "import embodied_agent.ros.node"]
    tried = subprocess.run(import_node, capture_output=True, text=True, check=False)
    missing = re.findall(r"No module named .*", tried.stderr)
    if tried.returncode and missing:
        raise unittest.SkipTest(f"python3 can't run the node: {missing[-1]}; see docs/ros.md")
    file = os.path.join(get_package_share_directory("embodied_agent"), "launch", "agent.launch.py")
    agent = IncludeLaunchDescription(
        PythonLaunchDescriptionSource(file),
        launch_arguments={"namespace": "/launch_test", "perception": "geometry"}.items(),
    )
    domain = SetEnvironmentVariable("ROS_DOMAIN_ID", os.environ["ROS_DOMAIN_ID"])
    return LaunchDescription([domain, agent, launch_testing.actions.ReadyToTest()])


class TestRunning(unittest.TestCase):
    """While the node runs."""

    def setUp(self) -> None:
        rclpy.init()
        self.node = rclpy.create_node("launch_test_client")

    def tearDown(self) -> None:
        self.node.destroy_node()
        rclpy.shutdown()

    def test_it_becomes_active(self) -> None:
        service = self.node.create_client(GetState, "/launch_test/embodied_agent/get_state")
        assert service.wait_for_service(NODE_S)
        deadline = self.node.get_clock().now().nanoseconds + int(NODE_S * 1e9)
        state = State.PRIMARY_STATE_UNKNOWN
        while state != State.PRIMARY_STATE_ACTIVE:
            assert self.node.get_clock().now().nanoseconds < deadline
            future = service.call_async(GetState.Request())
            rclpy.spin_until_future_complete(self.node, future, timeout_sec=NODE_S)
            state = future.result().current_state.id


@launch_testing.post_shutdown_test()
class TestEnded(unittest.TestCase):
    """Once the node has ended."""

    def test_it_ends_in_order(self, proc_info: object) -> None:
        launch_testing.asserts.assertExitCodes(proc_info)
