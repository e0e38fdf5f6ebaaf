"""Episodes on disk: one file per unit and split, and a record of finished units.

    DIR/dataset.json            the options that determine the episodes
    DIR/train/UNIT.jsonl        rows (or .parquet); likewise validation, test, ood
    DIR/done/UNIT.json          written last: numbers of rows, hashes, skipped questions

A unit is a recording or a block of simulated scenes. Its files are written atomically, followed by
its record; an interrupted command resumes with the first unit without a record.
`datasets.load_dataset("json", data_dir=DIR)` also reads the splits.

Out of scope: the content of a row (`rows`).
"""

from __future__ import annotations

import hashlib
import itertools
import json
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from training.episodes.rows import DatasetError, Episode, from_row, to_row
from training.episodes.splits import SPLITS

Format = Literal["jsonl", "parquet"]
_SCENE = re.compile(r'"scene": ?"((?:[^"\\]|\\.)*)"')


@dataclass(frozen=True, slots=True)
class FinishedUnit:
    """A finished unit: its rows per split, and the number of skipped questions by reason."""

    unit: str
    rows: Mapping[str, int]
    skipped: Mapping[str, int]


class Writer:
    """Writes units into a data set; several processes must not write the same unit.

    Args:
        folder: of the data set; created if missing.
        made_with: everything that determines the rows, JSON-ready. A folder with other values is
            refused.
        file_format: ``jsonl`` or ``parquet``.

    Raises:
        DatasetError: the folder can't be used, or contains episodes created with other options.
    """

    def __init__(
        self, folder: Path, made_with: Mapping[str, Any], file_format: Format = "jsonl"
    ) -> None:
        self.folder, self._format = folder, file_format
        options = json.loads(json.dumps({"format": file_format, **made_with}, default=str))
        note = folder / "dataset.json"
        try:
            (folder / "done").mkdir(parents=True, exist_ok=True)
            if note.exists():
                previous = json.loads(note.read_text("utf-8"))
                differing = sorted(
                    key for key in {*previous, *options} if previous.get(key) != options.get(key)
                )
                if differing:
                    raise DatasetError(
                        f"{folder} contains episodes created with another {', '.join(differing)}; "
                        "use the same options to resume, or another --out"
                    )
            else:
                _write(note, (json.dumps(options, indent=1) + "\n").encode())
        except (OSError, ValueError) as error:
            raise DatasetError(f"can't write episodes into {folder}: {error}") from error

    def done(self, unit: str) -> FinishedUnit | None:
        """The record of a finished unit; ``None`` if it is not finished."""
        record = self.folder / "done" / f"{file_name(unit)}.json"
        try:
            values = json.loads(record.read_text("utf-8"))
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as error:
            raise DatasetError(f"can't read {record}: {error}; delete it to redo {unit}") from error
        return FinishedUnit(unit, values["rows"], values["skipped"])

    def refuse_other_scene(self, unit: str, scene: str) -> None:
        """Raise `DatasetError` if a recording was written as another scene: its rows, which stay,
        may be in another split than they would be now."""
        source = unit.removeprefix(f"{scene}:")
        for record in (self.folder / "done").glob("*.json"):
            try:
                name = str(json.loads(record.read_text("utf-8"))["unit"])
            except (OSError, ValueError, KeyError, TypeError):
                continue  # `done` says what is wrong with it
            if name != unit and name.endswith(f":{source}"):
                before = name.removesuffix(f":{source}")
                raise DatasetError(
                    f"{source} was written as scene {before} and is now of scene {scene}, with "
                    "other recordings: choose another --out, or set --scene-pattern"
                )

    def write(
        self, unit: str, rows: Sequence[Mapping[str, Any]], skipped: Mapping[str, int] | None = None
    ) -> FinishedUnit:
        """Write all rows of a unit, then its record.

        Raises:
            DatasetError: writing failed; the unit then counts as unfinished.
        """
        counts: dict[str, int] = {}
        hashes: dict[str, str] = {}
        try:
            for split in SPLITS:
                part = [row for row in rows if row["split"] == split]
                path = self.folder / split / f"{file_name(unit)}.{self._format}"
                if not part:
                    path.unlink(missing_ok=True)
                    continue
                path.parent.mkdir(exist_ok=True)
                data = _parquet(part) if self._format == "parquet" else _lines(part)
                _write(path, data)
                counts[split], hashes[split] = len(part), hashlib.sha256(data).hexdigest()
            record = {
                "unit": unit,
                "rows": counts,
                "skipped": dict(skipped or {}),
                "sha256": hashes,
            }
            path = self.folder / "done" / f"{file_name(unit)}.json"
            _write(path, (json.dumps(record) + "\n").encode())
        except OSError as error:
            raise DatasetError(
                f"can't write the episodes of {unit} into {self.folder}: {error}; make room and "
                "run the same command again to resume"
            ) from error
        return FinishedUnit(unit, counts, dict(skipped or {}))


def file_name(unit: str) -> str:
    """A readable file name for a unit, unique because it ends in a hash."""
    plain = re.sub(r"[^A-Za-z0-9._-]+", "_", unit).strip("._")[-80:]
    return f"{plain}-{hashlib.sha256(unit.encode()).hexdigest()[:8]}"


