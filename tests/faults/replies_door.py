"""Replies of a vision-language model that are damaged, hostile, or endless."""

from __future__ import annotations

import json
import random
import signal
from pathlib import Path

from embodied_agent.errors import ReplyError
from embodied_agent.perception.replies import parse_full
from tests.faults.tally import Tally
from tests.support.injections import INJECTIONS
from tests.support.replies import BOMBS, GOOD, check_vocabulary

_SIGNS = "{}[]\"'`:,<>&*!|%@#\\\n\t 0aé\ud800\x00-~?\u202e"
#: Longest time for one reply, in seconds.
_LONGEST_S = 10


def replies(tally: Tally, draw: random.Random, count: int, folder: Path) -> None:
    """Replies are read or refused; what is read is in the vocabulary."""
    del folder
    seeds = (GOOD, repr(json.loads(GOOD)), *BOMBS.values(), *INJECTIONS)
    signal.signal(signal.SIGALRM, _on_alarm)
    for number in range(count):
        text = list(draw.choice(seeds))
        if draw.random() < 0.7:
            text = text[:600]
        for _ in range(draw.randrange(12)):
            at = draw.randrange(len(text) + 1)
            if draw.random() < 0.5:
                text[at:at] = draw.choice(_SIGNS) * draw.choice((1, 1, 1, 3_000))
            else:
                del text[at : at + draw.randrange(1, 6)]
        reply = "".join(text)
        if draw.random() < 0.2:
            reply = draw.choice((f"```json\n{reply}\n```", f"{reply}\n{GOOD}", f"{GOOD}{reply}"))
        with tally.attempt(f"reply {number}: {reply[:300]!r}"):
            signal.alarm(_LONGEST_S)
            try:
                check_vocabulary(parse_full(reply))
            except ReplyError:
                continue
            finally:
                signal.alarm(0)


def _on_alarm(*_: object) -> None:
    raise TimeoutError(f"it took more than {_LONGEST_S} s")
