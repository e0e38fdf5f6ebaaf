"""Facts: noted from people, programs and recordings, thinned by stamps, asked about, forgotten."""

from __future__ import annotations

import logging
import math
import threading
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace

import pytest

from embodied_agent.agent import Agent
from embodied_agent.agent.fact_gate import FactGate
from embodied_agent.agent.fact_notes import MAX_NAMES
from embodied_agent.errors import QuestionError, StoreError
from embodied_agent.memory.store import Store
from embodied_agent.object_records import Correction
from embodied_agent.records import Answer, Fact
from embodied_agent.settings import FactSettings, Settings, load_settings
from tests.support.sources import STORE, S, header, mono, text, write_bag
from tests.support.waiting import until
from tests.support.web import PERIOD_NS, Naming, frames

EPOCH_NS = 1_700_000_000 * S


def settings(**more: object) -> Settings:
    return load_settings(facts__min_interval_s=0.0, **more)


@pytest.fixture
def agent() -> Iterator[Agent]:
    """Has gone past `frames`, a keyframe every 0.4 s, with its battery and mode noted."""
    with Agent(settings(), perceiver=Naming()) as made:
        for number, frame in enumerate(frames()):
            made.observe(frame)
            if number % 6 == 5:
                made.note("Battery", f"{90 - number} %", frame.stamp_ns, by="/battery")
            if number in (10, 20):
                made.note("mode", "manual" if number == 10 else "autonomous", frame.stamp_ns)
        made.finish()
        assert made.drain()
        yield made


def asked(agent: Agent, question: str) -> Answer:
    return agent.ask(question)


def told(answer: Answer) -> list[tuple[str, str, int]]:
    return [(fact.name, fact.value, fact.stamp_ns) for fact in answer.facts]


def test_the_present_value_is_told_with_its_stamp_and_keyframe(agent: Agent) -> None:
    answer = asked(agent, "What is the battery level?")
    assert answer.status == "answered"
    assert answer.text == (
        "The Battery is 67 %, noted just now, 2.3 seconds after the start, around #6."
    )
    assert told(answer) == [("Battery", "67 %", 23 * PERIOD_NS)]
    assert [evidence.keyframe_id for evidence in answer.evidence] == [6]
    assert answer.models["reasoner"] == "rules"


@pytest.mark.parametrize(
    ("question", "value", "stamp"),
    [
        ("What was the battery at 1 s?", "85 %", 5),
        ("What was the battery 1 second ago?", "79 %", 11),
        ("What was the battery when you saw lamp 3?", "79 %", 11),
        ("What was the battery at #5?", "73 %", 17),
        ("Which mode were you in at 1.2 s?", "manual", 10),
        ("Which mode are you in?", "autonomous", 20),
    ],
)
def test_an_earlier_value_is_that_of_the_latest_stamp_up_to_the_moment(
    agent: Agent, question: str, value: str, stamp: int
) -> None:
    answer = asked(agent, question)
    assert answer.status == "answered"
    assert [(v, at) for _, v, at in told(answer)] == [(value, stamp * PERIOD_NS)]
    assert value in answer.text


def test_a_question_as_of_a_stamp_knows_nothing_later(agent: Agent) -> None:
    answer = agent.ask("Which mode are you in?", at_ns=15 * PERIOD_NS)
    assert told(answer) == [("mode", "manual", 10 * PERIOD_NS)]


@pytest.mark.parametrize(
    "question",
    [
        "Which mode were you in at the start?",
        "What was the mode at #1?",
        "What was the mode at keyframe 99?",
        "Where is the GPS fix?",
    ],
)
def test_what_was_not_noted_is_not_told(agent: Agent, question: str) -> None:
    answer = asked(agent, question)
    assert (answer.status, answer.facts) == ("cannot_tell", ())
    assert answer.text.startswith("I can't tell: ")


def test_a_moment_that_was_not_seen_is_not_made_up(agent: Agent) -> None:
    answer = asked(agent, "What was the battery when you saw the sofa?")
    assert (answer.status, answer.facts) == ("not_seen", ())


