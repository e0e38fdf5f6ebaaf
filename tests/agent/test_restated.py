"""Questions that a small model restates before the rules answer them: when, and if it fails."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Generator, Iterator

import pytest

from embodied_agent.agent.answerer import Answerer
from embodied_agent.errors import ModelError, ModelUnavailable
from embodied_agent.memory.store import Store
from embodied_agent.reasoning.restating import Restatement
from embodied_agent.records import Answer, Question
from embodied_agent.rules.plain import AS_PUT, OFF_TOPIC, UNNOTED_OF
from embodied_agent.settings import MemorySettings, load_settings
from tests.support.notes import HOME
from tests.support.scripted import Scripted, remember

ODD = "give me the lowdown on where that couch has got to"


class Restates:
    """A model whose reply is given."""

    name = "restates"

    def __init__(self, reply: str, probability: float = 0.99, error: ModelError | None = None):
        self.reply, self.probability, self.error = reply, probability, error
        self.asked: list[tuple[str, float]] = []

    def restating(self, question: str, *, timeout_s: float) -> Generator[str, None, Restatement]:
        self.asked.append((question, timeout_s))
        yield ""
        if self.error is not None:
            raise self.error
        return Restatement(self.reply, self.probability)

    def close(self) -> None:
        """Nothing."""


@pytest.fixture
def store() -> Iterator[Store]:
    with Store.open("", MemorySettings()) as store:
        remember(store, HOME)
        yield store


def ask(store: Store, model: Restates | None, text: str, **settings: object) -> Answer:
    def made() -> Restates:
        if model is None:
            raise ModelError("no base here")
        return model

    values = {f"reasoning__{name}": value for name, value in settings.items()}
    answerer = Answerer(
        store, load_settings(**values).reasoning, lambda: Scripted(""), make_restater=made
    )
    last = store.keyframes()[-1].id
    *_, answer = answerer.stream(Question(text), 0, last, time.monotonic() + 60)
    assert isinstance(answer, Answer)
    return answer


def test_the_answer_is_that_of_the_plain_question_and_says_how_it_was_taken(store: Store) -> None:
    model = Restates("Which way is the couch?")
    answer = ask(store, model, ODD)
    plain = ask(store, None, "Which way is the couch?", restate="off")
    assert (answer.text, answer.status) == (plain.text, "answered")
    assert answer.notice == "taken as “Which way is the couch?”"
    assert answer.models["restater"] == "restates"
    assert answer.latency_s.keys() == {"rules", "load", "restate"}
    assert [question for question, _ in model.asked] == [ODD]


@pytest.mark.parametrize(
    "text",
    [
        "Did you see a couch?",
        "Where can I sit?",
        "What did you see in the last minute?",
        "Where is the couch, and what colour is it?",
    ],
)
def test_a_plain_question_is_not_restated(store: Store, text: str) -> None:
    model = Restates(OFF_TOPIC)
    answer = ask(store, model, text)
    own = ask(store, None, text, restate="off")
    assert (answer.text, answer.status, answer.models) == (own.text, own.status, own.models)
    assert model.asked == []


def test_questions_with_choices_are_not_restated(store: Store) -> None:
    model = Restates(OFF_TOPIC)
    values = load_settings().reasoning
    answerer = Answerer(store, values, lambda: Scripted(""), make_restater=lambda: model)
    question = Question(ODD, ("left", "right"))
    list(answerer.stream(question, 0, store.keyframes()[-1].id, time.monotonic() + 60))
    assert model.asked == []


@pytest.mark.parametrize(
    "model",
    [
        Restates(AS_PUT),
        Restates("Which way is the fridge?"),  # the question names none
        Restates("Which way is the couch?", probability=0.2),
        Restates("I would say it is on the left."),
    ],
)
def test_a_reply_that_says_nothing_usable_changes_nothing(store: Store, model: Restates) -> None:
    answer = ask(store, model, ODD)
    own = ask(store, None, ODD, restate="off")
    assert (answer.text, answer.status, answer.notice) == (own.text, own.status, own.notice)
    assert "restater" not in answer.models
    assert len(model.asked) == 1


def test_what_notes_never_tell_is_not_told(store: Store) -> None:
    answer = ask(
        store, Restates(UNNOTED_OF.format(name="couch")), "who paid for that couch, ya know"
    )
    assert (answer.status, answer.notice) == ("cannot_tell", "")
    assert "red sofa" in answer.text


def test_what_is_off_topic_is_said_to_be(store: Store) -> None:
    answer = ask(store, Restates(OFF_TOPIC), "fancy a brew, couch potato")
    assert answer.status == "out_of_scope"


@pytest.mark.parametrize(
    "text", ["did ya spot some truck on the way", "a truck or so, anywhere around perhaps?"]
)
def test_what_asks_for_a_thing_is_not_off_topic(store: Store, text: str) -> None:
    model = Restates(OFF_TOPIC)
    answer = ask(store, model, text)
    assert len(model.asked) == 1
    assert answer.status == "not_seen"
    assert answer.text.startswith("I have not seen a truck.")
    assert "restater" not in answer.models


@pytest.mark.parametrize(
    "text",
    ["is a couch a kind of bed?", "how many legs has a dog?", "any good restaurants in Rome?"],
)
def test_what_only_names_a_thing_may_be_off_topic(store: Store, text: str) -> None:
    model = Restates(OFF_TOPIC)
    assert ask(store, model, text).status == "out_of_scope"
    assert len(model.asked) == 1


def test_a_model_that_is_too_slow_leaves_the_question_as_it_was_put(store: Store) -> None:
    model = Restates("", error=ModelUnavailable("it was not restated within 3 s"))
    answer = ask(store, model, ODD, restate_timeout_s=3)
    own = ask(store, None, ODD, restate="off")
    assert (answer.text, answer.status) == (own.text, own.status)
    assert answer.notice == ("the question was taken as it was put: it was not restated within 3 s")
    assert model.asked[0][1] == pytest.approx(3, abs=0.5)


def test_without_the_model_questions_are_answered_as_they_are_put(
    store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        answer = ask(store, None, ODD)
    own = ask(store, None, ODD, restate="off")
    assert (answer.text, answer.status, answer.problem) == (own.text, own.status, "")
    assert "no base here" in caplog.text


def test_if_the_settings_insist_on_it_a_missing_model_fails_the_question(store: Store) -> None:
    with pytest.raises(ModelError, match="no base here"):
        ask(store, None, ODD, restate="on")


@pytest.mark.parametrize(
    "settings",
    [{"restate": "off"}, {"free": "rules"}, {"prompt": "full"}, {"free": "rules", "restate": "on"}],
    ids=["off", "rules only", "a general model is set", "rules only, whatever else is set"],
)
def test_when_no_model_restates(store: Store, settings: dict[str, object]) -> None:
    model = Restates(OFF_TOPIC)
    ask(store, model, ODD, **settings)
    assert model.asked == []


def test_the_same_answer_needs_no_notice(store: Store) -> None:
    answer = ask(store, Restates("Did you see a couch?"), "any couch seen?")
    assert (answer.status, answer.notice) == ("answered", "")
    assert answer.models["restater"] == "restates"


def test_a_plain_form_that_is_not_understood_is_said_to_be(store: Store) -> None:
    text = "well: zorgle blimfark quux, seen?"
    answer = ask(store, Restates("Did you see a zorgle blimfark quux?"), text)
    assert (answer.status, answer.problem) == ("cannot_tell", "")


def test_a_question_whose_time_is_over_is_answered_as_it_was_put(store: Store) -> None:
    model = Restates(OFF_TOPIC)
    answerer = Answerer(
        store, load_settings().reasoning, lambda: Scripted(""), make_restater=lambda: model
    )
    last = store.keyframes()[-1].id
    *_, warm = answerer.stream(Question("psst, couch"), 0, last, time.monotonic() + 60)
    assert len(model.asked) == 1
    *_, answer = answerer.stream(Question(ODD), 0, last, time.monotonic() - 1)
    assert isinstance(warm, Answer)
    assert isinstance(answer, Answer)
    assert answer.status != "failed"
    assert len(model.asked) == 1
    assert "no time was left" in answer.notice


def test_a_load_that_takes_too_long_is_waited_for_by_later_questions(store: Store) -> None:
    model, may_load = Restates("Which way is the couch?"), threading.Event()

    def load() -> Restates:
        assert may_load.wait(60)
        return model

    answerer = Answerer(store, load_settings().reasoning, lambda: Scripted(""), make_restater=load)
    last = store.keyframes()[-1].id
    *_, first = answerer.stream(Question(ODD), 0, last, time.monotonic() + 0.5)
    assert isinstance(first, Answer)
    assert "still being loaded" in first.notice
    assert first.latency_s["load"] > 0
    may_load.set()
    *_, second = answerer.stream(Question(ODD), 0, last, time.monotonic() + 60)
    assert isinstance(second, Answer)
    assert second.notice == "taken as “Which way is the couch?”"


def test_closing_the_answer_stops_the_model(store: Store) -> None:
    closed = []

    class Slow(Restates):
        def restating(
            self, question: str, *, timeout_s: float
        ) -> Generator[str, None, Restatement]:
            try:
                while True:
                    yield ""
            finally:
                closed.append(question)

    answerer = Answerer(
        store, load_settings().reasoning, lambda: Scripted(""), make_restater=lambda: Slow("")
    )
    pieces = answerer.stream(Question(ODD), 0, store.keyframes()[-1].id, time.monotonic() + 60)
    assert [next(pieces) for _ in range(3)] == ["", "", ""]
    pieces.close()
    assert closed == [ODD]


def test_long_questions_are_not_restated(store: Store) -> None:
    model = Restates(OFF_TOPIC)
    ask(store, model, f"{ODD}, {'really ' * 60}")
    assert model.asked == []
