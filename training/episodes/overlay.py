"""What people decided about drafted questions: a small file that belongs under version control.

    reviewed:
    - {id: hall_0_walk_object_direction_4, question: In which …?, verdict: keep}
    - {id: …, question: …, verdict: drop}
    - {id: …, question: …, verdict: correct, answer: B}
    - {id: …, question: …, verdict: rename, names: {couch: sofa}}

Drafts without a verdict are not trained on, and neither are those whose question has changed since.
Other episodes pass unchanged.

Out of scope: the page (`training.review`).
"""

from __future__ import annotations

import logging
import os
import re
import string
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import yaml

from embodied_agent.support.documents import DocumentError, read_yaml
from training.episodes.rows import DatasetError, Episode, prompt_of

log = logging.getLogger(__name__)

Decision = Literal["keep", "drop", "correct", "rename"]
DECISIONS: tuple[Decision, ...] = ("keep", "drop", "correct", "rename")
#: A name is no longer than this, in characters.
_LONGEST_NAME = 60


@dataclass(frozen=True, slots=True)
class Verdict:
    """A person's decision about a draft. ``question`` is its text at that time; ``answer`` is the
    right letter for ``correct``; ``names`` maps wrong names to right ones for ``rename``."""

    id: str
    question: str
    verdict: Decision
    answer: str = ""
    names: Mapping[str, str] = field(default_factory=dict)


def is_draft(episode: Episode) -> bool:
    """Whether an episode is a draft that people have to review."""
    return bool(episode.about.get("drafted"))


def verdict_of(values: Mapping[str, Any], where: str) -> Verdict:
    """A verdict from a document's values.

    Raises:
        DatasetError: they are not a verdict; ``where`` says which.
    """
    names = values.get("names") or {}
    texts = [values.get("id"), values.get("question"), values.get("answer") or ""]
    fits = (
        all(isinstance(text, str) for text in texts)
        and values.get("verdict") in DECISIONS
        and isinstance(names, Mapping)
        and all(
            isinstance(name, str) and 0 < len(name.strip()) <= _LONGEST_NAME
            for pair in names.items()
            for name in pair
        )
    )
    if (
        not fits
        or (values["verdict"] == "correct" and not texts[2])
        or (values["verdict"] == "rename" and not names)
    ):
        raise DatasetError(
            f"{where} is no verdict: it needs id, question and verdict (one of "
            f"{', '.join(DECISIONS)}), with `answer` (a letter) for correct and `names` (wrong: "
            "right) for rename"
        )
    return Verdict(*texts[:2], values["verdict"], texts[2], dict(names))  # type: ignore[arg-type]


def read_overlay(path: Path) -> dict[str, Verdict]:
    """The verdicts of a file by id; empty if it is missing.

    Raises:
        DatasetError: it can't be read.
    """
    try:
        content = read_yaml(path.read_bytes()) or {}
    except FileNotFoundError:
        return {}
    except (OSError, DocumentError) as error:
        raise DatasetError(f"can't read the review {path}: {error}") from error
    rows = content.get("reviewed") if isinstance(content, dict) else None
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise DatasetError(f"{path} must hold a list `reviewed:` of verdicts")
    verdicts = [verdict_of(row, f"{path}, entry {number}") for number, row in enumerate(rows, 1)]
    return {verdict.id: verdict for verdict in verdicts}


def write_overlay(path: Path, verdicts: Mapping[str, Verdict]) -> None:
    """Write the verdicts, sorted by id so that versions compare well, atomically.

    Raises:
        DatasetError: the file can't be written.
    """
    rows = []
    for verdict in sorted(verdicts.values(), key=lambda one: one.id):
        row: dict[str, Any] = {
            "id": verdict.id, "question": verdict.question, "verdict": verdict.verdict
        }  # fmt: skip
        if verdict.answer:
            row["answer"] = verdict.answer
        if verdict.names:
            row["names"] = dict(verdict.names)
        rows.append(row)
    part = path.with_name(f"{path.name}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        text = yaml.safe_dump({"reviewed": rows}, sort_keys=False, allow_unicode=True, width=10_000)
        with part.open("w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    except OSError as error:
        raise DatasetError(f"can't write the review {path}: {error}") from error


def reviewed(
    episodes: Sequence[Episode], verdicts: Mapping[str, Verdict]
) -> tuple[list[Episode], Counter[str]]:
    """The episodes as people decided, and how many drafts were left out, by reason.

    Raises:
        DatasetError: a correction names no choice of its question.
    """
    kept: list[Episode] = []
    left_out: Counter[str] = Counter()
    for episode in episodes:
        if not is_draft(episode):
            kept.append(episode)
            continue
        verdict = verdicts.get(episode.id)
        if verdict is None:
            left_out["not reviewed"] += 1
        elif verdict.question != episode.question:
            left_out["changed since it was reviewed"] += 1
        elif verdict.verdict == "drop":
            left_out["dropped in review"] += 1
        else:
            kept.append(_decided(episode, verdict))
    return kept, left_out


def decided(episodes: Sequence[Episode], overlay: str) -> list[Episode]:
    """`reviewed` with the verdicts in the file ``overlay`` (empty: none, so no drafts); logs how
    many drafts were left out.

    Raises:
        DatasetError: the file is missing or can't be read, or a verdict can't be applied.
    """
    if overlay and not Path(overlay).is_file():
        raise DatasetError(f"there is no review {overlay}; python -m training.review writes it")
    kept, left_out = reviewed(episodes, read_overlay(Path(overlay)) if overlay else {})
    for reason, count in left_out.items():
        log.warning("%d drafted questions are left out: %s", count, reason)
    return kept


def _decided(episode: Episode, verdict: Verdict) -> Episode:
    if verdict.verdict == "correct":
        letters = string.ascii_uppercase[: len(episode.choices)]
        if verdict.answer not in tuple(letters):
            raise DatasetError(
                f"the review corrects {episode.id} to {verdict.answer!r}, which is not one of "
                f"{letters}"
            )
        return replace(episode, answer=verdict.answer)
    if verdict.verdict == "keep":
        return episode
    names = dict(verdict.names)
    pattern = re.compile(rf"(?<!\w)(?:{'|'.join(map(re.escape, names))})(?!\w)")

    def renamed(text: str) -> str:
        return pattern.sub(lambda match: names[match.group()], text)

    deltas = tuple(
        replace(
            delta,
            mentions=tuple(replace(m, name=names.get(m.name, m.name)) for m in delta.mentions),
            observation=renamed(delta.observation),
        )
        for delta in episode.deltas
    )
    changed = replace(
        episode,
        question=renamed(episode.question),
        choices=tuple(map(renamed, episode.choices)),
        deltas=deltas,
    )
    if len(set(changed.choices)) < len(changed.choices):
        raise DatasetError(f"the review's names make two choices of {episode.id} the same")
    prompt = prompt_of(deltas, changed.asked, episode.style)
    return replace(
        changed, system=prompt.system, transcript=prompt.transcript, recalled="", task=prompt.task
    )
