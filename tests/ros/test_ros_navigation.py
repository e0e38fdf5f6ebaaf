"""Goals of the agent, sent to an action server that takes goals as Nav2's navigator does."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

pytestmark = [pytest.mark.ros, pytest.mark.timeout(900)]
pytest.importorskip("rclpy", reason="no ROS 2 here: install it in /opt/ros and run `make test`")
actions = pytest.importorskip("nav2_msgs.action", reason="no nav2_msgs here: install them")

from embodied_agent import records  # noqa: E402
from tests.support.ros import PATIENCE_S, Client  # noqa: E402
from tests.support.ros_camera import SECOND, header  # noqa: E402

#: When the robot was where the goal is, long before what TF remembers.
SEEN_NS = 1_000 * SECOND
NOW_NS = 2_000 * SECOND


class Navigator:
    """Serves NavigateToPose. Like Nav2's navigator it refuses a goal that TF can't take into the
    map at the goal's stamp; nothing drives."""

    def __init__(self, node: Any) -> None:
        import tf2_ros
        from geometry_msgs.msg import TransformStamped
        from rclpy.action import ActionServer

        self.taken: list[Any] = []
        self._buffer = tf2_ros.Buffer()
        localisation = TransformStamped(header=header(NOW_NS, "map"), child_frame_id="odom")
        localisation.transform.translation.x = 5.0
        localisation.transform.rotation.w = 1.0
        self._buffer.set_transform(localisation, "localisation")
        self._server = ActionServer(
            node, actions.NavigateToPose, "navigate_to_pose", self._drive, goal_callback=self._check
        )

    def close(self) -> None:
        self._server.destroy()

    def _check(self, goal: Any) -> Any:
        import tf2_ros
        from rclpy.action import GoalResponse
        from rclpy.time import Time

        at = goal.pose.header
        try:
            self._buffer.lookup_transform("map", at.frame_id, Time.from_msg(at.stamp))
        except tf2_ros.TransformException:
            return GoalResponse.REJECT
        self.taken.append(goal.pose)
        return GoalResponse.ACCEPT

    def _drive(self, goal: Any) -> Any:
        goal.succeed()
        return actions.NavigateToPose.Result()


@pytest.fixture(scope="module")
def navigator(client: Client) -> Iterator[Navigator]:
    made = Navigator(client.node)
    yield made
    made.close()


def accepted(client: Client, pose: Any) -> bool:
    """Whether the navigator takes the goal and finishes it."""
    from action_msgs.msg import GoalStatus
    from rclpy.action import ActionClient

    action = ActionClient(client.node, actions.NavigateToPose, "navigate_to_pose")
    try:
        assert action.wait_for_server(PATIENCE_S)
        goal = client.result(action.send_goal_async(actions.NavigateToPose.Goal(pose=pose)))
        if not goal.accepted:
            return False
        return client.result(goal.get_result_async()).status == GoalStatus.STATUS_SUCCEEDED
    finally:
        action.destroy()


def goal_in(frame_id: str) -> records.Goal:
    pose = records.Pose((1.0, 2.0, 0.0), (0.0, 0.0, 0.0, 1.0), frame_id)
    return records.Goal(pose, SEEN_NS, session=0, object_id=3, keyframe_id=7)


@pytest.mark.parametrize("frame_id", ["map", "odom"])
def test_a_goal_from_long_ago_is_taken_in_the_map_and_in_odometry(
    client: Client, navigator: Navigator, frame_id: str
) -> None:
    from embodied_agent.ros.messages import to_answer, to_goal

    goal = goal_in(frame_id)
    pose = to_answer(records.Answer("There.", goal=goal)).goal
    assert pose == to_goal(goal)
    assert accepted(client, pose)
    taken = navigator.taken[-1]
    assert taken.header.frame_id == frame_id
    assert (taken.pose.position.x, taken.pose.position.y) == (1.0, 2.0)


def test_the_navigator_refuses_what_transforms_no_longer_tell(
    client: Client, navigator: Navigator
) -> None:
    from embodied_agent.ros.messages import to_pose

    assert not accepted(client, to_pose(goal_in("odom").pose, SEEN_NS))
    assert not accepted(client, to_pose(goal_in("moon").pose, 0))
