"""Pixels: every ROS encoding, and the headers of JPEG and PNG."""

from __future__ import annotations

import struct
import zlib

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from embodied_agent.errors import AgentError, DecodeError
from embodied_agent.images import check_complete, to_8_bits
from embodied_agent.records import Frame
from embodied_agent.sources import decode, decode_grey, encode_jpeg, image_size
from embodied_agent.sources.ros_images import ENCODINGS, image_from_ros

RNG = np.random.default_rng(3)
BGR = RNG.integers(0, 256, (6, 8, 3), np.uint8)
GREY = RNG.integers(0, 256, (6, 8), np.uint8)
#: Smooth, because interpolating a Bayer pattern can't restore noise.
SMOOTH = np.stack(
    [np.add.outer(np.arange(24) * a, np.arange(32) * b) for a, b in ((2, 3), (4, 1), (1, 5))], 2
).astype(np.uint8)


def read(array: np.ndarray, encoding: str, *, pad: int = 0, big_endian: bool = False) -> np.ndarray:
    """``array`` as a message's data with ``pad`` bytes after each row, read back."""
    height, width = array.shape[:2]
    rows = np.ascontiguousarray(array).view(np.uint8).reshape(height, -1)
    data = np.pad(rows, ((0, 0), (0, pad)), constant_values=77).tobytes()
    return image_from_ros(
        data,
        encoding=encoding,
        width=width,
        height=height,
        step=rows.shape[1] + pad,
        is_bigendian=big_endian,
    )


def with_alpha(image: np.ndarray) -> np.ndarray:
    return np.dstack([image, np.full(image.shape[:2], 9, np.uint8)])


@pytest.mark.parametrize("pad", [0, 1, 5])
@pytest.mark.parametrize(
    ("encoding", "stored", "expected"),
    [
        ("bgr8", BGR, BGR),
        ("rgb8", BGR[:, :, ::-1], BGR),
        ("8UC3", BGR, BGR),
        ("bgra8", with_alpha(BGR), BGR),
        ("rgba8", with_alpha(BGR[:, :, ::-1]), BGR),
        ("mono8", GREY, GREY),
        ("8UC1", GREY, GREY),
        ("mono16", GREY.astype("<u2") * 257, GREY),
        ("16UC1", GREY.astype("<u2") * 257, GREY),
        ("bgr16", BGR.astype("<u2") * 257, BGR),
        ("rgb16", BGR[:, :, ::-1].astype("<u2") * 257, BGR),
    ],
)
def test_pixels_survive_every_encoding_and_row_padding(
    encoding: str, stored: np.ndarray, expected: np.ndarray, pad: int
) -> None:
    np.testing.assert_array_equal(read(stored, encoding, pad=pad), expected)


def test_big_endian_values_are_swapped() -> None:
    stored = (GREY.astype(np.uint16) * 256 + 3).astype(">u2")
    np.testing.assert_array_equal(read(stored, "mono16", big_endian=True), GREY)


