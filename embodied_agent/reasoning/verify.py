"""Does an answer follow from its own reasoning? A frozen reference model is asked, at answer time.

The reference reads the question and the reasoning, never the memory, and says several times, in one
batch, which answer the reasoning leads to (the consistency check of Embodied-R, §3.3, which trains
with it). The share of its conclusions that agree with the answer is the answer's consistency. It
tells whether the answer follows from the reasoning, not whether the reasoning is true.

Free answers agree when one holds the other, word for word, after case, punctuation and articles are
dropped; the verdict's method then says so.

Not here: what follows from low consistency (`embodied_agent.asking`).
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from typing import Any, Protocol

from embodied_agent.checkpoints import SHIPPED, checkpoint_folder, load
from embodied_agent.errors import ModelError, ModelUnavailable, ReplyError
from embodied_agent.reasoning.answer import parse_answer
from embodied_agent.reasoning.base import ANSWER, END_OF_ANSWER, END_OF_THOUGHT, prompt_style
from embodied_agent.reasoning.prompts import build_prompt, lettered
from embodied_agent.records import Question
from embodied_agent.serving import ChatServer
from embodied_agent.settings import ReasoningSettings, ServerSettings

#: Longest conclusion of the reference, in tokens.
_BUILTIN_TOKENS, _SERVED_TOKENS = 24, 512
_ARTICLES = {"a", "an", "the"}
_ASKED = (
    "Someone has looked around and reasoned about a question. You know nothing but that reasoning. "
    "Say which final answer it leads to, even where you would have answered otherwise. Reply with "
    "<answer></answer> around {form}, and nothing else.\n\n"
    "Question: {question}\n{choices}Reasoning: {reasoning}"
)


@dataclass(frozen=True, slots=True)
class Verdict:
    """``consistency`` in [0, 1], and how it came about: method and reference model."""

    consistency: float
    method: str


class Verifier(Protocol):
    """Checks answers against their reasoning. Safe to call from several threads."""

    @property
    def name(self) -> str:
        """The reference model's name."""
        ...

    def verify(
        self, question: Question, reasoning: str, answer: str, *, timeout_s: float
    ) -> Verdict:
        """How consistent ``answer`` (its text, without letter) is with ``reasoning``.

        Raises:
            ModelUnavailable: the reference can't be reached, or ``timeout_s`` seconds ran out.
            ModelError: it can't be used, or the reasoning is longer than it can read.
        """
        ...

    def close(self) -> None:
        """Release the model or the connection. Safe to call twice."""
        ...


def make_verifier(settings: ReasoningSettings) -> Verifier:
    """The verifier that ``settings.verify`` names.

    Raises:
        ModelError: the reference's checkpoint can't be loaded, or its server's address is none.
    """
    backend = settings.verify.backend
    if backend == "auto":
        backend = "builtin" if prompt_style(settings) == "compact" else "served"
    return BuiltinVerifier(settings) if backend == "builtin" else ServedVerifier(settings)


def agree(said: str, answer: str) -> bool:
    """Whether two free answers say the same, as far as their words tell."""
    a, b = _words(said), _words(answer)
    return bool(a) and bool(b) and (f" {a} " in f" {b} " or f" {b} " in f" {a} ")


def _words(text: str) -> str:
    words = re.findall(r"\w+", text.casefold())
    return " ".join(word for word in words if word not in _ARTICLES)


def _share(said: Sequence[str], question: Question, answer: str) -> float:
    """The share of replies, each from its <answer> on, that agree with ``answer``."""
    count = 0
    for reply in said:
        try:
            text = parse_answer(reply, question.choices).text
        except ReplyError:
            continue  # a conclusion that can't be read agrees with nothing
        count += text == answer if question.choices else agree(text, answer)
    return count / len(said)


