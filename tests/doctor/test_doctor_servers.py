"""What doctor finds out about a model server, and what it reports when it can't."""

from __future__ import annotations

import json
from typing import Literal

from embodied_agent.doctor.servers import Finding, try_server
from embodied_agent.perception.prompts import full_schema
from embodied_agent.settings import ServerSettings
from tests.support.served import MODEL, Handler, faulty, free_port, refuses, says

KEPT = json.dumps(dict.fromkeys(full_schema(first=False, watching=False)["required"], ""))


def found(
    url: str, role: Literal["perceiver", "reasoner"] = "perceiver", model: str = MODEL
) -> dict[str, Finding]:
    settings = ServerSettings(base_url=url, model=model, timeout_s=5, max_retries=0)
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
        "schema": True,
    }
    assert [part["type"] for part in pictures] == ["image_url", "image_url", "text"]


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
