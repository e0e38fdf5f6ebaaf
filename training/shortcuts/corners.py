"""Fit how likely each kind is the middle one of three: ``python -m training.shortcuts.corners``.

Prints the table in `sim_clips.questions.corners`, fitted to development scenes: each of three
objects is the middle one with a probability proportional to its kind's weight (Plackett–Luce model,
fitted with the minorisation–maximisation algorithm of Hunter 2004).

Out of scope: the use of the table (`sim_clips.questions.corners`).
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Annotated

import numpy as np
import typer

from sim_clips.questions import Notes, past_of, true_notes
from sim_clips.questions.objects import draw_three
from sim_clips.scene import WorldName
from sim_clips.splits import DEVELOPMENT
from training.text_worlds import sample_journey

#: Triples drawn per scene, and the first scene; the start of the block has other uses.
PER_SCENE, FIRST = 12, DEVELOPMENT[100_000]
#: Steps of the fit; it has long converged by then.
STEPS = 300

#: The kinds of three objects, the middle one first.
Three = tuple[str, str, str]


def threes(world: WorldName, scenes: int) -> Iterator[Three]:
    """Triples as questions draw them, from ``scenes`` scenes."""
    for seed in range(FIRST, FIRST + scenes):
        rng = np.random.default_rng([seed, 31])
        journey = sample_journey(world, seed, rng)
        past = past_of(journey, Notes(true_notes(journey), world))
        for _ in range(PER_SCENE):
            drawn = draw_three(past, rng)
            if drawn is not None and drawn.front:
                others = sorted(set(drawn.names) - set(drawn.back))
                first, second, third = (name.split()[1] for name in (*drawn.back, *others))
                yield first, second, third


def fitted(drawn: Sequence[Three]) -> dict[str, float]:
    """The weight of each kind for being the middle one, with a geometric mean of 1."""
    middle = Counter(three[0] for three in drawn)
    likely = dict.fromkeys(sorted(middle), 1.0)
    for _ in range(STEPS):
        chances: Counter[str] = Counter()
        for three in drawn:
            total = sum(likely.get(kind, 0.0) for kind in three)
            for kind in three:
                chances[kind] += 1.0 / total  # type: ignore[assignment]
        likely = {kind: middle[kind] / chances[kind] for kind in likely}
        mean = float(np.exp(np.mean(np.log(list(likely.values())))))
        likely = {kind: value / mean for kind, value in likely.items()}
    return likely


def main(
    scenes: Annotated[int, typer.Option(min=10, help="scenes per world")] = 1000,
) -> None:
    """Print the table."""
    table = {
        world: {
            kind: round(value, 2) for kind, value in fitted(list(threes(world, scenes))).items()
        }
        for world in ("house", "city", "warehouse")
    }
    print(json.dumps(table, indent=1))


app = typer.Typer(add_completion=False)
app.command()(main)

if __name__ == "__main__":
    app()