@pytest.mark.parametrize("dtype", ["u1", "<u2"])
@pytest.mark.parametrize("pattern", ["rggb", "bggr", "gbrg", "grbg"])
def test_bayer_patterns_give_the_colours_they_were_sampled_from(pattern: str, dtype: str) -> None:
    mosaic = np.zeros(SMOOTH.shape[:2], np.uint8)
    for i, colour in enumerate(pattern):
        rows, columns = slice(i // 2, None, 2), slice(i % 2, None, 2)
        mosaic[rows, columns] = SMOOTH[rows, columns, "bgr".index(colour)]
    stored = mosaic if dtype == "u1" else mosaic.astype(dtype) * 257
    image = read(stored, f"bayer_{pattern}{8 if dtype == 'u1' else 16}")
    inner = (slice(2, -2), slice(2, -2))
    difference = np.abs(image[inner].astype(int) - SMOOTH[inner])
    assert difference.max() <= 6


@pytest.mark.parametrize(("encoding", "order"), [("yuv422", "UYVY"), ("yuv422_yuy2", "YUYV")])
def test_packed_yuv_keeps_grey_values(encoding: str, order: str) -> None:
    luma = np.full((4, 8), 180, np.uint8)
    neutral = np.full((4, 8), 128, np.uint8)
    image = read(np.dstack([neutral, luma] if order == "UYVY" else [luma, neutral]), encoding)
    assert image.shape == (4, 8, 3)
    assert np.ptp(image.astype(int)) <= 1


@pytest.mark.parametrize("bits", [10, 12, 14, 16])
def test_16_bit_values_use_the_range_of_their_sensor(bits: int) -> None:
    ramp = np.linspace(0, (1 << bits) - 1, 48).astype(np.uint16).reshape(6, 8)
    image = to_8_bits(ramp)
    assert image.min() == 0
    assert image.max() == 255
    assert (np.diff(image.ravel().astype(int)) >= 0).all()


@pytest.mark.parametrize(
    ("encoding", "width", "height", "step", "size", "words"),
    [
        ("vogon8", 8, 6, 8, 48, "vogon8"),
        ("rgb8", 8, 6, 23, 144, "step"),
        ("mono8", 8, 6, 8, 47, "47 bytes"),
        ("mono8", 0, 6, 0, 0, "empty"),
        ("mono8", 8, 6, 8, 0, "empty"),
        ("mono8", 1 << 31, 1 << 31, 1 << 31, 10, "pixels"),
    ],
)
def test_impossible_images_are_refused_by_name(
    encoding: str, width: int, height: int, step: int, size: int, words: str
) -> None:
    with pytest.raises(DecodeError, match=words):
        image_from_ros(bytes(size), encoding=encoding, width=width, height=height, step=step)


def test_the_last_rows_padding_may_be_missing() -> None:
    data = bytes([5] * 8 + [0] * 4 + [6] * 8)
    image = image_from_ros(data, encoding="mono8", width=8, height=2, step=12)
    assert image.tolist() == [[5] * 8, [6] * 8]


@given(
    st.sampled_from(sorted(ENCODINGS)),
    st.integers(-2, 9),
    st.integers(-2, 9),
    st.integers(0, 80),
    st.binary(max_size=500),
    st.booleans(),
)
def test_any_fields_give_an_image_of_that_size_or_a_decode_error(
    encoding: str, width: int, height: int, step: int, data: bytes, big_endian: bool
) -> None:
    try:
        image = image_from_ros(
            data,
            encoding=encoding,
            width=width,
            height=height,
            step=step,
            is_bigendian=big_endian,
        )
    except DecodeError:
        return
    assert image.shape[:2] == (height, width)
    assert image.dtype == np.uint8


@pytest.mark.parametrize("suffix", [".jpg", ".png"])
@given(width=st.integers(1, 300), height=st.integers(1, 300), grey=st.booleans())
def test_header_size_is_the_decoded_size(suffix: str, width: int, height: int, grey: bool) -> None:
    picture = np.zeros((height, width) if grey else (height, width, 3), np.uint8)
    data = cv2.imencode(suffix, picture)[1].tobytes()
    assert image_size(data) == (width, height)
    assert check_complete(data).width == width
    assert decode(Frame(0, encoded=data)).shape == (height, width, 3)
    assert decode_grey(Frame(0, encoded=data)).shape == (height, width)


def test_progressive_jpeg_header_is_read() -> None:
    options = [cv2.IMWRITE_JPEG_PROGRESSIVE, 1]
    data = cv2.imencode(".jpg", np.zeros((50, 70, 3), np.uint8), options)[1].tobytes()
    assert image_size(data) == (70, 50)


def jpeg_bomb() -> bytes:
    data = bytearray(encode_jpeg(np.zeros((16, 16, 3), np.uint8), 90))
    at = data.index(b"\xff\xc0")
    data[at + 5 : at + 9] = struct.pack(">HH", 65535, 65535)
    return bytes(data)


def png_bomb() -> bytes:
    data = bytearray(cv2.imencode(".png", np.zeros((4, 4), np.uint8))[1].tobytes())
    data[16:24] = struct.pack(">II", 100_000, 100_000)
    data[29:33] = struct.pack(">I", zlib.crc32(data[12:29]))
    return bytes(data)


@pytest.mark.parametrize("bomb", [jpeg_bomb(), png_bomb()], ids=["jpeg", "png"])
def test_a_small_file_that_claims_a_huge_picture_is_refused_undecoded(bomb: bytes) -> None:
    for read_it in (image_size, check_complete):
        with pytest.raises(DecodeError, match="megapixels"):
            read_it(bomb)
    with pytest.raises(DecodeError, match="megapixels"):
        decode(Frame(0, encoded=bomb))


@pytest.mark.parametrize("suffix", [".jpg", ".png"])
@given(data=st.data())
def test_a_cut_picture_is_never_complete(suffix: str, data: st.DataObject) -> None:
    whole = cv2.imencode(suffix, np.tile(GREY, (5, 5)))[1].tobytes()
    end = 2 if suffix == ".jpg" else 8
    cut = data.draw(st.integers(0, len(whole) - end))
    with pytest.raises(DecodeError):
        check_complete(whole[:cut])


@given(st.binary(max_size=200), st.sampled_from([b"", b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n"]))
def test_junk_is_a_decode_error_and_nothing_else(junk: bytes, magic: bytes) -> None:
    for read_it in (image_size, lambda data: decode(Frame(0, encoded=data)).shape[1::-1]):
        try:
            width, height = read_it(magic + junk)
        except AgentError:
            continue
        assert width > 0
        assert height > 0


@given(st.data())
def test_a_damaged_jpeg_decodes_to_its_size_or_is_a_decode_error(data: st.DataObject) -> None:
    whole = bytearray(encode_jpeg(np.tile(BGR, (4, 4, 1)), 90))
    for _ in range(data.draw(st.integers(1, 5))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    try:
        size = image_size(bytes(whole))
        image = decode(Frame(0, encoded=bytes(whole)))
    except AgentError:
        return
    assert image.shape[1::-1] == size


def test_16_bit_png_is_scaled_like_a_16_bit_image() -> None:
    depth = np.linspace(0, 4000, 48).astype(np.uint16).reshape(6, 8)
    frame = Frame(0, encoded=cv2.imencode(".png", depth)[1].tobytes())
    np.testing.assert_array_equal(decode_grey(frame), to_8_bits(depth))
    assert decode(frame).shape == (6, 8, 3)


def test_transparent_png_loses_its_alpha() -> None:
    data = cv2.imencode(".png", with_alpha(BGR))[1].tobytes()
    np.testing.assert_array_equal(decode(Frame(0, encoded=data)), BGR)


def test_decoding_converts_between_grey_and_colour() -> None:
    assert decode(Frame(0, image=GREY)).shape == (6, 8, 3)
    assert decode_grey(Frame(0, image=BGR)).shape == (6, 8)


@pytest.mark.parametrize(("min_width", "width"), [(640, 640), (320, 320), (321, 640), (10, 80)])
def test_grey_decoding_may_be_reduced_but_never_below_the_asked_width(
    min_width: int, width: int
) -> None:
    frame = Frame(0, encoded=encode_jpeg(np.zeros((480, 640, 3), np.uint8), 90))
    assert decode_grey(frame, min_width).shape[1] == width


def test_a_frame_without_picture_is_a_decode_error() -> None:
    with pytest.raises(DecodeError, match="no picture"):
        decode(Frame(0))


@pytest.mark.parametrize(
    "array", [np.zeros((4, 4), np.float32), np.zeros((0, 4), np.uint8), np.zeros(4, np.uint8)]
)
def test_only_pictures_are_encoded(array: np.ndarray) -> None:
    with pytest.raises(DecodeError):
        encode_jpeg(array, 90)
