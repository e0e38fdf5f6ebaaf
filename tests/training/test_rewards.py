"""Rewards: parsed strictly inside <answer>, as at run time; consistency of right answers only."""

from __future__ import annotations

import json
import math
import string
import threading
from collections.abc import Iterator, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from hypothesis import given
from hypothesis import strategies as st

from embodied_agent.errors import ModelError, ModelUnavailable
from training.reference import CachedReference, Reasoned, ServedReference, judge_text
from training.rewards import (
    THRESHOLDS,
    ConsistencyReward,
    accuracy_reward,
    format_reward,
    has_format,
    mean_relative_accuracy,
    number_in,
    same_answer,
    score,
)

CHOICES = ["front-left", "back", "rotate left 90, move forward", "red sofa"]
plain = st.text(st.characters(exclude_characters="<>", exclude_categories=["Cs"]), max_size=60)
words = plain.filter(str.strip)


def accuracy(reply: str, answer: str, choices: Sequence[str] = CHOICES) -> float | None:
    return accuracy_reward([reply], answer=[answer], choices=[list(choices)])[0]


# The published scripts looked for a letter anywhere in the reply.


def test_a_letter_in_the_reasoning_is_not_the_answer() -> None:
    reply = "<think>plan B. is wrong</think><answer>A</answer>"
    assert accuracy(reply, "front-left") == 1.0
    assert accuracy(reply, "back") == 0.0


def test_a_bare_letter_inside_answer_is_read() -> None:
    assert accuracy("<think>x</think><answer>A</answer>", "front-left") == 1.0


def test_a_letter_after_the_answer_block_changes_nothing() -> None:
    assert accuracy("<think>x</think><answer>A</answer> or B.", "front-left") == 1.0


def test_an_unclosed_answer_does_not_count() -> None:
    assert accuracy("<think>x</think><answer>A", "front-left") == 0.0


def test_a_word_that_begins_with_a_letter_is_not_that_choice() -> None:
    assert accuracy("<think>x</think><answer>About the sofa</answer>", "front-left") == 0.0


def test_naming_every_choice_earns_nothing() -> None:
    assert accuracy("<think>x</think><answer>A, B, C, D</answer>", "front-left") == 0.0


def test_an_option_inside_a_longer_answer_is_not_that_option() -> None:
    assert accuracy("<answer>not front-left</answer>", "front-left") == 0.0


def test_the_last_of_several_answers_counts() -> None:
    assert accuracy("<answer>A</answer><answer>B</answer>", "back") == 1.0


@given(words, st.integers(0, 3))
def test_letter_and_text_of_a_choice_are_worth_the_same(thought: str, index: int) -> None:
    letter = f"<think>{thought}</think><answer>{string.ascii_uppercase[index]}</answer>"
    text = f"<think>{thought}</think><answer> {CHOICES[index]}</answer>"
    for truth in CHOICES:
        assert accuracy(letter, truth) == accuracy(text, truth) == float(truth == CHOICES[index])


@given(plain, plain, st.sampled_from(CHOICES))
def test_text_outside_the_answer_never_matters(before: str, after: str, said: str) -> None:
    bare = accuracy(f"<answer>{said}</answer>", "back")
    assert accuracy(f"{before}<answer>{said}</answer>{after}", "back") == bare


@given(st.text(max_size=80), st.sampled_from(CHOICES))
def test_any_text_gets_a_reward_between_zero_and_one(reply: str, truth: str) -> None:
    assert accuracy(reply, truth) in (0.0, 1.0)
    assert format_reward([reply])[0] in (0.0, 1.0)


def test_rows_without_a_known_answer_are_skipped() -> None:
    assert accuracy_reward(["<answer>A</answer>"], answer=[None], choices=[CHOICES]) == [None]


def test_a_true_answer_outside_the_choices_is_an_error_not_a_zero() -> None:
    with pytest.raises(ValueError, match="not one of the choices"):
        score("<answer>A</answer>", "below", CHOICES)


def test_completions_may_be_messages() -> None:
    message = [{"role": "assistant", "content": "<think>x</think><answer>B</answer>"}]
    assert accuracy_reward([message], answer=["back"], choices=[CHOICES]) == [1.0]
    assert format_reward([message]) == [1.0]


