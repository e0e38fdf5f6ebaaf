"""One replay with questions: what is shown meanwhile, and what is printed and written at the end.

Out of scope: the options of the command (`replay`), the live page (`live_page`).
"""

from __future__ import annotations

import shlex
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from embodied_agent.cli.common import (
    ExitCode,
    announced_loading,
    check_writable,
    console,
    counted,
    keyframe_line,
    plain,
    print_json,
)
from embodied_agent.cli.live_page import Showing
from embodied_agent.cli.memory import keyframe_values
from embodied_agent.cli.questions import outcome, show_answer, show_score

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress, TaskID

    from embodied_agent.agent import Agent
    from embodied_agent.agent.status import AgentStatus
    from embodied_agent.interfaces.wire.models import SourceState
    from embodied_agent.records import Decision, Delta, Frame, Keyframe, Pose
    from embodied_agent.report.rerun_recording import RerunRecording
    from embodied_agent.report.scoring import Case, Scored
    from embodied_agent.settings import Settings
    from embodied_agent.sources import Source


def run_replay(
    source: str,
    cases: Sequence[Case],
    settings: Settings,
    showing: Showing,
    *,
    report: Path | None = None,
    rerun: Path | None = None,
    json_output: bool = False,
    closing_words: str = "",
) -> ExitCode:
    """Replay ``source``, ask ``cases``, and print and write the results.

    Args:
        source: what `open_source` opens.
        cases: asked in their order.
        settings: of all stages.
        showing: whether there is a page, and the pace.
        report: file of the report.
        rerun: file of the Rerun recording.
        json_output: print one JSON document instead of text.
        closing_words: printed after the results, before a page that stays; empty: where the memory
            is, and how to question it.

    Raises:
        AgentError: something can't be read, written or reached.
    """
    if report is not None:
        check_writable(report)
    say = console(stderr=json_output)
    run = _Run(source, settings, say, report is not None or rerun is not None, showing)
    run.rerun = rerun

    def tell(results: Sequence[Scored]) -> None:
        if report is not None:
            run.write_report(results, report)
        if json_output:
            print_json(run.values(results))
            return
        show_score(say, results)
        if report is not None:
            say.print(f"report: {report}", markup=False, soft_wrap=True)
        if rerun is not None:
            say.print(f"recording: {rerun}; view it with: rerun {rerun}", markup=False)
        say.print(closing_words or run.next_step(), markup=False, soft_wrap=True)

    with announced_loading(say):
        return outcome(run.go(cases, tell))


