"""The model of what free questions ask for: its sources, and answers in taught phrasings."""

from __future__ import annotations

import re
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from embodied_agent.rules import answer_by_rule, intent, not_understood
from embodied_agent.rules.notes import Notes
from sim_clips.questions.free import FAMILIES, HELD_OUT, TAUGHT, FreeQuestion, making
from training.free_questions.marking import as_expected, mark_answer
from training.free_questions.memories import text_memory
from training.intents import phrasings, save

_OPEN = ("existence", "absent", "count", "in_view", "at_start", "together", "inventory", "turns")


def _plain(phrasing: str) -> str:
    return " ".join(re.findall(r"[\w']+", re.sub(r"{\w+}", "x", phrasing.lower())))


def test_no_held_out_phrasing_is_learnt_from() -> None:
    held = {_plain(p) for texts in HELD_OUT.values() for p in texts}
    assert not held & {_plain(text) for _, text in phrasings()}


def test_a_model_is_read_as_it_was_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = intent.intents()
    save(model, tmp_path / intent.WEIGHTS)
    monkeypatch.setattr(intent.resources, "files", lambda package: tmp_path)
    intent.intents.cache_clear()
    try:
        again = intent.intents()
    finally:
        intent.intents.cache_clear()
    assert (again.families, again.rows, again.words) == (model.families, model.rows, model.words)
    assert np.allclose(again.weights, model.weights, atol=1e-6)


@pytest.mark.parametrize("family", _OPEN)
def test_taught_phrasings_are_answered_right(family: str) -> None:
    """In whatever words of three authors; nearly all, since some remain ambiguous."""
    assert family in FAMILIES
    memory = text_memory("house", 611_003)
    rng = np.random.default_rng(7)
    maker = (
        partial(making.absent, nouns=making.NOUNS) if family == "absent" else making.MAKERS[family]
    )
    drafted = None
    asked = right = 0
    done: set[str] = set()
    for _ in range(80):
        standpoint = memory.standpoint(int(rng.integers(3, len(memory.true_deltas))))
        drafted = making._drafted(family, maker, standpoint, rng)
        if drafted is None or drafted[0].form in done:
            continue
        draft, truth = drafted
        done.add(draft.form)
        notes = Notes(memory.true_deltas[: standpoint.now + 1])
        for phrasing in TAUGHT[draft.form]:
            text = phrasing.format(**draft.slots)
            saying = answer_by_rule(text, notes).saying or not_understood(notes)
            question = FreeQuestion(
                text, draft.form, phrasing, False, standpoint.now, 0, truth, draft.about
            )
            asked += 1
            right += as_expected(question, mark_answer(question, saying.text, saying.status))
    assert asked >= len(TAUGHT[next(iter(done))])
    assert right >= 0.95 * asked, f"{right} of {asked}"
