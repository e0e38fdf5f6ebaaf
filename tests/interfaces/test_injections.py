"""What a camera saw, a model wrote or a client sent is text on every interface, and no more."""

from __future__ import annotations

import json
import logging
import re
from collections import Counter
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from prometheus_client.parser import text_string_to_metric_families
from typer.testing import CliRunner

from embodied_agent.agent import Agent
from embodied_agent.agent.turns import client_name
from embodied_agent.cli.main import app
from embodied_agent.host.event_log import JsonFormatter, TextFormatter
from embodied_agent.memory.store import Store
from embodied_agent.perception.geometry import GeometryPerceiver
from embodied_agent.records import Delta, Keyframe, Mention, Question
from embodied_agent.report.html import Replay, render
from embodied_agent.settings import MemorySettings
from tests.support.injections import INJECTIONS, STEERS
from tests.support.mqtt import Peer, broker_in, settings_for
from tests.support.mqtt import running as on_broker
from tests.support.web import WAIT_S, Paced, Running, frames, running, web_settings


def mentions_of(keyframe_id: int) -> tuple[Mention, ...]:
    """A share of the injections as names of objects, so that a few keyframes have them all."""
    return tuple(Mention(text, "front", "near") for text in INJECTIONS[keyframe_id % 4 :: 4])


class Misled(GeometryPerceiver):
    """Sees nothing but injections."""

    def perceive(self, previous: Keyframe | None, current: Keyframe) -> Delta:
        observation = INJECTIONS[current.id % len(INJECTIONS)]
        return Delta(
            current.id,
            action=None,
            mentions=mentions_of(current.id),
            observation=observation,
            model=INJECTIONS[0],
        )


def answering(text: str) -> str:
    return f"<think>{text}</think><answer>{text.replace('<', '')}</answer>"


@pytest.fixture(scope="module")
def misled() -> Iterator[Running]:
    with running(perceiver=Misled()) as its:
        yield its


