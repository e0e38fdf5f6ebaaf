"""The HTTP API against a real server: what it serves, what it refuses, and how it says so."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator

import cv2
import httpx2 as httpx
import numpy as np
import pytest

from embodied_agent.agent.question_queue import QueueListener
from embodied_agent.interfaces.wire.models import AnswerReply, KeyframeReply, StatusReply
from tests.support.web import PERIOD_NS, WAIT_S, Naming, Paced, Running, frames, running


@pytest.fixture(scope="module")
def served() -> Iterator[Running]:
    with running() as its:
        yield its


@pytest.fixture
def client(served: Running) -> Iterator[httpx.Client]:
    with served.client() as client:
        yield client


def error(response: httpx.Response) -> tuple[int, str]:
    return response.status_code, response.json()["error"]["code"]


def events(response: httpx.Response) -> Iterator[tuple[str, dict]]:
    """Server-sent events: name and data."""
    name = ""
    for line in response.iter_lines():
        if line.startswith("event: "):
            name = line.removeprefix("event: ")
        elif line.startswith("data: "):
            yield name, json.loads(line.removeprefix("data: "))


def test_the_status_has_every_stage(client: httpx.Client) -> None:
    status = StatusReply.model_validate(client.get("/api/status").json())
    assert status.frames == 24
    assert status.ready
    assert status.memory.keyframes >= 6
    assert status.perception is not None
    assert status.perception.perceived >= 6
    assert status.asks.waiting == 0
    assert status.interfaces["web"].state == "serving"


def test_keyframes_come_page_by_page(client: httpx.Client) -> None:
    seen: list[int] = []
    since: int | None = 0
    while since is not None:
        page = client.get("/api/keyframes", params={"since": since, "limit": 2}).json()
        seen += [KeyframeReply.model_validate(k).id for k in page["keyframes"]]
        since = page["next"]
    assert seen == list(range(len(seen)))
    assert len(seen) >= 6


def test_keyframes_carry_delta_pose_and_where_the_picture_is(client: httpx.Client) -> None:
    (keyframe,) = client.get("/api/keyframes", params={"since": 2, "limit": 1}).json()["keyframes"]
    names = ("box", "bearing_deg", "elevation_deg", "range_m", "range_std_m", "confidence")
    unmeasured = dict.fromkeys(names)
    assert keyframe["delta"]["mentions"] == [
        {"name": "lamp 2", "direction": "front", "distance": "near", **unmeasured}
    ]
    assert keyframe["delta"]["text"] == "#2 start: lamp 2 front near."
    assert keyframe["pose"]["position_m"][0] > 0
    assert client.get(keyframe["picture"]).status_code == 200


def test_the_newest_keyframes_and_those_before(client: httpx.Client) -> None:
    newest = client.get("/api/keyframes", params={"newest": True, "limit": 2}).json()["keyframes"]
    last = newest[-1]["id"]
    assert [k["id"] for k in newest] == [last - 1, last]
    assert client.get("/api/keyframes", params={"since": last + 1}).json()["keyframes"] == []
    asked = {"newest": True, "limit": 2, "before": last - 1}
    before = client.get("/api/keyframes", params=asked).json()["keyframes"]
    assert [k["id"] for k in before] == [last - 3, last - 2]


def test_keyframes_of_one_segment() -> None:
    with running() as its, its.client() as client:
        first = len(its.agent.store.keyframes())
        its.agent.reset()
        its.feed(frames(24))
        count = len(its.agent.store.keyframes())
        asked = {"segment": 0, "newest": True, "limit": 2}
        newest = client.get("/api/keyframes", params=asked).json()["keyframes"]
        assert [k["id"] for k in newest] == [first - 2, first - 1]
        second = client.get("/api/keyframes", params={"segment": 1}).json()["keyframes"]
        assert [k["id"] for k in second] == list(range(first, count))


def test_a_picture_is_sent_once_and_then_only_confirmed(client: httpx.Client) -> None:
    first = client.get("/api/keyframes/1.jpg")
    assert first.headers["content-type"] == "image/jpeg"
    image = cv2.imdecode(np.frombuffer(first.content, np.uint8), cv2.IMREAD_COLOR)
    assert image.shape == (120, 160, 3)
    again = client.get("/api/keyframes/1.jpg", headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


def test_an_unknown_keyframe_has_no_picture(client: httpx.Client) -> None:
    assert error(client.get("/api/keyframes/999.jpg")) == (404, "not_found")


def test_the_camera_shows_the_latest_frame_scaled_down() -> None:
    with running(web__camera_width=64) as its, its.client() as client:
        found = client.get("/api/camera.jpg")
        image = cv2.imdecode(np.frombuffer(found.content, np.uint8), cv2.IMREAD_COLOR)
        assert image.shape == (48, 64, 3)
        assert found.headers["x-stamp-ns"] == str(23 * PERIOD_NS)
        same = client.get("/api/camera.jpg", headers={"If-None-Match": found.headers["etag"]})
        assert same.status_code == 304


def test_a_thumbnail_is_smaller(client: httpx.Client) -> None:
    assert error(client.get("/api/keyframes/1.jpg?width=17"))[0] == 422
    small = client.get("/api/keyframes/1.jpg?width=160")
    assert small.status_code == 200


def test_recall_finds_by_words_time_and_place(client: httpx.Client) -> None:
    by_words = client.get("/api/recall", params={"text": "lamp 3"}).json()["hits"]
    assert by_words[0]["keyframe"]["id"] == 3
    by_time = client.get("/api/recall", params={"to_ns": 0}).json()["hits"]
    assert [hit["keyframe"]["id"] for hit in by_time] == [0]
    place = {"x": 0, "y": 0, "z": 0, "radius_m": 0.05}
    by_place = client.get("/api/recall", params=place).json()["hits"]
    assert [hit["keyframe"]["id"] for hit in by_place] == [0]


def test_half_a_place_is_refused(client: httpx.Client) -> None:
    assert error(client.get("/api/recall", params={"x": 1})) == (422, "invalid")


def test_the_path_has_a_point_per_keyframe(client: httpx.Client) -> None:
    path = client.get("/api/path").json()
    assert path["frame_id"] == "odom"
    xs = [point["x_m"] for point in path["points"]]
    assert xs == sorted(xs)
    assert xs[-1] > xs[0]
    assert path["points"][0]["yaw_rad"] == 0


def test_an_answer_carries_evidence_that_can_be_looked_at(client: httpx.Client) -> None:
    body = {"id": "q7", "question": "Where is lamp 2?", "choices": ["left", "right"]}
    answer = AnswerReply.model_validate(client.post("/api/ask", json=body).json())
    assert (answer.id, answer.text, answer.choice) == ("q7", "left", "A")
    assert (answer.problem, answer.reasoning) == ("", "#0 shows it")
    assert {item.keyframe_id for item in answer.evidence} == {0, 2}
    for item in answer.evidence:
        assert client.get(item.picture).status_code == 200
    assert client.get("/api/answers").json()["answers"][-1]["id"] == "q7"


def test_a_streamed_answer_comes_in_pieces_and_then_whole() -> None:
    reasoner = Paced(hold_after=2)
    with running(reasoner=reasoner) as its, its.client() as client:
        body = {"question": "Where is lamp 2?", "stream": True}
        with client.stream("POST", "/api/ask", json=body) as response:
            assert response.headers["content-type"].startswith("text/event-stream")
            text = ""
            for name, data in events(response):
                if name == "piece":
                    text += data["text"]
                    reasoner.more.set()  # the first piece was here before the second was made
                else:
                    assert name == "answer"
                    assert data["text"] == "left"
        assert text == reasoner.reply


@pytest.mark.parametrize("stream", [True, False])
def test_hanging_up_stops_the_model(stream: bool) -> None:
    reasoner = Paced(hold_after=1)
    with running(reasoner=reasoner) as its:
        noticed = threading.Event()
        its.questions.listen(QueueListener(on_answer=lambda ask, answer: noticed.set()))
        body = json.dumps({"question": "Where?", "stream": stream})
        address = httpx.URL(its.url)
        assert address.port is not None
        with socket.create_connection((address.host, address.port), timeout=WAIT_S) as robot:
            head = f"POST /api/ask HTTP/1.1\r\nHost: {address.host}:{address.port}\r\n"
            head += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
            robot.sendall((head + body).encode())
            assert reasoner.started.acquire(timeout=WAIT_S)
        assert noticed.wait(WAIT_S)
        reasoner.more.set()
        assert reasoner.stopped.wait(WAIT_S)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b'{"question": ', (400, "json")),
        (b"\xff\xfe\x00binary", (400, "json")),
        (b"[]", (422, "invalid")),
        (b'{"question": 12}', (422, "invalid")),
        (b'{"question": ""}', (422, "invalid")),
        (b'{"question": "Where?", "extra": 1}', (422, "invalid")),
        (b'{"question": "Where?", "stream": "yes"}', (422, "invalid")),
        (b'{"question": "Where?", "timeout_s": -1}', (422, "invalid")),
        (b'{"question": "Where?", "timeout_s": NaN}', (422, "invalid")),
        (b'{"question": "Where?", "at_ns": 1e400}', (422, "invalid")),
        (b'{"question": "Where?", "at_ns": 99999999999999999999}', (422, "invalid")),
        (b'{"question": "\\ud800"}', (422, "invalid")),
        (b'{"\\ud800": "x"}', (422, "invalid")),
        (b'{"question": "Where?", "choices": ["a", "A"]}', (422, "question")),
        (b'{"question": "   "}', (422, "question")),
        (b"[" * 30_000, (400, "json")),
    ],
    ids=range(16),
)
def test_what_is_no_question_is_refused_in_words(
    client: httpx.Client, body: bytes, expected: tuple[int, str]
) -> None:
    response = client.post("/api/ask", content=body, headers={"Content-Type": "application/json"})
    assert error(response) == expected
    assert "Traceback" not in response.text


def test_ten_megabytes_are_refused_at_once(client: httpx.Client) -> None:
    address = (client.base_url.host, client.base_url.port or 80)
    request = (
        f"POST /api/ask HTTP/1.1\r\nHost: {address[0]}:{address[1]}\r\n"
        "Content-Type: application/json\r\nContent-Length: 10000000\r\n\r\n"
    )
    # Nothing of the body is sent: a client that still sends may lose the answer when the server
    # closes the connection.
    with socket.create_connection(address, timeout=WAIT_S) as connection:
        connection.sendall(request.encode())
        answer = connection.recv(65536).decode()
    assert answer.startswith("HTTP/1.1 413 ")


def test_ten_megabytes_of_unknown_length_are_refused(client: httpx.Client) -> None:
    def chunks() -> Iterator[bytes]:
        for _ in range(640):
            yield b"x" * 16_384

    # The server may close before all is sent; either way it takes no more than its limit.
    try:
        response = client.post("/api/ask", content=chunks())
    except httpx.TransportError:
        return
    assert error(response) == (413, "too_large")


def test_a_full_queue_says_busy() -> None:
    reasoner = Paced()
    reasoner.go.clear()
    with running(reasoner=reasoner, reasoning__waiting=1) as its, its.client() as client:
        body = {"question": "Where?"}
        threads = [
            threading.Thread(target=lambda: client.post("/api/ask", json=body)) for _ in range(2)
        ]
        threads[0].start()
        assert reasoner.started.acquire(timeout=WAIT_S)
        taken = threading.Event()
        its.questions.listen(QueueListener(on_question=lambda ask: taken.set()))
        threads[1].start()
        assert taken.wait(WAIT_S)
        refused = client.post("/api/ask", json=body)
        assert error(refused) == (503, "busy")
        assert "retry-after" in refused.headers
        reasoner.go.set()
        for thread in threads:
            thread.join(WAIT_S)


def test_hostile_text_stays_text() -> None:
    hostile = "</script><img src=x onerror=alert(1)>\ud800\u2028"
    reasoner = Paced(reply=f"<think>{hostile}</think><answer>{hostile}</answer>")
    observation = hostile.replace("\ud800", "")
    with running(reasoner=reasoner, perceiver=Naming(observation)) as its, its.client() as client:
        answer = client.post("/api/ask", json={"question": "Where?"})
        assert answer.headers["content-type"] == "application/json"
        assert answer.json()["text"].startswith("</script><img")
        listed = client.get("/api/keyframes")
        assert listed.headers["content-type"] == "application/json"
        assert listed.headers["x-content-type-options"] == "nosniff"
        assert listed.json()["keyframes"][0]["delta"]["observation"] == observation


def test_an_unknown_path_is_an_error_like_all(client: httpx.Client) -> None:
    assert error(client.get("/api/nothing")) == (404, "not_found")
    assert error(client.get("/api/ask")) == (405, "method")


def test_a_fault_is_told_without_its_traceback(
    served: Running, client: httpx.Client, monkeypatch: pytest.MonkeyPatch, caplog: object
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("secret detail")

    monkeypatch.setattr(type(served.agent.store), "search", broken)
    response = client.get("/api/recall")
    assert error(response) == (500, "internal")
    assert "secret detail" not in response.text
    assert "Traceback" not in response.text


def test_before_the_first_frame_it_says_so() -> None:
    with running(fed=False) as its, its.client() as client:
        assert error(client.get("/api/camera.jpg")) == (404, "not_found")
        assert client.get("/api/keyframes").json() == {"keyframes": [], "next": None}
        assert client.get("/api/path").json()["points"] == []
        answer = client.post("/api/ask", json={"question": "Where?"}).json()
        assert "nothing has been seen" in answer["problem"]


def test_metrics_count_every_stage(client: httpx.Client) -> None:
    client.post("/api/ask", json={"question": "Where?"})
    client.get("/api/keyframes/1.jpg")
    values = dict(
        line.rsplit(" ", 1)
        for line in client.get("/metrics").text.splitlines()
        if not line.startswith("#")
    )
    assert float(values["embodied_agent_frames_total"]) == 24
    assert float(values['embodied_agent_decisions_total{reason="first"}']) == 1
    assert float(values["embodied_agent_keyframes_total"]) >= 6
    assert float(values["embodied_agent_perception_seconds_count"]) >= 6
    assert float(values["embodied_agent_memory_file_bytes"]) > 0
    assert float(values['embodied_agent_answers_total{status="answered"}']) >= 1
    assert float(values['embodied_agent_answer_seconds_count{stage="total"}']) >= 1
    picture = (
        'embodied_agent_http_requests_total{method="GET",route="/api/keyframes/{keyframe_id}.jpg",'
        'status="200"}'
    )
    assert float(values[picture]) >= 1
    for name in ("asks_waiting", "asks_running", "watchers", "keyframes_pending", "ready", "up"):
        assert f"embodied_agent_{name}" in values


def test_ready_says_why_it_is_not() -> None:
    from embodied_agent.agent import Agent
    from embodied_agent.host.interfaces import serving
    from tests.support.web import web_settings

    problems = ["the camera is gone"]
    settings = web_settings()
    with (
        Agent(settings, perceiver=Naming(), reasoner=Paced()) as agent,
        serving(agent, settings, not_ready=lambda: problems) as interfaces,
        httpx.Client(base_url=interfaces.url or "", trust_env=False, timeout=60) as client,
    ):
        response = client.get("/readyz")
        assert (response.status_code, response.text) == (503, "the camera is gone\n")
        assert client.get("/healthz").status_code == 200
        problems.clear()
        for frame in frames(2):
            agent.observe(frame)
        assert client.get("/readyz").text == "ready\n"
