"""Objects on the page: on the map, in a list, and corrected by people."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.page import Look, Robot, text, wait_text, wait_until


@pytest.fixture
def robot() -> Iterator[Robot]:
    with Robot() as robot:
        robot.see(40)
        assert len(robot.agent.objects()) > 3
        yield robot


def show_list(page: Any) -> None:
    page.wait_for_selector("#show-things:not([hidden])")
    page.click("#show-things")
    page.wait_for_selector("#things[open] .things-list")


def open_object(page: Any, name: str) -> None:
    show_list(page)
    page.click(f".things-list button:has-text('{name}')")
    wait_text(page, "#t-title", name)


def test_every_object_is_in_the_list_with_its_place_and_opens(robot: Robot, look: Look) -> None:
    page = look(robot)
    show_list(page)
    assert page.locator(".things-list li").count() == len(robot.agent.objects())
    assert " m ± " in text(page, ".things-list li")
    page.click(".things-list button:has-text('lamp 0')")
    wait_text(page, "#t-title", "lamp 0")
    assert "odom, map session 0" in text(page, "#t-facts")
    page.click("#t-facts button:has-text('#0')")
    page.wait_for_selector("#viewer[open]")
    assert text(page, "#v-title") == "Keyframe 0"


def test_an_object_on_the_map_opens_by_a_click(robot: Robot, look: Look) -> None:
    page = look(robot)
    page.wait_for_selector("#show-things:not([hidden])")
    page.wait_for_selector("#path[aria-label$=' keyframes']")
    # Diamonds are drawn in one colour: click the first pixel of it that the map has.
    spot = wait_until(
        page,
        """() => {
        const canvas = document.getElementById("path");
        const probe = document.createElement("canvas").getContext("2d");
        const style = getComputedStyle(document.documentElement);
        probe.fillStyle = style.getPropertyValue("--thing").trim();
        probe.fillRect(0, 0, 1, 1);
        const want = probe.getImageData(0, 0, 1, 1).data;
        const { width, height } = canvas;
        const { data } = canvas.getContext("2d").getImageData(0, 0, width, height);
        for (let i = 0; i < data.length; i += 4) {
            if ([0, 1, 2].every((c) => data[i + c] === want[c]) && data[i + 3] === 255) {
                const scale = canvas.width / canvas.getBoundingClientRect().width;
                return { x: ((i / 4) % width) / scale, y: Math.floor(i / 4 / width) / scale };
            }
        }
        return null;
    }""",
    )
    page.click("#path", position=spot)
    page.wait_for_selector("#things[open]")
    assert text(page, "#t-title").startswith("lamp ")


def test_an_object_is_renamed_and_annotated(robot: Robot, look: Look) -> None:
    page = look(robot)
    open_object(page, "lamp 1")
    page.fill("input[aria-label=Name]", "desk light")
    page.click("#t-facts button:has-text('Rename')")
    wait_text(page, "#t-title", "desk light")
    page.fill("input[aria-label=Note]", "the bulb is broken")
    page.click("#t-facts button:has-text('Save note')")
    wait_text(page, "#t-facts", "the bulb is broken")
    (one,) = (one for one in robot.agent.objects() if one.label == "desk light")
    assert one.note == "the bulb is broken"
    assert [made.by for made in robot.agent.corrections()] == ["127.0.0.1", "127.0.0.1"]


def test_forgetting_asks_before_it_does_what_can_not_be_undone(robot: Robot, look: Look) -> None:
    page = look(robot)
    before = len(robot.agent.objects())
    open_object(page, "lamp 2")
    page.click("#t-facts .danger")
    wait_text(page, "#t-facts .danger", "can't be undone")
    assert len(robot.agent.objects()) == before
    page.click("#t-facts .danger")
    wait_text(page, "#t-title", "Objects")
    wait_until(page, f"document.querySelectorAll('.things-list li').length === {before - 1}")
    assert "lamp 2" not in [one.name for one in robot.agent.objects()]


def test_a_correction_that_is_refused_says_why(robot: Robot, look: Look) -> None:
    page = look(robot, expected=("422",))
    open_object(page, "lamp 1")
    page.fill("input[aria-label=Name]", "")
    page.click("#t-facts button:has-text('Rename')")
    wait_text(page, "#t-problem", "The correction failed: relabel needs a text")


def test_new_objects_appear_while_the_robot_looks(robot: Robot, look: Look) -> None:
    page = look(robot)
    page.wait_for_selector("#show-things:not([hidden])")
    before = len(robot.agent.objects())
    robot.see(20)
    after = len(robot.agent.objects())
    assert after > before
    wait_text(page, "#show-things", f"{after} objects")
