"""How likely each family of questions is, given the words of a question.

A linear model over words, pairs of words, and their concepts (`concepts`), fitted to phrasings by
`training.intents`; its weights are next to this module. `weighing` combines it with the cues.

Out of scope: names in the question (`names`), what the chosen family needs (`families`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from embodied_agent.rules.asked import Family
from embodied_agent.rules.concepts import concept_of
from embodied_agent.rules.vocabulary import FRAME

#: Name of the file of weights in this package.
WEIGHTS = "intent.npz"
#: What the model reads instead of a thing that is in no list.
UNKNOWN = "U"
#: What stands for names in `names.Named.gist`.
MARKS = frozenset({"X", "C", "KF", "N", "'s", UNKNOWN})


@dataclass(frozen=True)
class Intents:
    """The fitted model.

    Attributes:
        families: the families, in the order of the columns of ``weights``.
        rows: the row of each feature.
        weights: float32, (features, families).
        bias: float32, (families,).
        words: words that belong to questions rather than to names of things.
    """

    families: tuple[Family, ...]
    rows: Mapping[str, int]
    weights: npt.NDArray[np.float32]
    bias: npt.NDArray[np.float32]
    words: frozenset[str]

    def log_shares(self, gist: str) -> dict[Family, float]:
        """The logarithm of each family's share of likelihood, for a question's `names.Named.gist`;
        empty if nothing was fitted."""
        if not self.families:
            return {}
        words = [word for word in gist.split() if self.is_question_word(word)]
        known = [self.rows[f] for f in features(words) if f in self.rows]
        logits = self.bias.copy()
        if known:
            logits += self.weights[known].sum(axis=0) / np.float32(np.sqrt(len(known)))
        logits -= logits.max()
        logits -= np.log(np.exp(logits).sum())
        return dict(zip(self.families, map(float, logits), strict=True))

    def is_question_word(self, word: str) -> bool:
        """Whether a word or mark belongs to questions; others are names, or new to the model."""
        return word in self.words or word in FRAME or word in MARKS or concept_of(word) is not None


def features(words: Sequence[str]) -> list[str]:
    """What the model sees of a question: its words, its concepts, and pairs of neighbours, each
    once."""
    concepts = [concept_of(word) or word for word in words]
    framed, named = ("^", *words, "$"), ("^", *concepts, "$")
    seen = [f"w {word}" for word in words] + [f"c {concept}" for concept in concepts]
    seen += [f"ww {a} {b}" for a, b in pairwise(framed)]
    seen += [f"cc {a} {b}" for a, b in pairwise(named)]
    seen += [f"c_c {a} {b}" for a, b in zip(named, named[2:], strict=False)]
    return list(dict.fromkeys(seen))


@lru_cache(maxsize=1)
def intents() -> Intents:
    """The model that is shipped with the package."""
    path = resources.files("embodied_agent.rules").joinpath(WEIGHTS)
    with path.open("rb") as file, np.load(file, allow_pickle=False) as stored:
        weights = stored["weights"].astype(np.float32) * stored["scale"]
        families = str(stored["families"])
        return Intents(
            families=tuple(families.split("\n")) if families else (),  # type: ignore[arg-type]
            rows={feature: i for i, feature in enumerate(str(stored["features"]).split("\n"))},
            weights=weights,
            bias=stored["bias"],
            words=frozenset(str(stored["words"]).split("\n")),
        )
