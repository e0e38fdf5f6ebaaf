"""What kind of answer is given: never a guess, and nothing that the memory does not hold."""

from __future__ import annotations

import time
from collections.abc import Iterator
from functools import partial

import pytest

from embodied_agent.agent.answerer import Answerer
from embodied_agent.memory.store import Store
from embodied_agent.records import Action, Answer, Delta, Mention, Question
from embodied_agent.settings import MemorySettings, load_settings
from tests.support.notes import HOME
from tests.support.scripted import Scripted, Voting, asked, remember, reply

PLACES = ("left", "right", "back")
OPEN = (*PLACES, "The memory does not tell")
WHERE = "Where is the red sofa now?"


#: Asks where the notes do not decide in the reasoner's place.
of_reasoner = partial(asked, notes_decide=False)


@pytest.fixture
def store() -> Iterator[Store]:
    with Store.open("", MemorySettings()) as store:
        remember(store, HOME)
        yield store


@pytest.mark.parametrize(
    ("text", "status"),
    [
        ("did you see a couch?", "answered"),
        ("is there a fridge?", "not_seen"),
        ("how heavy is the sofa?", "cannot_tell"),
        ("what is two plus two", "out_of_scope"),
    ],
)
def test_free_questions_are_answered_by_rule_and_say_so(
    store: Store, text: str, status: str
) -> None:
    reasoner = Scripted(reply("on the left"))
    answer = asked(store, reasoner, Question(text, id="q"))
    assert (answer.status, answer.problem, answer.question_id) == (status, "", "q")
    assert answer.text
    assert answer.models == {"perceiver": "vlm", "reasoner": "rules"}
    assert answer.verified_by.startswith("rules over")
    assert reasoner.prompts == []


def test_an_answer_by_rule_rests_on_keyframes_and_shows_their_entries(store: Store) -> None:
    answer = asked(store, Scripted(""), Question("did you see a couch?"))
    assert [(e.keyframe_id, e.note) for e in answer.evidence] == [(2, "cited")]
    assert "#2 move forward: man in a red shirt front far; red sofa" in answer.reasoning


def test_what_the_question_names_and_the_memory_does_not_hold_is_not_asked(store: Store) -> None:
    reasoner = Scripted(reply("left"))
    answer = asked(store, reasoner, Question("Where is the green piano?", PLACES))
    assert (answer.status, answer.choice, reasoner.prompts) == ("not_seen", None, [])
    assert answer.text.startswith("I have not seen a green piano.")
    told = asked(store, reasoner, Question("Where is the green piano?", OPEN))
    assert (told.status, told.choice, told.text) == ("not_seen", "D", OPEN[3])
    assert told.notice.startswith("I have not seen a green piano.")


def test_a_question_whose_choices_were_never_seen_is_not_asked(store: Store) -> None:
    reasoner = Scripted(reply("A"))
    answer = asked(store, reasoner, Question("Which is nearest?", ("blue crane", "green dome")))
    assert (answer.status, reasoner.prompts) == ("not_seen", [])


@pytest.mark.parametrize(
    "thought",
    [
        "#9 shows it",
        "keyframe 31 has the red sofa",
        "the red sofa is beside the green billboard",
        "the orange crane is left",
    ],
)
@pytest.mark.parametrize("backend", ["builtin", "served"])
def test_a_reply_beyond_the_memory_is_asked_again_and_then_not_given_out(
    store: Store, thought: str, backend: str
) -> None:
    bad, good = reply("left", thought), reply("right")
    reasoner = Scripted(bad, good)
    answer = of_reasoner(store, reasoner, Question(WHERE, PLACES), backend=backend)
    assert (answer.status, answer.choice, len(reasoner.prompts)) == ("answered", "B", 2)
    reasoner = Scripted(bad)
    answer = of_reasoner(store, reasoner, Question(WHERE, PLACES), backend=backend)
    assert (answer.status, answer.choice, len(reasoner.prompts)) == ("cannot_tell", None, 2)
    assert "which the memory does not hold" in answer.text
    assert answer.reasoning == ""
    answer = of_reasoner(store, Scripted(bad), Question(WHERE, OPEN), backend=backend)
    assert (answer.status, answer.choice, answer.text) == ("cannot_tell", "D", OPEN[3])


def test_a_choice_that_was_never_seen_is_not_given_out(store: Store) -> None:
    question = Question("Which is nearest to you?", ("red sofa", "green dome"))
    answer = of_reasoner(store, Scripted(reply("green dome", "so it is")), question)
    assert (answer.status, answer.choice) == ("cannot_tell", None)
    absent = Question("Which of these have you not seen?", ("red sofa", "green dome"))
    answer = of_reasoner(store, Scripted(reply("green dome", "so it is")), absent)
    assert (answer.status, answer.choice) == ("answered", "B")


def test_replies_beyond_the_memory_have_no_vote(store: Store) -> None:
    wild = reply("left", "the green billboard is left")
    reasoner = Voting(wild, others=(wild, wild, reply("right"), reply("right")))
    answer = of_reasoner(store, reasoner, Question(WHERE, PLACES), verify__low=0.3)
    assert (answer.choice, answer.consistency) == ("B", 0.4)
    assert answer.verified_by == "2 of 5 reasonings of scripted"


