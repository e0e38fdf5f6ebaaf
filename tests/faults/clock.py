"""Clocks that jump, stand still, run backwards or are absurd, while an agent watches."""

from __future__ import annotations

import random
from itertools import pairwise
from pathlib import Path

from embodied_agent.agent import Agent
from embodied_agent.errors import FrameError
from embodied_agent.records import Frame
from tests.faults.tally import Tally
from tests.support.seeing import Seeing, quick_settings
from tests.support.views import panorama_views

#: Nanoseconds between frames, a second and a day.
_STEP, _SECOND, _DAY = 100_000_000, 10**9, 86_400 * 10**9
#: By how much a clock may be wrong for good.
_JUMPS = (-_DAY, -3 * _SECOND, _DAY, 400 * _DAY, -2 * _SECOND, 3_700 * _SECOND, 1)
#: Stamps that no frame should have; the last ones don't fit into 64 bits.
_ABSURD = (0, -1, 2**62, -(2**62), 2**63 - 1, -(2**63), 2**63, 2**80, -(2**80))


def jumps(tally: Tally, draw: random.Random, count: int, folder: Path) -> None:
    """Sequences of frames whose stamps go wrong in several ways."""
    del folder
    views = panorama_views(36, width=96)
    for number in range(count):
        stamps = _stamps(draw, len(views))
        with tally.attempt(f"sequence {number}: {stamps}"):
            _watch(views, stamps, live=number % 2 == 0)


def _stamps(draw: random.Random, count: int) -> list[int]:
    stamps: list[int] = []
    now = draw.choice((0, _DAY, 20_000 * _DAY))
    wrong = draw.sample(range(3, count), draw.randrange(1, 6))
    for number in range(count):
        now += _STEP
        stamps.append(now)
        if number not in wrong:
            continue
        kind = draw.randrange(5)
        if kind == 0:
            now += draw.choice(_JUMPS)
        elif kind == 1:
            stamps[-1] = draw.choice(_ABSURD)
        elif kind == 2:
            stamps[-1] = now + draw.choice(_JUMPS)
        elif kind == 3:
            stamps[-1] = stamps[-2]
        else:
            stamps[-1] = now - draw.randrange(_SECOND)
    return stamps


def _watch(views: list[object], stamps: list[int], *, live: bool) -> None:
    refused = 0
    with Agent(quick_settings(), perceiver=Seeing("red sofa")) as agent:
        if live:
            agent.begin_live()
        else:
            agent.begin_replay("walk")
        for index, (stamp_ns, view) in enumerate(zip(stamps, views, strict=True)):
            try:
                agent.observe(Frame(stamp_ns, image=view, index=index))  # type: ignore[arg-type]
            except FrameError:
                refused += 1
        agent.finish()
        assert agent.drain(60)
        status = agent.status()
        left_out = status.frames_out_of_line + status.frames_late + refused
        assert status.frames + left_out == len(stamps), (status.frames, left_out)
        assert not status.store_problem, status.store_problem
        keyframes = agent.store.keyframes()
        assert keyframes, "nothing was kept"
        for before, after in pairwise(keyframes):
            assert after.segment >= before.segment, (before, after)
            assert after.segment > before.segment or after.stamp_ns >= before.stamp_ns, (
                before,
                after,
            )
        answer = agent.ask("Did you see a red sofa?")
        assert answer.status == "answered", answer
