"""Experiments: a small one runs from its command to the page; arms that are trained stay so."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path

import pytest

from training.experiments import common, conditioning, report
from training.experiments.common import Options, Result, spread, table

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
def test_an_experiment_runs_from_its_command_to_the_page(
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


def test_a_result_is_kept_and_read_back(tmp_path: Path) -> None:
    (tmp_path / "overlap.json").write_text(json.dumps(asdict(RESULT)))
    assert report.load(tmp_path) == [RESULT]


def test_a_section_has_the_table_the_finding_the_caveats_and_the_command(tmp_path: Path) -> None:
    text = report.section(RESULT, tmp_path)
    for part in (
        "| a | 50.0 |",
        "| b | – |",
        "A finding.",
        "- A caveat.",
        RESULT.command,
        "2 seeds",
    ):
        assert part in text
    assert table(RESULT).startswith("| arm | accuracy |\n|---|---|")


def test_an_arm_that_is_trained_is_not_trained_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = tmp_path / "grpo-with-1-seed1"
    (done / "model").mkdir(parents=True)
    (done / "model" / "config.json").write_text("{}")
    monkeypatch.setattr(common.grpo, "run", lambda *_: pytest.fail("trained again"))
    opts = Options((1,), 1.0, tmp_path, tmp_path, "")
    assert common.trained("grpo", "grpo-with", 1, opts, (), 10) == done


def test_means_come_with_their_spread_over_seeds() -> None:
    assert spread([0.5, 0.6, 0.7]) == "60.0 ± 10.0"
    assert spread([0.5]) == "50.0"
