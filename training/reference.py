"""The frozen reference model of the consistency reward: question and reasoning in, answer out.

It never sees the transcript. If it gives the same answer as the model in training, the reasoning
implies the answer; otherwise the answer came from elsewhere. Three kinds share one protocol: a
checkpoint in this process that reads the compact style (`training.judge`, the shipped reasoner, or
a reference of the model's own size), a chat model in this process, an OpenAI-compatible server.

Out of scope: the reward (`training.rewards`), training a judge (`training.judge`).
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import torch

from embodied_agent.errors import ModelError, ModelUnavailable, ReplyError
from embodied_agent.models.checkpoints import SHIPPED
from embodied_agent.models.prompting import read_prompting
from embodied_agent.reasoning.answer import parse_answer
from embodied_agent.reasoning.prompts import Style, build_prompt, lettered
from embodied_agent.reasoning.stand_ins import Restored, stand_ins_for_judge
from embodied_agent.records import Question
from training.processes import PATIENCE_S
from training.sharing import logps_of

#: Longest answer of a reference, in tokens.
ANSWER_TOKENS = 24
_FULL = (
    "Someone else has looked at a scene and reasoned about it; you see only the reasoning. Say "
    "which final answer the reasoning leads to, even if you would have answered otherwise. Reply "
    "with <answer></answer> around {form} and nothing else.\n\n"
    "Question: {question}\n{choices}\nReasoning: {reasoning}"
)


@dataclass(frozen=True, slots=True)
class Reasoned:
    """A question with a model's reasoning, without the memory that the reasoning is based on."""

    question: str
    choices: tuple[str, ...]
    reasoning: str


class Reference(Protocol):
    """A frozen model that states the answer to which a reasoning leads."""

    @property
    def name(self) -> str:
        """The reference's name in tables and logs."""
        ...

    def answers(self, items: Sequence[Reasoned]) -> list[str | None]:
        """The answer's text for each item, one of its choices if it has any; ``None`` if the
        reference's reply can't be parsed.

        Raises:
            ModelUnavailable: a server did not answer despite retries.
            ModelError: the model can't be used.
        """
        ...


def judge_text(item: Reasoned) -> tuple[str, str]:
    """The user's message in the compact style, and the start of the reply, up to the answer."""
    question = Question(item.question, item.choices)
    return build_prompt(
        "compact", "", "", question
    ).task, f"<think>{item.reasoning}</think><answer>"


def read(text: str, choices: Sequence[str]) -> str | None:
    """Parse the text after ``<answer>``; ``None`` if it contains no valid answer."""
    try:
        return parse_answer(f"<answer>{text.split('</answer>')[0]}</answer>", choices).text
    except ReplyError:
        return None


