"""The page as it is watched: what is there at first, and what comes while it is open."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from embodied_agent.memory.store import Store
from embodied_agent.settings import MemorySettings
from tests.support.page import Look, Robot, browser, looking, text, wait_text, wait_until


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    with browser() as running:
        yield running


@pytest.fixture
def look(chromium: Any) -> Iterator[Look]:
    with looking(chromium) as opener:
        yield opener


@pytest.fixture(scope="module")
def walked() -> Iterator[Robot]:
    with Robot() as robot:
        robot.see(30)
        yield robot


def test_the_page_shows_what_was_there_before_it_was_opened(walked: Robot, look: Look) -> None:
    page = look(walked)
    count = len(walked.keyframes)
    wait_text(page, "#strip-note", f"{count} keyframes")
    assert f"lamp {count - 1} front-left" in text(page, "#track li:last-child")
    wait_text(page, ".stage[aria-label=Keyframes] .main", str(count))
    wait_until(page, "document.getElementById('picture').width > 300")
    assert not page.is_visible("#camera-empty")
    assert not page.is_visible("#path-empty")


def test_a_frame_that_comes_is_drawn_and_measured(look: Look) -> None:
    with Robot() as robot:
        page = look(robot)
        assert text(page, "#camera-empty") == "Waiting for the first picture."
        assert "No keyframe yet" in text(page, "#strip")
        robot.see(4)
        wait_text(page, "#r-verdict", "#0, first view")
        wait_text(page, "#r-overlap", "%")
        page.wait_for_selector("#track [data-id='0']")
        # The picture's own colours, and the points' over them.
        wait_until(
            page,
            """(() => {
              const canvas = document.getElementById('picture');
              const { width, height } = canvas;
              const { data } = canvas.getContext('2d').getImageData(0, 0, width, height);
              let points = 0;
              for (let i = 0; i < data.length; i += 4)
                points += data[i] === 125 && data[i + 1] === 255 && data[i + 2] === 178;
              return points > 20;
            })()""",
        )


def test_keyframes_and_deltas_come_by_themselves(look: Look) -> None:
    with Robot() as robot:
        page = look(robot)
        robot.see(20)
        last = robot.keyframes[-1].id
        assert last > 0
        wait_text(page, f"#track [data-id='{last}']", f"lamp {last}")
        robot.see(20)
        newer = robot.keyframes[-1].id
        assert newer > last
        wait_text(page, f"#track [data-id='{newer}']", f"lamp {newer}")


def test_without_poses_the_path_says_why_it_is_empty(look: Look) -> None:
    with Robot(posed=False) as robot:
        robot.see(3)
        page = look(robot)
        page.wait_for_selector("#track [data-id='0']")
        assert "No pose came" in text(page, "#path-empty")


def test_a_click_on_the_path_opens_that_keyframe(walked: Robot, look: Look) -> None:
    page = look(walked)
    page.wait_for_selector("#path", state="visible")
    page.wait_for_selector("#track [data-id='1']")
    box = page.locator("#path").bounding_box()
    keyframe = walked.keyframes[1]
    assert keyframe.pose is not None
    x, y = page.evaluate(
        """async ([places, width, height, place]) => {
          const { fitted } = await import("/static/path.js");
          return fitted(places, width, height).at(...place);
        }""",
        [
            [k.pose.position_m[:2] for k in walked.keyframes if k.pose],
            box["width"],
            box["height"],
            keyframe.pose.position_m[:2],
        ],
    )
    page.mouse.click(box["x"] + x, box["y"] + y)
    page.wait_for_selector("#viewer[open]")
    wait_text(page, "#v-title", "Keyframe 1")


def test_the_stages_tell_of_a_silent_camera(walked: Robot, look: Look) -> None:
    page = look(walked)
    wait_text(page, ".stage[aria-label=Camera] .word", "silent")
    assert page.get_attribute(".stage[aria-label=Camera]", "data-state") == "bad"


def test_the_stages_tell_why_perception_waits(look: Look) -> None:
    with Robot(
        perception__backend="served",
        perception__server__base_url="http://127.0.0.1:9/v1",
        perception__retry_s=3600.0,
        perceiver=_Down(),
    ) as robot:
        page = look(robot)
        robot.agent.observe(_frame())
        wait_text(page, ".stage[aria-label=Perception] .word", "waiting to retry")
        wait_text(page, ".stage[aria-label=Perception] .note", "the server is down")
        wait_text(page, "#track [data-id='0']", "waiting to be perceived")


def test_ten_thousand_keyframes_cost_no_more_elements_than_ten(look: Look) -> None:
    store = Store.open(":memory:", MemorySettings())
    jpeg = _jpeg()
    for i in range(10_000):
        store.add_keyframe(
            stamp_ns=i * 10**9, jpeg=jpeg, width=16, height=12, reason="overlap", segment=0
        )
    with store, Robot(store=store, perceiver=_Down(), perception__retry_s=3600.0) as robot:
        page = look(robot)
        page.wait_for_selector("#track [data-id='9999']")
        assert page.locator("#track li").count() < 40
        assert page.evaluate("document.querySelectorAll('*').length") < 900
        # Back to the oldest: pages are loaded as they are needed.
        page.evaluate("document.getElementById('strip').scrollLeft = 0")
        wait_until(page, "Number(document.querySelector('#track li').dataset.key) < 9800")
        assert page.locator("#track li").count() < 60
        page.click("#newest")
        page.wait_for_selector("#track [data-id='9999']")


class _Down:
    """A perceiver whose server can't be reached."""

    name = "down"

    def perceive(self, *_: object) -> Any:
        from embodied_agent.errors import ModelUnavailable

        raise ModelUnavailable("the server is down")

    perceive_batch = perceive

    def close(self) -> None:
        """Nothing to release."""


def _frame() -> Any:
    from embodied_agent.records import Frame
    from tests.support.page import START_NS, VIEWS

    return Frame(START_NS, image=VIEWS[0])


def _jpeg() -> bytes:
    import numpy as np

    from embodied_agent.images import encode_jpeg

    return encode_jpeg(np.full((12, 16, 3), 90, np.uint8), 80)
