"""What `bench.memory` measures in processes of their own, each with one function.

`CHILDREN` holds those that open one memory; `child_asks` opens all of them. Each returns values
that JSON can hold: processor times in seconds, sizes in MB, and shares from 0 to 1.

Out of scope: starting the processes, and the table of what they measured (`bench.memory`).
"""

from __future__ import annotations

import asyncio
import random
import resource
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from bench._generated_memory import COLOURS, KINDS, hidden_things
from bench._memory_questions import asked_about, open_agent, questions, settings_for, stamps_of
from bench._scripted import Scripted
from embodied_agent.agent import Agent
from embodied_agent.records import Question

#: From a question to the call of the reasoner, where that is asked.
RECALL = "recall stage"
#: The first child's question; it needs names, words of observations and the latest view.
FIRST = "Did you see a wheelbarrow?"


def child_start(path: Path) -> dict[str, float]:
    """Start, first question, and the memory of the process after some questions."""
    began = time.process_time()
    agent = open_agent(path)
    started = time.process_time()
    with agent:
        answer = agent.ask(FIRST)
        first = time.process_time()
        assert not answer.problem, answer.problem
        for (_, question), _ in zip(questions(1), range(60), strict=False):
            agent.ask(question)
        return {
            "start_s": started - began,
            "first_ask_s": first - started,
            "rss_mb": resident_mb(),
            "rss_peak_mb": peak_mb(),
        }


def child_page(path: Path) -> dict[str, float]:
    """The requests of the page, each the first of its kind and again."""
    return asyncio.run(_page(path))


async def _page(path: Path) -> dict[str, float]:
    import httpx2 as httpx

    from embodied_agent.agent.question_queue import QuestionQueue
    from embodied_agent.interfaces.web.app import make_app

    times: dict[str, float] = {}
    settings = settings_for(path)
    with Agent(settings, reasoner=Scripted()) as agent:
        queue = QuestionQueue(agent, parallel=1, waiting=4)
        app = make_app(agent, queue, settings)
        transport = httpx.ASGITransport(app=app, client=("127.0.0.1", 5000))
        async with (
            app.router.lifespan_context(app),
            httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client,
        ):
            await app.path_read
            (await client.get("/healthz")).raise_for_status()
            for name, route in (
                ("path", "/api/path"),
                ("status", "/api/status"),
                ("keyframes", "/api/keyframes?newest=true&limit=60"),
                ("answers", "/api/answers"),
                ("objects", "/api/objects"),
            ):
                for again in ("", "_again"):
                    began = time.process_time()
                    (await client.get(route)).raise_for_status()
                    times[f"{name}{again}_s"] = time.process_time() - began
        await asyncio.to_thread(queue.close)
    return times


def child_report(path: Path) -> dict[str, float]:
    """The memory as an HTML report."""
    from embodied_agent.cli.memory import write_report
    from embodied_agent.memory.store import Store

    before = peak_mb()
    began = time.process_time()
    target = path.with_suffix(".html")
    with Store.open(str(path), settings_for(path).memory, read_only=True) as store:
        write_report(store, target)
    size = target.stat().st_size
    target.unlink()
    return {
        "report_s": time.process_time() - began,
        "report_mb": size / 1e6,
        "report_rss_mb": peak_mb(),
        "report_rss_before_mb": before,
    }


def child_hidden(path: Path) -> dict[str, float]:
    """How many of the hidden things are found, and cited."""
    things = hidden_things()
    found = dict.fromkeys(("by_kind", "by_synonym", "by_colour", "recalled"), 0)
    for free in ("rules", "reasoner"):
        with open_agent(path, free=free) as agent:
            for thing in things:
                for way, question in asked_about(thing):
                    if (way == "recalled") == (free == "reasoner"):
                        answer = agent.ask(question)
                        cited = {item.keyframe_id for item in answer.evidence}
                        found[way] += answer.status == "answered" and thing.keyframe_id in cited
    return {way: count / len(things) for way, count in found.items()}


def child_asks(paths: Sequence[Path], rounds: int) -> dict[str, Any]:
    """The same questions to all memories in turn: seconds of the thread, by memory and kind."""
    agents = [open_agent(path) for path in paths]
    times: list[dict[str, list[float]]] = [{} for _ in agents]

    def timed(number: int, kind: str, question: Question) -> None:
        began = time.thread_time()
        answer = agents[number].ask(replace(question, timeout_s=600.0))
        times[number].setdefault(kind, []).append(time.thread_time() - began)
        assert not answer.problem, answer.problem

    stamps = [stamps_of(agent) for agent in agents]
    endless = questions(2)
    warm = [next(endless) for _ in range(22)]
    for agent in agents:
        for _, question in warm:
            agent.ask(question)
    for (kind, question), _ in zip(endless, range(11 * rounds), strict=False):
        for number in range(len(agents)):
            timed(number, kind, question)
    for turn in range(2 * rounds):
        kind = KINDS[turn % len(KINDS)]
        for number in range(len(agents)):
            asked = Question(f"Did you see a {kind}?", at_ns=stamps[number][turn % 2])
            timed(number, "segments in turn", asked)
    for agent in agents:
        agent.close()
    for number, recalls in enumerate(recall_stages(paths, rounds)):
        times[number][RECALL] = recalls
    return {"times": times}


def recall_stages(paths: Sequence[Path], rounds: int) -> list[list[float]]:
    """Seconds of the thread from a question that a reasoner answers to the call of the reasoner, by
    memory; each kind of thing was asked for once before."""
    reasoners = [Scripted() for _ in paths]
    agents = [
        open_agent(path, one, free="reasoner") for path, one in zip(paths, reasoners, strict=True)
    ]
    times: list[list[float]] = [[] for _ in paths]
    rng = random.Random(3)
    for turn in range(len(KINDS) + 4 * rounds):
        kind, colour = KINDS[turn % len(KINDS)], rng.choice(COLOURS)
        asked = Question(f"Where was the {colour} {kind}?", ("ahead", "behind"), timeout_s=600.0)
        for agent, reasoner, recalls in zip(agents, reasoners, times, strict=True):
            began = time.thread_time()
            assert not agent.ask(asked).problem
            if turn >= len(KINDS) and reasoner.called_s > began:
                recalls.append(reasoner.called_s - began)
    for agent in agents:
        agent.close()
    return times


CHILDREN: dict[str, Callable[[Path], dict[str, float]]] = {
    "start": child_start,
    "page": child_page,
    "report": child_report,
    "hidden": child_hidden,
}


def resident_mb() -> float:
    """The resident memory of this process, in MB."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 1e6


def peak_mb() -> float:
    """The most that this process ever had in memory, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
