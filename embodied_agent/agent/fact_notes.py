"""Facts on their way into the memory: from people and programs, live topics, and recordings.

The callback of a live topic leaves its messages here, and a thread of this module notes the latest
of each fact, so a topic of any rate needs one place in RAM. Facts of a recording are noted in
order, several at once. Waiting facts are noted before a question is answered, and at the end.

Out of scope: which values are noted (`fact_gate`), the table (`embodied_agent.memory.facts`).
"""

from __future__ import annotations

import logging
import math
import threading
import time
from collections.abc import Callable
from typing import Any

from embodied_agent.agent.fact_gate import FactGate
from embodied_agent.codec import encodable
from embodied_agent.errors import QuestionError, StoreError
from embodied_agent.memory.store import Store
from embodied_agent.records import Fact
from embodied_agent.settings import FactSettings
from embodied_agent.settings.facts import (
    MAX_FACT_NAME,
    MAX_FACT_VALUE,
    FactTopic,
    fact_key,
    is_fact_name,
)
from embodied_agent.support.message_text import FieldError
from embodied_agent.support.throttled_log import ThrottledLog

_log = logging.getLogger(__name__)

#: Stamps from here (2001-09-09) on are taken as nanoseconds since 1970.
_EPOCH_NS = 10**18
_INT64 = 2**63 - 1
_HUGE = 10**100
#: Facts of a recording that are stored in one transaction.
_AT_ONCE = 64
#: Most different names of facts that a memory accepts from people.
MAX_NAMES = 500
#: Longest time that a live value is held because it came too soon after another, in seconds.
_LONGEST_HELD_S = 5.0


def value_text(value: str | float | int | bool) -> str:
    """The text of a value, as a person or a program gives it.

    Raises:
        QuestionError: it is empty, too long, not finite, or neither a text nor a number.
    """
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        if abs(value) >= _HUGE:
            raise QuestionError("a fact's value is a number with at most 100 digits")
        return str(value)
    if isinstance(value, float):
        if not math.isfinite(value):
            raise QuestionError(f"a fact's value can't be {value}: leave out what is not measured")
        return f"{value:.12g}"
    if not isinstance(value, str):
        raise QuestionError(f"a fact's value is a text or a number, not {type(value).__name__}")
    text = " ".join(encodable(value).split())
    if not 0 < len(text) <= MAX_FACT_VALUE:
        raise QuestionError(
            f"a fact's value has 1 to {MAX_FACT_VALUE} characters, not {len(text):,}"
        )
    return text


