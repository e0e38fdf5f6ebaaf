"""Which option is right, learned from questions of other scenes and nothing but what is shown.

Gradient boosting scores each option by itself, on its own numbers and those relative to the others;
the option with the highest score is the answer. Scenes are dealt into folds, and each fold is
answered by what was learned from the others.

Out of scope: what is seen of an option (`features`), where questions come from (`sample`).
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence

import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier

from training.shortcuts.features import Floats, Vocabulary, relations
from training.shortcuts.sample import Shown

FOLDS = 4


def guesses(questions: Sequence[Shown], *, seed: int = 1) -> list[int]:
    """The classifier's answer to each question of one type, learned from the other folds."""
    folds = [zlib.crc32(q.scene.encode()) % FOLDS for q in questions]
    related = [relations(q.text, q.choices) for q in questions]
    answers = [0] * len(questions)
    for fold in sorted(set(folds)):
        known = [i for i, f in enumerate(folds) if f != fold]
        asked = [i for i, f in enumerate(folds) if f == fold]
        if not known:
            continue
        words = Vocabulary(
            [questions[i].text for i in known],
            [choice for i in known for choice in questions[i].choices],
        )
        model = HistGradientBoostingClassifier(
            max_iter=150, learning_rate=0.07, max_leaf_nodes=24, min_samples_leaf=30,
            l2_regularization=1.0, random_state=seed, early_stopping=True,
            validation_fraction=0.12, n_iter_no_change=15,
        )  # fmt: skip
        model.fit(
            np.vstack([_columns(questions[i], related[i], words) for i in known]),
            np.concatenate([_right(questions[i]) for i in known]),
        )
        if len(model.classes_) < 2:
            continue
        scores = model.predict_proba(
            np.vstack([_columns(questions[i], related[i], words) for i in asked])
        )[:, 1]
        ends = np.cumsum([len(questions[i].choices) for i in asked])[:-1]
        for i, own in zip(asked, np.split(scores, ends), strict=True):
            answers[i] = int(own.argmax())
    return answers


def _columns(question: Shown, related: Floats, words: Vocabulary) -> Floats:
    return np.hstack([related, words.columns(question.text, question.choices)])


def _right(question: Shown) -> Floats:
    return np.arange(len(question.choices), dtype=np.float64) == question.answer