# Format.


@given(words, words)
def test_one_think_and_one_answer_block_is_the_format(thought: str, said: str) -> None:
    assert has_format(f"<think>{thought}</think>\n<answer>{said}</answer>\n")


@pytest.mark.parametrize(
    "reply",
    [
        "",
        "<answer>A</answer>",
        "<think>x</think>",
        "<think></think><answer>A</answer>",
        "<think>x</think><answer> </answer>",
        "<think>x</think><answer>A</answer> done",
        "well <think>x</think><answer>A</answer>",
        "<think>x</think><answer>A</answer><answer>B</answer>",
        "<think><think>x</think></think><answer>A</answer>",
        "<answer>A</answer><think>x</think>",
        "<think>x<answer>A</answer></think>",
        "<think>x</think><answer>A<answer>B</answer></answer>",
        "<think>x</think> so <answer>A</answer>",
    ],
)
def test_any_other_form_is_not_the_format(reply: str) -> None:
    assert not has_format(reply)


# Numbers.


@pytest.mark.parametrize(
    ("said", "number"),
    [("3", 3.0), (" 2.5 m", 2.5), ("-4", -4.0), ("1,200 cm", 1200.0), ("30°", 30.0), (".5", 0.5),
     ("12 m2.", 12.0), ("3.", 3.0), ("−2", -2.0)],
)  # fmt: skip
def test_a_number_is_read_with_its_unit(said: str, number: float) -> None:
    assert number_in(said) == number


@pytest.mark.parametrize(
    "said", ["", "two", "3 or 4", "about 3", "3-4", "3, 4", "B2", "1e400x5", "3 4"]
)
def test_an_answer_that_is_not_exactly_one_number_is_none(said: str) -> None:
    assert number_in(said) is None


@given(st.floats(0.01, 1e6), st.floats(0, 1e6))
def test_relative_accuracy_is_the_share_of_thresholds_passed(truth: float, said: float) -> None:
    passed = sum(abs(said - truth) / truth < 1 - t for t in THRESHOLDS)
    assert mean_relative_accuracy(said, truth) == pytest.approx(passed / 10)


@given(st.floats(0.01, 1e6))
def test_the_exact_number_is_worth_one_and_half_of_it_nothing(truth: float) -> None:
    assert mean_relative_accuracy(truth, truth) == 1.0
    assert mean_relative_accuracy(truth * 0.49, truth) == 0.0


@given(st.floats(0.1, 1e3), st.floats(0, 2), st.floats(0, 2))
def test_a_nearer_number_is_never_worth_less(truth: float, a: float, b: float) -> None:
    near, far = sorted((a, b))
    assert mean_relative_accuracy(truth * (1 + near), truth) >= mean_relative_accuracy(
        truth * (1 + far), truth
    )


def test_a_truth_of_zero_must_be_met_exactly() -> None:
    assert mean_relative_accuracy(0.0, 0.0) == 1.0
    assert mean_relative_accuracy(0.1, 0.0) == 0.0
    assert mean_relative_accuracy(math.inf, 2.0) == 0.0


def test_numeric_answers_are_read_inside_answer_only() -> None:
    assert accuracy("<think>maybe 7</think><answer>4.2 m</answer>", "4", ()) == pytest.approx(0.9)
    assert accuracy("<think>4</think><answer>9</answer>", "4", ()) == 0.0
    assert accuracy("<think>4</think><answer>four</answer>", "4", ()) == 0.0


def test_free_words_are_compared_without_case_articles_and_punctuation() -> None:
    assert same_answer("The red sofa.", "red sofa")
    assert not same_answer("red sofa", "blue sofa")


# Consistency.


class Parrot:
    """A reference that answers with the last word of the reasoning."""

    name = "parrot"

    def __init__(self) -> None:
        self.calls: list[list[Reasoned]] = []

    def answers(self, items: Sequence[Reasoned]) -> list[str | None]:
        self.calls.append(list(items))
        return [item.reasoning.split()[-1] for item in items]


