"""The picture of the fleet's page: twenty robots, PostgreSQL killed while they send.

    python bench/fleet_page.py [--out docs/fleet.png] [--dark] [--width 1700]

The robots walk through one simulated warehouse, each on another part of the recorded clip, with
its pictures, poses and true objects, whose positions get noise. PostgreSQL is killed when they are
halfway, and started again once all of them have noticed. It is checked that everything arrived
once, before the page is opened in Chromium. Two robots walked earlier, and when they were last
heard of is written into the database: nobody waits for them.

Out of scope: how fast a fleet catches up (`bench/fleet.py`).
"""

from __future__ import annotations

import argparse
import io
import json
import random
import sys
import threading
import time
from pathlib import Path
from typing import Any

from PIL import Image

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # a checkout, installed or not

from embodied_agent.errors import LinkError
from embodied_agent.fleet.serving.server import FleetServer
from embodied_agent.object_records import MapSession, NamedPlace, ObjectChanges, SeenObject
from embodied_agent.rules.phrases import read_phrase
from embodied_agent.sources import open_source
from tests.support.fleet import SECOND_NS, Robot, rows, serving, until
from tests.support.page import WAIT_MS, browser
from tests.support.postgres import Postgres, postgres
from tests.support.sending import TOGETHER_S

CLIP = Path(__file__).resolve().parents[1] / "sim_clips/clips/warehouse_40"
ROBOTS, KEYFRAMES, STEP = 20, 24, 4
#: Things that cover fewer pixels are not mentioned.
LEAST_PIXELS = 400
NOISE_M = 0.12
ROOMS = {
    "loading bay": ((0.2, 0.2), (3.6, 0.2), (3.6, 2.9), (0.2, 2.9)),
    "aisle": ((4.2, 0.2), (8.0, 0.2), (8.0, 5.8), (4.2, 5.8)),
    "charging dock": ((8.4, 6.3), (11.2, 6.3), (11.2, 9.0), (8.4, 9.0)),
}
#: Robots that walked earlier and were not heard of since, in seconds.
SILENT_S = {4: 420, 12: 11_000}
QUESTION = "What was cart-07's battery at {at}?"


class Walk:
    """One robot's way through the clip, which it sends on a thread."""

    def __init__(self, url: str, number: int, views: list[tuple[bytes, Any]], things: Any) -> None:
        kind = ("cart", "drone")[number % 3 == 2]
        self.name = f"{kind}-{number:02}"
        self._number, self._views, self._things = number, views, things
        self._random = random.Random(number)
        self.robot = Robot(url, self.name)
        self.failures = 0
        self.halfway, self.over = threading.Event(), threading.Event()
        self.may_go_on = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def join(self) -> None:
        self._thread.join()
        self.robot.close()

    def _run(self) -> None:
        ago_s = KEYFRAMES * 20 + SILENT_S.get(self._number, 0)
        begin_ns = time.time_ns() - ago_s * SECOND_NS
        seen: set[str] = set()
        for at in range(KEYFRAMES):
            jpeg, truth = self._views[(self._number * 13 + at * STEP) % len(self._views)]
            names = [name for name, pixels in truth["visible"].items() if pixels >= LEAST_PIXELS]
            stamp_ns = begin_ns + at * 20 * SECOND_NS
            x, y = truth["pose"]["x"], truth["pose"]["y"]
            self.robot.see(*names, at_ns=stamp_ns, where=(x, y), jpeg=jpeg)
            seen.update(names)
            level = 95 - 4 * (self._number % 19) - at / 6
            self.robot.note("battery", f"{level:.0f} %", at_ns=stamp_ns)
            if at % 8 == 0:
                self.robot.note("mode", ("auto", "manual")[self._number % 5 == 4], at_ns=stamp_ns)
            if at == KEYFRAMES // 2:
                self.halfway.set()
                while not self.may_go_on.wait(0.05):
                    self._try()
            self._try()
        self._see_objects(seen, stamp_ns)
        before = -1
        while before != self.failures:
            before = self.failures
            while self._try():
                pass
        self.over.set()

    def _see_objects(self, seen: set[str], stamp_ns: int) -> None:
        objects = [
            (self._object(number, thing, stamp_ns), "{}")
            for number, thing in enumerate(self._things, 1)
            if thing["name"] in seen
        ]
        session = MapSession(0, "map", stamp_ns, 0)
        self.robot.store.objects.write(ObjectChanges(KEYFRAMES, session=session, objects=objects))
        if self._number == 1:
            for name, region in ROOMS.items():
                self.robot.store.places.put(NamedPlace(name, 0, "map", "me", region=region))

    def _object(self, number: int, thing: Any, stamp_ns: int) -> SeenObject:
        x, y, z = (value + self._random.gauss(0.0, NOISE_M) for value in thing["position"])
        phrase = read_phrase(thing["name"])
        return SeenObject(
            number, thing["name"], thing["colour"], phrase.kind or thing["kind"], 0, "map",
            (x, y, z), None, "poses", stamp_ns, stamp_ns, KEYFRAMES,
        )  # fmt: skip

    def _try(self) -> bool:
        try:
            return self.robot.shipping.step(time.monotonic())
        except LinkError:
            self.failures += 1
            time.sleep(0.05)
            return False