class BuiltinVerifier:
    """`Verifier` that runs a small model in this process, which reads the compact style.

    Raises:
        ModelError: the checkpoint can't be loaded.
    """

    def __init__(self, settings: ReasoningSettings) -> None:
        own = settings.verify
        shipped = SHIPPED / "judge"
        default = str(shipped) if (shipped / "config.json").is_file() else ""
        folder = checkpoint_folder(own.model_path or default, "reasoner")
        self._model, self._tokenizer = load(folder, "reasoner")
        ends = self._model.generation_config.eos_token_id
        self._stops = set(ends) if isinstance(ends, list) else {ends}
        self._settings = own
        self._seed = settings.seed or 0
        self._lock = threading.Lock()
        self.name = f"builtin:{folder.name}"

    def verify(
        self, question: Question, reasoning: str, answer: str, *, timeout_s: float
    ) -> Verdict:
        """As `Verifier.verify`; the same question, reasoning and answer give the same verdict."""
        deadline = time.monotonic() + timeout_s
        if not self._lock.acquire(timeout=timeout_s):
            raise ModelUnavailable(f"the reference model was busy for {timeout_s:g} s")
        try:
            ids = self._ids(question, reasoning)
            if self._settings.method == "likelihood" and question.choices:
                return Verdict(
                    self._likelihood(ids, question.choices, answer),
                    f"likelihood among the choices, {self.name}, question and reasoning only",
                )
            said = self._samples(ids, deadline, timeout_s)
        finally:
            self._lock.release()
        return _verdict(said, question, answer, self.name)

    def close(self) -> None:
        """Nothing to release before the process ends."""

    def _ids(self, question: Question, reasoning: str) -> Any:
        import torch

        asked = build_prompt("compact", "", "", Question(question.text, question.choices))
        head = self._tokenizer.apply_chat_template(
            [{"role": "user", "content": asked.user}], add_generation_prompt=True, tokenize=False
        )
        text = f"{head}<think>{reasoning}{END_OF_THOUGHT}{ANSWER}"
        ids = self._tokenizer(text, add_special_tokens=False, return_tensors="pt").input_ids
        longest = self._model.config.max_position_embeddings
        if ids.shape[1] + _BUILTIN_TOKENS > longest:
            raise ModelError(
                f"question and reasoning take {ids.shape[1]} tokens; the reference reads {longest}"
            )
        assert isinstance(ids, torch.Tensor)
        return ids.to(self._model.device)

    def _samples(self, ids: Any, deadline: float, timeout_s: float) -> list[str]:
        """Sampled conclusions, each from <answer> on."""
        import torch

        random = torch.Generator(device=self._model.device).manual_seed(self._seed)
        count = self._settings.samples
        made = torch.empty((count, 0), dtype=torch.long, device=self._model.device)
        done = [False] * count
        with torch.inference_mode():
            output = self._model(input_ids=ids, use_cache=True, logits_to_keep=1)
            cache = output.past_key_values
            cache.batch_repeat_interleave(count)
            logits = output.logits[:, -1].expand(count, -1)
            while True:
                chances = torch.softmax(logits.float() / self._settings.temperature, -1)
                tokens = torch.multinomial(chances, 1, generator=random)
                made = torch.cat((made, tokens), 1)
                said = self._said(made)
                done = [
                    over or int(token) in self._stops or END_OF_ANSWER in text
                    for over, token, text in zip(done, tokens, said, strict=True)
                ]
                if all(done) or made.shape[1] == _BUILTIN_TOKENS:
                    return said
                if time.monotonic() > deadline:
                    raise ModelUnavailable(f"verification took longer than {timeout_s:g} s")
                output = self._model(input_ids=tokens, past_key_values=cache, use_cache=True)
                cache, logits = output.past_key_values, output.logits[:, -1]

    def _said(self, made: Any) -> list[str]:
        texts = self._tokenizer.batch_decode(made, skip_special_tokens=True)
        return [f"{ANSWER}{text}" for text in texts]

    def _likelihood(self, ids: Any, choices: Sequence[str], answer: str) -> float:
        """The probability of ``answer`` when only the choices count, all in one batch."""
        import torch

        tails = [
            self._tokenizer(f" {choice}{END_OF_ANSWER}", add_special_tokens=False).input_ids
            for choice in choices
        ]
        width = max(map(len, tails))
        with torch.inference_mode():
            output = self._model(input_ids=ids, use_cache=True, logits_to_keep=1)
            cache = output.past_key_values
            cache.batch_repeat_interleave(len(choices))
            padded = torch.tensor([tail + [0] * (width - len(tail)) for tail in tails])
            padded = padded.to(ids.device)
            first = output.logits[:, -1:].expand(len(choices), -1, -1)
            rest = self._model(input_ids=padded, past_key_values=cache, use_cache=True).logits
            chances = torch.log_softmax(torch.cat((first, rest[:, :-1]), 1).float(), -1)
        scores = chances.gather(2, padded[..., None])[..., 0]
        sums = torch.stack(
            [row[: len(tail)].sum() for row, tail in zip(scores, tails, strict=True)]
        )
        return float(torch.softmax(sums, 0)[list(choices).index(answer)])


class ServedVerifier:
    """`Verifier` behind an OpenAI-compatible server, all samples at once.

    Raises:
        ModelError: the server's address is none.
    """

    def __init__(self, settings: ReasoningSettings) -> None:
        self._settings = settings.verify
        self._seed = settings.seed or 0
        own: ServerSettings = settings.verify.server
        self._server = ChatServer(own if own.base_url else settings.server)
        self._pool = ThreadPoolExecutor(settings.verify.samples, "verify")

    @property
    def name(self) -> str:
        """The model's name as the server knows it."""
        return self._server.name

    def verify(
        self, question: Question, reasoning: str, answer: str, *, timeout_s: float
    ) -> Verdict:
        """As `Verifier.verify`."""
        form = "the letter of one choice" if question.choices else "one short sentence"
        choices = "".join(f"{letter}. {choice}\n" for letter, choice in lettered(question))
        asked = _ASKED.format(
            form=form, question=question.text, choices=choices, reasoning=reasoning
        )
        try:
            said = list(
                self._pool.map(
                    lambda seed: self._conclusion(asked, seed, timeout_s),
                    range(self._seed, self._seed + self._settings.samples),
                )
            )
        except RuntimeError as error:  # the pool was shut down
            raise ModelUnavailable("the verifier was closed") from error
        return _verdict(said, question, answer, self.name)

    def close(self) -> None:
        """Close the connection. Safe to call twice."""
        self._server.close()
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _conclusion(self, asked: str, seed: int, timeout_s: float) -> str:
        pieces = self._server.stream(
            [{"role": "user", "content": asked}],
            max_tokens=_SERVED_TOKENS,
            timeout_s=timeout_s,
            temperature=self._settings.temperature,
            seed=seed,
        )
        with closing(pieces):
            return "".join(piece.text for piece in pieces if not piece.reasoning)


def _verdict(said: Sequence[str], question: Question, answer: str, name: str) -> Verdict:
    how = "" if question.choices else " by containment of words,"
    method = f"{len(said)} samples,{how} {name}, question and reasoning only"
    return Verdict(_share(said, question, answer), method)
