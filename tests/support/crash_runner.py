"""Replays in a process of their own that a test can kill: imports once, then forks per replay.

Each line on stdin is JSON, {"folder": …, "memory": …}. A forked child replays the folder into that
memory; on stdout come `pid N`, `start`, `k ID` per keyframe stored, `d ID` per delta committed,
`done`, and `exit STATUS` once the child is gone.
"""

from __future__ import annotations

import json
import os
import sys
import time

import cv2

from embodied_agent.agent import Agent
from embodied_agent.agent.listeners import Listener
from embodied_agent.perception.geometry import GeometryPerceiver
from embodied_agent.records import Delta, Keyframe
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
    cv2.setNumThreads(1)
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
        if not agent.drain(60):
            raise SystemExit("perception did not end")
    say("done")


def main() -> None:
    heavy = {"torch", "transformers", "rosbags", "openai"} & sys.modules.keys()
    say(f"imported {','.join(sorted(heavy)) or 'nothing heavy'}")
    for line in sys.stdin:
        job = json.loads(line)
        pid = os.fork()
        if pid == 0:
            status = 1
            try:
                replay(job["folder"], job["memory"])
                status = 0
            finally:
                sys.stderr.flush()
                os._exit(status)
        say(f"pid {pid}")
        _, status = os.waitpid(pid, 0)
        say(f"exit {os.waitstatus_to_exitcode(status)}")


if __name__ == "__main__":
    main()
