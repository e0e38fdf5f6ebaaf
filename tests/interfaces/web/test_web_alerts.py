"""Standing questions over HTTP and MCP, and their alerts among the live events."""

from __future__ import annotations

import json
from collections.abc import Iterator

import httpx2 as httpx
import pytest

from embodied_agent.interfaces.wire.standing import AlertsReply, StandingQuestionsReply
from tests.support.web import Running, frames, running


@pytest.fixture
def served() -> Iterator[Running]:
    with running(fed=False) as its:
        yield its


@pytest.fixture
def client(served: Running) -> Iterator[httpx.Client]:
    with served.client() as client:
        yield client


def alerts(client: httpx.Client, **params: int) -> AlertsReply:
    return AlertsReply.model_validate(client.get("/api/alerts", params=params).json())


def test_a_standing_question_is_asked_listed_and_withdrawn(client: httpx.Client) -> None:
    body = {"text": "Tell me when you see a lamp", "by": "Ada"}
    asked = client.post("/api/standing-questions", json=body).json()
    assert (asked["name"], asked["event"], asked["by"]) == ("lamp", "seen", "Ada")
    structured = {"name": "red van", "event": "gone"}
    other = client.post("/api/standing-questions", json=structured).json()
    assert other["by"] == "127.0.0.1"
    listed = StandingQuestionsReply.model_validate(client.get("/api/standing-questions").json())
    assert [one.id for one in listed.questions] == [asked["id"], other["id"]]
    left = client.delete(f"/api/standing-questions/{asked['id']}").json()["questions"]
    assert [one["id"] for one in left] == [other["id"]]
    assert client.delete(f"/api/standing-questions/{asked['id']}").status_code == 404


def test_an_alert_is_a_live_event_and_listed_for_whoever_was_away(
    client: httpx.Client, served: Running
) -> None:
    wish = {"text": "tell me when you see lamp 2"}
    asked = client.post("/api/standing-questions", json=wish).json()
    with client.stream("GET", "/api/events") as response:
        served.feed(frames())
        name, found = "", None
        for line in response.iter_lines():
            if line.startswith("event: "):
                name = line.removeprefix("event: ")
            elif line.startswith("data: ") and name == "alert":
                found = json.loads(line.removeprefix("data: "))
                break
    assert found is not None
    assert found["question_id"] == asked["id"]
    assert found["text"] == "I see the lamp 2."
    assert client.get(found["picture"]).status_code == 200
    (listed,) = alerts(client).alerts
    assert listed.id == found["id"]
    assert alerts(client, since=listed.id + 1).alerts == []


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ({}, "either text or name"),
        ({"text": "tell me when you see a van", "name": "van"}, "either text or name"),
        ({"text": "where is the van?"}, "tell me when"),
        ({"name": "van", "place": "dock"}, "there is no place 'dock'"),
        ({"name": "van", "webhook": "http://10.0.0.1/hook"}, "alerts.webhooks"),
        ({"name": "van", "event": "stolen"}, "event"),
    ],
)
def test_a_standing_question_that_can_not_be_used_is_refused_with_the_reason(
    client: httpx.Client, body: dict[str, str], why: str
) -> None:
    response = client.post("/api/standing-questions", json=body)
    assert response.status_code == 422
    assert why in response.json()["error"]["message"]
    assert client.get("/api/standing-questions").json() == {"questions": []}