class LocalReference:
    """`Reference` that runs a causal model in this process, greedily, in batches.

    Args:
        folder: a checkpoint in the format of transformers, or its name on the hub.
        style: ``compact`` continues the reply after ``<answer>``; ``full`` asks a chat model.
        batch: most items per batch.

    Raises:
        ModelError: the checkpoint can't be loaded.
    """

    def __init__(self, folder: Path, style: Style = "compact", *, batch: int = 64) -> None:
        from transformers import AutoModelForCausalLM, AutoTokenizer

        if folder.exists() and not (folder / "config.json").is_file():
            raise ModelError(
                f"no reference model in {folder}; train one with `python -m training.judge`, or "
                "name a checkpoint folder"
            )
        try:
            self._tokenizer: Any = AutoTokenizer.from_pretrained(str(folder), padding_side="left")
            model: Any = AutoModelForCausalLM.from_pretrained(
                str(folder), dtype=torch.float32, use_safetensors=True
            )
        except (OSError, ValueError, RuntimeError, KeyError) as error:
            raise ModelError(
                f"can't load the reference model {folder}: {error}; train one with "
                "`python -m training.judge`, or name a checkpoint folder"
            ) from error
        device = "cuda" if torch.cuda.is_available() else "cpu"
        if device == "cuda":
            model = model.to(torch.bfloat16)
        if self._tokenizer.pad_token_id is None:
            self._tokenizer.pad_token = self._tokenizer.eos_token
        self._model = model.to(device).eval().requires_grad_(False)
        self._style, self._batch = style, batch
        prompting = read_prompting(folder)
        self._names = prompting.names if prompting else ()
        self.name = folder.name if folder.name != "model" else folder.parent.name

    def answers(self, items: Sequence[Reasoned]) -> list[str | None]:
        """See `Reference.answers`; names that the model does not know get stand-ins."""
        found: list[str | None] = []
        put = [
            stand_ins_for_judge(Question(i.question, i.choices), i.reasoning, self._names)
            for i in items
        ]
        asked = [Reasoned(q.text, q.choices, reasoning) for _, q, reasoning in put]
        for item, own, (stand_ins, _, _), answer in zip(
            items, asked, put, self._answers(asked), strict=True
        ):
            if answer in own.choices:
                found.append(item.choices[own.choices.index(answer)])
            else:
                found.append(answer and Restored(stand_ins).whole(answer))
        return found

    def _answers(self, items: Sequence[Reasoned]) -> list[str | None]:
        """The answers to items of which the model knows all names; batches contain items of similar
        length."""
        texts = [self._text(item) for item in items]
        answers: list[str | None] = [None] * len(items)
        # With choices, score each and take the likeliest, as the runtime does; else generate.
        scored = [bool(item.choices) and self._style == "compact" for item in items]
        for with_choices in (True, False):
            order = [i for i in range(len(items)) if scored[i] == with_choices]
            order.sort(key=lambda i: len(texts[i]))
            for start in range(0, len(order), self._batch):
                part = order[start : start + self._batch]
                heads = [texts[i] for i in part]
                choices = [items[i].choices for i in part]
                replies = (
                    self._likeliest(heads, choices) if with_choices else self._continued(heads)
                )
                for index, reply, options in zip(part, replies, choices, strict=True):
                    answers[index] = reply if with_choices else read(reply, options)
        return answers

    @torch.inference_mode()
    def _likeliest(self, heads: list[str], choices: list[tuple[str, ...]]) -> list[str]:
        """The choice of each item that most probably follows its text."""
        prompts = self._ids(heads)
        tails = self._ids([f" {c}</answer>" for options in choices for c in options])
        owners = [row for row, options in enumerate(choices) for _ in options]
        logps, _ = logps_of(
            self._model, [prompts[o] for o in owners], tails, temperature=1.0, entropy=False
        )
        totals, chosen = logps.sum(-1).tolist(), []
        for options in choices:
            own, totals = totals[: len(options)], totals[len(options) :]
            chosen.append(options[own.index(max(own))])
        return chosen

    def _ids(self, texts: list[str]) -> list[list[int]]:
        return list(self._tokenizer(texts, add_special_tokens=False).input_ids)

    def _text(self, item: Reasoned) -> str:
        if self._style == "compact":
            user, reply_start = judge_text(item)
        else:
            user, reply_start = full_text(item), "<answer>"
        head = self._tokenizer.apply_chat_template(
            [{"role": "user", "content": user}], add_generation_prompt=True, tokenize=False
        )
        return f"{head}{reply_start}"

    @torch.inference_mode()
    def _continued(self, texts: list[str]) -> list[str]:
        encoded = self._tokenizer(
            texts, add_special_tokens=False, return_tensors="pt", padding=True
        ).to(self._model.device)
        generated = self._model.generate(
            input_ids=encoded.input_ids,
            attention_mask=encoded.attention_mask,
            max_new_tokens=ANSWER_TOKENS,
            do_sample=False,
            stop_strings=["</answer>"],
            tokenizer=self._tokenizer,
            pad_token_id=self._tokenizer.pad_token_id,
        )
        new = generated[:, encoded.input_ids.shape[1] :]
        return list(self._tokenizer.batch_decode(new, skip_special_tokens=True))


def full_text(item: Reasoned) -> str:
    """The message to a general chat model."""
    options = lettered(Question(item.question, item.choices))
    choices = "".join(f"{letter}. {choice}\n" for letter, choice in options)
    form = "the letter of one choice" if item.choices else "a short answer"
    return _FULL.format(
        form=form, question=item.question, choices=choices, reasoning=item.reasoning
    )


