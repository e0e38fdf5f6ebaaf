"""Models that think before they reply, and pictures that servers can't read as they are."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from embodied_agent.chat.client import ChatServer
from embodied_agent.chat.messages import LEAST_SIDE, readable
from embodied_agent.errors import ReplyError
from embodied_agent.images import read_header
from embodied_agent.reasoning.base import Prompt
from embodied_agent.reasoning.served import ServedReasoner
from embodied_agent.settings import ReasoningSettings, ServerSettings
from tests.support.served import MODEL, Behaviour, Handler, chunk, faulty, refuses, says, streams

PROMPT = Prompt(system="", transcript="#0 start: red sofa front near.\n", task="Where is it?")
ASKED = [{"role": "user", "content": "What is new?"}]


def settings(url: str) -> ServerSettings:
    return ServerSettings(base_url=url, model=MODEL, timeout_s=60, max_retries=0)


def only_thinks(finish: str) -> Behaviour:
    return streams(chunk(reasoning_content="let me see, "), chunk(finish=finish))


def unless_told(accepts: str) -> Behaviour:
    """Thinks up its whole reply, unless the field that it knows says not to; refuses others."""

    def behave(handler: Handler) -> None:
        request = handler.server.requests[-1]
        fields = {"chat_template_kwargs", "reasoning_effort"} & request.keys()
        if not fields:
            only_thinks("length")(handler)
        elif fields == {accepts}:
            says("<answer>left</answer>")(handler)
        else:
            refuses(400)(handler)

    return behave


@pytest.mark.parametrize("field", ["chat_template_kwargs", "reasoning_effort"])
def test_a_reply_of_thoughts_alone_is_asked_for_again_without_them(field: str) -> None:
    with faulty(unless_told(field)) as server:
        chat = ChatServer(settings(server.url))
        replies = [chat.complete(ASKED, max_tokens=50) for _ in range(2)]
        chat.close()
        asked = len(server.requests)
    assert replies == ["<answer>left</answer>"] * 2
    # Once with thinking, then what it accepts; the second reply needs one request.
    assert asked == {"chat_template_kwargs": 4, "reasoning_effort": 5}[field]


def test_an_empty_reply_without_thoughts_is_left_as_it_is() -> None:
    with faulty(says("")) as server:
        chat = ChatServer(settings(server.url))
        assert chat.complete(ASKED, max_tokens=50) == ""
        chat.close()
        assert len(server.requests) == 1


@pytest.mark.parametrize("finish", ["length", "stop"])
def test_a_reasoner_that_only_thinks_is_asked_again_and_keeps_its_thoughts(finish: str) -> None:
    with faulty(only_thinks(finish), says("<answer>left</answer>")) as server:
        model = ServedReasoner(ReasoningSettings(backend="served", server=settings(server.url)))
        reply = "".join(model.stream(PROMPT, timeout_s=60))
        model.close()
        assert server.requests[1]["chat_template_kwargs"]["enable_thinking"] is False
    assert reply == "<think>let me see, </think><answer>left</answer>"


def test_a_server_that_knows_no_way_ends_in_the_reply_it_gave() -> None:
    def behave(handler: Handler) -> None:
        known = {"chat_template_kwargs", "reasoning_effort"} & handler.server.requests[-1].keys()
        (refuses(400) if known else only_thinks("length"))(handler)

    with faulty(behave) as server:
        model = ServedReasoner(ReasoningSettings(backend="served", server=settings(server.url)))
        with pytest.raises(ReplyError, match="max_tokens"):
            "".join(model.stream(PROMPT, timeout_s=60))
        model.close()
        assert len(server.requests) == 5


def picture(width: int, height: int, kind: str = ".png") -> bytes:
    image = np.zeros((height, width, 3), np.uint8)
    image[:, : width // 2] = 200
    _, encoded = cv2.imencode(kind, image)
    return encoded.tobytes()


@pytest.mark.parametrize(
    ("size", "sent"),
    [
        ((640, 480), (640, 480)),
        ((28, 28), (28, 28)),
        ((14, 14), (28, 28)),
        ((10, 20), (28, 56)),
        ((641, 479), (640, 480)),
        ((1, 1), (28, 28)),
        ((1200, 3), (1200, 28)),
        ((2, 900), (28, 900)),
    ],
)
@pytest.mark.parametrize("kind", [".png", ".jpg"])
def test_small_and_odd_pictures_are_sent_in_a_size_that_models_read(
    size: tuple[int, int], sent: tuple[int, int], kind: str
) -> None:
    given = picture(*size, kind)
    header = read_header(readable(given))
    assert (header.width, header.height) == sent
    assert min(sent) >= LEAST_SIDE
    assert header.kind == {".png": "png", ".jpg": "jpeg"}[kind]
    if size == sent:
        assert readable(given) == given
