"""GRPO with real parts: two steps of the shipped reasoner, resuming, evaluation."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pyarrow.parquet
import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from embodied_agent.errors import SettingsError
from embodied_agent.models.checkpoints import SHIPPED
from training import grpo
from training.checkpointing import WholeCheckpoints
from training.run_config import load_config, trainer_arguments
from training.run_folder import (
    RunError,
    is_whole,
    last_checkpoint,
    mark_whole,
    open_run,
    wait_for_space,
)
from training.sharing import SharedPrompts, generate, logps_of

pytestmark = [
    pytest.mark.models,
    pytest.mark.filterwarnings("ignore::FutureWarning"),
    pytest.mark.filterwarnings("ignore::UserWarning"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
]
BUILTIN = Path("training/configs/builtin.yaml")
SMALL = [
    "data.worlds=house:1,city:1",
    "data.held_worlds=house:1@500000,warehouse:1@500000",
    "data.held_limit=4",
    "data.most_prompt_tokens=260",
    f"reference.spec={SHIPPED / 'reasoner'}",
    "trainer.per_device_train_batch_size=8",
    "trainer.per_device_eval_batch_size=4",
    "trainer.num_generations=4",
    "trainer.max_completion_length=128",
    "trainer.beta=0.02",
    "trainer.max_steps=4",
    "trainer.warmup_steps=0",
    "trainer.learning_rate=1e-3",
    "trainer.logging_steps=1",
    "trainer.save_steps=2",
    "trainer.eval_steps=4",
    "trainer.use_cpu=true",
    "threads=1",
]
TRAINED = ("loss", "grad_norm", "reward", "rewards/accuracy/mean", "kl", "learning_rate",
           "completions/mean_length", "curriculum/stage")  # fmt: skip


def config(*more: str) -> Any:
    return load_config(BUILTIN, [*SMALL, *more])


def logged(trainer: grpo.Trainer) -> dict[int, dict[str, float]]:
    rows = [row for row in trainer.state.log_history if "reward" in row and "loss" in row]
    return {row["step"]: {key: row[key] for key in TRAINED} for row in rows}


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, grpo.Trainer]]:
    """An uninterrupted run of four steps."""
    folder = tmp_path_factory.mktemp("run")
    threads = torch.get_num_threads()
    yield folder, grpo.run(config(), folder)
    torch.set_num_threads(threads)


def test_training_changes_the_weights_and_saves_a_model_that_answers(trained) -> None:
    from embodied_agent.reasoning.base import Prompt
    from embodied_agent.reasoning.builtin import BuiltinReasoner
    from embodied_agent.settings import ReasoningSettings

    folder, _ = trained
    settings = ReasoningSettings(backend="builtin", model_path=str(folder / "model"))
    reasoner = BuiltinReasoner(settings)
    prompt = Prompt("", "#0 start: red sofa front near.\n", "Recall: nothing.\nQuestion: Where?\n")
    pieces = reasoner.stream(prompt, timeout_s=60, max_tokens=40)
    assert next(iter(pieces))
    before = AutoModelForCausalLM.from_pretrained(str(SHIPPED / "reasoner"), dtype=torch.float32)
    after = AutoModelForCausalLM.from_pretrained(str(folder / "model"), dtype=torch.float32)
    assert any(
        not torch.equal(a, b) for a, b in zip(before.parameters(), after.parameters(), strict=True)
    )


def test_a_resumed_run_has_the_rewards_and_losses_of_an_uninterrupted_one(
    trained, tmp_path: Path
) -> None:
    folder, whole = trained
    killed = tmp_path / "run"
    shutil.copytree(folder, killed)
    shutil.rmtree(killed / "model")
    # As if killed while writing its last checkpoint.
    (killed / "checkpoint-4" / "optimizer.pt").write_bytes(b"half")
    again = grpo.run(config(), killed)
    assert (killed / "broken-checkpoint-4").is_dir()
    wanted, found = logged(whole), logged(again)
    assert list(wanted) == [1, 2, 3, 4]
    for step in (3, 4):
        assert found[step] == pytest.approx(wanted[step], rel=1e-4, abs=1e-6)
    assert len({row["loss"] for row in wanted.values()}) > 1


def test_a_resumed_run_continues_in_the_right_stage(trained) -> None:
    _, trainer = trained
    assert [row["curriculum/stage"] for row in logged(trainer).values()] == [1, 2, 3, 3]


def test_the_run_folder_records_its_provenance(trained) -> None:
    folder, _ = trained
    facts = json.loads((folder / "run.json").read_text())
    assert facts["seed"] == 1
    assert len(facts["data"]) == 16
    assert {"torch", "trl", "transformers", "python"} <= facts["versions"].keys()
    assert (folder / "config.yaml").read_text().startswith("model:")
    assert list(folder.rglob("events.out.tfevents.*"))


def test_completions_are_stored_as_tables(trained) -> None:
    folder, _ = trained
    tables = sorted((folder / "completions").glob("*.parquet"))
    assert tables
    table = pyarrow.parquet.read_table(tables[0])
    assert {"prompt", "completion", "accuracy", "reference_answer", "advantage"} <= set(
        table.column_names
    )


def test_held_out_rewards_are_logged_in_and_out_of_distribution(trained) -> None:
    _, trainer = trained
    keys = {key for row in trainer.state.log_history for key in row}
    assert {"eval_id_rewards/accuracy/mean", "eval_ood_rewards/accuracy/mean"} <= keys


def test_a_folder_of_another_run_is_refused(trained) -> None:
    folder, _ = trained
    with pytest.raises(RunError, match="other data"):
        grpo.run(config("data.seed=2"), folder)
    with pytest.raises(RunError, match="another configuration"):
        grpo.run(config("trainer.learning_rate=1e-4"), folder)


# Reading each prompt once gives the same results as trl.


@pytest.fixture(scope="module")
def reasoner() -> tuple[Any, Any, list[list[int]]]:
    folder = str(SHIPPED / "reasoner")
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    lines = "#0 start: red sofa front near.\n#1 rotate left 30: blue lamp front far.\n"
    asked = ["Where is the red sofa now?", "Which action undoes your last one?"]
    texts = [
        f"<|user|>{lines * n}Recall: nothing.\nQuestion: {q}\n<|assistant|>"
        for n, q in enumerate(asked, 1)
    ]
    ids = tokenizer(texts, add_special_tokens=False).input_ids
    return tokenizer, model, [ids[0]] * 3 + [ids[1]] * 3


def test_shared_prompts_sample_the_same_likeliest_tokens(reasoner) -> None:
    tokenizer, model, prompts = reasoner
    stop = tokenizer.eos_token_id
    made = generate(model, prompts, pad=0, stops={stop}, most_tokens=70, temperature=0)
    for prompt, completion in zip(prompts, made, strict=True):
        with torch.inference_mode():
            alone = model.generate(torch.tensor([prompt]), max_new_tokens=70, do_sample=False)
        assert completion == alone[0, len(prompt) :].tolist()


def test_shared_prompts_have_the_log_probabilities_of_separate_rows(reasoner) -> None:
    tokenizer, model, prompts = reasoner
    torch.manual_seed(0)
    stop = tokenizer.eos_token_id
    made = generate(model, prompts, pad=0, stops={stop}, most_tokens=12, temperature=1.5)
    with torch.inference_mode():
        logps, entropies = logps_of(model, prompts, made, temperature=0.7, entropy=True)
        for row, (prompt, completion) in enumerate(zip(prompts, made, strict=True)):
            logits = model(torch.tensor([prompt + completion])).logits[0, len(prompt) - 1 : -1]
            scores = torch.log_softmax(logits / 0.7, -1)
            wanted = scores.gather(1, torch.tensor(completion)[:, None])[:, 0]
            torch.testing.assert_close(logps[row, : len(completion)], wanted, atol=1e-4, rtol=1e-4)
            spread = -(scores.exp() * scores).sum(-1)
            torch.testing.assert_close(
                entropies[row, : len(completion)], spread, atol=1e-3, rtol=1e-3
            )
            assert not logps[row, len(completion) :].any()


def test_shared_prompts_have_the_gradients_of_separate_rows(reasoner) -> None:
    _, model, prompts = reasoner
    replies = [[5 + n, 9, 3] for n in range(6)]
    grads = []
    for shared in (True, False):
        model.zero_grad()
        if shared:
            logps_of(model, prompts, replies, temperature=1.0, entropy=False)[0].sum().backward()
        else:
            for prompt, reply in zip(prompts, replies, strict=True):
                logits = model(torch.tensor([prompt + reply])).logits[0, len(prompt) - 1 : -1]
                scores = torch.log_softmax(logits, -1)
                scores.gather(1, torch.tensor(reply)[:, None]).sum().backward()
        grads.append(model.model.layers[0].self_attn.q_proj.weight.grad.clone())
    model.zero_grad()
    torch.testing.assert_close(grads[0], grads[1], atol=1e-3, rtol=1e-3)


# Configurations.


def test_an_error_names_the_unknown_key_and_the_likely_one(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"modle.*did you mean model"):
        load_config(BUILTIN, ["modle.path=x"])
    with pytest.raises(SettingsError, match=r"data\.wolrds.*did you mean worlds"):
        load_config(BUILTIN, ["data.wolrds=x"])
    with pytest.raises(SettingsError, match=r"learning_rat:.*did you mean learning_rate"):
        trainer_arguments(grpo.GRPOConfig, {"learning_rat": 1}, output_dir=str(tmp_path))


def test_a_value_that_trl_refuses_raises_settings_error(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="refuses"):
        trainer_arguments(
            grpo.GRPOConfig,
            {"num_generations": 3, "per_device_train_batch_size": 4, "use_cpu": True},
            output_dir=str(tmp_path),
        )


@pytest.mark.parametrize("text", ["a: [", "- 1", "trainer: 3"])
def test_a_file_that_is_not_a_configuration_is_an_error(tmp_path: Path, text: str) -> None:
    path = tmp_path / "bad.yaml"
    path.write_text(text)
    with pytest.raises(SettingsError):
        load_config(path)


def test_a_missing_file_or_a_wrong_override_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="can't read"):
        load_config(tmp_path / "none.yaml")
    with pytest.raises(SettingsError, match=r"section\.key=value"):
        load_config(BUILTIN, ["trainer.max_steps"])


def test_held_out_scenes_in_training_are_refused(tmp_path: Path) -> None:
    leaking = config("data.held_worlds=house:1")
    with pytest.raises(SettingsError, match="split by scene"):
        grpo.run(leaking, tmp_path)


def test_a_consistency_weight_without_a_reference_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"reference\.spec"):
        grpo.run(config("reference.spec="), tmp_path)


def test_a_wrong_configuration_ends_the_command_with_a_message(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["--config", str(BUILTIN), "--out", str(tmp_path), "--set", "modle.path=x"]
    assert grpo.main(arguments) == 1
    assert "did you mean model" in capsys.readouterr().err


# Checkpoints are complete or absent.


def checkpoint(folder: Path, step: int, *, whole: bool = True) -> Path:
    made = folder / f"checkpoint-{step}"
    made.mkdir()
    (made / "model.safetensors").write_bytes(b"x" * 100)
    if whole:
        mark_whole(made)
    return made


def test_resuming_uses_the_newest_complete_checkpoint(tmp_path: Path) -> None:
    old = checkpoint(tmp_path, 9)
    half = checkpoint(tmp_path, 10)
    (half / "model.safetensors").write_bytes(b"x" * 40)
    checkpoint(tmp_path, 11, whole=False)
    assert last_checkpoint(tmp_path) == old
    assert sorted(p.name for p in tmp_path.glob("broken-*")) == [
        "broken-checkpoint-10",
        "broken-checkpoint-11",
    ]


def test_a_checkpoint_with_a_missing_file_is_incomplete(tmp_path: Path) -> None:
    made = checkpoint(tmp_path, 1)
    assert is_whole(made)
    (made / "model.safetensors").unlink()
    assert not is_whole(made)


def test_training_waits_for_disk_space_and_then_reports_a_full_disk(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="make room"):
        wait_for_space(tmp_path, 1 << 62, patience_s=0.02, look_s=0.01)


def test_a_checkpoint_that_fails_halfway_is_removed(tmp_path: Path) -> None:
    class Full:
        def _save_checkpoint(self, model: Any, trial: Any) -> None:
            folder = tmp_path / "checkpoint-7"
            folder.mkdir()
            (folder / "half").write_text("x")
            raise OSError(28, "No space left on device")

    class Saver(WholeCheckpoints, Full):
        args = SimpleNamespace(output_dir=str(tmp_path), should_save=True)
        state = SimpleNamespace(global_step=7)
        model = torch.nn.Linear(2, 2)

    with pytest.raises(RunError, match="No space left"):
        Saver()._save_checkpoint(None, None)
    assert not (tmp_path / "checkpoint-7").exists()


def test_a_run_folder_that_cannot_be_created_raises_run_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(RunError, match="can't use"):
        open_run(tmp_path / "file" / "run", config(), data="x", seed=1)


def test_skipping_groups_without_a_gradient_changes_nothing(reasoner, tmp_path) -> None:
    _, _, prompts = reasoner
    trainer = grpo.make_trainer(
        chosen := config("trainer.beta=0", "trainer.eval_strategy=no"),
        tmp_path,
        grpo.training_rows(chosen.data, chosen.model.prompt),
    )
    trainer.current_gradient_accumulation_steps = 1
    torch.manual_seed(0)
    longest = max(map(len, prompts))
    completions = torch.randint(300, 400, (6, 9))
    inputs = {
        "prompt_ids": torch.tensor([[0] * (longest - len(p)) + p for p in prompts]),
        "prompt_mask": torch.tensor([[0] * (longest - len(p)) + [1] * len(p) for p in prompts]),
        "completion_ids": completions,
        "completion_mask": torch.ones_like(completions),
        "advantages": torch.tensor([0.0, 1e-8, 0.0, 1.2, -0.7, -0.5]),
        "num_items_in_batch": torch.tensor(54.0),
    }

    def measured(compute: Any) -> tuple[float, list[torch.Tensor]]:
        trainer.model.train()
        trainer.model.zero_grad()
        loss = compute(trainer.model, dict(inputs))
        loss.backward()
        return float(loss), [p.grad.clone() for p in trainer.model.parameters()]

    read: list[int] = []
    whole = trainer._get_per_token_logps_and_entropies

    def counted(model: Any, input_ids: torch.Tensor, *rest: Any, **options: Any) -> Any:
        read.append(len(input_ids))
        return whole(model, input_ids, *rest, **options)

    trainer._get_per_token_logps_and_entropies = counted
    loss, gradient = measured(trainer._compute_loss)
    every, wanted = measured(super(SharedPrompts, trainer)._compute_loss)
    assert read == [3, 6]
    assert loss == pytest.approx(every, abs=1e-6)
    for found, other in zip(gradient, wanted, strict=True):
        torch.testing.assert_close(found, other, atol=1e-6, rtol=1e-3)
