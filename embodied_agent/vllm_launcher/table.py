"""The table of GPU memory in docs/serving.md; `embodied-agent vllm --memory` prints it.

Out of scope: the arithmetic (`memory`, `shapes`).
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from embodied_agent.errors import AgentError
from embodied_agent.vllm_launcher.catalogue import CONFIGS, find_shape
from embodied_agent.vllm_launcher.memory import GIB, Precision, need

BEGIN = "<!-- memory:begin -->"
END = "<!-- memory:end -->"
#: Precisions for a checkpoint that is not quantised.
_PLAIN: tuple[Precision, ...] = ("bf16", "fp8")


def memory_rows(
    models: Sequence[str], *, tokens: int, requests: int, gpus: int
) -> list[dict[str, Any]]:
    """Model, precision, parameters, and bytes per GPU by purpose, as JSON-ready values.

    Args:
        models: names, folders or config.json files; if empty, all known models.
        tokens: maximum length of a prompt with its reply.
        requests: number of concurrent requests.
        gpus: how many GPUs each layer is split across.

    Raises:
        ModelError: a model's config is not known or not supported.
        SettingsError: a model can't be split across ``gpus``, or its context is shorter than
            ``tokens``.
    """
    rows = []
    for model in models or CONFIGS:
        shape = find_shape(model)
        precisions: tuple[Precision, ...] = ("int4",) if shape.quantization else _PLAIN
        for precision in precisions:
            needed = need(shape, precision, tokens=tokens, requests=requests, gpus=gpus)
            rows.append(
                {
                    "model": model,
                    "precision": precision,
                    "parameters": shape.parameters,
                    "cache_bytes_per_token": 2 * shape.kv_per_token,
                    "bytes_per_gpu": {**asdict(needed), "total": needed.total},
                }
            )
    return rows


def memory_table(rows: Sequence[dict[str, Any]], *, tokens: int, requests: int, gpus: int) -> str:
    """The rows as a Markdown table, in GiB per GPU."""
    where = "one GPU" if gpus == 1 else f"each of {gpus} GPUs"
    lines = [
        f"GiB on {where}, for {requests} concurrent requests of {tokens} tokens.",
        "",
        "| model | precision | parameters | weights | cache | work space | overhead | total |",
        "|---|---|---:|---:|---:|---:|---:|---:|",
    ]
    for row in rows:
        parts = row["bytes_per_gpu"]
        cells = [
            str(row["model"]),
            str(row["precision"]),
            f"{row['parameters']:,}",
            *(f"{parts[name] / GIB:.1f}" for name in ("weights", "cache", "work", "overhead")),
            f"**{parts['total'] / GIB:.1f}**",
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def document_tables() -> str:
    """The text between the markers of docs/serving.md."""
    one = {"tokens": 8192, "requests": 8, "gpus": 1}
    four = {"tokens": 8192, "requests": 16, "gpus": 4}
    large = [name for name in CONFIGS if "72B" in name]
    return (
        memory_table(memory_rows((), **one), **one)
        + "\n\n"
        + memory_table(memory_rows(large, **four), **four)
    )


def with_tables(text: str) -> str:
    """``text`` with the current tables between its markers.

    Raises:
        ValueError: the markers are missing.
    """
    before, _, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not end:
        raise ValueError(f"{BEGIN} and {END} are missing")
    return f"{before}{BEGIN}\n{document_tables()}\n{END}{after}"


def main(path: Path) -> int:
    """Update the document at ``path``."""
    try:
        path.write_text(with_tables(path.read_text(encoding="utf-8")), encoding="utf-8")
    except (OSError, ValueError, AgentError) as error:
        print(f"{path}: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1] if len(sys.argv) > 1 else "docs/serving.md")))
