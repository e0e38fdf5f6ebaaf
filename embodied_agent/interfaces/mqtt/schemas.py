"""The JSON schemas of the messages over MQTT, as files: ``docs/mqtt/*.schema.json``.

    python -m embodied_agent.interfaces.mqtt.schemas --write docs/mqtt

Out of scope: the models that they are generated from (`messages`,
`embodied_agent.interfaces.wire.models`).
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Literal

from pydantic import BaseModel

from embodied_agent.interfaces.mqtt.messages import (
    AlertMessage,
    AnswerMessage,
    DeltaMessage,
    ErrorMessage,
    PieceMessage,
    StatusMessage,
)
from embodied_agent.interfaces.wire.facts import FactRequest
from embodied_agent.interfaces.wire.models import AskRequest

MESSAGES: dict[str, type[BaseModel]] = {
    "request": AskRequest,
    "answer": AnswerMessage,
    "piece": PieceMessage,
    "error": ErrorMessage,
    "delta": DeltaMessage,
    "alert": AlertMessage,
    "fact": FactRequest,
    "status": StatusMessage,
}


def schema_text(name: str) -> str:
    """The schema file of one kind of message."""
    # Schemas of received messages describe how they are read; those of sent ones, how they are
    # written.
    mode: Literal["validation", "serialization"] = (
        "validation" if name in ("request", "fact") else "serialization"
    )
    schema = MESSAGES[name].model_json_schema(mode=mode)
    whole = {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}
    return json.dumps(whole, indent=2, ensure_ascii=False) + "\n"


def file_name(name: str) -> str:
    """The file name for one kind of message."""
    return f"{name}.schema.json"


def main(arguments: list[str] | None = None) -> int:
    """The command line; returns 0 if all went well, 1 if a file is out of date or unusable."""
    parser = argparse.ArgumentParser(description="JSON schemas of the messages over MQTT.")
    choice = parser.add_mutually_exclusive_group(required=True)
    choice.add_argument("--check", type=Path, metavar="FOLDER", help="fail where a file differs")
    choice.add_argument("--write", type=Path, metavar="FOLDER", help="bring the files up to date")
    options = parser.parse_args(arguments)
    folder: Path = options.check or options.write
    stale = []
    try:
        if options.write:
            folder.mkdir(parents=True, exist_ok=True)
        for name in MESSAGES:
            path, text = folder / file_name(name), schema_text(name)
            if options.write:
                path.write_text(text, encoding="utf-8")
            elif not path.is_file() or path.read_text(encoding="utf-8") != text:
                stale.append(path.name)
    except OSError as error:
        print(f"{folder}: {error}", file=sys.stderr)
        return 1
    if stale:
        command = f"python -m embodied_agent.interfaces.mqtt.schemas --write {folder}"
        print(f"{', '.join(stale)}: out of date; run {command}", file=sys.stderr)
    return int(bool(stale))


if __name__ == "__main__":
    raise SystemExit(main())
