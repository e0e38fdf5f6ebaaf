"""Plain forms of questions: the rules understand each, and a model's reply can't add anything."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from embodied_agent.records import Action, Delta, Mention
from embodied_agent.rules import Notes, answer_by_rule, answer_restated, read_restated
from embodied_agent.rules.families import is_plain, understand
from embodied_agent.rules.plain import AS_PUT, OFF_TOPIC, PLAIN, UNNOTED, UNNOTED_OF

SLOTS = {
    "name": "red sofa", "other": "lamp", "third": "server rack", "a_name": "a red sofa",
    "names": "sofas", "colour": "red", "n": "12", "turn": "left", "place": "behind",
}  # fmt: skip
#: The families of the forms that are not called like them.
FAMILIES = {
    "existence_several": "existence", "colours": "colour", "colours_all": "colours",
    "was_colour": "is_colour", "count_colour": "count_all", "see_next": "seen_after",
    "order_first": "order", "order_yes": "is_order", "order_list": "order",
    "name_some": "inventory", "which_way": "where", "turns_side": "turns", "turns_all": "turns",
}  # fmt: skip


@pytest.mark.parametrize("form", PLAIN)
def test_the_rules_understand_every_plain_form(form: str) -> None:
    text = PLAIN[form].format(**SLOTS)
    assert understand(text).family == FAMILIES.get(form, form)
    assert is_plain(text)


@pytest.mark.parametrize("form", PLAIN)
def test_every_plain_form_is_read_as_what_it_is(form: str) -> None:
    text = PLAIN[form].format(**SLOTS)
    restated = read_restated(text, f"well, {text}")
    assert restated is not None
    assert (restated.meaning, restated.form, restated.text) == ("plain", form, text)
    assert all(name in text for name in restated.names)


@pytest.mark.parametrize(
    ("reply", "question"),
    [
        ("Did you see a blue sofa?", "Any trace of a red sofa?"),
        ("Did you see a bed?", "Any trace of a red sofa?"),
        ("What did you see at keyframe 13?", "show me number 12"),
        ("Name 4 things that you saw.", "give me three things"),
        ("How often did you turn left?", "how many right turns were there"),
        ("Which red things did you see?", "anything blue about?"),
        ("Not noted of the bed.", "how heavy is the sofa"),
        ("Which is nearer, the sofa or the bed?", "is the sofa close?"),
        ("Is the sofa dangerous?", "is the sofa dangerous"),
        ("Did you see a sofa? Yes.", "sofa?"),
        ("How often did you turn right?", "alright, how often did you turn?"),
        ("What is to the right of you?", "anything on your left?"),
        ("What is behind you?", "anything on your left?"),
        ("Which way is the blue lamp?", "where's that red lamp near the blue sofa"),
        ("Did you see a sofa lamp?", "any sofa or lamp?"),
        ("What did you see at keyframe 123456789?", "frame 1234567890, what is in it"),
        ("", "sofa?"),
    ],
)
def test_a_reply_that_adds_something_or_has_no_form_is_not_used(reply: str, question: str) -> None:
    assert read_restated(reply, question) is None


@pytest.mark.parametrize(
    ("reply", "question"),
    [
        ("Did you see a red sofa?", "Red sofa - seen one?"),
        ("How many sofas did you see?", "each and every sofa, counted please"),
        ("Name 3 things that you saw.", "give me three things"),
        ("What colour is the mailbox?", "the mailbox's colour?"),
        ("What is behind you?", "what's at your back?"),
        ("How often did you turn left?", "left-hand turns, how many?"),
        ("Is the cash register white?", "cash register: white, yes or no?"),
        ("Is the cash register behind you?", "have you got the cash register at your back?"),
    ],
)
def test_a_reply_in_the_questions_own_names_is_used(reply: str, question: str) -> None:
    restated = read_restated(reply, question)
    assert restated is not None
    assert restated.text == reply


@pytest.mark.parametrize(
    ("reply", "question"),
    [
        ("Which way is the kettle?", "where has the blue kettle got to"),
        ("Which red things did you see?", "anything red within 2 metres?"),
        ("What have you seen so far?", "your last 3 finds?"),
        ("What have you seen so far?", "all finds except chairs?"),
        ("Did you see a cat?", "any trace of a cat before the reboot?"),
        ("How often did you turn?", "how many degrees did you turn"),
        ("Did you see a blue table?", "after a light blue table; one turned up?"),
        ("Did you see a blue table?", "after a light-blue table; one turned up?"),
    ],
)
def test_a_reply_that_leaves_something_out_is_not_used(reply: str, question: str) -> None:
    assert read_restated(reply, question) is None


_THINGS = st.sampled_from(["sofa", "red lamp", "server rack", "blue kettle", "crib", "two chairs"])


@given(st.lists(_THINGS, min_size=1, max_size=3), st.sampled_from(sorted(PLAIN)), _THINGS, _THINGS)
def test_an_accepted_reply_names_only_what_the_question_names(
    things: list[str], form: str, name: str, other: str
) -> None:
    question = f"well now, {' and '.join(things)}: 12, left, red, behind"
    reply = PLAIN[form].format(
        **{**SLOTS, "name": name, "names": name, "a_name": name, "other": other}
    )
    restated = read_restated(reply, question)
    if restated is not None:
        assert all(any(n in thing for thing in things) for n in restated.names)


def test_what_has_no_plain_form_says_why() -> None:
    question = "what does the sofa weigh?"
    meanings = {
        reply: read_restated(reply, question)
        for reply in (AS_PUT, OFF_TOPIC, UNNOTED, UNNOTED_OF.format(name="sofa"))
    }
    assert [m and (m.meaning, m.text, m.names) for m in meanings.values()] == [
        ("as_put", "", ()),
        ("off_topic", "", ()),
        ("unnoted", "", ()),
        ("unnoted", "", ("sofa",)),
    ]


@pytest.mark.parametrize(
    "text",
    [
        "Did you see a cat in the last ten seconds?",
        "Where can I sit?",
        "What is next to the sofa?",
        "Where is the chair, and what colour is it?",
        "How often did you turn?",
        "what did you do last",
        "is there a fridge",
        "Where is the server rack?",
        "what can you see",
        "Any trace of a cat before the reboot?",
        "Describe the lamp next to the couch.",
        "Is there a lamp in the last picture?",
    ],
)
def test_what_narrow_patterns_understand_is_plain(text: str) -> None:
    assert is_plain(text)


def test_other_wordings_are_not_plain() -> None:
    assert not is_plain("I'm dying to know whether a cat ever crossed your path")
    assert not is_plain("give me the lowdown on the drill")
    assert not is_plain("is there a fridge in this place or what")


NOTES = Notes(
    (
        Delta(0, None, None, (Mention("red sofa", "front", "near"),)),
        Delta(1, Action.ROTATE_LEFT, 40.0, (Mention("blue bed", "front", "mid"),)),
    )
)


def test_a_restated_question_is_answered_as_its_plain_form() -> None:
    restated = read_restated("What did you do last?", "your latest manoeuvre?")
    assert restated is not None
    ruling = answer_restated(restated, NOTES)
    assert ruling == answer_by_rule("What did you do last?", NOTES)
    assert ruling.asked.family == "last_action"


def test_what_notes_never_tell_and_what_is_off_topic_is_said() -> None:
    question = "who bought the sofa?"
    of_thing = read_restated(UNNOTED_OF.format(name="sofa"), question)
    off_topic = read_restated(OFF_TOPIC, question)
    assert of_thing is not None
    assert off_topic is not None
    saying = answer_restated(of_thing, NOTES).saying
    assert saying is not None
    assert (saying.status, "red sofa" in saying.text) == ("cannot_tell", True)
    saying = answer_restated(off_topic, NOTES).saying
    assert saying is not None
    assert saying.status == "out_of_scope"
