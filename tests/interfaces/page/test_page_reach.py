"""The page for everybody: keyboard, colours, phones, projectors, and a server that goes away."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.page import REPLY, Look, Robot, text, wait_text


@pytest.fixture(scope="module")
def walked() -> Iterator[Robot]:
    with Robot() as robot:
        robot.see(40)
        yield robot


def focused(page: Any) -> str:
    """The id or the data-id of what has the focus."""
    return str(
        page.evaluate("document.activeElement.id || document.activeElement.dataset.id || ''")
    )


def test_everything_can_be_reached_and_used_by_keyboard(walked: Robot, look: Look) -> None:
    page = look(walked)
    last = walked.keyframes[-1].id
    page.wait_for_selector(f"#track [data-id='{last}']")
    page.wait_for_selector("#suggest button")
    page.wait_for_selector("#show-things:not([hidden])")
    page.wait_for_selector("#path[aria-label$=' keyframes']")  # drawn, not only there
    order = []
    for _ in range(30):
        page.keyboard.press("Tab")
        name = focused(page)
        order.append(name)
        outlined = page.evaluate("getComputedStyle(document.activeElement).outlineStyle !== 'none'")
        assert outlined, f"no visible focus on {name}"
        if name == str(last):
            break
    named = [name for name in order if name]
    assert named == [
        "theme", "show-points", "show-overlap", "question", "send", "show-things", "path",
        str(last),
    ]  # fmt: skip
    page.keyboard.press("ArrowLeft")
    assert focused(page) == str(last - 1)
    page.keyboard.press("Home")
    assert focused(page) == "0"
    page.keyboard.press("Enter")
    page.wait_for_selector("#viewer[open]")
    assert text(page, "#v-title") == "Keyframe 0"
    page.keyboard.press("Escape")
    page.wait_for_selector("#viewer", state="hidden")
    assert focused(page) == "0"


def test_a_question_is_asked_and_its_evidence_opened_by_keyboard(walked: Robot, look: Look) -> None:
    page = look(walked)
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")  # the link that skips to the question
    page.keyboard.type("Where is it, by keyboard?")
    page.keyboard.press("Enter")
    page.wait_for_selector(".qa[data-state=done]")
    for _ in range(12):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.matches('.evidence button')"):
            break
    page.keyboard.press("Enter")
    page.wait_for_selector("#viewer[open]")
    wait_text(page, "#v-title", "Keyframe")
    assert page.evaluate("document.getElementById('viewer').contains(document.activeElement)")


def test_the_path_is_walked_by_arrow_keys(walked: Robot, look: Look) -> None:
    page = look(walked)
    page.wait_for_selector("#path[aria-label$=' keyframes']")  # drawn, not only there
    page.focus("#path")
    page.keyboard.press("ArrowLeft")
    last = walked.keyframes[-1].id
    page.wait_for_selector(f"#path[aria-label='Map, keyframe {last} selected']")
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("Enter")
    page.wait_for_selector("#viewer[open]")
    assert text(page, "#v-title") == f"Keyframe {last - 1}"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_colours_follow_the_system_and_the_button_overrules(
    walked: Robot, look: Look, scheme: str
) -> None:
    page = look(walked, color_scheme=scheme)
    dark = "getComputedStyle(document.body).backgroundColor.match(/\\d+/g).every((c) => c < 60)"
    assert page.evaluate(dark) is (scheme == "dark")
    page.click("#theme")
    assert page.evaluate(dark) is (scheme == "light")
    page.reload()
    page.wait_for_selector("#link[data-state=ok]")
    assert page.evaluate(dark) is (scheme == "light")
    assert page.get_attribute("#theme", "aria-pressed") == str(scheme == "light").lower()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out_from_what_is_behind_it(walked: Robot, look: Look, scheme: str) -> None:
    page = look(walked, color_scheme=scheme)
    page.wait_for_selector("#track [data-id='0'], #track li")
    ratios = page.evaluate(
        """() => {
          const style = getComputedStyle(document.documentElement);
          const light = (name) => {
            const box = Object.assign(document.createElement("i"), {});
            box.style.color = style.getPropertyValue(`--${name}`);
            document.body.append(box);
            const rgb = getComputedStyle(box).color.match(/[\\d.]+/g).slice(0, 3);
            box.remove();
            const linear = (v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
            const [r, g, b] = rgb.map((v) => linear(v / 255));
            return 0.2126 * r + 0.7152 * g + 0.0722 * b;
          };
          const ratio = (a, b) => {
            const [low, high] = [light(a), light(b)].sort((x, y) => x - y);
            return (high + 0.05) / (low + 0.05);
          };
          const pairs = ["ink", "soft", "accent", "good", "bad", "warn"].flatMap((ink) =>
            ["card", "sunk", "page"].map((ground) => [`${ink} on ${ground}`, ratio(ink, ground)]));
          pairs.push(["banner", ratio("warn", "warn-soft")]);
          pairs.push(["button", ratio("on-accent", "accent")]);
          return Object.fromEntries(pairs);
        }"""
    )
    assert {pair: ratio for pair, ratio in ratios.items() if ratio < 4.5} == {}


@pytest.mark.parametrize(("width", "height"), [(320, 640), (360, 780), (820, 1180)])
def test_narrow_screens_scroll_in_one_direction_only(
    walked: Robot, look: Look, width: int, height: int
) -> None:
    page = look(walked, viewport={"width": width, "height": height}, has_touch=True)
    page.fill("#question", "Where is it?")
    page.press("#question", "Enter")
    page.wait_for_selector(".qa[data-state=done]")
    page.wait_for_selector("#track li")
    wide = page.evaluate("document.documentElement.scrollWidth")
    assert wide == width
    page.tap("#track [data-id]:not(.none)")
    page.wait_for_selector("#viewer[open]")
    box = page.locator("#viewer").bounding_box()
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= width
    page.tap("#v-close")
    page.wait_for_selector("#viewer", state="hidden")


@pytest.mark.parametrize(("width", "height"), [(1440, 900), (1920, 1080)])
def test_desks_and_projectors_show_everything_at_once(
    walked: Robot, look: Look, width: int, height: int
) -> None:
    page = look(walked, viewport={"width": width, "height": height})
    page.wait_for_selector("#track li")
    size = page.evaluate(
        "[document.documentElement.scrollWidth, document.documentElement.scrollHeight]"
    )
    assert size == [width, height]


def test_nothing_moves_for_those_who_asked_for_less_motion(walked: Robot, look: Look) -> None:
    page = look(walked, reduced_motion="reduce")
    walked.reasoner.gate.clear()
    page.fill("#question", "Where is it, calmly?")
    page.press("#question", "Enter")
    page.wait_for_selector(".qa[data-state=running]")
    moving = page.evaluate("document.getAnimations().length")
    walked.reasoner.gate.set()
    page.wait_for_selector(".qa[data-state=done]")
    assert moving == 0


def test_the_page_says_that_the_agent_is_away_and_finds_the_next_one(look: Look) -> None:
    gone = ("net::ERR_", "status of 503")
    with Robot() as first:
        first.see(30)
        page = look(first, expected=gone)
        # The page stays open longer than this server.
        first.forget_lookers()
        wait_text(page, "#strip-note", f"{len(first.keyframes)} keyframes")
        port = first.port
    wait_text(page, "#banner", "can't be reached")
    assert text(page, "#link") == "reconnecting"
    assert text(page, ".stage[aria-label=Camera] .word") == "unknown"
    page.fill("#question", "Is anybody there?")
    page.press("#question", "Enter")
    wait_text(page, ".qa[data-state=problem] .answer", "the agent can't be reached")
    with Robot(web__port=port) as second:
        second.reasoner.reply = REPLY.replace("on the left", "on the right")
        second.see(3)
        page.wait_for_selector("#link[data-state=ok]")
        page.wait_for_selector("#banner", state="hidden")
        wait_text(page, "#strip-note", "1 keyframe")
        assert page.locator("#track li").count() == 1
        second.see(30)
        last = second.keyframes[-1].id
        wait_text(page, f"#track [data-id='{last}']", f"lamp {last}")
        page.press("#question", "Enter")
        wait_text(page, ".qa[data-state=done] .answer", "on the right")
        page.context.close()
