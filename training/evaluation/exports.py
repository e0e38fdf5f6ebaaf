"""Export an evaluation in the formats of EASI and lmms-eval.

    python -m training.evaluation.exports runs/evaluation/result --format easi --out runs/export

It reads what `training.evaluate` wrote (RESULT.json and RESULT.jsonl) and the episodes that it
names, and writes for each benchmark of them

- ``lmms-eval``: MODEL_TIME_results.json and MODEL_TIME_samples_TASK.jsonl, a line per question;
- ``easi``: MODEL_TASK.csv with a row per question, MODEL_TASK_acc.csv with the figures of each
  question type, and MODEL_TASK_setup.json, which EASI's leaderboard asks for.

The marks are this project's: choices by the strict parser, numbers by mean relative accuracy. The
whole replies and the answers in them go along, so that either tool can mark them anew.

Out of scope: evaluating (`training.evaluate`).
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import json
import re
import string
import sys
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from embodied_agent.errors import AgentError
from training.episodes.dataset import dataset_hash, read_episodes
from training.episodes.rows import DatasetError, Episode

#: Each domain's names in lmms-eval and in EASI (VLMEvalKit); others keep their own.
TASKS = {
    "vsi": ("vsibench", "VSI-Bench"),
    "vsi_debiased": ("vsibench_debiased", "VSI-Bench-Debiased"),
    "mvbench": ("mvbench", "MVBench"),
    "egoschema": ("egoschema", "EgoSchema"),
    "urbanvideo": ("urbanvideo", "UrbanVideo-Bench"),
    "sis": ("sis_bench", "SIS-Bench"),
}
#: VSI-Bench's three levels of one type count as one type in its overall figure.
_LEVELS = re.compile(r"^(object_rel_direction)_(easy|medium|hard)$")
_MRA = "MRA:.5:.95:.05"


@dataclass(frozen=True)
class Answered:
    """One question with a model's reply, the answer in it (a letter, a number or text) and its
    mark."""

    episode: Episode
    reply: str
    said: str
    right: float

    @property
    def metric(self) -> str:
        """The name of the mark in lmms-eval's VSI-Bench."""
        return _MRA if self.episode.kind == "number" else "accuracy"

    def doc(self) -> dict[str, Any]:
        """The question as the benchmark gives it."""
        episode = self.episode
        lettered = zip(string.ascii_uppercase, episode.choices, strict=False)
        return {
            "id": episode.id,
            "scene_name": episode.scene,
            "question_type": episode.category,
            "question": episode.question,
            "options": [f"{letter}. {choice}" for letter, choice in lettered] or None,
            "ground_truth": episode.answer,
        }


