"""Messages of a chat as OpenAI-compatible servers take them.

Out of scope: what they say (`embodied_agent.perception.prompts`,
`embodied_agent.reasoning.prompts`).
"""

from __future__ import annotations

import base64
from collections.abc import Iterable
from typing import Literal, TypedDict


class TextPart(TypedDict):
    """Text within a message that has several parts."""

    type: Literal["text"]
    text: str


class ImageAddress(TypedDict):
    """Where a picture is: here always a ``data:`` URI that holds it."""

    url: str


class ImagePart(TypedDict):
    """A picture within a message."""

    type: Literal["image_url"]
    image_url: ImageAddress


class Message(TypedDict):
    """One turn of a chat: text alone, or parts in the order in which the model reads them."""

    role: Literal["system", "user", "assistant"]
    content: str | list[TextPart | ImagePart]


def with_pictures(pictures: Iterable[bytes], text: str) -> Message:
    """A user's message: PNG or JPEG files in order, then the text."""
    content: list[TextPart | ImagePart] = [
        {"type": "image_url", "image_url": {"url": _data_uri(picture)}} for picture in pictures
    ]
    content.append({"type": "text", "text": text})
    return {"role": "user", "content": content}


def _data_uri(picture: bytes) -> str:
    kind = "png" if picture.startswith(b"\x89PNG") else "jpeg"
    return f"data:image/{kind};base64,{base64.b64encode(picture).decode('ascii')}"
