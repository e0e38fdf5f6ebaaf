"""`embodied-agent memory`: keyframes, counts and copies of a memory file."""

from __future__ import annotations

import re
from pathlib import Path

import cv2
import pytest

from embodied_agent.memory.store import Store
from embodied_agent.records import Action, Box, Delta, Egomotion, Mention
from embodied_agent.settings import MemorySettings
from tests.support.command_line import QUICK, parsed, run
from tests.support.object_world import pose


def test_memory_shows_a_keyframe_and_its_picture(walk: Path, tmp_path: Path) -> None:
    memory, picture = tmp_path / "walk.db", tmp_path / "first.jpg"
    run("replay", walk, *QUICK, "--memory", memory)
    shown = parsed(run("memory", "show", 0, "--memory", memory, "--picture", picture, "--json"))
    assert shown["reason"] == "first"
    assert cv2.imread(str(picture)) is not None
    assert parsed(run("memory", "stats", "--memory", memory, "--json"))["pending"] == 0


@pytest.mark.parametrize("name", ["copy.db", "copy.json", "copy.html"])
def test_a_memory_is_exported_once(walk: Path, tmp_path: Path, name: str) -> None:
    memory, target = tmp_path / "walk.db", tmp_path / name
    run("replay", walk, *QUICK, "--memory", memory)
    values = parsed(run("memory", "export", target, "--memory", memory, "--json"))
    assert values["path"] == str(target)
    assert values["bytes"] == target.stat().st_size > 1000
    again = run("memory", "export", target, "--memory", memory)
    assert again.exit_code == 1
    assert "exists" in again.stderr


@pytest.mark.parametrize("name", ["copy.db", "copy.json", "copy.html"])
def test_a_target_that_can_not_be_written_gives_one_exit_code(
    walk: Path, tmp_path: Path, name: str
) -> None:
    memory = tmp_path / "walk.db"
    run("replay", walk, *QUICK, "--memory", memory)
    result = run("memory", "export", f"/proc/no/{name}", "--memory", memory)
    assert result.exit_code == 1
    assert "can't write" in result.stderr
    picture = run("memory", "show", 0, "--memory", memory, "--picture", f"/proc/no/{name}")
    assert picture.exit_code == 1


def test_the_counts_of_a_memory_leave_out_what_says_nothing(walk: Path, tmp_path: Path) -> None:
    memory = tmp_path / "walk.db"
    run("replay", walk, *QUICK, "--memory", memory)
    told = run("memory", "stats", memory).stdout
    assert re.search(r"^keyframes +[1-9]", told, re.MULTILINE)
    assert "damaged" not in told
    assert "[]" not in told
    checked = run("memory", "check", memory).stdout
    assert "intact rows: keyframes" in checked
    assert "nothing is damaged" in checked
    assert not re.search(r"\b0\b", checked.partition("rows:")[2])


def test_a_memory_is_listed_with_the_clock_of_its_replay(walk: Path, tmp_path: Path) -> None:
    memory = tmp_path / "walk.db"
    start_ns = 1_700_000_000_000_000_000
    for i, picture in enumerate(sorted(walk.iterdir())):
        picture.rename(walk / f"{start_ns + i * 100_000_000}.png")
    told = run("replay", walk, *QUICK, "--memory", memory).stdout.splitlines()
    listed = run("memory", "list", "--memory", memory).stdout.splitlines()
    assert listed[0].startswith(f"segment 0, from stamp {start_ns} ns (2023-11-14 22:13:20 UTC)")
    assert listed[1:] == [line for line in told if " s  " in line]
    assert "0.00 s  first" in listed[1]


def test_the_memory_may_be_named_by_the_environment(
    walk: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EMBODIED_AGENT_MEMORY__PATH", str(tmp_path / "walk.db"))
    assert run("replay", walk, *QUICK).exit_code == 0
    assert parsed(run("memory", "stats", "--json"))["keyframes"] >= 2


def test_a_keyframe_is_shown_as_a_table_of_what_is_known(tmp_path: Path) -> None:
    memory = tmp_path / "seen.db"
    mentions = (
        Mention("red sofa", "front-left", "near", Box(0.1, 0.2, 0.35, 0.9), 20.04, -1.0, None, 0.9),
        Mention("\x1b[2Jlamp", "right"),
    )
    with Store.open(str(memory), MemorySettings()) as store:
        store.add_keyframe(
            stamp_ns=1_700_000_000_000_000_000, jpeg=b"x" * 40, width=64, height=48,
            reason="max_interval", segment=0, overlap_ratio=0.625, inliers=31,
            egomotion=Egomotion(Action.ROTATE_LEFT, yaw_deg=12.0, confidence=0.5),
            pose=pose(1.0, -2.0, 90.0),
        )  # fmt: skip
        store.commit_delta(
            Delta(0, Action.ROTATE_LEFT, 12.0, mentions, "A room.\nIt is dark.", model="eyes")
        )
        store.add_keyframe(
            stamp_ns=1_700_000_001_000_000_000, jpeg=b"", width=64, height=48, reason="last",
            segment=0,
        )  # fmt: skip
    shown = run("memory", "show", 0, "--memory", memory).stdout
    assert "{" not in shown
    assert "\x1b" not in shown
    told = dict(re.split(r"  +", line, maxsplit=1) for line in shown.splitlines() if "  " in line)
    assert told["stamp"] == "1700000000000000000 ns (2023-11-14 22:13:20 UTC)"
    assert told["reason"] == "max interval, 62% in common with the keyframe before, 31 points agree"
    assert told["picture"] == "64 × 48 pixels, 40 bytes"
    assert told["pose"] == "x 1.00, y -2.00, z 1.00 m, heading 90.0° in map"
    assert told["motion"].startswith("rotate left; yaw 12.0°, pitch 0.0°, roll 0.0°")
    assert told["action"] == "rotate left 12°"
    assert told["observation"] == "A room. It is dark."
    assert re.split(r"  +", told["mention"]) == [
        "where", "distance", "bearing", "elevation", "confidence", "box"
    ]  # fmt: skip
    assert re.split(r"  +", told["red sofa"]) == [
        "front-left", "near", "20.0°", "-1.0°", "0.90", "10% to 35% across, 20% to 90% down"
    ]  # fmt: skip
    pending = run("memory", "show", 1, "--memory", memory).stdout
    assert re.search(r"^seen +not perceived yet$", pending, re.MULTILINE)
    assert re.search(r"^picture +64 × 48 pixels, dropped$", pending, re.MULTILINE)
    as_json = parsed(run("memory", "show", 0, "--memory", memory, "--json"))
    assert as_json["delta"]["mentions"][0]["bearing_deg"] == 20.04
