"""Evaluation: batches reply like the runtime, marks and intervals are right, servers work."""

from __future__ import annotations

import json
import shutil
import string
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from embodied_agent.errors import ModelError, ModelUnavailable
from embodied_agent.models.checkpoints import SHIPPED
from embodied_agent.models.prompting import FILE as PROMPTING
from embodied_agent.models.prompting import Prompting, write_prompting
from embodied_agent.reasoning.answer import parse_answer
from embodied_agent.reasoning.builtin import BuiltinReasoner
from embodied_agent.settings import ReasoningSettings
from tests.support.served import faulty, refuses, says
from training.episodes.dataset import Writer, read_episodes, rows_of
from training.episodes.rows import Episode, to_row
from training.episodes.worlds import WorldUnit, world_episodes
from training.evaluate import app, evaluate
from training.evaluation.answering import OneByOne, open_model
from training.evaluation.baselines import chance, majority, plain_program
from training.evaluation.batched import BatchedModel, Reply
from training.evaluation.caches import alike
from training.evaluation.marking import mark, wilson
from training.evaluation.tables import markdown, summary
from training.reference import Reasoned

pytestmark = pytest.mark.models


@pytest.fixture(scope="module")
def episodes() -> list[Episode]:
    house = world_episodes(WorldUnit("house", 500_000, 2, questions=14), "compact", {})[0]
    other = world_episodes(WorldUnit("warehouse", 500_000, 1, questions=12), "compact", {})[0]
    return [replace(e, split="test") for e in house] + [replace(e, split="ood") for e in other]


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    """Use one thread: with such a small model, more threads mostly wait for each other."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def model() -> BatchedModel:
    return BatchedModel()


@pytest.mark.parametrize("choose", [True, False], ids=["likeliest", "free"])
def test_batched_replies_equal_those_of_the_runtimes_reasoner(
    episodes: list[Episode], model: BatchedModel, choose: bool
) -> None:
    some = episodes[::3] if choose else episodes[::8]
    one_by_one = OneByOne(BuiltinReasoner(ReasoningSettings(choose=choose)))
    alone = one_by_one.replies([e.prompt for e in some], max_tokens=200)
    for rows in (64, 3):
        batched = BatchedModel.of(
            model.model, model.tokenizer, "same", rows=rows, choose=choose, names=model.names
        )
        together = batched.replies([e.prompt for e in some], max_tokens=200)
        assert [reply.text for reply in together] == [reply.text for reply in alone]
        assert all(reply.tokens > 0 for reply in together)


def test_batches_also_agree_on_open_questions_and_cut_replies(
    episodes: list[Episode], model: BatchedModel
) -> None:
    prompts = [replace(e.prompt, choices=()) for e in episodes[:4]]
    one_by_one = OneByOne(BuiltinReasoner(ReasoningSettings()))
    for most in (200, 7):
        alone = one_by_one.replies(prompts, max_tokens=most)
        together = model.replies(prompts, max_tokens=most)
        assert [reply.text for reply in together] == [reply.text for reply in alone]


def test_a_model_is_asked_as_its_folder_says_it_was_trained(
    episodes: list[Episode], tmp_path: Path
) -> None:
    folder = tmp_path / "model"
    shutil.copytree(SHIPPED / "reasoner", folder)
    answerer, asked = open_model(str(folder))
    assert asked == "compact"
    some = [e for e in episodes if e.kind == "choice"][:2]
    (by_text, *_) = answerer.replies([e.prompt_in("compact") for e in some], max_tokens=120)
    assert parse_answer(by_text.text, some[0].choices).text in by_text.text.partition("<answer>")[2]

    write_prompting(folder, Prompting("full", "letter"))
    answerer, asked = open_model(str(folder))
    assert asked == "full"
    (by_letter, *_) = answerer.replies([e.prompt_in("compact") for e in some], max_tokens=120)
    said = by_letter.text.partition("<answer>")[2].removesuffix("</answer>").strip()
    assert said in string.ascii_uppercase[: len(some[0].choices)]

    # What is said on the command line goes before what the folder says.
    assert open_model(str(folder), asked="compact")[1] == "compact"
    (folder / PROMPTING).unlink()
    assert open_model(str(folder))[1] == "full"
    (folder / PROMPTING).write_text('{"style": "loud"}')
    with pytest.raises(ModelError, match="compact or full"):
        open_model(str(folder))


def test_some_of_many_episodes_come_from_all_scenes_and_categories(tmp_path: Path) -> None:
    unit = WorldUnit("house", 500_000, 6, questions=20)
    made = [replace(e, split="test") for e in world_episodes(unit, "compact", {})[0]]
    writer = Writer(tmp_path, {}, "jsonl")
    writer.write("all", rows_of(made))
    some = read_episodes(tmp_path, "test", most=12)
    assert Counter(e.scene for e in some) == dict.fromkeys({e.scene for e in made}, 2)
    assert len({e.category for e in some}) >= 6


def test_a_prompt_that_is_too_long_is_refused(episodes: list[Episode], model: BatchedModel) -> None:
    longest = max(episodes, key=lambda e: len(e.transcript))
    long = replace(longest.prompt, transcript=longest.transcript * 60)
    with pytest.raises(ModelError, match="lower the token budget"):
        model.replies([long])


def test_a_model_without_full_attention_is_refused(model: BatchedModel) -> None:
    from types import SimpleNamespace

    config = SimpleNamespace(layer_types=["sliding_attention"], max_position_embeddings=64)
    other = SimpleNamespace(config=config, generation_config=model.model.generation_config)
    with pytest.raises(ModelError, match="one question at a time"):
        BatchedModel.of(other, model.tokenizer, "sliding")


@given(
    st.lists(st.lists(st.integers(0, 2), min_size=1, max_size=40), min_size=1, max_size=12),
    st.integers(1, 5),
)
def test_prompts_with_a_common_prefix_are_split_into_trunk_and_rest(
    ids: list[list[int]], most: int
) -> None:
    groups = alike(ids, most)
    assert sorted(i for g in groups for i in g.members) == list(range(len(ids)))
    for group in groups:
        assert len(group.members) <= most
        for member, shared in zip(group.members, group.shared, strict=True):
            assert shared < len(ids[member])
            assert ids[member][:shared] == list(group.trunk[:shared])


# ---- Marks.


@given(st.integers(1, 400).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_the_interval_contains_the_share_and_narrows_with_more_trials(
    counts: tuple[int, int],
) -> None:
    right, count = counts
    low, high = wilson(right / count, count)
    assert 0 <= low <= right / count <= high <= 1
    wide = wilson(right / count, 4 * count)
    assert wide[1] - wide[0] < high - low


def test_the_interval_is_wilsons() -> None:
    assert wilson(0.8, 10) == pytest.approx((0.4902, 0.9433), abs=1e-4)
    assert wilson(0.0, 0) == (0.0, 1.0)


class _Agreeing:
    """A reference that answers with the first word of the reasoning."""

    name = "first word"

    def answers(self, items: list[Reasoned]) -> list[str | None]:
        return [item.reasoning.split()[0] for item in items]


def _episode(episodes: list[Episode], kind: str, choices: tuple[str, ...], answer: str) -> Episode:
    return replace(episodes[0], kind=kind, choices=choices, answer=answer)


def test_marks_read_choices_numbers_format_and_consistency(episodes: list[Episode]) -> None:
    sides = _episode(episodes, "choice", ("left", "right"), "A")
    ten = _episode(episodes, "number", (), "10")
    cases = [
        (sides, "<think>left it is</think><answer>left</answer>"),
        (sides, "<think>right!</think><answer>A</answer>"),
        (sides, "<think>plan A. left</think><answer>B</answer>"),
        (sides, "it is left"),
        (ten, "<think>11 then</think><answer>11 m</answer>"),
    ]
    marks = mark([e for e, _ in cases], [Reply(text, 5) for _, text in cases], _Agreeing())
    assert [m.right for m in marks] == pytest.approx([1, 1, 0, 0, 0.8])
    assert [m.consistent for m in marks] == [1.0, 0.0, None, None, 1.0]
    assert [m.formatted for m in marks] == [True, True, True, False, True]
    assert [m.said for m in marks] == ["left", "left", "right", "", "11 m"]


def test_guesses_are_marked_by_their_expected_value(episodes: list[Episode]) -> None:
    four = [_episode(episodes, "choice", ("a", "b", "c", "d"), x) for x in "AAAB"]
    assert chance(four) == [0.25] * 4
    assert majority(four, known=four) == [1, 1, 1, 0]
    assert majority(four[3:], known=[]) == [0.25]
    numbers = [_episode(episodes, "number", (), x) for x in ("4", "4", "40")]
    assert majority(numbers, known=numbers) == pytest.approx([1, 1, 0])
    assert chance(numbers) == [0, 0, 0]


def test_the_program_answers_only_its_own_types_of_question(episodes: list[Episode]) -> None:
    given_answers = plain_program(episodes)
    assert None not in given_answers
    assert sum(given_answers) / len(given_answers) > 0.6
    assert plain_program([replace(episodes[0], category="start_distance")]) == [None]
    assert plain_program([replace(episodes[0], domain="vsi")]) == [None]


def test_the_tables_separate_in_distribution_from_out_of_distribution(
    episodes: list[Episode], model: BatchedModel
) -> None:
    result = evaluate(model, episodes, with_baselines=True, max_tokens=200)
    test, ood = result.figures["test"], result.figures["ood"]
    assert (test["all"]["count"], ood["all"]["count"]) == (28, 12)
    assert sum(c["count"] for c in test["categories"].values()) == 28
    assert test["all"]["accuracy"] > test["all"]["blind"] + 0.1
    assert test["all"]["program"] > test["all"]["random"] + 0.3
    assert "In distribution (test)" in result.markdown
    assert "Out of distribution (ood)" in result.markdown
    assert result.markdown == markdown(result.figures, result.model)
    assert summary(result.marks)["test"]["all"]["accuracy"] == test["all"]["accuracy"]


# ---- Servers and the command.


def test_a_server_gets_full_style_prompts_and_is_marked(episodes: list[Episode]) -> None:
    with faulty(says("<think>hm</think><answer>", "A</answer>")) as server:
        answerer, style = open_model(server.url, parallel=2, timeout_s=60)
        result = evaluate(answerer, episodes[:6], prompt=lambda e: e.prompt_in("full"))
        answerer.close()
        asked = server.requests[0]["messages"]
    assert style == "full"
    assert len(result.marks) == 6
    assert "Choices:\nA. " in asked[-1]["content"]
    truths = [e.answer == "A" for e in episodes[:6]]
    assert [m.right for m in result.marks] == truths
    assert all(m.formatted for m in result.marks)


def test_a_dead_server_ends_the_evaluation_instead_of_giving_zeros(
    episodes: list[Episode],
) -> None:
    class Gone:
        name = "gone"

        def stream(self, prompt, *, timeout_s, max_tokens=None):
            raise ModelUnavailable("connection refused")
            yield

        def close(self) -> None:
            pass

    with pytest.raises(ModelUnavailable, match="nothing was marked"):
        evaluate(OneByOne(Gone()), episodes)
    with faulty(refuses(401)) as server:
        answerer, _ = open_model(server.url, timeout_s=60)
        with pytest.raises(ModelError):
            evaluate(answerer, episodes[:2], prompt=lambda e: e.prompt_in("full"))
        answerer.close()


def test_the_command_writes_figures_table_and_replies(
    episodes: list[Episode], tmp_path: Path
) -> None:
    Writer(tmp_path / "data", {}).write("unit", [to_row(e) for e in episodes])
    arguments = ["--episodes", str(tmp_path / "data"), "--most", "3", "--reference", "none"]
    result = CliRunner().invoke(app, [*arguments, "--out", str(tmp_path / "out" / "v1.0")])
    assert result.exit_code == 0, result.output
    found = json.loads((tmp_path / "out" / "v1.0.json").read_text())
    assert {name: part["all"]["count"] for name, part in found["splits"].items()} == {
        "test": 3,
        "ood": 3,
    }
    assert len(found["data_hash"]) == 64
    assert len((tmp_path / "out" / "v1.0.jsonl").read_text().splitlines()) == 6
    assert (tmp_path / "out" / "v1.0.md").read_text() in result.output


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--model", "/nowhere"], "no checkpoint"),
        (["--style", "odd"], "--style is"),
        (["--split", "train"], "no episodes"),
        (["--reference", "/nowhere"], "/nowhere"),
    ],
)
def test_invalid_arguments_are_reported(
    arguments: list[str], said: str, episodes: list[Episode], tmp_path: Path
) -> None:
    Writer(tmp_path, {}).write("unit", [to_row(e) for e in episodes[:2]])
    if "--reference" not in arguments:
        arguments = [*arguments, "--reference", "none"]
    result = CliRunner().invoke(app, ["--episodes", str(tmp_path), *arguments])
    assert result.exit_code != 0
    assert said in " ".join(result.output.split())
