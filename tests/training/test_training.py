"""Training: packed questions equal live ones, traces are true, both trainers run."""

from __future__ import annotations

import json
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
import torch

from embodied_agent.reasoning.answer import parse_answer
from embodied_agent.transcript.text import entry_text
from sim_clips.questions import NOT_TOLD, mentions_of
from training import program
from training.packing import ATTENTION, IGNORED, collate
from training.reasoner import loss_of, train
from training.reasoner_model import new_model, save_checkpoint
from training.samples import (
    COMPASS,
    FIRST_TRAINING_SEED,
    corpus,
    in_compass_points,
    samples_of,
    sequences,
)
from training.text_worlds import Noise, noted, sample_journey
from training.vocabulary import train_tokenizer


@pytest.fixture(scope="module")
def tokenizer():
    return train_tokenizer(corpus(12), whole_names=True)


def test_words_of_the_worlds_are_single_tokens(tokenizer) -> None:
    text = "#12 rotate left 45: blue sofa front-left near; blue lamp front far.\n"
    tokens = tokenizer.tokenize(text)
    assert len(tokens) == 11
    assert tokenizer.decode(tokenizer(text).input_ids) == text


def test_any_text_survives_the_tokenizer(tokenizer) -> None:
    text = "Où est le canapé?  #99999 <think>\t漢字</think>"
    assert tokenizer.decode(tokenizer(text).input_ids) == text


def test_a_packed_question_is_read_like_a_separate_one(tokenizer) -> None:
    packed = next(sequences(3, tokenizer, 12))
    model = new_model(tokenizer, width=64, layers=2).eval()
    batch = collate([packed, packed])
    model.set_attn_implementation(ATTENTION)
    with torch.no_grad():
        flat = model.model(
            input_ids=batch.ids,
            position_ids=batch.positions,
            use_cache=False,
            layout=batch.layout,
        ).last_hidden_state[0]
        model.set_attn_implementation("sdpa")
        start = len(packed.transcript)
        for block in packed.blocks:
            alone = packed.transcript[: block.limit] + block.task + block.reply
            count = len(block.task) + len(block.reply)
            wanted = model.model(input_ids=torch.tensor([alone])).last_hidden_state[0, -count:]
            torch.testing.assert_close(flat[start : start + count], wanted, atol=2e-5, rtol=1e-4)
            start += count


def test_only_replies_and_recall_lines_are_learned(tokenizer) -> None:
    packed = next(sequences(4, tokenizer, 12))
    batch = collate([packed])
    learned = batch.ids[0][batch.labels[0] != IGNORED]
    assert learned.tolist() == [t for block in packed.blocks for t in block.reply]
    copied = batch.ids[0][batch.recalled[0] != IGNORED]
    assert tokenizer.decode(copied.tolist()).startswith("Recall:")
    assert "Question" not in tokenizer.decode(copied.tolist())


def test_compass_points_replace_only_the_concluded_direction(tokenizer) -> None:
    answer = "</think><answer> left</answer>"
    assert in_compass_points(f"<think>a\nleft.{answer}") == f"<think>a\nW.{answer}"
    for other in (f"<think>left.{answer}", f"<think>a\nnearest red sofa.{answer}"):
        assert in_compass_points(other) == other
    ends = tuple(f"\n{point}.</think>" for point in COMPASS.values())
    for share in (0.0, 1.0):
        replies = [
            tokenizer.decode(block.reply)
            for packed in islice(sequences(4, tokenizer, 12, compass=share), 6)
            for block in packed.blocks
        ]
        assert any(end in r for end in ends for r in replies) == bool(share)
        assert any(f"\n{word}.</think>" in r for word in COMPASS for r in replies) != bool(share)


@pytest.mark.parametrize("seed", range(12))
def test_each_taught_reply_gives_the_true_choice_and_cites_known_keyframes(seed: int) -> None:
    rng = np.random.default_rng(seed)
    deltas, samples = samples_of(
        "house" if seed % 2 else "city",
        FIRST_TRAINING_SEED + seed,
        rng,
        questions=7,
        longest=30,
        noise=1.0,
    )
    for sample in samples:
        choices = sample.question.choices if "Options:" in sample.task else ()
        parsed = parse_answer(sample.reply, choices)
        assert parsed.text == sample.question.choices[sample.question.answer]
        assert parsed.cited or parsed.text == NOT_TOLD
        assert max(parsed.cited, default=0) <= deltas[sample.now].keyframe_id


def test_notes_without_noise_are_the_visible_objects() -> None:
    rng = np.random.default_rng(1)
    journey = sample_journey("house", FIRST_TRAINING_SEED + 5, rng)
    for view, delta in zip(journey.views, noted(journey, rng, Noise()), strict=True):
        assert list(delta.mentions) == mentions_of(journey, view)


