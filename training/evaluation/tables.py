"""Marks as numbers per category, and as a Markdown table.

Not here: marking (`marking`), baselines (`baselines`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sim_clips.questions import NOT_TOLD
from training.episodes.splits import SPLITS
from training.evaluation.clustered import clustered
from training.evaluation.marking import Mark, mean

#: In the order of columns.
BASELINES = ("random", "majority", "blind", "program")
TITLES = {
    "train": "Seen in training",
    "validation": "Validation",
    "test": "In distribution",
    "ood": "Out of distribution",
}
Baselines = Mapping[str, Sequence[float | None]]


def summary(marks: Sequence[Mark], baselines: Baselines | None = None) -> dict[str, Any]:
    """Per split the figures of each category and of all, JSON-ready. Shares lie in [0, 1].

    Args:
        marks: of all splits.
        baselines: by name, one number per mark.
    """
    found: dict[str, Any] = {}
    for split in SPLITS:
        places = [i for i, m in enumerate(marks) if m.split == split]
        if not places:
            continue
        categories = sorted({marks[i].category for i in places})
        found[split] = {
            "all": _figures(marks, places, baselines or {}),
            "categories": {
                name: _figures(marks, [i for i in places if marks[i].category == name], baselines)
                for name in categories
            },
        }
    return found


def _figures(
    marks: Sequence[Mark], places: Sequence[int], baselines: Baselines | None
) -> dict[str, Any]:
    some = [marks[i] for i in places]
    agreed = [m.consistent for m in some if m.consistent is not None]
    ratio = mean(agreed)
    figures: dict[str, Any] = {
        **_share_of(some),
        **by_derivability(some),
        "consistency": ratio,
        "consistency_ci": None
        if ratio is None
        else clustered(agreed, [m.scene for m in some if m.consistent is not None]),
        "format": mean([float(m.formatted) for m in some]),
        "tokens": mean([float(m.tokens) for m in some]),
        "latency_s": mean([m.latency_s for m in some]),
    }
    for name, values in (baselines or {}).items():
        figures[name] = mean([v for v in (values[i] for i in places) if v is not None])
    return figures


def _share_of(some: Sequence[Mark]) -> dict[str, Any]:
    """The share of right answers, with its interval by scenes."""
    return {
        "count": len(some),
        "scenes": len({m.scene for m in some}),
        "accuracy": mean([m.right for m in some]),
        "accuracy_ci": clustered([m.right for m in some], [m.scene for m in some]),
    }


def by_derivability(some: Sequence[Mark]) -> dict[str, Any]:
    """What follows from the notes apart from what does not: the shares of right answers, and of
    either what was answered with `NOT_TOLD` where that was offered (``refused``, ``not_told``)."""
    follows = [m for m in some if m.derivable]
    others = [m for m in some if m.derivable is False]
    refusals, admissions = (
        [float(m.said == NOT_TOLD) for m in part if m.offered] for part in (follows, others)
    )
    return {
        "derivable": _share_of(follows),
        "not_derivable": _share_of(others),
        "refused": {"count": len(refusals), "share": mean(refusals)},
        "not_told": {"count": len(admissions), "share": mean(admissions)},
    }


def markdown(found: Mapping[str, Any], model: str) -> str:
    """The figures as tables, one per split; shares in per cent."""
    lines: list[str] = []
    for split, part in found.items():
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
        refused, open_ones = figures["refused"], figures["not_told"]
        lines += [
            "",
            f"Of {refused['count']} derivable questions that offer it, "
            f'{_share(refused["share"])} % were answered with "{NOT_TOLD}"; of '
            f"{open_ones['count']} where that is right, {_share(open_ones['share'])} %. Intervals "
            "are clustered by scene.",
            "",
        ]
    return "\n".join(lines)


def _counted(part: Mapping[str, Any]) -> str:
    return f"{_share(part['accuracy'])} (n {part['count']})"


def _share(value: float | None) -> str:
    return "–" if value is None else f"{100 * value:.1f}"
