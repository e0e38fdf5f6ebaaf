"""Writes keyframes, deltas and questions as a LeRobot data set, version 3.0.

One episode per segment of the memory. Keyframes don't come at a constant rate, which LeRobot's
``timestamp`` must have: it counts frames, and ``stamp_ns`` holds the true stamps. The pictures are
the stored JPEG files, byte for byte; a missing pose is written as NaN.

Reading one back: `embodied_agent.sources.lerobot.source`.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from embodied_agent.errors import SourceError
from embodied_agent.records import Keyframe
from embodied_agent.sources.lerobot.source import POSE_NAMES, STATE
from embodied_agent.support.extras import missing_package

CAMERA = "observation.images.camera"
#: What the robot was doing, for LeRobot, which needs a task for every frame.
TASK = "explore"
#: Where questions and answers lie; LeRobot itself does not read it.
QUESTIONS = Path("meta/questions.jsonl")
_DATA = Path("data/chunk-000/file-000.parquet")
_EPISODES = Path("meta/episodes/chunk-000/file-000.parquet")
_FPS = 1
#: Keyframes that are in memory at once.
_BATCH = 64


@dataclass(frozen=True)
class Noted:
    """A keyframe with its picture, and its delta as JSON-ready values."""

    keyframe: Keyframe
    delta: dict[str, Any] | None


def export_lerobot(
    root: Path, noted: Iterable[Noted], questions: Iterable[dict[str, Any]]
) -> tuple[int, int]:
    """Write a data set into the new folder ``root``; how many episodes and frames it has.

    Args:
        root: must not exist, or be an empty folder.
        noted: in the order of the memory; only a few are held at a time.
        questions: with their answers, as JSON-ready values.

    Raises:
        SourceError: there are no keyframes, pyarrow is missing, or the folder can't be written.
    """
    try:
        import pyarrow
        import pyarrow.parquet as parquet
    except ModuleNotFoundError as error:
        raise SourceError(missing_package("a LeRobot data set", "lerobot", error)) from error
    schema = _schema(pyarrow)
    rows = _Rows()
    try:
        if root.exists() and (not root.is_dir() or any(root.iterdir())):
            raise SourceError(f"{root} is there already and not an empty folder: name a new one")
        for path in (_DATA, _EPISODES):
            (root / path).parent.mkdir(parents=True, exist_ok=True)
        remaining = iter(noted)
        with parquet.ParquetWriter(root / _DATA, schema) as writer:
            while batch := [rows.add(item) for item in islice(remaining, _BATCH)]:
                writer.write_table(pyarrow.Table.from_pylist(batch, schema))
        if rows.size is None:
            raise SourceError("the memory holds no keyframes, so there is nothing to export")
        parquet.write_table(pyarrow.Table.from_pylist(rows.episodes), root / _EPISODES)
        parquet.write_table(_tasks(pyarrow), root / "meta" / "tasks.parquet")
        info = json.dumps(_info(rows.count, len(rows.episodes), rows.size), indent=2)
        (root / "meta" / "info.json").write_text(info, encoding="utf-8")
        with (root / QUESTIONS).open("w", encoding="utf-8") as file:
            for question in questions:
                file.write(json.dumps(question, ensure_ascii=False) + "\n")
    except OSError as error:
        raise SourceError(f"can't write {root}: {error}") from error
    return len(rows.episodes), rows.count


class _Rows:
    """Counts frames and episodes while keyframes become rows."""

    def __init__(self) -> None:
        self.count = 0
        self.episodes: list[dict[str, Any]] = []
        self.size: tuple[int, int] | None = None
        self._segment: int | None = None

    def add(self, item: Noted) -> dict[str, Any]:
        """The row of a keyframe."""
        keyframe = item.keyframe
        self.size = self.size or (keyframe.height, keyframe.width)
        if keyframe.segment != self._segment:
            self._segment = keyframe.segment
            self.episodes.append(_episode(len(self.episodes), self.count))
        entry = self.episodes[-1]
        frame = entry["length"]
        entry["length"] += 1
        entry["dataset_to_index"] = self.count + 1
        pose = keyframe.pose
        row = {
            CAMERA: {"bytes": keyframe.jpeg, "path": f"keyframe_{keyframe.id:06d}.jpg"},
            STATE: [math.nan] * 7 if pose is None else [*pose.position_m, *pose.orientation_xyzw],
            "stamp_ns": keyframe.stamp_ns,
            "keyframe_id": keyframe.id,
            "reason": keyframe.reason,
            "delta": json.dumps(item.delta, ensure_ascii=False),
            "timestamp": frame / _FPS,
            "frame_index": frame,
            "episode_index": entry["episode_index"],
            "index": self.count,
            "task_index": 0,
        }
        self.count += 1
        return row


def _episode(number: int, start: int) -> dict[str, Any]:
    return {
        "episode_index": number,
        "tasks": [TASK],
        "length": 0,
        "dataset_from_index": start,
        "dataset_to_index": start,
        "data/chunk_index": 0,
        "data/file_index": 0,
        "meta/episodes/chunk_index": 0,
        "meta/episodes/file_index": 0,
    }


def _schema(pyarrow: Any) -> Any:
    picture = pyarrow.struct([("bytes", pyarrow.binary()), ("path", pyarrow.string())])
    return pyarrow.schema(
        [
            (CAMERA, picture),
            # Positions far from the origin need more digits than 32 bits have.
            (STATE, pyarrow.list_(pyarrow.float64(), 7)),
            ("stamp_ns", pyarrow.int64()),
            ("keyframe_id", pyarrow.int64()),
            ("reason", pyarrow.string()),
            ("delta", pyarrow.string()),
            ("timestamp", pyarrow.float32()),
            ("frame_index", pyarrow.int64()),
            ("episode_index", pyarrow.int64()),
            ("index", pyarrow.int64()),
            ("task_index", pyarrow.int64()),
        ]
    )


def _tasks(pyarrow: Any) -> Any:
    """The table of tasks, whose index pandas restores from the metadata."""
    table = pyarrow.table({"task_index": [0], "task": [TASK]})
    columns = [
        {"name": "task_index", "field_name": "task_index", "pandas_type": "int64"},
        {"name": "task", "field_name": "task", "pandas_type": "unicode"},
    ]
    for column, kind in zip(columns, ("int64", "object"), strict=True):
        column |= {"numpy_type": kind, "metadata": None}  # type: ignore[dict-item]
    described = {
        "index_columns": ["task"],
        "column_indexes": [],
        "columns": columns,
        "pandas_version": "2.0.0",
    }
    return table.replace_schema_metadata({b"pandas": json.dumps(described).encode()})


def _info(frames: int, episodes: int, size: tuple[int, int]) -> dict[str, Any]:
    def feature(dtype: str, length: int = 1, names: list[str] | None = None) -> dict[str, Any]:
        return {"dtype": dtype, "shape": [length], "names": names}

    return {
        "codebase_version": "v3.0",
        "robot_type": "embodied_agent",
        "total_episodes": episodes,
        "total_frames": frames,
        "total_tasks": 1,
        "chunks_size": 1000,
        "data_files_size_in_mb": 100,
        "video_files_size_in_mb": 200,
        "fps": _FPS,
        "splits": {"train": f"0:{episodes}"},
        "data_path": "data/chunk-{chunk_index:03d}/file-{file_index:03d}.parquet",
        "video_path": None,
        "features": {
            CAMERA: {
                "dtype": "image",
                "shape": [*size, 3],
                "names": ["height", "width", "channels"],
            },
            STATE: feature("float64", 7, list(POSE_NAMES)),
            "stamp_ns": feature("int64"),
            "keyframe_id": feature("int64"),
            "reason": feature("string"),
            "delta": feature("string"),
            "timestamp": feature("float32"),
            "frame_index": feature("int64"),
            "episode_index": feature("int64"),
            "index": feature("int64"),
            "task_index": feature("int64"),
        },
    }
