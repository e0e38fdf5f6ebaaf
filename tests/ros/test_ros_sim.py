"""The simulated robot with the agent on it, as launched: driven, asked, and sent back to what it
saw."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest

pytestmark = [
    pytest.mark.ros,
    pytest.mark.gl,
    pytest.mark.models,
    pytest.mark.timeout(900),
]
pytest.importorskip("rclpy", reason="no ROS 2 here: install it in /opt/ros and run `make test`")

from sim_clips.layout import make_scene  # noqa: E402
from sim_clips.robot import Robot  # noqa: E402
from tests.support.ros import Client, wait_until  # noqa: E402
from tests.support.ros_launch import launched, sourced  # noqa: E402

#: Long: a room is looked at, and an object is driven to, in real time.
LONG_S = 240.0
WORLD, SEED = "house", 500_003


class Driver:
    """Drives the simulated robot of a namespace, and knows where it is."""

    def __init__(self, client: Client, namespace: str) -> None:
        from geometry_msgs.msg import PoseStamped, Twist
        from nav_msgs.msg import Odometry
        from std_msgs.msg import String

        self._odometry = client.collect(Odometry, f"{namespace}/odom")
        self.told = client.collect(String, f"{namespace}/sim_robot/goal_status")
        self._velocities = client.publisher(Twist, f"{namespace}/cmd_vel")
        self._goals = client.publisher(PoseStamped, f"{namespace}/goal_pose")
        wait_until(lambda: self._odometry)

    @property
    def place(self) -> tuple[float, float]:
        position = self._odometry[-1].pose.pose.position
        return position.x, position.y

    @property
    def yaw_deg(self) -> float:
        turn = self._odometry[-1].pose.pose.orientation
        return math.degrees(2 * math.atan2(turn.z, turn.w))

    def drive(self, forward: float, turn: float, until: Callable[[], object]) -> None:
        """Send a velocity (metres and radians a second) until something is true."""
        from geometry_msgs.msg import Twist

        twist = Twist()
        twist.linear.x, twist.angular.z = forward, turn

        def done() -> object:
            self._velocities.publish(twist)
            return until()

        try:
            wait_until(done, LONG_S)
        finally:
            self._velocities.publish(Twist())

    def go(self, pose: Any) -> str:
        """Send a goal; what became of it."""
        before = len(self.told)
        self._goals.publish(pose)
        ends = ("arrived", "refused")

        def end() -> str:
            return next((m.data for m in self.told[before:] if m.data.startswith(ends)), "")

        return wait_until(end, LONG_S)


def turned(start_deg: float, now_deg: float) -> float:
    return (now_deg - start_deg) % 360.0


@pytest.fixture(scope="module")
def robot(client: Client, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A launched robot in the house, and its driver."""
    arguments = {"world": WORLD, "seed": str(SEED), "fps": "5.0", "namespace": "/simulated"}
    folder = tmp_path_factory.mktemp("sim")
    with launched("sim.launch.py", folder, sourced(), **arguments) as run:
        driver = Driver(client, "/simulated")
        wait_until(lambda: "ask me at ~/ask" in run.log, LONG_S)
        yield run, driver


def deltas_of(client: Client, name: str, **fields: Any) -> list[Any]:
    from embodied_agent_interfaces.srv import Recall

    response = client.call(Recall, f"{name}/recall", Recall.Request(limit=100, **fields))
    return sorted(response.deltas, key=lambda delta: delta.keyframe_id)


