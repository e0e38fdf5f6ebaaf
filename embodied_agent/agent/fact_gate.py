"""Which values of a fact are noted: changes, but not too often, and unchanged values now and then.

The latest value is not lost: one that arrives too soon after a noted one is held until the interval
is over or somebody asks. Times are those of the stamps, so that a recording gives the same facts
every time.

Out of scope: storing them (`fact_notes`).
"""

from __future__ import annotations

from dataclasses import dataclass

from embodied_agent.records import Fact
from embodied_agent.settings import FactSettings
from embodied_agent.settings.facts import fact_key


@dataclass(eq=False)
class _Noted:
    """The last value of a fact that was noted, and a later one that is held."""

    last: Fact
    held: Fact | None = None


class FactGate:
    """Decides which values are noted. Not thread-safe.

    Args:
        settings: of facts.
    """

    def __init__(self, settings: FactSettings) -> None:
        self._least_ns = round(settings.min_interval_s * 1e9)
        self._repeat_ns = round(settings.repeat_s * 1e9)
        self._noted: dict[tuple[str, str], _Noted] = {}

    @property
    def holds(self) -> bool:
        """Whether a value is held."""
        return any(noted.held is not None for noted in self._noted.values())

    def take(self, fact: Fact) -> list[Fact]:
        """Take in the next value of a fact; returns what is to be noted now, in order."""
        key = (fact.source, fact_key(fact.name))
        noted = self._noted.get(key)
        if noted is None or fact.stamp_ns < noted.last.stamp_ns:
            # The first value, or an earlier stamp, as after a restart of the clock.
            before = [] if noted is None or noted.held is None else [noted.held]
            self._noted[key] = _Noted(fact)
            return [*before, fact]
        due: list[Fact] = []
        if noted.held is not None and fact.stamp_ns - noted.last.stamp_ns >= self._least_ns:
            due.append(noted.held)
            noted.last, noted.held = noted.held, None
        since_ns = fact.stamp_ns - noted.last.stamp_ns
        if fact.value == noted.last.value:
            noted.held = None
            is_due = bool(self._repeat_ns) and since_ns >= self._repeat_ns
        else:
            is_due = since_ns >= self._least_ns
            noted.held = None if is_due else fact
        if is_due:
            due.append(fact)
            noted.last = fact
        return due

    def flush(self) -> list[Fact]:
        """Release all held values, in the order of their stamps."""
        due = []
        for noted in self._noted.values():
            if noted.held is not None:
                due.append(noted.held)
                noted.last, noted.held = noted.held, None
        return sorted(due, key=lambda fact: fact.stamp_ns)

    def forget(self) -> None:
        """Forget all values, because something was removed from the memory."""
        self._noted.clear()