def test_too_few_votes_make_no_answer(store: Store) -> None:
    others = tuple(map(reply, ("right", "behind", "right", "behind")))
    question = Question(WHERE, PLACES)
    answer = of_reasoner(store, Voting(reply("left"), others=others), question)
    assert (answer.status, answer.choice, answer.consistency) == ("cannot_tell", None, 0.4)
    assert "2 of 5 reasonings" in answer.text
    told = of_reasoner(store, Voting(reply("left"), others=others), Question(WHERE, OPEN))
    assert (told.status, told.choice, told.text) == ("cannot_tell", "D", OPEN[3])
    given = of_reasoner(store, Voting(reply("left"), others=others), question, verify__low=0)
    assert (given.status, given.choice) == ("answered", "B")


def test_a_model_that_chooses_that_the_memory_does_not_tell_can_not_tell(store: Store) -> None:
    answer = of_reasoner(store, Scripted(reply("D", "so it is")), Question(WHERE, OPEN))
    assert (answer.status, answer.choice, answer.text) == ("cannot_tell", "D", OPEN[3])


@pytest.mark.parametrize(
    ("said", "status"),
    [
        ("It is by the red sofa.", "answered"),
        ("The memory does not tell.", "cannot_tell"),
        ("I can't tell from the notes.", "cannot_tell"),
        ("I have not seen a fridge.", "not_seen"),
    ],
)
def test_a_general_models_free_answer_has_the_status_that_it_says(
    store: Store, said: str, status: str
) -> None:
    reasoner = Scripted(reply(said, "so it is"))
    answer = asked(store, reasoner, Question("Tell me a secret of the sofa"), backend="served",
                   free="reasoner")  # fmt: skip
    assert (answer.status, answer.text) == (status, said)


def test_a_general_model_is_asked_what_the_rules_leave_open_and_no_other_is(store: Store) -> None:
    question = Question("Is the door open?")
    served = Scripted(reply("#3 speaks of a street seen through it, so yes.", "#3"))
    assert asked(store, served, question, backend="served").status == "answered"
    assert len(served.prompts) == 1
    for free, backend in (("auto", "builtin"), ("rules", "served")):
        reasoner = Scripted(reply("yes"))
        answer = asked(store, reasoner, question, backend=backend, free=free)
        assert (answer.status, reasoner.prompts) == ("cannot_tell", [])


def test_a_memory_of_motion_asks_nobody_about_things() -> None:
    geometry = (
        Delta(0, None, model="geometry"),
        Delta(1, Action.ROTATE_LEFT, 90.0, model="geometry"),
    )
    with Store.open("", MemorySettings()) as store:
        remember(store, geometry)
        reasoner = Scripted(reply("A", "#1 turned"))
        for question in (
            Question("Where is the red sofa?", PLACES),
            Question("Which came first?", ("red sofa", "blue lamp")),
            Question("What do you see?"),
            Question("What do you see?", ("a", "b")),
        ):
            answer = asked(store, reasoner, question)
            assert (answer.status, reasoner.prompts) == ("cannot_tell", [])
            assert "camera's motion" in answer.text
        assert asked(store, reasoner, Question("how often did you turn?")).status == "answered"
        turn = Question("Which way did you turn last?", ("left", "right"))
        assert asked(store, reasoner, turn).choice == "A"
        assert reasoner.prompts == []
        back = Question("Which action undoes your last one?", ("rotate left", "rotate right"))
        # The reasoner says A, but the notes settle this.
        assert asked(store, reasoner, back).choice == "B"
        assert len(reasoner.prompts) == 1


def test_choices_in_plain_words_are_answered_by_rule(store: Store) -> None:
    reasoner = Scripted(reply("B"))
    question = Question("What colour is the couch?", ("green", "red"), id="q")
    answer = asked(store, reasoner, question)
    assert (answer.status, answer.choice, answer.text) == ("answered", "B", "red")
    assert answer.models["reasoner"] == "rules"
    assert [evidence.keyframe_id for evidence in answer.evidence] == [2]
    assert "The sofa is red (#2)." in answer.reasoning
    unsure = asked(store, reasoner, Question("How many chairs are there?", ("one", "two")))
    assert (unsure.status, unsure.choice) == ("cannot_tell", None)
    assert "I saw three chairs" in unsure.text
    assert reasoner.prompts == []
    for settings in (
        {"free": "reasoner"},
        {"backend": "served", "server__base_url": "http://localhost:9/v1"},
    ):
        assert asked(store, reasoner, question, **settings).models["reasoner"] != "rules"


def test_nothing_perceived_is_a_failure() -> None:
    with Store.open("", MemorySettings()) as store:
        store.add_keyframe(stamp_ns=0, jpeg=b"", width=4, height=3, reason="first", segment=0)
        answer = asked(store, Scripted(""), Question("what do you see?"))
    assert (answer.status, answer.text) == ("failed", "")
    assert "perceived yet" in answer.problem


def test_things_seen_out_of_turn_count_as_seen(store: Store) -> None:
    later = Delta(9, None, 0.0, (Mention("green piano", "left", "near"),), model="vlm")
    answerer = Answerer(store, load_settings().reasoning, lambda: Scripted(""))
    for provisional, status in ((later, "answered"), (None, "not_seen")):
        *_, answer = answerer.stream(
            Question("is there a piano?"), 0, 4, time.monotonic() + 60, provisional=provisional
        )
        assert isinstance(answer, Answer)
        assert answer.status == status
