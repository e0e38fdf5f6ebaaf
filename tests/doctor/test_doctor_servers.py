"""What doctor finds out about a model server, and what it reports when it can't."""

from __future__ import annotations

import base64
import json
from typing import Any, Literal

import cv2
import numpy as np

from embodied_agent.doctor.servers import Finding, try_server
from embodied_agent.doctor.sight import _COLOURS
from embodied_agent.perception.prompts import full_schema
from embodied_agent.settings import ServerSettings
from tests.support.served import MODEL, Handler, faulty, free_port, refuses, says

KEPT = json.dumps(dict.fromkeys(full_schema(first=False, watching=False)["required"], ""))


def found(
    url: str, role: Literal["perceiver", "reasoner"] = "perceiver", model: str = MODEL
) -> dict[str, Finding]:
    settings = ServerSettings(base_url=url, model=model, timeout_s=60, max_retries=0)
    return {finding.what: finding for finding in try_server(settings, role, schema=True)}


def test_a_server_that_does_all_is_found_to() -> None:
    with faulty(says(KEPT)) as server:
        checks = found(server.url)
        pictures = server.requests[0]["messages"][0]["content"]
    assert {what: check.works for what, check in checks.items()} == {
        "reachable": True,
        "model": True,
        "two pictures": True,
        "latency": True,
        "what is in them": False,
        "schema": True,
    }
    assert [part["type"] for part in pictures] == ["image_url", "image_url", "text"]


def seeing(handler: Handler, *, pictures: int = 2) -> None:
    """A server whose model reads the colour and the movement in the pictures that it gets."""
    parts = handler.server.requests[-1]["messages"][0]["content"]
    shown = [pixels_of(part["image_url"]["url"]) for part in parts if part["type"] == "image_url"]
    places = []
    for image in shown[:pictures]:
        rows, columns = np.nonzero((image != 255).any(2))
        places.append(columns.mean())
        colour = tuple(int(v) for v in image[rows[0], columns[0]])
    name = next((n for n, values in _COLOURS.items() if values == colour), "grey")
    side = "left" if places[-1] < places[0] else "right"
    says(f"It is {name.upper()}" + (f", moved {side}." if pictures == 2 else "."))(handler)


def pixels_of(uri: str) -> Any:
    encoded = np.frombuffer(base64.b64decode(uri.partition(",")[2]), np.uint8)
    return cv2.imdecode(encoded, cv2.IMREAD_COLOR)


def test_a_model_that_sees_both_pictures_is_found_to() -> None:
    with faulty(says(KEPT), seeing, says(KEPT)) as server:
        check = found(server.url)["what is in them"]
    assert (check.works, check.essential) == (True, False)


def test_a_server_that_passes_on_one_picture_is_told() -> None:
    with faulty(says(KEPT), lambda handler: seeing(handler, pictures=1), says(KEPT)) as server:
        check = found(server.url)["what is in them"]
    assert check.works is False
    assert "both pictures" in check.detail


def test_a_model_that_sees_nothing_is_told_what_it_said() -> None:
    with faulty(says(KEPT), says("I can't view pictures, red or blue."), says(KEPT)) as server:
        check = found(server.url)["what is in them"]
    assert check.works is False
    assert "I can't view pictures" in check.detail


def test_nobody_there_ends_the_tries() -> None:
    checks = found(f"http://127.0.0.1:{free_port()}/v1")
    assert [(what, check.works) for what, check in checks.items()] == [("reachable", False)]


def test_a_model_that_is_not_listed_ends_the_tries() -> None:
    with faulty(says(KEPT)) as server:
        checks = found(server.url, model="other")
    assert (checks["model"].works, list(checks)) == (False, ["reachable", "model"])
    assert MODEL in checks["model"].detail


def test_a_server_that_lists_nothing_is_asked_all_the_same() -> None:
    with faulty(says(KEPT), models=[]) as server:
        checks = found(server.url)
    assert (checks["model"].works, checks["two pictures"].works) == (None, True)


def test_a_server_that_refuses_two_pictures_is_told() -> None:
    body = {"error": {"message": "At most 1 image(s) may be provided in one prompt."}}
    with faulty(refuses(400, body)) as server:
        check = found(server.url)["two pictures"]
    assert (check.works, check.essential) == (False, True)
    assert "At most 1 image" in check.detail


def test_a_schema_that_is_refused_or_ignored_is_told_and_not_essential() -> None:
    def refuse_schema(handler: Handler) -> None:
        schema = "response_format" in handler.server.requests[-1]
        (refuses(400) if schema else says("a sofa"))(handler)

    for behaviour, said in (
        (refuse_schema, "not supported"),
        (says("a sofa"), "does not follow it"),
    ):
        with faulty(behaviour) as server:
            check = found(server.url)["schema"]
        assert (check.works, check.essential) == (False, False)
        assert said in check.detail


def test_a_cache_that_the_server_says_nothing_of_is_unknown() -> None:
    with faulty(says("yes")) as server:
        check = found(server.url, "reasoner")["prefix cache"]
        first, second = (request["messages"] for request in server.requests[-2:])
    assert first == second
    assert check.works is not False
    assert "first token after" in check.detail
