"""The reasoner reads the memory while nobody asks.

A model in this process takes seconds to read a long transcript. It is read as it grows, whenever no
keyframe waits to be perceived, so that a question has to read only itself. A question takes over at
once. What is read ahead is what the next question about the present begins with; it changes no
answer.

Out of scope: reading (`embodied_agent.reasoning.builtin`), loading (`model_loading`).
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from embodied_agent.agent.note_index import LostDelta
from embodied_agent.errors import AgentError
from embodied_agent.memory.store import Store
from embodied_agent.reasoning.base import InProcess, Prompt, Reasoner

_log = logging.getLogger(__name__)

#: The thread wakes this often without news, so that no wait lasts forever.
_WAKE_S = 60.0
#: How long `close` waits for the block of tokens that is being read, in seconds.
_CLOSE_S = 10.0


class ReadAhead:
    """Reads ahead on a thread of its own, which starts with the first `notify`.

    Args:
        store: nothing is read while keyframes are pending in it.
        reasoner: the reasoner; ``None`` until it is loaded.
        beginning: the prompt without its task, for a source, a segment and a last keyframe.
    """

    def __init__(
        self,
        store: Store,
        reasoner: Callable[[], Reasoner | None],
        beginning: Callable[[str, int, int], Prompt],
    ) -> None:
        self._store = store
        self._reasoner = reasoner
        self._beginning = beginning
        self._changed = threading.Condition()
        self._news = self._closed = False
        self._thread: threading.Thread | None = None
        #: How often the present transcript was read to its end.
        self.completed = 0

    def notify(self) -> None:
        """The memory has grown, or the reasoner was loaded; returns at once."""
        if not isinstance(self._reasoner(), InProcess):
            return
        with self._changed:
            self._news = True
            if self._thread is None and not self._closed:
                self._thread = threading.Thread(target=self._work, name="read-ahead", daemon=True)
                self._thread.start()
            self._changed.notify_all()

    def close(self) -> None:
        """Stop. Safe to call twice."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        if self._thread is not None:
            self._thread.join(_CLOSE_S)

    def _work(self) -> None:
        while True:
            with self._changed:
                while not self._news and not self._closed:
                    self._changed.wait(_WAKE_S)
                if self._closed:
                    return
                self._news = False
            try:
                self._read()
            except (AgentError, LostDelta) as error:
                # The next question reads by itself, and says what is wrong.
                _log.debug("not read ahead: %s", error)

    def _read(self) -> None:
        reasoner = self._reasoner()
        if not isinstance(reasoner, InProcess) or self._store.pending_count():
            return
        past = self._store.horizon()
        if past is not None:
            segment, last_id = past
            prompt = self._beginning(self._store.source_of(last_id), segment, last_id)
            self.completed += reasoner.read_ahead(prompt)
