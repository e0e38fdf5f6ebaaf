"""The machinery of `make faults`: it goes on where it stopped, and notices broken promises."""

from __future__ import annotations

import os
import random
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import apsw
import pytest

from embodied_agent.agent.clock_gate import ClockGate
from embodied_agent.interfaces.wire.models import AskRequest
from embodied_agent.memory import repair
from embodied_agent.memory.salvage import WholeRows
from embodied_agent.memory.store import Store
from tests.faults import clock, disk, faulty_disk, http_door, memory_door
from tests.faults.__main__ import main
from tests.faults.journal import Entry, Journal, JournalError
from tests.faults.plan import FAMILIES, Attack, Family, load
from tests.faults.portion import attempt
from tests.faults.runner import ROOT, Schedule, run_portion
from tests.faults.table import table
from tests.faults.tally import Tally


def held(tally: Tally, draw: random.Random, count: int, folder: Path) -> None:
    for number in range(count):
        with tally.attempt(f"try {number}"):
            (folder / f"{number}-{draw.random()}").touch()


def broken(tally: Tally, draw: random.Random, count: int, folder: Path) -> None:
    held(tally, draw, count - 1, folder)
    with tally.attempt("the last"):
        assert not count, "as promised"


def killed(tally: Tally, draw: random.Random, count: int, folder: Path) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def hung(tally: Tally, draw: random.Random, count: int, folder: Path) -> None:
    time.sleep(600)


def faulty(tally: Tally, draw: random.Random, count: int, folder: Path) -> None:
    raise LookupError("the attack is at fault")


def family(name: str, *, tries: int = 25, portion: int = 10, limit_s: float = 120.0) -> Family:
    attack = f"test_machinery:{name}"
    return Family(name, f"{name} is promised", "tries", attack, tries, portion, limit_s)


def test_every_family_can_be_loaded_and_has_a_name_of_its_own() -> None:
    assert len({each.name for each in FAMILIES}) == len(FAMILIES)
    for each in FAMILIES:
        assert callable(load(each.attack))
        assert sum(each.count(number) for number in range(each.portions)) == each.tries


def test_the_whole_has_a_thousand_kills_and_ten_thousand_bad_inputs_for_each_door() -> None:
    kills = [each.tries for each in FAMILIES if each.name.startswith("kill-")]
    doors = [each.tries for each in FAMILIES if each.name.startswith("door-")]
    assert sum(kills) == 1_000
    assert len(doors) == 7
    assert min(doors) == 10_000


def test_the_page_of_promises_names_every_family_and_no_other() -> None:
    page = (ROOT / "docs" / "reliability.md").read_text()
    promises = page.partition("## Promises")[2].partition("## Run it")[0]
    named = re.findall(r"^\| [^|]+ \| `([a-z-]+)` \|", promises, re.MULTILINE)
    assert named == [each.name for each in FAMILIES]
    for path in re.findall(r"`(tests/[a-z_/.]+)`", promises):
        assert (ROOT / path).exists(), path


@pytest.mark.parametrize(
    ("name", "limit_s", "tries", "words"),
    [
        ("held", 120, 10, None),
        ("broken", 120, 10, "as promised"),
        ("killed", 120, 10, "it ended with -9 and without a result"),
        ("hung", 5, 10, "it took more than 5 s"),
        ("faulty", 120, 1, "the attack is at fault"),
    ],
)
def test_a_portion_that_breaks_crashes_or_hangs_breaks_the_promise(
    tmp_path: Path, name: str, limit_s: float, tries: int, words: str | None
) -> None:
    entry = run_portion(family(name, limit_s=limit_s), 0, 1, tmp_path)
    assert (entry.tries, entry.broken) == (tries, 0 if words is None else 1)
    if words is not None:
        assert words in entry.descriptions[0]
    assert (tmp_path / f"{name}-0").is_dir() == (words is not None)


def test_the_same_seed_makes_the_same_choices(tmp_path: Path) -> None:
    seen = []
    for seed in ("1/held/0", "1/held/0", "2/held/0"):
        folder = tmp_path / str(len(seen))
        folder.mkdir()
        attempt(held, seed, 3, folder)
        seen.append(sorted(path.name for path in folder.iterdir()))
    assert seen[0] == seen[1] != seen[2]


def entries(one: Family, number: int, seed: int) -> Entry:
    return Entry(one.name, number, tries=one.count(number), seconds=1.0)


def quiet(text: str) -> None:
    del text


def test_a_run_goes_on_where_it_stopped_and_tries_all_families_in_proportion(
    tmp_path: Path,
) -> None:
    families = (family("held", tries=100), family("broken", tries=30))
    path = tmp_path / "journal.jsonl"
    made: list[tuple[str, int]] = []

    def stops(one: Family, number: int, seed: int) -> Entry:
        if len(made) == 7:
            raise KeyboardInterrupt
        made.append((one.name, number))
        return entries(one, number, seed)

    with pytest.raises(KeyboardInterrupt):
        Schedule(families, Journal(path, {"seed": 1}), 1, stops, say=quiet).carry_out()
    assert {name for name, _ in made[:2]} == {"held", "broken"}
    assert made.count(("broken", 2)) == 0
    # Torn while the last line was written: that portion is made again.
    path.write_text(path.read_text()[:-9])
    journal = Journal(path, {"seed": 1})
    assert len(journal.entries) == 6

    def goes_on(one: Family, number: int, seed: int) -> Entry:
        made.append((one.name, number))
        return entries(one, number, seed)

    Schedule(families, journal, 1, goes_on, say=quiet).carry_out()
    assert len(made) == 13 + 1
    assert sum(entry.tries for entry in journal.entries) == 130
    assert len(Journal(path, {"seed": 1}).entries) == 13
    with pytest.raises(JournalError, match="another run"):
        Journal(path, {"seed": 2})
    path.write_text(path.read_text().replace('"portion": 0', '"portion: 0', 1))
    with pytest.raises(JournalError, match="damaged"):
        Journal(path, {"seed": 1})


