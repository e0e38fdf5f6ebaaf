"""Days of memory: ``python bench/memory.py [--sizes 200 20000 100000] [--json]``.

Memories of several sizes are generated: deltas as a perceiver might write them, with thousands of
different names, restarts, a recording among live stretches, poses, small pictures. In the oldest
tenth of the largest one, rare things are hidden, each seen once. Models are scripted, so that only
the memory is measured.

Separate processes open each memory and measure the start and the first question, the resident
memory, the page's requests and the HTML report. Then one process asks all memories the same
questions in turn, so that their ratio does not depend on other load. Times are processor times,
without waiting for a core or for the disk.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # a checkout, installed or not

from bench._generated_memory import (
    ADJECTIVES,
    COLOURS,
    KINDS,
    Hidden,
    generate,
    hidden_things,
)
from bench._scripted import Scripted
from embodied_agent.agent import Agent
from embodied_agent.records import Question
from embodied_agent.settings import Settings, load_settings

SIZES = (200, 20_000, 100_000)
#: Questions to each memory, of each kind.
ROUNDS = 40
#: From a question to the call of the reasoner, where that is asked.
RECALL = "recall stage"
#: The first child's question; it needs names, words of observations and the latest view.
FIRST = "Did you see a wheelbarrow?"


def settings_for(path: Path, free: str = "rules") -> Settings:
    """The settings of an agent on this memory, which loads no model; ``free`` is who answers."""
    return load_settings(
        perception__backend="geometry",
        reasoning__prompt="full",
        reasoning__free=free,
        memory__path=str(path),
        web__rate_hz=100_000,
        web__burst=1_000_000,
    )


def open_agent(path: Path, reasoner: Scripted | None = None, *, free: str = "rules") -> Agent:
    """An agent on this memory."""
    return Agent(settings_for(path, free), reasoner=reasoner or Scripted())


# -- questions --------------------------------------------------------------------------------


def questions(seed: int) -> Iterator[tuple[str, Question]]:
    """Questions without end, each with its kind: what people ask a robot that was about."""
    rng = random.Random(seed)
    while True:
        kind, other = rng.sample(KINDS, 2)
        colour, adjective = rng.choice(COLOURS), rng.choice(ADJECTIVES)
        for name, text in (
            ("kind", f"Did you see a {kind}?"),
            ("name", f"Where is the {colour} {adjective} {kind}?"),
            ("colour", f"Did you see a {colour} {kind}?"),
            ("number", f"How many {colour} {kind}s did you see?"),
            ("when", f"When did you last see the {colour} {adjective} {kind}?"),
            ("unseen", f"Is there a {colour} accordion?"),
            ("order", f"Did you see the {adjective} {kind} before the {adjective} {other}?"),
            ("view", "What is in view now?"),
            ("motion", "How often did you turn left?"),
            ("side", "What is behind you?"),
        ):
            yield name, Question(text)
        choices = (f"the {colour} {kind}", f"the {adjective} {other}", "the memory does not tell")
        yield "choice", Question("Which of these is nearest?", choices)


def stamps_of(agent: Agent) -> tuple[int, int]:
    """A moment in the recording that the memory holds, and one in the last live stretch."""
    first = agent.store.keyframes(limit=12)[-1]
    last = agent.store.horizon()
    assert last is not None
    return first.stamp_ns, agent.store.keyframes(since=last[1] - 1, limit=1)[0].stamp_ns


# -- children --------------------------------------------------------------------------------


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


def asked_about(thing: Hidden) -> Iterator[tuple[str, Question]]:
    """The questions that look for a hidden thing."""
    yield "by_kind", Question(f"Did you see a {thing.kind}?")
    yield "by_synonym", Question(f"Did you see a {thing.synonym}?")
    yield "by_colour", Question(f"Did you see a {thing.colour} {thing.kind}?")
    yield "recalled", Question(f"Where was the {thing.synonym}?", ("ahead", "behind"))


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


# -- the table --------------------------------------------------------------------------------


@dataclass(frozen=True)
class Measured:
    """What was measured of one memory: values by name, and times of questions by kind."""

    values: dict[str, float]
    times: dict[str, list[float]]

    def ask_p95_s(self) -> float:
        """The 95th percentile over all questions about the present."""
        leave = (RECALL, "segments in turn")
        return percentile([t for kind, ts in self.times.items() if kind not in leave for t in ts])


def percentile(values: Sequence[float], share: float = 0.95) -> float:
    """The value that this share of all values does not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def run_child(name: str, rounds: int, *paths: Path) -> dict[str, Any]:
    """What a process of its own measures."""
    command = [sys.executable, __file__, "--child", name, str(rounds), *map(str, paths)]
    output = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    values: dict[str, Any] = json.loads(output.splitlines()[-1])
    return values


