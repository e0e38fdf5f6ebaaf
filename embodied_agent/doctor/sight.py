"""Whether a served model sees the pictures that it is sent.

A server may accept pictures and drop one or both, and still reply. So two known pictures are sent,
of a square in a random colour that moves to a random side, and the reply is judged by its content:
a model that sees nothing is right once in twelve.

Out of scope: whether the server accepts pictures at all (`servers`).
"""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass
from typing import Literal

from embodied_agent.chat.messages import Message, with_pictures

#: Blue, green, red values of the colours.
_COLOURS = {
    "red": (30, 30, 220), "green": (40, 170, 40), "blue": (220, 60, 30), "yellow": (40, 220, 240),
    "black": (10, 10, 10), "pink": (190, 120, 250),
}  # fmt: skip
_SIDES = ("left", "right")
_SIZE, _SQUARE = 224, 72
_ASKED = (
    "Both pictures show one square on a white ground. What colour is the square, and did it move "
    "to the left or to the right from the first picture to the second? Reply with the colour and "
    "the side, two words."
)


@dataclass(frozen=True, slots=True)
class Trial:
    """A known pair of pictures: a square of this colour, which moves to this side."""

    colour: str
    side: str

    @classmethod
    def drawn(cls) -> Trial:
        """A random one, so that no reply can be known beforehand."""
        return cls(secrets.choice(sorted(_COLOURS)), secrets.choice(_SIDES))

    def message(self) -> Message:
        """The message with both pictures."""
        places = (0.5, 0.15 if self.side == "left" else 0.85)
        return with_pictures([_picture(_COLOURS[self.colour], place) for place in places], _ASKED)

    def judge(self, reply: str) -> tuple[Literal["both", "colour", "nothing"], str]:
        """What the reply shows that the model saw, and that in words."""
        words = set(re.findall(r"[a-z]+", reply.rpartition("</think>")[2].lower()))
        colours, sides = words & _COLOURS.keys(), words & set(_SIDES)
        said = " ".join(reply.rpartition("</think>")[2].split())[:80] or "nothing"
        expected = f"{self.colour}, {self.side}"
        if colours == {self.colour} and sides == {self.side}:
            return "both", f"saw what is in them: {expected}"
        if colours == {self.colour}:
            return "colour", (
                f"sees the colour but not what moved (it says {said!r}; right is {expected!r}): "
                "check that the server passes on both pictures, in order"
            )
        return "nothing", (
            f"does not see what is in them (it says {said!r}; right is {expected!r}): check that "
            "the model is a vision model, and that the server's picture input (for llama.cpp its "
            "--mmproj file) is set up"
        )


def _picture(colour: tuple[int, int, int], place: float) -> bytes:
    import cv2
    import numpy as np

    image = np.full((_SIZE, _SIZE, 3), 255, np.uint8)
    begin = round(place * _SIZE - _SQUARE / 2)
    top = (_SIZE - _SQUARE) // 2
    image[top : top + _SQUARE, max(0, begin) : begin + _SQUARE] = colour
    _, encoded = cv2.imencode(".png", image)
    return encoded.tobytes()
