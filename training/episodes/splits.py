"""Assign scenes to splits by a hash of their names, so that no scene is in two splits.

The hash does not depend on the rest of the data set: adding recordings moves no scene.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from dataclasses import dataclass
from typing import get_args

from sim_clips.scene import WorldName
from sim_clips.splits import TRAINED_WORLDS, is_held_out
from training.episodes.rows import DatasetError

#: In the order of `Shares`; ``ood`` contains domains that are excluded from training.
SPLITS = ("train", "validation", "test", "ood")


@dataclass(frozen=True, slots=True)
class Shares:
    """Percentages of scenes for train, validation and test; the defaults are the published ones."""

    train: float = 75.0
    validation: float = 5.0
    test: float = 20.0

    @classmethod
    def parse(cls, text: str) -> Shares:
        """Parse shares such as ``"75/5/20"``.

        Raises:
            DatasetError: the text is not three non-negative numbers that add up to 100.
        """
        try:
            shares = cls(*(float(part) for part in text.split("/")))
        except (TypeError, ValueError) as error:
            raise DatasetError(f"--split needs three numbers like 75/5/20, not {text!r}") from error
        parts = (shares.train, shares.validation, shares.test)
        if not (min(parts) >= 0 and abs(sum(parts) - 100) < 1e-6):
            raise DatasetError(
                f"--split needs three non-negative shares that add up to 100, not {text!r}"
            )
        return shares


DEFAULT_SHARES = Shares()


def split_of(scene: str, shares: Shares, domain: str = "", ood: Collection[str] = ()) -> str:
    """The split of ``scene``, one of `SPLITS`. All scenes of the domains in ``ood`` go there, and
    held-out simulated scenes (`sim_clips.splits`) never go to train or validation."""
    if domain and domain in ood:
        return "ood"
    if domain in get_args(WorldName) and is_held_out(scene):
        return "test" if domain in TRAINED_WORLDS else "ood"
    digest = hashlib.sha256(scene.encode()).digest()
    place = 100 * int.from_bytes(digest[:8], "big") / 2**64
    if place < shares.train:
        return "train"
    return "validation" if place < shares.train + shares.validation else "test"
