"""Whether a picture is complete: checked once, where it enters, with a decoding that is needed
anyway.

A torn JPEG still decodes, with grey or smeared rows below the tear, and would enter the memory as a
scene; often it even has its end marker. So each picture is decoded in grey here, by a decoder that
reports what it had to fill in. The grey picture stays with the frame, so that the keyframer need
not decode it again.

Out of scope: what headers say (`embodied_agent.images`, picture_headers.py).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np
import simplejpeg

from embodied_agent.images import MAX_PIXELS, BadImage, read_header, to_8_bits
from embodied_agent.records import Frame, Image
from embodied_agent.sources.picture_headers import read_claim

#: A decoder may be given this many bytes for one picture.
MAX_DECODED_BYTES = 256_000_000
#: A JPEG of one colour has about one byte for 170 pixels; with fewer the header lies.
_MOST_PIXELS_PER_BYTE = 400
#: Grey pictures are kept at half size where that is still this wide, as the keyframer wants them.
PREVIEW_WIDTH = 320
_END_MARK = b"\xff\xd9"
#: Rows in one colour at the bottom count as lost when they are at least this part of the height.
_FLAT_PART = 1 / 8
#: Values within this range are one colour: JPEG rounds.
_FLAT_RANGE = 1
#: The last whole row differs from the flat part by at least this much somewhere.
_EDGE = 24
#: As many pictures with the same border, from the first on, show that it is the camera's own.
_STEADY = 3
_JPEG_TORN = ("premature end", "Premature end")


def check_encoded(frame: Frame) -> Frame:
    """The frame, decoded once: with a grey preview, and with the end mark that a JPEG lacked.

    WebP, TIFF, BMP and PNM become pixels, since only JPEG and PNG are kept as they are.

    Raises:
        BadImage: the picture is torn, cut, too large, of an unknown kind, or empty.
    """
    data = frame.encoded
    if data is None:
        return frame
    if not data:
        raise BadImage("empty_image", "the picture is empty (0 bytes)")
    if data.startswith(b"\xff\xd8"):
        return _check_jpeg(frame, data)
    try:
        claim = read_claim(data)
    except ValueError as error:
        raise BadImage("undecodable", f"broken header: {error}") from error
    if claim is not None:
        if claim.width == 0 or claim.height == 0:
            raise BadImage("empty_image", f"the {claim.kind} picture has no size")
        if claim.width * claim.height > MAX_PIXELS or claim.largest_bytes > MAX_DECODED_BYTES:
            raise _too_large(claim.width, claim.height, claim.largest_bytes)
        image = _decoded(data, cv2.IMREAD_UNCHANGED, claim.kind.upper())
        return replace(frame, encoded=None, image=to_bgr_or_grey(image))
    return _check_png(frame, data)


def _check_png(frame: Frame, data: bytes) -> Frame:
    header = read_header(data)
    if header.width * header.height * 4 * max(header.bits, 8) // 8 > MAX_DECODED_BYTES:
        raise _too_large(header.width, header.height, header.width * header.height * header.bits)
    if not png_is_whole(data):
        raise BadImage("truncated_image", f"PNG is cut short after {len(data)} bytes")
    if header.bits == 16:
        image = to_bgr_or_grey(_decoded(data, cv2.IMREAD_UNCHANGED, "PNG"))
        grey = image if image.ndim == 2 else np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY))
    else:
        mode = cv2.IMREAD_GRAYSCALE | cv2.IMREAD_IGNORE_ORIENTATION
        grey = _decoded(data, mode, "PNG")
    return replace(frame, preview=_upright(grey.astype(np.uint8, copy=False), header.orientation))


def png_is_whole(data: bytes) -> bool:
    """Whether each chunk fits into the file, up to the last one.

    OpenCV gives memory to whatever length a chunk claims.
    """
    at = 8
    while at + 12 <= len(data):
        length = int.from_bytes(data[at : at + 4], "big")
        if data[at + 4 : at + 8] == b"IEND":
            return True
        at += 12 + length
    return False


def _check_jpeg(frame: Frame, data: bytes) -> Frame:
    header = read_header(data)
    if header.width * header.height > len(data) * _MOST_PIXELS_PER_BYTE:
        raise BadImage(
            "truncated_image",
            f"{len(data)} bytes can't hold the {header.width}x{header.height} pixels of its header",
        )
    # Within JPEG's coded data, FF is always followed by 00 or a restart mark: FF D9 is the end.
    if data.rfind(_END_MARK, header.data_offset) < 0:
        data += _END_MARK
    factor = 2 if header.width >= 2 * PREVIEW_WIDTH else 1
    try:
        grey = _grey_jpeg(data, header.width, header.height, factor)
    except ValueError as error:
        problem = str(error)
        if any(words in problem for words in _JPEG_TORN):
            raise BadImage(
                "truncated_image", f"JPEG is torn: {problem} ({len(data)} bytes)"
            ) from error
        if "extraneous bytes" not in problem and "Unsupported" not in problem:
            raise BadImage("undecodable", f"can't decode JPEG: {problem}") from error
        # Bytes between the markers harm nobody, and CMYK is for another decoder.
        flag = cv2.IMREAD_REDUCED_GRAYSCALE_2 if factor == 2 else cv2.IMREAD_GRAYSCALE
        grey = _decoded(data, flag | cv2.IMREAD_IGNORE_ORIENTATION, "JPEG")
    return replace(frame, encoded=data, preview=_upright(grey, header.orientation))


def _upright(grey: Image, orientation: int) -> Image | None:
    """A preview; none where the file says that the picture is to be turned, which is rare."""
    return grey if orientation == 1 else None


def _grey_jpeg(data: bytes, width: int, height: int, factor: int) -> Image:
    grey = simplejpeg.decode_jpeg(
        data,
        "GRAY",
        min_width=-(-width // factor),
        min_height=-(-height // factor),
        min_factor=factor,
        strict=True,
    )
    pixels: Image = grey[:, :, 0]
    return pixels


def _decoded(data: bytes, mode: int, kind: str) -> Image:
    try:
        image = cv2.imdecode(np.frombuffer(data, np.uint8), mode)
    except cv2.error as error:
        raise BadImage("undecodable", f"can't decode {kind}: {error}") from error
    if image is None or image.size == 0:
        raise BadImage("undecodable", f"can't decode {kind} of {len(data)} bytes")
    return image  # type: ignore[return-value]


def to_bgr_or_grey(image: Image) -> Image:
    """A decoded picture of any depth and number of channels, as 8-bit BGR or grey."""
    if image.dtype == np.uint16:
        image = to_8_bits(image.astype(np.uint16, copy=False))
    elif image.dtype != np.uint8:
        raise BadImage("unknown_encoding", f"a picture of {image.dtype} values, which is not read")
    if image.ndim == 3 and image.shape[2] == 4:
        return np.ascontiguousarray(image[:, :, :3])
    if image.ndim == 3 and image.shape[2] not in (3, 4):
        return np.ascontiguousarray(image[:, :, 0])
    return image


def _too_large(width: int, height: int, size: int) -> BadImage:
    return BadImage(
        "too_large",
        f"{width}x{height} pixels, {size // 1_000_000} MB when decoded; at most "
        f"{MAX_PIXELS // 1_000_000} megapixels and {MAX_DECODED_BYTES // 1_000_000} MB are read",
    )


@dataclass
class FlatRows:
    """Finds pictures whose lower rows were lost: one flat colour below, a scene above.

    A border that the camera itself draws, or a mask, is the same in all pictures; it is told from
    damage by that. Feed the pictures of one camera in their order.
    """

    _last: tuple[int, int] | None = None
    _times: int = 0
    _borderless: bool = False

    def check(self, frame: Frame) -> None:
        """Pass a whole picture.

        Raises:
            BadImage: its lower part is lost.
        """
        picture = frame.preview if frame.preview is not None else frame.image
        if picture is None:
            return
        border = flat_from(picture)
        if border is None:
            self._borderless = True
            return
        self._times = self._times + 1 if border == self._last else 1
        self._last = border
        if self._borderless or self._times < _STEADY:
            height = picture.shape[0]
            raise BadImage(
                "truncated_image",
                f"its lower {100 * (height - border[0]) // height} % are one flat colour: "
                "the rest of the picture was lost",
            )


def flat_from(picture: Image) -> tuple[int, int] | None:
    """The row from which all below is one colour, and that colour; ``None`` where it is a scene.

    A picture that is flat as a whole, or framed by the same colour at its top, is none of these.
    """
    height, width = picture.shape[:2]
    least = max(2, int(height * _FLAT_PART))
    if height < 16 or width < 16:
        return None
    # Most pictures are settled by their last rows.
    tail = picture[height - 2 :].reshape(-1, *picture.shape[2:]).astype(np.int16)
    if int(np.ptp(tail, axis=0).max()) > _FLAT_RANGE:
        return None
    colour = tail[-1]
    apart = np.abs(picture.astype(np.int16) - colour)
    if apart.ndim == 3:
        apart = apart.max(axis=2)
    differs = apart.max(axis=1) > _FLAT_RANGE
    rows = np.flatnonzero(differs)
    if rows.size == 0:
        return None
    first = int(rows[-1]) + 1
    above = apart[max(0, first - max(16, height // 16)) : first]
    if height - first < least or not differs[0] or int(above.max()) < _EDGE:
        return None
    return first, int(np.atleast_1d(colour)[0])
