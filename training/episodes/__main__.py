"""Command line: ``python -m training.episodes SOURCES… --out DIR``."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from embodied_agent.cli.common import ExitCode, explained, plain, settings_from
from embodied_agent.cli.options import ConfigOption, SetOption
from training.episodes.benchmarks import READERS, benchmark_units
from training.episodes.dataset import Done, Writer
from training.episodes.making import Made, Making, Unit, make_all
from training.episodes.recordings import RecordingUnit
from training.episodes.rows import DatasetError
from training.episodes.splits import SPLITS, Shares
from training.episodes.worlds import BLOCK, WorldUnit, parse_worlds


def episodes(
    out: Annotated[Path, typer.Option(help="folder of the data set; an unfinished one goes on")],
    sources: Annotated[
        list[str] | None, typer.Argument(help="bags, clips, videos, folders of pictures")
    ] = None,
    worlds: Annotated[
        list[str] | None,
        typer.Option(help="text-only episodes, e.g. house:2000 (scenes) or city:100@500000"),
    ] = None,
    benchmark: Annotated[
        list[str] | None,
        typer.Option(help=f"questions of a public data set: FORMAT=FILE of {', '.join(READERS)}"),
    ] = None,
    videos: Annotated[Path | None, typer.Option(help="folder of the benchmark's videos")] = None,
    perception: Annotated[
        str, typer.Option(help="true (from truth.json), builtin, geometry or served")
    ] = "builtin",
    style: Annotated[
        str, typer.Option(help="prompt: compact (built-in model) or full (general models)")
    ] = "compact",
    questions: Annotated[
        list[str] | None,
        typer.Option(help="about recordings: truth, odometry; may be repeated; default both"),
    ] = None,
    per_type: Annotated[int, typer.Option(min=1, help="of each type and recording")] = 4,
    per_scene: Annotated[int, typer.Option(min=1, help="of each --worlds scene")] = 24,
    block: Annotated[int, typer.Option(min=1, help="--worlds scenes that are written at once")] = (
        BLOCK
    ),
    noise: Annotated[
        float, typer.Option(min=0, max=3, help="perceiver's mistakes in --worlds; 1: typical")
    ] = 1.0,
    answerable: Annotated[
        bool, typer.Option(help="--worlds: only what follows from the transcript")
    ] = False,
    rename: Annotated[
        bool, typer.Option(help="--worlds: draw objects' names anew in most scenes")
    ] = True,
    split: Annotated[str, typer.Option(help="per cent of scenes: train/validation/test")] = (
        "75/5/20"
    ),
    ood: Annotated[
        list[str] | None,
        typer.Option(help="domain kept for the split ood: house, city, warehouse, vsi, …"),
    ] = None,
    scene_pattern: Annotated[
        str,
        typer.Option(help="regular expression with one group that finds the scene in a path"),
    ] = "",
    file_format: Annotated[str, typer.Option("--format", help="jsonl or parquet")] = "jsonl",
    workers: Annotated[int, typer.Option(min=0, help="processes (0 with --ray: all)")] = 1,
    ray: Annotated[
        bool, typer.Option("--ray", help="spread over a Ray cluster (RAY_ADDRESS, or a local one)")
    ] = False,
    seed: Annotated[int, typer.Option(help="of questions and mistakes")] = 1,
    config: ConfigOption = None,
    assignments: SetOption = None,
) -> None:
    """Run the runtime's keyframes, perception and transcript over recordings into episodes.

    Killed halfway, the same command goes on where it was.
    """
    say = Console(stderr=True, highlight=False)
    with explained():
        _one_of("--perception", perception, ("true", "builtin", "geometry", "served"))
        _one_of("--style", style, ("compact", "full"))
        _one_of("--format", file_format, ("jsonl", "parquet"))
        for kind in questions or ():
            _one_of("--questions", kind, ("truth", "odometry"))
        settings = settings_from(config, assignments, reasoning__prompt=style, memory__path="")
        making = Making(settings, perception, Shares.parse(split), tuple(ood or ()))  # type: ignore[arg-type]
        kinds: Any = tuple(questions or ("truth", "odometry"))
        units: list[Unit] = [
            RecordingUnit(s, scene_of(s, scene_pattern), kinds, per_type=per_type, seed=seed)
            for s in sources or ()
        ]
        left_out: Counter[str] = Counter()
        for text in benchmark or ():
            found, skipped = benchmark_units(text, videos)
            units += found
            left_out.update(skipped)
        for text in worlds or ():
            world, count, first = parse_worlds(text)
            units += [
                WorldUnit(
                    world,
                    start,
                    min(block, first + count - start),
                    per_scene,
                    noise,
                    answerable,
                    rename,
                    seed,
                )
                for start in range(first, first + count, block)
            ]
        if not units:
            raise DatasetError(
                "nothing to make episodes of: name recordings, --worlds or --benchmark"
            )
        made_with = {
            **making.made_with(),
            "questions": list(kinds),
            "per_type": per_type,
            "per_scene": per_scene,
            "noise": noise,
            "answerable": answerable,
            "rename": rename,
            "seed": seed,
        }
        writer = Writer(out, made_with, file_format)  # type: ignore[arg-type]
        done, failed = _run(units, writer, making, workers, ray, say)
        _report(done, failed, left_out, out, say)
        if failed:
            raise typer.Exit(ExitCode.FAILED)


def _run(
    units: Sequence[Unit], writer: Writer, making: Making, workers: int, ray: bool, say: Console
) -> tuple[list[Done], list[Made]]:
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.fields[rows]} episodes"),
    )
    with Progress(*columns, console=say, disable=not say.is_terminal) as progress:
        task = progress.add_task("units", total=len(units), rows=0)
        rows = 0

        def tell(one: Done | Made) -> None:
            nonlocal rows
            if isinstance(one, Done):
                rows += sum(one.rows.values())
            else:
                text = f"left out {one.unit}: {plain(one.problem)}"
                say.print(text, style="red", markup=False, soft_wrap=True)
            progress.update(task, advance=1, rows=rows)

        return make_all(units, writer, making, workers=workers, ray=ray, tell=tell)


def _report(
    done: Sequence[Done],
    failed: Sequence[Made],
    left_out: Counter[str],
    out: Path,
    say: Console,
) -> None:
    counts: Counter[str] = Counter()
    for one in done:
        counts.update(one.rows)
        left_out.update(one.skipped)
    for reason, count in left_out.most_common():
        say.print(f"left out: {count} × {plain(reason)}", style="yellow", markup=False)
    parts = ", ".join(f"{name} {counts[name]}" for name in SPLITS if counts[name])
    say.print(f"{sum(counts.values())} episodes in {out} ({parts or 'none'})", markup=False)
    if failed:
        say.print(f"{len(failed)} of {len(done) + len(failed)} units could not be made")


def scene_of(source: str, pattern: str = "") -> str:
    """The scene of a recording: what ``pattern`` finds in its path, else its name.

    Raises:
        DatasetError: the pattern can't be used, or doesn't match.
    """
    path = Path(source).expanduser().resolve()
    if pattern:
        try:
            match = re.search(pattern, str(path))
        except re.error as error:
            raise DatasetError(f"--scene-pattern {pattern!r}: {error}") from error
        if match is None or match.re.groups != 1 or not match.group(1):
            raise DatasetError(f"--scene-pattern {pattern!r} finds no scene in {path}")
        return match.group(1)
    if path.is_file() and (path.parent / "metadata.yaml").exists():
        return path.parent.name
    return path.name if path.is_dir() else path.stem


def _one_of(option: str, value: str, known: Sequence[str]) -> None:
    if value not in known:
        raise DatasetError(f"{option} is one of {', '.join(known)}, not {value!r}")


app = typer.Typer(add_completion=False)
app.command()(episodes)

if __name__ == "__main__":
    app()
