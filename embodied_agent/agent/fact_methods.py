"""The methods of `Agent` about facts.

Out of scope: what they do (`fact_notes`).
"""

from __future__ import annotations

import logging

from embodied_agent.agent.fact_notes import FactNotes
from embodied_agent.memory.store import Store
from embodied_agent.records import Fact
from embodied_agent.settings.facts import FactTopic
from embodied_agent.sources import Source

_log = logging.getLogger(__name__)


class FactMethods:
    """A part of `Agent`, which sets ``_facts``."""

    store: Store
    _facts: FactNotes

    def note(
        self,
        name: str,
        value: str | float | int | bool,
        stamp_ns: int | None = None,
        *,
        by: str = "",
    ) -> Fact:
        """Note a value with a stamp beside what was seen: ``agent.note("battery", 0.8)``.

        It can be asked about ("what is the battery?", "what was the battery when you saw the
        sofa?"). A value that does not change is noted again every ``facts.repeat_s`` only, and one
        that changes every ``facts.min_interval_s``; the latest is not lost.

        Args:
            name: of the fact; names that differ in case, ``_``, ``-`` and spaces are the same.
            value: a text, or a finite number.
            stamp_ns: by the sensor's clock, in nanoseconds; by default now, or the last keyframe's
                stamp if stamps do not count from 1970.
            by: the person or program that says so.

        Raises:
            QuestionError: it can't be used: no name, not a number, too long.
            StoreError: the memory can't be written.
        """
        return self._facts.note(name, value, stamp_ns, by=by)

    def facts(
        self,
        name: str | None = None,
        *,
        from_ns: int | None = None,
        to_ns: int | None = None,
        limit: int = 100,
    ) -> list[Fact]:
        """The latest value of each fact by name; with a ``name`` or a time, all values that were
        noted, the last noted first.

        Args:
            name: only values of this fact.
            from_ns: earliest stamp, inclusive, in nanoseconds.
            to_ns: latest stamp, inclusive, in nanoseconds.
            limit: most values.

        Raises:
            StoreError: the memory can't be read.
        """
        self._facts.flush()
        if name is None and from_ns is None and to_ns is None:
            return self.store.facts.latest()[:limit]
        return self.store.facts.history(name, from_ns=from_ns, to_ns=to_ns, limit=limit)

    def note_message(self, topic: FactTopic, message: object, stamp_ns: int) -> None:
        """Note a live message of a topic (`settings.facts.read()`). Returns at once; a thread of
        the agent does it.

        What can't be noted is logged: a message without the field that the template names, and a
        value that is too long. A number that is not finite was not measured, and is left out.
        """
        self._facts.post(topic, message, stamp_ns)

    def hear(self, source: Source) -> None:
        """Note the facts of a recording that is about to be fed as if it were a camera."""
        self._hear_facts(source, None)

    def _hear_facts(self, source: Source, key: str | None) -> None:
        """Note the facts of a recording while it is read; as live ones if it has no ``key``."""
        topics_by_name: dict[str, list[FactTopic]] = {}
        for topic in self._facts.topics:
            topics_by_name.setdefault(topic.topic, []).append(topic)
        if not topics_by_name or self.store.read_only:
            return

        def take(name: str, stamp_ns: int, message: object) -> None:
            for topic in topics_by_name[name]:
                if key is None:
                    self._facts.post(topic, message, stamp_ns)
                else:
                    self._facts.hear(topic, message, stamp_ns, source=key)

        for absent in source.hear(topics_by_name, take):
            where = source.description.partition(": ")[0]
            _log.warning("no facts from %s: %s has no such topic", absent, where)

    def _end_facts(self, source: Source, key: str, *, unread: bool) -> None:
        """Note what still waits after a replay. A recording whose frames were not read, because the
        memory holds them all, is read for its facts unless the memory holds some."""
        if unread and self._facts.topics and not self.store.facts.holds(key):
            for _ in source:
                pass
        self._facts.flush()
