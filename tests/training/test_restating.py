"""What teaches a model to restate questions: phrasings of several authors, and replies."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

import numpy as np
import pytest

from embodied_agent.reasoning.restating import MOST_CHARACTERS, Restatement, messages
from embodied_agent.rules.plain import AS_PUT, PLAIN, read_restated
from sim_clips.questions.free import HELD_OUT, TAUGHT
from sim_clips.questions.free.nouns import HELD_OUT_ADJECTIVES, HELD_OUT_NOUNS
from sim_clips.splits import pairs_of
from training.free_questions.memories import questions_about, text_memory
from training.restating import measure
from training.restating.authors import DEVELOPMENT, TRAINING, Phrasing, written_in
from training.restating.bank import by_form, development, filled, taught
from training.restating.batched import BatchedRestater
from training.restating.meaning import means_the_same
from training.restating.rewards import accuracy_reward, format_reward
from training.restating.rows import mistyped, restating_rows


def _plain(phrasing: str) -> str:
    return " ".join(re.findall(r"[\w']+", re.sub(r"{\w+}", "x", phrasing.lower())))


def test_no_held_out_phrasing_is_among_them() -> None:
    held = {_plain(text) for texts in HELD_OUT.values() for text in texts}
    assert not held & {_plain(p.text) for p in (*written_in(TRAINING), *written_in(DEVELOPMENT))}


def test_development_phrasings_are_not_taught() -> None:
    ours = {_plain(p.text) for p in taught()}
    assert not [p.text for p in development() if _plain(p.text) in ours]
    assert len(development()) > 0.9 * len(written_in(DEVELOPMENT))


def test_every_form_has_phrasings_of_many_authors() -> None:
    counts = Counter(phrasing.form for phrasing in taught())
    assert set(PLAIN) - {"existence_several"} <= set(counts)
    assert all(count >= 150 for form, count in counts.items() if form != "colours_all")
    assert len(list(TRAINING.glob("*.yaml"))) >= 12


@pytest.mark.parametrize("part", ["taught", "development"])
def test_nearly_every_reply_is_one_that_the_runtime_accepts(part: str) -> None:
    rng = np.random.default_rng(4)
    phrasings = taught() if part == "taught" else development()
    refused = []
    for phrasing in phrasings:
        question, reply = filled(phrasing, rng)
        restated = read_restated(reply, question)
        if restated is None:
            refused.append(question)
        else:
            assert (restated.meaning == "as_put") == (reply == AS_PUT)
    # Caution costs some: "Any sign of the cat on your rounds?" seems to name a second thing.
    assert len(refused) <= 0.02 * len(phrasings), refused


def test_things_are_named_in_the_order_in_which_the_question_names_them() -> None:
    rng = np.random.default_rng(5)
    for phrasing in taught():
        if phrasing.form in ("nearer", "order_first", "order_list"):
            question, reply = filled(phrasing, rng)
            restated = read_restated(reply, question)
            if restated is None:
                continue
            places = [question.index(name) for name in restated.names]
            assert places == sorted(places), (question, reply)


def test_rows_are_what_the_runtime_asks_and_equal_seeds_give_equal_rows() -> None:
    rows = restating_rows(400, seed=3)
    assert rows == restating_rows(400, seed=3)
    assert rows != restating_rows(400, seed=4)
    for row in rows:
        assert row["prompt"] == messages(row["question"])
        assert len(row["question"]) <= MOST_CHARACTERS
    assert len({row["scene"] for row in rows}) == 25


def test_no_held_out_name_is_trained_on() -> None:
    held = {*HELD_OUT_NOUNS, *HELD_OUT_ADJECTIVES, *pairs_of("warehouse")}
    held -= set(pairs_of("house"))
    text = "\n".join(
        f"{row['question']} {row['reply']}".lower() for row in restating_rows(3000, seed=5)
    )
    assert not [name for name in held if re.search(rf"\b{name}\b", text)]


def test_a_typing_error_changes_one_word_and_no_slot() -> None:
    rng = np.random.default_rng(1)
    text = "Whereabouts did the {name} appear first?"
    for _ in range(20):
        wrong = mistyped(text, rng)
        assert "{name}" in wrong
        changed = [a for a, b in zip(text.split(), wrong.split(), strict=True) if a != b]
        assert len(changed) == 1 or wrong == text
    assert mistyped("{name}?", rng) == "{name}?"


def test_questions_about_a_memory_can_be_asked_in_development_phrasings() -> None:
    bank = by_form()
    assert set(bank) == set(TAUGHT)
    memory = text_memory("house", 560_001)
    asked = questions_about(memory, 46, wordings="taught", phrasings=bank)
    assert len(asked) == 46
    assert all(question.phrasing in bank[question.form] for question in asked)
    assert not [question.text for question in asked if "{" in question.text]


class Restates(BatchedRestater):
    """Gives known replies instead of a model's."""

    def __init__(self, replies: dict[str, str]) -> None:
        self._known = {q: Restatement(reply, 0.9) for q, reply in replies.items()}

    def prepare(self, questions: Sequence[str]) -> None:
        assert set(questions) <= set(self._known)


