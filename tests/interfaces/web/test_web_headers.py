"""Headers and addresses that no proper client sends: refused in words, and no fault of ours."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.hostile_http import HEADERS, REQUESTS, TARGETS, VALUES, status_of
from tests.support.web import TOKEN, Running, running


@pytest.fixture(scope="module", params=["", TOKEN])
def served(request: pytest.FixtureRequest) -> Iterator[Running]:
    more = {"web__token": request.param} if request.param else {}
    with running(web__connections_per_client=512, **more) as its:
        yield its


@pytest.mark.parametrize("header", HEADERS, ids=lambda header: header.decode())
def test_no_value_of_a_header_is_a_fault_of_ours(served: Running, header: bytes) -> None:
    with served.client() as client:
        locked = client.get("/api/path").status_code == 401
    # What a token changes, it changes before any handler.
    for line, body in REQUESTS[:1] if locked else REQUESTS:
        for value in VALUES:
            lines = {b"Host": b"localhost", b"Connection": b"close"}
            if body:
                lines[b"Content-Length"] = str(len(body)).encode()
                lines[b"Content-Type"] = b"application/json"
            lines[header] = value
            head = line + b" HTTP/1.1"
            for name, content in lines.items():
                head += b"\r\n" + name + b": " + content
            # Where its length is not told truly, the body may be waited for.
            if header in (b"Content-Length", b"Transfer-Encoding") and not body:
                continue
            status = status_of(served, head, body)
            assert status < 500, (line, header, value)


@pytest.mark.parametrize("target", TARGETS, ids=range(len(TARGETS)))
def test_no_address_is_a_fault_of_ours(served: Running, target: bytes) -> None:
    head = b"GET " + target + b" HTTP/1.1\r\nHost: localhost\r\nConnection: close"
    assert status_of(served, head) < 500


@pytest.mark.parametrize("number", ["---5", "--5", "-2", "+1", "٣", "1_0", "5-", "", " 1"])
def test_a_place_among_the_events_that_is_none_means_to_start_anew(
    served: Running, number: str
) -> None:
    headers = {"Authorization": f"Bearer {TOKEN}"}
    with served.client(headers=headers) as client:
        with client.stream("GET", "/api/events", headers={"Last-Event-ID": "x"}) as events:
            (epoch,) = {
                line.removeprefix("id: ").split("-")[0]
                for line, _ in zip(events.iter_lines(), range(3), strict=False)
                if line.startswith("id: ")
            }
        wrong = f"{epoch}-{number}".encode()
        with client.stream("GET", "/api/events", headers={"Last-Event-ID": wrong}) as events:
            assert events.status_code == 200
            assert "event: resync" in [
                line for line, _ in zip(events.iter_lines(), range(3), strict=False)
            ]
