"""Functions of small arrays, for code that runs for every frame.

numpy has them too, for any number of values; for the hundred points of a frame, these take a
fraction of the time.

Out of scope: what the numbers mean.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]


_FOLLOWING, _PRECEDING = np.array((1, 2, 0)), np.array((2, 0, 1))


def cross(a: Array, b: Array) -> Array:
    """Cross products along the last axis, of 3."""
    products: Array = a.take(_FOLLOWING, -1) * b.take(_PRECEDING, -1)
    products -= a.take(_PRECEDING, -1) * b.take(_FOLLOWING, -1)
    return products


def lengths(vectors: npt.NDArray[np.floating]) -> npt.NDArray[np.floating]:
    """The lengths (n,) of vectors (n, d)."""
    return np.asarray(np.sqrt(np.einsum("ij,ij->i", vectors, vectors)))


def median(values: npt.NDArray[np.floating]) -> float:
    """The median of values (n,), at least one."""
    ordered = np.sort(values)
    count = len(ordered)
    return float(ordered.item((count - 1) // 2) + ordered.item(count // 2)) / 2