def walked(server: FleetServer, database: Postgres) -> None:
    """Let the robots walk, and PostgreSQL go away meanwhile."""
    truth = json.loads((CLIP / "truth.json").read_text())
    with open_source(str(CLIP)) as source:
        pictures = [frame.encoded for frame in source]
    views = list(zip(pictures, truth["frames"], strict=True))
    walks = [Walk(server.url, number, views, truth["objects"]) for number in range(1, ROBOTS + 1)]
    for walk in walks:
        assert walk.halfway.wait(TOGETHER_S)
    database.crash()
    until(lambda: all(walk.failures for walk in walks), TOGETHER_S)
    database.start()
    for walk in walks:
        walk.may_go_on.set()
    for walk in walks:
        assert walk.over.wait(TOGETHER_S)
        walk.join()
    stored, distinct = rows(
        server, "SELECT count(*), count(DISTINCT (memory, keyframe_id)) FROM keyframes"
    )[0]
    print(f"{ROBOTS} robots, PostgreSQL killed while they sent")
    print(f"  lost, doubled   {ROBOTS * KEYFRAMES - distinct}, {stored - distinct}")
    assert stored == distinct == ROBOTS * KEYFRAMES
    for number, age_s in SILENT_S.items():
        rows(
            server,
            "UPDATE robots SET heard_at = now() - %s * interval '1 second' WHERE name = %s "
            "RETURNING 1",
            (age_s, walks[number - 1].name),
        )


def pictured(url: str, out: Path, *, dark: bool, width: int) -> None:
    """The page with an answer, as a picture."""
    with browser() as chromium:
        context = chromium.new_context(
            viewport={"width": width, "height": 900}, color_scheme="dark" if dark else "light"
        )
        context.set_default_timeout(WAIT_MS)
        page = context.new_page()
        page.goto(url)
        page.wait_for_selector("#link[data-state=ok]")
        page.fill(
            "#question", QUESTION.format(at=time.strftime("%H:%M", time.gmtime(time.time() - 300)))
        )
        page.click("#ask button")
        page.wait_for_selector("#answer [data-status]")
        page.wait_for_function(
            "() => [...document.images].every((one) => one.loading === 'lazy' || one.complete)"
        )
        page.evaluate("() => { for (const one of document.images) one.loading = 'eager'; }")
        page.wait_for_function("() => [...document.images].every((one) => one.complete)")
        shot = Image.open(io.BytesIO(page.screenshot(full_page=True))).convert("RGB")
        context.close()
    # With few colours the file is half as large.
    shot.quantize(256, kmeans=1, dither=Image.Dither.NONE).save(out, optimize=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("docs/fleet.png"))
    parser.add_argument("--dark", action="store_true")
    parser.add_argument("--width", type=int, default=1700, metavar="PIXELS")
    options = parser.parse_args()
    with (
        postgres() as database,
        serving(database.database(), common_frames=("map",), database_wait_s=0.5) as server,
    ):
        walked(server, database)
        pictured(server.url, options.out, dark=options.dark, width=options.width)


if __name__ == "__main__":
    main()