def test_a_sample_makes_one_portion_of_each_family_at_least(tmp_path: Path) -> None:
    families = (family("held", tries=1000), family("broken", tries=1000))
    journal = Journal(tmp_path / "journal.jsonl", {})
    Schedule(families, journal, 1, entries, minutes=1e-9, say=quiet).carry_out()
    assert [(entry.family, entry.portion) for entry in journal.entries] == [
        ("held", 0),
        ("broken", 0),
    ]


def test_what_a_machine_lacks_is_left_out_and_said(tmp_path: Path) -> None:
    absent = Family("absent", "?", "tries", "x:y", 10, 10, needs=("no-such-program",))
    journal = Journal(tmp_path / "journal.jsonl", {})
    Schedule((absent, family("held")), journal, 1, entries, say=quiet).carry_out()
    shown = table((absent, family("held")), journal.entries, whole=True)
    assert "| absent | ? | - | - | left out: no no-such-program here |" in shown
    assert "| held | held is promised | 25 tries | 0 | 3 |" in shown


@pytest.mark.parametrize(("name", "code"), [("held", 0), ("broken", 1)])
def test_the_exit_code_says_whether_a_promise_was_broken(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, code: int
) -> None:
    families = (family(name, tries=10),)
    words = ["--journal", str(tmp_path / "journal.jsonl"), "--seed", "3"]
    assert main(words, families) == code
    out = capsys.readouterr().out
    assert f"| {name} | {name} is promised | 10 tries | {code} |" in out
    assert ("again with: make faults ONLY=broken PORTION=0 SEED=3" in out) == bool(code)
    assert main(words, families) == code  # from the journal
    assert "going on with" in capsys.readouterr().out
    with pytest.raises(SystemExit):
        main([*words[:-1], "4"], families)


def test_a_run_that_is_interrupted_ends_its_portion_and_says_so() -> None:
    its = subprocess.Popen(
        [sys.executable, "-m", "tests.faults", "--only", "door-replies", "--minutes", "60"],
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )
    assert its.stdout is not None
    assert "door-replies 1/10: 1000 inputs, 0 broken" in its.stdout.readline()
    its.terminate()
    out, _ = its.communicate(timeout=60)
    assert its.returncode == 130
    # On a busy machine, further portions may have ended before it was told to.
    further, interrupted, rest = out.partition("interrupted\n")
    assert interrupted
    assert all(line.startswith("door-replies ") for line in further.splitlines())
    assert "| door-replies |" in rest


def broken_promises(attack: Attack, count: int, folder: Path) -> Tally:
    tally = attempt(attack, "1", count, folder)
    assert tally.tries == count
    return tally


@pytest.fixture
def no_disk_is_left() -> Iterator[None]:
    yield
    while faulty_disk._installed:
        apsw.set_default_vfs("unix")
        faulty_disk._installed.pop().unregister()


@pytest.mark.usefixtures("no_disk_is_left")
def test_a_store_that_forgets_or_does_not_synchronise_is_noticed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = tmp_path / "whole"
    whole.mkdir()
    assert broken_promises(disk.faults, 8, whole).broken == 0
    opened = Store.open.__func__  # type: ignore[attr-defined]

    def hasty(cls: type[Store], *arguments: object, **named: object) -> Store:
        store: Store = opened(cls, *arguments, **named)
        store._writer.pragma("synchronous", "OFF")
        return store

    with monkeypatch.context() as patched:
        patched.setattr(Store, "open", classmethod(hasty))
        unsynchronised = tmp_path / "unsynchronised"
        unsynchronised.mkdir()
        tally = broken_promises(disk.faults, 24, unsynchronised)
        assert 0 < tally.broken <= 6  # after power cuts only
        assert all("power cut" in text for text in tally.descriptions)
    monkeypatch.setattr(Store, "save_answer", lambda *_: 1)
    forgetful = tmp_path / "forgetful"
    forgetful.mkdir()
    assert broken_promises(disk.faults, 8, forgetful).broken > 4


def test_a_repair_that_loses_what_is_whole_is_noticed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def careless(rows: WholeRows, path: str) -> None:
        rows.deltas.clear()
        written(rows, path)

    written = repair._write
    monkeypatch.setattr(repair, "_write", careless)
    assert broken_promises(memory_door.files, 12, tmp_path).broken > 0


def test_frames_that_vanish_without_being_counted_are_noticed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    take = ClockGate.take

    def lossy(self: ClockGate[int], stamp_ns: int, frame: int) -> object:
        return [] if stamp_ns % 7 == 0 else take(self, stamp_ns, frame)

    monkeypatch.setattr(ClockGate, "take", lossy)
    assert broken_promises(clock.jumps, 3, tmp_path).broken == 3


def test_a_fault_of_the_web_server_is_noticed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def to_question(self: AskRequest, timeout_s: float) -> None:
        raise KeyError("at fault")

    monkeypatch.setattr(AskRequest, "to_question", to_question)
    tally = attempt(http_door.requests, "1", 40, tmp_path)
    assert tally.broken > 2
    assert "500" in " ".join(tally.descriptions) or "at fault" in " ".join(tally.descriptions)
