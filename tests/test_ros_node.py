"""The node on real ROS 2: transitions, topics, services, the action, parameters, diagnostics."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from conftest import panorama_views
from served_kit import Handler, chunk, faulty, says

pytestmark = [pytest.mark.ros, pytest.mark.timeout(900)]
pytest.importorskip("rclpy", reason="no ROS 2 here: install it in /opt/ros and run `make test`")

import ros_kit as kit  # noqa: E402
from ros_kit import Client, NodeProcess, publish_until, running_node, wait_until  # noqa: E402

SECOND = 1_000_000_000
VIEWS = panorama_views(30)
REPLY = says("<think>It was in #0.</think>", "<answer>to the left</answer>")


@pytest.fixture(scope="module")
def client() -> Iterator[Client]:
    kit.use_interfaces()
    made = Client()
    yield made
    made.close()


@pytest.fixture(scope="module")
def answering(client: Client, tmp_path_factory: pytest.TempPathFactory) -> Iterator[NodeProcess]:
    """An active node whose reasoner answers at once."""
    with faulty(REPLY) as server:
        parameters = {
            "reasoning.backend": "served",
            "reasoning.server.base_url": server.url,
            "ros.silent_s": 1.0,
        }
        folder = tmp_path_factory.mktemp("answering")
        with running_node(folder, namespace="/answering", parameters=parameters) as node:
            client.start(node)
            yield node


class Camera:
    """Sends pictures one by one, each once the one before it was decided on."""

    def __init__(self, client: Client, namespace: str) -> None:
        from embodied_agent_interfaces.msg import KeyframeDecision
        from sensor_msgs.msg import Image

        self.decisions = client.collect(KeyframeDecision, f"{namespace}/embodied_agent/decision")
        self.publisher = client.publisher(Image, f"{namespace}/image")
        self.stamp_ns = 100 * SECOND
        self._client = client
        self._topic = f"{namespace}/embodied_agent/decision"

    def send(self, picture: np.ndarray, stamp_ns: int | None = None) -> None:
        self.stamp_ns = stamp_ns if stamp_ns is not None else self.stamp_ns + SECOND // 5
        wait_until(lambda: self._client.node.count_publishers(self._topic))
        before = len(self.decisions)
        deadline = time.monotonic() + kit.PATIENCE_S
        # The first decisions may be lost while the two ends find each other.
        while len(self.decisions) == before:
            assert time.monotonic() < deadline
            self.publisher.publish(kit.raw_image(picture, self.stamp_ns))
            try:
                wait_until(lambda: len(self.decisions) > before, 2.0)
            except AssertionError:
                self.stamp_ns += SECOND // 5


@pytest.fixture(scope="module")
def camera(client: Client, answering: NodeProcess) -> Camera:
    made = Camera(client, "/answering")
    for view in VIEWS[::3]:
        made.send(view)
    return made


@pytest.fixture
def ask(client: Client, answering: NodeProcess, camera: Camera) -> Callable[..., object]:
    from embodied_agent_interfaces.srv import Ask

    def call(**fields: object) -> object:
        return client.call(Ask, f"{answering.name}/ask", Ask.Request(**fields))

    return call


@pytest.fixture(scope="module")
def statuses(client: Client, answering: NodeProcess) -> Callable[[str], object]:
    """The latest diagnostics of the answering node, by name."""
    from diagnostic_msgs.msg import DiagnosticArray

    found = client.collect(DiagnosticArray, "/diagnostics")

    def latest(name: str, node: str = answering.name) -> object:
        for message in reversed(found):
            for status in message.status:
                if status.hardware_id == node and status.name.endswith(f": {name}"):
                    return status
        return None

    return latest


def value(status: object, key: str) -> str:
    pairs = status.values if status is not None else ()
    return next((pair.value for pair in pairs if pair.key == key), "")


def test_every_image_gets_a_decision_in_its_own_frame(camera: Camera) -> None:
    last = camera.decisions[-1]
    assert last.header.frame_id == "camera"
    assert last.header.stamp.sec * SECOND + last.header.stamp.nanosec == camera.stamp_ns
    assert len(last.homography) in (0, 9)


def test_keyframes_are_published_as_pictures_and_deltas_in_order(
    client: Client, answering: NodeProcess, camera: Camera
) -> None:
    import cv2
    from embodied_agent_interfaces.msg import SemanticDelta
    from sensor_msgs.msg import CompressedImage

    pictures = client.collect(CompressedImage, f"{answering.name}/keyframe")
    deltas = client.collect(SemanticDelta, f"{answering.name}/delta")
    for topic in ("keyframe", "delta"):
        wait_until(lambda topic=topic: client.node.count_publishers(f"{answering.name}/{topic}"))
    number = 0
    while len(deltas) < 3 or not pictures:
        number += 1
        camera.send(VIEWS[(number * 11) % 30])
        assert number < 200
    ids = [delta.keyframe_id for delta in deltas]
    assert ids == sorted(set(ids))
    picture = cv2.imdecode(np.frombuffer(pictures[0].data, np.uint8), cv2.IMREAD_COLOR)
    assert picture.shape == VIEWS[0].shape
    assert deltas[0].model == "geometry"


def test_a_question_is_answered_with_evidence(ask: Callable[..., object]) -> None:
    response = ask(question="Where is the sofa?")
    assert response.success, response.answer.problem
    assert response.answer.text == "to the left"
    assert "total" in response.answer.stages
    assert [item.keyframe_id for item in response.answer.evidence] == [0]
    assert response.answer.evidence[0].note == "cited"


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"question": "   "}, "empty"),
        ({"question": "x" * 1_000_000}, "1000000 characters"),
        ({"question": "where?", "choices": ["a", "a"]}, "the same"),
        ({"question": "where?", "timeout_s": -1.0}, "timeout_s"),
        ({"question": "where?", "timeout_s": float("nan")}, "timeout_s"),
    ],
)
def test_a_question_that_cannot_be_asked_gets_its_reason(
    ask: Callable[..., object], answering: NodeProcess, fields: dict[str, object], said: str
) -> None:
    response = ask(**fields)
    assert not response.success
    assert said in response.answer.problem
    assert answering.alive


def test_a_hundred_questions_at_once_all_get_replies(
    client: Client, answering: NodeProcess, camera: Camera
) -> None:
    from embodied_agent_interfaces.srv import Ask
    from rclpy.qos import QoSProfile

    # With ROS's default of ten, this one client would lose most of the replies by itself.
    qos = QoSProfile(depth=200)
    service = client.node.create_client(Ask, f"{answering.name}/ask", qos_profile=qos)
    assert service.wait_for_service(kit.PATIENCE_S)
    futures = [service.call_async(Ask.Request(question=f"Where is {n}?")) for n in range(100)]
    answers = [client.result(future).answer for future in futures]
    assert all(answer.text or answer.problem for answer in answers)
    assert sum(answer.text == "to the left" for answer in answers) > 50
    client.node.destroy_client(service)


def test_recall_finds_keyframes_with_their_pictures(
    client: Client, answering: NodeProcess, camera: Camera
) -> None:
    from embodied_agent_interfaces.srv import Recall

    request = Recall.Request(limit=2, pictures=True)
    response = client.call(Recall, f"{answering.name}/recall", request)
    assert response.success
    assert len(response.deltas) == len(response.pictures) == len(response.ranks) == 2
    assert bytes(response.pictures[0].data[:2]) == b"\xff\xd8"


def test_recall_says_what_is_wrong_with_a_request(
    client: Client, answering: NodeProcess, camera: Camera
) -> None:
    from embodied_agent_interfaces.srv import Recall

    request = Recall.Request(use_position=True)
    request.near.x = float("nan")
    response = client.call(Recall, f"{answering.name}/recall", request)
    assert not response.success
    assert "finite" in response.message


def test_reset_begins_a_new_segment(
    client: Client, answering: NodeProcess, camera: Camera, statuses: Callable[[str], object]
) -> None:
    from std_srvs.srv import Trigger

    before = int(value(wait_until(lambda: statuses("memory")), "segments"))
    assert client.call(Trigger, f"{answering.name}/reset", Trigger.Request()).success
    camera.send(VIEWS[0])
    assert camera.decisions[-1].reason == "first"
    wait_until(lambda: int(value(statuses("memory"), "segments")) == before + 1)


def _bad_images() -> dict[str, object]:
    from sensor_msgs.msg import Image

    view = VIEWS[0]
    return {
        "empty_image": Image(header=kit.header(SECOND), encoding="bgr8"),
        "bad_step": kit.raw_image(view, SECOND, step=7),
        "unknown_encoding": kit.raw_image(view, SECOND, encoding="hologram9"),
        "truncated_image": kit.raw_image(view, SECOND, data=b"123"),
        "too_large": kit.raw_image(view, SECOND, width=60_000, height=60_000, step=180_000),
    }


@pytest.mark.parametrize(
    "kind", ["empty_image", "bad_step", "unknown_encoding", "truncated_image", "too_large"]
)
def test_a_bad_image_is_counted_and_the_next_one_is_taken(
    answering: NodeProcess, camera: Camera, statuses: Callable[[str], object], kind: str
) -> None:
    camera.publisher.publish(_bad_images()[kind])
    wait_until(lambda: value(statuses("camera"), f"complaints.{kind}"))
    camera.send(VIEWS[1])
    assert answering.alive
    assert "an image can't be used" in answering.log


def test_an_image_without_a_stamp_gets_the_time_of_its_arrival(
    camera: Camera, statuses: Callable[[str], object]
) -> None:
    before = len(camera.decisions)
    camera.publisher.publish(kit.raw_image(VIEWS[2], 0))
    wait_until(lambda: len(camera.decisions) > before)
    assert abs(camera.decisions[-1].header.stamp.sec - time.time()) < 3600
    assert wait_until(lambda: value(statuses("camera"), "complaints.stamp_zero"))


def test_a_clock_that_jumps_back_begins_a_new_segment(
    camera: Camera, statuses: Callable[[str], object]
) -> None:
    camera.send(VIEWS[3], 900_000 * SECOND)
    before = int(value(wait_until(lambda: statuses("memory")), "segments"))
    camera.send(VIEWS[4], 50 * SECOND)
    assert camera.decisions[-1].reason == "first"
    wait_until(lambda: int(value(statuses("memory"), "segments")) > before)
    camera.stamp_ns = 60 * SECOND


def test_poses_come_from_odometry_and_nan_is_left_out(
    client: Client,
    answering: NodeProcess,
    camera: Camera,
    statuses: Callable[[str], object],
) -> None:
    from embodied_agent_interfaces.srv import Recall
    from nav_msgs.msg import Odometry
    from std_srvs.srv import Trigger

    publisher = client.publisher(Odometry, "/answering/odom")
    at_ns = camera.stamp_ns + SECOND
    lost = kit.odometry(at_ns, float("nan"))
    publish_until(publisher, lost, lambda: value(statuses("camera"), "complaints.invalid_pose"))
    publisher.publish(kit.odometry(at_ns, 1.0))
    publisher.publish(kit.odometry(at_ns + SECOND // 5, 3.0))
    assert client.call(Trigger, f"{answering.name}/reset", Trigger.Request()).success

    def newest() -> object:
        response = client.call(Recall, f"{answering.name}/recall", Recall.Request(limit=1))
        return response.deltas[0]

    camera.send(VIEWS[5], at_ns + SECOND // 10)
    wait_until(lambda: newest().has_pose)
    assert newest().pose.pose.position.x == pytest.approx(2.0)
    assert newest().pose.header.frame_id == "odom"


def test_diagnostics_warn_when_the_camera_falls_silent(
    camera: Camera, statuses: Callable[[str], object]
) -> None:
    from diagnostic_msgs.msg import DiagnosticStatus

    camera.send(VIEWS[6])
    wait_until(lambda: statuses("camera").level == DiagnosticStatus.WARN)
    assert "silent" in statuses("camera").message


def test_diagnostics_hold_what_an_operator_needs(
    camera: Camera, statuses: Callable[[str], object]
) -> None:
    for name, keys in {
        "camera": {"rate_hz", "age_s", "dropped"},
        "memory": {"bytes", "keyframes"},
        "perception": {"queue", "mean_latency_s"},
        "reasoning": {"waiting", "last_latency_s"},
        "servers": {"reasoning"},
    }.items():
        status = wait_until(lambda name=name: statuses(name))
        assert keys <= {pair.key for pair in status.values}
    wait_until(lambda: value(statuses("servers"), "reasoning") == "reachable")


def test_parameters_say_what_they_are(client: Client, answering: NodeProcess) -> None:
    from rcl_interfaces.srv import DescribeParameters

    names = ["keyframes.overlap_threshold", "keyframes.method", "web.port"]
    found = client.call(
        DescribeParameters,
        f"{answering.name}/describe_parameters",
        DescribeParameters.Request(names=names),
    ).descriptors
    threshold, method, port = found
    assert "keep a frame" in threshold.description
    assert not threshold.read_only
    assert threshold.floating_point_range[0].to_value == 1.0
    assert method.read_only
    assert "robust" in method.additional_constraints
    assert port.integer_range[0].to_value == 65535


@pytest.mark.parametrize(
    ("name", "change", "said"),
    [
        ("keyframes.overlap_threshold", 2.0, "range"),
        ("keyframes.overlap_threshold", 1.0, "less than 1"),
        ("keyframes.method", "paper", "read-only"),
        ("keyframes.overlap_threshold", "half", "type"),
    ],
)
def test_a_bad_value_is_refused_with_a_reason(
    client: Client, answering: NodeProcess, name: str, change: object, said: str
) -> None:
    result = _set(client, answering, name, change)
    assert not result.successful
    assert said in result.reason


def test_a_threshold_changes_while_the_node_runs(
    client: Client, answering: NodeProcess, camera: Camera
) -> None:
    assert _set(client, answering, "keyframes.min_interval_s", 0.0).successful
    assert _set(client, answering, "keyframes.overlap_threshold", 0.99).successful
    for view in VIEWS[10:20]:
        camera.send(view)
    kept = [decision.keep for decision in camera.decisions[-5:]]
    assert _set(client, answering, "keyframes.overlap_threshold", 0.5).successful
    assert all(kept)


def _set(client: Client, node: NodeProcess, name: str, change: object) -> object:
    from rcl_interfaces.srv import SetParameters
    from rclpy.parameter import Parameter

    request = SetParameters.Request(parameters=[Parameter(name, value=change).to_parameter_msg()])
    return client.call(SetParameters, f"{node.name}/set_parameters", request).results[0]


def test_a_reply_is_streamed_as_feedback(
    client: Client, answering: NodeProcess, camera: Camera
) -> None:
    from action_msgs.msg import GoalStatus
    from embodied_agent_interfaces.action import Reason
    from rclpy.action import ActionClient

    action = ActionClient(client.node, Reason, f"{answering.name}/reason")
    assert action.wait_for_server(kit.PATIENCE_S)
    pieces: list[str] = []
    goal = client.result(
        action.send_goal_async(
            Reason.Goal(question="Where?"), lambda message: pieces.append(message.feedback.text)
        )
    )
    outcome = client.result(goal.get_result_async())
    assert outcome.status == GoalStatus.STATUS_SUCCEEDED, outcome.result.answer.problem
    assert outcome.result.answer.text == "to the left"
    wait_until(lambda: "to the left" in "".join(pieces))
    action.destroy()


def test_a_goal_that_cannot_be_asked_is_aborted_with_its_reason(
    client: Client, answering: NodeProcess
) -> None:
    from action_msgs.msg import GoalStatus
    from embodied_agent_interfaces.action import Reason
    from rclpy.action import ActionClient

    action = ActionClient(client.node, Reason, f"{answering.name}/reason")
    assert action.wait_for_server(kit.PATIENCE_S)
    goal = client.result(action.send_goal_async(Reason.Goal(question="")))
    outcome = client.result(goal.get_result_async())
    assert outcome.status == GoalStatus.STATUS_ABORTED
    assert "empty" in outcome.result.answer.problem
    action.destroy()


def _endless(handler: Handler) -> None:
    """Thinks on and on, until the client goes away."""
    handler.start(200, "text/event-stream", {"Transfer-Encoding": "chunked"})
    try:
        while not handler.server.went.wait(0.02):
            handler.send(chunk(content="hm "))
    except OSError:
        handler.server.gone.append(True)
    handler.server.went.set()
    handler.close_connection = True


def test_images_are_taken_while_a_model_thinks_and_cancelling_stops_it(
    client: Client, tmp_path: Path
) -> None:
    from action_msgs.msg import GoalStatus
    from embodied_agent_interfaces.action import Reason
    from rclpy.action import ActionClient

    with faulty(_endless) as server:
        parameters = {
            "reasoning.backend": "served",
            "reasoning.server.base_url": server.url,
            "reasoning.timeout_s": 600.0,
        }
        with running_node(tmp_path, namespace="/cancelled", parameters=parameters) as node:
            client.start(node)
            camera = Camera(client, "/cancelled")
            camera.send(VIEWS[0])
            action = ActionClient(client.node, Reason, f"{node.name}/reason")
            assert action.wait_for_server(kit.PATIENCE_S)
            pieces: list[str] = []
            goal = client.result(
                action.send_goal_async(
                    Reason.Goal(question="Where?"), lambda m: pieces.append(m.feedback.text)
                )
            )
            wait_until(lambda: pieces)
            camera.send(VIEWS[1])  # a model that thinks holds nothing up
            assert not server.went.is_set()
            client.result(goal.cancel_goal_async())
            outcome = client.result(goal.get_result_async())
            assert outcome.status == GoalStatus.STATUS_CANCELED
            assert server.went.wait(kit.PATIENCE_S)
            assert server.gone == [True]
            action.destroy()


def test_transitions_make_and_remove_everything(client: Client, tmp_path: Path) -> None:
    from embodied_agent_interfaces.srv import Ask

    with running_node(tmp_path, namespace="/stepped") as node:
        topic = f"{node.name}/decision"
        assert client.state(node) == "unconfigured"
        assert client.node.count_publishers(topic) == 0
        assert client.transition(node, "configure")
        assert client.state(node) == "inactive"
        wait_until(lambda: client.node.count_publishers(topic) == 1)
        response = client.call(Ask, f"{node.name}/ask", Ask.Request(question="where?"))
        assert "inactive" in response.answer.problem
        assert client.transition(node, "activate")
        assert client.state(node) == "active"
        Camera(client, "/stepped").send(VIEWS[0])
        assert client.transition(node, "deactivate")
        assert client.transition(node, "cleanup")
        assert client.state(node) == "unconfigured"
        wait_until(lambda: client.node.count_publishers(topic) == 0)
        assert client.transition(node, "unconfigured_shutdown") or client.transition(
            node, "shutdown"
        )
        assert client.state(node) == "finalized"


def test_a_transition_that_does_not_exist_leaves_the_node_alive(
    client: Client, tmp_path: Path
) -> None:
    from lifecycle_msgs.msg import Transition
    from lifecycle_msgs.srv import ChangeState

    with running_node(tmp_path, namespace="/wrong") as node:
        assert client.state(node) == "unconfigured"
        service = client.node.create_client(ChangeState, f"{node.name}/change_state")
        assert service.wait_for_service(kit.PATIENCE_S)
        wrong = Transition(id=Transition.TRANSITION_DEACTIVATE)
        service.call_async(ChangeState.Request(transition=wrong))
        assert client.state(node) == "unconfigured"
        assert client.transition(node, "configure")
        client.node.destroy_client(service)


def test_a_memory_that_cannot_be_opened_leaves_the_node_unconfigured(
    client: Client, tmp_path: Path
) -> None:
    (tmp_path / "memory").write_text("this is no memory, and longer than a header would be " * 9)
    parameters = {"memory.path": str(tmp_path / "memory")}
    with running_node(tmp_path, namespace="/unopened", parameters=parameters) as node:
        assert not client.transition(node, "configure")
        assert client.state(node) == "unconfigured"
        assert "can't configure" in node.log


def test_a_hundred_cycles_leave_nothing_behind(client: Client, tmp_path: Path) -> None:
    parameters = {"memory.path": str(tmp_path / "memory.db")}
    with running_node(tmp_path, namespace="/cycled", parameters=parameters) as node:

        def cycle() -> None:
            for name in ("configure", "activate", "deactivate", "cleanup"):
                assert client.transition(node, name), node.log

        for _ in range(5):
            cycle()
        wait_until(lambda: client.node.count_publishers(f"{node.name}/decision") == 0)
        files, threads = node.files(), node.threads()
        for _ in range(95):
            cycle()
        wait_until(lambda: node.files() <= files + 2 and node.threads() <= threads + 1)


def test_a_store_that_cannot_be_written_is_an_error(
    client: Client, statuses: Callable[..., object], tmp_path: Path
) -> None:
    from diagnostic_msgs.msg import DiagnosticStatus

    parameters = {"memory.path": str(tmp_path / "memory.db")}
    limit = 500_000
    with running_node(tmp_path, namespace="/full", parameters=parameters, file_limit=limit) as node:
        client.start(node)
        rng = np.random.default_rng(3)
        publisher = client.publisher(kit.raw_image(VIEWS[0], 1).__class__, "/full/image")
        stamp_ns = SECOND

        def failed() -> bool:
            nonlocal stamp_ns
            stamp_ns += SECOND
            noise = rng.integers(0, 255, (480, 640, 3), np.uint8)
            publisher.publish(kit.raw_image(noise, stamp_ns))
            status = statuses("memory", node.name)
            return status is not None and status.level == DiagnosticStatus.ERROR

        wait_until(failed)
        assert node.alive


def test_compressed_images_of_any_size_are_taken_and_bombs_are_not(
    client: Client, statuses: Callable[..., object], tmp_path: Path
) -> None:
    from embodied_agent_interfaces.msg import KeyframeDecision
    from sensor_msgs.msg import CompressedImage

    large = kit.compressed_image(np.zeros((4320, 7680, 3), np.uint8), 2 * SECOND)
    whole = bytes(kit.compressed_image(VIEWS[0], SECOND).data)
    at = whole.index(b"\xff\xc0") + 5
    bomb = whole[:at] + b"\xff\xff\xff\xff" + whole[at + 4 :]  # 65,535 pixels each way
    bad = {"too_large": bomb, "truncated_image": whole[:-200], "unknown_encoding": b"GIF89a"}
    parameters = {"ros.image_transport": "compressed"}
    with running_node(tmp_path, namespace="/packed", parameters=parameters) as node:
        client.start(node)
        decisions = client.collect(KeyframeDecision, f"{node.name}/decision")
        publisher = client.publisher(CompressedImage, "/packed/image/compressed")
        wait_until(lambda: client.node.count_publishers(f"{node.name}/decision"))
        for kind, data in bad.items():
            message = CompressedImage(header=kit.header(SECOND), format="jpeg", data=data)
            publish_until(
                publisher,
                message,
                lambda kind=kind: value(statuses("camera", node.name), f"complaints.{kind}"),
            )
        for message in (kit.compressed_image(VIEWS[0], SECOND), large):
            before = len(decisions)
            publish_until(publisher, message, lambda before=before: len(decisions) > before)
        assert node.alive


def test_poses_come_from_tf(client: Client, tmp_path: Path) -> None:
    from embodied_agent_interfaces.srv import Recall
    from geometry_msgs.msg import TransformStamped
    from tf2_msgs.msg import TFMessage

    with running_node(tmp_path, namespace="/tf", parameters={"ros.pose": "tf"}) as node:
        client.start(node)
        camera = Camera(client, "/tf")
        transforms = client.publisher(TFMessage, "/tf")
        at_ns = 50 * SECOND
        for stamp_ns, x_m in ((at_ns, 1.0), (at_ns + SECOND, 2.0)):
            step = TransformStamped(header=kit.header(stamp_ns, "odom"), child_frame_id="base_link")
            step.transform.translation.x = x_m
            step.transform.rotation.w = 1.0
            transforms.publish(TFMessage(transforms=[step]))

        def seen() -> object:
            camera.send(VIEWS[0], camera.stamp_ns + SECOND // 100)
            camera.send(VIEWS[29], camera.stamp_ns + SECOND // 100)
            request = Recall.Request(limit=100)
            deltas = client.call(Recall, f"{node.name}/recall", request).deltas
            return next((delta for delta in deltas if delta.has_pose), None)

        camera.stamp_ns = at_ns + SECOND // 4
        found = wait_until(seen)
        assert 1.0 <= found.pose.pose.position.x <= 2.0
        assert found.pose.header.frame_id == "odom"
        assert client.transition(node, "deactivate")
        assert client.transition(node, "cleanup")


def test_simulated_time_that_steps_back_a_little_begins_a_new_segment(
    client: Client, tmp_path: Path
) -> None:
    from rosgraph_msgs.msg import Clock

    with running_node(tmp_path, namespace="/sim", parameters={"use_sim_time": True}) as node:
        client.start(node)
        camera = Camera(client, "/sim")
        clock = client.publisher(Clock, "/clock")
        clock.publish(Clock(clock=kit.header(10 * SECOND).stamp))
        camera.send(VIEWS[0], 10 * SECOND)
        camera.send(VIEWS[0], 10 * SECOND + SECOND // 5)
        assert camera.decisions[-1].reason == ""
        clock.publish(Clock(clock=kit.header(9 * SECOND).stamp))

        def reset() -> bool:
            # Within two seconds a stamp that lies back is jitter, unless the clock stepped back.
            camera.send(VIEWS[0], 9 * SECOND)
            return camera.decisions[-1].reason == "first"

        wait_until(reset)


def test_two_robots_run_side_by_side(client: Client, tmp_path: Path) -> None:
    with (
        running_node(tmp_path, namespace="/first") as first,
        running_node(tmp_path, namespace="/second") as second,
    ):
        client.start(first)
        client.start(second)
        one, other = Camera(client, "/first"), Camera(client, "/second")
        one.send(VIEWS[0])
        assert not other.decisions
        other.send(VIEWS[0])
        assert one.decisions[0].reason == other.decisions[0].reason == "first"


def test_a_bad_parameter_stops_the_node_with_a_reason(tmp_path: Path, client: Client) -> None:
    import subprocess
    import sys

    command = [sys.executable, "-m", "embodied_agent.interfaces.ros.main", "--ros-args"]
    done = subprocess.run(
        [*command, "-p", "keyframes.method:=psychic"],
        capture_output=True,
        text=True,
        timeout=kit.PATIENCE_S,
        env=dict(os.environ),
        check=False,
    )
    assert done.returncode == 1
    assert "keyframes.method" in done.stderr
    assert "Traceback" not in done.stderr