def test_whether_a_fact_has_a_value_and_when_it_changed(agent: Agent) -> None:
    assert asked(agent, "Is the mode autonomous?").text.startswith("Yes, the mode is autonomous")
    assert asked(agent, "Is the mode manual?").text.startswith("No, the mode is autonomous")
    # Whether 67 % is low, nobody can tell.
    assert asked(agent, "Is the battery low?").text.startswith("The Battery is 67 %")
    assert "autonomous 0.3 seconds ago" in asked(agent, "When did the mode change?").text
    assert (
        "was never noted to be docking" in asked(agent, "When did the mode change to docking?").text
    )


def test_a_choice_is_taken_by_the_value_and_none_is_guessed(agent: Agent) -> None:
    right = agent.ask("Which mode are you in?", choices=["manual", "Autonomous"])
    assert (right.choice, right.text, right.status) == ("B", "Autonomous", "answered")
    wrong = agent.ask("Which mode are you in?", choices=["manual", "docking"])
    assert (wrong.choice, wrong.status) == (None, "cannot_tell")


def test_a_fact_is_told_before_anything_was_seen() -> None:
    with Agent(settings(), perceiver=Naming()) as agent:
        assert asked(agent, "What is the battery?").text == (
            "I can't tell: nothing was noted about the battery."
        )
        agent.note("battery", 0.25)
        assert asked(agent, "What is the battery?").text.startswith("The battery is 0.25, noted at")
        assert asked(agent, "Where is the sofa?").problem == "nothing has been seen yet"


@pytest.mark.parametrize(
    ("name", "value", "stamp_ns", "why"),
    [
        ("battery", math.nan, None, "can't be nan"),
        ("battery", math.inf, None, "can't be inf"),
        ("battery", "", None, "has 1 to 500 characters"),
        ("battery", "x" * 10_000_000, None, "has 1 to 500 characters, not 10,000,000"),
        ("battery", 10**600, None, "at most 100 digits"),
        ("battery", None, None, "a text or a number"),
        ("", 1, None, "can't be the name"),
        ("x" * 65, 1, None, "can't be the name"),
        ("two\nlines; DROP TABLE", 1, None, "can't be the name"),
        ("battery", 1, -1, "from 0 on"),
        ("battery", 1, 2**63, "from 0 on"),
    ],
)
def test_what_cannot_be_noted_is_refused_with_why(
    name: str, value: object, stamp_ns: int | None, why: str
) -> None:
    with Agent(settings()) as agent:
        with pytest.raises(QuestionError, match=why):
            agent.note(name, value, stamp_ns)  # type: ignore[arg-type]
        assert agent.facts() == []


def test_names_that_differ_in_case_and_signs_are_one_fact() -> None:
    with Agent(settings()) as agent:
        for number, name in enumerate(("GPS_fix", "gps fix", "Gps-Fix")):
            agent.note(name, number, number * S)
        assert [(fact.name, fact.value) for fact in agent.facts()] == [("Gps-Fix", "2")]
        assert [fact.value for fact in agent.facts("gps fix")] == ["2", "1", "0"]
        assert [fact.value for fact in agent.facts(from_ns=S, to_ns=S)] == ["1"]


def test_people_can_t_fill_the_memory_with_names() -> None:
    with Agent(settings()) as agent:
        for number in range(MAX_NAMES):
            agent.note(f"fact {number}", 1)
        with pytest.raises(QuestionError, match="use one of their names"):
            agent.note("one more", 1)
        agent.note("fact 3", 2)
        assert len(agent.facts(limit=10_000)) == MAX_NAMES


