"""Questions asked on the page: the answer as it is made, what it rests on, and what goes wrong."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from embodied_agent.records import Question
from tests.support.page import Look, Robot, text, wait_text, wait_until


@pytest.fixture(scope="module")
def walked() -> Iterator[Robot]:
    with Robot() as robot:
        robot.see(40)
        assert len(robot.keyframes) > 3
        yield robot


@pytest.fixture
def robot(walked: Robot) -> Robot:
    walked.reasoner.gate.set()
    return walked


def ask(page: Any, question: str) -> Any:
    """Ask, and give the entry of the answer."""
    page.fill("#question", question)
    page.press("#question", "Enter")
    return page.locator("#answers > .qa", has_text=question).first


def test_the_answer_streams_in_with_its_reasoning(robot: Robot, look: Look) -> None:
    page = look(robot)
    robot.reasoner.gate.clear()
    entry = ask(page, "Where is lamp 1, streamed?")
    wait_text(page, ".qa[data-state=running] .thoughts", "#1 shows it")
    assert page.is_visible("#stop")
    assert entry.get_attribute("aria-busy") == "true"
    robot.reasoner.gate.set()
    entry.and_(page.locator("[data-state=done]")).wait_for()
    assert entry.locator(".answer").inner_text() == "on the left"
    assert not entry.locator(".thoughts").is_visible()
    entry.locator("summary").click()
    assert entry.locator(".thoughts").inner_text() == "#1 shows it, to the left"
    assert "reason" in entry.locator(".took").inner_text()
    assert text(page, "#say") == "Answer: on the left"


@pytest.mark.parametrize("times", [1, 12])
def test_a_long_answer_is_set_as_text_and_a_short_one_as_a_headline(
    robot: Robot, look: Look, monkeypatch: pytest.MonkeyPatch, times: int
) -> None:
    said = ", then ".join(["on the left"] * times)
    reply = f"<think>#1 shows it, to the left</think><answer>{said}</answer>"
    monkeypatch.setattr(robot.reasoner, "reply", reply)
    page = look(robot)
    entry = ask(page, f"Where is lamp 1, {times} times?")
    entry.and_(page.locator("[data-state=done]")).wait_for()
    assert entry.locator(".answer").inner_text() == said
    weight = int(entry.locator(".answer").evaluate("e => getComputedStyle(e).fontWeight"))
    assert weight >= 600 if times == 1 else weight < 500


def test_evidence_opens_its_frame_and_arrows_go_on_from_there(robot: Robot, look: Look) -> None:
    page = look(robot)
    entry = ask(page, "Where is lamp 1, with evidence?")
    entry.and_(page.locator("[data-state=done]")).wait_for()
    button = entry.get_by_role("button", name="Open keyframe 1, cited")
    button.click()
    page.wait_for_selector("#viewer[open]")
    assert text(page, "#v-title") == "Keyframe 1"
    wait_until(page, "document.getElementById('v-picture').naturalWidth === 320")
    assert "lamp 1" in text(page, "#v-facts")
    assert "front-left, near, 24° left, 3.1 m, 87 % sure" in text(page, "#v-facts")
    drawn = page.locator("#v-boxes rect")
    assert drawn.count() == 1
    around, inner = page.locator("#v-picture").bounding_box(), drawn.bounding_box()
    assert inner["width"] == pytest.approx(0.2 * around["width"], abs=6)
    assert inner["x"] - around["x"] == pytest.approx(0.1 * around["width"], abs=6)
    assert page.locator("#v-boxes text").text_content() == "lamp 1"
    assert "x 0." in text(page, "#v-facts")
    page.keyboard.press("ArrowRight")
    wait_text(page, "#v-title", "Keyframe 2")
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowLeft")
    wait_text(page, "#v-title", "Keyframe 0")
    page.wait_for_selector("#v-prev:disabled")
    page.keyboard.press("Escape")
    page.wait_for_selector("#viewer", state="hidden")
    assert button.evaluate("button => button === document.activeElement")


def test_much_evidence_is_shown_a_little_at_a_time(look: Look) -> None:
    with Robot() as robot:
        robot.see(78)
        count = len(robot.keyframes)
        assert count > 9
        cited = " ".join(f"#{i}" for i in range(count))
        robot.reasoner.reply = f"<think>{cited}</think><answer>there</answer>"
        page = look(robot)
        entry = ask(page, "Where is everything?")
        entry.and_(page.locator("[data-state=done]")).wait_for()
        shown = entry.locator(".evidence img")
        assert shown.count() == 7
        entry.get_by_role("button", name=f"{count - 7} more").click()
        assert shown.count() == count
        assert page.evaluate("document.activeElement.getAttribute('aria-label')") == (
            "Open keyframe 7, cited"
        )


def test_a_number_in_the_reasoning_opens_its_frame(robot: Robot, look: Look) -> None:
    page = look(robot)
    entry = ask(page, "Where is lamp 1, by its number?")
    entry.and_(page.locator("[data-state=done]")).wait_for()
    entry.locator("summary").click()
    entry.locator(".cite").click()
    page.wait_for_selector("#viewer[open]")
    assert text(page, "#v-title") == "Keyframe 1"


def test_stop_ends_the_model_and_says_so(robot: Robot, look: Look) -> None:
    page = look(robot)
    robot.reasoner.gate.clear()
    entry = ask(page, "Where is lamp 1, stopped?")
    wait_text(page, ".qa[data-state=running] .thoughts", "#1 shows it")
    page.click("#stop")
    entry.and_(page.locator("[data-state=problem]")).wait_for()
    assert entry.locator(".answer").inner_text() == "stopped"
    assert entry.locator(".kind").inner_text() == "No answer"
    assert robot.reasoner.ended.wait(60)  # with the gate still closed
    assert page.input_value("#question") == "Where is lamp 1, stopped?"
    assert page.is_visible("#send")


def test_choices_are_asked_and_the_letter_is_shown(robot: Robot, look: Look) -> None:
    page = look(robot)
    page.click("#more summary")
    page.fill("#choices", "left\n\n on the left \n")
    entry = ask(page, "Where is lamp 1, of these?")
    entry.and_(page.locator("[data-state=done]")).wait_for()
    assert entry.locator(".letter").inner_text() == "B"
    assert robot.reasoner.prompts[-1].choices == ("left", "on the left")
    assert page.input_value("#choices") == ""


def test_asking_as_of_a_keyframe_uses_nothing_later(robot: Robot, look: Look) -> None:
    page = look(robot)
    page.click("#track [data-id='1']")
    page.get_by_role("button", name="Ask as of this moment").click()
    assert "As of keyframe 1" in text(page, "#asof")
    entry = ask(page, "What was there, then?")
    entry.and_(page.locator("[data-state=done]")).wait_for()
    lines = robot.reasoner.prompts[-1].transcript.splitlines()
    assert [line.split()[0] for line in lines] == ["#0", "#1"]
    page.click("#asof-clear")
    assert not page.is_visible("#asof")


def test_a_refusal_is_shown_in_words_and_the_question_stays(robot: Robot, look: Look) -> None:
    page = look(robot, expected=("status of 422",))
    page.click("#more summary")
    page.fill("#choices", "same\nsame")
    entry = ask(page, "Which of two that are one?")
    entry.and_(page.locator("[data-state=problem]")).wait_for()
    assert entry.locator(".kind").inner_text() == "No answer"
    assert "choice" in entry.locator(".answer").inner_text()
    assert page.input_value("#question") == "Which of two that are one?"


def test_questions_asked_elsewhere_are_shown_too(robot: Robot, look: Look) -> None:
    page = look(robot)
    from urllib.request import Request, urlopen

    body = b'{"question": "Asked by another program?"}'
    request = Request(f"{robot.url}api/ask", body, {"Content-Type": "application/json"})
    with urlopen(request, timeout=60) as response:
        assert response.status == 200
    entry = page.locator("#answers > .qa", has_text="Asked by another program?")
    entry.wait_for()
    assert entry.locator(".hint").inner_text() == "asked elsewhere"
    assert entry.locator(".answer").inner_text() == "on the left"


def test_answers_from_before_are_there_when_the_page_opens(robot: Robot, look: Look) -> None:
    robot.agent.ask(Question("Asked before the page was open?"))
    page = look(robot)
    entry = page.locator("#answers > .qa", has_text="Asked before the page was open?")
    entry.wait_for()
    assert entry.locator(".answer").inner_text() == "on the left"


def test_consistency_is_shown_where_there_is_one(robot: Robot, look: Look) -> None:
    page = look(robot)
    page.wait_for_selector("#track li")
    reply = {
        "id": "x", "question": "How sure?", "text": "left", "choice": None, "reasoning": "",
        "consistency": 0.75, "evidence": [], "latency_s": {"total": 1.5}, "models": {},
        "notice": "the older half was not read", "problem": "",
    }  # fmt: skip
    page.route(
        "**/api/ask",
        lambda route: route.fulfill(
            content_type="text/event-stream", body=f"event: answer\r\ndata: {_json(reply)}\r\n\r\n"
        ),
    )
    entry = ask(page, "How sure?")
    entry.and_(page.locator("[data-state=done]")).wait_for()
    assert "consistency 75 %" in entry.locator(".meta").inner_text()
    assert "1.50 s" in entry.locator(".meta").inner_text()
    assert "the older half was not read" in entry.locator(".note").inner_text()


def test_events_are_read_however_the_network_cuts_them(robot: Robot, look: Look) -> None:
    page = look(robot)
    found = page.evaluate(
        """async () => {
          const { eventParser, parse } = await import("/static/wire.js");
          const stream = 'retry: 1\\r\\n\\r\\nevent: piece\\r\\n' +
            'data: {"a":1,\\r\\ndata: "b":"x: y"}\\r\\n\\r\\n' +
            ': note\\n\\ndata:2\\n\\nevent: end\\rdata: 3\\r\\r\\n';
          const seen = new Set();
          for (let i = 0; i <= stream.length; i++)
            for (let j = i; j <= stream.length; j += 3) {
              const events = [];
              const feed = eventParser((name, data) => events.push([name, data]));
              for (const [from, to] of [[0, i], [i, j], [j]]) feed(stream.slice(from, to));
              seen.add(JSON.stringify(events));
            }
          const long = '{"stamp_ns": 1700000000000000123, ' +
            '"text": "\\\\"at_ns\\\\":1700000000000000123"}';
          return [[...seen], parse(long)];
        }"""
    )
    assert found == [
        ['[["piece","{\\"a\\":1,\\n\\"b\\":\\"x: y\\"}"],["message","2"],["end","3"]]'],
        {"stamp_ns": "1700000000000000123", "text": '"at_ns":1700000000000000123'},
    ]


def _json(value: Any) -> str:
    import json

    return json.dumps(value)
