"""The live page during a replay, for people who want to watch.

Out of scope: the process that serves for a long time (`run`), the page itself
(`embodied_agent.interfaces.web.static`).
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from concurrent import futures
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from embodied_agent.errors import ModelUnavailable

if TYPE_CHECKING:
    from rich.console import Console

    from embodied_agent.agent import Agent
    from embodied_agent.interfaces.wire.models import SourceState
    from embodied_agent.records import Answer, Question
    from embodied_agent.settings import Settings

#: An answer may come this much later than the question allows, in seconds.
_MARGIN_S = 30.0
_WAKE_S = 60.0


@dataclass(frozen=True)
class Showing:
    """How a replay is shown.

    Attributes:
        page: serve the page.
        stay: keep serving it after the replay, until Enter or Ctrl-C.
        speed: pace relative to the stamps; ``None``: as fast as possible.
    """

    page: bool = False
    stay: bool = False
    speed: float | None = None

    def settings(self, port: int | None) -> dict[str, Any]:
        """The settings that the page needs, as `load_settings` takes them."""
        return {"web__enabled": True, "web__port": port} if self.page else {}

    @contextmanager
    def of(
        self,
        agent: Agent,
        settings: Settings,
        say: Console,
        source: Callable[[], SourceState],
    ) -> Iterator[Callable[[Question], Answer]]:
        """Serve the page until the block ends, and longer with ``stay``. Gives a function that asks
        questions; those who watch see its answers too.

        Args:
            agent: what the page shows.
            settings: of the page, with port and address.
            say: where its address is printed.
            source: what is replayed, and whether it has finished.

        Raises:
            AgentError: the page can't be served. When asking: `ModelUnavailable` if no answer
                comes back.
        """
        if not self.page:
            yield agent.ask
            return
        from embodied_agent.host.interfaces import serving

        with serving(agent, settings, source=source) as interfaces:
            say.print(f"Watch it at {interfaces.url}", markup=False, soft_wrap=True)

            def ask(question: Question) -> Answer:
                queued = interfaces.questions.submit(question, client="replay")
                try:
                    return queued.answer.result(question.timeout_s + _MARGIN_S)
                except futures.TimeoutError as error:
                    queued.cancel()
                    raise ModelUnavailable(
                        f"no answer and no error within {question.timeout_s + _MARGIN_S:g} s"
                    ) from error

            yield ask
            if self.stay:
                _stay(say, interfaces.url)


def _stay(say: Console, url: str | None) -> None:
    """Wait for Enter, where somebody can press it, or Ctrl-C."""
    keyboard = sys.stdin is not None and sys.stdin.isatty()
    until = "you press Enter or Ctrl-C" if keyboard else "Ctrl-C"
    say.print(f"The page stays at {url} until {until}.", style="bold", markup=False, soft_wrap=True)
    try:
        if keyboard:
            sys.stdin.readline()
        else:
            never = threading.Event()
            while not never.wait(_WAKE_S):
                pass
    except KeyboardInterrupt:
        return
