"""Who gets in: addresses, tokens, hosts, origins, rates; and nothing of the token in any log."""

from __future__ import annotations

import logging
import socket
import struct
from collections.abc import Iterator

import httpx2 as httpx
import pytest

from embodied_agent.agent import Agent
from embodied_agent.agent.question_queue import QuestionQueue
from embodied_agent.errors import SettingsError
from embodied_agent.host.interfaces import Interfaces, serving
from embodied_agent.interfaces.web.guard import is_loopback
from embodied_agent.interfaces.web.limits import Rate
from embodied_agent.settings import load_settings
from tests.support.web import TOKEN, WAIT_S, Naming, Paced, Running, running, web_settings

#: Everything that answers something else than one word.
PATHS = [
    "/",
    "/static/app.js",
    "/api/status",
    "/api/keyframes",
    "/api/keyframes/0.jpg",
    "/api/camera.jpg",
    "/api/recall",
    "/api/path",
    "/api/answers",
    "/api/objects",
    "/api/objects/0/goal",
    "/api/corrections",
    "/api/places",
    "/api/events",
    "/api/openapi.json",
    "/metrics",
    "/mcp",
    "/nothing",
]


@pytest.fixture(scope="module")
def open_server() -> Iterator[Running]:
    with running(web__allowed_hosts=["robot.example"]) as its:
        yield its


@pytest.fixture(scope="module")
def locked() -> Iterator[Running]:
    with running(web__token=TOKEN) as its:
        yield its


def bearer(token: str = TOKEN) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5", "robot.local"])
def test_any_address_but_the_loopback_needs_a_token(host: str) -> None:
    settings = web_settings(web__host=host)
    with (
        Agent(settings, perceiver=Naming(), reasoner=Paced()) as agent,
        pytest.raises(SettingsError, match=r"set web\.token"),
        serving(agent, settings),
    ):
        pass


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("127.0.0.1", True),
        ("127.8.0.1", True),
        ("::1", True),
        ("localhost", True),
        ("0.0.0.0", False),
        ("::", False),
        ("localhost.example", False),
    ],
)
def test_what_counts_as_loopback(host: str, expected: bool) -> None:
    assert is_loopback(host) is expected


def test_a_short_token_is_refused() -> None:
    with pytest.raises(SettingsError, match=r"web\.token") as caught:
        load_settings(web__token="hunter2")
    assert "hunter2" not in str(caught.value)


def test_with_a_token_other_addresses_are_served() -> None:
    with running(web__host="0.0.0.0", web__token=TOKEN, fed=False) as its:
        port = its.url.rsplit(":", 1)[1]
        with httpx.Client(trust_env=False, timeout=60) as client:
            url = f"http://127.0.0.1:{port}/api/status"
            assert client.get(url).status_code == 401
            assert client.get(url, headers=bearer()).status_code == 200


@pytest.mark.parametrize("path", PATHS)
def test_nothing_is_told_without_the_token(locked: Running, path: str) -> None:
    with locked.client() as client:
        assert client.get(path).status_code == 401
        assert client.post(path).status_code == 401


def test_the_token_in_an_address_opens_nothing_but_the_page(locked: Running) -> None:
    with locked.client() as client:
        for path in PATHS[1:]:
            assert client.get(path, params={"token": TOKEN}).status_code == 401


def test_the_bearer_opens_all(locked: Running) -> None:
    with locked.client(headers=bearer()) as client:
        assert client.get("/api/status").status_code == 200
        assert client.get("/metrics").status_code == 200
        assert client.post("/api/ask", json={"question": "Where?"}).status_code == 200


def test_probes_need_no_token_and_tell_one_word(locked: Running) -> None:
    with locked.client() as client:
        assert client.get("/healthz").text == "alive\n"
        assert client.get("/readyz").text == "ready\n"


