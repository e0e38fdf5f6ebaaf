"""One portion of a family in this process: `python -m tests.faults.portion`, for `runner`.

The result is the last line of stdout, as JSON. Whatever the attack raises breaks the promise.
"""

from __future__ import annotations

import json
import random
import sys
import traceback
from dataclasses import asdict
from pathlib import Path

from tests.faults.plan import Attack, load
from tests.faults.tally import Tally


def attempt(attack: Attack, seed: str, count: int, folder: Path) -> Tally:
    """Make the tries; never raises because of them."""
    tally = Tally()
    try:
        attack(tally, random.Random(seed), count, folder)
    except BaseException:
        tally.tries = max(tally.tries, 1)
        tally.breaks(f"the attack itself ended:\n{traceback.format_exc()[-1_200:]}")
    return tally


def main(attack: str, seed: str, count: str, folder: str) -> None:
    """The command."""
    tally = attempt(load(attack), seed, int(count), Path(folder))
    sys.stdout.flush()
    print("\n" + json.dumps(asdict(tally)), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
