"""The judge: correct training data, documented prompts, and accuracy of the shipped one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from embodied_agent.errors import ModelError
from embodied_agent.models.checkpoints import SHIPPED
from sim_clips.questions import MAKERS
from training.judge import accuracy, bases, train, varied
from training.redirect import redirected, renamed_text
from training.reference import LocalReference, Reasoned, open_reference, read

pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning")


@pytest.fixture(scope="module")
def pool():
    return bases(160, 500_000, 3, ("house", "city"))


def test_every_type_of_question_is_among_the_bases(pool) -> None:
    assert {question.type for question, _, _ in pool} == set(MAKERS)


def test_redirected_reasoning_differs_and_names_a_choice(pool) -> None:
    rng = np.random.default_rng(0)
    bent: dict[str, int] = {}
    for question, reasoning, _ in pool:
        found = redirected(question, reasoning, rng)
        if found is None:
            continue
        text, target = found
        assert text != reasoning or target == question.answer
        assert 0 <= target < len(question.choices)
        if question.type != "relative_direction":
            assert target != question.answer
        bent[question.type] = bent.get(question.type, 0) + 1
    assert set(bent) == set(MAKERS)


def test_a_redirected_chain_ends_in_the_direction_of_its_target(pool) -> None:
    rng = np.random.default_rng(1)
    for question, reasoning, _ in pool:
        if question.type == "landmark_position" and question.told:
            found = redirected(question, reasoning, rng)
            assert found is not None
            text, target = found
            assert text.endswith(f"\n{question.choices[target]}.")


def test_renaming_is_consistent_in_all_parts() -> None:
    rng = np.random.default_rng(2)
    first, second = renamed_text(("the red sofa and the blue lamp", "red sofa #1 front."), rng)
    name = second.split(" #")[0]
    assert name != "red sofa"
    assert name in first
    assert "red sofa" not in first


def test_a_varied_base_still_answers_with_one_of_its_choices(pool) -> None:
    rng = np.random.default_rng(3)
    for base in pool:
        item, answer = varied(base, rng, 0.5)
        assert answer in item.choices or not item.choices


@pytest.mark.parametrize(
    ("said", "choices", "answer"),
    [
        (" left</answer> B", ("left", "right"), "left"),
        ("B</answer>", ("left", "right"), "right"),
        ("up</answer>", ("left", "right"), None),
        ("", ("left",), None),
        (" red sofa</answer>", (), "red sofa"),
    ],
)
def test_the_references_reply_is_parsed_strictly(said, choices, answer) -> None:
    assert read(said, choices) == answer


@pytest.mark.models
def test_the_shipped_judge_is_right_on_true_reasoning(pool) -> None:
    told = [base for base in pool if base[0].told]
    found = accuracy(LocalReference(SHIPPED / "judge"), told)
    assert found["true"]["right"] >= 0.95  # all of 1,338 questions; this sample is small
    assert found["redirected"]["right"] >= 0.95


@pytest.mark.models
def test_the_shipped_judge_follows_the_reasoning_not_the_question() -> None:
    choices = ("front-left", "left", "back", "right")
    said = open_reference("builtin").answers(
        [
            Reasoned(
                "Where is the red sofa now?",
                choices,
                f"the red sofa #4 front far = front 0 12\n"
                f"#5 rotate {turn} 90 = {side} 90 12\n{side}.",
            )
            for turn, side in (("left", "right"), ("right", "left"))
        ]
    )
    assert said == ["right", "left"]


@pytest.mark.models
def test_batches_and_single_questions_get_the_same_answers(pool) -> None:
    judge = LocalReference(SHIPPED / "judge", batch=7)
    items = [
        Reasoned(q.text, q.choices if n % 3 else (), r) for n, (q, r, _) in enumerate(pool[:20])
    ]
    assert judge.answers(items) == [judge.answers([item])[0] for item in items]


def test_the_error_for_a_missing_reference_says_how_to_train_one(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"training\.judge"):
        LocalReference(tmp_path)
    with pytest.raises(ModelError, match=r"training\.judge"):
        open_reference(str(tmp_path / "none"))


@pytest.mark.models
def test_a_judge_trains_and_is_saved(tmp_path: Path, pool) -> None:
    found = train(
        tmp_path, SHIPPED / "judge", minutes=60, pool=pool, rate=1e-4, size=4, seed=1, most_steps=2
    )
    assert found["steps"] == 2
    assert (tmp_path / "model" / "model.safetensors").is_file()
