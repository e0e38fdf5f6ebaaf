"""Evaluates a model on episodes: accuracy, consistency, format, length and time per category.

    python -m training.evaluate --model builtin --episodes data/episodes --baselines

The model is the built-in one, a checkpoint folder, or an OpenAI-compatible server. Splits named
test are in distribution, ood out of it. Writes OUT.json, OUT.md and, reply by reply, OUT.jsonl.

Not here: pixels end to end on recorded clips (`training.evaluate_clips`).
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from embodied_agent.cli.common import explained
from embodied_agent.models.checkpoints import SHIPPED
from embodied_agent.reasoning.base import Prompt
from training.episodes.dataset import dataset_hash, read_episodes
from training.episodes.rows import DatasetError, Episode
from training.evaluation import baselines
from training.evaluation.answering import Answerer, OneByOne, open_model
from training.evaluation.marking import Mark, mark
from training.evaluation.tables import markdown, summary
from training.reference import Reference

#: Where a frozen judge is looked for when none is named.
JUDGES = (SHIPPED / "judge", Path("runs/judge/model"), Path("runs/judge"))


@dataclass(frozen=True)
class Evaluation:
    """All marks, and the figures made of them (see `training.evaluation.tables.summary`)."""

    model: str
    marks: Sequence[Mark]
    figures: dict[str, Any]
    elapsed_s: float

    @property
    def markdown(self) -> str:
        """The tables."""
        return markdown(self.figures, self.model)


def evaluate(
    answerer: Answerer,
    episodes: Sequence[Episode],
    *,
    reference: Reference | None = None,
    with_baselines: bool = False,
    known: Sequence[Episode] = (),
    prompt: Callable[[Episode], Prompt] = lambda episode: episode.prompt,
    max_tokens: int = 512,
    tell: Callable[[int], None] = lambda _: None,
) -> Evaluation:
    """Ask and mark all episodes.

    Args:
        answerer: the model.
        episodes: of any splits.
        reference: frozen judge for the consistency ratio; none: no ratio.
        with_baselines: also random, majority, blind and, where it applies, the plain program.
        known: episodes of the training split, for the majority baseline.
        prompt: what the model is shown of an episode.
        max_tokens: longest reply.
        tell: told how many more replies have come (twice as many with baselines).

    Raises:
        ModelError: the model or the reference can't be used, or has gone.
    """
    started = time.monotonic()
    prompts = [prompt(episode) for episode in episodes]
    replies = answerer.replies(prompts, max_tokens=max_tokens, tell=tell)
    asked_s = time.monotonic() - started
    marks = mark(episodes, replies, reference)
    compared: dict[str, Sequence[float | None]] = {}
    if with_baselines:
        compared["random"] = baselines.chance(episodes)
        compared["majority"] = baselines.majority(episodes, known)
        compared["blind"] = baselines.blind(episodes, answerer, prompt, max_tokens, tell)
        compared["program"] = baselines.plain_program(episodes)
    return Evaluation(answerer.name, marks, summary(marks, compared), asked_s)


def main(
    episodes: Annotated[Path, typer.Option(help="folder that training.episodes made")],
    model: Annotated[str, typer.Option(help="builtin, a checkpoint folder, or http://…/v1")] = (
        "builtin"
    ),
    split: Annotated[
        list[str] | None, typer.Option(help="may be repeated; default test and ood")
    ] = None,
    baseline: Annotated[
        bool, typer.Option("--baselines", help="random, majority, blind, plain program")
    ] = False,
    reference: Annotated[
        str,
        typer.Option(help="judge of consistency: a folder or http://…; none: no ratio; empty: "),
    ] = "",
    reference_model: Annotated[str, typer.Option(help="its name on the server")] = "",
    style: Annotated[
        str, typer.Option(help="prompt: as-made, compact, full; auto: full for servers")
    ] = "auto",
    most: Annotated[int | None, typer.Option(min=1, help="questions per split at most")] = None,
    max_tokens: Annotated[int, typer.Option(min=16, help="longest reply")] = 512,
    free: Annotated[
        bool, typer.Option("--free", help="answer freely instead of the likeliest choice")
    ] = False,
    one_by_one: Annotated[
        bool, typer.Option("--one-by-one", help="as the runtime asks; gives latencies, is slow")
    ] = False,
    server_model: Annotated[str, typer.Option(help="model name on the server")] = "",
    parallel: Annotated[int, typer.Option(min=1, help="questions at once to a server")] = 8,
    timeout_s: Annotated[float, typer.Option(min=1, help="per question to a server")] = 300.0,
    out: Annotated[Path, typer.Option(help="results: .json, .md and .jsonl are added")] = Path(
        "runs/evaluation/result"
    ),
) -> None:
    """Evaluate a model on episodes."""
    say = Console(stderr=True, highlight=False)
    with explained():
        if style not in ("auto", "as-made", "compact", "full"):
            raise DatasetError(f"--style is auto, as-made, compact or full, not {style!r}")
        chosen = [
            e for s in split or _present(episodes) for e in read_episodes(episodes, s, most=most)
        ]
        known = read_episodes(episodes, "train", most=20_000) if _has(episodes, "train") else []
        judge = _judge(reference, reference_model, say)
        answerer, own = open_model(
            model,
            server_model=server_model,
            parallel=parallel,
            choose=not free,
            one_by_one=one_by_one,
            timeout_s=timeout_s,
        )
        wanted = own if style == "auto" else style
        prompt: Callable[[Episode], Prompt] = lambda e: e.prompt  # noqa: E731
        if wanted in ("compact", "full"):
            prompt = lambda e: e.prompt_in(wanted)  # type: ignore[arg-type]  # noqa: E731
        columns = (TextColumn("questions"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        with Progress(*columns, console=say, disable=not say.is_terminal) as progress:
            task = progress.add_task("asked", total=len(chosen) * (2 if baseline else 1))
            result = evaluate(
                answerer,
                chosen,
                reference=judge,
                with_baselines=baseline,
                known=known,
                prompt=prompt,
                max_tokens=max_tokens,
                tell=lambda more: progress.advance(task, more),
            )
        _save(result, episodes, out, judge, answerer)
        print(result.markdown)
        say.print(
            f"{len(chosen)} questions in {result.elapsed_s:.1f} s "
            f"({len(chosen) / max(result.elapsed_s, 1e-9):.1f}/s); {out}.json",
            markup=False,
        )


def _present(folder: Path) -> list[str]:
    found = [split for split in ("test", "ood") if _has(folder, split)]
    if not found:
        raise DatasetError(
            f"{folder} has no split test or ood; make more episodes, or name --split"
        )
    return found


def _has(folder: Path, split: str) -> bool:
    return any((folder / split).glob("*"))


def _judge(spec: str, model: str, say: Console) -> Reference | None:
    if spec == "none":
        return None
    from training.reference import open_reference

    if not spec:
        found = next((str(folder) for folder in JUDGES if (folder / "config.json").exists()), "")
        if not found:
            say.print(
                "no consistency ratio: no judge here; make one with python -m training.judge, "
                "or name one with --reference",
                style="yellow",
            )
            return None
        spec = found
    return open_reference(spec, model=model)


def _save(
    result: Evaluation,
    episodes: Path,
    out: Path,
    judge: Reference | None,
    answerer: Answerer,
) -> None:
    values = {
        "model": result.model,
        "episodes": str(episodes),
        "data_hash": dataset_hash(episodes),
        "reference": judge.name if judge else None,
        "elapsed_s": result.elapsed_s,
        "unanswered": answerer.unanswered if isinstance(answerer, OneByOne) else 0,
        "splits": result.figures,
    }
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        out.with_name(f"{out.name}.json").write_text(json.dumps(values, indent=1) + "\n", "utf-8")
        out.with_name(f"{out.name}.md").write_text(result.markdown, "utf-8")
        lines = "".join(json.dumps(m.as_dict(), ensure_ascii=False) + "\n" for m in result.marks)
        out.with_name(f"{out.name}.jsonl").write_text(lines, "utf-8")
    except OSError as error:
        raise DatasetError(f"can't write results to {out}: {error}") from error


app = typer.Typer(add_completion=False)
app.command()(main)

if __name__ == "__main__":
    app()