def test_a_topic_of_1_khz_is_noted_once_a_second_and_its_last_value_is_kept() -> None:
    gate = FactGate(FactSettings())
    noted: list[Fact] = []
    for number in range(10_000):
        noted += gate.take(Fact("speed", str(number), number * S // 1000))
    assert len(noted) <= 11
    assert all(b.stamp_ns - a.stamp_ns >= S - S // 1000 for a, b in pairwise(noted))
    assert [fact.value for fact in gate.flush()] == ["9999"]


def test_what_does_not_change_is_noted_again_now_and_then_only() -> None:
    gate = FactGate(FactSettings())
    noted = [fact for n in range(600) for fact in gate.take(Fact("mode", "auto", n * S))]
    assert [fact.stamp_ns // S for fact in noted] == [*range(0, 600, 60)]
    still = FactGate(FactSettings(repeat_s=0))
    assert len([f for n in range(600) for f in still.take(Fact("mode", "auto", n * S))]) == 1


def test_a_value_that_changes_back_at_once_is_no_change() -> None:
    gate = FactGate(FactSettings())
    values = [("a", 0), ("b", 100), ("a", 200), ("a", 2000)]
    noted = [fact for v, ms in values for fact in gate.take(Fact("mode", v, ms * S // 1000))]
    assert [fact.value for fact in [*noted, *gate.flush()]] == ["a"]


def test_a_clock_that_restarts_loses_no_value() -> None:
    gate = FactGate(FactSettings())
    noted = [f for v, s in (("a", 50), ("b", 50.5), ("c", 1)) for f in gate.take(
        Fact("mode", v, round(s * S)))]  # fmt: skip
    assert [fact.value for fact in noted] == ["a", "b", "c"]


def test_live_messages_are_noted_without_waiting_and_the_latest_is_not_lost() -> None:
    chosen = load_settings(facts__topics={"speed": "/speed data"}, facts__min_interval_s=0.05)
    (topic,) = chosen.facts.read()
    with Agent(chosen) as agent:
        for number in range(2_000):
            agent.note_message(topic, SimpleNamespace(data=None), 0)  # has no fields: logged once
            agent.note_message(topic, {"data": float(number)}, EPOCH_NS + number * S // 1000)
        # Noted in its time, without anybody who asks.
        until(lambda: [fact.value for fact in agent.store.facts.latest()] == ["1999"])
        assert len(agent.facts("speed")) <= 42
        assert agent.facts()[0].by == "/speed"


def test_a_field_that_a_topic_does_not_have_is_said_once(caplog: pytest.LogCaptureFixture) -> None:
    chosen = load_settings(facts__topics={"battery": "/battery percent"})
    (topic,) = chosen.facts.read()
    with Agent(chosen) as agent, caplog.at_level(logging.WARNING):
        for number in range(5):
            agent.note_message(topic, {"percentage": 1.0, "voltage": 12.0}, number)
            agent.note_message(topic, {"percent": math.nan}, number)
        assert agent.facts() == []
    (line,) = [record.message for record in caplog.records if "battery" in record.message]
    assert "/battery: the message has no field 'percent'; it has percentage, voltage" in line


def test_a_huge_text_of_a_topic_is_cut() -> None:
    chosen = load_settings(facts__topics={"log": "/log data"})
    (topic,) = chosen.facts.read()
    with Agent(chosen) as agent:
        agent.note_message(topic, {"data": "word " * 1_000_000}, 5)
        (fact,) = agent.facts()
        assert len(fact.value) == 500
        assert fact.value.endswith("…")


def test_facts_survive_a_restart_and_a_read_only_memory_is_asked(tmp_path: Path) -> None:
    path = str(tmp_path / "memory.db")
    with Agent(load_settings(memory__path=path)) as agent:
        agent.note("mode", "manual", 5)
        agent.note("mode", "auto", 6)  # too soon after it: held, and noted at the end
    with (
        Store.open(path, agent.settings.memory, read_only=True) as store,
        Agent(store=store) as again,
    ):
        assert again.ask("Which mode are you in?").facts[0].value == "auto"
        with pytest.raises(StoreError, match="read-only"):
            again.note("mode", "off")


def facts_bag(folder: Path, count: int = 12, start_ns: int = EPOCH_NS) -> Path:
    """Pictures, a battery whose header has a stamp, and a mode without one."""
    messages = []
    kind = STORE.types["sensor_msgs/msg/Temperature"]
    for number in range(count):
        at = start_ns + number * S
        messages.append(("/camera/image", mono(at, number * 20 % 256, (64, 48)), at))
        value = math.nan if number == 4 else 90.0 - number // 3
        messages.append(("/battery", kind(header(at - S // 10), value, 0.0), at + S // 100))
        messages.append(("/mode", text("auto" if number < 6 else "manual"), at + S // 50))
    return write_bag(folder, messages)


TOPICS = {"battery": "battery {temperature:.0f} %", "mode": "/mode", "gps": "/fix latitude"}


def test_a_recording_s_topics_are_noted_once_however_often_it_is_replayed(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    bag = facts_bag(tmp_path / "bag")
    chosen = load_settings(memory__path=str(tmp_path / "memory.db"), facts__topics=TOPICS)
    for again in (False, True):
        with Agent(chosen, perceiver=Naming()) as agent:
            agent.replay(bag, again=again)
            battery = agent.facts("battery")[::-1]
            assert [(f.value, (f.stamp_ns - EPOCH_NS) / S) for f in battery] == [
                ("90 %", -0.1), ("89 %", 2.9), ("88 %", 5.9), ("87 %", 8.9),
            ]  # fmt: skip
            mode = agent.facts("mode")[::-1]
            assert [(f.value, (f.stamp_ns - EPOCH_NS) / S) for f in mode] == [
                ("auto", 0.02), ("manual", 6.02),
            ]  # fmt: skip
            assert "no facts from /fix: bag bag has no such topic" in caplog.text
            assert agent.ask("Which mode are you in?").facts[0].value == "manual"
            assert agent.ask("What was the battery at 4 s?").facts[0].value == "89 %"


def test_facts_named_later_are_read_from_a_recording_that_the_memory_holds(tmp_path: Path) -> None:
    bag = facts_bag(tmp_path / "bag")
    path = str(tmp_path / "memory.db")
    with Agent(load_settings(memory__path=path), perceiver=Naming()) as agent:
        keyframes = agent.replay(bag).keyframes
        assert agent.facts() == []
    chosen = load_settings(memory__path=path, facts__topics=TOPICS)
    with Agent(chosen, perceiver=Naming()) as agent:
        summary = agent.replay(bag)
        assert (summary.frames, summary.keyframes) == (0, keyframes)
        assert {fact.name for fact in agent.facts()} == {"battery", "mode"}


def test_facts_change_nothing_of_what_is_seen_in_a_recording(tmp_path: Path) -> None:
    bag = facts_bag(tmp_path / "bag")
    seen = []
    for topics in ({}, TOPICS):
        with Agent(load_settings(facts__topics=topics), perceiver=Naming()) as agent:
            agent.replay(bag)
            seen.append([(k.stamp_ns, k.reason, k.pose) for k in agent.store.keyframes()])
    assert seen[0] == seen[1]


def test_facts_of_one_recording_do_not_answer_for_another(tmp_path: Path) -> None:
    with Agent(load_settings(facts__topics=TOPICS), perceiver=Naming()) as agent:
        agent.replay(facts_bag(tmp_path / "one"))
        agent.replay(write_bag(tmp_path / "two", [("/camera/image", mono(S, 9, (64, 48)), S)]))
        assert agent.ask("Which mode are you in?").status == "cannot_tell"


@pytest.mark.parametrize("start_ns", [EPOCH_NS, 5 * S])
def test_forgotten_facts_are_gone_from_the_file_and_no_replay_brings_them_back(
    tmp_path: Path, start_ns: int
) -> None:
    bag = facts_bag(tmp_path / "bag", start_ns=start_ns)
    path = tmp_path / "memory.db"
    chosen = load_settings(memory__path=str(path), facts__topics=TOPICS)
    with Agent(chosen, perceiver=Naming()) as agent:
        agent.replay(bag)
        agent.note("owner", "Zacharias", start_ns + 7 * S)
        assert agent.ask("What is the owner?").facts[0].value == "Zacharias"
        assert agent.ask("Which mode are you in?").facts[0].value == "manual"
        assert b"Zacharias" in path.read_bytes() + Path(f"{path}-wal").read_bytes()
        agent.correct(
            Correction("forget", "Ada", from_ns=start_ns + 5 * S, to_ns=start_ns + 20 * S)
        )
        agent.replay(bag, again=True)
        assert [fact.value for fact in agent.facts("mode")] == ["auto"]
        assert {fact.name for fact in agent.facts()} == {"battery", "mode"}
        assert all("Zacharias" not in answer.text for _, answer in agent.store.answers())
    for each in (path, Path(f"{path}-wal")):
        if each.exists():
            assert b"Zacharias" not in each.read_bytes()


def test_many_threads_note_and_ask_at_once(agent: Agent) -> None:
    faults: list[BaseException] = []

    def work(number: int) -> None:
        try:
            for step in range(20):
                agent.note(f"counter {number}", step, step * S)
                assert agent.facts(f"counter {number}")[0].value == str(step)
                assert agent.ask(f"What is the counter {number}?").facts[0].value == str(step)
        except BaseException as error:
            faults.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert faults == []
