"""A real agent that serves its page, and a real browser that looks at it.

The browser is Debian's Chromium, driven through Playwright; without it these tests are skipped.
Each look checks at its end that the page asked no other host for anything and reported no error.
"""

from __future__ import annotations

import faulthandler
import shutil
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any
from urllib.parse import urlsplit

import pytest

from embodied_agent.agent import Agent
from embodied_agent.host.interfaces import serving
from embodied_agent.interfaces.wire.models import SourceState
from embodied_agent.memory.store import Store
from embodied_agent.perception.base import Perceiver
from embodied_agent.perception.geometry import GeometryPerceiver
from embodied_agent.reasoning.base import Prompt
from embodied_agent.records import Box, Delta, Frame, Keyframe, Mention, Pose
from embodied_agent.settings import load_settings
from tests.support.views import panorama_views

playwright = pytest.importorskip("playwright.sync_api", reason="needs Playwright: make test")

START_NS = 1_700_000_000_000_000_000
PERIOD_NS = 100_000_000
#: Longest wait for anything on the page, in milliseconds.
WAIT_MS = 60_000
VIEWS = panorama_views(80)
#: Said of tests that look at what is drawn; the page itself never does.
_READBACK = "Multiple readback operations using getImageData"
#: Containers have little shared memory, where Chromium crashes; files on a busy disk stall it.
_SHARED_MEMORY = (
    ()
    if Path("/dev/shm").is_dir() and shutil.disk_usage("/dev/shm").free > 512 * 1024**2
    else ("--disable-dev-shm-usage",)
)
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser"))), None)
REPLY = "<think>#1 shows it, to the left</think><answer>on the left</answer>"


class Naming(GeometryPerceiver):
    """Names a lamp by the keyframe's number, or whatever it is told to."""

    def __init__(self, name: str = "lamp", observation: str = "") -> None:
        self._name, self._observation = name, observation

    def perceive(self, previous: Keyframe | None, current: Keyframe) -> Delta:
        mention = Mention(
            f"{self._name} {current.id}",
            "front-left",
            "near",
            box=Box(0.1, 0.2, 0.3, 0.6),
            bearing_deg=24.4,
            range_m=3.14,
            confidence=0.87,
        )
        return Delta(
            current.id,
            action=None,
            mentions=(mention,),
            observation=self._observation,
            model="naming",
        )


class Scripted:
    """Replies what it is told to, piece by piece; waits halfway while ``gate`` is not set."""

    name = "scripted"

    def __init__(self, reply: str = REPLY) -> None:
        self.reply = reply
        self.gate = threading.Event()
        self.gate.set()
        self.prompts: list[Prompt] = []
        self.ended = threading.Event()  # a reply was made, or given up

    def stream(self, prompt: Prompt, *, timeout_s: float, **_: Any) -> Iterator[str]:
        self.prompts.append(prompt)
        self.ended.clear()
        half = len(self.reply) // 2
        try:
            for start in range(0, len(self.reply), 5):
                while start >= half and not self.gate.wait(0.05):
                    yield ""  # where whoever asked may have gone
                yield self.reply[start : start + 5]
        finally:
            self.ended.set()

    def close(self) -> None:
        """Nothing to release."""


class Robot:
    """An agent with its page, to be used in a ``with`` block."""

    def __init__(
        self,
        *,
        perceiver: Perceiver | None = None,
        store: Store | None = None,
        posed: bool = True,
        source: Callable[[], SourceState | None] = lambda: None,
        **settings: Any,
    ) -> None:
        self.reasoner = Scripted()
        self._perceiver = perceiver or Naming()
        self._store = store
        self._settings = load_settings(
            **{
                "reasoning__free": "reasoner",
                "web__enabled": True,
                "web__port": 0,
                "keyframes__split_motions": False,
                **settings,
            }
        )
        self._posed = posed
        self._source = source
        self._seen = 0
        self._stack = ExitStack()
        self._lookers: list[Any] = []

    def __enter__(self) -> Robot:
        self.agent = self._stack.enter_context(
            Agent(
                self._settings,
                perceiver=self._perceiver,
                reasoner=self.reasoner,
                store=self._store,
            )
        )
        interfaces = self._stack.enter_context(
            serving(self.agent, self._settings, source=self._source)
        )
        assert interfaces.url is not None
        self.url = interfaces.url
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for context in self._lookers:  # first, or they would report that the server is gone
            context.close()
        self.reasoner.gate.set()
        self._stack.close()

    def looked_at_by(self, context: Any) -> None:
        """Close a browser's context before the server."""
        self._lookers.append(context)

    def forget_lookers(self) -> None:
        """Leave the pages open when this robot goes."""
        self._lookers.clear()

    @property
    def port(self) -> int:
        port = urlsplit(self.url).port
        assert port is not None
        return port

    def see(self, count: int = 1) -> None:
        """Let so many further pictures in, and wait until all that was kept is perceived."""
        for _ in range(count):
            i = self._seen
            self._seen += 1
            pose = Pose((0.05 * i, 0.01 * i, 0.3), (0.0, 0.0, 0.0, 1.0)) if self._posed else None
            frame = Frame(START_NS + i * PERIOD_NS, image=VIEWS[i % len(VIEWS)], index=i, pose=pose)
            self.agent.observe(frame)
        assert self.agent.drain(60.0)

    @property
    def keyframes(self) -> list[Keyframe]:
        return self.agent.store.keyframes()


