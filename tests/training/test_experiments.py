"""Experiments: a small one from its command to the results page; trained arms are reused."""

from __future__ import annotations

import importlib
import json
import sys
from dataclasses import asdict
from pathlib import Path

import pytest

from training.evaluation.marking import Mark
from training.experiments import builtin_run, common, conditioning, illegible, report
from training.experiments.common import Options, spread
from training.experiments.comparing import (
    by_question,
    over_seeds,
    paired,
)
from training.experiments.results import Result, table
from training.rows import worlds
from training.run_config import DataConfig

pytestmark = [
    pytest.mark.filterwarnings("ignore::FutureWarning"),
    pytest.mark.filterwarnings("ignore::UserWarning"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
]

RESULT = Result(
    name="overlap",
    title="5. A title",
    question="A question?",
    finding="A finding.",
    command="python -m training.experiments.overlap",
    seeds=(1, 2),
    scale=1.0,
    minutes=2.0,
    columns=("arm", "accuracy"),
    rows=({"arm": "a", "accuracy": "50.0"}, {"arm": "b"}),
    caveats=("A caveat.",),
)


@pytest.mark.models
def test_an_experiment_runs_from_command_to_results_page(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    results = tmp_path / "results"
    words = ["--scale", "0.05", "--runs", str(tmp_path / "runs"), "--results", str(results)]
    monkeypatch.setattr(sys, "argv", ["conditioning", *words])
    conditioning.main()
    kept = json.loads((results / "conditioning.json").read_text())
    assert [row["questions"] for row in kept["rows"]] == [20] * 4
    assert (results / "conditioning.png").stat().st_size > 1000
    monkeypatch.setattr(sys, "argv", ["report", "--results", str(results)])
    report.main()
    page = (tmp_path / "results.md").read_text()
    assert "Question-free against question-conditioned" in page
    assert "--scale 0.05" in page
    assert "results/conditioning.png" in page
    not_run = page.split("## Not run yet")[1]
    assert "python -m training.experiments.overlap" in not_run
    assert "conditioning" not in not_run


def test_a_stored_result_reads_back(tmp_path: Path) -> None:
    (tmp_path / "overlap.json").write_text(json.dumps(asdict(RESULT)))
    assert report.load(tmp_path) == [RESULT]


def test_a_section_has_the_table_the_finding_the_caveats_and_the_command(tmp_path: Path) -> None:
    text = report.section(RESULT, tmp_path)
    for part in (
        "| a | 50.0 |",
        "| b | – |",
        "A finding.",
        "- A caveat.",
        f"{report.NOT_RUN}\n```sh\n{RESULT.command}\n```",
        "2 seeds",
    ):
        assert part in text
    assert table(RESULT).startswith("| arm | accuracy |\n|---|---|")


def test_a_trained_arm_is_not_trained_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = tmp_path / "grpo-with-1-seed1"
    (done / "model").mkdir(parents=True)
    (done / "model" / "config.json").write_text("{}")
    monkeypatch.setattr(common.grpo, "run", lambda *_: pytest.fail("trained again"))
    opts = Options((1,), 1.0, tmp_path, tmp_path, "")
    assert common.trained("grpo", "grpo-with", 1, opts, (), 10) == done


def test_means_include_their_spread_over_seeds() -> None:
    assert spread([0.5, 0.6, 0.7]) == "60.0 ± 10.0"
    assert spread([0.5]) == "50.0"


def marked(scene: str, number: int, right: float, category: str = "counterfactual") -> Mark:
    return Mark(
        id=f"{scene}_{number}", scene=scene, split="test", domain="house", category=category,
        right=right, formatted=True, said="", truth="", tokens=9, latency_s=0.0, reply="",
        consistent=None if not right else float(category == "counterfactual"),
    )  # fmt: skip


def test_a_difference_covers_the_questions_in_both() -> None:
    first = by_question([marked("a", n, 0.0) for n in range(4)])
    second = by_question([marked("a", n, n % 2) for n in range(6)])
    assert paired(first, second).value == pytest.approx(0.5)
    with pytest.raises(ValueError, match="no question"):
        paired(first, by_question([marked("b", 0, 1.0)]))


def test_the_interval_counts_scenes_not_questions() -> None:
    first = {(s, str(n)): 0.0 for s in "abcd" for n in range(50)}
    second = {key: float(key[0] == "a") for key in first}
    one_scene_only = paired(first, second)
    assert one_scene_only.value == pytest.approx(0.25)
    assert one_scene_only.low == 0.0
    assert not one_scene_only.decided
    everywhere = paired(first, dict.fromkeys(first, 1.0))
    assert everywhere.decided
    assert (everywhere.low, everywhere.high) == (1.0, 1.0)


def test_over_seeds_is_students_t_of_the_paired_differences() -> None:
    found = over_seeds([0.5, 0.5, 0.5], [0.6, 0.7, 0.8])
    assert found is not None
    assert found.value == pytest.approx(0.2)
    assert found.high - found.value == pytest.approx(4.303 * 0.1 / 3**0.5)
    assert not found.decided
    assert "inconclusive" in str(found)
    assert over_seeds([0.5], [0.6]) is None


@pytest.mark.models
def test_marks_of_a_model_are_computed_once_and_stored(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opts = Options((1,), 1.0, tmp_path, tmp_path, "")
    episodes = worlds("house:1@500000", DataConfig(questions=2))
    made = common.marks_of(common.SHIPPED_REASONER, episodes, common.judge(), opts)
    monkeypatch.setattr(common, "open_model", lambda *_, **__: pytest.fail("asked again"))
    assert common.marks_of(common.SHIPPED_REASONER, episodes, common.judge(), opts) == made
    assert [m.id for m in made] == [e.id for e in episodes]


def test_preference_counts_questions_with_replies_of_both_kinds() -> None:
    def reply(concluded: str, answer: str) -> str:
        return f"<think>the sofa #2 left near\n{concluded}.</think><answer>{answer}</answer>"

    episodes = [
        e
        for e in worlds("house:40@500000", DataConfig(questions=8))
        if "front" in e.choices and "left" in e.choices and e.answer_text == "left"
    ][:2]
    right, wrong = reply("W", "left"), reply("N", "front")
    both = [right, wrong, reply("left", "left"), reply("left", "left")]
    found = illegible.preference(episodes, [both, [right] * 4])
    assert found == illegible.Preference(questions=1, compass=0.5, words=1.0)
    assert illegible.preference(episodes, [[right], [wrong]]).questions == 0
    assert not illegible.in_compass("<think>W of here.</think><answer>left</answer>")


@pytest.mark.models
def test_replies_are_sampled_for_every_question() -> None:
    episodes = worlds("house:1@500000", DataConfig(questions=2))
    replies = illegible.drawn(common.SHIPPED_REASONER, episodes)
    assert [len(some) for some in replies] == [illegible.DRAWN] * 2
    assert illegible.preference(episodes, replies).questions == 0  # it was never taught any


def test_run_folders_come_from_the_command_line() -> None:
    run, without, rest = builtin_run.runs_of(["--scale", "0.5", "--model", "x"])
    assert (run, without, rest) == (Path("x"), None, ["--scale", "0.5"])
    assert builtin_run.runs_of(["--without", "y"])[1] == Path("y")


def test_a_run_has_its_start_and_the_training_time_of_the_start(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text("model: {path: supervised}\n")
    assert builtin_run.start_of(tmp_path) == common.START
    (tmp_path / "config.yaml").write_text("model: {path: runs/short/model}\n")
    assert builtin_run.start_of(tmp_path) == Path("runs/short/model")
    rows = ({"questions": 5, "minutes": 1.0}, {"questions": 30190, "minutes": 35.67})
    (tmp_path / "log.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    said = builtin_run.training_time(tmp_path / "model")
    assert said == "30,190 questions in 36 minutes on one core"


@pytest.mark.parametrize("name", report.ORDER)
def test_every_experiment_on_the_page_is_a_command(name: str) -> None:
    module = importlib.import_module(f"training.experiments.{name}")
    assert callable(module.main)
    assert f"training.experiments.{name}" in module.__doc__


def test_equal_arms_are_reported_as_no_difference() -> None:
    assert str(over_seeds([0.5, 0.6], [0.5, 0.6])) == "no difference at all"
