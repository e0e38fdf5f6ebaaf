"""Counts what a batch of faults tried, and which promises it found broken.

Out of scope: what is tried (the families), and keeping the result (`journal`).
"""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

#: Broken promises that one batch describes; further ones are counted only.
_MOST_DESCRIBED = 5
_MOST_CHARACTERS, _TRACE = 2_000, 600


@dataclass
class Tally:
    """The result of a batch.

    ``tries`` counts faults or inputs, ``broken`` those after which a promise did not hold, and
    ``descriptions`` says what happened in the first of them.
    """

    tries: int = 0
    broken: int = 0
    descriptions: list[str] = field(default_factory=list)

    def breaks(self, description: str) -> None:
        """A promise is broken."""
        self.broken += 1
        if len(self.descriptions) < _MOST_DESCRIBED:
            self.descriptions.append(description[:_MOST_CHARACTERS])

    @contextmanager
    def attempt(self, name: str, tries: int = 1) -> Iterator[None]:
        """Whatever is raised within the block breaks the promise; ``name`` says how to repeat it.

        ``tries`` is how many faults the block stands for.
        """
        self.tries += tries
        try:
            yield
        except Exception as error:
            where = "".join(traceback.format_exception(error)[-4:])
            self.breaks(f"{name[:600]}: {repr(error)[:700]}\n{where[-_TRACE:]}")
