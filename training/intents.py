"""Fit the model that tells what a free question asks for (`embodied_agent.rules.intent`).

    python -m training.intents

It learns from the taught phrasings of free questions and from `intent_phrasings.yaml`, each
filled with several things and put more or less politely. Held-out phrasings are never read.

Out of scope: how well the rules answer (`training.evaluate_free`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated

import numpy as np
import numpy.typing as npt
import typer
import yaml

from embodied_agent.rules import intent
from embodied_agent.rules.concepts import concept_of
from embodied_agent.rules.lexicon import lexicon, plural, with_article
from embodied_agent.rules.names import names_in
from embodied_agent.rules.tokens import tokens_of
from embodied_agent.rules.vocabulary import FRAME
from sim_clips.questions.free.nouns import NOUNS
from sim_clips.questions.free.phrasings import TAUGHT
from sim_clips.scene import COLOURS as SHOWN

#: The families of the forms whose names differ from their family's.
FAMILY_OF: Mapping[str, str] = {
    "colours": "colour", "was_colour": "is_colour", "count_colour": "count_all",
    "unknowable": "unnoted",
    "unknowable_way": "unnoted_way", "name_some": "inventory", "turns_side": "turns",
    "turns_all": "turns", "see_next": "seen_after", "order_first": "order",
    "order_yes": "is_order", "order_list": "order", "which_way": "where",
}  # fmt: skip
#: Phrasings by family, one per line.
PHRASINGS: Mapping[str, str] = yaml.safe_load(
    Path(__file__).with_name("intent_phrasings.yaml").read_text(encoding="utf-8")
)
COLOURS = tuple(SHOWN)
_SLOT = re.compile(r"\{(\w+)\}")
_SLOTS = {
    "x": "name", "y": "other", "z": "third", "a_x": "a_name", "xs": "names", "c": "colour",
    "beside": "side_of",
}  # fmt: skip
BEFORE = (
    "uh, ", "so ", "please tell me: ", "hey, ", "I was wondering: ", "could you tell me: ",
    "I'd like to know: ", "ok, ", "one more question: ", "quick question. ", "say, ",
    "just out of curiosity, ", "sorry to bother you, but ", "My friend asked me. ",
    "I need this for my report. ", "um, like, ", "would you mind telling me: ", "robot, ",
    "right, ", "listen, ", "I forgot. ", "we were talking about it. ",
)  # fmt: skip
AFTER = (
    ", please",
    " pls",
    ", thanks",
    " again",
    ", can you say",
    " then",
    ", would you",
    " mate",
)
_BESIDE = ("behind", "in front of", "to the left of", "to the right of", "ahead of")
#: How many times each phrasing is filled, and how many of those get words around it.
_FILLED, _WRAPPED = 4, 2
#: A feature is kept if it occurs in so many samples.
_LEAST_SAMPLES = 5
#: How often a question's names are words that are in no list, and how often a rare word is.
_UNHEARD_SHARE, _RARE_SHARE = 0.12, 0.15
_STEPS, _RATE, _DECAY = 250, 0.05, 2e-4


def phrasings(more: Mapping[str, Sequence[str]] | None = None) -> Iterator[tuple[str, str]]:
    """Each phrasing that is learned from, after its family. ``more``: further ones, by form."""
    for bank in (TAUGHT, more or {}):
        for form, texts in bank.items():
            for text in texts:
                spaced = text.replace("{side}", "{side_of}") if form == "around" else text
                yield FAMILY_OF.get(form, form), spaced
    for family, lines in PHRASINGS.items():
        for line in lines.strip().splitlines():
            yield family, _SLOT.sub(lambda m: f"{{{_SLOTS.get(m[1], m[1])}}}", line.strip())


def question_words(texts: Sequence[str]) -> set[str]:
    """The words of phrasings outside their slots, which name no things."""
    words: set[str] = set()
    for text in (*texts, *BEFORE, *AFTER):
        words.update(tokens_of(_SLOT.sub(",", text), mend=False))
    return {word for word in words if word.isalpha() and not lexicon().known(word)}


def filled(text: str, rng: np.random.Generator) -> tuple[str, set[str]]:
    """A phrasing with its slots filled, and the names in memory."""
    kinds = rng.choice(len(NOUNS), 3, replace=False)
    names = [NOUNS[int(kind)] for kind in kinds]
    memory = set(names)
    if rng.random() < 0.6:
        names = [f"{COLOURS[int(rng.integers(len(COLOURS)))]} {name}" for name in names]
    if rng.random() < 0.25:
        memory = set()
    slots = {
        "name": names[0], "other": names[1], "third": names[2], "a_name": with_article(names[0]),
        "names": plural(names[0]), "colour": COLOURS[int(rng.integers(len(COLOURS)))],
        "n": str(rng.integers(2, 30)), "side": ("left", "right")[int(rng.integers(2))],
        "side_of": _BESIDE[int(rng.integers(len(_BESIDE)))],
    }  # fmt: skip
    return text.format(**slots), memory


def samples(texts: Sequence[tuple[str, str]], seed: int = 1) -> Iterator[tuple[str, str]]:
    """Families and what the model reads of questions."""
    rng = np.random.default_rng(seed)
    for family, text in texts:
        for repeat in range(_FILLED):
            question, memory = filled(text, rng)
            if repeat >= _FILLED - _WRAPPED:
                if rng.random() < 0.7:
                    question = BEFORE[int(rng.integers(len(BEFORE)))] + question
                if rng.random() < 0.4:
                    question = question.rstrip(".?!") + AFTER[int(rng.integers(len(AFTER)))]
            gist = names_in(tokens_of(question, memory), memory).gist
            yield family, " ".join(_with_unknown(gist.split(), rng))


def _with_unknown(words: Sequence[str], rng: np.random.Generator) -> list[str]:
    """The words that the model reads. Some names are treated as if they were in no list, and some
    rare words are left out, as if they were unknown."""
    unheard = rng.random() < _UNHEARD_SHARE
    return [
        intent.UNKNOWN if word == "X" and unheard else word
        for word in words
        if _is_common(word)
        or (intent.intents().is_question_word(word) and rng.random() >= _RARE_SHARE)
    ]


def _is_common(word: str) -> bool:
    return word in FRAME or word in intent.MARKS or concept_of(word) is not None


def fit(texts: Sequence[tuple[str, str]], words: frozenset[str]) -> tuple[intent.Intents, float]:
    """The model, and its share of training samples that are right."""
    from scipy.sparse import csr_matrix

    pairs = list(samples(texts))
    families = sorted({family for family, _ in pairs})
    seen = [intent.features(text.split()) for _, text in pairs]
    counts: dict[str, int] = {}
    for one in seen:
        for feature in one:
            counts[feature] = counts.get(feature, 0) + 1
    rows = {f: i for i, f in enumerate(sorted(f for f, n in counts.items() if n >= _LEAST_SAMPLES))}
    kept = [[rows[f] for f in one if f in rows] for one in seen]
    lengths = [max(len(k), 1) for k in kept]
    x = csr_matrix(
        (
            np.concatenate([np.full(len(k), 1 / np.sqrt(n), np.float32)
                            for k, n in zip(kept, lengths, strict=True)]),
            np.concatenate([np.array(k, np.int32) for k in kept]),
            np.cumsum([0, *map(len, kept)]),
        ),
        shape=(len(kept), len(rows)),
    )  # fmt: skip
    y = np.array([families.index(family) for family, _ in pairs])
    share = np.bincount(y) / len(y)
    # A family counts by the square root of its share, so that rare ones are heard.
    importance = (share**-0.5)[y]
    weights, bias = _descend(x, y, len(families), (importance / importance.mean()).astype("f4"))
    right = float(((x @ weights + bias).argmax(1) == y).mean())
    return intent.Intents(tuple(families), rows, weights, bias, words), right  # type: ignore[arg-type]


def _descend(
    x: object, y: npt.NDArray[np.int64], families: int, importance: npt.NDArray[np.float32]
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """Multinomial logistic regression with weight decay, by Adam on all samples at once."""
    weights = np.zeros((x.shape[1], families), np.float32)  # type: ignore[attr-defined]
    bias = np.zeros(families, np.float32)
    moments = [np.zeros_like(v) for v in (weights, weights, bias, bias)]
    transposed = x.T.tocsr()  # type: ignore[attr-defined]
    for step in range(1, _STEPS + 1):
        logits = x @ weights + bias  # type: ignore[operator]
        shares = np.exp(logits - logits.max(1, keepdims=True))
        shares /= shares.sum(1, keepdims=True)
        shares[np.arange(len(y)), y] -= 1.0
        shares *= importance[:, None] / len(y)
        slopes = (transposed @ shares + _DECAY / 20 * weights, shares.sum(0))
        for i, (value, slope) in enumerate(zip((weights, bias), slopes, strict=True)):
            first, second = moments[2 * i], moments[2 * i + 1]
            first += 0.1 * (slope - first)
            second += 0.01 * (slope**2 - second)
            scaled = (second / (1 - 0.99**step)) ** 0.5 + 1e-8
            value -= _RATE * first / (1 - 0.9**step) / scaled
    return weights, bias


def save(model: intent.Intents, path: Path) -> None:
    """Write a model as `intent.intents` reads it: eight bits per weight."""
    largest = np.abs(model.weights).max(0, initial=0.0)
    scale = np.maximum(largest / 127, 1e-6).astype(np.float32)
    np.savez_compressed(
        path,
        families=np.array("\n".join(model.families)),
        features=np.array("\n".join(model.rows)),
        words=np.array("\n".join(sorted(model.words))),
        weights=np.round(model.weights / scale).astype(np.int8),
        scale=scale,
        bias=model.bias,
    )


def train(path: Path, more: Mapping[str, Sequence[str]] | None = None) -> tuple[int, float]:
    """Fit the model and write it; returns its number of features and the share that is right."""
    texts = list(phrasings(more))
    words = frozenset(question_words([text for _, text in texts]))
    empty = np.zeros((0, 0), np.float32)
    # The names in a question depend on the words, so these are written first.
    save(intent.Intents((), {}, empty, np.zeros(0, np.float32), words), path)
    intent.intents.cache_clear()
    model, right = fit(texts, words)
    save(model, path)
    intent.intents.cache_clear()
    return len(model.rows), right


def main(
    out: Annotated[Path, typer.Option(help="path of the weights")] = Path(
        "embodied_agent/rules", intent.WEIGHTS
    ),
) -> None:
    """Fit the model that tells what a free question asks for."""
    size, right = train(out)
    print(f"{out}: {size} features, {100 * right:.1f} % of the training samples right")


app = typer.Typer(add_completion=False)
app.command()(main)

if __name__ == "__main__":
    app()
