"""Training rows for trl from episodes: the runtime's prompt, and the columns of the rewards.

A row has ``prompt`` (messages), ``question``, ``choices`` (empty for open questions), ``answer``
(text), ``category``, ``scene``, and ``reply``, the target of supervised training: the answer,
preceded by the teacher's reasoning if there is one (``reasoned``).

Out of scope: creating episodes (`training.episodes`).
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from embodied_agent.errors import SettingsError
from embodied_agent.reasoning.prompts import Style
from sim_clips.splits import refuse_scenes
from training.episodes.dataset import read_episodes, spread
from training.episodes.overlay import decided
from training.episodes.rows import Episode, prompt_of
from training.episodes.worlds import WORLDS, WorldUnit, parse_worlds, world_episodes
from training.judge_rows import judge_rows
from training.restating.rows import restating_rows
from training.run_config import DataConfig
from training.samples import NEEDS_CHOICES

log = logging.getLogger(__name__)

Row = dict[str, Any]


def training_rows(data: DataConfig, style: Style) -> list[Row]:
    """All training rows that ``data`` names, in a shuffled order that depends on the data only.

    Raises:
        SettingsError: there are no rows.
        DatasetError: episodes can't be read, or a scene is in two splits.
        HeldOutError: a scene is held out (`sim_clips.splits`).
    """
    episodes = [e for folder in data.train for e in read_episodes(Path(folder), "train")]
    episodes = decided(episodes, data.review)
    episodes += worlds(data.worlds, data)
    episodes += free_worlds(data, style)
    judged = judge_rows(data.reasonings, words_share=data.words_share, seed=data.seed)
    restated = restating_rows(data.restatements, seed=data.seed) if data.restatements else []
    refuse_scenes(e.scene for e in episodes if e.domain in WORLDS)
    if not episodes and not judged and not restated:
        raise SettingsError(
            "no training data: set data.train to episodes, data.worlds, data.reasonings or "
            "data.restatements"
        )
    rng = np.random.default_rng([data.seed, 19])
    shuffled = [episodes[int(i)] for i in rng.permutation(len(episodes))]
    return (
        [
            make_row(e, style, opened=bool(rng.random() < data.open_share))
            for e in shuffled[: data.limit]
        ]
        + judged
        + restated
    )


def held_rows(data: DataConfig, style: Style) -> dict[str, list[Row]]:
    """Rows to evaluate on during training: in distribution (``id``), and out of distribution
    (``ood``: that split of a data set, or the warehouse).

    Raises:
        DatasetError: episodes can't be read.
    """
    episodes = [e for folder in data.held for e in read_episodes(Path(folder), "validation", "ood")]
    episodes = decided(episodes, data.review)
    episodes += worlds(data.held_worlds, data)
    parts: dict[str, list[Row]] = {"id": [], "ood": []}
    for episode in episodes:
        outside = episode.split == "ood" or episode.domain == "warehouse"
        parts["ood" if outside else "id"].append(make_row(episode, style))
    return {name: spread(part, data.held_limit) for name, part in parts.items() if part}


def worlds(spec: str, data: DataConfig) -> list[Episode]:
    """Episodes of text worlds, given as ``house:40,city:40@500000`` (scenes, optional first seed).

    Raises:
        DatasetError: ``spec`` has another form.
    """
    episodes: list[Episode] = []
    for part in filter(None, (p.strip() for p in spec.split(","))):
        world, count, first = parse_worlds(part)
        unit = WorldUnit(
            world, first, count, questions=data.questions, noise=data.noise,
            answerable=data.answerable, words_share=data.words_share, seed=data.seed,
        )  # fmt: skip
        episodes += world_episodes(unit, "compact", {})[0]
    return episodes


def free_worlds(data: DataConfig, style: Style) -> list[Episode]:
    """Free questions in taught phrasings about the text worlds of ``data.free_worlds``.

    Raises:
        DatasetError: ``data.free_worlds`` has another form.
        HeldOutError: a scene is held out.
    """
    from training.free_questions.teaching import (
        free_episodes,
        parse_units,
    )  # they import this module

    units = parse_units(
        data.free_worlds, questions=data.questions, noise=data.noise,
        renamed_share=data.words_share, seed=data.seed,
    )  # fmt: skip
    return [episode for unit in units for episode in free_episodes(unit, style)]


def make_row(episode: Episode, style: Style, *, opened: bool = False) -> Row:
    """The row of an episode; ``opened``: without choices, if the question allows that."""
    if opened and episode.choices and episode.category not in NEEDS_CHOICES:
        episode = replace(episode, choices=(), kind="text", answer=episode.answer_text)
        prompt = prompt_of(episode.deltas, episode.asked, style)
    else:
        prompt = episode.prompt_in(style)
    messages = [{"role": "user", "content": prompt.user}]
    if prompt.system:
        messages.insert(0, {"role": "system", "content": prompt.system})
    # The full prompt asks for the letter; the compact one expects the option's text.
    answer = episode.answer if style == "full" else episode.answer_text
    return {
        "prompt": messages,
        "question": episode.question,
        "choices": list(episode.choices),
        "answer": episode.answer_text,
        "category": episode.category,
        "scene": episode.scene,
        "reasoned": bool(episode.reasoning),
        "reply": f"<think>{episode.reasoning}</think><answer> {answer}</answer>",
    }


def refuse_leaks(train: Iterable[Row], held: Iterable[Row]) -> None:
    """Check that training and held-out rows share no scene.

    Raises:
        SettingsError: they do.
    """
    shared = {r["scene"] for r in train if r["scene"]} & {r["scene"] for r in held}
    if shared:
        names = ", ".join(sorted(shared)[:5])
        raise SettingsError(
            f"{len(shared)} scenes are in both training and held-out data ({names}): split by "
            "scene, with `python -m training.episodes --split`"
        )


def short_enough(rows: Sequence[Row], tokenizer: Any, most_tokens: int) -> list[Row]:
    """The rows whose prompt has at most ``most_tokens`` tokens; logs how many were left out.

    Raises:
        SettingsError: no row is left.
    """
    texts = [
        tokenizer.apply_chat_template(r["prompt"], add_generation_prompt=True, tokenize=False)
        for r in rows
    ]
    lengths = [len(i) for i in tokenizer(texts, add_special_tokens=False).input_ids]
    short_rows = [row for row, length in zip(rows, lengths, strict=True) if length <= most_tokens]
    if len(short_rows) < len(rows):
        log.warning(
            "%d of %d prompts exceed %d tokens and are left out",
            len(rows) - len(short_rows), len(rows), most_tokens,
        )  # fmt: skip
    if not short_rows:
        raise SettingsError(f"every prompt exceeds data.most_prompt_tokens = {most_tokens}")
    return short_rows