def test_a_velocity_turns_the_robot_and_what_it_sees_is_remembered_where_it_was(
    client: Client, robot: Any
) -> None:
    run, driver = robot
    start_deg = driver.yaw_deg
    driver.drive(0.0, 0.5, lambda: 90.0 < turned(start_deg, driver.yaw_deg) < 180.0)
    driver.drive(0.0, 0.5, lambda: 270.0 < turned(start_deg, driver.yaw_deg) < 350.0)
    wait_until(lambda: len([d for d in deltas_of(client, run.name) if d.mentions]) >= 3, LONG_S)
    deltas = deltas_of(client, run.name)
    scene = make_scene(WORLD, SEED)
    known = {thing.name for thing in scene.objects}
    seen = {mention.name for delta in deltas for mention in delta.mentions}
    mentions = [mention for delta in deltas for mention in delta.mentions]
    measured = [mention for mention in mentions if not math.isnan(mention.bearing_deg)]
    assert measured
    for mention in measured:
        assert 0 <= mention.box_left < mention.box_right <= 1
        assert 0 < mention.confidence <= 1
        assert mention.range_m > 0
    assert seen & known
    placed = [delta for delta in deltas if delta.has_pose]
    assert placed, run.log
    for delta in placed:
        assert delta.pose.header.frame_id == "map"
        assert delta.body_frame_id == "base_link"
        place = delta.pose.pose.position
        assert math.dist((place.x, place.y), (scene.start.x, scene.start.y)) < 0.05


def test_it_is_asked_where_something_was_seen_and_sent_back_there(
    client: Client, robot: Any
) -> None:
    """The loop: look, ask, go away, go to the evidence, and see the same again."""
    from embodied_agent_interfaces.srv import Ask
    from geometry_msgs.msg import PoseStamped

    run, driver = robot
    known = {thing.name for thing in make_scene(WORLD, SEED).objects}
    deltas = deltas_of(client, run.name)
    placed = sorted({m.name for d in deltas for m in d.mentions if d.has_pose} & known)
    request, evidence = Ask.Request(), None
    for name in placed:
        request = Ask.Request(question=f"Did you see the {name}?")
        answer = client.call(Ask, f"{run.name}/ask", request, LONG_S).answer
        assert answer.status == "answered", answer.problem
        # Of the first images the pose may be missing, while robot and agent still find each other.
        evidence = next((item for item in answer.evidence if item.has_pose), None)
        if evidence is not None:
            break
    assert evidence is not None, placed
    assert evidence.camera_frame_id == "camera_optical_frame"

    away = PoseStamped(header=evidence.pose.header)
    away.pose.orientation.w = 1.0
    away.pose.position.x, away.pose.position.y = _elsewhere()
    assert driver.go(away).startswith("arrived")
    newest = deltas_of(client, run.name)[-1].keyframe_id
    assert driver.go(evidence.pose).startswith("arrived")
    goal = evidence.pose.pose.position
    assert math.dist(driver.place, (goal.x, goal.y)) < 0.3

    # A question has the current image looked at first.
    client.call(Ask, f"{run.name}/ask", request, LONG_S)

    def seen_again() -> list[Any]:
        return [
            delta
            for delta in deltas_of(client, run.name)
            if delta.keyframe_id > newest and name in {m.name for m in delta.mentions}
        ]

    wait_until(seen_again, LONG_S)