def read_result(result: Path) -> tuple[dict[str, Any], list[Answered]]:
    """The record of an evaluation, and its replies with their questions.

    Args:
        result: the path given to ``training.evaluate --out``.

    Raises:
        DatasetError: the files can't be read, or belong to other episodes than are there now.
    """
    try:
        record = json.loads(result.with_name(f"{result.name}.json").read_text("utf-8"))
        lines = result.with_name(f"{result.name}.jsonl").read_text("utf-8").splitlines()
        marks = [json.loads(line) for line in lines]
        folder, known_hash = Path(record["episodes"]), record["data_hash"]
        str(record["model"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DatasetError(
            f"can't read the evaluation {result}: {error!r}; it is the --out of training.evaluate, "
            "without .json"
        ) from error
    if dataset_hash(folder) != known_hash:
        raise DatasetError(f"{folder} has changed since {result} was evaluated: evaluate again")
    episodes = {episode.id: episode for episode in read_episodes(folder)}
    answered = []
    for mark in marks:
        episode = episodes.get(mark.get("id"))
        if episode is None:
            raise DatasetError(f"{folder} has no question {mark.get('id')!r}: evaluate again")
        said = str(mark["said"])
        if episode.kind == "choice" and said in episode.choices:
            said = string.ascii_uppercase[episode.choices.index(said)]
        answered.append(Answered(episode, str(mark["reply"]), said, float(mark["right"])))
    return record, answered


def figures(answered: Sequence[Answered]) -> dict[str, float]:
    """The mean mark of each question type, and ``overall``, the mean over types, as VSI-Bench
    counts it: its three levels of relative direction are one type."""
    marks: dict[str, list[float]] = defaultdict(list)
    metrics: dict[str, str] = {}
    for one in answered:
        marks[one.episode.category].append(one.right)
        metrics[one.episode.category] = one.metric
    means = {name: sum(values) / len(values) for name, values in marks.items()}
    merged: dict[str, list[float]] = defaultdict(list)
    for name, value in means.items():
        level = _LEVELS.match(name)
        merged[f"{level.group(1) if level else name}_{metrics[name]}"].append(value)
    by_type = {name: sum(values) / len(values) for name, values in sorted(merged.items())}
    return {**by_type, "overall": sum(by_type.values()) / len(by_type)}


def export(result: Path, form: str, out: Path) -> list[Path]:
    """Write the files of one format; returns their paths.

    Raises:
        DatasetError: see `read_result`, or a file can't be written.
    """
    record, answered = read_result(result)
    by_domain: dict[str, list[Answered]] = defaultdict(list)
    for one in answered:
        by_domain[one.episode.domain or "recordings"].append(one)
    write = _lmms_eval if form == "lmms-eval" else _easi
    model = re.sub(r"[^A-Za-z0-9.-]+", "_", str(record["model"])).strip("_") or "model"
    try:
        out.mkdir(parents=True, exist_ok=True)
        return write(record, by_domain, out, model)
    except OSError as error:
        raise DatasetError(f"can't write to {out}: {error}") from error


def _setup(record: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "model_name": record["model"],
        "backend": "embodied_agent training.evaluate",
        "prompt": record.get("asked", ""),
        "data_hash": record["data_hash"],
        "total_evaluation_time_seconds": record.get("elapsed_s"),
    }


def _lmms_eval(
    record: Mapping[str, Any], by_domain: Mapping[str, Sequence[Answered]], out: Path, model: str
) -> list[Path]:
    stamp = datetime.now(timezone.utc).strftime("%Y%m%d_%H%M%S")
    written, results = [], {}
    for domain, answered in by_domain.items():
        task = TASKS.get(domain, (domain, domain))[0]
        path = out / f"{model}_{stamp}_samples_{task}.jsonl"
        with path.open("w", encoding="utf-8") as file:
            for number, one in enumerate(answered):
                doc = one.doc()
                scored = {**doc, "prediction": one.said, one.metric: one.right}
                line = {
                    "doc_id": number,
                    "doc": doc,
                    "target": one.episode.answer,
                    "resps": [[one.reply]],
                    "filtered_resps": [one.said],
                    f"{task}_score": scored,
                    "doc_hash": _hash(json.dumps(doc, sort_keys=True)),
                    "target_hash": _hash(one.episode.answer),
                }
                file.write(json.dumps(line, ensure_ascii=False) + "\n")
        written.append(path)
        results[task] = {"alias": task, f"{task}_score,none": figures(answered)}
    path = out / f"{model}_{stamp}_results.json"
    samples = {
        TASKS.get(domain, (domain, domain))[0]: {"original": len(a), "effective": len(a)}
        for domain, a in by_domain.items()
    }
    content = {"results": results, "n-samples": samples, "config": _setup(record), "date": stamp}
    path.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    return [path, *written]


def _easi(
    record: Mapping[str, Any], by_domain: Mapping[str, Sequence[Answered]], out: Path, model: str
) -> list[Path]:
    written = []
    for domain, answered in by_domain.items():
        task = TASKS.get(domain, (domain, domain))[1]
        most = max(len(one.episode.choices) for one in answered)
        letters = list(string.ascii_uppercase[:most])
        rows = out / f"{model}_{task}.csv"
        with rows.open("w", encoding="utf-8", newline="") as file:
            table = csv.writer(file)
            table.writerow(
                ["index", "video", "question_type", "question", *letters, "answer", "prediction",
                 "extracted_pred", "score"]
            )  # fmt: skip
            for number, one in enumerate(answered):
                episode = one.episode
                options = [*episode.choices, *[""] * (most - len(episode.choices))]
                table.writerow(
                    [number, episode.scene, episode.category, episode.question, *options,
                     episode.answer, one.reply, one.said, f"{one.right:g}"]
                )  # fmt: skip
        marks = out / f"{model}_{task}_acc.csv"
        with marks.open("w", encoding="utf-8", newline="") as file:
            means = figures(answered)
            table = csv.writer(file)
            table.writerow(means)
            table.writerow(f"{value:.6f}" for value in means.values())
        setup = out / f"{model}_{task}_setup.json"
        setup.write_text(json.dumps(_setup(record), indent=1) + "\n", encoding="utf-8")
        written += [rows, marks, setup]
    return written


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def main(arguments: Sequence[str] | None = None) -> int:
    """Parse the command line and export."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("result", type=Path, help="--out of training.evaluate, without .json")
    parser.add_argument("--format", choices=("lmms-eval", "easi"), required=True)
    parser.add_argument("--out", type=Path, required=True)
    a = parser.parse_args(arguments)
    try:
        for path in export(a.result, a.format, a.out):
            print(path)
    except AgentError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