def test_noise_has_about_its_nominal_error_rates() -> None:
    rng = np.random.default_rng(2)
    kept = total = 0
    for seed in range(30):
        journey = sample_journey("city", FIRST_TRAINING_SEED + seed, rng)
        for view, delta in zip(journey.views, noted(journey, rng, Noise(missed=0.3)), strict=True):
            total += len(mentions_of(journey, view))
            kept += len(delta.mentions)
    assert 0.64 <= kept / total <= 0.76


def test_the_program_answers_the_shipped_questions_from_true_entries_far_above_chance() -> None:
    from embodied_agent.records import Keyframe
    from training.true_perception import true_delta

    right = count = 0
    for clip in sorted(Path("sim_clips/clips").glob("*/truth.json"))[:3]:
        truth = json.loads(clip.read_text())
        stamps = [f["stamp_ns"] for f in truth["frames"][::6]]
        frames = [Keyframe(i, s, b"", "overlap", 320, 240) for i, s in enumerate(stamps)]
        deltas = [
            true_delta(truth, before, now)
            for before, now in zip([None, *frames], frames, strict=False)
        ]
        for row in json.loads((clip.parent / "questions.json").read_text()):
            if row["type"] in ("landmark_position", "appearance_order", "relative_distance"):
                known = [d for d, s in zip(deltas, stamps, strict=True) if s <= row["stamp_ns"]]
                right += program.answer(known, row, truth["world"]) == row["answer"]
                count += 1
    assert right / count > 0.6


def test_the_reasoner_trains_stops_and_resumes(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr("training.reasoner.corpus", lambda episodes: corpus(6))
    options = {
        "batch": 1,
        "rate": 1e-3,
        "width": 32,
        "layers": 1,
        "threads": 1,
        "seed": 1,
        "warm_share": 0.0,
    }
    train(tmp_path, minutes=60, most_steps=2, **options)
    first = torch.load(tmp_path / "state.pt", weights_only=True)
    assert first["step"] == 2
    train(tmp_path, minutes=60, most_steps=4, **options)
    second = torch.load(tmp_path / "state.pt", weights_only=True)
    assert second["step"] == 4
    assert second["spent"] > first["spent"]
    assert (tmp_path / "model" / "model.safetensors").is_file()


def test_training_lowers_the_loss(tokenizer) -> None:
    torch.manual_seed(0)
    model = new_model(tokenizer, width=64, layers=2)
    model.set_attn_implementation(ATTENTION)
    batch = collate(list(islice(sequences(5, tokenizer, 8), 2)))
    optimiser = torch.optim.AdamW(model.parameters(), lr=3e-3)
    losses = []
    for _ in range(25):
        loss, _ = loss_of(model, batch)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.6 * losses[0]


def test_a_saved_reasoner_reads_its_tokenizer_back_unchanged(tokenizer, tmp_path: Path) -> None:
    from transformers import AutoConfig, AutoTokenizer

    model = new_model(tokenizer, width=32, layers=1)
    model.config.use_cache = False  # as trl leaves it
    save_checkpoint(model, tokenizer, tmp_path)
    assert AutoConfig.from_pretrained(str(tmp_path)).use_cache
    text = "#12 rotate left 45: red sofa front-left near.\n<think>x</think><answer>B</answer>"
    again = AutoTokenizer.from_pretrained(str(tmp_path))
    assert again(text).input_ids == tokenizer(text).input_ids
    assert entry_text  # the transcript's own writer is what training uses


@pytest.mark.gl
def test_the_perceiver_trains_on_rendered_frames_and_its_checkpoint_replies(tmp_path: Path) -> None:
    from embodied_agent.perception.builtin import BuiltinPerceiver
    from embodied_agent.records import Keyframe
    from embodied_agent.settings import load_settings
    from embodied_agent.sources import encode_jpeg
    from sim_clips.render import Renderer
    from training.frames import make_shard, save_shard
    from training.perceiver import train as train_perceiver

    shard = make_shard(FIRST_TRAINING_SEED, Renderer(320, 240), ("house",), scenes=1)
    assert shard.pictures.shape[1:] == (192, 192, 3)
    assert (shard.kinds > 0).any()
    (tmp_path / "frames").mkdir()
    save_shard(tmp_path / "frames" / "01000000.npz", shard)
    options = {"rate": 1e-3, "threads": 1, "seed": 1, "limit": 1000}
    train_perceiver(tmp_path / "frames", tmp_path / "run", minutes=60, most_steps=3, **options)
    settings = load_settings(perception__model_path=str(tmp_path / "run" / "model"))
    perceiver = BuiltinPerceiver(settings.perception)
    jpeg = encode_jpeg(np.full((240, 320, 3), 128, np.uint8), 90)
    delta = perceiver.perceive(None, Keyframe(0, 0, jpeg, "first", 320, 240))
    assert delta.keyframe_id == 0
    assert delta.action is None
