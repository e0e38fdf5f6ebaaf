"""Free questions: answers of the agent and baselines, figures of marks, and training rows."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from embodied_agent.errors import SettingsError
from embodied_agent.reasoning.base import Prompt
from embodied_agent.settings import load_settings
from sim_clips.questions.free import FAMILIES, HELD_OUT, TAUGHT, from_json
from sim_clips.questions.free.nouns import ADJECTIVES, HELD_OUT_ADJECTIVES, HELD_OUT_NOUNS, NOUNS
from sim_clips.questions.free.words import SIMULATED_KINDS, colour_of, kind_of
from sim_clips.scene import COLOURS
from sim_clips.splits import HeldOutError
from training.evaluate_free import app, evaluate, open_answerer, recorded
from training.free_questions.answerers import (
    AgentAnswerer,
    BlindAnswerer,
    GivenAnswer,
    HabitAnswerer,
    NotesAnswerer,
)
from training.free_questions.batched import BatchedAnswerer
from training.free_questions.figures import Row, markdown, row_of, share, summary
from training.free_questions.marking import as_expected, mark_answer
from training.free_questions.memories import (
    Memory,
    clip_memory,
    questions_about,
    text_memories,
    text_memory,
)
from training.free_questions.teaching import FreeUnit, free_episodes, free_rows
from training.rows import make_row

CLIP = Path("sim_clips/clips/house_8")


class _Echo:
    """`Reasoner` that answers with the last line of its transcript."""

    name = "echo"

    def stream(self, prompt: Prompt, *, timeout_s: float, **_: object) -> Iterator[str]:
        last = prompt.transcript.strip().splitlines()[-1]
        yield f"<think>looked</think><answer>{last}</answer>"

    def close(self) -> None:
        """Nothing to release."""


@pytest.fixture(scope="module")
def memories() -> list[Memory]:
    return list(text_memories("house:2@330000,city:2@330000,warehouse:1@330000"))


@pytest.fixture(scope="module")
def clip() -> Memory:
    return clip_memory(CLIP, load_settings(memory__path=""), "true")


@pytest.mark.models
def test_a_model_answers_in_batches_as_it_does_one_by_one(memories: list[Memory]) -> None:
    settings = load_settings(
        memory__path="", reasoning__free="reasoner", reasoning__votes=1, reasoning__max_tokens=48
    )
    questions = questions_about(memories[0], 8)
    live = AgentAnswerer(settings).answers(memories[0], questions)
    together = BatchedAnswerer(settings).answers(memories[0], questions)
    assert [(a.text, a.status) for a in together] == [(a.text, a.status) for a in live]
    assert len({a.text for a in live}) > 1
    blind = BatchedAnswerer(settings, blind=True)
    assert blind.name == "blind builtin:reasoner"
    assert [a.text for a in blind.answers(memories[0], questions)] != [a.text for a in live]


def test_only_what_asks_a_model_can_be_batched() -> None:
    with pytest.raises(SettingsError, match="--batched"):
        open_answerer("notes", load_settings(memory__path=""), batched=True)


# ---- Memories


def test_a_clips_memory_has_the_truth_of_every_keyframe(clip: Memory) -> None:
    assert clip.world == "house"
    assert len(clip.journey.views) == len(clip.deltas) == len(clip.keyframes) >= 5
    for view, keyframe, delta in zip(clip.journey.views, clip.keyframes, clip.deltas, strict=True):
        assert view.stamp_ns == keyframe.stamp_ns
        assert delta.keyframe_id == keyframe.id
        assert {m.name for m in delta.mentions} <= set(view.visible)


def test_the_memory_file_contains_the_notes(clip: Memory, tmp_path: Path) -> None:
    settings = load_settings(memory__path="")
    with clip.store_in(settings, str(tmp_path / "memory.db")) as store:
        assert [d.mentions for d in store.deltas()] == [d.mentions for d in clip.deltas]
        assert [k.stamp_ns for k in store.keyframes()] == [k.stamp_ns for k in clip.keyframes]


def test_a_perceivers_mistakes_change_expected_answers_but_not_questions() -> None:
    clean = text_memory("house", 330_005)
    noisy = text_memory("house", 330_005, noise=3.0)
    asked, again = questions_about(clean, 60), questions_about(noisy, 60)
    assert [q.text for q in asked] == [q.text for q in again]
    assert [q.truth.facts for q in asked] == [q.truth.facts for q in again]
    assert sum(q.truth.derivable for q in again) < sum(q.truth.derivable for q in asked)


def test_renamed_worlds_use_the_requested_words() -> None:
    for words, nouns in (("taught", NOUNS), ("held_out", HELD_OUT_NOUNS)):
        memory = text_memory("city", 330_006, renamed=words)
        kinds = {kind_of(n) for n in memory.journey.objects}
        colours = {colour_of(n) for n in memory.journey.objects}
        plain = text_memory("city", 330_006)
        assert len(kinds) == len({kind_of(n) for n in plain.journey.objects})
        assert kinds - set(SIMULATED_KINDS) <= set(nouns)
        assert colours - set(COLOURS) <= {*ADJECTIVES, *HELD_OUT_ADJECTIVES}
        assert kinds & set(nouns)
        assert {m.name for d in memory.deltas for m in d.mentions} <= set(memory.journey.objects)


# ---- Answerers


def test_the_notes_program_is_right_whenever_the_notes_settle_a_question(
    memories: list[Memory], clip: Memory
) -> None:
    """Wording, marking and truth agree for every family."""
    rows = [row for m in [*memories, clip] for row in evaluate(NotesAnswerer(), m, 69)]
    assert {row.family for row in rows} == set(FAMILIES)
    assert [(r.question, r.answer, r.mark) for r in rows if not r.expected] == []


def test_the_notes_program_is_also_right_in_held_out_words() -> None:
    memory = text_memory("warehouse", 330_007, renamed="held_out")
    rows = evaluate(NotesAnswerer(), memory, 69, wordings="held_out")
    assert [(r.question, r.answer, r.mark) for r in rows if not r.expected] == []
    assert all(row.held_out for row in rows)


def test_the_agent_answers_at_the_questions_keyframe(clip: Memory) -> None:
    settings = load_settings(memory__path="", reasoning__free="reasoner")
    there = [q for q in questions_about(clip, 46) if q.truth.status == "answered"]
    questions = there[:12]
    seeing = AgentAnswerer(settings, _Echo()).answers(clip, questions)
    for question, given in zip(questions, seeing, strict=True):
        assert given.text.startswith(f"#{clip.keyframes[question.now].id} ")
        assert given.status == "answered"


def test_the_blind_agent_has_keyframes_with_empty_notes(clip: Memory) -> None:
    settings = load_settings(memory__path="")
    questions = questions_about(clip, 12)
    names = {mention.name for delta in clip.deltas for mention in delta.mentions}
    for question, given in zip(
        questions, BlindAnswerer(settings, _Echo()).answers(clip, questions), strict=True
    ):
        assert not [name for name in names if name in given.text and name not in question.text]


def test_habit_answers_without_the_memory(memories: list[Memory]) -> None:
    habit = HabitAnswerer((m, questions_about(m, 69)) for m in memories[:2])
    asked = questions_about(memories[2], 69)
    answers = habit.answers(memories[2], asked)
    texts: dict[str, set[str]] = {}
    for question, given in zip(asked, answers, strict=True):
        texts.setdefault(question.form, set()).add(given.text)
    assert all(len(some) == 1 for some in texts.values())
    rows = [row_of("clip", q, a) for q, a in zip(asked, answers, strict=True)]
    assert sum(row.expected for row in rows) < 0.6 * len(rows)


# ---- Figures


@lru_cache(maxsize=1)
def _some_row() -> Row:
    question = questions_about(text_memory("house", 330_008), 1)[0]
    return row_of("a", question, GivenAnswer("", "failed"))


def _row(**changes: Any) -> Row:
    return replace(_some_row(), **changes)


def test_intervals_are_clustered_by_clip() -> None:
    """Forty perfectly correlated answers about two clips carry as little information as two."""
    rows = [_row(clip=c, mark="right" if c == "a" else "wrong") for c in "ab" for _ in range(20)]
    spread = [_row(clip=str(n), mark="right" if n % 2 else "wrong") for n in range(40)]
    together, apart = (share(r, lambda row: row.mark == "right") for r in (rows, spread))
    assert together["share"] == apart["share"] == 0.5
    assert together["ci"] == [0.0, 1.0]
    assert apart["ci"][1] - apart["ci"][0] < 0.4
    assert share(rows[:20], lambda row: True)["ci"] is None
    assert share([], lambda row: True) == {"share": None, "ci": None}


def test_targets_count_the_rows_that_they_name() -> None:
    base = _row(
        family="existence", form="existence", status="answered", there=True, derivable=True,
        settled=True, expected=True, mark="right",
    )  # fmt: skip
    absent = replace(base, family="absent", status="not_seen", there=False, mark="not seen")
    rows = [
        base,
        replace(base, mark="not seen", expected=False),
        replace(base, mark="wrong", expected=False, derivable=False),
        absent,
        replace(absent, mark="invented", expected=False),
        replace(absent, family="unknowable", status="cannot_tell", derivable=False,
                settled=False, mark="can't tell"),
    ]  # fmt: skip
    targets = {name: value["share"] for name, value in summary(rows)["targets"].items()}
    assert targets == {
        "what is there, right": pytest.approx(1 / 3),
        "the same where the notes tell": 0.5,
        "never there, not seen": 0.5,
        "invented": pytest.approx(1 / 6),
        "left open by the notes, can't tell": 1.0,
        "derivable, refused": 0.5,
        "out of scope, said so": None,
    }
    table = markdown({**summary(rows)}, "title")
    assert "| absent | 2 | 0.0 | 50.0 | 0.0 | 0.0 | 0.0 | 50.0 | 50.0 |" in table


def test_the_command_prints_json_and_writes_every_answer(tmp_path: Path) -> None:
    out = tmp_path / "free"
    result = CliRunner().invoke(
        app,
        ["--worlds", "house:2@330010", "--answerer", "notes", "--questions", "23", "--json",
         "--out", str(out)],
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    figures = json.loads(result.stdout)
    assert figures["questions"] == 46
    assert figures["all"]["expected"]["share"] == 1.0
    assert len((tmp_path / "free.jsonl").read_text().splitlines()) == 46
    assert "as expected" in (tmp_path / "free.md").read_text()


@pytest.mark.parametrize(
    "arguments", [["--answerer", "nobody"], ["--family", "weather"], ["--worlds", "moon:1"], []]
)
def test_invalid_arguments_are_explained(arguments: list[str]) -> None:
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code not in (0, None)
    assert "error:" in result.stderr


@pytest.mark.models
def test_the_built_in_agent_can_be_asked(memories: list[Memory]) -> None:
    answerer = AgentAnswerer(load_settings(memory__path=""))
    rows = evaluate(answerer, memories[0], 3)
    assert len(rows) == 3
    assert all(row.answer or row.answer_status == "failed" for row in rows)


# ---- Teaching


@pytest.fixture(scope="module")
def episodes() -> list[Any]:
    units = (FreeUnit(world, 120_000, 6) for world in ("house", "city"))
    return [e for unit in units for e in free_episodes(unit, "compact")]


def test_lessons_end_in_the_expected_answers(episodes: list[Any]) -> None:
    assert {e.category.removeprefix("free_") for e in episodes} == set(FAMILIES)
    for episode in episodes:
        question = from_json(episode.about["free"])
        assert as_expected(question, mark_answer(question, episode.answer)), episode.question


def test_reasoning_uses_only_lines_in_the_prompt(episodes: list[Any]) -> None:
    for episode in episodes:
        held = set(re.findall(r"^#(\d+) ", episode.transcript, re.MULTILINE))
        assert set(re.findall(r"#(\d+)", episode.reasoning)) <= held
        assert episode.reasoning


def test_held_out_words_and_phrasings_are_never_taught(episodes: list[Any]) -> None:
    held = {phrasing for phrasings in HELD_OUT.values() for phrasing in phrasings}
    banned = re.compile(rf"\b(?:{'|'.join((*HELD_OUT_NOUNS, *HELD_OUT_ADJECTIVES))})s?\b")
    for episode in episodes:
        question = from_json(episode.about["free"])
        assert question.phrasing in TAUGHT[question.form]
        assert question.phrasing not in held
        text = f"{episode.transcript} {episode.question} {episode.answer} {episode.reasoning}"
        assert not banned.search(text.lower()), text


def test_rows_have_the_form_that_training_expects(episodes: list[Any]) -> None:
    row = make_row(episodes[0], "compact")
    assert row["choices"] == []
    assert row["reply"].startswith("<think>")
    assert row["reply"].endswith(f"<answer> {episodes[0].answer}</answer>")
    rows = free_rows("house:1@1200000", "compact")
    assert rows == free_rows("house:1@1200000", "compact")
    assert {r["scene"] for r in rows} == {"house_1200000"}


@pytest.mark.parametrize("held_out", ["house:1@700003", "house:1@500000", "warehouse:1@12000000"])
def test_held_out_scenes_are_refused(held_out: str) -> None:
    with pytest.raises(HeldOutError, match="held out"):
        free_rows(held_out, "compact")


@pytest.mark.gl
def test_a_missing_clip_is_recorded_once_and_used(tmp_path: Path) -> None:
    (folder,) = recorded("house:1@330020", tmp_path)
    written = (folder / "truth.json").stat().st_mtime_ns
    assert recorded("house:1@330020", tmp_path) == [folder]
    assert (folder / "truth.json").stat().st_mtime_ns == written
    rows = evaluate(
        NotesAnswerer(), clip_memory(folder, load_settings(memory__path=""), "true"), 23
    )
    assert all(row.expected for row in rows)
