"""What `make mutants` is told: the modules, their tests, and the survivors with their reasons."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
HERE = Path(__file__).parent
#: The figures of the last run of each module, with the checksum of its code.
FIGURES = HERE / "figures.json"


@dataclass(frozen=True)
class Module:
    """A module to change, ``source``, and the ``tests`` that must notice; paths from the root.

    ``processes`` mutants are tested at the same time: several where the tests mostly wait.
    """

    name: str
    source: str
    tests: tuple[str, ...]
    processes: int = 1

    def code(self, root: Path = ROOT) -> str:
        """A checksum of its lines, without comments and empty lines: its figures are of these."""
        lines = map(str.strip, (root / self.source).read_text("utf-8").splitlines())
        text = "\n".join(line for line in lines if line and not line.startswith("#"))
        return hashlib.sha256(text.encode()).hexdigest()[:16]


@dataclass(frozen=True, order=True)
class Change:
    """One mutant: the lines of a function as they ``was``, and what it ``becomes``."""

    function: str
    was: str
    becomes: str


@dataclass(frozen=True)
class Config:
    """``modules.yaml``."""

    modules: dict[str, Module]
    wording: tuple[str, ...]
    constant_s: float
    factor: float
    least_killed: float


def read_config(path: Path = HERE / "modules.yaml") -> Config:
    values = yaml.safe_load(path.read_text("utf-8"))
    return Config(
        {
            name: Module(name, entry["source"], tuple(entry["tests"]), entry.get("processes", 1))
            for name, entry in values["modules"].items()
        },
        tuple(values["wording"]),
        values["time_out"]["constant_s"],
        values["time_out"]["factor"],
        values["least_killed"],
    )


def read_survivors(path: Path = HERE / "survivors.yaml") -> dict[str, dict[Change, str]]:
    """The known survivors of each module, with the reason why no test need kill them.

    Raises:
        ValueError: an entry lacks its reason, or stands there twice.
    """
    known: dict[str, dict[Change, str]] = {}
    for name, entries in (yaml.safe_load(path.read_text("utf-8")) or {}).items():
        reasons = known.setdefault(name, {})
        for entry in entries:
            change = Change(entry["in"], _lines(entry["was"]), _lines(entry["becomes"]))
            if change in reasons:
                raise ValueError(f"{path.name}: {name}: listed twice: {change}")
            reason = str(entry.get("reason") or "").strip()
            if not reason:
                raise ValueError(f"{path.name}: {name}: no reason for {change}")
            reasons[change] = reason
    return known


def as_entry(change: Change) -> str:
    """A survivor as it is to be written into ``survivors.yaml``, where its reason is missing."""
    entry: list[dict[str, Any]] = [
        {"in": change.function, "was": change.was, "becomes": change.becomes, "reason": ""}
    ]
    text: str = yaml.safe_dump(entry, sort_keys=False, allow_unicode=True, width=1000)
    return text


def _lines(text: object) -> str:
    return "\n".join(line.strip() for line in str(text or "").strip().splitlines())
