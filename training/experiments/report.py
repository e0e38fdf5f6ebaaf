"""Puts all results into docs/results.md.

python -m training.experiments.report
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

from training.experiments.results import FORMER, RESULTS, Result, table

#: What the questions are worth comes before what is answered.
FIRST = ("shortcuts",)
ORDER = (
    "keyframes", "consistency", "distribution", "references", "overlap", "semantics", "length",
    "conditioning", "open_ended", "builtin_run",
)  # fmt: skip
HEAD = """# Results of the experiments

The method's experiments at the size of the built-in models (2 M parameters, simulated worlds).
They show whether an effect is there in small; they are no measure of a 3 B model on real videos.
Every section was written by the command that stands in it. Where seeds are given, figures are
means with the standard deviation over seeds; shares are in per cent. A difference whose 95 %
interval holds zero is said not to be decided by these data.

The consistency ratio is the share of right answers whose reasoning alone leads the judge to the
same answer.
"""

MEASURED_ON_FORMER = (
    "Measured on the former questions, of which gradient boosting answers more than half without "
    "the memory (first section), and not split by what follows from the notes."
)


def load(folder: Path) -> list[Result]:
    """The results in ``folder``, in the method's order."""
    found = {}
    for path in folder.glob("*.json"):
        values = json.loads(path.read_text(encoding="utf-8"))
        lists = ("seeds", "columns", "rows", "caveats")
        found[path.stem] = Result(**{**values, **{key: tuple(values[key]) for key in lists}})
    order = (*FIRST, *ORDER)
    return [found[name] for name in order if name in found] + [
        result for name, result in sorted(found.items()) if name not in order
    ]


def section(result: Result, folder: Path) -> str:
    """One result as Markdown."""
    lines = [f"## {result.title}", "", result.question, "", table(result), "", result.finding, ""]
    if (folder / f"{result.name}.png").exists():
        lines += [f"![{result.title}]({folder.name}/{result.name}.png)", ""]
    former = (MEASURED_ON_FORMER,) if result.questions == FORMER else ()
    lines += [f"- {caveat}" for caveat in (*former, *result.caveats)]
    if former or result.caveats:
        lines.append("")
    made = f"{len(result.seeds)} seeds, " if result.seeds else ""
    took = f"{result.minutes:g} minutes on a shared two-core CPU"
    if result.minutes < 0.5:
        took = "seconds, of what other experiments have trained"
    lines += [
        f"Made by the command below ({made}{took}).",
        "",
        f"```sh\n{result.command}\n```",
        "",
    ]
    return "\n".join(lines)


def missing(results: Sequence[Result]) -> list[str]:
    """What was not run yet, with its commands."""
    names = [name for name in ORDER if name not in {result.name for result in results}]
    if not names:
        return []
    rows = [f"| {name} | `python -m training.experiments.{name}` |" for name in names]
    return ["\n".join(["## Not run yet", "", "| experiment | command |", "|---|---|", *rows, ""])]


def main() -> None:
    """Read the results and write the page."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--results", type=Path, default=RESULTS)
    a = parser.parse_args()
    results = load(a.results)
    sections = [section(result, a.results) for result in results]
    text = "\n".join([HEAD, *sections, *missing(results)])
    (a.results.parent / "results.md").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
