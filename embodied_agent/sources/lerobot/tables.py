"""Rows of Parquet tables, through pyarrow, which is installed with the extra ``lerobot``."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from embodied_agent.errors import SourceError

#: Rows that are in memory at once.
_BATCH = 256


def read_rows(
    path: Path, only: tuple[str, int] | None = None, columns: Sequence[str] | None = None
) -> Iterator[dict[str, Any]]:
    """Rows of a table as plain values, those with ``only[0] == only[1]`` where that is given.

    Raises:
        SourceError: pyarrow is missing, or the table can't be read.
    """
    try:
        import pyarrow
        import pyarrow.parquet as parquet
    except ModuleNotFoundError as error:
        raise SourceError(
            "LeRobot data sets need a package that is not installed (pyarrow): "
            "pip install 'embodied-agent[lerobot]'"
        ) from error
    errors = (pyarrow.ArrowException, OSError, ValueError, LookupError, MemoryError)
    try:
        with parquet.ParquetFile(path) as file:
            names = None
            if columns is not None:
                present = set(file.schema_arrow.names)
                names = [name for name in columns if name in present]
            for batch in file.iter_batches(batch_size=_BATCH, columns=names):
                for row in batch.to_pylist():
                    if only is None or row.get(only[0]) == only[1]:
                        yield row
    except errors as error:
        raise SourceError(f"can't read the table {path}: {error}") from error
