"""Every fault of a server ends in the right error, within the time-out, with advice."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest

from embodied_agent.errors import ModelError, ModelUnavailable
from tests.support.served import (
    Behaviour,
    Handler,
    chunk,
    faulty,
    free_port,
    hangs,
    page,
    refuses,
    says,
    streams,
)
from tests.support.served_models import (
    PROMPT,
    REPLY,
    ask,
    perceive,
    reasoner,
)

both = pytest.mark.parametrize("call", [ask, perceive])
Call = Callable[..., str]


def test_a_router_is_told_whose_requests_belong_together() -> None:
    reply = says("<answer>A</answer>")
    with faulty(reply, reply, reply, says(REPLY)) as server:
        for session in ("", "", "walker-7"):
            ask(server.url, session=session)
        perceive(server.url)
        first, second, named, third = server.sessions
    assert first == second == third != ""
    assert named == "walker-7"


@both
def test_nobody_listening_is_unavailable(call: Call) -> None:
    with pytest.raises(ModelUnavailable, match="check that the server is running"):
        call(f"http://127.0.0.1:{free_port()}/v1")


@both
@pytest.mark.parametrize("status", [408, 429, 500, 502, 503])
def test_an_overloaded_or_failing_server_is_unavailable(call: Call, status: int) -> None:
    with faulty(refuses(status)) as server, pytest.raises(ModelUnavailable, match=str(status)):
        call(server.url)


@both
def test_a_hanging_server_is_unavailable_after_the_time_out(call: Call) -> None:
    with faulty(hangs) as server, pytest.raises(ModelUnavailable, match=r"within 0\.3 s"):
        call(server.url, timeout_s=0.3, max_retries=5)


@both
def test_a_stream_that_stops_coming_is_unavailable_after_the_time_out(call: Call) -> None:
    stuck = streams(chunk(content="<think>"), then=Handler.wait)
    with faulty(stuck) as server, pytest.raises(ModelUnavailable, match=r"within 0\.3 s"):
        call(server.url, timeout_s=0.3)


@both
def test_a_stream_kept_alive_without_words_ends_at_the_time_out(call: Call) -> None:
    def drip(handler: Handler) -> None:
        stop = threading.Event()
        while not stop.wait(0.05):
            handler.send(b": still here\n\n")  # fails once the client is gone

    with (
        faulty(streams(then=drip)) as server,
        pytest.raises(ModelUnavailable, match=r"within 0\.5 s"),
    ):
        call(server.url, timeout_s=0.5)


@both
@pytest.mark.parametrize(
    "half",
    [
        streams(chunk(content="half"), then=lambda handler: None),  # the connection breaks
        streams(chunk(content="half")),  # a proper end that comes too early
        streams(chunk(content="half"), b'data: {"error": "out of memory"}\n\n'),
    ],
)
def test_half_a_stream_is_unavailable(call: Call, half: Behaviour) -> None:
    with faulty(half) as server, pytest.raises(ModelUnavailable):
        call(server.url)


@both
@pytest.mark.parametrize("status", [401, 403])
def test_a_refused_key_says_where_to_set_it(call: Call, status: int) -> None:
    with faulty(refuses(status)) as server, pytest.raises(ModelError, match="api_key") as caught:
        call(server.url)
    assert not isinstance(caught.value, ModelUnavailable)


@both
@pytest.mark.parametrize(
    ("status", "body"),
    [
        (404, {"error": {"message": "The model `other` does not exist."}}),
        (400, {"detail": "Server is pinned to 'a'; requested 'other'."}),
    ],
)
def test_a_wrong_model_names_those_that_exist(call: Call, status: int, body: Any) -> None:
    with (
        faulty(refuses(status, body), models=["a", "b"]) as server,
        pytest.raises(ModelError, match="it has a, b") as caught,
    ):
        call(server.url, model="other")
    assert not isinstance(caught.value, ModelUnavailable)


@both
@pytest.mark.parametrize(
    "text",
    [
        "image input is not supported - hint: you may need to provide the mmproj",
        "this model is missing data required for image input",
    ],
)
def test_a_model_without_eyes_is_not_tried_again_whatever_the_status(call: Call, text: str) -> None:
    with (
        faulty(refuses(500, {"error": {"message": text, "code": 500}})) as server,
        pytest.raises(ModelError, match="serve a vision model") as caught,
    ):
        call(server.url, max_retries=3)
    assert not isinstance(caught.value, ModelUnavailable)
    assert len(server.requests) == 1


def test_a_model_that_refuses_fields_is_asked_without_them_from_then_on() -> None:
    def as_reasoning_models_do(handler: Handler) -> None:
        request = handler.server.requests[-1]
        if "max_tokens" in request:
            text = "'max_tokens' is not supported with this model. Use 'max_completion_tokens'."
        elif "temperature" in request:
            text = "Unsupported value: 'temperature' does not support 0.0 with this model."
        else:
            return says("<answer>left</answer>")(handler)
        return refuses(400, {"error": {"message": text}})(handler)

    with faulty(as_reasoning_models_do) as server:
        served = reasoner(server.url)
        for _ in range(2):
            assert "".join(served.stream(PROMPT, timeout_s=20, max_tokens=70)).endswith("</answer>")
        served.close()
        assert len(server.requests) == 4
        assert server.requests[-1]["max_completion_tokens"] == 70


@both
def test_a_web_page_instead_of_a_reply_doubts_the_address(call: Call) -> None:
    with faulty(page) as server, pytest.raises(ModelError, match="base_url") as caught:
        call(server.url)
    assert not isinstance(caught.value, ModelUnavailable)


@both
@pytest.mark.parametrize(
    "event", [b"data: not json\n\n", b"data: 5\n\ndata: [1]\n\n", b'data: {"choices": [7]}\n\n']
)
def test_nonsense_in_a_stream_is_an_error_of_ours(call: Call, event: bytes) -> None:
    with faulty(streams(event)) as server, pytest.raises(ModelError):
        call(server.url)


def test_an_address_that_is_none_is_refused_at_once() -> None:
    with pytest.raises(ModelError, match="http://"):
        reasoner("localhost:8000")


@both
def test_a_short_outage_is_waited_out(call: Call) -> None:
    with faulty(refuses(503), refuses(429), says(REPLY)) as server:
        assert call(server.url, timeout_s=60.0, max_retries=3)
        assert len(server.requests) == 3


@both
def test_waits_that_a_server_asks_for_dont_outlast_the_time_out(call: Call) -> None:
    busy = refuses(429, headers={"Retry-After": "3600"})
    with faulty(busy) as server, pytest.raises(ModelUnavailable, match="429"):
        call(server.url, timeout_s=5, max_retries=3)


def test_without_a_name_the_first_model_is_asked() -> None:
    with faulty(says("yes"), models=["first", "second"]) as server:
        served = reasoner(server.url, model="")
        assert "".join(served.stream(PROMPT, timeout_s=60)) == "yes"
        assert server.requests[0]["model"] == served.name == "first"
        served.close()


def test_without_a_name_and_without_a_list_a_name_is_asked_for() -> None:
    with (
        faulty(says("yes"), models=[]) as server,
        pytest.raises(ModelError, match=r"server\.model"),
    ):
        ask(server.url, model="")


def test_reasoning_in_a_field_of_its_own_is_put_into_think() -> None:
    parts = [chunk(reasoning_content="so "), chunk(reasoning_content="left")]
    reply = streams(*parts, chunk(content="<answer>A</answer>"), chunk(finish="stop"))
    with faulty(reply) as server:
        assert ask(server.url) == "<think>so left</think><answer>A</answer>"


def test_reasoning_within_the_content_stays_as_it_is() -> None:
    with faulty(says("<think>so", " left</think>", "<answer>A</answer>")) as server:
        assert ask(server.url) == "<think>so left</think><answer>A</answer>"


def test_reasoning_without_an_answer_is_closed_and_asked_for_again_without_thinking() -> None:
    with faulty(streams(chunk(reasoning="so"), chunk(finish="stop"))) as server:
        assert ask(server.url) == "<think>so</think>" * 2
        first, second = server.requests
    assert "reasoning_effort" not in first
    assert second["reasoning_effort"] == "none"


def test_closing_the_iterator_closes_the_request() -> None:
    with faulty(streams(chunk(content="a"), then=Handler.wait)) as server:
        served = reasoner(server.url)
        pieces = served.stream(PROMPT, timeout_s=60)
        assert next(pieces) == "a"
        pieces.close()  # type: ignore[attr-defined]
        assert server.went.wait(60)
        assert server.gone == [True]
        served.close()


def test_a_reasoner_sends_transcript_and_task_as_one_message() -> None:
    with faulty(says("yes")) as server:
        ask(server.url)
        assert server.requests[0]["messages"] == [{"role": "user", "content": PROMPT.user}]
        assert server.requests[0]["temperature"] == 0


def test_only_the_key_of_the_settings_is_ever_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "meant-for-somebody-else")
    with faulty(says("yes")) as server:
        ask(server.url)
        ask(server.url, api_key="ours")
    assert server.keys == ["Bearer none", "Bearer ours"]
