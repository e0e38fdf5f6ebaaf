"""The fleet's page in a real browser: robots, answers with their pictures, the shared map."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from embodied_agent.fleet.serving.server import FleetServer
from embodied_agent.object_records import MapSession, NamedPlace, ObjectChanges, SeenObject
from tests.support.fleet import START_NS, Robot, rows, serving
from tests.support.page import WAIT_MS, Watch, browser, wait_text
from tests.support.postgres import Postgres

TOKEN = "a" * 20


def seen_object(number: int, name: str, x: float, y: float, *, gone: bool = False) -> SeenObject:
    return SeenObject(
        number,
        name,
        "",
        name,
        0,
        "map",
        (x, y, 0.5),
        None,
        "poses",
        START_NS,
        START_NS,
        3,
        gone_since_ns=START_NS if gone else None,
    )


def fill(url: str, token: str = "") -> None:
    """Two robots with objects, a place, and a name that would be markup."""
    for at, name in enumerate(("cart-1", "drone7")):
        robot = Robot(url, name, token=token)
        for number in range(5):
            robot.see("red van" if at else "wooden chair", where=(number, 4.0 * at))
        robot.see("<img src=x onerror=alert(1)>", where=(5.0, 1.0))
        session = MapSession(0, "map", START_NS, 0)
        things = [seen_object(1, "red van" if at else "chair", 2.0 + at, 3.0 + 2 * at)]
        things.append(seen_object(2, "<b>crate</b>", 6.0, 1.0 + at, gone=bool(at)))
        robot.store.objects.write(
            ObjectChanges(5, session=session, objects=[(one, "{}") for one in things])
        )
        region = ((0.0, 0.0), (4.0, 0.0), (4.0, 4.0), (0.0, 4.0))
        if not at:
            robot.store.places.put(NamedPlace("hall", 0, "map", "me", region=region))
        robot.note("battery", "<b>12 %</b>" if at else "80 %")
        robot.send()
        robot.close()


@pytest.fixture
def filled(database_server: Postgres) -> Iterator[FleetServer]:
    with serving(database_server.database(), common_frames=("map",)) as fleet:
        fill(fleet.url)
        yield fleet


def opened(chromium: Any, url: str, path: str = "") -> tuple[Any, Watch]:
    context = chromium.new_context(viewport={"width": 1280, "height": 860})
    context.set_default_timeout(WAIT_MS)
    watch = Watch(urlsplit(url).netloc)
    page = context.new_page()
    page.on("request", lambda request: watch.requested(request.url))
    page.on("pageerror", lambda error: watch.problems.append(f"error: {error}"))
    page.on(
        "console",
        lambda message: (
            watch.problems.append(message.text) if message.type in ("error", "warning") else None
        ),
    )
    page.on("dialog", lambda dialog: (watch.problems.append("a dialog"), dialog.dismiss()))
    page.goto(url + path)
    page.wait_for_selector("#link[data-state=ok]")
    return page, watch


def test_the_page_shows_robots_answers_and_the_map(filled: FleetServer, tmp_path: Path) -> None:
    with browser() as chromium:
        page, watch = opened(chromium, filled.url)
        assert page.locator("#robots > li").count() == 2
        wait_text(page, "[data-robot=drone7]", "6 keyframes, 2 objects")
        wait_text(page, "[data-robot=cart-1] .facts", "80 %")
        wait_text(page, "[data-robot=drone7] .facts", "<b>12 %</b>")
        assert page.locator("#map circle.object").count() == 4
        assert page.locator("#map circle.gone").count() == 1
        wait_text(page, "#map text", "hall")
        wait_text(page, "#map text", "<b>crate</b>")
        page.fill("#question", "Who saw the red van last?")
        page.click("#ask button")
        wait_text(page, "#answer [data-status=answered]", "drone7 last saw the red van")
        wait_text(page, "#answer figcaption", "red van · drone7 #4")
        page.fill("#question", "What have the robots seen?")
        page.select_option("#robot", "cart-1")
        page.click("#ask button")
        wait_text(page, "#answer [data-status=answered]", "cart-1 saw")
        page.screenshot(path=str(tmp_path / "fleet.png"), full_page=True)
        page.context.close()
    watch.check()


def test_a_fleet_without_robots_says_so(fleet: FleetServer) -> None:
    with browser() as chromium:
        page, watch = opened(chromium, fleet.url)
        wait_text(page, "#none", "No robot has been heard of yet.")
        wait_text(page, "#map-note", "Nothing in the frame map has a position yet.")
        assert not page.locator("#map").is_visible()
        assert not page.locator("#map-key").is_visible()
        page.context.close()
    watch.check()


def test_a_silent_robot_is_told_from_the_others(filled: FleetServer) -> None:
    late = (
        "UPDATE robots SET heard_at = now() - interval '2 hours' WHERE name = 'drone7' RETURNING 1"
    )
    rows(filled, late)
    quiet = Robot(filled.url, "new")
    quiet.send()
    quiet.close()
    with browser() as chromium:
        page, watch = opened(chromium, filled.url)
        wait_text(page, "#count", "3 robots, 1 silent")
        wait_text(page, "[data-robot=drone7]", "silent, heard 2 h ago")
        assert "silent" not in page.locator("[data-robot=cart-1]").inner_text()
        wait_text(page, "[data-robot=new]", "It has not sent a keyframe yet.")
        assert page.locator("#map path.robot").count() == 2
        assert page.locator("#map path.robot.silent").count() == 1
        page.context.close()
    watch.check()


def test_what_several_robots_noted_of_one_thing_is_drawn_once_and_labels_keep_apart(
    fleet: FleetServer,
) -> None:
    names = ("red van", "wooden chair", "long green garden bench", "door", "lamp", "blue crate")
    for number in range(12):
        robot = Robot(fleet.url, f"warehouse-robot-{number}")
        robot.see(*names, where=(2.0 + number / 20, 3.0 + number % 3 / 10))
        things = [
            seen_object(at, name, 1.0 + at / 2 + number / 200, 3.0 + at % 2 / 8)
            for at, name in enumerate(names, 1)
        ]
        things.append(seen_object(9, "crane", 40.0, 40.0))
        robot.store.objects.write(
            ObjectChanges(
                1,
                session=MapSession(0, "map", START_NS, 0),
                objects=[(one, "{}") for one in things],
            )
        )
        robot.send()
        robot.close()
    with browser() as chromium:
        for width in (1280, 420):
            page, watch = opened(chromium, fleet.url)
            page.set_viewport_size({"width": width, "height": 860})
            wait_text(page, "#map-note", "84 objects of all robots, drawn as 7 things")
            page.wait_for_function("document.querySelectorAll('#map circle.object').length === 7")
            title = page.locator("#map g", has_text="crane").locator("title").text_content()
            assert title.startswith("crane: ")
            assert title.endswith("and 6 more")
            boxes = page.evaluate(
                "() => [...document.querySelectorAll('#map text')].map((one) => {"
                " const box = one.getBoundingClientRect(); return {text: one.textContent,"
                " left: box.left, right: box.right, top: box.top + 0.2 * box.height,"
                " bottom: box.bottom - 0.2 * box.height}; })"
            )
            assert len(boxes) > 3
            for one, other in combinations(boxes, 2):
                apart = one["right"] <= other["left"] or other["right"] <= one["left"]
                apart = apart or one["bottom"] <= other["top"] or other["bottom"] <= one["top"]
                assert apart, (one, other)
            page.context.close()
            watch.check()


def test_the_first_visit_brings_the_token_and_later_ones_a_cookie(
    database_server: Postgres, tmp_path: Path
) -> None:
    access = tmp_path / "access.yaml"
    robots = "{cart-1: " + "c" * 20 + ", drone7: " + "c" * 21 + "}"
    access.write_text(f"robots: {robots}\naskers: {{office: {{token: {TOKEN}}}}}\n")
    with (
        serving(database_server.database(), access_file=str(access)) as fleet,
        browser() as chromium,
    ):
        page, watch = opened(chromium, fleet.url, f"?token={TOKEN}")
        assert TOKEN not in page.url
        page.reload()
        page.wait_for_selector("#link[data-state=ok]")
        (cookie,) = page.context.cookies()
        assert TOKEN not in cookie["value"]
        assert cookie["httpOnly"]
        stranger = chromium.new_context().new_page()
        stranger.goto(fleet.url)
        assert "needs a token" in stranger.content()
        page.context.close()
    watch.check()
