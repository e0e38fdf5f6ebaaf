"""A reply of a served vision model becomes a delta; if it can't, only the motion is kept."""

from __future__ import annotations

import base64
import json
from dataclasses import replace

import cv2
import numpy as np
import pytest

from embodied_agent.errors import ModelError
from embodied_agent.perception.language import compact_prompt, square_picture
from embodied_agent.perception.served import ServedPerceiver
from embodied_agent.records import Action, Mention
from embodied_agent.settings import PerceptionSettings
from tests.support.served import (
    MODEL,
    chunk,
    faulty,
    refuses,
    says,
    streams,
)
from tests.support.served_models import (
    PAIR,
    REPLY,
    TURN,
    keyframe,
    perceive,
    perceiver,
    server_settings,
)


def test_a_reply_that_the_server_finds_out_of_form_counts_as_cut_off() -> None:
    error = {"message": "The model produced output that does not match the expected peg format"}
    event = f"data: {json.dumps({'error': error})}\n\n".encode()
    with faulty(streams(chunk(content=REPLY[:-1]), event)) as server:
        served = perceiver(server.url)
        delta = served.perceive(keyframe(1), keyframe(2))
        served.close()
        assert len(server.requests) == 1
    assert [mention.name for mention in delta.mentions] == ["red sofa"]


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
