"""The live page while a recording is replayed, for people who want to watch.

Not here: the process that serves for long (`commands.run`), the page (`interfaces.web.static`).
"""

from __future__ import annotations

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
    from embodied_agent.records import Answer, Question
    from embodied_agent.settings import Settings

#: An answer may come this much later than the question allows, in seconds.
_MARGIN_S = 30.0
_WAKE_S = 60.0


@dataclass(frozen=True)
class Showing:
    """How a replay is shown. ``speed`` is its pace against the stamps; ``None``: as fast as it
    goes. ``stay``: the page is served until Ctrl-C."""

    serve: bool = False
    stay: bool = False
    speed: float | None = None

    def settings(self, port: int | None) -> dict[str, Any]:
        """What it changes in the settings."""
        return {"web__enabled": True, "web__port": port} if self.serve else {}

    @contextmanager
    def of(
        self, agent: Agent, settings: Settings, say: Console
    ) -> Iterator[Callable[[Question], Answer]]:
        """Serve the page until the block ends, and print its address; gives how to ask, so that
        who watches sees the answers too. At the end of the block it stays, if it should.

        Raises:
            AgentError: it can't be served; asking: `ModelUnavailable` where nothing comes back.
        """
        if not self.serve:
            yield agent.ask
            return
        from embodied_agent.host.interfaces import serving

        with serving(agent, settings) as interfaces:
            say.print(f"watch it at {interfaces.url}", markup=False, soft_wrap=True)

            def ask(question: Question) -> Answer:
                queued = interfaces.questions.submit(question, client="replay")
                try:
                    return queued.answer.result(question.timeout_s + _MARGIN_S)
                except futures.TimeoutError as error:
                    queued.cancel()
                    raise ModelUnavailable(
                        f"no answer, and no word why, within {question.timeout_s + _MARGIN_S:g} s"
                    ) from error

            yield ask
            if self.stay:
                say.print(
                    f"the page stays at {interfaces.url}; Ctrl-C ends it",
                    markup=False,
                    soft_wrap=True,
                )
                _until_interrupted()


def _until_interrupted() -> None:
    never = threading.Event()
    try:
        while not never.wait(_WAKE_S):
            pass
    except KeyboardInterrupt:
        return
