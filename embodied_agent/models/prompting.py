"""How a trained model expects to be asked: a small file in its folder.

``prompting.json`` holds the prompt style in which a model was trained, whether it answers questions
with choices by letter or by the choice's text, and the object names that it knows, if it knows no
others. Training writes it; evaluation and the runtime read it, so that nobody has to remember how a
model was trained.

Out of scope: the styles themselves (`embodied_agent.reasoning.prompts`).
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from embodied_agent.errors import ModelError
from embodied_agent.support.documents import DocumentError, read_json

FILE = "prompting.json"


@dataclass(frozen=True, slots=True)
class Prompting:
    """The ``style`` of a model's prompts, how its ``answers`` name a choice, and the object
    ``names`` that it was trained on, in lower case, if it can't read others; empty: any."""

    style: Literal["compact", "full"]
    answers: Literal["letter", "text"]
    names: tuple[str, ...] = ()

    @classmethod
    def of_style(cls, style: Literal["compact", "full"]) -> Prompting:
        """What a prompt style asks for: the full prompt for the letter, the compact one for the
        text."""
        return cls(style, "letter" if style == "full" else "text")


def write_prompting(folder: Path, prompting: Prompting) -> None:
    """Write the file into a model's folder.

    Raises:
        OSError: it can't be written.
    """
    import json

    values = {name: value for name, value in asdict(prompting).items() if value}
    (folder / FILE).write_text(json.dumps(values) + "\n", encoding="utf-8")


def read_prompting(folder: Path) -> Prompting | None:
    """What a model's folder says, or ``None`` if it has no such file.

    Raises:
        ModelError: the file is damaged.
    """
    path = folder / FILE
    if not path.is_file():
        return None
    try:
        values = read_json(path.read_bytes())
    except (OSError, DocumentError) as error:
        raise ModelError(f"can't read {path}: {error}") from error
    if (
        not isinstance(values, dict)
        or values.get("style") not in ("compact", "full")
        or values.get("answers") not in ("letter", "text")
    ):
        raise ModelError(
            f"{path} must hold a style (compact or full) and answers (letter or text), such as "
            '{"style": "full", "answers": "letter"}'
        )
    names = values.get("names", [])
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise ModelError(f"{path}: names must be a list of object names")
    return Prompting(values["style"], values["answers"], tuple(names))
