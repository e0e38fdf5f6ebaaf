"""A thousand odd requests: each gets a reply that the schema allows, none of them a fault."""

from __future__ import annotations

import json
import string
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import httpx2 as httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from embodied_agent.interfaces.wire.models import AskRequest
from tests.support.web import Running, running

FUZZED = settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    phases=(Phase.explicit, Phase.generate),
    suppress_health_check=list(HealthCheck),
)

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4)
    ),
    max_leaves=8,
)
#: Bodies that are close to being right.
NEARLY = st.fixed_dictionaries(
    {"question": JSON},
    optional=dict.fromkeys(("id", "choices", "at_ns", "timeout_s", "stream", "other"), JSON),
)


@pytest.fixture(scope="module")
def served() -> Iterator[Running]:
    with running(reasoning__timeout_s=60.0) as its:
        yield its


@pytest.fixture(scope="module")
def client(served: Running) -> Iterator[httpx.Client]:
    with served.client() as client:
        yield client


@pytest.fixture(scope="module")
def schema(client: httpx.Client) -> Any:
    return schemathesis.openapi.from_dict(client.get("/api/openapi.json").json())


def check(response: httpx.Response) -> None:
    """Not a fault of ours, and nothing of our insides."""
    assert response.status_code < 500 or response.status_code == 503, response.content
    assert b"Traceback" not in response.content
    if response.status_code >= 400 and response.headers["content-type"] == "application/json":
        assert set(response.json()["error"]) == {"code", "message"}


def test_the_description_of_the_api_is_valid(schema: Any) -> None:
    schema.validate()


@pytest.mark.parametrize(
    "path",
    [
        "/api/status",
        "/api/keyframes",
        "/api/keyframes/{keyframe_id}.jpg",
        "/api/recall",
        "/api/path",
        "/api/answers",
        "/api/objects",
        "/api/objects/locate",
        "/api/objects/{object_id}/goal",
        "/api/corrections",
        "/api/places",
        "/api/standing-questions",
        "/api/alerts",
        "/api/camera.jpg",
        "/healthz",
        "/readyz",
    ],
)
def test_reading_does_what_its_description_says(schema: Any, served: Running, path: str) -> None:
    conforms(schema[path]["GET"], served, 40)


def test_asking_does_what_its_description_says(schema: Any, served: Running) -> None:
    conforms(schema["/api/ask"]["POST"], served, 150)


@pytest.mark.parametrize(
    ("path", "method"),
    [
        ("/api/corrections", "POST"),
        ("/api/places/{name}", "PUT"),
        ("/api/places/{name}", "DELETE"),
        ("/api/standing-questions", "POST"),
        ("/api/standing-questions/{question_id}", "DELETE"),
    ],
)
def test_correcting_does_what_its_description_says(
    schema: Any, served: Running, path: str, method: str
) -> None:
    conforms(schema[path][method], served, 60)


def conforms(operation: Any, served: Running, examples: int) -> None:
    """Requests that the description allows, and some that it does not, get replies that fit."""

    @settings(FUZZED, max_examples=examples)
    @given(case=operation.as_strategy() | _forbidden(operation))
    def fuzz(case: Any) -> None:
        response = case.call(base_url=served.url)
        assert response.status_code < 500 or response.status_code == 503, response.content
        assert b"Traceback" not in response.content
        if response.headers.get("content-type", [""])[0].startswith("application/json"):
            case.validate_response(
                response,
                checks=[
                    schemathesis.checks.not_a_server_error,
                    schemathesis.checks.response_schema_conformance,
                    schemathesis.checks.status_code_conformance,
                    schemathesis.checks.content_type_conformance,
                ],
            )

    fuzz()


def _forbidden(operation: Any) -> st.SearchStrategy[Any]:
    return operation.as_strategy(generation_mode=schemathesis.GenerationMode.NEGATIVE)


@FUZZED
@given(body=st.binary(max_size=400))
def test_bytes_as_questions(client: httpx.Client, body: bytes) -> None:
    headers = {"Content-Type": "application/json"}
    response = client.post("/api/ask", content=body, headers=headers)
    assert 400 <= response.status_code < 500
    check(response)


@settings(FUZZED, max_examples=200)
@given(body=NEARLY)
def test_nearly_questions(client: httpx.Client, body: dict[str, Any]) -> None:
    try:
        asked = AskRequest.model_validate(body)
    except ValueError:
        asked = None
    body = {**body, "timeout_s": 30} if asked is not None else body
    content = json.dumps(body).encode()
    response = client.post(
        "/api/ask", content=content, headers={"Content-Type": "application/json"}
    )
    check(response)
    if asked is None:
        assert response.status_code in (400, 422)


@settings(FUZZED, max_examples=200)
@given(
    path=st.text(string.printable, max_size=60),
    query=st.dictionaries(st.text(max_size=8), st.text(max_size=20), max_size=4),
)
def test_paths_and_queries(client: httpx.Client, path: str, query: dict[str, str]) -> None:
    url = httpx.URL(str(client.base_url)).copy_with(raw_path=b"/" + _quoted(path), params=query)
    check(client.get(url))


@settings(FUZZED, max_examples=100)
@given(
    value=st.text(st.characters(codec="latin-1", exclude_characters="\r\n\0"), max_size=80),
    name=st.sampled_from(
        ["authorization", "cookie", "origin", "if-none-match", "range", "accept", "content-type"]
    ),
)
def test_header_values(client: httpx.Client, name: str, value: str) -> None:
    try:
        response = client.get("/api/keyframes/1.jpg", headers={name: value.encode("latin-1")})
    except httpx.LocalProtocolError:
        return  # the client itself won't send it
    check(response)


@settings(FUZZED, max_examples=100)
@given(body=JSON)
def test_json_as_mcp(client: httpx.Client, body: Any) -> None:
    headers = {"Content-Type": "application/json", "Accept": "application/json, text/event-stream"}
    message = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": body}
    for content in (body, message):
        response = client.post("/mcp", content=json.dumps(content).encode(), headers=headers)
        assert response.status_code < 500, response.text
        assert "Traceback" not in response.text


def test_the_server_is_well_after_all_that(served: Running, client: httpx.Client) -> None:
    assert client.post("/api/ask", json={"question": "Where?"}).json()["text"] == "left"
    status = client.get("/api/status").json()
    assert status["listener_failures"] == 0
    assert (status["asks"]["waiting"], status["asks"]["running"]) == (0, 0)


def _quoted(path: str) -> bytes:
    return quote(path, safe="/%").replace("%%", "%25%").encode()
