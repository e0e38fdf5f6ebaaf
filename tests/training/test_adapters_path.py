"""The way from a base to an adapter and its card, with a small base of SmolLM2's kind."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from accelerate.utils import send_to_device
from peft import PeftModel
from safetensors import safe_open
from transformers import AutoModelForCausalLM, AutoTokenizer

from embodied_agent.errors import ModelError, SettingsError
from embodied_agent.models.adapters import CONFIG, WEIGHTS
from embodied_agent.models.catalogue import BASES, base_folder
from embodied_agent.models.checkpoints import load, recorded_style
from sim_clips.questions.free.nouns import NOUNS
from tests.models.test_llama_gguf import checkpoint
from training import adapter_card, grpo, prepare, sft
from training.adapter_files import local_name, portable_name
from training.free_questions.teaching import FreeUnit, free_episodes
from training.judge_rows import judge_rows
from training.judge_skill import accuracy, bases
from training.packing import ATTENTION, IGNORED
from training.reference import Reasoned, full_text, open_reference, read
from training.rows import training_rows
from training.run_config import DataConfig, load_config
from training.shared_transcripts import collated, packed_rows
from training.sharing import SharedPrompts, generate, logps_of

pytestmark = [
    pytest.mark.filterwarnings("ignore::FutureWarning"),
    pytest.mark.filterwarnings("ignore::UserWarning"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
]
CONFIGS = Path("training/configs")
DATA = ["data.worlds=house:1", "data.free_worlds=city:1", "data.questions=6", "data.held_worlds="]
IN_SMALL = [
    *DATA, "data.most_prompt_tokens=4000", "model.dtype=float32", "threads=1", "lora.r=4",
    "trainer.use_cpu=true", "trainer.bf16=false", "trainer.per_device_train_batch_size=1",
    "trainer.max_steps=2", "trainer.save_steps=2", "trainer.logging_steps=1",
    "trainer.eval_strategy=no",
]  # fmt: skip


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small llama with grouped heads, long enough for whole transcripts of single letters."""
    folder = checkpoint(tmp_path_factory.mktemp("base") / "model")
    config = json.loads((folder / "config.json").read_text())
    config |= {"max_position_embeddings": 8192, "dtype": "bfloat16"}
    (folder / "config.json").write_text(json.dumps(config))
    return folder


