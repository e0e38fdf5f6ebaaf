"""Chat messages in the format of OpenAI-compatible servers.

Out of scope: their text (`embodied_agent.perception.prompts`, `embodied_agent.reasoning.prompts`).
"""

from __future__ import annotations

import base64
from collections.abc import Iterable
from typing import Literal, TypedDict

from embodied_agent.errors import DecodeError
from embodied_agent.images import decode, read_header
from embodied_agent.records import Frame

#: Vision models cut pictures into patches of 14 or 16 pixels and join two by two: Qwen's, for
#: example, refuse pictures with a side below 28, and others fail on odd ones.
LEAST_SIDE = 28
#: A picture that has to grow gets no longer than this, in pixels.
_LONGEST_SCALED = 640
#: JPEG quality of a picture that had to be resized.
_QUALITY = 95


class TextPart(TypedDict):
    """The text in a message with several parts."""

    type: Literal["text"]
    text: str


class ImageAddress(TypedDict):
    """A picture's address: here always a ``data:`` URI that contains the picture."""

    url: str


class ImagePart(TypedDict):
    """A picture in a message with several parts."""

    type: Literal["image_url"]
    image_url: ImageAddress


class Message(TypedDict):
    """One turn of a chat: a text, or parts in the order in which the model reads them."""

    role: Literal["system", "user", "assistant"]
    content: str | list[TextPart | ImagePart]


def with_pictures(pictures: Iterable[bytes], text: str) -> Message:
    """A user message: PNG or JPEG files in order, in a size that servers read, then the text.

    Raises:
        DecodeError: a picture can't be decoded.
    """
    content: list[TextPart | ImagePart] = [
        {"type": "image_url", "image_url": {"url": _data_uri(readable(picture))}}
        for picture in pictures
    ]
    content.append({"type": "text", "text": text})
    return {"role": "user", "content": content}


def readable(picture: bytes) -> bytes:
    """``picture`` with sides of at least `LEAST_SIDE` pixels that are even, in proportion where
    both can be; unchanged if it is so already.

    Raises:
        DecodeError: it can't be decoded.
    """
    header = read_header(picture)
    width, height = header.upright_size
    scale = max(1.0, LEAST_SIDE / min(width, height))
    # A strip is widened out of proportion, rather than made thousands of pixels long.
    longest = max(width, height, _LONGEST_SCALED)
    size = tuple(2 * round(min(side * scale, longest) / 2) for side in (width, height))
    size = (max(size[0], LEAST_SIDE), max(size[1], LEAST_SIDE))
    if size == (width, height):
        return picture
    import cv2

    pixels = decode(Frame(0, encoded=picture))
    grown = size[0] * size[1] > width * height
    resized = cv2.resize(pixels, size, interpolation=cv2.INTER_CUBIC if grown else cv2.INTER_AREA)
    kind = ".png" if header.kind == "png" else ".jpg"
    ok, encoded = cv2.imencode(kind, resized, [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])
    if not ok:
        raise DecodeError(f"a picture of {width}x{height} can't be encoded again")
    return encoded.tobytes()


def _data_uri(picture: bytes) -> str:
    kind = "png" if picture.startswith(b"\x89PNG") else "jpeg"
    return f"data:image/{kind};base64,{base64.b64encode(picture).decode('ascii')}"
