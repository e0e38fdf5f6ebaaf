"""Figures of the marks per category, and their Markdown tables.

Out of scope: marking (`marking`), baselines (`baselines`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sim_clips.questions import NOT_TOLD
from training.episodes.splits import SPLITS
from training.evaluation.clustered import clustered
from training.evaluation.marking import Mark, mean

#: In the order of the table's columns.
BASELINES = ("random", "majority", "blind", "program")
TITLES = {
    "train": "Seen in training",
    "validation": "Validation",
    "test": "In distribution",
    "ood": "Out of distribution",
}
Baselines = Mapping[str, Sequence[float | None]]


def summary(marks: Sequence[Mark], baselines: Baselines | None = None) -> dict[str, Any]:
    """The figures of each category and of all, per split, JSON-ready. Shares are in [0, 1].

    Args:
        marks: of all splits.
        baselines: by name, one score per mark.
    """
    by_split: dict[str, Any] = {}
    for split in SPLITS:
        places = [i for i, m in enumerate(marks) if m.split == split]
        if not places:
            continue
        categories = sorted({marks[i].category for i in places})
        by_split[split] = {
            "all": _figures(marks, places, baselines or {}),
            "categories": {
                name: _figures(marks, [i for i in places if marks[i].category == name], baselines)
                for name in categories
            },
        }
    return by_split


def _figures(
    marks: Sequence[Mark], places: Sequence[int], baselines: Baselines | None
) -> dict[str, Any]:
    selected = [marks[i] for i in places]
    consistent = [m.consistent for m in selected if m.consistent is not None]
    ratio = mean(consistent)
    figures: dict[str, Any] = {
        **_share_of(selected),
        **by_derivability(selected),
        "consistency": ratio,
        "consistency_ci": None
        if ratio is None
        else clustered(consistent, [m.scene for m in selected if m.consistent is not None]),
        "format": mean([float(m.formatted) for m in selected]),
        "tokens": mean([float(m.tokens) for m in selected]),
        "latency_s": mean([m.latency_s for m in selected]),
    }
    for name, values in (baselines or {}).items():
        figures[name] = mean([v for v in (values[i] for i in places) if v is not None])
    return figures


def _share_of(marks: Sequence[Mark]) -> dict[str, Any]:
    """The share of right answers, with its interval clustered by scene."""
    return {
        "count": len(marks),
        "scenes": len({m.scene for m in marks}),
        "accuracy": mean([m.right for m in marks]),
        "accuracy_ci": clustered([m.right for m in marks], [m.scene for m in marks]),
    }


def by_derivability(marks: Sequence[Mark]) -> dict[str, Any]:
    """The shares of right answers among derivable and other questions, and the share of either kind
    answered with `NOT_TOLD` when that was offered (``refused``, ``not_told``)."""
    derivable = [m for m in marks if m.derivable]
    others = [m for m in marks if m.derivable is False]
    refusals, admissions = (
        [float(m.said == NOT_TOLD) for m in part if m.offered] for part in (derivable, others)
    )
    return {
        "derivable": _share_of(derivable),
        "not_derivable": _share_of(others),
        "refused": {"count": len(refusals), "share": mean(refusals)},
        "not_told": {"count": len(admissions), "share": mean(admissions)},
    }


def markdown(summary_by_split: Mapping[str, Any], model: str) -> str:
    """The figures as Markdown tables, one per split; shares in per cent."""
    lines: list[str] = []
    for split, part in summary_by_split.items():
        figures = part["all"]
        extra = [name for name in BASELINES if figures.get(name) is not None]
        columns = ["category", "n", "accuracy (95 % CI)", "derivable", "not derivable", *extra]
        columns += ["consistency", "format", "tokens", "s"]
        lines += [
            f"{TITLES[split]} ({split}): {model}, {figures['count']} questions in "
            f"{figures['scenes']} scenes",
            "",
            "| " + " | ".join(columns) + " |",
            "|---|" + "---:|" * (len(columns) - 1),
        ]
        for name, row in [*part["categories"].items(), ("all", figures)]:
            low, high = row["accuracy_ci"]
            cells = [
                name.replace("_", " "),
                str(row["count"]),
                f"{_share(row['accuracy'])} ({100 * low:.1f}–{100 * high:.1f})",
                _counted(row["derivable"]),
                _counted(row["not_derivable"]),
                *(_share(row.get(base)) for base in extra),
                _share(row["consistency"]),
                _share(row["format"]),
                f"{row['tokens']:.0f}",
                f"{row['latency_s']:.2f}",
            ]
            lines.append("| " + " | ".join(cells) + " |")
        refused, untold = figures["refused"], figures["not_told"]
        lines += [
            "",
            f'Answered with "{NOT_TOLD}": {_share(refused["share"])} % of the {refused["count"]} '
            f"derivable questions that offer it, and {_share(untold['share'])} % of the "
            f"{untold['count']} for which it is right. Intervals are clustered by scene.",
            "",
        ]
    return "\n".join(lines)


def _counted(part: Mapping[str, Any]) -> str:
    return f"{_share(part['accuracy'])} (n {part['count']})"


def _share(value: float | None) -> str:
    return "–" if value is None else f"{100 * value:.1f}"
