"""A clip played twice in a row: the same walk through the same rooms, repeated from the start.

After the second lap every object is still where it was, there are no additional objects, and what
was seen first is unchanged. An agent that counts mentions, or takes the latest appearance for the
first, gives itself away.

Out of scope: the questions about it (`sim_clips.questions`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def played_twice(truth: Mapping[str, Any]) -> dict[str, Any]:
    """The truth of a clip played twice in a row. The first frame of the second lap is marked with
    ``again``: no step led there, the camera jumped back to the start."""
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
    """Offset from the stamps of the first lap to those of the second, in nanoseconds."""
    first, last = (truth["frames"][i]["stamp_ns"] for i in (0, -1))
    return int(last - first + round(1e9 / truth["fps"]))
