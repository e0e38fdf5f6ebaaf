"""Command line: ``python -m training.episodes SOURCES… --out DIR``."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from embodied_agent.cli.common import ExitCode, explained, plain, settings_from
from embodied_agent.cli.options import ConfigOption, SetOption
from embodied_agent.perception.auto import resolve_backend
from embodied_agent.settings import Settings
from training.episodes.benchmarks import READERS, benchmark_units
from training.episodes.building import BuildOptions, Outcome, Unit, build_all
from training.episodes.dataset import FinishedUnit, Writer
from training.episodes.recordings import RecordingUnit
from training.episodes.rows import DatasetError
from training.episodes.scenes import scenes_of
from training.episodes.splits import SPLITS, Shares
from training.episodes.worlds import BLOCK, WorldUnit, parse_worlds


def episodes(
    out: Annotated[Path, typer.Option(help="folder of the data set; an unfinished one resumes")],
    sources: Annotated[
        list[str] | None, typer.Argument(help="bags, clips, videos, folders of pictures")
    ] = None,
    worlds: Annotated[
        list[str] | None,
        typer.Option(help="text-only episodes, e.g. house:2000 (scenes) or city:100@500000"),
    ] = None,
    benchmark: Annotated[
        list[str] | None,
        typer.Option(
            help=f"questions of a public benchmark: FORMAT=FILE; formats: {', '.join(READERS)}"
        ),
    ] = None,
    videos: Annotated[Path | None, typer.Option(help="folder of the benchmark's videos")] = None,
    perception: Annotated[
        str,
        typer.Option(
            help="perceiver: served, true (from truth.json), builtin (simulated worlds only), "
            "geometry, or auto: served if perception.server is set, else builtin"
        ),
    ] = "auto",
    style: Annotated[
        str, typer.Option(help="prompt style: compact (built-in model) or full (general models)")
    ] = "compact",
    questions: Annotated[
        list[str] | None,
        typer.Option(
            help="questions about recordings: truth, odometry (the default are both), objects "
            "(drafts for python -m training.review); repeatable"
        ),
    ] = None,
    per_type: Annotated[int, typer.Option(min=1, help="questions per type and recording")] = 4,
    per_scene: Annotated[int, typer.Option(min=1, help="questions per --worlds scene")] = 24,
    block: Annotated[int, typer.Option(min=1, help="--worlds scenes per file")] = (BLOCK),
    noise: Annotated[
        float,
        typer.Option(
            min=0, max=3, help="scale of the perceiver's mistakes in --worlds; 1: typical"
        ),
    ] = 1.0,
    answerable: Annotated[
        bool, typer.Option(help="--worlds: only questions whose answer follows from the deltas")
    ] = False,
    rename: Annotated[
        bool, typer.Option(help="--worlds: rename the objects in most scenes")
    ] = True,
    renamed: Annotated[
        str,
        typer.Option(
            help="--worlds: kinds and colours become words that no world uses: taught, held_out or "
            "both; empty: no"
        ),
    ] = "",
    split: Annotated[str, typer.Option(help="per cent of scenes: train/validation/test")] = (
        "75/5/20"
    ),
    ood: Annotated[
        list[str] | None,
        typer.Option(
            help="domain reserved for the split ood: house, city, warehouse, vsi, …; repeatable"
        ),
    ] = None,
    scene_pattern: Annotated[
        str,
        typer.Option(
            help="regular expression whose only group matches the scene in a path; by default the "
            "recording's name without the numbers and dates at its end, and shared positions"
        ),
    ] = "",
    file_format: Annotated[
        str, typer.Option("--format", help="file format: jsonl or parquet")
    ] = "jsonl",
    workers: Annotated[
        int, typer.Option(min=0, help="worker processes; 0 with --ray: all CPUs")
    ] = 1,
    ray: Annotated[
        bool,
        typer.Option("--ray", help="distribute over a Ray cluster (RAY_ADDRESS, or a local one)"),
    ] = False,
    seed: Annotated[int, typer.Option(help="seed of questions and mistakes")] = 1,
    config: ConfigOption = None,
    assignments: SetOption = None,
) -> None:
    """Create episodes from recordings with the runtime's keyframes, perception and transcript.

    If interrupted, repeating the same command resumes.
    """
    console = Console(stderr=True, highlight=False)
    with explained():
        _one_of("--perception", perception, ("auto", "true", "builtin", "geometry", "served"))
        _one_of("--style", style, ("compact", "full"))
        _one_of("--format", file_format, ("jsonl", "parquet"))
        _one_of("--renamed", renamed, ("", "taught", "held_out", "both"))
        for kind in questions or ():
            _one_of("--questions", kind, ("truth", "odometry", "objects"))
        settings = settings_from(config, assignments, reasoning__prompt=style, memory__path="")
        perception = perceiver_of(perception, settings)
        options = BuildOptions(settings, perception, Shares.parse(split), tuple(ood or ()))  # type: ignore[arg-type]
        kinds: Any = tuple(questions or ("truth", "odometry"))
        scenes = scenes_of(sources or (), scene_pattern, settings)
        units: list[Unit] = [
            RecordingUnit(s, scenes[s], kinds, per_type=per_type, seed=seed) for s in sources or ()
        ]
        left_out: Counter[str] = Counter()
        for text in benchmark or ():
            benchmark_parts, skipped = benchmark_units(text, videos)
            units += benchmark_parts
            left_out.update(skipped)
        for text in worlds or ():
            world, count, first = parse_worlds(text)
            units += [
                WorldUnit(
                    world,
                    start,
                    min(block, first + count - start),
                    questions=per_scene,
                    noise=noise,
                    answerable=answerable,
                    rename=rename,
                    words_share=1.0 if renamed else 0.0,
                    words=renamed or "taught",  # type: ignore[arg-type]
                    seed=seed,
                )
                for start in range(first, first + count, block)
            ]
        if not units:
            raise DatasetError("no source of episodes: name recordings, --worlds or --benchmark")
        made_with = {
            **options.made_with(),
            "questions": list(kinds),
            "per_type": per_type,
            "per_scene": per_scene,
            "noise": noise,
            "answerable": answerable,
            "rename": rename,
            "renamed": renamed,
            "seed": seed,
        }
        writer = Writer(out, made_with, file_format)  # type: ignore[arg-type]
        for unit in units:
            if isinstance(unit, RecordingUnit):
                writer.refuse_other_scene(unit.name, unit.scene)
        done, failed = _run(units, writer, options, workers, ray, console)
        _report(done, failed, left_out, out, console)
        if failed:
            raise typer.Exit(ExitCode.FAILED)


def _run(
    units: Sequence[Unit],
    writer: Writer,
    options: BuildOptions,
    workers: int,
    ray: bool,
    console: Console,
) -> tuple[list[FinishedUnit], list[Outcome]]:
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.fields[rows]} episodes"),
    )
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
        task = progress.add_task("units", total=len(units), rows=0)
        rows = 0

        def on_unit(outcome: FinishedUnit | Outcome) -> None:
            nonlocal rows
            if isinstance(outcome, FinishedUnit):
                rows += sum(outcome.rows.values())
            else:
                text = f"failed: {outcome.unit}: {plain(outcome.problem)}"
                console.print(text, style="red", markup=False, soft_wrap=True)
            progress.update(task, advance=1, rows=rows)

        return build_all(units, writer, options, workers=workers, ray=ray, on_unit=on_unit)


def _report(
    done: Sequence[FinishedUnit],
    failed: Sequence[Outcome],
    left_out: Counter[str],
    out: Path,
    console: Console,
) -> None:
    counts: Counter[str] = Counter()
    for unit in done:
        counts.update(unit.rows)
        left_out.update(unit.skipped)
    for reason, count in left_out.most_common():
        console.print(f"left out: {count} × {plain(reason)}", style="yellow", markup=False)
    parts = ", ".join(f"{name} {counts[name]}" for name in SPLITS if counts[name])
    console.print(f"{sum(counts.values())} episodes in {out} ({parts or 'none'})", markup=False)
    if failed:
        console.print(f"{len(failed)} of {len(done) + len(failed)} units failed")


def perceiver_of(wanted: str, settings: Settings) -> str:
    """The perceiver that ``auto`` means: the server if one is set, else the built-in model, which
    refuses pictures that don't look like the simulated worlds."""
    if wanted != "auto":
        return wanted
    perception = settings.perception.model_copy(update={"backend": "auto"})
    return "served" if resolve_backend(perception).backend == "served" else "builtin"


def _one_of(option: str, value: str, known: Sequence[str]) -> None:
    if value not in known:
        raise DatasetError(f"{option} must be one of {', '.join(known)}, not {value!r}")


app = typer.Typer(add_completion=False)
app.command()(episodes)

if __name__ == "__main__":
    app()
