"""The notes are asked whether they settle a question before a reasoner's choice is given out."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from embodied_agent.agent import Agent
from embodied_agent.agent.answerer import Answerer
from embodied_agent.memory.store import Store
from embodied_agent.records import Action, Answer, Delta, Mention, Question
from embodied_agent.settings import MemorySettings, load_settings
from tests.support.scripted import Scripted, Voting, asked, remember, reply

NOTES = (
    Delta(0, None, None, (Mention("welding robot", "front", "near"),), model="vlm"),
    Delta(1, Action.ROTATE_LEFT, 90.0, (Mention("conveyor", "front", "far"),), model="vlm"),
    Delta(2, Action.MOVE_FORWARD, None, (Mention("conveyor", "front", "mid"),), model="vlm"),
    Delta(3, Action.ROTATE_LEFT, 90.0, (Mention("forklift", "front", "near"),), model="vlm"),
    Delta(4, Action.MOVE_FORWARD, model="vlm"),
)
UNTOLD = "The memory does not tell"
#: The conveyor is on the right by now; the forklift may be ahead or beside.
CONVEYOR = Question("Where is the conveyor now?", ("left", UNTOLD, "right", "front"))
FORKLIFT = Question("Where is the forklift now?", ("front-left", "front", "back", UNTOLD))
BACKENDS = pytest.mark.parametrize("backend", ["builtin", "served"])


@pytest.fixture
def store() -> Iterator[Store]:
    with Store.open("", MemorySettings()) as store:
        remember(store, NOTES)
        yield store


@BACKENDS
def test_what_the_notes_leave_open_is_not_asked(store: Store, backend: str) -> None:
    reasoner = Scripted(reply("front", "#3 shows the forklift"))
    answer = asked(store, reasoner, FORKLIFT, backend=backend)
    assert (answer.status, answer.choice, answer.text) == ("cannot_tell", "D", UNTOLD)
    assert "my notes leave several of the choices possible: front" in answer.notice
    assert [evidence.keyframe_id for evidence in answer.evidence] == [3]
    assert answer.models["reasoner"] == "rules"
    assert reasoner.prompts == []


@BACKENDS
def test_a_likely_choice_is_given_only_where_none_says_that_the_memory_does_not_tell(
    store: Store, backend: str
) -> None:
    remember(store, [Delta(5, Action.ROTATE_LEFT, 20.0, model="vlm")])
    text, sides = CONVEYOR.text, ("front", "right", "back-right")
    reasoner = Scripted(reply("right", "#2 shows the conveyor"))
    answer = asked(store, reasoner, Question(text, (*sides, UNTOLD)), backend=backend)
    assert (answer.status, answer.choice) == ("cannot_tell", "D")
    assert "my notes leave several of the choices possible" in answer.notice
    assert reasoner.prompts == []
    answer = asked(store, reasoner, Question(text, sides), backend=backend)
    assert (answer.status, answer.choice) == ("answered", "B")


def test_where_no_choice_says_so_the_reason_is_the_answer(store: Store) -> None:
    question = Question(FORKLIFT.text, FORKLIFT.choices[:3])
    answer = asked(store, Scripted(reply("front", "#3")), question)
    assert (answer.status, answer.choice) == ("cannot_tell", None)
    assert answer.text.startswith("I can't tell: my notes leave several of the choices possible")


@BACKENDS
def test_a_reasoner_that_does_not_see_what_the_notes_settle_is_asked_again(
    store: Store, backend: str
) -> None:
    reasoner = Scripted(reply("B", "#2"), reply("right", "#2 shows the conveyor"))
    answer = asked(store, reasoner, CONVEYOR, backend=backend, notes_decide=False)
    assert (answer.status, answer.choice, answer.text) == ("answered", "C", "right")
    assert answer.notice == "asked again, because the notes settle this"
    assert [prompt.choices for prompt in reasoner.prompts] == [
        ("left", UNTOLD, "right", "front"),
        ("left", "right", "front"),
    ]


def test_a_second_reply_that_can_not_be_given_out_leaves_the_first(store: Store) -> None:
    reasoner = Scripted(reply("B", "#2"), reply("right", "#77 shows it"))
    answer = asked(store, reasoner, CONVEYOR, notes_decide=False)
    assert (answer.status, answer.choice, answer.text) == ("cannot_tell", "B", UNTOLD)
    reasoner = Scripted(reply("B", "#2"), "no answer at all")
    answer = asked(store, reasoner, CONVEYOR, notes_decide=False)
    assert (answer.status, answer.choice) == ("cannot_tell", "B")


def test_reasonings_that_see_it_outvote_those_that_do_not(store: Store) -> None:
    blind, seeing = reply("B", "#2"), reply("right", "#2")
    reasoner = Voting(blind, others=(blind, seeing, blind, seeing))
    answer = asked(store, reasoner, CONVEYOR, verify__low=0.3, notes_decide=False)
    assert (answer.status, answer.choice, answer.consistency) == ("answered", "C", 0.4)
    assert len(reasoner.prompts) == 1


@BACKENDS
@pytest.mark.parametrize("said", ["left", UNTOLD])
def test_where_the_notes_settle_it_they_decide(store: Store, backend: str, said: str) -> None:
    reasoner = Scripted(reply(said, "#2"))
    answer = asked(store, reasoner, CONVEYOR, backend=backend, notes_decide=True)
    assert (answer.status, answer.choice, answer.text) == ("answered", "C", "right")
    assert answer.notice == f"the notes settle this; the reasoner chose “{said}”"
    assert "conveyor" in answer.reasoning
    assert [evidence.note for evidence in answer.evidence] == ["cited"]
    assert (answer.consistency, answer.verified_by) == (None, "what the notes settle")
    assert len(reasoner.prompts) == 1


def test_where_the_notes_and_the_reasoner_agree_the_answer_is_the_reasoners(store: Store) -> None:
    answer = asked(store, Scripted(reply("right", "#2 shows it")), CONVEYOR, notes_decide=True)
    assert (answer.choice, answer.notice, answer.reasoning) == ("C", "", "#2 shows it")


def test_reasonings_that_disagree_do_not_matter_where_the_notes_settle_it(store: Store) -> None:
    left, right = reply("left", "#2"), reply("right", "#2")
    reasoner = Voting(right, others=(left, right, left, reply("front", "#2")))
    answer = asked(store, reasoner, CONVEYOR, verify__low=0.9, notes_decide=True)
    assert (answer.status, answer.choice) == ("answered", "C")
    assert answer.notice == "the notes settle this; the reasonings disagreed"


def test_a_reply_that_can_not_be_given_out_does_not_matter_either(store: Store) -> None:
    reasoner = Scripted(reply("right", "#77"), reply("right", "#78"))
    answer = asked(store, reasoner, CONVEYOR, notes_decide=True)
    assert (answer.status, answer.choice) == ("answered", "C")
    assert answer.notice == (
        "the notes settle this; the reasoner's reply is not given out, because it cites keyframe "
        "78, which the memory does not hold"
    )


def test_a_choice_that_the_notes_speak_against_gets_a_notice(store: Store) -> None:
    answer = asked(store, Scripted(reply("left", "#2")), CONVEYOR, notes_decide=False)
    assert (answer.status, answer.choice) == ("answered", "A")
    assert answer.notice == "by the notes alone it would be “right”"
    assert asked(store, Scripted(reply("right", "#2")), CONVEYOR).notice == ""


@pytest.mark.parametrize("setting", [{"check_notes": False}, {"second_look__mode": "on"}])
def test_the_notes_are_not_asked_where_that_is_off_or_pictures_are_looked_at(
    store: Store, setting: dict[str, object]
) -> None:
    reasoner = Scripted(reply("front", "#3"))
    answer = asked(store, reasoner, FORKLIFT, **setting)
    assert (answer.status, answer.choice, len(reasoner.prompts)) == ("answered", "B", 1)
    refusing = Scripted(reply("B", "#2"))
    assert asked(store, refusing, CONVEYOR, **setting).status == "cannot_tell"
    assert len(refusing.prompts) == 1


def test_questions_that_nobody_can_check_are_asked_as_ever(store: Store) -> None:
    question = Question("Which one is made of steel?", ("conveyor", "forklift", UNTOLD))
    reasoner = Scripted(reply("C", "#2"))
    answer = asked(store, reasoner, question, backend="served")
    assert (answer.status, answer.choice, len(reasoner.prompts)) == ("cannot_tell", "C", 1)


def test_both_are_counted(store: Store) -> None:
    reasoner = Scripted(reply("B", "#2"), reply("right", "#2"))
    settings = load_settings(reasoning__notes_decide=False).reasoning
    answerer = Answerer(store, settings, lambda: reasoner)
    for question in (FORKLIFT, FORKLIFT, CONVEYOR):
        *_, answer = answerer.stream(question, 0, 4, time.monotonic() + 60)
        assert isinstance(answer, Answer)
    assert (answerer.left_open, answerer.asked_again) == (2, 1)


def test_the_status_of_an_agent_has_the_counts() -> None:
    with Agent(load_settings(perception__backend="geometry")) as agent:
        status = agent.status().reasoning
    assert (status.left_open, status.asked_again) == (0, 0)
