"""The reference says where reasoning leads, without the memory, and low agreement has effects."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest

from embodied_agent.agent.answerer import Answerer
from embodied_agent.codec import from_json, to_json
from embodied_agent.errors import ModelUnavailable
from embodied_agent.memory.store import Store
from embodied_agent.reasoning.base import Prompt
from embodied_agent.reasoning.factory import make_verifier
from embodied_agent.reasoning.verify import Verdict, Verifier, agree
from embodied_agent.reasoning.verify_builtin import BuiltinVerifier
from embodied_agent.reasoning.verify_served import ServedVerifier
from embodied_agent.records import Answer, Delta, Mention, Question
from embodied_agent.settings import load_settings
from tests.support.served import MODEL, chunk, faulty, hangs, says, streams

WHERE = Question("Where is the red sofa now?", ("left", "right", "back", "front"))
TURNED = (
    "red sofa #0 front near. #1 rotate left 45 front-right near. #2 rotate left 45 right near. "
    "So right."
)


@pytest.fixture(scope="module")
def builtin() -> BuiltinVerifier:
    return BuiltinVerifier(load_settings().reasoning)


def test_the_answer_that_reasoning_leads_to_is_more_consistent_than_the_others(
    builtin: BuiltinVerifier,
) -> None:
    found = {
        choice: builtin.verify(WHERE, TURNED, choice, timeout_s=60).consistency
        for choice in WHERE.choices
    }
    assert max(found, key=found.__getitem__) == "right"
    assert 0 <= min(found.values()) <= max(found.values()) <= 1
    assert sum(found.values()) <= 1


def test_likelihoods_of_the_choices_add_up_to_one() -> None:
    verifier = BuiltinVerifier(load_settings(reasoning__verify__method="likelihood").reasoning)
    verdicts = [verifier.verify(WHERE, TURNED, choice, timeout_s=60) for choice in WHERE.choices]
    assert sum(verdict.consistency for verdict in verdicts) == pytest.approx(1, abs=1e-5)
    assert max(verdicts, key=lambda verdict: verdict.consistency) == verdicts[1]
    assert "likelihood" in verdicts[0].method


def test_a_verdict_can_be_repeated_and_names_its_method(builtin: BuiltinVerifier) -> None:
    first, second = (builtin.verify(WHERE, TURNED, "right", timeout_s=60) for _ in range(2))
    assert first == second
    assert first.method == f"5 samples, {builtin.name}, question and reasoning only"


def test_verification_out_of_time_is_an_error(builtin: BuiltinVerifier) -> None:
    with pytest.raises(ModelUnavailable, match="longer"):
        builtin.verify(WHERE, TURNED, "right", timeout_s=-1)


@pytest.mark.parametrize(
    ("said", "answer", "same"),
    [
        ("The red sofa.", "red sofa", True),
        ("It is to your left", "left", True),
        ("Left", "to the left of the lamp", True),
        ("leftover", "left", False),
        ("right", "left", False),
        ("", "left", False),
    ],
)
def test_free_answers_agree_by_their_words(said: str, answer: str, same: bool) -> None:
    assert agree(said, answer) is same


def make_served(url: str, **values: object) -> ServedVerifier:
    verifier = make_verifier(
        load_settings(
            reasoning__backend="served",
            reasoning__server__base_url=url,
            reasoning__server__model=MODEL,
            **values,
        ).reasoning
    )
    assert isinstance(verifier, ServedVerifier)
    return verifier


def test_a_served_reference_reads_question_and_reasoning_and_nothing_else() -> None:
    with faulty(says("<answer>B</answer>")) as server:
        verifier = make_served(server.url, reasoning__verify__samples=3)
        verdict = verifier.verify(WHERE, "It turned.", "right", timeout_s=60)
        verifier.close()
    assert verdict == Verdict(1.0, f"3 samples, {MODEL}, question and reasoning only")
    assert len(server.requests) == 3
    assert len({request["seed"] for request in server.requests}) == 3
    text = server.requests[0]["messages"][0]["content"]
    assert all(part in text for part in ("It turned.", WHERE.text, "B. right"))


def test_the_share_of_served_samples_that_agree_is_the_consistency() -> None:
    replies = [says(f"<answer>{said}</answer>") for said in ("B", "A", "B. right", "none of them")]
    with faulty(*replies) as server:
        verifier = make_served(server.url, reasoning__verify__samples=4)
        verdict = verifier.verify(WHERE, "It turned.", "right", timeout_s=60)
        verifier.close()
    assert verdict.consistency == 0.5


def test_a_reference_that_reasons_is_read_after_its_reasoning() -> None:
    reply = streams(
        chunk(reasoning_content="Not <answer>A</answer>."),
        chunk(content="<answer>B</answer>"),
        chunk(finish="stop"),
    )
    with faulty(reply) as server:
        verifier = make_served(server.url, reasoning__verify__samples=2)
        assert verifier.verify(WHERE, "It turned.", "right", timeout_s=60).consistency == 1.0
        verifier.close()


def test_samples_are_asked_for_at_once() -> None:
    together = threading.Barrier(3)

    def wait(handler) -> None:
        together.wait(60)
        says("<answer>B</answer>")(handler)

    with faulty(wait) as server:
        verifier = make_served(server.url, reasoning__verify__samples=3)
        assert verifier.verify(WHERE, "It turned.", "right", timeout_s=60).consistency == 1.0
        verifier.close()


def test_free_answers_of_a_served_reference_name_how_they_agree() -> None:
    with faulty(says("<answer>The red sofa</answer>")) as server:
        verifier = make_served(server.url, reasoning__verify__samples=2)
        verdict = verifier.verify(Question("What is it?"), "I saw it.", "red sofa", timeout_s=60)
        verifier.close()
    assert verdict.consistency == 1.0
    assert "containment of words" in verdict.method


# What follows from it.


class Scripted:
    """A reasoner that gives these replies in turn, and remembers how it was asked."""

    name = "scripted"

    def __init__(self, *replies: str) -> None:
        self.replies = list(replies)
        self.prompts: list[Prompt] = []
        self.temperatures: list[float | None] = []

    def stream(self, prompt, *, timeout_s, max_tokens=None, temperature=None, seed=None):
        self.prompts.append(prompt)
        self.temperatures.append(temperature)
        yield self.replies.pop(0)

    def close(self) -> None:
        """Nothing."""


class Table:
    """A verifier that looks consistencies up by answer."""

    name = "table"

    def __init__(self, **consistency: float) -> None:
        self.consistency = consistency

    def verify(self, question, reasoning, answer, *, timeout_s) -> Verdict:
        return Verdict(self.consistency[answer], "looked up")

    def close(self) -> None:
        """Nothing."""


@pytest.fixture
def store() -> Iterator[Store]:
    with Store.open("", load_settings().memory) as store:
        store.add_keyframe(stamp_ns=1, jpeg=b"", width=4, height=3, reason="first", segment=0)
        store.commit_delta(Delta(0, None, mentions=(Mention("red sofa", "front", "near"),)))
        yield store


def reply(text: str) -> str:
    return f"<think>So {text}.</think><answer>{text}</answer>"


def asked(
    store: Store, reasoner: Scripted, verifier: Verifier | None, **verify: object
) -> tuple[Answer, str]:
    """The answer and all that was streamed before it."""
    values = {f"reasoning__verify__{k}": v for k, v in {"mode": "on", **verify}.items()}
    settings = load_settings(reasoning__seed=4, reasoning__check_notes=False, **values)

    def make() -> Verifier:
        if verifier is None:
            raise ModelUnavailable("the reference is down")
        return verifier

    asking = Answerer(store, settings.reasoning, lambda: reasoner, make_verifier=make)
    *pieces, answer = asking.stream(WHERE, 0, 0, time.monotonic() + 60)
    assert isinstance(answer, Answer)
    return answer, "".join(map(str, pieces))


def test_an_answer_carries_its_consistency_the_method_the_model_and_the_time(store: Store) -> None:
    answer, _ = asked(store, Scripted(reply("left")), Table(left=0.8))
    assert (answer.consistency, answer.verified_by) == (0.8, "looked up")
    assert answer.models["verifier"] == "table"
    assert "verify" in answer.latency_s
    assert from_json(Answer, to_json(answer)) == answer


def test_no_verification_is_made_when_it_is_off(store: Store) -> None:
    answer, _ = asked(store, Scripted(reply("left")), None, mode="off")
    assert (answer.consistency, answer.verified_by, answer.notice) == (None, "", "")


def test_an_answer_stands_without_a_number_when_the_reference_is_down(store: Store) -> None:
    answer, _ = asked(store, Scripted(reply("left")), None, attempts=3)
    assert (answer.choice, answer.consistency, answer.problem) == ("A", None, "")
    assert answer.notice == "not verified: the reference is down"


def test_an_answer_without_reasoning_is_not_verified_and_says_so(store: Store) -> None:
    answer, _ = asked(store, Scripted("<answer>left</answer>"), Table(left=1.0))
    assert answer.consistency is None
    assert "no reasoning" in answer.notice


def test_low_consistency_makes_further_attempts_and_the_best_is_given(store: Store) -> None:
    reasoner = Scripted(reply("left"), reply("right"), reply("back"))
    table = Table(left=0.2, right=0.4, back=0.0)
    answer, said = asked(store, reasoner, table, attempts=3, attempt_temperature=0.9)
    assert (answer.reasoning, answer.consistency) == ("So right.", 0.4)
    assert (answer.status, answer.choice) == ("cannot_tell", None)
    assert reasoner.temperatures == [None, 0.9, 0.9]
    assert said == "\n".join(map(reply, ("left", "right", "back")))


def test_attempts_end_with_the_first_that_is_consistent(store: Store) -> None:
    reasoner = Scripted(reply("left"), reply("right"), reply("back"))
    answer, _ = asked(store, reasoner, Table(left=0.2, right=0.6, back=1.0), attempts=3)
    assert (answer.text, len(reasoner.prompts)) == ("right", 2)


def test_an_attempt_that_fails_leaves_the_answer_before_it(store: Store) -> None:
    answer, _ = asked(store, Scripted(reply("left"), "what?"), Table(left=0.2), attempts=2)
    assert (answer.reasoning, answer.consistency, answer.problem) == ("So left.", 0.2, "")
    assert answer.status == "cannot_tell"


def test_consistent_answers_get_no_further_attempts(store: Store) -> None:
    reasoner = Scripted(reply("left"))
    answer, _ = asked(store, reasoner, Table(left=0.5), attempts=5)
    assert (answer.text, len(reasoner.prompts)) == ("left", 1)


def test_a_provisional_entry_comes_last_and_does_not_stay(store: Store) -> None:
    settings = load_settings()
    reasoner = Scripted(reply("left"), reply("left"))
    asking = Answerer(store, settings.reasoning, lambda: reasoner)
    later = Delta(7, None, 0.0, (Mention("blue lamp", "left", "far"),))
    for provisional in (later, None):
        list(asking.stream(WHERE, 0, 0, time.monotonic() + 60, provisional=provisional))
    first, second = (prompt.transcript for prompt in reasoner.prompts)
    assert first == second + "#7 moved: blue lamp left far.\n"


def test_closing_the_stream_closes_the_reasoners(store: Store) -> None:
    closed = threading.Event()

    class Endless(Scripted):
        def stream(self, prompt, **_: object):
            try:
                while True:
                    yield "on "
            finally:
                closed.set()

    asking = Answerer(store, load_settings().reasoning, Endless)
    stream = asking.stream(WHERE, 0, 0, time.monotonic() + 60)
    next(stream)
    stream.close()
    assert closed.is_set()


def test_a_hanging_reference_costs_its_own_time_only(store: Store) -> None:
    with faulty(hangs) as server:
        verifier = make_served(server.url, reasoning__verify__samples=1)
        answer, _ = asked(store, Scripted(reply("left")), verifier, timeout_s=0.2)
        verifier.close()
    assert (answer.text, answer.consistency) == ("left", None)
    assert "not verified" in answer.notice
