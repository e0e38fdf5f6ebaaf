"""A second look at one stored keyframe, with a question in mind.

A general VLM is asked what the picture shows that helps with the question. The built-in perceiver
does not understand questions: it describes the picture as if it were a first view, without the
previous picture, and only objects that the question or its choices name are kept.

Out of scope: the general VLM (`look_served`), which keyframes are looked at and for how long
(`embodied_agent.agent.second_look`).
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Protocol

from embodied_agent.errors import ModelError
from embodied_agent.perception.base import Perceiver
from embodied_agent.records import Keyframe, Question
from embodied_agent.settings import PerceptionSettings
from embodied_agent.transcript.recall import named_objects
from embodied_agent.transcript.text import mention_text


class Looker(Protocol):
    """Takes second looks at stored pictures. Safe to call from several threads."""

    @property
    def name(self) -> str:
        """The model's name."""
        ...

    @property
    def parallel(self) -> int:
        """How many pictures to look at concurrently."""
        ...

    def look(self, keyframe: Keyframe, question: Question, timeout_s: float) -> str:
        """What ``keyframe`` (with its picture) shows that helps with ``question``, in one line;
        empty if nothing does.

        Raises:
            ModelUnavailable: the model can't be reached, or took longer than ``timeout_s`` seconds.
            ModelError: the model can't be used.
            DecodeError: the picture can't be decoded.
        """
        ...

    def close(self) -> None:
        """Release the model or the connection. Safe to call twice."""
        ...


def make_looker(
    settings: PerceptionSettings, max_tokens: int, perceiver: Callable[[], Perceiver]
) -> Looker:
    """The looker for the model that ``settings.backend`` names.

    Args:
        settings: of perception.
        max_tokens: maximum length of a served model's finding.
        perceiver: returns the perceiver in process, which is shared with perception.

    Raises:
        ModelError: perception has no model, or it can't be loaded.
    """
    if settings.backend == "auto":
        from embodied_agent.perception.auto import resolve_backend

        settings = resolve_backend(settings)
    if settings.backend == "geometry":
        raise ModelError(
            "perception.backend is geometry, which has no model for a second look: use served or "
            "builtin, or set reasoning.second_look.mode to off"
        )
    if settings.backend == "served" and settings.prompt != "compact":
        from embodied_agent.perception.look_served import ServedLooker

        return ServedLooker(settings, max_tokens)
    return DescribingLooker(perceiver())


class DescribingLooker:
    """`Looker` for a perceiver that takes no questions: it describes the picture alone."""

    def __init__(self, perceiver: Perceiver) -> None:
        self._perceiver = perceiver

    @property
    def name(self) -> str:
        """The perceiver's name."""
        return self._perceiver.name

    @property
    def parallel(self) -> int:
        """One: the model in process looks at one picture at a time."""
        return 1

    def look(self, keyframe: Keyframe, question: Question, timeout_s: float) -> str:
        """As `Looker.look`; a description that has begun is not interrupted."""
        started = time.monotonic()
        delta = self._perceiver.perceive(None, replace(keyframe, egomotion=None))
        if time.monotonic() - started > timeout_s or not delta.usable:
            return ""
        asked = "\n".join((question.text, *question.choices))
        named = named_objects(asked, (mention.name for mention in delta.mentions))
        return ", ".join(mention_text(m) for m in delta.mentions if m.name in named)

    def close(self) -> None:
        """Nothing: the perceiver belongs to perception."""
