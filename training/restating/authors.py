"""Phrasings of questions by several authors, who knew neither the rules nor each other's.

Each file in ``training/`` and ``development/`` is one author's. They wrote from a list of what each
form asks for, in a voice of their own: an engineer at a terminal, a talkative old lady, a foreman,
a drone pilot, and so on. Nothing is trained on those in ``development/``, which serve to choose
between models and settings.

Out of scope: the forms' replies, filling the slots (`bank`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml

_HERE = Path(__file__).parent
TRAINING, DEVELOPMENT = _HERE / "training", _HERE / "development"


@dataclass(frozen=True, slots=True)
class Phrasing:
    """A text with slots, such as ``Any sign of {a_name}?``, and the form that it has."""

    form: str
    text: str


def written_in(folder: Path) -> list[Phrasing]:
    """All phrasings in the YAML files of a folder, which map forms to lists of texts."""
    found = []
    for path in sorted(folder.glob("*.yaml")):
        content: Mapping[str, Sequence[str]] = yaml.safe_load(path.read_text(encoding="utf-8"))
        found += [Phrasing(form, text) for form, texts in content.items() for text in texts]
    return found
