"""What is known about a source before it is read: the sentences and figures of every command.

A source has an `Examination`; `embodied-agent inspect` prints it, and `replay`, `run` and the ROS
node use its sentences.

Out of scope: how a kind of source is examined (bags/survey.py, video.py, folder.py, lerobot/).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass
class TopicFacts:
    """One topic, camera or file of a source.

    Attributes:
        name: of the topic, the camera key or the file.
        type: of its messages, or the kind of file.
        encoding: of the pictures (rgb8, jpeg, h264), else of the messages (cdr, json).
        size: ``WIDTHxHEIGHT`` of pictures; empty where it is not known.
        count: messages; ``None`` where nobody can know.
        rate_hz: messages per second over the whole recording.
        gaps: how many times no message came for three usual intervals, as far as was looked.
        longest_gap_s: the longest of them.
        clock: which clock its stamps are in, in words; empty where it has none.
        offset_s: stamp minus time of receipt, typically.
        frame_ids: frames that its messages name.
        used: whether frames or poses come from it.
        why: why it is used or not, in one line.
    """

    name: str
    type: str = ""
    encoding: str = ""
    size: str = ""
    count: int | None = None
    rate_hz: float | None = None
    gaps: int = 0
    longest_gap_s: float | None = None
    clock: str = ""
    offset_s: float | None = None
    frame_ids: list[str] = field(default_factory=list)
    used: bool = False
    why: str = ""

    def as_dict(self) -> dict[str, Any]:
        """The facts as JSON-ready values."""
        from dataclasses import asdict

        values = asdict(self)
        for name in ("rate_hz", "longest_gap_s", "offset_s"):
            if values[name] is not None:
                values[name] = round(values[name], 6)
        return values


@dataclass
class Examination:
    """What a source is, which part of it is read, and what stands against it.

    Attributes:
        kind: ``bag``, ``video``, ``folder``, ``lerobot``, ``camera`` or ``stream``.
        chosen: the topic, camera key or file that frames come from; empty where there is none.
        why: in one sentence, why that one, or why the source can't be used.
        poses_from: the topic or table that poses come from; empty: there are none.
        depth_from: the topics or the folder that depth pictures come from; empty: there are none.
        clock_offset_s: how far the pictures' stamps are ahead of the poses' (of the time of
            receipt where there are no poses); ``None`` where that can't be told.
        remarks: what a person should know, one line each.
    """

    kind: str
    chosen: str = ""
    why: str = ""
    poses_from: str = ""
    depth_from: str = ""
    clock_offset_s: float | None = None
    frames: int | None = None
    duration_s: float | None = None
    camera: dict[str, Any] = field(default_factory=dict)
    topics: list[TopicFacts] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
