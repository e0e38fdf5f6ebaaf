"""Episodes on the disk: one file per unit and split, and a note of what is done.

    DIR/dataset.json            what the episodes are made with
    DIR/train/UNIT.jsonl        rows (or .parquet); so do validation, test, ood
    DIR/done/UNIT.json          written last: rows, hashes and what was left out

A unit is a recording or a few hundred simulated scenes. Its files appear whole or not at all, and
its note after them; whoever is killed goes on with the first unit without a note.
`datasets.load_dataset("json", data_dir=DIR)` reads the splits too.

Not here: what a row holds (`rows`).
"""

from __future__ import annotations

import hashlib
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
class Done:
    """What became of a unit: rows per split, and how many questions were left out, by reason."""

    unit: str
    rows: Mapping[str, int]
    skipped: Mapping[str, int]


class Writer:
    """Writes units into a data set; several processes must not write the same unit.

    Args:
        folder: of the data set; made where it is missing.
        made_with: everything that determines the rows, JSON-ready. A folder that was begun with
            something else is refused.
        file_format: ``jsonl`` or ``parquet``.

    Raises:
        DatasetError: the folder can't be used, or holds episodes made otherwise.
    """

    def __init__(
        self, folder: Path, made_with: Mapping[str, Any], file_format: Format = "jsonl"
    ) -> None:
        self.folder, self._format = folder, file_format
        made = json.loads(json.dumps({"format": file_format, **made_with}, default=str))
        note = folder / "dataset.json"
        try:
            (folder / "done").mkdir(parents=True, exist_ok=True)
            if note.exists():
                known = json.loads(note.read_text("utf-8"))
                differing = sorted(
                    key for key in {*known, *made} if known.get(key) != made.get(key)
                )
                if differing:
                    raise DatasetError(
                        f"{folder} holds episodes made with another {', '.join(differing)}; give "
                        "the same options to go on, or another --out"
                    )
            else:
                _write(note, (json.dumps(made, indent=1) + "\n").encode())
        except (OSError, ValueError) as error:
            raise DatasetError(f"can't write episodes into {folder}: {error}") from error

    def done(self, unit: str) -> Done | None:
        """The note of a unit that is done; ``None`` where it is not."""
        note = self.folder / "done" / f"{file_name(unit)}.json"
        try:
            values = json.loads(note.read_text("utf-8"))
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as error:
            raise DatasetError(f"can't read {note}: {error}; delete it to redo {unit}") from error
        return Done(unit, values["rows"], values["skipped"])

    def write(
        self, unit: str, rows: Sequence[Mapping[str, Any]], skipped: Mapping[str, int] | None = None
    ) -> Done:
        """Write all rows of a unit, then its note.

        Raises:
            DatasetError: the disk refuses; the unit then counts as not done.
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
            note = {"unit": unit, "rows": counts, "skipped": dict(skipped or {}), "sha256": hashes}
            path = self.folder / "done" / f"{file_name(unit)}.json"
            _write(path, (json.dumps(note) + "\n").encode())
        except OSError as error:
            raise DatasetError(
                f"can't write the episodes of {unit} into {self.folder}: {error}; make room and "
                "run the same command again, it goes on from there"
            ) from error
        return Done(unit, counts, dict(skipped or {}))


def file_name(unit: str) -> str:
    """A unit's name as a file name: readable, and different for different units."""
    plain = re.sub(r"[^A-Za-z0-9._-]+", "_", unit).strip("._")[-80:]
    return f"{plain}-{hashlib.sha256(unit.encode()).hexdigest()[:8]}"


def read_episodes(folder: Path | str, *splits: str, most: int | None = None) -> list[Episode]:
    """The episodes of some splits (of all where none is named), units in order of their names.

    Args:
        folder: of the data set.
        splits: of `SPLITS`.
        most: at most this many, spread evenly over the splits' rows.

    Raises:
        DatasetError: there are none, they can't be read, or a scene is in two splits.
    """
    folder = Path(folder)
    check_scenes(folder)
    rows = [row for split in splits or SPLITS for row in _rows(folder, split)]
    if not rows:
        raise DatasetError(
            f"no episodes in {folder} ({', '.join(splits or SPLITS)}); make some with "
            "python -m training.episodes"
        )
    if most is not None and most < len(rows):
        rows = [rows[i * len(rows) // most] for i in range(most)]
    return [from_row(row) for row in rows]


def check_scenes(folder: Path) -> None:
    """Raise `DatasetError` where a scene is in more than one split: scores would flatter."""
    home: dict[str, str] = {}
    for split in SPLITS:
        for scene in _scenes(folder, split):
            if home.setdefault(scene, split) != split:
                raise DatasetError(
                    f"{folder}: scene {scene} is in {home[scene]} and in {split}, so what is "
                    "tested was trained on; split by scene (python -m training.episodes does)"
                )


def dataset_hash(folder: Path | str) -> str:
    """One hash for all rows of a data set, for the record of a training run."""
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
                        raise DatasetError(f"{path}, line {number}: no row")
                    yield row
        except (OSError, ValueError) as error:
            raise DatasetError(f"can't read {path}: {error}; make it again") from error


def _scenes(folder: Path, split: str) -> set[str]:
    """Scenes of a split, without reading whole rows where that can be helped."""
    found: set[str] = set()
    for path in _files(folder, split):
        if path.suffix == ".parquet":
            import pyarrow.parquet

            found |= set(pyarrow.parquet.read_table(path, columns=["scene"])["scene"].to_pylist())
            continue
        with path.open(encoding="utf-8") as lines:
            for line in lines:
                match = _SCENE.search(line)
                if match is not None:
                    found.add(match.group(1))
    return found


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
    """The whole file or none, also when the power fails."""
    part = path.with_name(f".{path.name}.part")
    with part.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)


def rows_of(episodes: Sequence[Episode]) -> list[dict[str, Any]]:
    """Rows for `Writer.write`."""
    return [to_row(episode) for episode in episodes]
