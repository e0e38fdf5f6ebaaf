"""llama.cpp's own server with models that this project exports: tokens, replies, schema, limits.

One model has random weights and an adapter; the other says the same words for ever.
"""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoTokenizer, LlamaConfig, LlamaForCausalLM

from embodied_agent.chat.client import ChatServer
from embodied_agent.chat.messages import Message
from embodied_agent.doctor.servers import try_server
from embodied_agent.doctor.sight import Trial
from embodied_agent.errors import ModelError, ModelUnavailable, ReplyError
from embodied_agent.models.checkpoints import load
from embodied_agent.perception.prompts import full_schema
from embodied_agent.reasoning.base import Prompt
from embodied_agent.reasoning.served import ServedReasoner
from embodied_agent.settings import ReasoningSettings, ServerSettings
from tests.models.test_adapters import adapter
from tests.models.test_llama_gguf import TEXTS, checkpoint, tokenizer
from tests.with_servers.llama import serving
from training.export_gguf import export

pytestmark = [
    pytest.mark.servers,
    pytest.mark.timeout(600),
    pytest.mark.filterwarnings("ignore::UserWarning"),  # of peft, about what it was not given
    pytest.mark.filterwarnings("ignore::FutureWarning"),
]
#: Two pieces of code that sum in different order agree over this many tokens.
TOKENS = 12
PROMPT = Prompt(system="", transcript="#0 start: red sofa front near.\n", task="Where is it?")
PHRASE = "red sofa front-left near; "
#: Of a model that thinks first, unless the request says otherwise; laid out as Qwen3's is, because
#: llama.cpp finds out by trying what a template does with thoughts.
THINKING = (
    "{% for m in messages %}{{ '<|im_start|>' + m['role'] + '\n' }}"
    "{% if m['reasoning_content'] %}{{ '<think>\n' + m['reasoning_content'] + '\n</think>\n\n' }}"
    "{% endif %}{{ m['content'] + '<|im_end|>\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}"
    "{% if enable_thinking is defined and enable_thinking is false %}"
    "{{ '<think>\n\n</think>\n\n' }}{% else %}{{ '<think>\n' }}{% endif %}{% endif %}"
)


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return checkpoint(tmp_path_factory.mktemp("base") / "model", context=4096)


