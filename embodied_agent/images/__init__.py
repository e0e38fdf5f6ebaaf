"""Pictures in and out of bytes: one decoder for every stage.

`headers` reads what a file says about its picture without decoding it, and checks frames; `pixels`
decodes and encodes; `depth` does so for depth pictures.
"""

from embodied_agent.images.depth import (
    depth_fault,
    ranges_in,
    read_depth,
    resampled,
    small_depth,
    upright_depth,
)
from embodied_agent.images.headers import (
    MAX_PIXELS,
    BadImage,
    Header,
    check_complete,
    check_frame,
    frame_size,
    image_size,
    is_stamp,
    read_header,
    upright_intrinsics,
)
from embodied_agent.images.pixels import (
    as_jpeg,
    decode,
    decode_grey,
    encode_jpeg,
    scaled_jpeg,
    to_8_bits,
)

__all__ = [
    "MAX_PIXELS",
    "BadImage",
    "Header",
    "as_jpeg",
    "check_complete",
    "check_frame",
    "decode",
    "decode_grey",
    "depth_fault",
    "encode_jpeg",
    "frame_size",
    "image_size",
    "is_stamp",
    "ranges_in",
    "read_depth",
    "read_header",
    "resampled",
    "scaled_jpeg",
    "small_depth",
    "to_8_bits",
    "upright_depth",
    "upright_intrinsics",
]