@pytest.fixture(scope="module")
def memory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A memory file full of injections, with each of them as a question."""
    path = tmp_path_factory.mktemp("misled") / "m.db"
    settings = web_settings(web__enabled=False, memory__path=str(path))
    reasoner = Paced()
    with Agent(settings, perceiver=Misled(), reasoner=reasoner) as agent:
        for frame in frames():
            agent.observe(frame)
        assert agent.drain(WAIT_S)
        for text in INJECTIONS:
            reasoner.reply = answering(text)
            agent.ask(Question(f"{text}?", timeout_s=WAIT_S))
    return path


def events_in(body: str) -> list[tuple[str, Any]]:
    """The events of a stream, by the rules of the standard: lines end with LF, CR or both."""
    events, name, data = [], "message", []
    for line in re.split(r"\r\n|\n|\r", body):
        field, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if not line and data:
            events.append((name, json.loads("\n".join(data))))
            name, data = "message", []
        elif field == "event":
            name = value
        elif field == "data":
            data.append(value)
    return events


@pytest.mark.parametrize("text", INJECTIONS, ids=range(len(INJECTIONS)))
def test_a_question_comes_back_as_it_was_and_streams_no_event_of_its_own(
    misled: Running, text: str
) -> None:
    misled.reasoner.reply = answering(text)
    question = text if text.strip() else f"{text}?"
    with misled.client() as client:
        response = client.post("/api/ask", json={"question": question})
        assert response.headers["content-type"] == "application/json"
        if response.status_code == 422:  # it has nothing that could be asked
            return
        assert response.json()["question"] == question
        streamed = client.post("/api/ask", json={"question": question, "stream": True})
        events = events_in(streamed.text)
        names = Counter(name for name, _ in events)
        assert set(names) <= {"piece", "answer"}
        assert names["answer"] == 1
        assert events[-1][1]["question"] == question


def test_the_memory_is_served_as_json_whatever_it_holds(misled: Running) -> None:
    with misled.client() as client:
        for path in ("/api/keyframes", "/api/recall", "/api/answers", "/api/status"):
            response = client.get(path)
            assert response.headers["content-type"] == "application/json"
            assert response.headers["x-content-type-options"] == "nosniff"
            response.json()
        seen = {
            mention["name"]
            for keyframe in client.get("/api/keyframes").json()["keyframes"]
            for mention in keyframe["delta"]["mentions"]
        }
        assert seen == set(INJECTIONS)
        for text in INJECTIONS:
            assert client.get("/api/recall", params={"text": text}).status_code == 200


def test_live_events_hold_no_event_but_ours(misled: Running) -> None:
    with misled.client() as client, client.stream("GET", "/api/events") as response:
        body = ""
        misled.feed(frames(24, start_ns=50_000_000_000))
        for text in response.iter_text():
            body += text
            if body.count("event: status") >= 2 and "event: delta" in body:
                break
    whole = body.rpartition("\n\n")[0] + "\n\n"
    names = {name for name, _ in events_in(whole)}
    assert names <= {"decision", "keyframe", "delta", "answered", "status"}


def test_metrics_have_no_sample_but_ours(misled: Running) -> None:
    with misled.client() as client:
        for text in INJECTIONS:
            client.get(f"/{quote(text, safe='')}", params={"x": text})
            client.get(f"/static/{quote(text, safe='')}")
        body = client.get("/metrics").text
    for family in text_string_to_metric_families(body):
        assert family.name.startswith("embodied_agent_")
        assert "forged" not in family.name
        for sample in family.samples:
            for value in sample.labels.values():
                assert re.fullmatch(r"[A-Za-z0-9_ /{}.+:-]*", value), sample


@pytest.mark.parametrize("formatter", [TextFormatter(), JsonFormatter()])
def test_a_line_of_the_log_is_one_line_and_steers_no_terminal(
    formatter: logging.Formatter,
) -> None:
    for text in INJECTIONS:
        fields = {"question": text, "client": client_name("mqtt", "", text), "text": [text]}
        event = logging.LogRecord("embodied_agent.run", logging.INFO, "", 0, "ask", None, None)
        event.__dict__["fields"] = fields
        foreign = logging.LogRecord("other", logging.WARNING, "", 0, "%s", (text,), None)
        for record in (event, foreign):
            line = formatter.format(record)
            assert "\n" not in line
            assert not STEERS.search(line)
            if isinstance(formatter, JsonFormatter):
                values = json.loads(line)
                assert values["event"] in ("ask", "log")
                assert values["level"] in ("info", "warning")


def test_a_report_holds_no_element_but_its_own(memory: Path) -> None:
    class Elements(HTMLParser):
        def __init__(self) -> None:
            super().__init__()
            self.tags: Counter[str] = Counter()
            self.odd: list[tuple[str, str]] = []

        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            self.tags[tag] += 1
            for name, value in attrs:
                if (
                    name.startswith("on")
                    or "evil" in (value or "")
                    or "javascript:" in (value or "")
                ):
                    self.odd.append((tag, name))

    with Store.open(str(memory), MemorySettings(), read_only=True) as store:
        keyframes, deltas = store.keyframes(pictures=True), store.deltas()
    harmless = [
        Delta(d.keyframe_id, None, mentions=(Mention("lamp", "front", "near"),), observation="lamp")
        for d in deltas
    ]
    one = [
        Delta(d.keyframe_id, None, mentions=d.mentions[:1], observation=d.observation)
        for d in deltas
    ]
    found = []
    for shown in (one, harmless):
        parser = Elements()
        parser.feed(render(Replay("clip", keyframes, shown)))
        assert parser.odd == []
        found.append(parser.tags)
    for tag in ("script", "style", "iframe", "form", "input", "base", "title", "img", "svg", "b"):
        assert found[0][tag] == found[1][tag], tag


@pytest.mark.parametrize("command", [["list"], ["show", "0"], ["stats"]], ids=lambda c: c[0])
def test_the_command_line_steers_no_terminal(memory: Path, command: list[str]) -> None:
    result = CliRunner().invoke(app, ["memory", *command, "--memory", str(memory)])
    assert result.exit_code == 0, result.output
    assert not STEERS.search(result.output)


def test_an_answer_on_the_command_line_steers_no_terminal(memory: Path) -> None:
    for text in ("\x1b[31mWhere is the lamp?", "Where is \u202ethe lamp?\x07"):
        arguments = ["ask", text, "--memory", str(memory), "--perception", "geometry"]
        result = CliRunner().invoke(app, arguments)
        assert not STEERS.search(result.output)


def test_over_mqtt_a_question_is_answered_where_it_may_be_and_nowhere_else(tmp_path: Path) -> None:
    with (
        broker_in(tmp_path / "b") as broker,
        Peer(broker.port, "#") as peer,
        on_broker(settings_for(broker.port)) as (service, _),
    ):
        for number, text in enumerate(INJECTIONS):
            clean = "".join(c for c in text if c.isprintable() and c != "\ufeff")
            user = {"UserProperty": [("client", clean), (clean or "x", "y")]}
            peer.ask(f"tag {text}", id=f"q{number}", **user)
        answers = peer.wait(len(INJECTIONS), "answer")
        for got in answers:
            number = int(got.json["id"].removeprefix("q"))
            assert got.topic == f"embodied_agent/r1/answer/q{number}"
            assert got.json["question"] == f"tag {INJECTIONS[number]}"
        topics = {got.topic.partition("/answer/")[0] for got in peer.got}
        own = {f"embodied_agent/r1{end}" for end in ("", "/ask", "/delta", "/status")}
        assert topics <= own
        assert service.status().connections == 1