@pytest.fixture(scope="module")
def adapted(base: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of an adapter on ``base``."""
    return adapter(base, tmp_path_factory.mktemp("adapted") / "adapter", r=8, lora_alpha=16)


@pytest.fixture(scope="module")
def url(adapted: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    file = tmp_path_factory.mktemp("exported") / "model.gguf"
    with serving(export(str(adapted), file, kind="f32", name="adapted")) as address:
        yield address


def parrot(folder: Path) -> Path:
    """A model that thinks first, and says the words of `PHRASE` for ever: which token comes next
    depends on the last one alone."""
    reader = tokenizer()
    size = -(-len(reader) // 32) * 32
    config = LlamaConfig(
        vocab_size=size, hidden_size=size, intermediate_size=32, num_hidden_layers=1,
        num_attention_heads=2, num_key_value_heads=2, head_dim=32, max_position_embeddings=4096,
        tie_word_embeddings=False, bos_token_id=reader.bos_token_id,
        eos_token_id=reader.eos_token_id, pad_token_id=reader.pad_token_id,
    )  # fmt: skip
    model = LlamaForCausalLM(config)
    said = reader(PHRASE).input_ids
    assert len(said) == len(set(said)), "a token that comes twice has two that follow"
    follows = {token: said[(at + 1) % len(said)] for at, token in enumerate(said)}
    with torch.no_grad():
        for layer in model.model.layers:
            layer.self_attn.o_proj.weight.zero_()
            layer.mlp.down_proj.weight.zero_()
        model.model.embed_tokens.weight.copy_(torch.eye(size))
        model.lm_head.weight.zero_()
        for token in range(size):
            model.lm_head.weight[follows.get(token, said[0]), token] = 1.0
    model.save_pretrained(str(folder))
    reader.chat_template = THINKING
    reader.save_pretrained(str(folder))
    return folder


@pytest.fixture(scope="module")
def thinker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    root = tmp_path_factory.mktemp("thinker")
    with serving(export(str(parrot(root / "model")), root / "model.gguf", kind="f32")) as address:
        yield address


def posted(address: str, **body: Any) -> dict[str, Any]:
    data = json.dumps(body).encode()
    request = urllib.request.Request(address, data, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=60) as reply:
        value: dict[str, Any] = json.load(reply)
    return value


def settings(url: str) -> ServerSettings:
    return ServerSettings(base_url=f"{url}/v1", timeout_s=60, max_retries=0)


def reasoner(url: str) -> ServedReasoner:
    return ServedReasoner(ReasoningSettings(backend="served", server=settings(url)))


def test_texts_are_the_same_tokens_and_the_adapter_replies_as_in_process(
    url: str, adapted: Path
) -> None:
    model, reader = load(adapted, "reasoner")
    for text in TEXTS:
        ids = reader(text).input_ids
        assert posted(f"{url}/tokenize", content=text)["tokens"] == ids
        with torch.inference_mode():
            ours = model.generate(torch.tensor([ids]), max_new_tokens=TOKENS, do_sample=False)
        theirs = posted(
            f"{url}/completion", prompt=ids, n_predict=TOKENS, temperature=0, return_tokens=True
        )
        assert theirs["tokens"] == ours[0, len(ids) :].tolist()


def test_a_chat_is_laid_out_by_the_models_own_template(url: str, base: Path) -> None:
    reader = AutoTokenizer.from_pretrained(str(base))
    messages = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Where?"}]
    expected = reader.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
    assert posted(f"{url}/apply-template", messages=messages)["prompt"] == expected


def test_a_reply_that_repeats_itself_is_cut_off_thoughts_and_all(thinker: str) -> None:
    model = reasoner(thinker)
    pieces: list[str] = []
    with pytest.raises(ReplyError, match="repeated itself") as failure:
        pieces.extend(model.stream(PROMPT, timeout_s=60, max_tokens=3000))
    model.close()
    # Once while it thought; then it was asked again not to think, and repeated its answer.
    thoughts, _, answer = "".join(pieces).partition("</think>")
    assert thoughts.startswith(f"<think>{PHRASE}{PHRASE}")
    assert answer.startswith(f"{PHRASE}{PHRASE}")
    assert max(len(thoughts), len(answer)) < 1000
    assert failure.value.reply == answer


def test_closing_a_stream_frees_the_server_for_the_next_question(url: str) -> None:
    model = reasoner(url)
    for _ in range(3):
        stream = model.stream(PROMPT, timeout_s=60, max_tokens=4000)
        assert next(stream)
        stream.close()
    model.close()


def test_a_reply_follows_its_schema(url: str) -> None:
    schema = {
        "type": "object",
        "properties": {"action": {"enum": ["left", "right"]}, "sure": {"type": "boolean"}},
        "required": ["action", "sure"],
        "additionalProperties": False,
    }  # fmt: skip
    server = ChatServer(settings(url))
    reply = server.complete([{"role": "user", "content": "?"}], max_tokens=200, schema=schema)
    server.close()
    read = json.loads(reply)
    assert read["action"] in ("left", "right")
    assert isinstance(read["sure"], bool)
    assert not server.schemas_refused


def test_a_server_without_eyes_is_told_apart_from_one_that_is_down(url: str) -> None:
    server = ChatServer(settings(url))
    with pytest.raises(ModelError, match="--mmproj") as failure:
        server.complete([Trial("red", "left").message()], max_tokens=16)
    server.close()
    assert not isinstance(failure.value, ModelUnavailable)


def test_the_doctor_tells_what_works_and_what_is_missing(url: str) -> None:
    reasoner_has = {f.what: f for f in try_server(settings(url), "reasoner", schema=True)}
    assert all(f.works for f in reasoner_has.values() if f.essential), reasoner_has
    assert reasoner_has["schema"].works is not False
    perceiver_has = {f.what: f for f in try_server(settings(url), "perceiver", schema=True)}
    assert perceiver_has["two pictures"].works is False
    assert "--mmproj" in perceiver_has["two pictures"].detail


def test_a_reply_out_of_form_counts_as_cut_off_not_as_an_outage(url: str) -> None:
    # Random weights write characters that llama.cpp's own parser of the schema does not take.
    server = ChatServer(settings(url))
    asked: list[Message] = [
        {"role": "user", "content": f"How did the camera move, and what is new? {n}"}
        for n in range(4)
    ]
    schema = full_schema(first=False, watching=False)
    for message in asked:
        assert server.complete([message], max_tokens=400, schema=schema).startswith("{")
    status = server.status()
    server.close()
    assert status is not None
    assert (status.state, status.failed) == ("closed", 0)


def test_a_model_that_only_thinks_is_asked_without_thinking(thinker: str) -> None:
    server = ChatServer(settings(thinker))
    thoughts = list(server.stream([{"role": "user", "content": "?"}], max_tokens=20, timeout_s=60))
    assert thoughts[0].reasoning
    assert not any(piece.text for piece in thoughts if not piece.reasoning)
    assert server.complete([{"role": "user", "content": "?"}], max_tokens=20).startswith(PHRASE)
    server.close()
