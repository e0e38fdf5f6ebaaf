"""The checks that a picture from a live topic must pass before it becomes a frame of the agent.

They are the same as for recordings: complete, not torn, within the limits. Then the picture is
turned, masked and redacted as the settings say.
"""

from __future__ import annotations

from embodied_agent.records import Frame
from embodied_agent.settings import SourceSettings
from embodied_agent.sources.filters import Filters
from embodied_agent.sources.picture_checks import FlatRows, check_encoded


class Gate:
    """Of one camera; feed its pictures in their order.

    Raises:
        SettingsError: ``source.redact`` names nothing that is installed.
    """

    def __init__(self, settings: SourceSettings) -> None:
        self._settings = settings
        self._flat = FlatRows()
        self._filters = Filters(settings)

    def turn(self, turns: int) -> None:
        """Turn pictures by so many quarter turns clockwise from now on, unless the settings say."""
        self._filters = Filters(self._settings, turns)

    def admit(self, frame: Frame) -> Frame:
        """The frame as it may be seen.

        Raises:
            BadImage: it is damaged, or must not be seen.
        """
        frame = check_encoded(frame)
        self._flat.check(frame)
        return self._filters.apply(frame)
