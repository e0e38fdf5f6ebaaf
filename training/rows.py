"""Rows for trl out of episodes: the prompt as the runtime builds it, and the columns of rewards.

A row has ``prompt`` (messages), ``question``, ``choices`` (empty for open ones), ``answer`` (text),
``category``, ``scene``, and ``reply``, what supervised training is to learn: the teacher's
reasoning where there is one (``reasoned``), and the answer.

Not here: making episodes (`training.episodes`).
"""

from __future__ import annotations

import itertools
import logging
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from embodied_agent.errors import SettingsError
from embodied_agent.reasoning.prompts import Style
from sim_clips.splits import refuse_scenes
from training.episodes.dataset import read_episodes
from training.episodes.rows import Episode, prompt_of
from training.episodes.worlds import WORLDS, WorldUnit, parse_worlds, world_episodes
from training.run_config import DataConfig
from training.samples import NEEDS_CHOICES

log = logging.getLogger(__name__)

Row = dict[str, Any]


def training_rows(data: DataConfig, style: Style) -> list[Row]:
    """All training rows that ``data`` names, shuffled, always alike for the same data.

    Raises:
        SettingsError: there are none.
        DatasetError: episodes can't be read, or a scene is in two splits.
        HeldOutError: a scene is held out (`sim_clips.splits`).
    """
    episodes = [e for folder in data.train for e in read_episodes(Path(folder), "train")]
    episodes += worlds(data.worlds, data)
    refuse_scenes(e.scene for e in episodes if e.domain in WORLDS)
    if not episodes:
        raise SettingsError("no training data: set data.train to episodes, or data.worlds")
    rng = np.random.default_rng([data.seed, 19])
    mixed = [episodes[int(i)] for i in rng.permutation(len(episodes))]
    return [
        make_row(e, style, opened=bool(rng.random() < data.open_share)) for e in mixed[: data.limit]
    ]


def held_rows(data: DataConfig, style: Style) -> dict[str, list[Row]]:
    """Rows to evaluate on while training, by name: in distribution (``id``) and out of it
    (``ood``: that split of a data set, or the warehouse).

    Raises:
        DatasetError: episodes can't be read.
    """
    episodes = [e for folder in data.held for e in read_episodes(Path(folder), "validation", "ood")]
    episodes += worlds(data.held_worlds, data)
    parts: dict[str, list[Row]] = {"id": [], "ood": []}
    for episode in episodes:
        outside = episode.split == "ood" or episode.domain == "warehouse"
        parts["ood" if outside else "id"].append(make_row(episode, style))
    return {name: spread(part, data.held_limit) for name, part in parts.items() if part}


def spread(rows: Sequence[Row], most: int | None) -> list[Row]:
    """At most so many of the rows, from all scenes and all categories alike: each scene's first,
    then each scene's second, and so on, beginning with another category in each scene."""
    by_scene: dict[str, dict[str, list[Row]]] = {}
    for row in rows:
        by_scene.setdefault(row["scene"], {}).setdefault(row["category"], []).append(row)
    turns: list[list[Row]] = []
    for number, kinds in enumerate(by_scene.values()):
        names = sorted(kinds)
        first = number % len(names)
        dealt = itertools.zip_longest(*(kinds[n] for n in (*names[first:], *names[:first])))
        turns.append([row for turn in dealt for row in turn if row is not None])
    mixed = [row for turn in itertools.zip_longest(*turns) for row in turn if row is not None]
    return mixed[:most]


def worlds(spec: str, data: DataConfig) -> list[Episode]:
    """Episodes of text worlds, given as ``house:40,city:40@500000``: scenes and first seed.

    Raises:
        DatasetError: ``spec`` is something else.
    """
    found: list[Episode] = []
    for part in filter(None, (p.strip() for p in spec.split(","))):
        world, count, first = parse_worlds(part)
        unit = WorldUnit(
            world, first, count, questions=data.questions, noise=data.noise,
            answerable=data.answerable, seed=data.seed,
        )  # fmt: skip
        found += world_episodes(unit, "compact", {})[0]
    return found


def make_row(episode: Episode, style: Style, *, opened: bool = False) -> Row:
    """One row, ``opened`` without its choices where the question allows that."""
    if opened and episode.choices and episode.category not in NEEDS_CHOICES:
        answer = episode.answer_text
        episode = replace(episode, choices=(), kind="text", answer=answer)
        prompt = prompt_of(episode.deltas, episode.asked, style)
    else:
        prompt = episode.prompt_in(style)
    messages = [{"role": "user", "content": prompt.user}]
    if prompt.system:
        messages.insert(0, {"role": "system", "content": prompt.system})
    # The full prompt asks for the letter, the compact one was trained on the option's text.
    said = episode.answer if style == "full" else episode.answer_text
    return {
        "prompt": messages,
        "question": episode.question,
        "choices": list(episode.choices),
        "answer": episode.answer_text,
        "category": episode.category,
        "scene": episode.scene,
        "reasoned": bool(episode.reasoning),
        "reply": f"<think>{episode.reasoning}</think><answer> {said}</answer>",
    }


def refuse_leaks(train: Iterable[Row], held: Iterable[Row]) -> None:
    """Make sure that no scene is on both sides.

    Raises:
        SettingsError: one is.
    """
    shared = {r["scene"] for r in train if r["scene"]} & {r["scene"] for r in held}
    if shared:
        names = ", ".join(sorted(shared)[:5])
        raise SettingsError(
            f"{len(shared)} scenes are in training and held-out data ({names}): split by scene, "
            "with `python -m training.episodes --split`"
        )


def shorter(rows: Sequence[Row], tokenizer: Any, most_tokens: int) -> list[Row]:
    """The rows whose prompt has at most ``most_tokens`` tokens; says how many were left out.

    Raises:
        SettingsError: none is left.
    """
    texts = [
        tokenizer.apply_chat_template(r["prompt"], add_generation_prompt=True, tokenize=False)
        for r in rows
    ]
    lengths = [len(i) for i in tokenizer(texts, add_special_tokens=False).input_ids]
    kept = [row for row, length in zip(rows, lengths, strict=True) if length <= most_tokens]
    if len(kept) < len(rows):
        log.warning(
            "%d of %d prompts exceed %d tokens and are left out",
            len(rows) - len(kept), len(rows), most_tokens,
        )  # fmt: skip
    if not kept:
        raise SettingsError(f"every prompt exceeds data.most_prompt_tokens = {most_tokens}")
    return kept
