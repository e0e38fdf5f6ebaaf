"""Second looks by a VLM behind an OpenAI-compatible server, which is given the question.

Out of scope: the connection (`embodied_agent.chat.client`), which keyframes are looked at
(`embodied_agent.agent.second_look`).
"""

from __future__ import annotations

from contextlib import closing

from embodied_agent.chat.client import ChatServer
from embodied_agent.chat.messages import with_pictures
from embodied_agent.perception.served import keyframe_jpeg
from embodied_agent.records import Keyframe, Question
from embodied_agent.settings import PerceptionSettings

#: Maximum length of a finding, in characters.
_MOST = 600
#: The reply requested for a picture that does not help.
NOTHING = "nothing"
_ASKED = (
    "This picture is keyframe #{number} of what a moving camera saw. Someone asks: {question}\n"
    "{choices}Don't answer. Say in one or two sentences what this picture shows that helps with "
    "the question: the things that it names, or what is near them, with colour and kind, where "
    "they are seen from the camera (front, front-left, left, …, never places in the picture), and "
    "how far (near, mid, far). Say only what you see for certain. If nothing helps, reply "
    f"'{NOTHING}'."
)


class ServedLooker:
    """`Looker` that asks a VLM behind an OpenAI-compatible server.

    Raises:
        ModelError: ``server.base_url`` is not an http(s) URL.
    """

    def __init__(self, settings: PerceptionSettings, max_tokens: int) -> None:
        self._settings = settings
        self._max_tokens = max_tokens
        self._server = ChatServer(settings.server)

    @property
    def name(self) -> str:
        """The model's name as the server knows it."""
        return self._server.name

    @property
    def parallel(self) -> int:
        """All at once: the server batches them."""
        return 32

    def look(self, keyframe: Keyframe, question: Question, timeout_s: float) -> str:
        """As `Looker.look`."""
        choices = f"They choose from: {'; '.join(question.choices)}.\n" if question.choices else ""
        asked = _ASKED.format(number=keyframe.id, question=question.text, choices=choices)
        message = with_pictures([keyframe_jpeg(keyframe, self._settings.image_width)], asked)
        pieces = self._server.stream([message], max_tokens=self._max_tokens, timeout_s=timeout_s)
        with closing(pieces):
            reply = "".join(piece.text for piece in pieces if not piece.reasoning)
        return _line(reply)

    def close(self) -> None:
        """Close the connection. Safe to call twice."""
        self._server.close()


def _line(reply: str) -> str:
    """A finding as one line that can't be mistaken for entries or tags; empty for `NOTHING`."""
    plain = reply.rpartition("</think>")[2]
    for sign in "<>#":
        plain = plain.replace(sign, " ")
    line = " ".join(plain.split())[:_MOST]
    return "" if line.strip("'\". ").casefold() in ("", NOTHING) else line
