"""LeRobot data sets of versions 2.1 and 3.0, through pyarrow and PyAV."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as parquet

from tests.sources.builders.card import HEIGHT, WIDTH, card
from tests.sources.builders.video import write_video

CAMERA = "observation.images.front"
_NAMES = ["x", "y", "z", "qx", "qy", "qz", "qw"]
_LENGTH = 10


def _info(version: str, episodes: int, **paths: Any) -> dict[str, Any]:
    return {
        "codebase_version": version,
        "fps": 10,
        "total_episodes": episodes,
        "total_frames": episodes * _LENGTH,
        "chunks_size": 1000,
        "features": {
            CAMERA: {
                "dtype": "video",
                "shape": [HEIGHT, WIDTH, 3],
                "names": ["height", "width", "channels"],
                "info": {"video.codec": "h264", "video.fps": 10},
            },
            "observation.images.depth": {
                "dtype": "video",
                "shape": [HEIGHT, WIDTH, 3],
                "names": ["height", "width", "channels"],
                "info": {"video.is_depth_map": True},
            },
            "observation.state": {"dtype": "float32", "shape": [7], "names": _NAMES},
            "timestamp": {"dtype": "float32", "shape": [1], "names": None},
        },
        **paths,
    }


def _rows(episode: int) -> list[dict[str, Any]]:
    return [
        {
            "episode_index": episode,
            "frame_index": n,
            "timestamp": n / 10,
            "observation.state": [n * 0.1, float(episode), 0.0, 0.0, 0.0, 0.0, 1.0],
        }
        for n in range(_LENGTH)
    ]


def _write_table(path: Path, rows: list[dict[str, Any]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    parquet.write_table(pa.Table.from_pylist(rows), path)


def _write_info(root: Path, info: dict[str, Any]) -> None:
    (root / "meta").mkdir(parents=True, exist_ok=True)
    (root / "meta" / "info.json").write_text(json.dumps(info))


def write_v2(root: Path, version: str = "v2.1") -> Path:
    """A data set with one table and one video per episode."""
    _write_info(
        root,
        _info(
            version,
            2,
            data_path="data/chunk-{episode_chunk:03d}/episode_{episode_index:06d}.parquet",
            video_path="videos/chunk-{episode_chunk:03d}/{video_key}/"
            "episode_{episode_index:06d}.mp4",
        ),
    )
    for episode in range(2):
        _write_table(root / f"data/chunk-000/episode_{episode:06d}.parquet", _rows(episode))
        video = root / f"videos/chunk-000/{CAMERA}/episode_{episode:06d}.mp4"
        video.parent.mkdir(parents=True, exist_ok=True)
        write_video(video)
    return root


def write_v3(root: Path) -> Path:
    """A data set with both episodes in one table and one video."""
    _write_info(
        root,
        _info(
            "v3.0",
            2,
            data_path="data/chunk-{chunk_index:03d}/file-{file_index:03d}.parquet",
            video_path="videos/{video_key}/chunk-{chunk_index:03d}/file-{file_index:03d}.mp4",
        ),
    )
    _write_table(root / "data/chunk-000/file-000.parquet", _rows(0) + _rows(1))
    video = root / f"videos/{CAMERA}/chunk-000/file-000.mp4"
    video.parent.mkdir(parents=True, exist_ok=True)
    write_video(video, pictures=[card(n) for n in (*range(_LENGTH), *range(_LENGTH))])
    entries = [
        {
            "episode_index": episode,
            "data/chunk_index": 0,
            "data/file_index": 0,
            f"videos/{CAMERA}/chunk_index": 0,
            f"videos/{CAMERA}/file_index": 0,
            f"videos/{CAMERA}/from_timestamp": episode * 1.0,
            f"videos/{CAMERA}/to_timestamp": episode * 1.0 + 1.0,
            "length": _LENGTH,
        }
        for episode in range(2)
    ]
    _write_table(root / "meta/episodes/chunk-000/file-000.parquet", entries)
    return root
