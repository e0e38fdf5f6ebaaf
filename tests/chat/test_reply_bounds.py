"""A server that ignores how long a reply may be, and a model that goes round in circles."""

from __future__ import annotations

import gzip
import random
from collections.abc import Iterator
from contextlib import closing

import pytest
from hypothesis import given
from hypothesis import strategies as st

from embodied_agent.chat import bounds
from embodied_agent.chat.bounds import bounded, repeats
from embodied_agent.chat.client import ChatServer
from embodied_agent.chat.stream import Piece
from embodied_agent.errors import ModelError, ReplyError
from embodied_agent.reasoning.base import Prompt
from embodied_agent.reasoning.served import ServedReasoner
from embodied_agent.settings import ReasoningSettings, ServerSettings
from tests.support.served import MODEL, Behaviour, Handler, chunk, faulty

PROMPT = Prompt(system="", transcript="#0 start: red sofa front near.\n", task="Where is it?")


def settings(url: str) -> ServerSettings:
    return ServerSettings(base_url=url, model=MODEL, timeout_s=60, max_retries=0)


def endless(text: str) -> Behaviour:
    """Sends ``text`` for as long as somebody listens."""

    def behave(handler: Handler) -> None:
        handler.start(200, "text/event-stream", {"Transfer-Encoding": "chunked"})
        handler.close_connection = True
        rng = random.Random(1)
        try:
            while True:
                words = text or " ".join(str(rng.random()) for _ in range(40))
                handler.send(chunk(content=words))
        except OSError:
            return

    return behave


def test_a_server_that_ignores_max_tokens_is_cut_off() -> None:
    with faulty(endless("")) as server:
        chat = ChatServer(settings(server.url))
        reply = chat.complete([{"role": "user", "content": "?"}], max_tokens=100)
        chat.close()
    assert 1_000 < len(reply) <= 100 * 16 + 2_000


def test_a_reply_that_repeats_itself_is_cut_off_and_says_so() -> None:
    with faulty(endless("I look again at the red sofa. ")) as server:
        model = ServedReasoner(ReasoningSettings(backend="served", server=settings(server.url)))
        with pytest.raises(ReplyError, match="repeated itself") as caught:
            "".join(model.stream(PROMPT, timeout_s=60, max_tokens=100_000))
        model.close()
    assert len(caught.value.reply) < 1_000


def test_a_response_of_one_endless_line_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounds, "MAX_RESPONSE_BYTES", 200_000)

    def behave(handler: Handler) -> None:
        handler.start(200, "text/event-stream", {"Transfer-Encoding": "chunked"})
        handler.close_connection = True
        handler.send(b"data: ")
        try:
            while True:
                handler.send(b"x" * 10_000)
        except OSError:
            return

    with faulty(behave) as server:
        chat = ChatServer(settings(server.url))
        with pytest.raises(ModelError, match="MB"):
            chat.complete([{"role": "user", "content": "?"}], max_tokens=100)
        chat.close()


def test_a_compressed_response_is_not_unpacked() -> None:
    def behave(handler: Handler) -> None:
        body = gzip.compress(b"data: " + b"x" * 1_000_000)
        handler.start(
            200,
            "text/event-stream",
            {"Content-Encoding": "gzip", "Content-Length": str(len(body))},
        )
        handler.wfile.write(body)
        handler.close_connection = True

    with faulty(behave) as server:
        chat = ChatServer(settings(server.url))
        with pytest.raises(ModelError, match="compressed"):
            chat.complete([{"role": "user", "content": "?"}], max_tokens=100)
        chat.close()


@given(st.text(max_size=200), st.text(min_size=1, max_size=300))
def test_whatever_comes_again_and_again_is_noticed(before: str, part: str) -> None:
    assert repeats(before + part * max(6, -(-500 // len(part))))


def test_an_untrained_model_is_cut_off_after_a_few_rounds() -> None:
    rounds = "I am near the green bed. " * 200
    passed = list(bounded([Piece(word) for word in rounds.split(" ")], 512))
    assert passed[-1] == Piece("", cut=True, repeats=True)
    assert sum(len(piece.text) for piece in passed) < 28 * len("I am near the green bed. ")


def test_a_route_that_repeats_a_step_is_no_repetition() -> None:
    route = ", ".join(["move forward"] * 35)
    assert not repeats(f"#4 to #38: {route}")
    steps = "".join(f"#{n} move forward = left {n} 7\n" for n in range(40))
    assert not repeats(steps)


def test_a_list_of_different_things_is_no_repetition() -> None:
    things = "".join(f'{{"name": "chair {n}", "direction": "left"}}, ' for n in range(60))
    assert not repeats(things[-1_500:])


@given(st.lists(st.text(max_size=200), max_size=60), st.integers(1, 50))
def test_what_is_short_enough_passes_unchanged(texts: list[str], max_tokens: int) -> None:
    pieces = [Piece(text) for text in texts]

    def source() -> Iterator[Piece]:
        yield from pieces

    with closing(source()) as given_pieces:
        passed = list(bounded(given_pieces, max_tokens))
    whole = "".join(texts)
    if not any(piece.cut for piece in passed):
        assert passed == pieces
    assert whole.startswith("".join(piece.text for piece in passed))
    assert len("".join(piece.text for piece in passed)) <= max_tokens * 16 + 2_000
