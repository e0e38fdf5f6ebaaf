"""Ask free questions, and measure how many answers are right, honest, wrong or invented.

    python -m training.evaluate_free --worlds house:5@600000,city:5@600000
    python -m training.evaluate_free --record house:5@600000 --notes pixels

Questions are about text worlds, or about recorded clips whose notes come from their truth or from
the built-in perceiver. Answers come from the runtime's agent, from the same agent without notes,
from a plain program that reads the notes, or from habit (`training.free_questions.answerers`).

Out of scope: questions with choices (`training.evaluate`, `training.evaluate_clips`).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any

import cv2
import typer
from rich.console import Console

from embodied_agent.cli.common import explained, settings_from
from embodied_agent.cli.options import ConfigOption, SetOption
from embodied_agent.errors import SettingsError
from embodied_agent.reasoning.restating import lacking, restates
from embodied_agent.settings import Settings
from sim_clips.questions.free import FAMILIES
from training.episodes.rows import DatasetError
from training.episodes.worlds import parse_worlds
from training.free_questions.answerers import (
    AgentAnswerer,
    Answerer,
    BlindAnswerer,
    HabitAnswerer,
    NotesAnswerer,
)
from training.free_questions.figures import Row, markdown, row_of, summary
from training.free_questions.memories import (
    Memory,
    clip_memories,
    questions_about,
    text_memories,
)
from training.restating.bank import by_form
from training.restating.batched import BatchedRestater

ANSWERERS = ("agent", "blind", "notes", "habit")
#: Scenes from which habits are derived; none of them is used for questions.
HABIT_WORLDS = "house:20@650000,city:20@650000,warehouse:20@650000"


def evaluate(answerer: Answerer, memory: Memory, questions: int, **how: Any) -> list[Row]:
    """Ask and mark questions about one memory; ``how`` is passed to `questions_about`."""
    batch = questions_about(memory, questions, **how)
    answers = answerer.answers(memory, batch)
    return [row_of(memory.name, q, a) for q, a in zip(batch, answers, strict=True)]


def open_answerer(
    name: str,
    settings: Settings,
    *,
    batched: bool = False,
    restater: BatchedRestater | None = None,
) -> Answerer:
    """Create the answerer called ``name``, one of `ANSWERERS`; ``restater`` restates the questions
    to the agent, if there is one.

    Raises:
        SettingsError: unknown name, or one that asks no model although ``batched``.
        ModelError: the model can't be loaded.
    """
    if batched and name not in ("agent", "blind"):
        raise SettingsError(f"--batched is for --answerer agent and blind, not {name!r}")
    match name:
        case "agent" | "blind" if batched:
            from training.free_questions.batched import BatchedAnswerer  # it needs torch

            return BatchedAnswerer(settings, blind=name == "blind")
        case "agent":
            return AgentAnswerer(settings, restater=restater)
        case "blind":
            return BlindAnswerer(settings)
        case "notes":
            return NotesAnswerer()
        case "habit":
            memories = text_memories(HABIT_WORLDS)
            return HabitAnswerer((m, questions_about(m, 44)) for m in memories)
    raise SettingsError(f"--answerer must be one of {', '.join(ANSWERERS)}, not {name!r}")


def main(
    worlds: Annotated[
        str, typer.Option(help="text worlds: WORLD:SCENES@FIRST_SEED, joined by commas")
    ] = "",
    clips: Annotated[
        list[Path] | None, typer.Option(help="folder of a recorded clip; repeatable")
    ] = None,
    record: Annotated[
        str, typer.Option(help="clips, recorded if they are missing: WORLD:SCENES@FIRST_SEED")
    ] = "",
    held: Annotated[Path, typer.Option(help="folder for clips of --record")] = Path("runs/held"),
    notes: Annotated[
        str, typer.Option(help="source of a clip's notes: true (truth.json) or pixels")
    ] = "true",
    noise: Annotated[
        float, typer.Option(min=0, max=3, help="scale of a perceiver's mistakes in text worlds")
    ] = 0.0,
    renamed: Annotated[
        str, typer.Option(help="text worlds in other words: taught, held_out or both; empty: no")
    ] = "",
    answerer: Annotated[str, typer.Option(help=", ".join(ANSWERERS))] = "agent",
    batched: Annotated[
        bool,
        typer.Option(
            "--batched",
            help="agent and blind: a model in this process (reasoning.model_path) answers all "
            "questions about a memory together, one reasoning each",
        ),
    ] = False,
    restate: Annotated[
        bool,
        typer.Option(
            help="agent: have questions restated, in batches, by the model of "
            "reasoning.restate_model; --no-restate: as they are put",
        ),
    ] = True,
    questions: Annotated[int, typer.Option(min=1, help="questions per clip or scene")] = 46,
    phrasings: Annotated[
        str,
        typer.Option(
            help="phrasings to use: taught, held_out, both, or development (of the authors in "
            "training/restating/development)"
        ),
    ] = "both",
    family: Annotated[
        list[str] | None, typer.Option(help="use only this family; repeatable")
    ] = None,
    seed: Annotated[int, typer.Option(help="seed of questions and mistakes")] = 1,
    as_json: Annotated[bool, typer.Option("--json", help="print figures as JSON")] = False,
    out: Annotated[
        Path | None, typer.Option(help="path of the results, without .json, .md and .jsonl")
    ] = None,
    config: ConfigOption = None,
    assignments: SetOption = None,
) -> None:
    """Evaluate answers to free questions."""
    console = Console(stderr=True, highlight=False)
    cv2.setNumThreads(1)
    with explained():
        for option, value, allowed in (
            ("--notes", notes, ("true", "pixels")),
            ("--phrasings", phrasings, ("taught", "held_out", "both", "development")),
            ("--renamed", renamed, ("", "taught", "held_out", "both")),
            *(("--family", one, FAMILIES) for one in family or ()),
        ):
            if value not in allowed:
                raise SettingsError(f"{option} must be one of {', '.join(allowed)}, not {value!r}")
        settings = settings_from(config, assignments, memory__path="")
        restater = None
        if restate and answerer == "agent" and not batched and restates(settings.reasoning):
            problem = lacking(settings.reasoning.restate_model)
            if problem and settings.reasoning.restate_model:
                raise SettingsError(problem)
            restater = None if problem else BatchedRestater(settings.reasoning.restate_model)
        if restater is None:
            off = [*(assignments or []), "reasoning.restate=off"]
            settings = settings_from(config, off, memory__path="")
        responder = open_answerer(answerer, settings, batched=batched, restater=restater)
        rows: list[Row] = []
        folders = [*(clips or []), *recorded(record, held)]
        for memory in _memories(worlds, folders, notes, noise, renamed, seed, settings):
            rows += evaluate(
                responder, memory, questions, families=tuple(family or FAMILIES), seed=seed,
                wordings="taught" if phrasings == "development" else phrasings,
                phrasings=by_form() if phrasings == "development" else None,
            )  # fmt: skip
            console.print(f"{memory.name}: {len(rows)} answers so far", markup=False)
        if not rows:
            raise DatasetError("no questions: name --worlds, --clips or --record")
        values = {
            "answerer": answerer, "worlds": worlds, "clips": [f.name for f in folders],
            "notes": notes, "noise": noise, "renamed": renamed, "phrasings": phrasings,
            "restated": restater.name if restater else "", "seed": seed, **summary(rows),
        }  # fmt: skip
        table = markdown(values, f"{answerer}, {notes} notes")
        print(json.dumps(values, indent=1) if as_json else table, end="\n" if as_json else "")
        if out is not None:
            _save(out, values, table, rows)


def recorded(spec: str, held: Path) -> list[Path]:
    """The folders of the clips that ``spec`` names; missing clips are recorded.

    Raises:
        DatasetError: ``spec`` has another form.
    """
    folders: list[Path] = []
    for part in filter(None, (p.strip() for p in spec.split(","))):
        world, count, first = parse_worlds(part)
        for scene in range(first, first + count):
            folder = held / f"{world}_{scene}"
            if not (folder / "truth.json").exists():
                from sim_clips.record import record as record_clip

                record_clip(world, scene, folder)
            folders.append(folder)
    return folders


def _memories(
    worlds: str,
    clips: Sequence[Path],
    notes: str,
    noise: float,
    renamed: str,
    seed: int,
    settings: Settings,
) -> Iterator[Memory]:
    yield from text_memories(worlds, noise=noise, renamed=renamed or None, seed=seed)  # type: ignore[arg-type]
    if not clips:
        return
    perceiver = None
    if notes == "pixels":
        from embodied_agent.perception.builtin import BuiltinPerceiver

        perceiver = BuiltinPerceiver(settings.perception)
    yield from clip_memories(clips, settings, notes, perceiver)  # type: ignore[arg-type]


def _save(out: Path, values: dict[str, Any], table: str, rows: Sequence[Row]) -> None:
    lines = "".join(json.dumps(row.as_dict(), ensure_ascii=False) + "\n" for row in rows)
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        out.with_name(f"{out.name}.json").write_text(json.dumps(values, indent=1) + "\n", "utf-8")
        out.with_name(f"{out.name}.md").write_text(table, "utf-8")
        out.with_name(f"{out.name}.jsonl").write_text(lines, "utf-8")
    except OSError as error:
        raise DatasetError(f"can't write results to {out}: {error}") from error


app = typer.Typer(add_completion=False)
app.command()(main)

if __name__ == "__main__":
    app()
