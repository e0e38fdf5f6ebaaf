"""The frozen reference model of the consistency reward: question and reasoning in, answer out.

It never sees the transcript. If it gives the same answer as the model in training, the reasoning
carries the answer; otherwise the answer came from elsewhere. Three kinds behind one protocol: a
checkpoint in process that reads the compact style (`training.judge`, the shipped reasoner, a
reference of the model's own size), any chat model in process, an OpenAI-compatible server.

Not here: the reward (`training.rewards`), training a judge (`training.judge`).
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import torch

from embodied_agent.errors import ModelError, ModelUnavailable, ReplyError
from embodied_agent.models.checkpoints import SHIPPED
from embodied_agent.reasoning.answer import parse_answer
from embodied_agent.reasoning.prompts import Style, build_prompt, lettered
from embodied_agent.records import Question
from training.sharing import logps_of

#: Longest answer that a reference gives, in tokens.
ANSWER_TOKENS = 24
_FULL = (
    "Someone else has looked at a scene and reasoned about it; you see only the reasoning. Say "
    "which final answer the reasoning leads to, even if you would have answered otherwise. Reply "
    "with <answer></answer> around {form} and nothing else.\n\n"
    "Question: {question}\n{choices}\nReasoning: {reasoning}"
)


@dataclass(frozen=True, slots=True)
class Reasoned:
    """A question with somebody's reasoning, without the memory that it was made from."""

    question: str
    choices: tuple[str, ...]
    reasoning: str


class Reference(Protocol):
    """A frozen model that says where a reasoning leads."""

    @property
    def name(self) -> str:
        """What stands for it in tables and logs."""
        ...

    def answers(self, items: Sequence[Reasoned]) -> list[str | None]:
        """For each item the answer's text, of the choices where there are any; ``None`` where the
        reference gave nothing that can be read.

        Raises:
            ModelUnavailable: a server did not answer, retries included.
            ModelError: the model can't be used.
        """
        ...


def judge_text(item: Reasoned) -> tuple[str, str]:
    """The user's message in the compact style, and how the reply begins, up to the answer."""
    asked = Question(item.question, item.choices)
    return build_prompt("compact", "", "", asked).task, f"<think>{item.reasoning}</think><answer>"


def read(said: str, choices: Sequence[str]) -> str | None:
    """The answer in what came after ``<answer>``; ``None`` where it is none."""
    try:
        return parse_answer(f"<answer>{said.split('</answer>')[0]}</answer>", choices).text
    except ReplyError:
        return None


class LocalReference:
    """`Reference` that runs a causal model in this process, greedily, in batches.

    Args:
        folder: a checkpoint as transformers writes it, or a hub's name for one.
        style: ``compact`` continues the reply where the answer begins; ``full`` asks a chat model.
        batch: items at once.

    Raises:
        ModelError: the checkpoint can't be loaded.
    """

    def __init__(self, folder: Path, style: Style = "compact", *, batch: int = 64) -> None:
        from transformers import AutoModelForCausalLM, AutoTokenizer

        if folder.exists() and not (folder / "config.json").is_file():
            raise ModelError(
                f"no reference model in {folder}; make one with `python -m training.judge`, or "
                "name a checkpoint folder"
            )
        try:
            self._tokenizer: Any = AutoTokenizer.from_pretrained(str(folder), padding_side="left")
            model: Any = AutoModelForCausalLM.from_pretrained(
                str(folder), dtype=torch.float32, use_safetensors=True
            )
        except (OSError, ValueError, RuntimeError, KeyError) as error:
            raise ModelError(
                f"can't load the reference model {folder}: {error}; make one with "
                "`python -m training.judge`, or name a checkpoint folder"
            ) from error
        device = "cuda" if torch.cuda.is_available() else "cpu"
        if device == "cuda":
            model = model.to(torch.bfloat16)
        if self._tokenizer.pad_token_id is None:
            self._tokenizer.pad_token = self._tokenizer.eos_token
        self._model = model.to(device).eval().requires_grad_(False)
        self._style, self._batch = style, batch
        self.name = folder.name if folder.name != "model" else folder.parent.name

    def answers(self, items: Sequence[Reasoned]) -> list[str | None]:
        """As `Reference.answers`; items of like length go together."""
        texts = [self._text(item) for item in items]
        found: list[str | None] = [None] * len(items)
        # Of given choices the likeliest is taken, as the runtime does; else the reference speaks.
        scored = [bool(item.choices) and self._style == "compact" for item in items]
        for way in (True, False):
            order = [i for i in range(len(items)) if scored[i] == way]
            order.sort(key=lambda i: len(texts[i]))
            for start in range(0, len(order), self._batch):
                part = order[start : start + self._batch]
                heads = [texts[i] for i in part]
                choices = [items[i].choices for i in part]
                said = self._likeliest(heads, choices) if way else self._continued(heads)
                for index, one, options in zip(part, said, choices, strict=True):
                    found[index] = one if way else read(one, options)
        return found

    @torch.inference_mode()
    def _likeliest(self, heads: list[str], choices: list[tuple[str, ...]]) -> list[str]:
        """Of each item's choices the one that most probably follows its text."""
        prompts = self._ids(heads)
        tails = self._ids([f" {c}</answer>" for options in choices for c in options])
        owners = [row for row, options in enumerate(choices) for _ in options]
        logps, _ = logps_of(
            self._model, [prompts[o] for o in owners], tails, temperature=1.0, entropy=False
        )
        totals, found = logps.sum(-1).tolist(), []
        for options in choices:
            own, totals = totals[: len(options)], totals[len(options) :]
            found.append(options[own.index(max(own))])
        return found

    def _ids(self, texts: list[str]) -> list[list[int]]:
        return list(self._tokenizer(texts, add_special_tokens=False).input_ids)

    def _text(self, item: Reasoned) -> str:
        if self._style == "compact":
            user, begun = judge_text(item)
        else:
            user, begun = full_text(item), "<answer>"
        head = self._tokenizer.apply_chat_template(
            [{"role": "user", "content": user}], add_generation_prompt=True, tokenize=False
        )
        return f"{head}{begun}"

    @torch.inference_mode()
    def _continued(self, texts: list[str]) -> list[str]:
        read = self._tokenizer(
            texts, add_special_tokens=False, return_tensors="pt", padding=True
        ).to(self._model.device)
        made = self._model.generate(
            input_ids=read.input_ids,
            attention_mask=read.attention_mask,
            max_new_tokens=ANSWER_TOKENS,
            do_sample=False,
            stop_strings=["</answer>"],
            tokenizer=self._tokenizer,
            pad_token_id=self._tokenizer.pad_token_id,
        )
        new = made[:, read.input_ids.shape[1] :]
        return list(self._tokenizer.batch_decode(new, skip_special_tokens=True))


