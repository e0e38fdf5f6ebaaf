"""Prepare the data of a supervised run as one small file.

    python -m training.prepare --config training/configs/smollm2-sft.yaml --out runs/sft.parquet
    python -m training.sft --config training/configs/smollm2-sft.yaml --out runs/smollm2-sft \\
        --set data.prepared=runs/sft.parquet

Making and tokenising 40,000 rows takes one core some minutes, which on a rented GPU are better
spent on training. The file holds the compressed sequences of tokens
(`training.shared_transcripts`). FILE.json beside it records their data and tokenizer, and a run
with others refuses the file.

Out of scope: data for GRPO, which needs fewer rows.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import logging
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from datasets import Dataset
from pyarrow import parquet
from transformers import AutoTokenizer

from embodied_agent.errors import AgentError, SettingsError
from training.rows import held_rows, refuse_leaks, short_enough, training_rows
from training.run_config import RunConfig, load_config
from training.run_folder import data_hash
from training.shared_transcripts import LONGEST, packed_rows

log = logging.getLogger(__name__)


def prepare(config: RunConfig, out: Path) -> dict[str, Any]:
    """Write the training data of ``config`` to ``out``; returns what is recorded beside it.

    Raises:
        SettingsError: the run does not share transcripts, its data can't be used, or the file can't
            be written.
    """
    if not config.model.shared_prompts:
        raise SettingsError("only runs with model.shared_prompts have data that can be prepared")
    rows = training_rows(config.data, config.model.prompt)
    rows = [row for row in rows if row["reasoned"]] or rows
    held = held_rows(config.data, config.model.prompt)
    refuse_leaks(rows, [row for part in held.values() for row in part])
    tokenizer: Any = AutoTokenizer.from_pretrained(config.model.folder)
    longest = int(config.trainer.get("max_length") or LONGEST)
    fitting = short_enough(rows, tokenizer, config.data.most_prompt_tokens)
    questions = config.data.questions_per_sequence
    items = packed_rows(fitting, tokenizer, longest=longest, questions=questions)
    record = {
        **_identity(config, tokenizer),
        "hash": data_hash(rows),
        "rows": len(fitting),
        "sequences": len(items),
    }
    part = out.with_name(f"{out.name}.part")
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        parquet.write_table(items.with_format("arrow")[:], str(part), compression="zstd")
        os.replace(part, out)
        _record(out).write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    except OSError as error:
        raise SettingsError(f"can't write {out}: {error}") from error
    return record


def prepared(config: RunConfig, tokenizer: Any, cache: Path) -> tuple[Dataset, str]:
    """The data that ``config.data.prepared`` names, and their hash.

    Args:
        config: of the run.
        tokenizer: of the model.
        cache: folder for the uncompressed data.

    Raises:
        SettingsError: the file is missing or damaged, or was made for other data, another length or
            another tokenizer.
    """
    path = Path(config.data.prepared)
    try:
        record = json.loads(_record(path).read_text("utf-8"))
        own = _identity(config, tokenizer)
        other = [name for name, value in own.items() if record[name] != value]
        if other:
            raise SettingsError(
                f"{path} was prepared with another {', '.join(other)}: run python -m "
                "training.prepare again with this configuration"
            )
        items = Dataset.from_parquet(str(path), cache_dir=str(cache))
        if len(items) != record["sequences"]:
            raise SettingsError(f"{path} has {len(items)} sequences, not {record['sequences']}")
        return items, str(record["hash"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise SettingsError(
            f"can't use the prepared data {path}: {error}; python -m training.prepare makes them"
        ) from error


def _record(path: Path) -> Path:
    return path.with_name(f"{path.name}.json")


def _identity(config: RunConfig, tokenizer: Any) -> dict[str, Any]:
    """What the data depend on."""
    data = config.data.model_dump(mode="json", exclude={"prepared", "held", "held_worlds"})
    words = tokenizer.backend_tokenizer.to_str() + str(tokenizer.chat_template)
    return {
        "data": data,
        "style": config.model.prompt,
        "longest": int(config.trainer.get("max_length") or LONGEST),
        "tokenizer": hashlib.sha256(words.encode()).hexdigest()[:16],
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """Parse the command line and prepare."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--config", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True, help="the file to write")
    parser.add_argument(
        "--set", action="append", default=[], metavar="SECTION.KEY=VALUE", help="override one value"
    )
    a = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    try:
        record = prepare(load_config(a.config, a.set), a.out)
    except AgentError as error:
        print(f"not prepared: {error}", file=sys.stderr)
        return 1
    size = a.out.stat().st_size / 2**20
    print(f"{a.out}: {record['rows']} rows in {record['sequences']} sequences, {size:.1f} MiB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
