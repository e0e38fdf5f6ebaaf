"""The recipe of docs/training.md from bags to an adapter, command by command as it is printed.

Each command is the printed one. What differs is what a small machine needs: the model in the folder
named as the base is a tiny one of its kind, the bags are two clips without their truth, the notes
come from the built-in perceiver instead of a server, and sizes are smaller (`IN_SMALL`).
"""

from __future__ import annotations

import json
import re
import shlex
import shutil
import threading
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from transformers import Qwen2Config, Qwen2ForCausalLM
from typer.testing import CliRunner

from embodied_agent.models.prompting import read_prompting
from embodied_agent.settings import load_settings
from tests.models.test_llama_gguf import tokenizer
from training import evaluate, grpo, sft
from training.episodes.__main__ import app as episodes
from training.episodes.dataset import read_episodes
from training.episodes.overlay import is_draft
from training.review import Review, serve

pytestmark = [
    pytest.mark.models,
    pytest.mark.timeout(1800),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
    pytest.mark.filterwarnings("ignore::UserWarning"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
]
ROOT = Path(__file__).resolve().parents[2]
#: What a small machine needs, by module; the last ``--set`` of a key counts.
IN_SMALL = {
    "training.sft": [
        "model.dtype=float32", "data.most_prompt_tokens=4000", "threads=1", "trainer.bf16=false",
        "trainer.use_cpu=true", "trainer.gradient_accumulation_steps=1", "trainer.max_steps=2",
        "trainer.save_steps=2", "trainer.eval_strategy=no",
    ],
    "training.grpo": [
        "model.dtype=float32", "data.most_prompt_tokens=4000", "threads=1", "trainer.bf16=false",
        "trainer.use_cpu=true", "trainer.gradient_accumulation_steps=1", "trainer.max_steps=2",
        "trainer.save_steps=2", "trainer.eval_strategy=no", "trainer.num_generations=4",
        "trainer.per_device_train_batch_size=4", "trainer.max_completion_length=8",
        "reference.skill_questions=4",
    ],
}  # fmt: skip


def commands() -> dict[str, list[list[str]]]:
    """The recipe's commands by module, each as its arguments."""
    text = (ROOT / "docs" / "training.md").read_text()
    recipe = text.partition("## From twenty bags to an adapter\n")[2].partition("\n## ")[0]
    found: dict[str, list[list[str]]] = {}
    for block in re.findall(r"^```sh\n(.*?)^```$", recipe, re.M | re.S):
        for line in block.replace("\\\n", " ").splitlines():
            words = shlex.split(line)
            name = words[2] if words[:2] == ["python", "-m"] else words[0]
            found.setdefault(name, []).append(words[3:] if words[0] == "python" else words[1:])
    return found


def small_qwen(folder: Path) -> None:
    """A model of Qwen2.5's kind with random weights, and room for whole transcripts of letters."""
    reader = tokenizer()
    torch.manual_seed(1)
    config = Qwen2Config(
        vocab_size=-(-len(reader) // 32) * 32, hidden_size=32, intermediate_size=64,
        num_hidden_layers=1, num_attention_heads=2, num_key_value_heads=1,
        max_position_embeddings=8192, tie_word_embeddings=True,
        bos_token_id=reader.bos_token_id, eos_token_id=reader.eos_token_id,
        pad_token_id=reader.pad_token_id, dtype="bfloat16",
    )  # fmt: skip
    Qwen2ForCausalLM(config).to(torch.bfloat16).save_pretrained(str(folder))
    reader.save_pretrained(str(folder))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Where the commands run: a checkout's configurations, bags, and what step 1 downloads."""
    here = tmp_path_factory.mktemp("recipe")
    (here / "training").mkdir()
    (here / "training" / "configs").symlink_to(ROOT / "training" / "configs")
    for download in commands()["hf"]:
        assert download[0] == "download"
        assert download[1] == download[3], "a base's folder is named as on the hub"
        small_qwen(here / download[3])
    (here / "bags").mkdir()
    for place, clip in (("hall", "house_44"), ("yard", "city_26")):
        shutil.copy(ROOT / f"sim_clips/clips/{clip}/{clip}.mcap", here / f"bags/{place}_1.mcap")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(here)
        yield here


def with_bags(words: list[str]) -> list[str]:
    """What a shell makes of ``bags/*``."""
    return [
        w
        for word in words
        for w in (sorted(map(str, Path().glob(word))) if "*" in word else [word])
    ]


def small(module: str, words: list[str]) -> list[str]:
    return [*words, *(w for value in IN_SMALL[module] for w in ("--set", value))]


def test_the_recipe_leads_from_bags_to_an_adapter_that_is_better_measured(folder: Path) -> None:
    recipe = commands()
    assert list(recipe) == [
        "hf", "training.episodes", "training.review", "training.sft", "training.grpo",
        "training.evaluate",
    ]  # fmt: skip

    # 2. Episodes: the perceiver of the clips' own world stands for a server.
    (words,) = recipe["training.episodes"]
    server = next(i for i, word in enumerate(words) if word.startswith("perception.server"))
    words = [*words[: server - 1], *words[server + 1 :], "--perception", "builtin"]
    words = [re.sub(r"^(house|city):\d+$", r"\1:9", word) for word in words]
    done = CliRunner().invoke(episodes, [*with_bags(words), "--per-scene", "4"])
    assert done.exit_code == 0, done.output
    rows = read_episodes(Path("runs/episodes"))
    assert {row.scene for row in rows if is_draft(row)} <= {"hall", "yard"}
    drafts = [row for row in rows if is_draft(row)]
    assert drafts
    assert {row.style for row in rows} == {"full"}

    # 3. Review: a verdict for every draft, given to the page.
    (words,) = recipe["training.review"]
    overlay = Path(words[words.index("--overlay") + 1])
    review = Review(read_episodes(Path(words[0])), overlay, load_settings())
    server_, address = serve(review)
    thread = threading.Thread(target=server_.serve_forever)
    thread.start()
    try:
        for number, draft in enumerate(review.drafts):
            verdict = {"id": draft.id, "verdict": "keep" if number else "drop"}
            request = urllib.request.Request(
                f"{address}verdict", json.dumps(verdict).encode(),
                {"Content-Type": "application/json"},
            )  # fmt: skip
            urllib.request.urlopen(request, timeout=60).close()
    finally:
        server_.shutdown()
        thread.join(60)
        server_.server_close()
    assert overlay.is_file()

    # 4. Supervised start, on the simulated worlds' rows, which have a teacher's reasoning.
    (words,) = recipe["training.sft"]
    assert sft.main(small("training.sft", words)) == 0
    start = Path("runs/qwen-sft/adapter")
    assert (start / "adapter_model.safetensors").is_file()

    # 5. GRPO goes on with that adapter.
    (words,) = recipe["training.grpo"]
    assert grpo.main(small("training.grpo", words)) == 0
    adapter = Path("runs/qwen-lora/adapter")
    assert [p for p in adapter.iterdir() if p.is_dir()] == []  # not trl's copy of the start
    settings = json.loads((adapter / "adapter_config.json").read_text())
    assert settings["base_model_name_or_path"] == "Qwen/Qwen2.5-3B-Instruct"
    prompting = read_prompting(adapter)
    assert prompting is not None
    assert prompting.style == "full"

    # 6. Evaluations of what was trained and of the base, on the same questions.
    tables = []
    for words in recipe["training.evaluate"]:
        done = CliRunner().invoke(evaluate.app, [*words, "--max-tokens", "16", "--most", "12"])
        assert done.exit_code == 0, done.output
        out = Path(words[words.index("--out") + 1])
        tables.append(json.loads(out.with_name(f"{out.name}.json").read_text()))
    assert [table["asked"] for table in tables] == ["full", "full"]
    assert tables[0]["data_hash"] == tables[1]["data_hash"]
    assert tables[0]["model"] != tables[1]["model"]