def full_text(item: Reasoned) -> str:
    """What a general chat model is asked."""
    options = lettered(Question(item.question, item.choices))
    choices = "".join(f"{letter}. {choice}\n" for letter, choice in options)
    form = "the letter of one choice" if item.choices else "a short answer"
    return _FULL.format(
        form=form, question=item.question, choices=choices, reasoning=item.reasoning
    )


class ServedReference:
    """`Reference` behind an OpenAI-compatible server, several requests at once.

    A server that dies in the middle of training makes the training wait, with a pause that grows,
    not go on with zeros.

    Args:
        base_url: for example ``http://127.0.0.1:8000/v1``.
        model: the name the server knows.
        parallel: requests at once.
        patience_s: how long a dead server is waited for before training stops.
        wait: sleeps; tests pass their own.
    """

    def __init__(
        self,
        base_url: str,
        model: str,
        *,
        api_key: str = "none",
        parallel: int = 8,
        timeout_s: float = 60.0,
        patience_s: float = 1800.0,
        wait: Callable[[float], object] = time.sleep,
    ) -> None:
        from openai import OpenAI

        self._client = OpenAI(base_url=base_url, api_key=api_key, timeout=timeout_s, max_retries=0)
        self._url, self._model, self._patience_s, self._wait = base_url, model, patience_s, wait
        self._pool = ThreadPoolExecutor(parallel, thread_name_prefix="reference")
        self.name = model

    def answers(self, items: Sequence[Reasoned]) -> list[str | None]:
        """As `Reference.answers`."""
        return list(self._pool.map(self._one, items))

    def close(self) -> None:
        """End the connections."""
        self._pool.shutdown(cancel_futures=True)
        self._client.close()

    def _one(self, item: Reasoned) -> str | None:
        from openai import APIConnectionError, APIStatusError, APITimeoutError

        pause_s, waited_s = 1.0, 0.0
        while True:
            try:
                reply = self._client.chat.completions.create(
                    model=self._model,
                    messages=[{"role": "user", "content": full_text(item)}],
                    temperature=0.0,
                    max_tokens=ANSWER_TOKENS * 8,
                )
                said = reply.choices[0].message.content or ""
                return read(said.split("<answer>")[-1], item.choices)
            except APIStatusError as error:
                if error.status_code < 500 and error.status_code != 429:
                    raise ModelError(
                        f"the reference server {self._url} refuses: {error.message}"
                    ) from error
                last: Exception = error
            except (APIConnectionError, APITimeoutError) as error:
                last = error
            if waited_s >= self._patience_s:
                raise ModelUnavailable(
                    f"the reference server {self._url} has not answered for {waited_s:.0f} s "
                    f"({last}); start it and resume training from the last checkpoint"
                ) from last
            self._wait(pause_s)
            waited_s += pause_s
            pause_s = min(2 * pause_s, 60.0)


class CachedReference:
    """A reference that is asked the same thing only once; keeps the latest ``most`` answers."""

    def __init__(self, reference: Reference, most: int = 100_000) -> None:
        self._reference, self._most = reference, most
        self._known: OrderedDict[Reasoned, str | None] = OrderedDict()
        self._lock = threading.Lock()
        self.asked = self.found = 0

    @property
    def name(self) -> str:
        """The name of the reference behind it."""
        return self._reference.name

    def answers(self, items: Sequence[Reasoned]) -> list[str | None]:
        """As `Reference.answers`; equal items of one call are asked once, too."""
        with self._lock:
            new = list(dict.fromkeys(i for i in items if i not in self._known))
            self.asked += len(items)
            self.found += len(items) - len(new)
            fresh = dict(zip(new, self._reference.answers(new), strict=True)) if new else {}
            answers = [fresh[i] if i in fresh else self._known[i] for i in items]
            self._known.update(fresh)
            while len(self._known) > self._most:
                self._known.popitem(last=False)
            return answers


def open_reference(spec: str, *, model: str = "", style: Style = "compact") -> Reference:
    """The reference that ``spec`` names: ``builtin`` (the shipped judge), a folder, or the address
    of a server (``http…``).

    Raises:
        ModelError: there is no such checkpoint.
    """
    if spec.startswith(("http://", "https://")):
        return CachedReference(ServedReference(spec, model))
    folder = SHIPPED / "judge" if spec == "builtin" else Path(spec)
    return CachedReference(LocalReference(folder, style))
