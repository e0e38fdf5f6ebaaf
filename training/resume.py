"""Save and load the state of our own training loops, so that repeating a command resumes it.

Out of scope: checkpoints of trl's trainers (`training.checkpointing`, `training.run_folder`).
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch


def save_state(path: Path, parts: Mapping[str, Any], **numbers: float) -> None:
    """Write each part's ``state_dict`` and the numbers to ``path``, atomically."""
    part = path.with_suffix(".part")
    torch.save({name: one.state_dict() for name, one in parts.items()} | numbers, part)
    part.replace(path)


def load_state(path: Path, parts: Mapping[str, Any]) -> dict[str, Any]:
    """Load the parts' states from ``path``; returns the numbers, empty if there is no such file."""
    if not path.exists():
        return {}
    state = torch.load(path, weights_only=True)
    for name, one in parts.items():
        one.load_state_dict(state.pop(name))
    return dict(state)
