"""BGR pictures from the frames of a video decoder, in the stream's colour space.

Out of scope: decoding (video.py, bags/packets.py).
"""

from __future__ import annotations

import av
import numpy as np
from av.video.reformatter import Colorspace

from embodied_agent.images import BadImage
from embodied_agent.records import Image

#: FFmpeg's numbers for matrix coefficients, and the conversion that fits.
_MATRICES = {1: Colorspace.ITU709, 5: Colorspace.ITU601, 6: Colorspace.ITU601}


def bgr_of(frame: av.VideoFrame) -> Image:
    """The pixels of a decoded frame, BGR.

    Raises:
        BadImage: its format can't be converted.
    """
    # Where the stream does not say, its encoder mostly was FFmpeg or OpenCV, which mean BT.601.
    matrix = _MATRICES.get(int(frame.colorspace), Colorspace.ITU601)
    try:
        converted = frame.reformat(format="bgr24", src_colorspace=matrix)
        return np.ascontiguousarray(converted.to_ndarray(), np.uint8)
    except (av.error.FFmpegError, ValueError) as error:
        raise BadImage("undecodable", f"can't convert {frame.format.name}: {error}") from error
