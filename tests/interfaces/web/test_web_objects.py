"""Objects over HTTP: listed, located, gone to, corrected, and places named."""

from __future__ import annotations

from collections.abc import Iterator
from math import atan2, degrees, hypot
from typing import Any

import httpx2 as httpx
import pytest

from embodied_agent.interfaces.wire.corrections import PlacesReply
from embodied_agent.interfaces.wire.models import GoalReply
from embodied_agent.interfaces.wire.objects import ObjectsReply
from embodied_agent.perception.geometry import GeometryPerceiver
from embodied_agent.records import Delta, Keyframe, Mention
from tests.support.web import Running, running

#: Where a red chair and a green lamp stand, in metres; the camera goes along x and looks along it.
CHAIR, LAMP = (4.0, 1.0), (5.0, -1.5)


class Measuring(GeometryPerceiver):
    """Sees a chair and a lamp where they are, by bearing and range."""

    def perceive(self, previous: Keyframe | None, current: Keyframe) -> Delta:
        assert current.pose is not None
        x, y, _ = current.pose.position_m
        mentions = (seen("red chair", CHAIR, x, y), seen("green lamp", LAMP, x, y))
        return Delta(current.id, action=None, mentions=mentions, model="measuring")


def seen(name: str, at: tuple[float, float], x: float, y: float) -> Mention:
    bearing = degrees(atan2(at[1] - y, at[0] - x))
    return Mention(
        name,
        "front",
        "mid",
        bearing_deg=bearing,
        elevation_deg=0.0,
        range_m=hypot(at[0] - x, at[1] - y),
        confidence=0.9,
    )


@pytest.fixture
def served() -> Iterator[Running]:
    with running(perceiver=Measuring()) as its:
        yield its


@pytest.fixture
def client(served: Running) -> Iterator[httpx.Client]:
    with served.client() as client:
        yield client


def objects(client: httpx.Client, **params: Any) -> ObjectsReply:
    return ObjectsReply.model_validate(client.get("/api/objects", params=params).json())


def correct(client: httpx.Client, **body: Any) -> httpx.Response:
    return client.post("/api/corrections", json=body)


def test_objects_are_listed_where_they_are(client: httpx.Client) -> None:
    reply = objects(client)
    found = {one.name: one for one in reply.objects}
    assert set(found) == {"red chair", "green lamp"}
    for name, (x, y) in (("red chair", CHAIR), ("green lamp", LAMP)):
        one = found[name]
        assert one.position is not None
        assert one.position[:2] == pytest.approx((x, y), abs=0.3)
        assert one.std_m is not None
        assert 0 < one.std_m < 1
        assert one.frame == "odom"
        assert one.evidence
        assert one.seen == len(one.evidence) or one.seen > len(one.evidence)
    assert [session.measured for session in reply.sessions] == ["poses"]


def test_an_object_is_located_by_a_synonym_and_its_colour(client: httpx.Client) -> None:
    located = client.get("/api/objects/locate", params={"name": "red seat"}).json()["objects"]
    assert [one["name"] for one in located] == ["red chair"]
    located = client.get("/api/objects/locate", params={"name": "lamp"}).json()["objects"]
    assert [one["name"] for one in located] == ["green lamp"]
    assert client.get("/api/objects/locate", params={"name": "fridge"}).json()["objects"] == []


def test_a_goal_faces_the_object_from_the_way_that_was_driven(client: httpx.Client) -> None:
    (chair,) = objects(client, name="chair").objects
    goal = GoalReply.model_validate(client.get(f"/api/objects/{chair.id}/goal").json())
    assert goal.object_id == chair.id
    assert goal.pose.frame_id == "odom"
    assert goal.pose.position_m[1] == pytest.approx(0.0, abs=0.01)  # on the way
    assert client.get("/api/objects/999/goal").status_code == 422


def test_a_name_and_a_note_by_a_person_are_kept_with_who_said_so(client: httpx.Client) -> None:
    (lamp,) = objects(client, name="lamp").objects
    assert correct(
        client, kind="relabel", object_id=lamp.id, text="desk light", by="Ada"
    ).is_success
    assert correct(client, kind="annotate", object_id=lamp.id, text="bulb is broken").is_success
    (renamed,) = (one for one in objects(client).objects if one.id == lamp.id)
    assert renamed.label == "desk light"
    assert renamed.note == "bulb is broken"
    made = client.get("/api/corrections").json()["corrections"]
    assert [(one["kind"], one["by"]) for one in made] == [
        ("relabel", "Ada"),
        ("annotate", "127.0.0.1"),
    ]
    assert all(one["at_s"] > 1e9 for one in made)