def test_the_first_visit_trades_the_token_for_a_cookie(locked: Running) -> None:
    with locked.client() as client:
        first = client.get("/", params={"token": TOKEN})
        assert (first.status_code, first.headers["location"]) == (303, "/")
        cookie = first.headers["set-cookie"].lower()
        assert TOKEN not in cookie
        assert "httponly" in cookie
        assert "samesite=strict" in cookie
        assert first.headers["cache-control"] == "no-store"
        assert client.get("/api/status").status_code == 200


def test_a_wrong_token_gets_no_cookie(locked: Running) -> None:
    with locked.client() as client:
        assert client.get("/", params={"token": TOKEN + "x"}).status_code == 401
        assert not client.cookies


def test_guessing_is_slowed_down() -> None:
    with running(web__token=TOKEN, fed=False) as its, its.client() as client:
        codes = [
            client.get("/api/status", headers=bearer(f"wrong {n}")).status_code for n in range(30)
        ]
        assert codes[:10] == [401] * 10
        assert codes.count(429) >= 5  # a few may pass meanwhile, one per five seconds
        assert client.get("/api/status", headers=bearer()).status_code == 200


def test_the_token_is_in_no_log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with running(web__token=TOKEN, fed=False) as its, its.client() as client:
        client.get("/", params={"token": TOKEN})
        client.get("/api/status", headers=bearer())
        client.get("/api/recall", params={"token": TOKEN, "x": "1"}, headers=bearer())
    ours = [r.getMessage() for r in caplog.records if not r.name.startswith("http")]
    assert not any(TOKEN in message for message in ours)


@pytest.mark.parametrize("value", ["Bearer", "bearer é", "Basic eDp5", "Bearer \x7f"])
def test_odd_credentials_are_refused_like_wrong_ones(value: str) -> None:
    with running(web__token=TOKEN, fed=False) as its, its.client() as client:
        headers = {"Authorization": value.encode("latin-1")}
        assert client.get("/api/status", headers=headers).status_code == 401


@pytest.mark.parametrize(
    "host", ["localhost", "127.0.0.1:1", "[::1]:8080", "robot.example:8080", "192.168.7.7"]
)
def test_own_names_and_addresses_are_served(open_server: Running, host: str) -> None:
    with open_server.client(headers={"Host": host}) as client:
        assert client.get("/healthz").status_code == 200


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:8080", "127.0.0.1.evil.example", ""]
)
def test_a_foreign_name_is_refused_even_if_it_points_here(open_server: Running, host: str) -> None:
    with open_server.client(headers={"Host": host}) as client:
        response = client.get("/api/status")
        # Without a name at all, HTTP itself refuses.
        assert response.status_code in ((421,) if host else (400, 421))


@pytest.mark.parametrize(
    "origin", ["http://evil.example", "null", "http://127.0.0.1:1", "https://x"]
)
def test_another_pages_scripts_are_refused(open_server: Running, origin: str) -> None:
    with open_server.client(headers={"Origin": origin}) as client:
        assert client.post("/api/ask", json={"question": "Where?"}).status_code == 403
        assert client.get("/api/status").status_code == 403
        assert client.options("/api/ask").status_code == 403


def test_the_own_page_is_served_and_no_cors_header_is_sent(open_server: Running) -> None:
    with open_server.client(headers={"Origin": open_server.url}) as client:
        response = client.get("/api/status")
        assert response.status_code == 200
        assert not [name for name in response.headers if name.startswith("access-control")]


def test_a_form_of_another_page_can_not_ask(open_server: Running) -> None:
    with open_server.client() as client:
        body = '{"question": "Where?"}'
        for kind in ("text/plain", "application/x-www-form-urlencoded", ""):
            response = client.post("/api/ask", content=body, headers={"Content-Type": kind})
            assert response.status_code == 422


def test_every_reply_forbids_foreign_content(open_server: Running) -> None:
    with open_server.client() as client:
        for path in ("/", "/api/status", "/nothing", "/api/keyframes/0.jpg"):
            headers = client.get(path).headers
            policy = headers["content-security-policy"]
            assert "default-src 'none'" in policy
            assert "unsafe" not in policy
            assert headers["x-content-type-options"] == "nosniff"
            assert headers["cross-origin-resource-policy"] == "same-origin"
            assert "server" not in headers