class FactNotes:
    """Notes the facts of one memory. Every method may be called from any thread.

    Args:
        store: the memory.
        settings: of facts.
        on_error: told of a live fact that can't be stored.
    """

    def __init__(
        self, store: Store, settings: FactSettings, on_error: Callable[[Exception], object]
    ) -> None:
        self._store = store
        self._settings = settings
        self._on_error = on_error
        self._lock = threading.RLock()
        self._gate = FactGate(settings)
        self._waiting: list[Fact] = []  # a recording's, to be stored together
        self._posted: dict[str, Fact] = {}  # the latest of each live fact
        self._came = threading.Condition()
        self._thread: threading.Thread | None = None
        self._closed = self._poked = False
        self._names: set[str] | None = None
        self._warnings = ThrottledLog(_log.warning)

    @property
    def topics(self) -> tuple[FactTopic, ...]:
        """The facts that are noted from topics."""
        return self._settings.read()

    def note(
        self,
        name: str,
        value: str | float | int | bool,
        stamp_ns: int | None = None,
        *,
        by: str = "",
    ) -> Fact:
        """Note a value that a person or a program gives; see `embodied_agent.Agent.note`.

        Raises:
            QuestionError: it can't be used.
            StoreError: the memory can't be written.
        """
        plain = " ".join(name.split())
        if not is_fact_name(plain):
            raise QuestionError(
                f"{name[:80]!r} can't be the name of a fact: it begins with a letter and has "
                f"letters, digits, spaces, - and _, at most {MAX_FACT_NAME} in all"
            )
        if stamp_ns is not None and not 0 <= stamp_ns <= _INT64:
            raise QuestionError(f"a fact's stamp is in nanoseconds from 0 on, not {stamp_ns}")
        if self._store.read_only:
            raise StoreError(f"can't note a fact: {self._store.path} was opened read-only")
        text = value_text(value)
        with self._lock:
            if self._names is None:
                self._names = {fact_key(known) for known in self._store.facts.names()}
            if fact_key(plain) not in self._names and len(self._names) >= MAX_NAMES:
                raise QuestionError(f"there are {MAX_NAMES} facts already; use one of their names")
            stamp = self._now_ns() if stamp_ns is None else stamp_ns
            fact = Fact(plain, text, stamp, " ".join(encodable(by).split())[:200])
            self._keep(self._gate.take(fact))
            self._names.add(fact_key(plain))
        if self._gate.holds:
            self._wake()
        return fact

    def hear(self, topic: FactTopic, message: Any, stamp_ns: int, *, source: str) -> None:
        """Note a message of a recording; called in their order.

        Raises:
            StoreError: the memory can't be written.
        """
        fact = self._fact(topic, message, stamp_ns, source)
        if fact is None:
            return
        with self._lock:
            self._waiting += self._gate.take(fact)
            if len(self._waiting) >= _AT_ONCE:
                self._keep([])

    def post(self, topic: FactTopic, message: Any, stamp_ns: int) -> None:
        """Leave a live message to be noted. Returns at once."""
        fact = self._fact(topic, message, stamp_ns, "")
        if fact is not None:
            with self._came:
                self._posted[topic.name] = fact
            self._wake()

    def flush(self) -> None:
        """Note everything that waits, for example before a question is answered.

        Raises:
            StoreError: the memory can't be written.
        """
        if self._store.read_only:
            return
        with self._lock:
            due = self._gate_posted()
            self._keep([*due, *self._gate.flush()])

    def forget(self) -> None:
        """Forget what was noted lately, because something was removed from the memory."""
        with self._lock:
            self._gate.forget()
            self._names = None

    def close(self) -> None:
        """Note what waits, and end the thread. Safe to call twice."""
        with self._came:
            self._closed = True
            self._came.notify_all()
        if self._thread is not None:
            self._thread.join()
            self._thread = None
        try:
            self.flush()
        except StoreError as error:
            self._on_error(error)

    def _fact(self, topic: FactTopic, message: Any, stamp_ns: int, source: str) -> Fact | None:
        try:
            text = topic.template.text_of(message)
        except FieldError as error:
            self._warnings.add(topic.name, f"the fact {topic.name}, from {topic.topic}: {error}")
            return None
        text = " ".join(encodable(text or "").split())
        if not text or not 0 <= stamp_ns <= _INT64:
            return None  # not measured
        if len(text) > MAX_FACT_VALUE:
            self._warnings.add(
                topic.name,
                f"the fact {topic.name}, from {topic.topic}, has {len(text):,} characters; "
                f"{MAX_FACT_VALUE} of them are noted",
            )
            text = f"{text[: MAX_FACT_VALUE - 1]}…"
        return Fact(topic.name, text, stamp_ns, topic.topic, source)

    def _keep(self, facts: list[Fact]) -> None:
        """Store facts, after those of a recording that still wait."""
        due = [*self._waiting, *facts]
        forgotten = self._store.corrections.is_forgotten
        remembered = [fact for fact in due if not forgotten(fact.stamp_ns)]
        if remembered:
            try:
                self._store.facts.add(remembered)
            except StoreError:
                self._gate.forget()  # so that the next value is noted, even an unchanged one
                raise
        self._waiting = []

    def _gate_posted(self) -> list[Fact]:
        with self._came:
            posted, self._posted = list(self._posted.values()), {}
        return [due for fact in posted for due in self._gate.take(fact)]

    def _now_ns(self) -> int:
        """Now, by the memory's clock: the last keyframe's stamp if stamps don't count from 1970."""
        last = self._store.stamp_of(self._store.last_id())
        return time.time_ns() if last is None or last >= _EPOCH_NS else last

    # -- live ------------------------------------------------------------------------------------

    def _wake(self) -> None:
        with self._came:
            if self._thread is None and not self._closed:
                self._thread = threading.Thread(target=self._run, name="facts", daemon=True)
                self._thread.start()
            self._poked = True
            self._came.notify_all()

    def _run(self) -> None:
        held_s = min(max(self._settings.min_interval_s, 0.01), _LONGEST_HELD_S)
        held_since: float | None = None
        while True:
            with self._came:
                wait_s = None
                if held_since is not None:
                    wait_s = max(0.0, held_since + held_s - time.monotonic())
                self._came.wait_for(lambda: self._poked or self._closed, wait_s)
                if self._closed:
                    return
                self._poked = False
            try:
                with self._lock:
                    due = self._gate_posted()
                    if held_since is not None and time.monotonic() - held_since >= held_s:
                        due += self._gate.flush()
                    if due:
                        self._keep(due)
                    if not self._gate.holds:
                        held_since = None
                    elif held_since is None or due:
                        held_since = time.monotonic()
            except StoreError as error:
                held_since = None
                self._on_error(error)
                self._warnings.add("store", f"facts can't be noted: {error}")