def test_objects_have_positions_and_are_located_driven_to_and_renamed(
    client: Client, robot: Any
) -> None:
    from embodied_agent_interfaces.msg import SeenObjects
    from embodied_agent_interfaces.srv import Correct, Locate
    from rclpy.qos import DurabilityPolicy, QoSProfile
    from visualization_msgs.msg import MarkerArray

    run, driver = robot
    late = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
    published = client.collect(SeenObjects, f"{run.name}/objects", late)
    drawn = client.collect(MarkerArray, f"{run.name}/markers", late)
    truth = {thing.name: thing.position for thing in make_scene(WORLD, SEED).objects}

    def surest() -> Any:
        known = [
            one
            for one in (published[-1].objects if published else [])
            if one.has_position and one.name in truth and one.times_seen >= 3
        ]
        return min(known, key=lambda one: one.pose.pose.covariance[0], default=None)

    one = wait_until(surest, LONG_S)
    assert one.pose.header.frame_id == "map"
    place = one.pose.pose.pose.position
    spread = math.sqrt(max(one.pose.pose.covariance[0], one.pose.pose.covariance[7]))
    error = math.dist((place.x, place.y), truth[one.name][:2])
    assert error < max(1.0, 4 * spread)

    located = client.call(Locate, f"{run.name}/locate", Locate.Request(name=one.name))
    assert located.success, located.message
    assert located.objects[0].name == one.name
    assert located.has_goal
    assert driver.go(located.goal).startswith("arrived")
    there = math.dist(driver.place, (place.x, place.y))
    assert there < 8.0

    number = located.objects[0].id
    named = Correct.Request(kind="relabel", by="Ada", object_id=number, text="Dora")
    response = client.call(Correct, f"{run.name}/correct", named)
    assert response.success, response.message
    found = client.call(Locate, f"{run.name}/locate", Locate.Request(name="Dora"))
    assert [each.label for each in found.objects if each.id == number] == ["Dora"]
    wait_until(lambda: ("Dora", number) in [(o.label, o.id) for o in published[-1].objects])
    wait_until(lambda: "Dora" in [each.text for each in drawn[-1].markers])
    refused = client.call(
        Correct, f"{run.name}/correct", Correct.Request(kind="relabel", by="Ada", object_id=10**6)
    )
    assert not refused.success
    assert "text" in refused.message
    nothing = client.call(Locate, f"{run.name}/locate", Locate.Request(name="fridge"))
    assert nothing.success
    assert not nothing.objects
    assert not nothing.has_goal


def test_a_standing_question_is_reported_on_the_topic_of_alerts(client: Client, robot: Any) -> None:
    from embodied_agent_interfaces.msg import Alert
    from embodied_agent_interfaces.srv import Ask

    run, driver = robot
    alerts = client.collect(Alert, f"{run.name}/alert")
    names = sorted({m.name for delta in deltas_of(client, run.name) for m in delta.mentions})
    kinds = sorted({name.split()[-1] for name in names})
    for kind in kinds:
        request = Ask.Request(question=f"Tell me when you see a {kind}")
        answer = client.call(Ask, f"{run.name}/ask", request, LONG_S).answer
        assert answer.text.startswith("I will tell you when I see"), answer.text
    start_deg = driver.yaw_deg
    driver.drive(0.0, 0.5, lambda: alerts or 300.0 < turned(start_deg, driver.yaw_deg) < 350.0)
    alert = wait_until(lambda: alerts and alerts[0], LONG_S)
    assert alert.event == "seen"
    assert alert.name.split()[-1] in kinds or alert.name == "Dora"  # as it was called above
    assert alert.has_pose


def _elsewhere() -> tuple[float, float]:
    """A place that the robot can drive to, some metres from where it begins."""
    robot = Robot(make_scene(WORLD, SEED))
    for thing in robot.scene.objects:
        x, y, _ = thing.position
        length_m = robot.go_to(x, y)
        if length_m is not None and 2.0 < length_m < 6.0:
            return x, y
    raise AssertionError("no object is some metres away")


def test_a_goal_in_a_wall_or_in_another_frame_is_refused(client: Client, robot: Any) -> None:
    from geometry_msgs.msg import PoseStamped

    _, driver = robot
    for frame_id, x_m in (("map", -50.0), ("moon", 1.0)):
        goal = PoseStamped()
        goal.header.frame_id = frame_id
        goal.pose.position.x = x_m
        goal.pose.orientation.w = 1.0
        assert driver.go(goal).startswith("refused")


def test_a_robot_that_runs_into_a_wall_stops_there(client: Client, robot: Any) -> None:
    _, driver = robot
    before: list[tuple[float, float]] = []

    def stands() -> bool:
        before.append(driver.place)
        return len(before) > 200 and math.dist(before[-200], before[-1]) < 0.001

    driver.drive(1.0, 0.0, stands)
    x0, y0, x1, y1 = make_scene(WORLD, SEED).bounds
    assert x0 < driver.place[0] < x1
    assert y0 < driver.place[1] < y1