def measure(
    folder: Path, sizes: Sequence[int], only: Sequence[str], rounds: int
) -> dict[int, Measured]:
    """Generate what is missing in ``folder`` and measure all of it."""
    paths = {}
    for size in sizes:
        paths[size] = folder / f"memory-{size}.db"
        if not paths[size].exists():
            generate(paths[size], size)
    values: dict[int, dict[str, float]] = {size: {} for size in sizes}
    for size, path in paths.items():
        for name in CHILDREN:
            if (not only or name in only) and (name != "hidden" or size == max(sizes)):
                values[size].update(run_child(name, rounds, path))
    times: list[dict[str, list[float]]] = [{} for _ in sizes]
    if not only or "asks" in only:
        times = run_child("asks", rounds, *paths.values())["times"]
    return {size: Measured(values[size], times[i]) for i, size in enumerate(sizes)}


def table(measured: dict[int, Measured]) -> Iterator[str]:
    """The lines of the printed table."""
    sizes = list(measured)
    yield f"{'keyframes':<34}" + "".join(f"{size:>12,}" for size in sizes)

    def line(
        name: str, of: Callable[[Measured], float | None], form: str, scale: float = 1.0
    ) -> str:
        cells = [of(measured[size]) for size in sizes]
        return f"{name:<34}" + "".join(
            f"{'-' if cell is None else format(cell * scale, form):>12}" for cell in cells
        )

    kinds = list(measured[sizes[0]].times)
    if kinds:
        yield line("ask, p95, ms of the thread", Measured.ask_p95_s, ".1f", 1e3)
        least = measured[sizes[0]].ask_p95_s()
        yield line(f"  against {sizes[0]} keyframes", lambda m: m.ask_p95_s() / least, ".2f")
        for kind in kinds:
            yield line(f"  {kind}, p95, ms", lambda m, k=kind: percentile(m.times[k]), ".1f", 1e3)
    for name, key, form, scale in (
        ("start, s", "start_s", ".2f", 1.0),
        ("first question, ms", "first_ask_s", ".0f", 1e3),
        ("resident memory, MB", "rss_mb", ".0f", 1.0),
        ("/api/path, first, ms", "path_s", ".0f", 1e3),
        ("/api/path, again, ms", "path_again_s", ".0f", 1e3),
        ("/api/status, first, ms", "status_s", ".0f", 1e3),
        ("/api/keyframes, ms", "keyframes_s", ".0f", 1e3),
        ("/api/answers, ms", "answers_s", ".0f", 1e3),
        ("/api/objects, ms", "objects_s", ".0f", 1e3),
        ("HTML report, s", "report_s", ".1f", 1.0),
        ("HTML report, MB", "report_mb", ".0f", 1.0),
        ("HTML report, peak memory, MB", "report_rss_mb", ".0f", 1.0),
        ("hidden, found by kind, %", "by_kind", ".0f", 100.0),
        ("hidden, found by synonym, %", "by_synonym", ".0f", 100.0),
        ("hidden, found by colour, %", "by_colour", ".0f", 100.0),
        ("hidden, recalled for the model, %", "recalled", ".0f", 100.0),
    ):
        if any(key in one.values for one in measured.values()):
            yield line(name, lambda m, k=key: m.values.get(k), form, scale)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--sizes", type=int, nargs="+", default=list(SIZES), metavar="KEYFRAMES")
    parser.add_argument("--folder", type=Path, help="keep the generated memories here")
    parser.add_argument("--only", nargs="+", default=[], choices=[*CHILDREN, "asks"])
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="questions of each kind")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--child", nargs="+", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        name, rounds, *paths = options.child
        one = CHILDREN.get(name)
        files = [Path(path) for path in paths]
        print(json.dumps(child_asks(files, int(rounds)) if one is None else one(files[0])))
        return
    with tempfile.TemporaryDirectory() as scratch:
        folder = options.folder or Path(scratch)
        folder.mkdir(parents=True, exist_ok=True)
        measured = measure(folder, options.sizes, options.only, options.rounds)
    if options.json:
        print(json.dumps({size: {**m.values, "times": m.times} for size, m in measured.items()}))
    else:
        print("\n".join(table(measured)))


if __name__ == "__main__":
    main()