def read_episodes(folder: Path | str, *splits: str, most: int | None = None) -> list[Episode]:
    """The episodes of the named splits, or of all splits if none is named, in order of unit names.

    Args:
        folder: of the data set.
        splits: of `SPLITS`.
        most: at most this many episodes, spread evenly over scenes and categories.

    Raises:
        DatasetError: there are no episodes, they can't be read, or a scene is in two splits.
    """
    folder = Path(folder)
    check_scenes(folder)
    rows = [row for split in splits or SPLITS for row in _rows(folder, split)]
    if not rows:
        others = [split for split in SPLITS if any((folder / split).glob("*"))]
        todo = (
            f"all its scenes are in {', '.join(others)}: with few scenes, give the others a larger "
            "share (--split), or do without (data.held=[])"
            if others
            else "create some with python -m training.episodes"
        )
        raise DatasetError(f"no episodes in {folder} ({', '.join(splits or SPLITS)}); {todo}")
    if most is not None and most < len(rows):
        rows = spread(rows, most)
    return [from_row(row) for row in rows]


def spread(rows: Sequence[dict[str, Any]], most: int | None) -> list[dict[str, Any]]:
    """At most ``most`` rows, spread evenly over scenes and categories: the first row of each scene,
    then the second, and so on, starting with a different category in each scene."""
    by_scene: dict[str, dict[str, list[dict[str, Any]]]] = {}
    for row in rows:
        by_scene.setdefault(row["scene"], {}).setdefault(row["category"], []).append(row)
    turns: list[list[dict[str, Any]]] = []
    for number, kinds in enumerate(by_scene.values()):
        names = sorted(kinds)
        first = number % len(names)
        dealt = itertools.zip_longest(*(kinds[n] for n in (*names[first:], *names[:first])))
        turns.append([row for turn in dealt for row in turn if row is not None])
    mixed = [row for turn in itertools.zip_longest(*turns) for row in turn if row is not None]
    return mixed[:most]


def check_scenes(folder: Path) -> None:
    """Raise `DatasetError` if a scene is in more than one split, which would inflate scores."""
    home: dict[str, str] = {}
    for split in SPLITS:
        for scene in _scenes(folder, split):
            if home.setdefault(scene, split) != split:
                raise DatasetError(
                    f"{folder}: scene {scene} is in {home[scene]} and in {split}, which inflates "
                    "scores; split by scene (python -m training.episodes does)"
                )


def dataset_hash(folder: Path | str) -> str:
    """A hash over all rows of a data set, for the record of a training run or evaluation."""
    total = hashlib.sha256()
    for split in SPLITS:
        for path in _files(Path(folder), split):
            total.update(f"{split}/{path.name}\n".encode())
            total.update(hashlib.sha256(path.read_bytes()).digest())
    return total.hexdigest()


def _files(folder: Path, split: str) -> list[Path]:
    return sorted(p for p in (folder / split).glob("*") if p.suffix in (".jsonl", ".parquet"))


def _rows(folder: Path, split: str) -> Iterator[dict[str, Any]]:
    for path in _files(folder, split):
        try:
            if path.suffix == ".parquet":
                import pyarrow.parquet

                yield from pyarrow.parquet.read_table(path).to_pylist()
                continue
            with path.open(encoding="utf-8") as lines:
                for number, line in enumerate(lines, 1):
                    row = json.loads(line)
                    if not isinstance(row, dict):
                        raise DatasetError(f"{path}, line {number} is not a row")
                    yield row
        except (OSError, ValueError) as error:
            raise DatasetError(f"can't read {path}: {error}; create it again") from error


def _scenes(folder: Path, split: str) -> set[str]:
    """The scenes of a split, without parsing whole rows."""
    scenes: set[str] = set()
    for path in _files(folder, split):
        if path.suffix == ".parquet":
            import pyarrow.parquet

            scenes |= set(pyarrow.parquet.read_table(path, columns=["scene"])["scene"].to_pylist())
            continue
        with path.open(encoding="utf-8") as lines:
            for line in lines:
                match = _SCENE.search(line)
                if match is not None:
                    scenes.add(match.group(1))
    return scenes


def _lines(rows: Sequence[Mapping[str, Any]]) -> bytes:
    text = "".join(
        json.dumps(row, ensure_ascii=False, separators=(",", ":")) + "\n" for row in rows
    )
    return text.encode()


def _parquet(rows: Sequence[Mapping[str, Any]]) -> bytes:
    import io

    from datasets import Dataset

    out = io.BytesIO()
    Dataset.from_list([dict(row) for row in rows]).to_parquet(out)
    return out.getvalue()


def _write(path: Path, data: bytes) -> None:
    """Write a file atomically, even if the power fails."""
    part = path.with_name(f".{path.name}.part")
    with part.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)


def rows_of(episodes: Sequence[Episode]) -> list[dict[str, Any]]:
    """Convert episodes to rows for `Writer.write`."""
    return [to_row(episode) for episode in episodes]
