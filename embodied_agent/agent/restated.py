"""Questions in free words, restated by a small language model before the rules answer them.

The rules read plain questions at once; everything else goes through the model if there is one. Its
reply counts only if it is one of the plain forms, keeps to what the question names, and is likely
enough. Otherwise, and if the model fails or takes too long, the question is answered as it was put.

Out of scope: the model (`embodied_agent.reasoning.restating`), the plain forms
(`embodied_agent.rules.plain`).
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Generator
from dataclasses import dataclass

from embodied_agent.agent.model_loading import ModelLoading
from embodied_agent.errors import ModelError, ModelUnavailable
from embodied_agent.reasoning.restating import (
    MOST_CHARACTERS,
    BuiltinRestater,
    Restater,
    lacking,
    restates,
)
from embodied_agent.records import Question
from embodied_agent.rules import Notes, Restated, read_restated
from embodied_agent.rules.families import is_plain
from embodied_agent.settings import ReasoningSettings

_log = logging.getLogger(__name__)
#: A reply whose tokens are together less probable is not used.
LEAST_PROBABILITY = 0.5
#: Of a question's time, at most this share is spent waiting for the model to be loaded.
_LOADING_SHARE = 0.5
_AS_PUT = "the question was taken as it was put"


@dataclass(frozen=True, slots=True)
class Reading:
    """How a question is read.

    Attributes:
        restated: the question in a plain form; ``None``: as it was put.
        notice: what the user is told about it; may be empty.
        loading_s: how long the question waited for the model to be loaded, in seconds.
        restating_s: how long restating took, in seconds.
    """

    restated: Restated | None = None
    notice: str = ""
    loading_s: float = 0.0
    restating_s: float = 0.0


class Restating:
    """Restates questions. Safe to call from several threads.

    Args:
        settings: of reasoning.
        make: makes the model when it is first needed; ``None``: the one that the settings name, if
            it is there.
    """

    def __init__(
        self, settings: ReasoningSettings, make: Callable[[], Restater] | None = None
    ) -> None:
        self._settings = settings
        self._owned = make is None
        self._loading: ModelLoading[Restater] = ModelLoading(
            "the model that restates questions",
            make or (lambda: BuiltinRestater(settings.restate_model)),
            settings.load_timeout_s,
        )
        self._enabled = restates(settings)
        if self._enabled and settings.restate == "auto" and make is None:
            problem = lacking(settings.restate_model)
            self._enabled = not problem
            if problem and settings.restate_model:
                _log.warning("questions are answered as they are put: %s", problem)
        self._counting = threading.Lock()
        #: Questions that were answered as they were restated.
        self.count = 0

    @property
    def model(self) -> str:
        """The model's name; empty before it is loaded."""
        loaded = self._loading.model
        return "" if loaded is None else loaded.name

    def prepare(self) -> None:
        """Load the model now, in the background, if questions are restated at all."""
        if self._enabled:
            self._loading.start()

    def is_wanted(self, question: Question, notes: Notes) -> bool:
        """Whether a question is to be restated before it is answered."""
        return (
            self._enabled
            and not question.choices
            and len(question.text) <= MOST_CHARACTERS
            and not is_plain(question.text, notes.nouns)
        )

    def read(self, text: str, deadline: float) -> Generator[str, None, Reading]:
        """Yield empty pieces while the model works, and return how a question is to be read.

        Args:
            text: the question, one that `is_wanted`.
            deadline: of the question, by `time.monotonic`, in seconds.

        Raises:
            ModelError: the model can't be loaded, and the settings insist on it.
        """
        insists = self._settings.restate == "on"
        began = time.monotonic()
        if began >= deadline:
            return Reading(None, f"{_AS_PUT}: no time was left to restate it")
        limit_s = None if insists else _LOADING_SHARE * max(0.0, deadline - began)
        try:
            restater = yield from self._loading.wait(limit_s)
        except ModelError as error:
            if insists:
                raise
            if isinstance(error, ModelUnavailable):
                return Reading(None, f"{_AS_PUT}: {error}", time.monotonic() - began)
            _log.warning("questions are answered as they are put: %s", error)
            self._enabled = False
            return Reading(loading_s=time.monotonic() - began)
        loaded = time.monotonic()
        loading_s = loaded - began
        left_s = max(0.0, min(deadline - loaded, self._settings.restate_timeout_s))
        try:
            restatement = yield from restater.restating(text, timeout_s=left_s)
        except ModelError as error:
            notice = f"{_AS_PUT}: {error}"
            return Reading(None, notice, loading_s, time.monotonic() - loaded)
        spent_s = time.monotonic() - loaded
        restated = read_restated(restatement.reply, text)
        _log.debug(
            "%r restated as %r, probability %.2f", text, restatement.reply, restatement.probability
        )
        if (
            restated is None
            or restated.meaning == "as_put"
            or restatement.probability < LEAST_PROBABILITY
        ):
            return Reading(None, "", loading_s, spent_s)
        notice = f"taken as “{restated.text}”" if restated.text else ""
        return Reading(restated, notice, loading_s, spent_s)

    def note_used(self) -> None:
        """A question was answered as it was restated."""
        with self._counting:
            self.count += 1

    def close(self) -> None:
        """Release the model, if it was made here and loaded."""
        loaded = self._loading.model
        if loaded is not None and self._owned:
            loaded.close()