@pytest.fixture(scope="module")
def started(base: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a supervised run of two steps."""
    out = tmp_path_factory.mktemp("sft") / "run"
    config = load_config(CONFIGS / "smollm2-sft.yaml", [*IN_SMALL, f"model.path={base}"])
    trainer = sft.run(config, out)
    assert trainer.state.global_step == 2
    return out


def test_every_tokens_loss_is_that_of_a_sequence_of_its_own(base: Path) -> None:
    data = DataConfig(worlds="house:1", free_worlds="city:1", questions=5)
    rows = [row for row in training_rows(data, "full") if row["reasoned"]]
    tokenizer = AutoTokenizer.from_pretrained(str(base))
    model = AutoModelForCausalLM.from_pretrained(str(base), dtype=torch.float32).eval()
    alone = []
    for row in rows:
        text = tokenizer.apply_chat_template(
            row["prompt"], add_generation_prompt=True, tokenize=False
        )
        whole = tokenizer.apply_chat_template(
            [*row["prompt"], {"role": "assistant", "content": row["reply"]}], tokenize=False
        )
        prompt = tokenizer(text, add_special_tokens=False).input_ids
        reply = tokenizer(whole[len(text) :], add_special_tokens=False).input_ids
        ids = torch.tensor([prompt + reply])
        with torch.inference_mode():
            logits = model(input_ids=ids).logits[0, len(prompt) - 1 : -1]
        alone += torch.nn.functional.cross_entropy(
            logits, torch.tensor(reply), reduction="none"
        ).tolist()
    items = packed_rows(rows, tokenizer, longest=8192)
    total = sum(len(i["input_ids"]) + sum(map(len, i["tasks"] + i["replies"])) for i in items)
    assert len(items) < len(rows)
    model.set_attn_implementation(ATTENTION)
    together = []
    for item in items:
        batch = collated([item])
        labels = batch.pop("labels")[0, 1:]
        with torch.inference_mode():
            logits = model(**batch, use_cache=False).logits[0, :-1]
        kept = labels != IGNORED
        together += torch.nn.functional.cross_entropy(
            logits[kept], labels[kept], reduction="none"
        ).tolist()
    assert len(together) == len(alone)
    assert sorted(together) == pytest.approx(sorted(alone), abs=2e-4)
    separately = sum(
        len(tokenizer.apply_chat_template(r["prompt"], tokenize=True)["input_ids"]) for r in rows
    )
    assert total < 0.8 * separately


def test_a_sequence_stays_within_its_length(base: Path) -> None:
    data = DataConfig(worlds="house:1", questions=8)
    rows = training_rows(data, "full")
    tokenizer = AutoTokenizer.from_pretrained(str(base))
    for longest in (3000, 6000):
        items = packed_rows(rows, tokenizer, longest=longest)
        lengths = [
            len(i["input_ids"]) + sum(map(len, i["tasks"])) + sum(map(len, i["replies"]))
            for i in items
        ]
        assert lengths
        assert max(lengths) <= longest


def test_a_supervised_run_leaves_an_adapter_in_the_bases_precision_and_a_merged_model(
    started: Path, base: Path
) -> None:
    with safe_open(started / "adapter" / WEIGHTS, "pt") as adapter:
        tensors = {key: adapter.get_tensor(key) for key in adapter.keys()}  # noqa: SIM118
    assert {tensor.dtype for tensor in tensors.values()} == {torch.bfloat16}
    assert any(float(t.abs().max()) > 0 for key, t in tensors.items() if "lora_B" in key)
    assert recorded_style(str(started / "adapter")) == "full"
    assert recorded_style(str(started / "model")) == "full"
    one, _ = load(started / "adapter", "reasoner")
    other, _ = load(started / "model", "reasoner")
    for name, tensor in one.state_dict().items():
        assert torch.allclose(tensor.float(), other.state_dict()[name].float(), atol=1e-2), name


def test_reinforcement_learning_goes_on_with_the_same_adapter(
    started: Path, base: Path, tmp_path: Path
) -> None:
    overrides = [
        *IN_SMALL, "data.free_worlds=", f"model.path={base}", f"lora.start={started / 'adapter'}",
        "trainer.num_generations=2", "trainer.per_device_train_batch_size=2",
        "trainer.gradient_accumulation_steps=1", "trainer.max_completion_length=4",
    ]  # fmt: skip
    trainer = grpo.run(load_config(CONFIGS / "smollm2-grpo.yaml", overrides), tmp_path / "run")
    assert trainer.state.global_step == 2
    config = json.loads((tmp_path / "run" / "adapter" / CONFIG).read_text())
    assert config["base_model_name_or_path"] == str(base)
    assert config["r"] == 4


def test_mixed_precision_reads_each_groups_prompt_once(
    started: Path, base: Path, tmp_path: Path
) -> None:
    overrides = [
        *IN_SMALL, "data.free_worlds=", f"model.path={base}", f"lora.start={started / 'adapter'}",
        "model.dtype=bfloat16", "trainer.bf16=true", "trainer.beta=0.01", "trainer.max_steps=1",
        "trainer.num_generations=2", "trainer.per_device_train_batch_size=2",
        "trainer.gradient_accumulation_steps=1", "trainer.max_completion_length=4",
    ]  # fmt: skip
    config = load_config(CONFIGS / "smollm2-grpo.yaml", overrides)
    assert config.model.shared_prompts
    trainer = grpo.run(config, tmp_path / "run")
    assert isinstance(trainer, SharedPrompts)
    assert trainer.state.global_step == 1
    # The reference policy is the adapter that the run began with: nothing has changed yet.
    assert trainer.state.log_history[0]["kl"] == pytest.approx(0, abs=1e-3)


@pytest.fixture
def adapted(started: Path, base: Path) -> Any:
    """The base with an adapter that changes it visibly."""
    model = AutoModelForCausalLM.from_pretrained(str(base), dtype=torch.float32)
    model = PeftModel.from_pretrained(model, str(started / "adapter"), is_trainable=True)
    torch.manual_seed(5)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "lora_" in name:
                parameter.normal_(0, 0.2)
    return model.eval()


def test_with_an_adapter_too_each_groups_prompt_is_read_once(adapted: Any) -> None:
    prompts = [[5, 9, 30, 12]] * 2 + [[7, 8, 22, 41, 6]] * 2
    made = generate(adapted, prompts, pad=0, stops=(), most_tokens=6, temperature=0)
    shared, _ = logps_of(adapted, prompts, made, temperature=1.0, entropy=False)
    with adapted.disable_adapter():
        of_base, _ = logps_of(adapted, prompts, made, temperature=1.0, entropy=False)
    assert not torch.allclose(shared, of_base, atol=1e-2)
    for row, (prompt, completion) in enumerate(zip(prompts, made, strict=True)):
        ids = torch.tensor([prompt + completion])
        scores = adapted(input_ids=ids).logits[0, len(prompt) - 1 : -1].log_softmax(-1)
        assert completion == scores.argmax(-1).tolist()
        alone = scores.gather(1, torch.tensor(completion)[:, None])[:, 0]
        torch.testing.assert_close(shared[row], alone, atol=1e-4, rtol=1e-4)
    shared.sum().backward()
    grads = {n: p.grad for n, p in adapted.named_parameters() if p.requires_grad}
    assert all(grad is not None and bool(grad.any()) for grad in grads.values())


def test_a_judge_of_the_bases_size_is_trained_by_the_same_command(
    started: Path, base: Path, tmp_path: Path
) -> None:
    overrides = [
        *IN_SMALL, "data.worlds=", "data.free_worlds=", "data.reasonings=6", f"model.path={base}",
        f"lora.start={started / 'adapter'}",
    ]  # fmt: skip
    sft.run(load_config(CONFIGS / "smollm2-judge-sft.yaml", overrides), tmp_path / "run")
    judge = open_reference(str(tmp_path / "run" / "model"), style="full")
    assert set(accuracy(judge, bases(2, 500_000, 1, ("house",)))) >= {"true"}


def test_a_judges_rows_are_what_it_is_asked_and_lead_to_their_answer() -> None:
    rows = judge_rows(40, words_share=0.5, seed=3)
    assert rows == judge_rows(40, words_share=0.5, seed=3)
    own = 0
    for row in rows:
        asked = row["prompt"][0]["content"]
        choices = tuple(row["choices"])
        said = row["reply"].removeprefix("<answer>")
        assert read(said, choices) == row["answer"]
        reasoning = asked.split("\nReasoning: ")[1]
        assert asked == full_text(Reasoned(row["question"], choices, reasoning))
        own += any(word in NOUNS for word in row["question"].replace("?", " ").split())
    assert 5 <= own <= 30


def test_an_adapter_that_is_not_there_is_an_error(base: Path, tmp_path: Path) -> None:
    overrides = [*IN_SMALL, f"model.path={base}", f"lora.start={tmp_path / 'absent'}"]
    with pytest.raises(ModelError, match="absent"):
        sft.run(load_config(CONFIGS / "smollm2-sft.yaml", overrides), tmp_path / "run")


def test_a_finished_run_is_not_trained_again_but_saved_again(started: Path, base: Path) -> None:
    config = load_config(CONFIGS / "smollm2-sft.yaml", [*IN_SMALL, f"model.path={base}"])
    before = (started / "adapter" / WEIGHTS).read_bytes()
    assert sft.run(config, started).state.global_step == 2
    assert (started / "adapter" / WEIGHTS).read_bytes() == before


def test_the_card_says_how_the_adapter_was_made(started: Path) -> None:
    text = adapter_card.write_card([started], note="A note.").read_text()
    facts = json.loads((started / "run.json").read_text())
    for said in ("rank 4", facts["data"], "house:1", "| 2 |", "None were measured", "A note."):
        assert said in text
    assert (started / "adapter" / "training.yaml").is_file()
    assert (started / "adapter" / "curves.png").read_bytes().startswith(b"\x89PNG")


def test_a_card_of_several_runs_counts_their_steps_on_and_has_all_figures(
    started: Path, base: Path, tmp_path: Path
) -> None:
    overrides = [*IN_SMALL, f"model.path={base}", f"lora.start={started / 'adapter'}"]
    later = tmp_path / "later"
    sft.run(load_config(CONFIGS / "smollm2-sft.yaml", overrides), later)
    figures = {
        "types": {"episodes": "runs/dev", "data_hash": "abc"},
        "free": {"worlds": "city:2@5", "clips": [], "notes": "true", "renamed": "held_out",
                 "phrasings": "held_out"},
    }  # fmt: skip
    for name, record in figures.items():
        (tmp_path / f"{name}.json").write_text(json.dumps(record))
        (tmp_path / f"{name}.md").write_text(f"| a table of {name} |\n")
    assert adapter_card.main(
        ["--run", str(started), "--run", str(later), "--evaluation", f"Types={tmp_path}/types",
         "--evaluation", f"Free={tmp_path}/free"]
    ) == 0  # fmt: skip
    text = (later / "adapter" / "README.md").read_text()
    for said in (
        "| 4 |", "Then:", "### Types", "| a table of types |", "`runs/dev` (abc)",
        "`city:2@5` (true notes, held out phrasings, in words that are held out)",
    ):  # fmt: skip
        assert said in text


def test_a_card_without_a_run_is_an_error(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    assert adapter_card.main(["--run", str(tmp_path)]) == 1
    assert "can't write a card" in capsys.readouterr().err


def test_a_fetched_base_is_named_as_on_the_hub(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EMBODIED_AGENT_MODELS", str(tmp_path))
    smollm2 = BASES["smollm2"]
    folder = base_folder(smollm2)
    assert portable_name(str(folder)) == smollm2.hub
    assert portable_name("elsewhere/model") == "elsewhere/model"
    assert portable_name("") == ""
    assert local_name(smollm2.hub) == smollm2.hub
    folder.mkdir(parents=True)
    (folder / "config.json").write_text("{}")
    assert local_name(smollm2.hub) == str(folder)


def test_what_came_next_can_be_taught_where_nothing_new_came() -> None:
    unit = FreeUnit("house", 1_000_016, 1, questions=23, noise=0.5)
    lessons = [e for e in free_episodes(unit, "full") if "no later entry" in e.reasoning]
    assert lessons
    assert {lesson.answer for lesson in lessons} == {"The notes do not tell."}


def test_names_become_words_that_no_world_uses(base: Path) -> None:
    plain, worded = (
        training_rows(DataConfig(worlds="house:2", questions=4, words_share=share), "full")
        for share in (0.0, 1.0)
    )
    known = {"sofa", "table", "lamp", "bookshelf", "bed", "plant", "clock", "barrel", "door"}
    known |= {"building", "tree", "car", "tower", "dome", "crane", "billboard", "fountain"}

    def shown(rows: list[dict]) -> float:
        texts = [row["prompt"][-1]["content"] for row in rows]
        return sum(any(f" {kind} " in text for kind in known) for text in texts) / len(texts)

    assert shown(plain) == 1.0
    assert len(worded) == len(plain)
    words = " ".join(row["prompt"][-1]["content"] for row in worded)
    assert sum(f" {kind} " in words for kind in known) < 6  # a fifth keep their words


def test_prepared_data_train_as_those_made_on_the_way(
    started: Path, base: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    file = tmp_path / "rows.parquet"
    config = str(CONFIGS / "smollm2-sft.yaml")
    overrides = [*IN_SMALL, f"model.path={base}"]
    words = [word for override in overrides for word in ("--set", override)]
    assert prepare.main(["--config", config, "--out", str(file), *words]) == 0
    assert "sequences" in capsys.readouterr().out
    ready = load_config(Path(config), [*overrides, f"data.prepared={file}"])
    sft.run(ready, tmp_path / "run")
    one, other = (
        json.loads((run / "checkpoint-2" / "trainer_state.json").read_text())["log_history"]
        for run in (started, tmp_path / "run")
    )
    for before, after in zip(one, other, strict=True):
        assert before.get("loss") == after.get("loss")
    facts = [json.loads((run / "run.json").read_text()) for run in (started, tmp_path / "run")]
    assert facts[0]["data"] == facts[1]["data"]
    changed = load_config(Path(config), [*overrides, f"data.prepared={file}", "data.noise=0.1"])
    with pytest.raises(SettingsError, match="another data"):
        sft.run(changed, tmp_path / "other")
    file.write_bytes(file.read_bytes()[:100])
    with pytest.raises(SettingsError, match=r"rows\.parquet"):
        sft.run(ready, tmp_path / "other")


def test_a_batch_goes_to_another_device_as_a_whole(base: Path) -> None:
    rows = training_rows(DataConfig(worlds="house:1", questions=3), "full")
    batch = collated(
        list(packed_rows(rows, AutoTokenizer.from_pretrained(str(base)), longest=8192))
    )
    moved = send_to_device(batch, torch.device("meta"), non_blocking=True)
    layout = moved["layout"]
    tensors = [moved["input_ids"], layout.transcripts, *(b.seen for b in layout.buckets)]
    assert {tensor.device.type for tensor in tensors} == {"meta"}