def consistency(replies: list[str], reference: object = None) -> list[float | None]:
    reward = ConsistencyReward(reference or Parrot())  # type: ignore[arg-type]
    count = len(replies)
    return reward(
        replies, question=["Where?"] * count, answer=["back"] * count, choices=[CHOICES] * count
    )


def test_consistency_is_rewarded_if_the_reference_agrees() -> None:
    replies = [f"<think>so {w}</think><answer>B</answer>" for w in ("back", "front-left")]
    assert consistency(replies) == [1.0, 0.0]


def test_wrong_answers_get_no_consistency_however_consistent() -> None:
    reference = Parrot()
    reply = "<think>so front-left</think><answer>A</answer>"
    assert consistency([reply], reference) == [None]
    assert reference.calls in ([], [[]])


def test_an_answer_without_reasoning_is_not_consistent() -> None:
    assert consistency(["<think></think><answer>B</answer>", "<answer>B</answer>"]) == [0.0, 0.0]


def test_the_reference_never_sees_the_transcript_or_the_answer() -> None:
    reference = Parrot()
    consistency(["<think>so back</think><answer>B</answer>"], reference)
    [[item]] = reference.calls
    assert item == Reasoned("Where?", tuple(CHOICES), "so back")
    user, begun = judge_text(item)
    assert "#" not in user
    assert begun == "<think>so back</think><answer>"


def test_the_reference_is_asked_once_about_equal_reasoning() -> None:
    parrot = Parrot()
    cached = CachedReference(parrot)
    replies = ["<think>so back</think><answer>B</answer>"] * 8
    assert consistency(replies, cached) == [1.0] * 8
    assert consistency(replies, cached) == [1.0] * 8
    assert [len(call) for call in parrot.calls] == [1]
    assert (cached.asked, cached.found) == (16, 15)


def test_the_cache_is_bounded() -> None:
    parrot = Parrot()
    cached = CachedReference(parrot, most=3)
    items = [Reasoned("q", (), f"{n}") for n in range(10)]
    assert cached.answers(items) == [f"{n}" for n in range(10)]
    cached.answers(items[:1])
    assert len(parrot.calls) == 2


# A reference behind a server that fails.


@pytest.fixture
def server() -> Iterator[tuple[str, list[int]]]:
    """A chat server that first returns the given statuses, then the answer B."""
    statuses: list[int] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["content-length"]))
            status = statuses.pop(0) if statuses else 200
            message = {"role": "assistant", "content": "<answer>B</answer>"}
            reply = {
                "id": "1", "object": "chat.completion", "created": 0, "model": "m",
                "choices": [{"index": 0, "finish_reason": "stop", "message": message}],
            }  # fmt: skip
            body = json.dumps(reply if status == 200 else {"error": {"message": "no"}}).encode()
            self.send_response(status)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    made = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=made.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{made.server_port}/v1", statuses
    made.shutdown()
    made.server_close()
    thread.join(timeout=60)


def test_training_waits_for_a_server_that_comes_back(server: tuple[str, list[int]]) -> None:
    url, statuses = server
    statuses += [503, 500]
    waits: list[float] = []
    reference = ServedReference(url, "m", parallel=1, wait=waits.append)
    assert consistency(["<think>so back</think><answer>B</answer>"], reference) == [1.0]
    assert waits == [1.0, 2.0]
    reference.close()


def test_an_unreachable_server_stops_training_instead_of_rewarding_zero() -> None:
    reference = ServedReference(
        "http://127.0.0.1:9/v1", "m", patience_s=3, wait=lambda _: None, timeout_s=5
    )
    with pytest.raises(ModelUnavailable, match="resume"):
        consistency(["<think>so back</think><answer>B</answer>"], reference)
    reference.close()


def test_a_server_that_refuses_is_not_asked_again(server: tuple[str, list[int]]) -> None:
    url, statuses = server
    statuses += [404]
    waits: list[float] = []
    reference = ServedReference(url, "m", parallel=1, wait=waits.append)
    with pytest.raises(ModelError, match="refuses"):
        consistency(["<think>so back</think><answer>B</answer>"], reference)
    assert waits == []
    reference.close()
