"""A recording through an agent, from its first frame to its last delta.

Frames are taken in order and none is dropped. A replay that was interrupted or killed continues
where it stopped: the recording is read from its start again, and keyframes that the memory already
holds are recognised.

Out of scope: recognising stored keyframes (`intake`), perceiving (`perception_workers`), reading
files (`embodied_agent.sources`).
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol

from embodied_agent.agent.intake import ReplayState
from embodied_agent.agent.listeners import Listener
from embodied_agent.errors import SourceError
from embodied_agent.memory.store import Store
from embodied_agent.records import Decision, Delta, Frame, Keyframe
from embodied_agent.settings import SourceSettings
from embodied_agent.sources import Source, open_source
from embodied_agent.support.pace import Pace


class Replayer(Protocol):
    """What a replay needs of an agent; see `embodied_agent.Agent`."""

    store: Store

    def begin_replay(self, key: str) -> ReplayState:
        """The frames that follow are a recording's, from its first on."""
        ...

    def observe(self, frame: Frame) -> Decision:
        """Take in the next frame."""
        ...

    def finish(self) -> None:
        """The recording ended."""
        ...

    def drain(self) -> bool:
        """Wait until everything stored is perceived."""
        ...

    def listen(self, listener: Listener) -> Callable[[], None]:
        """Tell ``listener`` until the function that is returned is called."""
        ...


@dataclass(frozen=True, slots=True)
class ReplayProgress:
    """How far a replay is.

    ``frames`` were decided on so far, of ``expected_frames`` (``None`` if the source can't tell).
    ``keyframes`` were stored and ``perceived`` of them by this replay; ``resumed`` were in the
    memory before it.
    """

    frames: int = 0
    expected_frames: int | None = None
    keyframes: int = 0
    perceived: int = 0
    resumed: int = 0


@dataclass(frozen=True, slots=True)
class ReplaySummary:
    """What a replay did.

    ``key`` identifies the recording in the memory (``agent.store.keyframes(source=key)``).
    ``skipped`` counts what the source had to leave out, by reason. ``frames`` is 0 if the memory
    held the whole recording already.
    """

    source: str
    key: str
    frames: int
    keyframes: int
    resumed: int
    skipped: dict[str, int] = field(default_factory=dict)


def replay_key(spec: str | Path, settings: SourceSettings) -> str:
    """What identifies a recording, and how it is read, in a memory."""
    options = settings.model_dump(include={"topic", "odom_topic", "fps", "sample_hz"})
    # Newer options are named only if they are set, so that the keys of older memories still match.
    options |= settings.model_dump(
        exclude={*options, "open_timeout_s", "read_timeout_s"}, exclude_defaults=True
    )
    return f"{Path(spec).expanduser().resolve()} {json.dumps(options, sort_keys=True)}"


def replay(
    agent: Replayer,
    source: Source,
    key: str,
    *,
    speed: float | None = None,
    again: bool = False,
    on_progress: Callable[[ReplayProgress], object] = lambda progress: None,
) -> ReplaySummary:
    """Take all frames of ``source`` in, and wait until all of them are perceived.

    See `embodied_agent.Agent.replay` for the arguments.

    Raises:
        SourceError: ``source`` is a camera or a stream, or breaks while it is read.
        StoreError: the memory can't be written, or holds another recording under this key.
        ModelError: perception has stopped, or (`ModelUnavailable`) makes no progress.
    """
    if source.live:
        raise SourceError(
            f"{source.description} is live and has no end to replay to: pass its frames to "
            "observe(frame, wait=False)"
        )
    state = agent.begin_replay(key)
    tally = _Tally(source.expected_frames, state.keyframes, on_progress)
    remove = agent.listen(Listener(tally.on_decision, tally.on_keyframe, tally.on_delta))
    try:
        tally.report()
        if again or not state.finished:
            pace = None if speed is None else Pace(speed)
            for frame in source:
                if pace is not None:
                    time.sleep(pace.wait_s(frame.stamp_ns))
                agent.observe(frame)
            agent.finish()
        agent.drain()
    finally:
        remove()
    return ReplaySummary(
        source=source.description,
        key=key,
        frames=tally.progress.frames,
        keyframes=len(agent.store.keyframes(source=key)),
        resumed=state.keyframes,
        skipped=dict(source.skipped),
    )


class _Tally:
    """Counts what the agent's threads report, and passes on each new count."""

    def __init__(
        self,
        expected_frames: int | None,
        resumed: int,
        on_progress: Callable[[ReplayProgress], object],
    ) -> None:
        self.progress = ReplayProgress(expected_frames=expected_frames, resumed=resumed)
        self._on_progress = on_progress
        self._lock = threading.Lock()

    def report(self) -> None:
        self._on_progress(self.progress)

    def on_decision(self, frame: Frame, decision: Decision) -> None:
        # The last frame is decided on a second time, once the source has ended.
        self._add(frames=int(decision.reason != "last"))

    def on_keyframe(self, keyframe: Keyframe) -> None:
        self._add(keyframes=1)

    def on_delta(self, keyframe: Keyframe, delta: Delta) -> None:
        self._add(perceived=1)

    def _add(self, *, frames: int = 0, keyframes: int = 0, perceived: int = 0) -> None:
        with self._lock:
            before = self.progress
            self.progress = replace(
                before,
                frames=before.frames + frames,
                keyframes=before.keyframes + keyframes,
                perceived=before.perceived + perceived,
            )
        self._on_progress(self.progress)


def open_replay(
    source: str | Path | Source, key: str, settings: SourceSettings
) -> tuple[Source, str]:
    """The opened source, and the key of its keyframes in the memory.

    Raises:
        SourceError: it can't be opened, or is an open source without a key.
    """
    if not isinstance(source, Source):
        return open_source(str(source), settings), key or replay_key(source, settings)
    if not key:
        raise SourceError(
            f"the memory needs a name for {source.description}: pass key=…, or the path instead "
            "of the open source"
        )
    return source, key