def test_too_many_requests_are_refused_for_a_while() -> None:
    with running(web__rate_hz=0.001, web__burst=5, fed=False) as its, its.client() as client:
        codes = [client.get("/healthz").status_code for _ in range(7)]
        assert codes == [200] * 5 + [429] * 2


def test_a_rate_recovers_with_time() -> None:
    now = 0.0
    rate = Rate(2.0, 3, clock=lambda: now)
    assert [rate.take("a") for _ in range(4)] == [0, 0, 0, 0.5]
    assert rate.take("b") == 0
    now = 0.5
    assert rate.take("a") == 0
    assert rate.take("a") > 0


def test_a_port_in_use_stops_the_start_with_its_name() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        settings = web_settings(web__port=port)
        with (
            Agent(settings, perceiver=Naming(), reasoner=Paced()) as agent,
            pytest.raises(SettingsError, match=f"127.0.0.1:{port}"),
            serving(agent, settings),
        ):
            pass


def test_what_is_no_http_is_dropped(open_server: Running) -> None:
    port = int(open_server.url.rsplit(":", 1)[1])
    for data in (b"\x16\x03\x01" + bytes(300), b"GET " + b"/" * 100_000 + b"\r\n\r\n", b"\r\n" * 9):
        with socket.create_connection(("127.0.0.1", port), WAIT_S) as connection:
            connection.sendall(data)
            connection.shutdown(socket.SHUT_WR)
            received = connection.recv(4096)
            assert not received or received.startswith(b"HTTP/1.1 400")
    with open_server.client() as client:
        assert client.get("/healthz").status_code == 200


def test_a_client_that_vanishes_in_its_request_harms_nobody(open_server: Running) -> None:
    port = int(open_server.url.rsplit(":", 1)[1])
    for _ in range(20):
        connection = socket.create_connection(("127.0.0.1", port), WAIT_S)
        connection.sendall(
            b"POST /api/ask HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
            b'Content-Length: 500\r\n\r\n{"question": "Wh'
        )
        # Reset instead of a proper end.
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.close()
    with open_server.client() as client:
        assert client.get("/healthz").status_code == 200


@pytest.mark.parametrize("before", ["", "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"])
def test_a_request_that_is_never_finished_ends_its_connection(
    monkeypatch: pytest.MonkeyPatch, before: str
) -> None:
    monkeypatch.setattr("embodied_agent.interfaces.web.protocol.HEAD_S", 2.0)
    with running(fed=False) as its:
        port = int(its.url.rsplit(":", 1)[1])
        with socket.create_connection(("127.0.0.1", port), WAIT_S) as connection:
            if before:
                connection.sendall(before.encode())
                received = b""
                while not received.endswith(b"alive\n"):
                    data = connection.recv(4096)
                    assert data, received
                    received += data
            connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: loc")
            assert connection.recv(4096) == b""


def test_an_answer_may_take_longer_than_a_request(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("embodied_agent.interfaces.web.protocol.HEAD_S", 2.0)
    with running() as its, its.client() as client:
        with client.stream("GET", "/api/events") as response:
            statuses = (line for line in response.iter_lines() if line == "event: status")
            assert [next(statuses) for _ in range(4)] == ["event: status"] * 4  # one a second
        assert client.get("/healthz").text == "alive\n"


def test_nothing_listens_where_no_interface_is_on() -> None:
    settings = web_settings(web__enabled=False)
    with Agent(settings, perceiver=Naming(), reasoner=Paced()) as agent:
        questions = QuestionQueue(agent, parallel=1, waiting=1)
        interfaces = Interfaces(agent, questions, settings)
        interfaces.start()
        assert (interfaces.url, interfaces.names, interfaces.problems()) == (None, (), {})
        interfaces.close()
        questions.close()