def test_what_is_forgotten_is_no_longer_listed_and_its_pictures_are_gone(
    client: httpx.Client, served: Running
) -> None:
    (chair,) = objects(client, name="chair").objects
    assert client.get(f"/api/keyframes/{chair.evidence[0]}.jpg").status_code == 200
    assert correct(client, kind="forget", object_id=chair.id).is_success
    assert [one.name for one in objects(client).objects] == ["green lamp"]
    assert client.get(f"/api/keyframes/{chair.evidence[0]}.jpg").status_code == 404


@pytest.mark.parametrize(
    ("body", "status", "why"),
    [
        ({"kind": "relabel", "object_id": 0}, 422, "relabel needs a text"),
        ({"kind": "relabel", "object_id": 99, "text": "x"}, 422, "there is no object 99"),
        ({"kind": "forget"}, 422, "exactly one of"),
        ({"kind": "merge", "object_id": 0, "other_id": 0}, 422, "another object"),
        ({"kind": "destroy", "object_id": 0}, 422, "kind"),
        ({"kind": "forget", "region": [[0, 0], [1, 0]], "session": 0}, 422, "3 to"),
        ({"kind": "forget", "region": [[0], [1, 0], [1, 1]], "session": 0}, 422, "two numbers"),
        ({"kind": "forget", "object_id": "0"}, 422, "object_id"),
    ],
)
def test_a_correction_that_can_not_be_used_is_refused_with_the_reason(
    client: httpx.Client, body: dict[str, Any], status: int, why: str
) -> None:
    before = objects(client)
    response = correct(client, **body)
    assert response.status_code == status
    assert why in response.json()["error"]["message"]
    assert objects(client) == before


def test_places_are_named_by_keyframe_by_position_and_by_region(client: httpx.Client) -> None:
    assert client.put("/api/places/dock", json={"keyframe_id": 0, "by": "Ada"}).is_success
    at_desk = {"position": [1.0, 2.0], "yaw_deg": 90.0}
    assert client.put("/api/places/desk", json=at_desk).is_success
    kitchen = {"region": [[0, 0], [2, 0], [2, 2], [0, 2]]}
    assert client.put("/api/places/kitchen", json=kitchen).is_success
    places = PlacesReply.model_validate(client.get("/api/places").json()).places
    assert [place.name for place in places] == ["desk", "dock", "kitchen"]
    desk, dock, region = places
    assert desk.pose is not None
    assert desk.pose.position_m == (1.0, 2.0, 0.0)
    assert desk.pose.orientation_xyzw == pytest.approx((0, 0, 0.7071, 0.7071), abs=1e-3)
    assert dock.pose is not None
    assert dock.by == "Ada"
    assert region.pose is None
    assert len(region.region) == 4
    assert client.delete("/api/places/dock").is_success
    assert client.delete("/api/places/dock").status_code == 404


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ({}, "exactly one of"),
        ({"keyframe_id": 0, "position": [0, 0]}, "exactly one of"),
        ({"keyframe_id": 10_000}, "unknown"),
        ({"position": [0, 0], "session": 7}, "no map session 7"),
        ({"region": [[0, 0], [1, 1], [2, 2]]}, "no area"),
    ],
)
def test_a_place_that_is_nowhere_is_refused_with_the_reason(
    client: httpx.Client, body: dict[str, Any], why: str
) -> None:
    response = client.put("/api/places/dock", json=body)
    assert response.status_code == 422
    assert why in response.json()["error"]["message"]
    assert client.get("/api/places").json()["places"] == []


def test_a_memory_in_which_nothing_was_seen_has_no_objects() -> None:
    with running(perceiver=Measuring(), fed=False) as its, its.client() as client:
        assert client.get("/api/objects").json() == {"objects": [], "sessions": []}
        response = client.put("/api/places/dock", json={"position": [0, 0]})
        assert "nothing was seen yet" in response.json()["error"]["message"]