@dataclass
class _Run:
    """One replay: what came in, what is shown meanwhile, and what is reported at the end."""

    source: str
    settings: Settings
    say: Console
    keep_decisions: bool
    showing: Showing = field(default_factory=Showing)
    decisions: list[Decision] = field(default_factory=list)
    path: list[Pose] = field(default_factory=list)
    keyframes: list[Keyframe] = field(default_factory=list)
    deltas: list[Delta] = field(default_factory=list)
    status: AgentStatus | None = None
    rerun: Path | None = None
    frames: int = 0
    skipped: dict[str, int] = field(default_factory=dict)
    elapsed_s: float = 0.0
    _name: str = ""
    _live: bool = False
    _finished: bool = False
    _starts_ns: dict[int, int] = field(default_factory=dict)

    def go(self, cases: Sequence[Case], tell: Callable[[Sequence[Scored]], None]) -> list[Scored]:
        """Replay, ask, and ``tell`` the results. When a recording is interrupted, says what is safe
        and raises on."""
        from embodied_agent.agent import Agent
        from embodied_agent.agent.listeners import Listener
        from embodied_agent.agent.replay import replay_key
        from embodied_agent.report.scoring import Scored
        from embodied_agent.sources import open_source

        started = time.monotonic()
        with (
            open_source(self.source, self.settings.source) as frames,
            Agent(self.settings) as agent,
            self.showing.of(agent, self.settings, self.say, self._source_state) as ask,
            recorded(self.rerun, agent) as recording,
        ):
            self._live = frames.live
            # The description of a stream leaves out its password.
            self._name = frames.description if frames.live else Path(self.source).name
            for remark in frames.examination.remarks:
                self.say.print(f"note: {plain(remark)}", markup=False, soft_wrap=True)
            since = max((k.id for k in agent.store.keyframes()), default=-1) + 1
            try:
                with _progress(self.say) as progress:
                    self._show_on(agent, progress, frames.expected_frames, Listener)
                    key = None if frames.live else replay_key(self.source, self.settings.source)
                    if key is None:
                        self._watch(agent, frames)
                    else:
                        self._replay(agent, frames, key)
                self._finished = True
            except KeyboardInterrupt:
                self._say_what_is_safe(agent)
                raise
            self.skipped = dict(frames.skipped)
            for reason, count in self.skipped.items():
                self.say.print(f"skipped: {count} × {reason}", style="yellow", markup=False)
            self._say_why(agent)
            results = []
            for case in cases:
                results.append(Scored(case, ask(case.question)))
                show_answer(self.say, results[-1])
            store = agent.store
            self.keyframes = store.keyframes(
                since=0 if key else since, source=key, pictures=self.keep_decisions
            )
            known = {keyframe.id for keyframe in self.keyframes}
            self.deltas = [delta for delta in store.deltas() if delta.keyframe_id in known]
            self.status = agent.status()
            self.elapsed_s = time.monotonic() - started
            if recording is not None:
                recording.located(agent.objects())
                recording.questions(results)
            tell(results)
        return results

    def _say_why(self, agent: Agent) -> None:
        """Say why perception is what it is, where there is something to say."""
        perception = agent.status().perception
        if perception is not None and perception.notice:
            self.say.print(f"note: {perception.notice}", style="yellow", markup=False)

    def _replay(self, agent: Agent, frames: Source, key: str) -> None:
        stored = len(agent.store.keyframes(source=key))
        if stored:
            self.say.print(f"resuming: the memory already holds {counted(stored, 'keyframe')}")
        agent.replay(frames, key=key, speed=self.showing.speed, again=self.keep_decisions)

    def _watch(self, agent: Agent, frames: Source) -> None:
        self.say.print("watching; Ctrl-C stops it")
        try:
            for frame in frames:
                agent.observe(frame, wait=False)
        except KeyboardInterrupt:
            self.say.print("stopped watching")
        agent.finish()
        agent.drain()

    def _show_on(
        self, agent: Agent, progress: Progress, expected: int | None, listener: Any
    ) -> None:
        seen: TaskID = progress.add_task("frames", total=expected)
        perceived: TaskID = progress.add_task("perceived", total=0)
        stored = 0

        def on_decision(frame: Frame, decision: Decision) -> None:
            if decision.reason != "last":
                self.frames += 1
                progress.advance(seen)
            if self.keep_decisions:
                self.decisions.append(decision)
                if frame.pose is not None:
                    self.path.append(frame.pose)

        def on_keyframe(keyframe: Keyframe) -> None:
            nonlocal stored
            stored += 1
            progress.update(perceived, total=stored)

        def on_delta(keyframe: Keyframe, delta: Delta) -> None:
            progress.advance(perceived)
            line = keyframe_line(keyframe, delta, self._start_of(agent, keyframe.segment))
            self.say.print(line, markup=False, soft_wrap=True)

        agent.listen(listener(on_decision, on_keyframe, on_delta))

    def _start_of(self, agent: Agent, segment: int) -> int:
        """The stamp of the segment's first keyframe."""
        if segment not in self._starts_ns:
            (first,) = agent.store.keyframes(segment=segment, limit=1)
            self._starts_ns[segment] = first.stamp_ns
        return self._starts_ns[segment]

    def _source_state(self) -> SourceState:
        from embodied_agent.interfaces.wire.models import SourceState

        return SourceState(
            name=self._name,
            recording=not self._live,
            finished=self._finished,
            state="finished" if self._finished else "connected" if self._live else "playing",
        )

    def _say_what_is_safe(self, agent: Agent) -> None:
        if not self.settings.memory.path:
            self.say.print("the memory was not saved; add --memory FILE to keep it", style="yellow")
            return
        counts = agent.store.counts()
        self.say.print(
            f"safe in {self.settings.memory.path}: {counted(counts.total, 'keyframe')}, "
            f"{counts.pending} of them not perceived yet; the same command resumes from there",
            style="yellow",
            markup=False,
            soft_wrap=True,
        )

    def next_step(self) -> str:
        """Where the memory is after the replay, and how to question it."""
        if not self.keyframes:
            return "no keyframe was kept: embodied-agent inspect says what the source holds"
        path = self.settings.memory.path
        if not path:
            return "the memory was not saved; with --memory FILE it can be questioned later"
        ask = f'embodied-agent ask "What have you seen?" --memory {shlex.quote(path)}'
        where = f"the memory is in {path}; question it with: {ask}"
        if self.frames == 0:
            return (
                "the memory holds all of this recording already, so nothing was read; another "
                f"--memory FILE begins anew, with other models for example\n{where}"
            )
        return where

    def values(self, results: Sequence[Scored]) -> dict[str, object]:
        """What ``--json`` prints."""
        from embodied_agent.report.scoring import score

        deltas = {delta.keyframe_id: delta for delta in self.deltas}
        return {
            "source": self.source,
            "frames": self.frames,
            "skipped": self.skipped,
            "keyframes": [keyframe_values(k, deltas.get(k.id)) for k in self.keyframes],
            "answers": [result.record() for result in results],
            "score": score(results),
            "status": self.status,
            "elapsed_s": self.elapsed_s,
        }

    def write_report(self, results: Sequence[Scored], path: Path) -> None:
        """Write the report of this replay."""
        from embodied_agent.report.html import Replay, truth_beside, write

        status = self.status
        perception = None if status is None else status.perception
        write(
            Replay(
                source=self.source,
                keyframes=self.keyframes,
                deltas=self.deltas,
                frames=self.frames,
                skipped=sum(self.skipped.values()),
                decisions=self.decisions,
                path=self.path,
                overlap_threshold=self.settings.keyframes.overlap_threshold,
                around=truth_beside(self.source),
                results=results,
                settings={
                    "keyframes": self.settings.keyframes.method,
                    "perception": perception.model if perception is not None else "",
                    "reasoning": status.reasoning.model if status is not None else "",
                },
                elapsed_s=self.elapsed_s,
                notice="" if perception is None else perception.notice,
            ),
            path,
        )


@contextmanager
def recorded(path: Path | None, agent: Agent) -> Iterator[RerunRecording | None]:
    """Write a Rerun recording of what the agent does meanwhile, where ``path`` names one.

    Raises:
        SettingsError: Rerun's SDK is not installed.
        AgentError: the file can't be written.
    """
    if path is None:
        yield None
        return
    from embodied_agent.report.rerun_recording import RerunRecording

    recording = RerunRecording(path)
    forget = agent.listen(recording.listener())
    try:
        yield recording
    finally:
        forget()
        recording.close()


def _progress(say: Console) -> Progress:
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
    from rich.progress import TimeElapsedColumn as Elapsed

    columns = (TextColumn("{task.description:<9}"), BarColumn(), MofNCompleteColumn(), Elapsed())
    return Progress(*columns, console=say, transient=True, disable=not say.is_terminal)
