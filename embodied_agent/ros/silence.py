"""Logs that no images arrive, with the image topics that do exist.

Once, and again when the advice changes: a node that has just started doesn't know all topics yet,
and a camera may start later.

Out of scope: diagnostics, which report it for as long as it lasts (`health`).
"""

from __future__ import annotations

import time
from collections.abc import Callable

#: Most lines about one silence.
_MOST_LINES = 5


class SilenceLog:
    """Logs a camera's silence when it begins, when the advice changes, and when it ends.

    Args:
        write: logs a warning.
        note: logs that all is well again.
        advice: called for what to do about it.
        clock: seconds that only grow.
    """

    def __init__(
        self,
        write: Callable[[str], object],
        note: Callable[[str], object],
        advice: Callable[[], str],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._write, self._note, self._advice, self._clock = write, note, advice, clock
        self._given: list[str] = []

    def look(
        self, topic: str, active_since_s: float | None, last_s: float | None, patience_s: float
    ) -> None:
        """Look now; call it about once a second.

        Args:
            topic: of the images.
            active_since_s: when the node became active; ``None``: it is not.
            last_s: when the latest image came; ``None``: none has.
            patience_s: no image for this long is silence.
        """
        if active_since_s is None:
            self._given = []
            return
        since_s = self._clock() - max(active_since_s, last_s or active_since_s)
        if since_s <= patience_s:
            if self._given:
                self._given = []
                self._note(f"images come on {topic} again")
            return
        if len(self._given) == _MOST_LINES:
            return
        advice = self._advice()
        if advice not in self._given:
            self._given.append(advice)
            self._write(f"no image on {topic} for {since_s:.0f} s: {advice}")
