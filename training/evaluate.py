"""Evaluate a model on episodes: accuracy, consistency, format, length and time per category.

    python -m training.evaluate --model builtin --episodes data/episodes --baselines

The model is the built-in one, a checkpoint folder, or an OpenAI-compatible server. The split `test`
is in distribution, `ood` out of distribution. Writes OUT.json, OUT.md and OUT.jsonl with one line
per reply.

Out of scope: end-to-end evaluation from pixels on recorded clips (`training.evaluate_clips`).
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
from training.episodes.overlay import decided
from training.episodes.rows import DatasetError, Episode
from training.evaluation import baselines
from training.evaluation.answering import Answerer, Asked, OneByOne, open_model
from training.evaluation.marking import Mark, mark
from training.evaluation.published import published_prompt
from training.evaluation.tables import markdown, summary
from training.reference import Reference

#: Where to look for a frozen judge if none is named; the first that exists is used.
JUDGES = (SHIPPED / "judge", Path("runs/judge/model"), Path("runs/judge"))
#: What ``--style`` means.
_STYLES: dict[str, Asked | None] = {
    "auto": None, "as-made": "as made", "compact": "compact", "full": "full",
    "published": "published",
}  # fmt: skip


@dataclass(frozen=True)
class Evaluation:
    """All marks, and the figures derived from them (see `training.evaluation.tables.summary`)."""

    model: str
    marks: Sequence[Mark]
    figures: dict[str, Any]
    elapsed_s: float

    @property
    def markdown(self) -> str:
        """The figures as Markdown tables."""
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
    on_progress: Callable[[int], None] = lambda _: None,
) -> Evaluation:
    """Put all episodes to the model and mark its replies.

    Args:
        answerer: the model.
        episodes: of any splits.
        reference: frozen judge for the consistency ratio; ``None`` for no ratio.
        with_baselines: also evaluate random, majority, blind and, if applicable, the plain program.
        known: episodes of the training split, for the majority baseline.
        prompt: builds an episode's prompt.
        max_tokens: longest reply.
        on_progress: called with the number of new replies; with baselines there are twice as many.

    Raises:
        ModelError: the model or the reference can't be used, or stopped responding.
    """
    started = time.monotonic()
    prompts = [prompt(episode) for episode in episodes]
    replies = answerer.replies(prompts, max_tokens=max_tokens, on_progress=on_progress)
    elapsed_s = time.monotonic() - started
    marks = mark(episodes, replies, reference)
    baseline_values: dict[str, Sequence[float | None]] = {}
    if with_baselines:
        baseline_values["random"] = baselines.chance(episodes)
        baseline_values["majority"] = baselines.majority(episodes, known)
        baseline_values["blind"] = baselines.blind(
            episodes, answerer, prompt, max_tokens, on_progress
        )
        baseline_values["program"] = baselines.plain_program(episodes)
    return Evaluation(answerer.name, marks, summary(marks, baseline_values), elapsed_s)


def main(
    episodes: Annotated[Path, typer.Option(help="data set written by training.episodes")],
    model: Annotated[str, typer.Option(help="builtin, a checkpoint folder, or http://…/v1")] = (
        "builtin"
    ),
    split: Annotated[
        list[str] | None, typer.Option(help="split to evaluate; repeatable; default test and ood")
    ] = None,
    baseline: Annotated[
        bool, typer.Option("--baselines", help="also random, majority, blind and plain program")
    ] = False,
    reference: Annotated[
        str,
        typer.Option(
            help="judge of consistency: a folder or http://…; none: no ratio; "
            "empty: the first judge found locally"
        ),
    ] = "",
    reference_model: Annotated[str, typer.Option(help="the judge's name on its server")] = "",
    style: Annotated[
        str,
        typer.Option(
            help="prompt style: as-made, compact, full, or published (for the weights of the "
            "method's authors); auto: as the model was trained, which its folder says, and full "
            "for servers"
        ),
    ] = "auto",
    most: Annotated[
        int | None, typer.Option(min=1, help="at most this many questions per split")
    ] = None,
    review: Annotated[
        str, typer.Option(help="verdicts about drafted questions, of training.review")
    ] = "",
    max_tokens: Annotated[int, typer.Option(min=16, help="longest reply")] = 512,
    free: Annotated[
        bool,
        typer.Option("--free", help="generate the answer instead of picking the likeliest choice"),
    ] = False,
    one_by_one: Annotated[
        bool,
        typer.Option(
            "--one-by-one",
            help="ask one question at a time, as the runtime does: slow, gives latencies",
        ),
    ] = False,
    stand_ins: Annotated[
        bool,
        typer.Option(
            help="give names that a model in this process does not know stand-ins, as the runtime "
            "does"
        ),
    ] = True,
    server_model: Annotated[str, typer.Option(help="model name on the server")] = "",
    parallel: Annotated[int, typer.Option(min=1, help="concurrent questions to a server")] = 8,
    timeout_s: Annotated[
        float, typer.Option(min=1, help="seconds per question to a server")
    ] = 300.0,
    out: Annotated[
        Path, typer.Option(help="path of the results, without .json, .md and .jsonl")
    ] = Path("runs/evaluation/result"),
) -> None:
    """Evaluate a model on episodes."""
    console = Console(stderr=True, highlight=False)
    with explained():
        if style not in _STYLES:
            raise DatasetError(f"--style is one of {', '.join(_STYLES)}, not {style!r}")
        selected = decided(
            [e for s in split or _present(episodes) for e in read_episodes(episodes, s, most=most)],
            review,
        )
        if not selected:
            raise DatasetError(
                f"{episodes} has only drafts, and none of them is reviewed: --review"
            )
        known = read_episodes(episodes, "train", most=20_000) if _has(episodes, "train") else []
        judge = _judge(reference, reference_model, console)
        answerer, prompt_style = open_model(
            model,
            server_model=server_model,
            parallel=parallel,
            choose=not free,
            one_by_one=one_by_one,
            timeout_s=timeout_s,
            asked=_STYLES[style],
            stand_ins=stand_ins,
        )
        prompt: Callable[[Episode], Prompt] = lambda e: e.prompt  # noqa: E731
        if prompt_style == "published":
            prompt = published_prompt
        elif prompt_style in ("compact", "full"):
            prompt = lambda e: e.prompt_in(prompt_style)  # type: ignore[arg-type]  # noqa: E731
        columns = (TextColumn("questions"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
            task = progress.add_task("asked", total=len(selected) * (2 if baseline else 1))
            result = evaluate(
                answerer,
                selected,
                reference=judge,
                with_baselines=baseline,
                known=known,
                prompt=prompt,
                max_tokens=max_tokens,
                on_progress=lambda more: progress.advance(task, more),
            )
        _save(result, episodes, out, judge, answerer, prompt_style)
        print(result.markdown)
        console.print(
            f"{len(selected)} questions in {result.elapsed_s:.1f} s "
            f"({len(selected) / max(result.elapsed_s, 1e-9):.1f}/s); {out}.json",
            markup=False,
        )


def _present(folder: Path) -> list[str]:
    splits = [split for split in ("test", "ood") if _has(folder, split)]
    if not splits:
        raise DatasetError(
            f"{folder} has neither a split test nor ood; create more episodes, or name a --split"
        )
    return splits


def _has(folder: Path, split: str) -> bool:
    return any((folder / split).glob("*"))


def _judge(spec: str, model: str, console: Console) -> Reference | None:
    if spec == "none":
        return None
    from training.reference import open_reference

    if not spec:
        default = next((str(folder) for folder in JUDGES if (folder / "config.json").exists()), "")
        if not default:
            console.print(
                "no consistency ratio: no judge found; train one with python -m training.judge, "
                "or name one with --reference",
                style="yellow",
            )
            return None
        spec = default
    return open_reference(spec, model=model)


def _save(
    result: Evaluation,
    episodes: Path,
    out: Path,
    judge: Reference | None,
    answerer: Answerer,
    asked: Asked,
) -> None:
    record = {
        "model": result.model,
        "asked": asked,
        "episodes": str(episodes),
        "data_hash": dataset_hash(episodes),
        "reference": judge.name if judge else None,
        "elapsed_s": result.elapsed_s,
        "unanswered": answerer.unanswered if isinstance(answerer, OneByOne) else 0,
        "splits": result.figures,
    }
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        out.with_name(f"{out.name}.json").write_text(json.dumps(record, indent=1) + "\n", "utf-8")
        out.with_name(f"{out.name}.md").write_text(result.markdown, "utf-8")
        lines = "".join(json.dumps(m.as_dict(), ensure_ascii=False) + "\n" for m in result.marks)
        out.with_name(f"{out.name}.jsonl").write_text(lines, "utf-8")
    except OSError as error:
        raise DatasetError(f"can't write results to {out}: {error}") from error


app = typer.Typer(add_completion=False)
app.command()(main)

if __name__ == "__main__":
    app()
