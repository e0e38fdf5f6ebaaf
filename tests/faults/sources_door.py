"""Damaged copies of every kind of recording, as `tests.sources.mutations` makes them."""

from __future__ import annotations

import contextlib
import io
import random
from pathlib import Path

from tests.faults.tally import Tally
from tests.sources.mutations import FORMATS, run_format

#: Formats of one portion.
_FORMATS = 2


def files(tally: Tally, draw: random.Random, count: int, folder: Path) -> None:
    """Copies of two formats; a crash of the reader ends the portion, which breaks the promise."""
    for name in draw.sample(sorted(FORMATS), _FORMATS):
        copies = count // _FORMATS
        seed = draw.randrange(1_000_000)
        with tally.attempt(f"{name}, seed {seed}", copies):
            told = io.StringIO()
            with contextlib.redirect_stdout(told):
                code = run_format(name, copies, seed, folder)
            assert code == 0, told.getvalue()
