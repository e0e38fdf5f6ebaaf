"""Replays, runs and questions in a process of their own that a test can kill.

It imports once, then forks per job. Each line on stdin is JSON: {"what": "replay", "folder": …,
"memory": …}, "run" or "ask" likewise; with "more_bytes", its address space may grow by that much. A
forked child replays the folder into that memory, runs `embodied-agent run` on it with the page, or
asks that memory one question after another. On stdout come `pid N`, `start`, `k ID` per keyframe
stored, `d ID` per delta committed, `a ID` per question answered, `done`, and `exit STATUS` once the
child is gone; a run says the rest in its log.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import time
import traceback
from pathlib import Path

import cv2

from embodied_agent.agent import Agent
from embodied_agent.agent.listeners import Listener
from embodied_agent.perception.geometry import GeometryPerceiver
from embodied_agent.records import Delta, Keyframe, Question
from embodied_agent.settings import SourceSettings, load_settings
from embodied_agent.sources import open_source


class SlowPerceiver(GeometryPerceiver):
    """Takes its time, as a model does, so that keyframes are pending when the process dies."""

    def perceive(self, previous: Keyframe | None, current: Keyframe) -> Delta:
        time.sleep(0.03)
        return super().perceive(previous, current)


def say(text: str) -> None:
    os.write(1, f"{text}\n".encode())


def replay(folder: str, memory: str) -> None:
    settings = load_settings(
        memory__path=memory, perception__backend="geometry", perception__workers=2
    )
    listener = Listener(
        on_keyframe=lambda keyframe: say(f"k {keyframe.id}"),
        on_delta=lambda keyframe, _: say(f"d {keyframe.id}"),
    )
    say("start")
    with (
        Agent(settings, perceiver=SlowPerceiver(), listener=listener) as agent,
        open_source(folder, SourceSettings()) as source,
    ):
        agent.begin_replay(folder)
        for frame in source:
            agent.observe(frame)
        agent.finish()
        if not agent.drain(240):
            raise SystemExit("perception did not end")
    say("done")


def run(folder: str, memory: str) -> None:
    """`embodied-agent run` as it is; its log says what is stored."""
    from embodied_agent.cli.main import app

    os.dup2(1, 2)
    say("start")
    words = [folder, "--memory", memory, "--loop", "--speed", "20", "--page", "--port", "0"]
    words += ["--perception", "geometry", "--log-format", "json"]
    app(["run", *words], standalone_mode=False)
    say("done")


def ask(folder: str, memory: str) -> None:
    del folder
    settings = load_settings(memory__path=memory, perception__backend="geometry")
    say("start")
    with Agent(settings, perceiver=GeometryPerceiver()) as agent:
        for number in range(10_000):
            name = f"{os.getpid()}-{number}"
            answer = agent.ask(Question(f"What did you do so far? ({number})", id=name))
            assert not answer.problem, answer
            say(f"a {name}")
    say("done")


def limit(more_bytes: int) -> None:
    """Let the address space grow by that much, and no more."""
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    most = pages * resource.getpagesize() + more_bytes
    resource.setrlimit(resource.RLIMIT_AS, (most, most))


JOBS = {"replay": replay, "run": run, "ask": ask}


def prepare(what: str) -> None:
    """Import what the children of this kind would each import."""
    if what == "run":
        import embodied_agent.cli.main
        import embodied_agent.host.event_log
        import embodied_agent.host.feeder
        import embodied_agent.host.interfaces
        import embodied_agent.interfaces.web.server  # noqa: F401


def main() -> None:
    heavy = {"torch", "transformers", "rosbags", "openai"} & sys.modules.keys()
    say(f"imported {','.join(sorted(heavy)) or 'nothing heavy'}")
    for line in sys.stdin:
        job = json.loads(line)
        prepare(job["what"])
        pid = os.fork()
        if pid == 0:
            status = 1
            try:
                cv2.setNumThreads(1)
                if "more_bytes" in job:
                    limit(int(job["more_bytes"]))
                JOBS[job["what"]](job["folder"], job["memory"])
                status = 0
            except BaseException:
                traceback.print_exc()
            finally:
                sys.stderr.flush()
                os._exit(status)
        say(f"pid {pid}")
        _, status = os.waitpid(pid, 0)
        say(f"exit {os.waitstatus_to_exitcode(status)}")


if __name__ == "__main__":
    main()
