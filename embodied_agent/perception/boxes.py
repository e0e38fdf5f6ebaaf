"""The boxes of a general vision-language model: which models give them, their units, and what to
refuse.

Models that were trained to ground objects write boxes as four numbers: left, top, right, bottom.
Their units differ: Qwen2.5-VL uses pixels of the picture as the model resized it, Qwen3-VL
thousandths of width and height, others fractions. A box in the wrong units looks like a valid one.
So all boxes of a reply are refused if its numbers contradict the expected units, and a model whose
replies keep contradicting them is no longer asked for boxes.

Out of scope: asking for boxes (`prompts`), finding them in a reply (`replies`), angles
(`measuring`).
"""

from __future__ import annotations

import re
import threading
from collections.abc import Sequence
from typing import Literal

from embodied_agent.perception.measuring import repeated, usable_box
from embodied_agent.records import Box

Convention = Literal["pixels", "thousandths", "fractions"]
#: Four numbers as a model wrote them.
RawBox = tuple[float, float, float, float]

#: How models count, by their names; the first pattern that matches counts.
_KNOWN: tuple[tuple[str, Convention], ...] = (
    (r"qwen[-_. ]?3(\.\d)?[-_. ]?vl", "thousandths"),
    (r"qwen[-_. ]?2[._]?5[-_. ]?vl", "pixels"),
    (r"qwen[-_. ]?2[-_. ]?vl", "thousandths"),
    (r"internvl", "thousandths"),
    (r"glm-4\.\dv", "thousandths"),
    (r"mimo-vl", "pixels"),
    (r"cosmos-reason2", "thousandths"),
    (r"cosmos-reason1", "pixels"),
)
#: Qwen2.5-VL resizes pictures to multiples of this, in pixels.
_QWEN25_STEP = 28
#: Numbers may exceed the picture by this share of its size.
_SLACK = 0.02
#: So many replies that contradict the convention, and not twice as many that fit it: no more boxes
#: are believed.
_MOST_CONTRADICTIONS = 3


def convention_of(model: str) -> Convention | None:
    """How a model counts, by its name on the server; ``None`` if it is not known to give boxes."""
    name = model.lower()
    return next((kind for pattern, kind in _KNOWN if re.search(pattern, name)), None)


def seen_size(width: int, height: int) -> tuple[int, int]:
    """The size at which a model that counts pixels sees a picture of this size."""
    return _rounded(width), _rounded(height)


def _rounded(side: int) -> int:
    return max(_QWEN25_STEP, round(side / _QWEN25_STEP) * _QWEN25_STEP)


def contradiction(raw: Sequence[RawBox], convention: Convention, size: tuple[int, int]) -> str:
    """Why boxes can't be counted by ``convention``, in words; empty if they can.

    Args:
        raw: all boxes of one reply.
        convention: the expected one.
        size: width and height of the picture as the model sees it, in pixels.
    """
    if not raw:
        return ""
    width, height = _units(convention, size)
    right = max(max(box[0], box[2]) for box in raw)
    bottom = max(max(box[1], box[3]) for box in raw)
    if right > width * (1 + _SLACK) or bottom > height * (1 + _SLACK):
        return f"({right:g}, {bottom:g}) lies beyond {width:g} by {height:g} {convention}"
    if convention != "fractions" and max(right, bottom) <= 1:
        return f"no number is above 1, as if they were fractions, not {convention}"
    return ""


def read_box(raw: RawBox, convention: Convention, size: tuple[int, int]) -> Box | None:
    """A box in fractions of the picture; ``None`` if it is empty or outside."""
    width, height = _units(convention, size)
    left, top, right, bottom = raw
    return usable_box(Box(left / width, top / height, right / width, bottom / height))


def _units(convention: Convention, size: tuple[int, int]) -> tuple[float, float]:
    if convention == "pixels":
        return float(size[0]), float(size[1])
    return (1000.0, 1000.0) if convention == "thousandths" else (1.0, 1.0)


class BoxReader:
    """Reads the boxes of one model's replies, and counts those that it refuses. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._fitting = self._contradicting = 0
        #: Boxes that were not used.
        self.refused = 0
        #: Why boxes are no longer believed, or the latest contradiction; empty if there was none.
        self.problem = ""

    @property
    def believed(self) -> bool:
        """Whether the model's boxes still count."""
        with self._lock:
            return not self._lost()

    def read(
        self, raw: Sequence[RawBox | None], convention: Convention, size: tuple[int, int]
    ) -> list[Box | None]:
        """The boxes of one reply, in order; ``None`` where there is none that can be used.

        Args:
            raw: as the reply has them, one for each object.
            convention: the expected one.
            size: width and height of the picture as it was sent, in pixels.
        """
        given = [box for box in raw if box is not None]
        if convention == "pixels":
            size = seen_size(*size)
        problem = contradiction(given, convention, size)
        boxes = [None if box is None or problem else read_box(box, convention, size) for box in raw]
        wrong = repeated(boxes)
        boxes = [None if box in wrong else box for box in boxes]
        with self._lock:
            self._contradicting += bool(problem)
            self._fitting += bool(given) and not problem
            if problem:
                self.problem = f"boxes of {convention} were expected, but {problem}"
            if self._lost():
                boxes = [None] * len(raw)
            self.refused += len(given) - sum(box is not None for box in boxes)
        return boxes

    def refuse_one(self) -> None:
        """A box was left out for a reason of the caller's."""
        with self._lock:
            self.refused += 1

    def _lost(self) -> bool:
        return (
            self._contradicting >= _MOST_CONTRADICTIONS and self._fitting < 2 * self._contradicting
        )