def test_a_model_is_right_where_its_reply_leads_to_what_was_meant(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    told = [
        ("existence", "spill it: {a_name}?", "Did you see {a_name}?"),
        ("count", "headcount of {names} pls", "What colours are the {names}?"),
        ("out_of_scope", "who won the cup", "Off topic."),
        ("unknowable", "does the {name} smell", "Not noted."),
        ("as_put", "and the other one?", "As put."),
        ("moves", "straight bits: number?", "I don't know."),
    ]
    forms = [Phrasing(form, text) for form, text, _ in told]
    monkeypatch.setattr(measure, "development", lambda: forms)
    monkeypatch.setattr(measure, "as_typed", lambda question, rng: question)
    rng = np.random.default_rng([1, 37])
    replies = {}
    for (_, _, reply), phrasing in zip(told, forms, strict=True):
        state = rng.bit_generator.state
        question, _ = filled(phrasing, rng)
        rng.bit_generator.state = state
        replies[question] = filled(Phrasing("out_of_scope", reply), rng)[0]
    found = measure.outcomes(Restates(replies), fills=1, seed=1)
    by_model = {outcome.form: outcome.by_model for outcome in found}
    assert by_model["existence"]
    assert not by_model["count"]
    assert by_model["out_of_scope"]
    assert by_model["unknowable"]
    assert by_model["as_put"]
    assert "| all but the next | 5 | 60.0 |" in measure.table(found)


@pytest.mark.parametrize(
    ("question", "right", "reply", "same"),
    [
        ("spot the sofa at all?", "Did you see a sofa?", "Did you see a sofa?", True),
        ("spot any sofas at all?", "Did you see any sofas?", "Did you see a sofa?", True),
        ("spot the sofa at all?", "Did you see a sofa?", "What colour is the sofa?", False),
        ("spot the sofa at all?", "Did you see a sofa?", "Did you see a bed?", False),
        ("spot the sofa at all?", "Did you see a sofa?", "I do not know", False),
        ("spot the sofa at all?", "Did you see a sofa?", "As put.", False),
        ("and the other one?", "As put.", "As put.", True),
        ("and the other one?", "As put.", "Off topic.", False),
        ("who won the cup", "Off topic.", "Off topic.", True),
        ("is the sofa soft?", "Not noted of the sofa.", "Not noted.", True),
    ],
)
def test_a_reply_that_leads_to_the_same_answer_is_rewarded(
    question: str, right: str, reply: str, same: bool
) -> None:
    assert means_the_same(reply, right, question) is same
    conversation = [{"role": "assistant", "content": f" {reply}\n"}]
    earned = accuracy_reward([conversation], question=[question], answer=[right])
    assert earned == [float(same)]


def test_a_form_that_the_runtime_refuses_earns_nothing() -> None:
    replies = ["Did you see a sofa?", "Did you see a bed?", "<think>a sofa</think>", "As put.", ""]
    asked = ["spot the sofa at all?"] * len(replies)
    assert format_reward(replies, question=asked) == [1.0, 0.0, 0.0, 1.0, 0.0]
