"""A clip played twice in a row: the same walk through the same rooms, once more from its start.

Nothing is anywhere else after the second time, there are no more things, and what was seen first
still was. Whoever counts mentions, or takes the latest appearance for the first, is found out.

Out of scope: what is asked about it (`sim_clips.questions`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def played_twice(truth: Mapping[str, Any]) -> dict[str, Any]:
    """The truth of a clip that is played twice. The first frame of the second time is marked with
    ``again``: no step led there, the camera was put back."""
    later_ns, count = lap_ns(truth), len(truth["steps"])
    again = [
        {
            **frame,
            "stamp_ns": frame["stamp_ns"] + later_ns,
            "step": frame["step"] + count if frame["step"] >= 0 else -1,
        }
        for frame in truth["frames"]
    ]
    again[0]["again"] = True
    return {**truth, "steps": [*truth["steps"], *truth["steps"]], "frames": truth["frames"] + again}


def lap_ns(truth: Mapping[str, Any]) -> int:
    """By how much the stamps of the second time are later."""
    first, last = (truth["frames"][i]["stamp_ns"] for i in (0, -1))
    return int(last - first + round(1e9 / truth["fps"]))