class ServedReference:
    """`Reference` behind an OpenAI-compatible server, with concurrent requests.

    If the server dies during training, training waits for it with growing pauses, up to
    ``patience_s`` in each call of `answers`, however often the server comes back and fails
    again. It never continues with zero rewards.

    Args:
        base_url: for example ``http://127.0.0.1:8000/v1``.
        model: the model's name on the server.
        api_key: sent to the server.
        parallel: concurrent requests.
        timeout_s: per request, seconds.
        patience_s: how long to wait for a dead server before training stops, seconds. Processes
            that train together wait for each other no longer than `COLLECTIVE_TIMEOUT_S`.
        wait: sleeps for a number of seconds; tests replace it.
    """

    def __init__(
        self,
        base_url: str,
        model: str,
        *,
        api_key: str = "none",
        parallel: int = 8,
        timeout_s: float = 60.0,
        patience_s: float = PATIENCE_S,
        wait: Callable[[float], object] = time.sleep,
    ) -> None:
        from openai import OpenAI

        self._client = OpenAI(base_url=base_url, api_key=api_key, timeout=timeout_s, max_retries=0)
        self._url, self._model, self._patience_s, self._wait = base_url, model, patience_s, wait
        self._pool = ThreadPoolExecutor(parallel, thread_name_prefix="reference")
        self.name = model

    def answers(self, items: Sequence[Reasoned]) -> list[str | None]:
        """See `Reference.answers`."""
        outage = _Outage()
        return list(self._pool.map(lambda item: self._one(item, outage), items))

    def close(self) -> None:
        """Close the connections."""
        self._pool.shutdown(cancel_futures=True)
        self._client.close()

    def _one(self, item: Reasoned, outage: _Outage) -> str | None:
        with outage.request() as failed:
            return self._asked(item, failed)

    def _asked(self, item: Reasoned, failed: Callable[[], float]) -> str | None:
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
                text = reply.choices[0].message.content or ""
                return read(text.split("<answer>")[-1], item.choices)
            except APIStatusError as error:
                if error.status_code < 500 and error.status_code != 429:
                    raise ModelError(
                        f"the reference server {self._url} refuses the request: {error.message}"
                    ) from error
                last: Exception = error
            except (APIConnectionError, APITimeoutError) as error:
                last = error
            down_s = max(waited_s, failed())
            if down_s >= self._patience_s:
                raise ModelUnavailable(
                    f"the reference server {self._url} has not answered for {down_s:.0f} s "
                    f"({last}); start it and resume training from the last checkpoint"
                ) from last
            self._wait(pause_s)
            waited_s += pause_s
            pause_s = min(2 * pause_s, 60.0)


class _Outage:
    """How long at least one of a call's requests was failing, from its first failure to its end."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._failing = 0
        self._since_s = self._before_s = 0.0

    @contextmanager
    def request(self) -> Iterator[Callable[[], float]]:
        """One request. Yields what it calls when it fails; that returns for how long requests have
        been failing, in seconds."""
        failing = False

        def failed() -> float:
            nonlocal failing
            now_s = self._clock()
            with self._lock:
                if not failing:
                    failing = True
                    self._failing += 1
                    if self._failing == 1:
                        self._since_s = now_s
                return self._before_s + now_s - self._since_s

        try:
            yield failed
        finally:
            if failing:
                with self._lock:
                    self._failing -= 1
                    if not self._failing:
                        self._before_s += self._clock() - self._since_s


class CachedReference:
    """Caches the answers of a reference; keeps the latest ``most``."""

    def __init__(self, reference: Reference, most: int = 100_000) -> None:
        self._reference, self._most = reference, most
        self._cache: OrderedDict[Reasoned, str | None] = OrderedDict()
        self._lock = threading.Lock()
        self.asked = self.found = 0

    @property
    def name(self) -> str:
        """The name of the underlying reference."""
        return self._reference.name

    def answers(self, items: Sequence[Reasoned]) -> list[str | None]:
        """See `Reference.answers`; equal items within a call are also asked only once."""
        with self._lock:
            new = list(dict.fromkeys(i for i in items if i not in self._cache))
            self.asked += len(items)
            self.found += len(items) - len(new)
            fresh = dict(zip(new, self._reference.answers(new), strict=True)) if new else {}
            answers = [fresh[i] if i in fresh else self._cache[i] for i in items]
            self._cache.update(fresh)
            while len(self._cache) > self._most:
                self._cache.popitem(last=False)
            return answers


def open_reference(spec: str, *, model: str = "", style: Style = "compact") -> Reference:
    """Open the reference that ``spec`` names: ``builtin`` (the shipped judge), a checkpoint folder,
    or the URL of a server.

    Raises:
        ModelError: the checkpoint can't be loaded.
    """
    if spec.startswith(("http://", "https://")):
        return CachedReference(ServedReference(spec, model))
    folder = SHIPPED / "judge" if spec == "builtin" else Path(spec)
    return CachedReference(LocalReference(folder, style))