@dataclass
class Watch:
    """What a page reported and asked for."""

    host: str
    problems: list[str] = field(default_factory=list)
    #: Parts of problems that a test brings about itself.
    expected: tuple[str, ...] = ()

    def check(self) -> None:
        found = [p for p in self.problems if not any(part in p for part in self.expected)]
        assert not found, found

    def requested(self, url: str) -> None:
        if urlsplit(url).netloc != self.host:
            self.problems.append(f"request to {url}")


Look = Callable[..., Any]


@contextmanager
def browser() -> Iterator[Any]:
    """Chromium without a window."""
    if CHROMIUM is None:
        pytest.skip("no Chromium here: apt-get install chromium")
    with playwright.sync_playwright() as driver:
        chromium = driver.chromium.launch(
            executable_path=CHROMIUM,
            args=["--no-sandbox", "--disable-gpu", *_SHARED_MEMORY],
        )
        yield chromium
        chromium.close()


@contextmanager
def looking(chromium: Any) -> Iterator[Look]:
    """Gives ``look(robot, expected=(), **context)``: a page that is loaded and connected.

    ``expected`` are parts of console messages that the test brings about.
    """
    watches: list[Watch] = []
    contexts: list[Any] = []
    robots: list[Robot] = []

    def look(
        robot: Robot,
        *,
        path: str = "",
        expected: tuple[str, ...] = (),
        connected: bool = True,
        **options: Any,
    ) -> Any:
        options.setdefault("viewport", {"width": 1280, "height": 860})
        context = chromium.new_context(**options)
        context.set_default_timeout(WAIT_MS)
        watch = Watch(urlsplit(robot.url).netloc, expected=expected)
        watches.append(watch)
        contexts.append(context)
        robots.append(robot)
        robot.looked_at_by(context)
        page = context.new_page()
        page.on("request", lambda request: watch.requested(request.url))
        page.on("pageerror", lambda error: watch.problems.append(f"error: {error}"))
        page.on(
            "console",
            lambda message: (
                watch.problems.append(f"{message.type}: {message.text}")
                if message.type in ("error", "warning") and _READBACK not in message.text
                else None
            ),
        )
        page.on(
            "dialog", lambda dialog: (watch.problems.append("a dialog opened"), dialog.dismiss())
        )
        page.goto(robot.url + path)
        if connected:
            page.wait_for_selector("#link[data-state=ok]")
        return page

    try:
        yield look
    finally:
        for context in contexts:
            context.close()
        for robot in robots:
            robot.forget_lookers()
    for watch in watches:
        watch.check()


def text(page: Any, selector: str) -> str:
    """What is written in the first element that ``selector`` finds."""
    return str(page.locator(selector).first.inner_text())


def wait_text(page: Any, selector: str, part: str) -> None:
    """Wait until ``part`` is written in an element that ``selector`` finds.

    Raises:
        AssertionError: it never is; with what the page says instead, while what each thread of this
            process does is written to stderr.
    """
    try:
        page.locator(selector, has_text=part).first.wait_for()
    except playwright.TimeoutError:
        faulthandler.dump_traceback(sys.__stderr__)
        says = page.locator(selector).all_inner_texts()
        body = " | ".join(page.locator("body").inner_text().split("\n"))[:1_500]
        pytest.fail(f"{selector} never says {part!r} but {says}; the page: {body}")


def wait_until(page: Any, expression: str) -> Any:
    """The first true value of JavaScript; Playwright's own way needs eval, which pages forbid."""
    deadline = time.monotonic() + WAIT_MS / 1000
    while not (value := page.evaluate(expression)):
        assert time.monotonic() < deadline, f"never true: {expression}"
        page.wait_for_timeout(50)
    return value
