"""Predict the right option from the visible text alone, trained on questions about other scenes.

Gradient boosting scores each option separately, on its own features and those relative to the other
options; the option with the highest score is the answer. Scenes are divided into folds, and each
fold is answered by a model trained on the others.

Out of scope: the features of an option (`features`), the questions (`sample`).
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
        train = [i for i, f in enumerate(folds) if f != fold]
        test = [i for i, f in enumerate(folds) if f == fold]
        if not train:
            continue
        words = Vocabulary(
            [questions[i].text for i in train],
            [choice for i in train for choice in questions[i].choices],
        )
        model = HistGradientBoostingClassifier(
            max_iter=150, learning_rate=0.07, max_leaf_nodes=24, min_samples_leaf=30,
            l2_regularization=1.0, random_state=seed, early_stopping=True,
            validation_fraction=0.12, n_iter_no_change=15,
        )  # fmt: skip
        model.fit(
            np.vstack([_columns(questions[i], related[i], words) for i in train]),
            np.concatenate([_right(questions[i]) for i in train]),
        )
        if len(model.classes_) < 2:
            continue
        scores = model.predict_proba(
            np.vstack([_columns(questions[i], related[i], words) for i in test])
        )[:, 1]
        ends = np.cumsum([len(questions[i].choices) for i in test])[:-1]
        for i, own in zip(test, np.split(scores, ends), strict=True):
            answers[i] = int(own.argmax())
    return answers


def _columns(question: Shown, related: Floats, words: Vocabulary) -> Floats:
    return np.hstack([related, words.columns(question.text, question.choices)])


def _right(question: Shown) -> Floats:
    return np.arange(len(question.choices), dtype=np.float64) == question.answer
