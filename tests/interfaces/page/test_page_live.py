"""The page as it is watched: what is there at first, and what comes while it is open."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from embodied_agent.interfaces.wire.models import SourceState
from embodied_agent.memory.store import Store
from embodied_agent.settings import MemorySettings
from tests.support.page import Look, Robot, text, wait_text, wait_until


@pytest.fixture(scope="module")
def walked() -> Iterator[Robot]:
    with Robot() as robot:
        robot.see(30)
        yield robot


def test_the_page_shows_what_was_there_before_it_was_opened(walked: Robot, look: Look) -> None:
    page = look(walked)
    count = len(walked.keyframes)
    wait_text(page, "#strip-note", f"{count} keyframes")
    wait_text(page, "#track li:last-child", f"lamp {count - 1} front-left")
    wait_text(page, ".stage[aria-label=Keyframes] .main", str(count))
    wait_until(page, "document.getElementById('picture').width > 300")
    page.wait_for_selector("#camera-empty", state="hidden")
    page.wait_for_selector("#path-empty", state="hidden")


def test_a_frame_that_comes_is_drawn_and_measured(look: Look) -> None:
    with Robot() as robot:
        page = look(robot)
        assert text(page, "#camera-empty") == "Waiting for the first frame."
        assert "No keyframes yet" in text(page, "#strip")
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


def test_what_was_seen_stays_within_its_card(walked: Robot, look: Look) -> None:
    page = look(walked)
    page.wait_for_selector("#track [data-id='1'] .thing")
    outside = page.evaluate(
        """() => [...document.querySelectorAll(".card .things")].filter(
          (things) => things.offsetWidth > things.closest(".card").clientWidth).length"""
    )
    assert outside == 0


def test_a_recording_that_the_memory_already_holds_is_not_waited_for(look: Look) -> None:
    state = SourceState(name="kitchen.mcap", recording=True, finished=True)
    with Robot(source=lambda: state) as robot:
        page = look(robot)
        wait_text(page, "#camera-empty", "The memory already holds this recording.")


def test_without_poses_the_path_says_why_it_is_empty(look: Look) -> None:
    with Robot(posed=False) as robot:
        robot.see(3)
        page = look(robot)
        page.wait_for_selector("#track [data-id='0']")
        wait_text(page, "#path-empty", "no path to draw")


def test_a_click_on_the_path_opens_that_keyframe(walked: Robot, look: Look) -> None:
    page = look(walked)
    page.wait_for_selector("#path", state="visible")
    page.wait_for_selector("#track [data-id='1']")
    page.wait_for_selector("#show-things:not([hidden])")  # objects are on the map as well
    box = page.locator("#path").bounding_box()
    keyframe = walked.keyframes[1]
    assert keyframe.pose is not None
    x, y = page.evaluate(
        """async ([places, width, height, place]) => {
          const { fitted } = await import("/static/path.js");
          return fitted(places, width, height).at(...place);
        }""",
        [
            [
                *(k.pose.position_m[:2] for k in walked.keyframes if k.pose),
                *(one.position_m[:2] for one in walked.agent.objects() if one.position_m),
            ],
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


def test_a_camera_that_is_absent_is_waited_for_with_the_reason(look: Look) -> None:
    state = SourceState(
        name="camera 0",
        recording=False,
        state="connecting",
        state_s=70,
        problem="there is no /dev/video0",
        retry_in_s=4,
    )
    with Robot(source=lambda: state) as robot:
        page = look(robot)
        tile = ".stage[aria-label=Camera]"
        wait_text(page, f"{tile} .word", "waiting")
        assert page.get_attribute(tile, "data-state") == "bad"
        assert text(page, f"{tile} .main") == "for 1 min 10 s"
        wanted = "there is no /dev/video0. Trying again in 4 s."
        assert text(page, f"{tile} .note") == wanted


def test_a_recording_is_called_one_and_is_calm_once_it_is_over(look: Look) -> None:
    state = SourceState(name="kitchen.mcap", recording=True)
    with Robot(source=lambda: state) as robot:
        robot.see(6)
        page = look(robot)
        tile = ".stage[aria-label=Camera]"
        wait_text(page, "#source", "Recording kitchen.mcap")
        # Later than a camera may be silent: a replay waits for perception.
        wait_text(page, f"{tile} .word", "paused")
        assert page.get_attribute(tile, "data-state") == "ok"
        state = SourceState(name="kitchen.mcap", recording=True, finished=True)
        wait_text(page, f"{tile} .word", "finished")
        assert page.get_attribute(tile, "data-state") == "ok"
        assert text(page, "#source") == "Recording kitchen.mcap, finished"
        assert text(page, f"{tile} h3").startswith("Recording")
        assert "live" not in text(page, "body").lower()


def test_a_camera_is_called_by_its_name(look: Look) -> None:
    with Robot(source=lambda: SourceState(name="camera 0", recording=False)) as robot:
        robot.see(2)
        page = look(robot)
        wait_text(page, "#source", "camera 0")
        assert text(page, "#h-camera") == "Camera"


def test_labels_on_the_map_do_not_cover_each_other_or_the_dots(walked: Robot, look: Look) -> None:
    page = look(walked)
    labels, dots = page.evaluate(
        """async () => {
          const { placedLabels } = await import("/static/labels.js");
          let seed = 7;
          const random = () => (seed = (seed * 16807) % 2147483647) / 2147483647;
          const dots = Array.from({ length: 400 }, (_, id) =>
            ({ id, at: [20 + 360 * random(), 20 + 260 * random()], strong: id % 97 === 0 }));
          // A camera that turns on the spot takes several keyframes there.
          for (let id = 400; id < 404; id++) dots.push({ id, at: [390, 290], strong: true });
          return [placedLabels(dots, 400, 300, 13, (text) => 7 * text.length), dots];
        }"""
    )
    assert len(labels) > 10
    assert "400–403" in [label["text"] for label in labels]
    for i, label in enumerate(labels):
        left, top, right, bottom = label["box"]
        assert left >= 0
        assert top >= 0
        assert right <= 400
        assert bottom <= 300
        for other in labels[:i]:
            x0, y0, x1, y1 = other["box"]
            assert right <= x0 or x1 <= left or bottom <= y0 or y1 <= top
    assert len(dots) == 404


def test_labels_name_ranges_of_keyframes(walked: Robot, look: Look) -> None:
    page = look(walked)
    texts = page.evaluate(
        """async () => {
          const { idsText } = await import("/static/labels.js");
          return [[5], [3, 19, 21, 20], [1, 3, 5, 7], [8, 9]].map(idsText);
        }"""
    )
    assert texts == ["5", "3, 19–21", "1, 3, 5, …", "8–9"]


def test_no_text_on_the_page_is_too_small_for_a_projector(walked: Robot, look: Look) -> None:
    for width, height, least in ((1280, 720, 12.5), (1920, 1080, 15.0)):
        page = look(walked, viewport={"width": width, "height": height})
        page.wait_for_selector("#track [data-id='0']")
        smallest = page.evaluate(
            """() => Math.min(...[...document.querySelectorAll("body *")]
              .filter((each) => each.checkVisibility() &&
                [...each.childNodes].some((node) => node.nodeType === 3 && node.data.trim()))
              .map((each) => parseFloat(getComputedStyle(each).fontSize)))"""
        )
        assert smallest >= least


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
        wait_text(page, "#track [data-id='0']", "waiting for perception")


def test_a_built_in_model_that_is_being_loaded_is_told(walked: Robot, look: Look) -> None:
    page = look(walked)
    words = page.evaluate(
        """async () => {
          const { perception, reasoning } = await import("/static/stages.js");
          const counts = { asked: 0, problems: 0, waiting: 0, mean_latency_s: null };
          const asked = (loading_s, running) =>
            reasoning({ reasoning: { ...counts, loading_s }, asks: { ...counts, running } }).word;
          const seen = (model, pending) =>
            perception({ perception: { ...counts, model, pending, state: "closed" } }).word;
          return [asked(7.5, 1), asked(null, 1), asked(0, 0), asked(null, 0),
            seen("builtin", 3), seen("builtin:perceiver", 3), seen("builtin", 0)];
        }"""
    )
    loading = "loading the model"
    assert words == [loading, "answering", loading, "ready", loading, "working", "idle"]


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
        wait_until(page, "Number(document.querySelector('#track li')?.dataset.key) < 9800")
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
