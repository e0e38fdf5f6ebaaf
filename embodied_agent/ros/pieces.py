"""A reply as it streams in, without its tags: reasoning first, then the answer.

Models write `<think>…</think><answer>…</answer>`, and a tag may be cut anywhere between two pieces.

Out of scope: what the whole reply means (`embodied_agent.reasoning.answer`).
"""

from __future__ import annotations

import re
from typing import NamedTuple

_TAG = re.compile(r"</?(?:think|answer)>")
_TAGS = ("<think>", "</think>", "<answer>", "</answer>")


class Part(NamedTuple):
    """Some text of a reply; ``answer``: it belongs to the answer, not to the reasoning."""

    text: str
    answer: bool


class Untagged:
    """Takes a reply piece by piece and gives its text without tags."""

    def __init__(self) -> None:
        self._kept = ""
        self._answer = False

    def add(self, piece: str) -> list[Part]:
        """The parts that are known once this piece came; what may be the start of a tag waits."""
        text = self._kept + piece
        cut = _start_of_tag(text)
        self._kept = text[cut:]
        return self._split(text[:cut])

    def end(self) -> list[Part]:
        """The reply is over: the held-back text was not a tag."""
        text, self._kept = self._kept, ""
        return self._split(text)

    def _split(self, text: str) -> list[Part]:
        parts = []
        at = 0
        for tag in _TAG.finditer(text):
            parts.append(Part(text[at : tag.start()], self._answer))
            self._answer = tag.group() == "<answer>"
            at = tag.end()
        parts.append(Part(text[at:], self._answer))
        return [part for part in parts if part.text]


def _start_of_tag(text: str) -> int:
    """Where a tag may begin that is not complete yet; the length of ``text`` where none does."""
    at = text.rfind("<")
    if at < 0 or _TAG.match(text, at):
        return len(text)
    return at if any(tag.startswith(text[at:]) for tag in _TAGS) else len(text)
