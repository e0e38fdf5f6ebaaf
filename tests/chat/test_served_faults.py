"""Whatever a server does wrong ends in the right error, in time, and says what to do."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import cv2
import numpy as np
import pytest

from embodied_agent.errors import ModelError, ModelUnavailable
from embodied_agent.perception.language import compact_prompt, square_picture
from embodied_agent.perception.served import ServedPerceiver
from embodied_agent.reasoning.base import Prompt
from embodied_agent.reasoning.served import ServedReasoner
from embodied_agent.records import Action, Egomotion, Keyframe, Mention
from embodied_agent.settings import PerceptionSettings, ReasoningSettings, ServerSettings
from tests.support.served import (
    MODEL,
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

PROMPT = Prompt(system="", transcript="#0 start: red sofa front near.\n", task="Where is it?")
REPLY = json.dumps(
    {
        "action": "rotate left",
        "objects": [{"name": "red sofa", "direction": "front", "distance": "near"}],
        "observation": "A sofa.",
    }
)


def server_settings(url: str, **values: Any) -> ServerSettings:
    return ServerSettings(
        base_url=url, **{"model": MODEL, "timeout_s": 60, "max_retries": 0, **values}
    )


def reasoner(url: str, **values: Any) -> ServedReasoner:
    return ServedReasoner(
        ReasoningSettings(backend="served", server=server_settings(url, **values))
    )


def perceiver(url: str, **values: Any) -> ServedPerceiver:
    server = server_settings(url, **values)
    return ServedPerceiver(PerceptionSettings(backend="served", server=server))


def keyframe(number: int, **values: Any) -> Keyframe:
    image = np.full((48, 1280, 3), 40 * number, np.uint8)
    jpeg = cv2.imencode(".jpg", image)[1].tobytes()
    return Keyframe(number, number, jpeg, "overlap", width=1280, height=48, **values)


TURN = Egomotion(Action.ROTATE_LEFT, yaw_deg=30.0, confidence=0.9)
PAIR = (keyframe(0), keyframe(1, egomotion=TURN))


def ask(url: str, timeout_s: float = 5.0, **values: Any) -> str:
    served = reasoner(url, **values)
    try:
        return "".join(served.stream(PROMPT, timeout_s=timeout_s))
    finally:
        served.close()


def perceive(url: str, timeout_s: float = 5.0, **values: Any) -> str:
    served = perceiver(url, timeout_s=timeout_s, **values)
    try:
        return served.perceive(*PAIR).observation
    finally:
        served.close()


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


def test_a_reply_that_the_server_finds_out_of_form_counts_as_cut_off() -> None:
    error = {"message": "The model produced output that does not match the expected peg format"}
    event = f"data: {json.dumps({'error': error})}\n\n".encode()
    with faulty(streams(chunk(content=REPLY[:-1]), event)) as server:
        served = perceiver(server.url)
        delta = served.perceive(keyframe(1), keyframe(2))
        served.close()
        assert len(server.requests) == 1
    assert [mention.name for mention in delta.mentions] == ["red sofa"]


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


def test_a_reply_as_asked_for_becomes_a_delta() -> None:
    with faulty(says(REPLY[:20], REPLY[20:])) as server:
        served = perceiver(server.url)
        delta = served.perceive(*PAIR)
        served.close()
    assert (delta.action, delta.angle_deg) == (Action.ROTATE_LEFT, 30.0)
    assert delta.mentions == (Mention("red sofa", "front", "near"),)
    assert delta.agrees_with_egomotion is True
    assert (delta.usable, delta.model) == (True, MODEL)
    kinds = [part["type"] for part in server.requests[0]["messages"][0]["content"]]
    assert kinds == ["image_url", "image_url", "text"]


def test_pictures_are_scaled_down_to_the_width_that_is_set_and_to_no_less_than_models_read() -> (
    None
):
    with faulty(says(REPLY)) as server:
        perceive(server.url)
        url = server.requests[0]["messages"][0]["content"][0]["image_url"]["url"]
    data = base64.b64decode(url.removeprefix("data:image/jpeg;base64,"))
    assert cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR).shape == (28, 640, 3)


def test_the_compact_style_sends_squared_pictures_without_loss_and_asks_once() -> None:
    with faulty(says("rotate left: red sofa front near.")) as server:
        settings = PerceptionSettings(
            backend="served", prompt="compact", server=server_settings(server.url)
        )
        served = ServedPerceiver(settings)
        delta = served.perceive(*PAIR)
        served.close()
        *images, text = server.requests[0]["messages"][0]["content"]
    assert delta.mentions == (Mention("red sofa", "front", "near"),)
    assert text["text"] == compact_prompt(TURN)
    assert "response_format" not in server.requests[0]
    for image, sent in zip(PAIR, images, strict=True):
        data = base64.b64decode(sent["image_url"]["url"].removeprefix("data:image/png;base64,"))
        decoded = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
        original = cv2.imdecode(np.frombuffer(image.jpeg, np.uint8), cv2.IMREAD_COLOR)
        assert np.array_equal(decoded[..., ::-1], square_picture(original))


def test_an_unreadable_compact_reply_is_not_asked_for_again() -> None:
    with faulty(says("I see a sofa.")) as server:
        settings = PerceptionSettings(
            backend="served", prompt="compact", server=server_settings(server.url)
        )
        served = ServedPerceiver(settings)
        assert not served.perceive(*PAIR).usable
        served.close()
        assert len(server.requests) == 1


def test_only_the_key_of_the_settings_is_ever_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "meant-for-somebody-else")
    with faulty(says("yes")) as server:
        ask(server.url)
        ask(server.url, api_key="ours")
    assert server.keys == ["Bearer none", "Bearer ours"]


@pytest.mark.parametrize(
    ("confidence", "expected"),
    [(0.9, (Action.ROTATE_LEFT, 30.0)), (0.2, (Action.MOVE_FORWARD, None))],
)
def test_an_action_that_contradicts_the_motion_counts_only_where_that_is_unsure(
    confidence: float, expected: tuple[Action, float | None]
) -> None:
    with faulty(says(REPLY.replace("rotate left", "move forward"))) as server:
        served = perceiver(server.url)
        measured = replace(TURN, confidence=confidence)
        delta = served.perceive(PAIR[0], keyframe(1, egomotion=measured))
        served.close()
    assert (delta.action, delta.angle_deg) == expected
    assert delta.agrees_with_egomotion is False


def test_an_action_out_of_vocabulary_gives_way_to_the_motion() -> None:
    with faulty(says(REPLY.replace("rotate left", "somersault"))) as server:
        served = perceiver(server.url)
        delta = served.perceive(*PAIR)
        served.close()
    assert (delta.action, delta.angle_deg) == (Action.ROTATE_LEFT, 30.0)
    assert delta.agrees_with_egomotion is None


def test_an_unusable_reply_is_asked_for_once_more() -> None:
    with faulty(says("I see a sofa."), says(REPLY)) as server:
        assert perceive(server.url) == "A sofa."
        roles = [message["role"] for message in server.requests[1]["messages"]]
    assert roles == ["user", "assistant", "user"]


def test_two_unusable_replies_leave_the_motion_only() -> None:
    with faulty(says("I see a sofa.")) as server:
        served = perceiver(server.url)
        delta = served.perceive(*PAIR)
        served.close()
        assert len(server.requests) == 2
    assert (delta.usable, delta.mentions, delta.observation) == (False, (), "")
    assert (delta.action, delta.angle_deg) == (Action.ROTATE_LEFT, 30.0)


@pytest.mark.parametrize("status", [400, 422])
def test_a_server_without_schemas_is_asked_plainly_from_then_on(status: int) -> None:
    with faulty(refuses(status), says(REPLY)) as server:
        served = perceiver(server.url)
        served.perceive(*PAIR)
        served.perceive(*PAIR)
        served.close()
        constrained = ["response_format" in request for request in server.requests]
    assert constrained == [True, False, False]


def test_a_request_that_is_wrong_also_without_schema_does_not_lose_the_schema() -> None:
    with faulty(refuses(400), refuses(400), says(REPLY)) as server:
        served = perceiver(server.url)
        with pytest.raises(ModelError):
            served.perceive(*PAIR)
        served.perceive(*PAIR)
        served.close()
        assert "response_format" in server.requests[2]


def test_a_batch_comes_back_in_order() -> None:
    with faulty(says(REPLY)) as server:
        settings = PerceptionSettings(
            backend="served", server=server_settings(server.url), workers=4
        )
        served = ServedPerceiver(settings)
        pairs = [(keyframe(n - 1) if n else None, keyframe(n)) for n in range(6)]
        assert [delta.keyframe_id for delta in served.perceive_batch(pairs)] == list(range(6))
        served.close()
