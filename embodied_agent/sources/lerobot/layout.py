"""Where a LeRobot data set keeps its parts, in versions 2.x and 3.0.

Version 2 has one table and one video per episode, version 3 many episodes in one file, with a
separate table of where each episode is. Both describe themselves in ``meta/info.json``.

Format: https://huggingface.co/docs/lerobot
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from embodied_agent.errors import SourceError
from embodied_agent.support.documents import read_json

_MOST_JSON_BYTES = 64_000_000


@dataclass(frozen=True)
class VideoPlace:
    """One camera's video of an episode: from ``start_s`` to before ``end_s`` of a file."""

    path: Path
    start_s: float
    end_s: float


@dataclass(frozen=True)
class Layout:
    """One data set. ``cameras`` maps keys like ``observation.images.front`` to their feature."""

    root: Path
    version: str
    fps: float
    episodes: int
    features: dict[str, dict[str, Any]]
    info: dict[str, Any]

    @property
    def cameras(self) -> dict[str, dict[str, Any]]:
        return {k: f for k, f in self.features.items() if f.get("dtype") in ("video", "image")}

    @property
    def is_v3(self) -> bool:
        return self.version.startswith("v3")

    def table(self, episode: int) -> tuple[Path, dict[str, Any]]:
        """The file that holds an episode's rows, and in version 3 the episode's own entry.

        Raises:
            SourceError: the data set has no such episode.
        """
        if not 0 <= episode < self.episodes:
            raise SourceError(
                f"{self.root} has no episode {episode}: it has {self.episodes}, from 0 on "
                "(source.episode)"
            )
        try:
            return self._table(episode)
        except (LookupError, TypeError, ValueError, ArithmeticError) as error:
            raise SourceError(
                f"{self.root} does not say where episode {episode} lies: {error!r}"
            ) from error

    def _table(self, episode: int) -> tuple[Path, dict[str, Any]]:
        entry: dict[str, Any] = {}
        template = str(self.info.get("data_path") or _V2_DATA)
        if self.is_v3:
            entry = self._entry(episode)
            template = str(self.info.get("data_path") or _V3_DATA)
            names = {
                "chunk_index": int(entry["data/chunk_index"]),
                "file_index": int(entry["data/file_index"]),
            }
        else:
            chunk = episode // int(self.info.get("chunks_size") or 1000)
            names = {"episode_chunk": chunk, "episode_index": episode}
        return self._inside(template, names), entry

    def video(self, camera: str, episode: int, entry: dict[str, Any]) -> VideoPlace:
        """Where a camera's video of an episode lies.

        Raises:
            SourceError: the data set does not say.
        """
        try:
            return self._video(camera, episode, entry)
        except (LookupError, TypeError, ValueError, ArithmeticError) as error:
            raise SourceError(
                f"{self.root} does not say where {camera} of episode {episode} lies: {error!r}"
            ) from error

    def _video(self, camera: str, episode: int, entry: dict[str, Any]) -> VideoPlace:
        if self.is_v3:
            template = str(self.info.get("video_path") or _V3_VIDEO)
            names: dict[str, Any] = {
                "video_key": camera,
                "chunk_index": int(entry[f"videos/{camera}/chunk_index"]),
                "file_index": int(entry[f"videos/{camera}/file_index"]),
            }
            start_s = float(entry[f"videos/{camera}/from_timestamp"])
            end_s = float(entry[f"videos/{camera}/to_timestamp"])
            return VideoPlace(self._inside(template, names), start_s, end_s)
        template = str(self.info.get("video_path") or _V2_VIDEO)
        chunk = episode // int(self.info.get("chunks_size") or 1000)
        names = {"video_key": camera, "episode_chunk": chunk, "episode_index": episode}
        return VideoPlace(self._inside(template, names), 0.0, float("inf"))

    def _entry(self, episode: int) -> dict[str, Any]:
        from embodied_agent.sources.lerobot.tables import read_rows

        for path in sorted((self.root / "meta" / "episodes").rglob("*.parquet")):
            for row in read_rows(path, ("episode_index", episode)):
                return row
        raise SourceError(f"{self.root} has no entry for episode {episode} in meta/episodes")

    def _inside(self, template: str, names: dict[str, Any]) -> Path:
        try:
            if "{" in _FIELD.sub("", template):
                raise ValueError("only fields such as {episode_index:06d} are filled in")
            path = (self.root / template.format(**names)).resolve()
        except (LookupError, ValueError, OSError) as error:
            raise SourceError(
                f"{self.root}: its path {template!r} can't be filled in: {error}"
            ) from error
        if not path.is_relative_to(self.root.resolve()):
            raise SourceError(f"{self.root}: its path {template!r} leads out of the data set")
        return path


#: A field of a path. Others could ask for a billion digits.
_FIELD = re.compile(r"\{[a-z_]+(?::0?\d{1,2}d?)?\}")
_V2_DATA = "data/chunk-{episode_chunk:03d}/episode_{episode_index:06d}.parquet"
_V2_VIDEO = "videos/chunk-{episode_chunk:03d}/{video_key}/episode_{episode_index:06d}.mp4"
_V3_DATA = "data/chunk-{chunk_index:03d}/file-{file_index:03d}.parquet"
_V3_VIDEO = "videos/{video_key}/chunk-{chunk_index:03d}/file-{file_index:03d}.mp4"


def read_layout(root: Path) -> Layout:
    """What ``meta/info.json`` says.

    Raises:
        SourceError: it can't be read, or its version is not one that is read.
    """
    path = root / "meta" / "info.json"
    try:
        if path.stat().st_size > _MOST_JSON_BYTES:
            raise ValueError("it is larger than any such file")
        info = read_json(path.read_bytes(), max_size=_MOST_JSON_BYTES)
        version = str(info["codebase_version"])
        layout = Layout(
            root,
            version,
            float(info["fps"]),
            int(info["total_episodes"]),
            {str(k): dict(v) for k, v in info["features"].items()},
            info,
        )
    except (OSError, ValueError, LookupError, TypeError, AttributeError, ArithmeticError) as error:
        raise SourceError(f"can't read {path}: {error!r}; is this a LeRobot data set?") from error
    if not version.startswith(("v2.", "v3.")):
        raise SourceError(
            f"{root} is a LeRobot data set of version {version}; v2.x and v3.x are read: convert "
            "it with LeRobot's own scripts"
        )
    if not layout.fps > 0:
        raise SourceError(f"{root}: its rate of {layout.fps} frames/s can't be used")
    return layout
