"""Several reasonings about one question: most decide, and their share is the consistency."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence

import pytest

from embodied_agent.agent.answerer import Answerer
from embodied_agent.errors import ModelError, ModelUnavailable, ReplyError
from embodied_agent.memory.store import Store
from embodied_agent.reasoning import builtin
from embodied_agent.reasoning.base import Prompt
from embodied_agent.reasoning.builtin import BuiltinReasoner
from embodied_agent.reasoning.prompts import build_prompt
from embodied_agent.reasoning.verify import Verdict
from embodied_agent.reasoning.votes import Resampling, elected
from embodied_agent.records import Action, Answer, Delta, Mention, Question
from embodied_agent.settings import load_settings
from embodied_agent.transcript.recall import recall
from embodied_agent.transcript.text import Transcript

CHOICES = ("left", "right", "back", "front")
WHERE = Question("Where is the red sofa now?", CHOICES)


def reply(text: str, how: str = "So") -> str:
    return f"<think>{how} {text}.</think><answer>{text}</answer>"


@pytest.mark.parametrize(
    ("texts", "text", "agreeing"),
    [
        (("left",), "left", 1),
        (("left", "right", "right"), "right", 2),
        (("left", "right", "back"), "left", 1),
        (("back", "right", "left", "left", "right"), "right", 2),
    ],
)
def test_most_decide_and_of_equally_many_the_earliest(
    texts: Sequence[str], text: str, agreeing: int
) -> None:
    first, *others = map(reply, texts)
    found = elected(first, others, CHOICES)
    assert (found.parsed.text, found.agreeing, found.votes) == (text, agreeing, len(texts))
    assert found.share == agreeing / len(texts)
    assert found.reply == reply(text)


def test_the_letter_and_the_words_of_a_choice_are_one_vote() -> None:
    found = elected(reply("left"), [reply("B"), reply("B. right")], CHOICES)
    assert (found.parsed.text, found.agreeing) == ("right", 2)


def test_replies_that_can_not_be_read_are_votes_for_nothing() -> None:
    found = elected("<think>hm", ["what?", reply("back"), reply("nowhere")], CHOICES)
    assert (found.parsed.text, found.agreeing, found.votes) == ("back", 1, 4)
    with pytest.raises(ReplyError, match="no <answer>"):
        elected("<think>hm", ["what?", reply("nowhere")], CHOICES)


# The built-in reasoner replies several times at once.


@pytest.fixture(scope="module")
def reasoner() -> BuiltinReasoner:
    return BuiltinReasoner(load_settings(reasoning__choose=False).reasoning)


def prompt_of(name: str, lines: int = 3) -> Prompt:
    deltas = [Delta(0, None, None, (Mention("red sofa", "front", "mid"),))] + [
        Delta(n, Action.ROTATE_LEFT, 30.0, (Mention("blue lamp", "front", "far"),))
        for n in range(1, lines)
    ]
    question = Question(f"Where is the {name} now?", CHOICES)
    text = Transcript.of(deltas, 500).text()
    return build_prompt("compact", text, recall(deltas, question)[0], question)


@pytest.mark.models
def test_replies_at_random_are_the_same_for_the_same_prompt(reasoner: BuiltinReasoner) -> None:
    assert isinstance(reasoner, Resampling)
    first = reasoner.sampled(prompt_of("red sofa"), 6, timeout_s=60)
    between = reasoner.sampled(prompt_of("blue lamp", 9), 2, timeout_s=60)
    assert reasoner.sampled(prompt_of("red sofa"), 6, timeout_s=60) == first
    assert len(first) == 6
    assert len(between) == 2


@pytest.mark.models
def test_without_chance_each_row_says_what_the_model_says_alone(
    reasoner: BuiltinReasoner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(builtin, "TEMPERATURE", 1e-6)
    for prompt in (prompt_of("red sofa"), prompt_of("blue lamp", 12), prompt_of("red sofa", 5)):
        alone = "".join(reasoner.stream(prompt, timeout_s=60))
        assert reasoner.sampled(prompt, 3, timeout_s=60) == [alone] * 3
        assert "".join(reasoner.stream(prompt, timeout_s=60)) == alone


@pytest.mark.models
def test_replies_at_random_end_with_the_time_and_the_longest_length(
    reasoner: BuiltinReasoner,
) -> None:
    with pytest.raises(ModelUnavailable, match="did not finish"):
        reasoner.sampled(prompt_of("red sofa"), 2, timeout_s=1e-6)
    short = reasoner.sampled(prompt_of("red sofa"), 2, timeout_s=60, max_tokens=3)
    assert not any("<answer>" in text for text in short)


@pytest.mark.models
def test_replies_at_random_end_at_once_when_nobody_wants_them_any_more(
    reasoner: BuiltinReasoner,
) -> None:
    prompt = prompt_of("red sofa")
    alone = "".join(reasoner.stream(prompt, timeout_s=60))
    pieces = reasoner.sampling(prompt, 4, timeout_s=60)
    assert [next(pieces) for _ in range(4)] == [""] * 4
    with pytest.raises(ModelUnavailable, match="busy"):
        next(reasoner.stream(prompt, timeout_s=0.01))
    pieces.close()
    assert "".join(reasoner.stream(prompt, timeout_s=60)) == alone


# What the agent makes of them.


class Several:
    """A reasoner that gives one reply, and these when several are wanted."""

    name = "several"

    def __init__(self, first: str, *others: str, error: ModelError | None = None) -> None:
        self.first, self.others, self.error = first, others, error
        self.wanted: list[int] = []

    def stream(self, prompt, *, timeout_s, max_tokens=None, temperature=None, seed=None):
        yield self.first

    def sampling(self, prompt, count, *, timeout_s, max_tokens=None):
        yield ""
        assert timeout_s > 0
        self.wanted.append(count)
        if self.error is not None:
            raise self.error
        return list(self.others)

    def close(self) -> None:
        """Nothing."""


class Certain:
    """A verifier that finds everything consistent."""

    name = "certain"

    def verify(self, question, reasoning, answer, *, timeout_s) -> Verdict:
        return Verdict(1.0, "looked at")

    def close(self) -> None:
        """Nothing."""


@pytest.fixture
def store() -> Iterator[Store]:
    with Store.open("", load_settings().memory) as store:
        store.add_keyframe(stamp_ns=1, jpeg=b"", width=4, height=3, reason="first", segment=0)
        store.commit_delta(Delta(0, None, mentions=(Mention("red sofa", "front", "near"),)))
        yield store


def asked(
    store: Store, reasoner: Several, question: Question = WHERE, **values: object
) -> tuple[Answer, str]:
    # The notes would decide in the place of the votes.
    settings = load_settings(reasoning__notes_decide=False, **values)
    asking = Answerer(store, settings.reasoning, lambda: reasoner, make_verifier=Certain)
    *pieces, answer = asking.stream(question, 0, 0, time.monotonic() + 60)
    assert isinstance(answer, Answer)
    return answer, "".join(map(str, pieces))


def test_the_answer_is_that_of_most_and_says_how_many(store: Store) -> None:
    reasoner = Several(reply("left"), *map(reply, ("right", "right", "back", "right")))
    answer, said = asked(store, reasoner)
    assert (answer.text, answer.choice, answer.reasoning) == ("right", "B", "So right.")
    assert answer.consistency == 0.6
    assert answer.verified_by == "3 of 5 reasonings of several"
    assert said == f"{reply('left')}\n{reply('right')}"
    assert reasoner.wanted == [4]


def test_a_first_reply_that_most_agree_with_is_all_that_is_streamed(store: Store) -> None:
    answer, said = asked(store, Several(reply("left"), *[reply("left", "Hence")] * 4))
    assert (answer.consistency, answer.reasoning, said) == (1.0, "So left.", reply("left"))


@pytest.mark.parametrize("others", [("right", "right"), ()])
def test_a_first_reply_without_end_is_outvoted_where_there_are_others(
    store: Store, others: tuple[str, ...]
) -> None:
    class Endless(Several):
        def stream(self, prompt, **_: object):
            yield "<think>on and on"
            raise ReplyError("reached its limit", reply="<think>on and on")

    answer, _ = asked(store, Endless("", *map(reply, others)))
    if others:
        assert (answer.text, answer.consistency, answer.problem) == ("right", 2 / 3, "")
    else:
        assert (answer.text, answer.problem) == ("", "no usable reply: reached its limit")


def test_a_verifier_has_the_last_word_on_consistency(store: Store) -> None:
    reasoner = Several(reply("left"), *map(reply, ("right", "right", "back", "right")))
    answer, _ = asked(store, reasoner, reasoning__verify__mode="on")
    assert (answer.text, answer.consistency, answer.verified_by) == ("right", 1.0, "looked at")


def test_an_answer_stands_when_the_others_can_not_be_had(store: Store) -> None:
    answer, _ = asked(store, Several(reply("left"), error=ModelUnavailable("too slow")))
    assert (answer.text, answer.consistency, answer.problem) == ("left", None, "")
    # The notes contradict "left", which a second notice says.
    assert answer.notice.split("; ")[0] == "answered from one reasoning: too slow"


@pytest.mark.parametrize(
    ("question", "values"),
    [
        (WHERE, {"reasoning__votes": 1}),
        (Question("Where is the red sofa now?"), {"reasoning__free": "reasoner"}),
    ],
)
def test_open_questions_and_a_single_vote_are_answered_once(
    store: Store, question: Question, values: dict[str, object]
) -> None:
    reasoner = Several(reply("left"), reply("right"))
    answer, _ = asked(store, reasoner, question, **values)
    assert (answer.text, answer.consistency, reasoner.wanted) == ("left", None, [])
