"""Records as JSON text and back, as the memory file keeps them.

JSON keeps the file readable with any SQLite shell. Decoding trusts the file: it was checked to be
ours when it was opened. Not here: pictures, which are stored as they are.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

from embodied_agent.records import (
    Action,
    Answer,
    Delta,
    Egomotion,
    Evidence,
    Mention,
    Pose,
    Question,
)


def _dump(values: dict[str, Any]) -> str:
    return storable(json.dumps(values, ensure_ascii=False, separators=(",", ":")))


def storable(text: str) -> str:
    """``text`` as SQLite can keep it: a served model may send half a surrogate pair."""
    return text.encode("utf-8", "replace").decode("utf-8")


def _action(value: str | None) -> Action | None:
    return None if value is None else Action(value)


def egomotion_to_json(egomotion: Egomotion | None) -> str | None:
    """JSON of ``egomotion``, ``None`` for none."""
    return None if egomotion is None else _dump(asdict(egomotion))


def egomotion_from_json(text: str | None) -> Egomotion | None:
    """The inverse of `egomotion_to_json`."""
    if text is None:
        return None
    values = json.loads(text)
    x, y, z = values.pop("translation")
    return Egomotion(action=_action(values.pop("action")), translation=(x, y, z), **values)


def pose_to_json(pose: Pose | None) -> str | None:
    """JSON of ``pose``, ``None`` for none."""
    return None if pose is None else _dump(asdict(pose))


def pose_from_json(text: str | None) -> Pose | None:
    """The inverse of `pose_to_json`."""
    return None if text is None else _pose(json.loads(text))


def _pose(values: dict[str, Any]) -> Pose:
    x, y, z = values["position_m"]
    qx, qy, qz, qw = values["orientation_xyzw"]
    return Pose((x, y, z), (qx, qy, qz, qw), values["frame_id"])


def delta_to_json(delta: Delta) -> str:
    """JSON of ``delta``."""
    return _dump(asdict(delta))


def delta_from_json(text: str) -> Delta:
    """The inverse of `delta_to_json`."""
    values = json.loads(text)
    mentions = tuple(Mention(**mention) for mention in values.pop("mentions"))
    return Delta(action=_action(values.pop("action")), mentions=mentions, **values)


def question_to_json(question: Question) -> str:
    """JSON of ``question``."""
    return _dump(asdict(question))


def question_from_json(text: str) -> Question:
    """The inverse of `question_to_json`."""
    values = json.loads(text)
    return Question(choices=tuple(values.pop("choices")), **values)


def answer_to_json(answer: Answer) -> str:
    """JSON of ``answer``."""
    return _dump(answer.as_dict())


def answer_from_json(text: str) -> Answer:
    """The inverse of `answer_to_json`."""
    values = json.loads(text)
    # Memories written before there was a status hold answers and failures.
    values.setdefault("status", "failed" if values["problem"] else "answered")
    evidence = tuple(
        Evidence(
            keyframe_id=item["keyframe_id"],
            stamp_ns=item["stamp_ns"],
            note=item["note"],
            pose=None if item["pose"] is None else _pose(item["pose"]),
        )
        for item in values.pop("evidence")
    )
    return Answer(evidence=evidence, **values)
