"""Looks again at the most promising stored keyframes, with the question in mind.

These are the keyframes whose entries mention what the question names (text), the latest ones
(time), and those taken near the camera's current position (place). The scores of the three lists
are added up. All looks share one time budget; findings that arrive later are left out.

Out of scope: the look itself (`embodied_agent.perception.look`), how findings are put to the
reasoner (`embodied_agent.reasoning.prompts`).
"""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as NotInTime
from dataclasses import dataclass

from embodied_agent.errors import DecodeError, ModelError
from embodied_agent.memory.query import Reader
from embodied_agent.perception.look import Looker
from embodied_agent.records import Question
from embodied_agent.settings import SecondLookSettings

#: The weight of each list's first keyframe; the second counts half of it, the third a third.
_TEXT, _TIME, _PLACE = 1.0, 0.6, 0.4
#: Keyframes this close to the camera's present position count as the same place, in metres.
_PLACE_M = 3.0
#: Most keyframes per list.
_LISTED = 32


@dataclass(frozen=True, slots=True)
class Findings:
    """What a second look brought: keyframe ids with their findings, in keyframe order, and the
    ``model`` that made them. ``problem`` says what went wrong, if anything did; the findings of
    other keyframes are there all the same."""

    said: tuple[tuple[int, str], ...] = ()
    model: str = ""
    problem: str = ""


def worth_looking(
    memory: Reader,
    question: Question,
    recalled_ids: Sequence[int],
    *,
    segment: int,
    last_id: int,
    count: int,
) -> list[int]:
    """Ids of the keyframes that are worth a look, the best first.

    Args:
        memory: the store.
        question: its text and choices are searched for.
        recalled_ids: keyframes from recall by name, oldest first.
        segment: only keyframes of this segment count.
        last_id: the last keyframe that counts, which is the present.
        count: most keyframes.
    """
    scores: dict[int, float] = defaultdict(float)

    def add(ids: Sequence[int], weight: float) -> None:
        for rank, number in enumerate(dict.fromkeys(ids)):
            scores[number] += weight / (rank + 1)

    words = " ".join((question.text, *question.choices))
    hits = [hit.keyframe for hit in memory.search(text=words, limit=_LISTED)]
    here = [k.id for k in hits if k.segment == segment and k.id <= last_id]
    add([*reversed(recalled_ids), *here], _TEXT)
    since = max(0, last_id - _LISTED)
    latest = [k for k in memory.keyframes(since=since, segment=segment) if k.id <= last_id]
    add([k.id for k in reversed(latest)], _TIME)
    pose = latest[-1].pose if latest else None
    if pose is not None:
        near = memory.search(near_m=pose.position_m, radius_m=_PLACE_M, limit=_LISTED)
        places = [hit.keyframe for hit in near]
        # The present keyframe itself is always nearest.
        add([k.id for k in places if k.segment == segment and k.id < latest[-1].id], _PLACE)
    return sorted(scores, key=lambda number: (-scores[number], -number))[:count]


class SecondLook:
    """Looks at one memory's keyframes. Safe to call from several threads.

    Args:
        memory: the store.
        settings: how many keyframes, and for how long.
        make: makes the looker when it is first needed.
    """

    def __init__(
        self, memory: Reader, settings: SecondLookSettings, make: Callable[[], Looker]
    ) -> None:
        self._memory = memory
        self._settings = settings
        self._make = make
        self._lock = threading.Lock()
        self._looker: Looker | None = None

    def find(
        self,
        question: Question,
        recalled_ids: Sequence[int],
        *,
        segment: int,
        last_id: int,
        deadline: float,
    ) -> Findings:
        """Look at the best keyframes, until ``deadline`` (`time.monotonic`) and within the budget.

        Raises:
            StoreError: the memory can't be read.
        """
        deadline = min(deadline, time.monotonic() + self._settings.budget_s)
        try:
            with self._lock:
                self._looker = looker = self._looker or self._make()
        except ModelError as error:
            return Findings(problem=f"no second look: {error}")
        numbers = worth_looking(
            self._memory,
            question,
            recalled_ids,
            segment=segment,
            last_id=last_id,
            count=self._settings.keyframes,
        )
        texts, problem = self._findings(looker, question, numbers, deadline)
        findings = tuple((number, text) for number, text in sorted(texts.items()) if text)
        return Findings(findings, looker.name, f"second look: {problem}" if problem else "")

    def close(self) -> None:
        """Release the looker. Safe to call twice."""
        if self._looker is not None:
            self._looker.close()

    def _findings(
        self, looker: Looker, question: Question, numbers: Sequence[int], deadline: float
    ) -> tuple[dict[int, str], str]:
        """The findings by the deadline, by keyframe id, and the last problem."""
        findings: dict[int, str] = {}
        problem = ""
        pool = ThreadPoolExecutor(max(1, min(looker.parallel, len(numbers))), "second-look")
        waiting: dict[int, Future[str]] = {
            number: pool.submit(self._look, looker, number, question, deadline)
            for number in numbers
        }
        for number, future in waiting.items():
            try:
                findings[number] = future.result(max(0.0, deadline - time.monotonic()))
            except NotInTime:
                problem = f"not every keyframe was looked at within {self._settings.budget_s:g} s"
            except (ModelError, DecodeError) as error:
                problem = str(error)
        # Looks that still run end by their own time-out, and their findings are left out.
        pool.shutdown(wait=False, cancel_futures=True)
        return findings, problem

    def _look(self, looker: Looker, number: int, question: Question, deadline: float) -> str:
        left = deadline - time.monotonic()
        if left <= 0:
            raise NotInTime
        keyframe = self._memory.keyframe(number)
        if keyframe is None or not keyframe.jpeg:
            return ""  # retention dropped its picture
        return looker.look(keyframe, question, left)
