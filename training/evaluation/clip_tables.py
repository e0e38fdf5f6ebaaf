"""Figures of the marks on recorded clips, per world, and their Markdown tables.

Out of scope: marking (`training.evaluate_clips`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from sim_clips.questions import NOT_TOLD
from training.evaluation.clustered import clustered

#: Values to average, by name.
Marks = dict[str, list[float]]
#: Ways of answering, and chance; column names of the table.
WAYS = (
    *("pixels", "true_deltas", "reasoner_true", "program_pixels", "program_true"),
    *("blind", "chance"),
)
#: One that is only measured on request (`training.evaluate_clips --positions`).
POSITIONS = "positions"
#: The deltas that each way of answering reads; the others read none.
NOTES = {
    "pixels": "pixels", POSITIONS: "pixels",
    "true_deltas": "true_deltas", "reasoner_true": "true_deltas",
    "program_pixels": "pixels", "program_true": "true_deltas",
}  # fmt: skip


def summary(marks: Marks, rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Averages of one world, with intervals clustered by clip."""
    hits, missed, invented = (sum(marks[k]) for k in ("hits", "missed", "invented"))
    types = sorted({row["type"] for row in rows})
    ways = WAYS
    if all(POSITIONS in row for row in rows):
        ways = (WAYS[0], POSITIONS, *WAYS[1:])
    return {
        "perception": {
            "keyframes": len(marks["hits"]),
            "action": _mean(marks["action"]),
            "f1": round(2 * hits / max(1, 2 * hits + missed + invented), 4),
            "precision": round(hits / max(1, hits + invented), 4),
            "recall": round(hits / max(1, hits + missed), 4),
            "direction": _mean(marks["direction"]),
            "distance": _mean(marks["distance"]),
            "seconds_per_keyframe": _mean(marks["seconds_per_keyframe"]),
        },
        "clips": len({row["clip"] for row in rows}),
        "questions": len(rows),
        "format": _mean([row["format"] for row in rows]),
        "seconds_per_answer": _mean([row["seconds"] for row in rows]),
        "all": {way: _mean([row[way] for row in rows]) for way in ways},
        "intervals": {
            way: [round(end, 4) for end in clustered(*_by_clip(rows, way))] for way in ways[:-1]
        },
        "derivability": {way: by_derivability(rows, way) for way in ways if way in NOTES},
        "types": {
            kind: {
                "count": sum(row["type"] == kind for row in rows),
                **{way: _mean([row[way] for row in rows if row["type"] == kind]) for way in ways},
            }
            for kind in types
        },
    }


def by_derivability(rows: Sequence[dict[str, Any]], way: str) -> dict[str, Any]:
    """For one way of answering, the share of right answers among derivable and other questions, and
    the share of either kind answered with `NOT_TOLD` when that was offered."""
    derivable = [row for row in rows if row["derivable"][NOTES[way]]]
    others = [row for row in rows if not row["derivable"][NOTES[way]]]
    refusals, admissions = (
        [float(row["given"][way] == row["not_told"]) for row in part if row["not_told"]]
        for part in (derivable, others)
    )
    return {
        "derivable": {"count": len(derivable), "right": _mean([row[way] for row in derivable])},
        "not_derivable": {"count": len(others), "right": _mean([row[way] for row in others])},
        "refused": {"count": len(refusals), "share": _mean(refusals)},
        "not_told": {"count": len(admissions), "share": _mean(admissions)},
    }


def _by_clip(rows: Sequence[dict[str, Any]], way: str) -> tuple[list[float], list[str]]:
    return [row[way] for row in rows], [row["clip"] for row in rows]


def _mean(values: Sequence[float]) -> float | None:
    return round(float(np.mean(values)), 4) if len(values) else None


def markdown(summaries: dict[str, Any]) -> str:
    """The summaries of all worlds as Markdown tables."""
    lines = [
        "| world | keyframes | action | objects F1 | precision | recall | direction | distance |"
    ]
    lines.append("|---|---|---|---|---|---|---|---|")
    for world, part in summaries.items():
        p = part["perception"]
        values = (p[k] for k in ("action", "f1", "precision", "recall", "direction", "distance"))
        lines.append(f"| {world} | {p['keyframes']} | {' | '.join(map(_share, values))} |")
    for world, part in summaries.items():
        lines += [
            "",
            f"{world}, {part['questions']} questions about {part['clips']} clips, right in %:",
            "",
        ]
        ways = list(part["all"])
        lines.append("| type | n | " + " | ".join(w.replace("_", " ") for w in ways) + " |")
        lines.append("|" + "---|" * (len(ways) + 2))
        for name, row in [
            *part["types"].items(),
            ("all", {"count": part["questions"], **part["all"]}),
        ]:
            shares = " | ".join(_share(row[w]) for w in ways)
            lines.append(f"| {name.replace('_', ' ')} | {row['count']} | {shares} |")
        ends = [f"{100 * low:.1f}–{100 * high:.1f}" for low, high in part["intervals"].values()]
        lines.append(f"| 95 % interval by clips | | {' | '.join(ends)} | |")
        for key, title in (
            ("derivable", "derivable"),
            ("not_derivable", "not derivable"),
            ("refused", f'derivable, answered "{NOT_TOLD}"'),
            ("not_told", f'not derivable, answered "{NOT_TOLD}"'),
        ):
            cells = [
                f"{_share(entry.get('right', entry.get('share')))} (n {entry['count']})"
                for entry in (part["derivability"][way][key] for way in ways if way in NOTES)
            ]
            lines.append(f"| {title} | | {' | '.join(cells)} | | |")
    return "\n".join(lines) + "\n"


def _share(value: float | None) -> str:
    return "–" if value is None else f"{100 * value:.1f}"
