"""Rows of a picture out of a buffer, with or without padding between them."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from embodied_agent.images import BadImage


def rows_of(
    flat: npt.NDArray[np.uint8], name: str, height: int, row: int, step: int
) -> npt.NDArray[np.uint8]:
    """``height`` rows of ``row`` bytes that lie ``step`` bytes apart, without their padding.

    Raises:
        BadImage: the step is below the row, or there is too little data.
    """
    if step < row:
        raise BadImage(
            "bad_step", f"a step of {step} bytes is less than a row of {name} needs ({row} bytes)"
        )
    # The last row's padding may be left out.
    if len(flat) < step * (height - 1) + row:
        raise BadImage(
            "truncated_image",
            f"{len(flat)} bytes for {height} rows of {step} bytes: {step * height} were expected",
        )
    rows = np.lib.stride_tricks.as_strided(flat, (height, row), (step * flat.strides[0], 1))
    return np.ascontiguousarray(rows)
