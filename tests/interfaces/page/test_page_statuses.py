"""Each kind of answer is told apart on the page, by word and by colour."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from embodied_agent.perception.geometry import GeometryPerceiver
from embodied_agent.records import Delta, Keyframe
from tests.support.notes import HOME
from tests.support.page import Look, Robot, text

#: A question, its status, the words above the answer, and how the answer begins.
CASES = (
    ("did you see a couch?", "answered", "", "Yes, I saw the red sofa in #2"),
    ("is there a fridge?", "not_seen", "Not seen", "I have not seen a fridge."),
    ("how heavy is the sofa?", "cannot_tell", "Can't tell", "I can't tell"),
    ("tell me a joke", "out_of_scope", "Not about what was seen", "That is not about what I"),
)


class Remembering(GeometryPerceiver):
    """Notes what a general model might note of a home, over and over."""

    name = "vlm"

    def perceive(self, previous: Keyframe | None, current: Keyframe) -> Delta:
        noted = HOME[min(current.id, len(HOME) - 1)]
        return Delta(
            current.id,
            noted.action,
            noted.angle_deg,
            noted.mentions,
            noted.observation,
            model="vlm",
        )


@pytest.fixture(scope="module")
def robot() -> Iterator[Robot]:
    with Robot(perceiver=Remembering(), reasoning__free="auto") as robot:
        robot.see(40)
        assert len(robot.keyframes) >= len(HOME)
        yield robot


def ask(page: Any, question: str) -> Any:
    page.fill("#question", question)
    page.press("#question", "Enter")
    return page.locator("#answers > .qa", has_text=question).first


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_each_status_has_its_own_words_and_look(robot: Robot, look: Look, theme: str) -> None:
    page = look(robot, color_scheme=theme)
    looks = set()
    for question, status, kind, answer in CASES:
        entry = ask(page, question)
        entry.and_(page.locator("[data-state=done]")).wait_for()
        assert entry.get_attribute("data-status") == status
        assert entry.locator(".answer").inner_text().startswith(answer)
        assert entry.locator(".kind").is_visible() == bool(kind)
        if kind:
            assert entry.locator(".kind").inner_text() == kind
            assert entry.locator(".kind svg").count() == 1
        edge = "element => { const style = getComputedStyle(element); return "
        edge += "style.borderLeftColor + style.borderLeftStyle + style.backgroundColor; }"
        looks.add(entry.evaluate(edge))
        assert text(page, "#say").startswith(f"{kind or 'Answer'}: {answer}")
        assert "rules" in entry.locator(".models").inner_text()
    assert len(looks) == len(CASES)


def test_the_evidence_of_a_rule_opens_its_frame(robot: Robot, look: Look) -> None:
    page = look(robot)
    entry = ask(page, "was there a trash can?")
    entry.and_(page.locator("[data-state=done]")).wait_for()
    entry.get_by_role("button", name="Open keyframe 3, cited").click()
    page.wait_for_selector("#viewer[open]")
    assert text(page, "#v-title") == "Keyframe 3"
    assert "trash can" in text(page, "#v-facts")
