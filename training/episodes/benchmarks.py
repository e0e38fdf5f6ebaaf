"""Units of work from a public benchmark: its questions, grouped by video.

Out of scope: the file formats (`training.questions`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path

from training.episodes.recordings import RecordingUnit
from training.episodes.rows import DatasetError
from training.questions import egoschema, mvbench, sis, urbanvideo, vsi
from training.questions.base import Asked, Read

READERS: dict[str, Callable[[Path], Read]] = {
    "urbanvideo": urbanvideo.read,
    "vsi": vsi.read,
    "vsi-debiased": vsi.read_debiased,
    "egoschema": egoschema.read,
    "mvbench": mvbench.read,
    "sis": sis.read,
}
_SUFFIXES = (".mp4", ".mkv", ".webm", ".avi", ".mov", ".mcap", ".db3", ".gif")


def benchmark_units(text: str, videos: Path | None) -> tuple[list[RecordingUnit], dict[str, int]]:
    """The units of a benchmark, and the number of skipped questions by reason.

    Args:
        text: ``FORMAT=FILE``, with a format of `READERS`.
        videos: folder that contains the videos, at any depth.

    Raises:
        DatasetError: the format is unknown, the file can't be read, or none of the videos exists.
    """
    name, _, file = text.partition("=")
    if name not in READERS or not file:
        raise DatasetError(
            f"--benchmark needs FORMAT=FILE, with one of the formats {', '.join(READERS)}, not "
            f"{text!r}"
        )
    if videos is None or not videos.is_dir():
        raise DatasetError(f"--benchmark {name} needs --videos with the folder of its videos")
    read = READERS[name](Path(file))
    skipped = Counter({f"{name}: {reason}": count for reason, count in read.skipped.items()})
    by_video: dict[tuple[str, float | None, float | None], list[Asked]] = {}
    for asked in read.questions:
        by_video.setdefault((asked.video, asked.start_s, asked.end_s), []).append(asked)
    known = {path.stem: path for path in sorted(videos.rglob("*")) if path.suffix in _SUFFIXES}
    units = []
    for (video, start_s, end_s), questions in by_video.items():
        path = _find(videos, video) or known.get(Path(video).stem)
        if path is None:
            skipped[f"{name}: no video"] += len(questions)
            continue
        scene = questions[0].scene
        units.append(RecordingUnit(str(path), scene, (), tuple(questions), start_s, end_s))
    if not units:
        raise DatasetError(f"none of the {len(by_video)} videos of {file} is in {videos}")
    return units, dict(skipped)


def _find(folder: Path, video: str) -> Path | None:
    """The file or folder ``video`` within ``folder``; ``None`` if it is missing or outside."""
    path = (folder / video).resolve()
    if not path.is_relative_to(folder.resolve()):
        return None
    if path.exists():
        return path
    return next((p for s in _SUFFIXES if (p := path.with_suffix(s)).exists()), None)
