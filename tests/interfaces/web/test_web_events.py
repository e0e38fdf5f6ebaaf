"""Live events: what watchers hear, going on after an interruption, slow watchers, many of them."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager

import httpx2 as httpx
import pytest

from embodied_agent.agent import Agent
from embodied_agent.agent.question_queue import QuestionQueue
from embodied_agent.errors import Busy
from embodied_agent.interfaces.web.feed import Feed
from embodied_agent.interfaces.web.overview import Overview
from embodied_agent.interfaces.wire.models import DecisionReply, StatusReply
from embodied_agent.settings import Settings
from tests.support.web import WAIT_S, Naming, Paced, Running, frames, running, web_settings


class Watcher:
    """One client of /api/events."""

    def __init__(self, response: httpx.Response) -> None:
        self._lines = response.iter_lines()
        self.last_id = ""

    def __iter__(self) -> Iterator[tuple[str, dict]]:
        name = ""
        for line in self._lines:
            field, _, value = line.partition(": ")
            if field == "event":
                name = value
            elif field == "id":
                self.last_id = value
            elif field == "data":
                yield name, json.loads(value)

    def until(self, wanted: str) -> dict:
        """The next event of that name."""
        return next(data for name, data in self if name == wanted)


@contextmanager
def watching(its: Running, last_id: str = "") -> Iterator[Watcher]:
    headers = {"Last-Event-ID": last_id} if last_id else {}
    with (
        its.client(headers=headers) as client,
        client.stream("GET", "/api/events") as response,
    ):
        assert response.status_code == 200
        assert response.headers["content-type"].startswith("text/event-stream")
        yield Watcher(response)


def test_frames_that_come_in_once_it_serves_are_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    class Slow(Overview):
        def __init__(self, *args: object) -> None:
            time.sleep(0.5)  # the app is still starting
            super().__init__(*args)  # type: ignore[arg-type]

    monkeypatch.setattr("embodied_agent.interfaces.web.app.Overview", Slow)
    with running(fed=False) as its:
        its.agent.observe(next(iter(frames(1))))
        with watching(its) as watcher:
            assert watcher.until("status")["frame_age_s"] is not None


def test_a_watcher_hears_of_keyframes_and_then_of_their_deltas() -> None:
    with running(fed=False) as its, watching(its) as watcher:
        watcher.until("status")
        its.feed(frames(12))
        first = watcher.until("keyframe")
        assert (first["id"], first["reason"], first["delta"]) == (0, "first", None)
        delta = watcher.until("delta")
        assert (delta["keyframe_id"], delta["mentions"][0]["name"]) == (0, "lamp 0")


def test_a_watcher_sees_the_latest_decision_with_its_matched_points() -> None:
    with running(fed=False) as its, watching(its) as watcher:
        watcher.until("status")
        its.feed(frames(8))
        for name, data in watcher:
            if name == "decision" and data["index"] == 7:
                break
        decision = DecisionReply.model_validate(data)
        assert (decision.width, decision.height, decision.segment) == (160, 120, 0)
        assert decision.homography is not None
        assert decision.pose is not None
        assert decision.matched is not None
        assert 10 <= len(decision.matched) <= 150
        x, y, from_x, from_y = decision.matched[0]
        assert from_x - x == pytest.approx(72, abs=3)
        assert from_y == pytest.approx(y, abs=3)


def test_who_comes_late_sees_at_once_what_is_seen_now() -> None:
    with running() as its, watching(its) as watcher:
        assert watcher.until("decision")["index"] == 23


def test_who_comes_after_a_while_sees_nothing_of_before() -> None:
    with running() as its:
        _first_of_each(its)
        _until_nobody_watches(its)
        its.feed(frames(30)[24:])
        first = _first_of_each(its)
        assert first["decision"]["index"] == 29
        assert first["status"]["frames"] == 30


def _first_of_each(its: Running) -> dict[str, dict]:
    """The first status and the first decision that a new watcher hears."""
    first: dict[str, dict] = {}
    with watching(its) as watcher:
        for name, data in watcher:
            first.setdefault(name, data)
            if {"status", "decision"} <= first.keys():
                break
    return first


def _until_nobody_watches(its: Running) -> None:
    given_up = time.monotonic() + WAIT_S
    while its.interfaces.status()["web"].watchers:
        assert time.monotonic() < given_up
        time.sleep(0.01)


def test_the_status_comes_again_and_again() -> None:
    with running() as its, watching(its) as watcher:
        StatusReply.model_validate(watcher.until("status"))
        later = StatusReply.model_validate(watcher.until("status"))
        assert later.interfaces["web"].watchers == 1


def test_answers_to_others_are_shown() -> None:
    with running() as its, watching(its) as watcher, its.client() as client:
        watcher.until("status")
        client.post("/api/ask", json={"question": "Where?", "id": "q1"})
        assert watcher.until("answered")["id"] == "q1"


def test_an_interrupted_watcher_goes_on_where_it_was() -> None:
    with running(fed=False) as its:
        with watching(its) as watcher:
            watcher.until("status")
            its.feed(frames(6))
            watcher.until("delta")
            place = watcher.last_id
        its.feed(frames(12)[6:])
        missed = its.agent.store.counts().done - 1
        assert missed >= 1
        with watching(its, place) as watcher:
            heard = [watcher.until("delta")["keyframe_id"] for _ in range(missed)]
        assert heard == list(range(1, missed + 1))


@pytest.mark.parametrize("place", ["0badcafe-3", "nonsense", "a-b-c", "1-" + "9" * 60])
def test_who_comes_from_another_life_is_told_to_read_again(place: str) -> None:
    with running() as its, watching(its, place[:64]) as watcher:
        assert next(iter(watcher))[0] == "resync"


def test_only_so_many_may_watch() -> None:
    with running(web__watchers=1, fed=False) as its:
        with watching(its) as watcher:
            watcher.until("status")
            with its.client() as client:
                refused = client.get("/api/events")
                assert (refused.status_code, refused.json()["error"]["code"]) == (503, "busy")
        # Once the first has gone there is room again.
        given_up = time.monotonic() + WAIT_S
        while time.monotonic() < given_up:
            with its.client() as client, client.stream("GET", "/api/events") as response:
                if response.status_code == 200:
                    return
        pytest.fail("the place was never free again")


def test_streams_end_when_the_server_stops() -> None:
    with running() as its, watching(its) as watcher:
        watcher.until("status")
        its.interfaces.close()
        assert [name for name, _ in watcher if name == "nothing"] == []


@contextmanager
def own_feed(settings: Settings) -> Iterator[tuple[Agent, QuestionQueue]]:
    with Agent(settings, perceiver=Naming(), reasoner=Paced()) as agent:
        questions = QuestionQueue(agent, parallel=1, waiting=4)
        try:
            yield agent, questions
        finally:
            questions.close()


async def _heard(stream: AsyncIterator[bytes], wanted: bytes) -> bytes:
    async for data in stream:
        if wanted in data:
            return data
    raise AssertionError(f"the stream ended without {wanted!r}")


def test_a_watcher_that_falls_too_far_behind_is_told_so_and_costs_no_memory(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("embodied_agent.interfaces.web.feed.RING", 4)

    async def scene(agent: Agent, questions: QuestionQueue, settings: Settings) -> None:
        overview = Overview(agent, questions, dict, list)
        feed = Feed(agent, questions, settings.web, overview.status)
        slow = await feed.watch()
        await asyncio.wait_for(anext(slow), WAIT_S)
        await asyncio.to_thread(lambda: [agent.observe(frame) for frame in frames(24)])
        assert await asyncio.to_thread(agent.drain, WAIT_S)
        await asyncio.sleep(0)  # what the threads handed over is taken in
        assert len(feed._ring) == 4
        assert b"event: resync" in await asyncio.wait_for(_heard(slow, b"resync"), WAIT_S)
        assert feed.resyncs == 1
        await slow.aclose()
        assert feed.watchers == 0
        feed.close()
        overview.close()

    settings = web_settings()
    with own_feed(settings) as (agent, questions):
        asyncio.run(scene(agent, questions, settings))


def test_an_event_is_encoded_once_for_all_watchers(monkeypatch: pytest.MonkeyPatch) -> None:
    import embodied_agent.interfaces.web.feed as module

    encoded: list[str] = []
    real = module.encode

    def counting(event: str, *rest: object) -> bytes:
        encoded.append(event)
        return real(event, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(module, "encode", counting)

    async def scene(agent: Agent, questions: QuestionQueue, settings: Settings) -> None:
        overview = Overview(agent, questions, dict, list)
        feed = Feed(agent, questions, settings.web, overview.status)
        watchers = [await feed.watch() for _ in range(20)]
        hearing = [asyncio.create_task(_heard(w, b"event: delta")) for w in watchers]
        while feed.watchers < 20:
            await asyncio.sleep(0)
        await asyncio.to_thread(agent.observe, frames(1)[0])
        await asyncio.wait_for(asyncio.gather(*hearing), WAIT_S)
        assert encoded.count("keyframe") == encoded.count("delta") == 1
        for watcher in watchers:
            await watcher.aclose()
        feed.close()
        overview.close()

    settings = web_settings()
    with own_feed(settings) as (agent, questions):
        asyncio.run(scene(agent, questions, settings))


def test_nothing_is_encoded_of_decisions_while_nobody_watches(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def never(*_: object) -> None:
        raise AssertionError("a decision was encoded for nobody")

    monkeypatch.setattr("embodied_agent.interfaces.web.feed.decision_reply", never)
    with running() as its, its.client() as client:
        assert client.get("/healthz").status_code == 200
        assert client.get("/api/status").json()["listener_failures"] == 0


def test_the_places_of_watchers_that_were_refused_are_not_counted() -> None:
    async def scene(agent: Agent, questions: QuestionQueue, settings: Settings) -> None:
        feed = Feed(agent, questions, settings.web, Overview(agent, questions, dict, list).status)
        only = await feed.watch()
        await anext(only)
        with pytest.raises(Busy):
            await feed.watch()
        await only.aclose()
        assert feed.watchers == 0
        feed.close()

    settings = web_settings(web__watchers=1)
    with own_feed(settings) as (agent, questions):
        asyncio.run(scene(agent, questions, settings))
