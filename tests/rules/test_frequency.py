"""How often things were seen is told where a question asks for it: in one keyframe only, more often
than others, again and again; and which keyframe shows the most."""

from __future__ import annotations

import pytest

from embodied_agent.records import Action, Delta, Mention
from embodied_agent.rules import Notes, Saying, answer_by_rule
from embodied_agent.rules.families import is_plain, understand

SECOND = 1_000_000_000


def view(number: int, action: Action | None, angle: float | None, *names: str) -> Delta:
    return Delta(number, action, angle, tuple(Mention(name, "front", "mid") for name in names))


WALK = (
    view(0, None, None, "yellow bed", "cyan table"),
    view(1, Action.ROTATE_RIGHT, 40.0, "yellow bed", "red lamp"),
    view(2, Action.MOVE_FORWARD, None, "yellow bed", "pink door"),
    view(3, Action.MOVE_FORWARD, None, "cyan clock", "red lamp", "green barrel", "pink door"),
    view(4, Action.ROTATE_LEFT, 30.0, "cyan clock"),
    view(5, Action.ROTATE_LEFT, 90.0, "cyan clock", "green sofa"),
    view(6, Action.MOVE_FORWARD, None, "cyan clock", "red lamp", "green sofa"),
)


@pytest.fixture
def notes() -> Notes:
    walk = Notes(WALK)
    walk.clock = lambda number: 2 * SECOND * number
    return walk


def said(text: str, notes: Notes) -> Saying:
    saying = answer_by_rule(text, notes).saying
    assert saying is not None, text
    return saying


@pytest.mark.parametrize(
    "text",
    [
        "what did you see just once?",
        "Which items did you only glimpse in a single keyframe?",
        "any stuff you only got one single look at",
        "Name me every thing that appear in one single keyframe only",
        "what did you see only one time",
        "which things showed up only once?",
        "Is there anything you saw just a single time?",
        "which objects are in exactly one frame",
        "what did you only catch a glimpse of",
        "Tell me what you noticed a single time and never again",
        "what appeared once and never came back",
        "things seen one time only pls",
        "anything that only popped up once?",
        "which things have just one sighting",
        "What things appear once?",
        "how many things did you see only once?",
    ],
)
def test_things_of_one_keyframe_only_are_named(text: str, notes: Notes) -> None:
    assert is_plain(text, notes.nouns)
    saying = said(text, notes)
    assert saying.text == (
        "In one keyframe only, I saw two things: the cyan table (#0) and the green barrel (#3)."
    )
    assert (saying.evidence, saying.status) == ((0, 3), "answered")


def test_of_a_kind_or_colour_only_those_are_named(notes: Notes) -> None:
    assert "one such thing: the cyan table" in said("which tables did you see once?", notes).text
    saying = said("which green things did you see only once?", notes)
    assert saying.text == "In one keyframe only, I saw one green thing: the green barrel (#3)."
    saying = said("which lamps did you see only once?", notes)
    assert saying.text.startswith("No such thing: all that I saw were in view in several keyframes")
    assert said("which purple things did you see just once?", notes).status == "not_seen"


@pytest.mark.parametrize(
    "text",
    [
        "what did you do only once?",
        "which way did you turn just once?",
        "what did you see once you turned left?",
        "which things were in one single frame together?",
        "Were the bed and the lamp ever in a single frame?",
        "did you ever see two lamps in a single frame?",
        "what was in the picture?",
        "what was the only thing you saw at the start?",
        "is there only one lamp?",
        "which colour did you see only once?",
        "what did you see at once?",
        "what did you see in keyframe 3 only?",
        "once more, what did you see?",
        "what did you see in one go?",
    ],
)
def test_other_questions_with_once_or_one_are_none_of_these(text: str, notes: Notes) -> None:
    assert understand(text, notes.nouns).family != "seen_once"


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("what you see more often, cyan clock or yellow bed", "I saw the cyan clock more often"),
        ("which did you see more often, the bed or the clock?", "I saw the cyan clock more often"),
        ("which was in more keyframes, the bed or the clock?", "I saw the cyan clock more often"),
        ("which did you see more, the bed or the clock?", "I saw the cyan clock more often"),
        ("which did you see less often, the bed or the clock?", "I saw the yellow bed less often"),
        ("which turned up most often, the bed, the clock or the sofa?", "clock most often: in f"),
        ("what was in view more frequently, the bed or the lamp?", "Equally often: I saw the ye"),
        ("did you see the bed more often than the clock?",
         "No. I saw the yellow bed in three keyframes (#0 to #2) and the cyan clock in four"),
        ("did you see the clock more than the bed?", "Yes. I saw the cyan clock in four keyframes"),
        ("was the bed in view less often than the clock?", "Yes. I saw the yellow bed in three"),
        ("did you see the bed more often than the lamp?", "No, equally often: I saw the"),
        ("did you see the piano more often than the bed?", "I have not seen a piano"),
    ],
)  # fmt: skip
def test_what_was_seen_more_often_is_told_by_keyframes(
    text: str, answer: str, notes: Notes
) -> None:
    assert is_plain(text, notes.nouns)
    saying = said(text, notes)
    assert answer in saying.text
    assert saying.evidence


@pytest.mark.parametrize(
    ("text", "family"),
    [
        ("did you see more lamps than tables?", "more"),
        ("which is nearer, the bed or the clock?", "nearer"),
        ("did you see the bed before the clock?", "is_order"),
        ("did you turn left more often than right?", "turns"),
        ("which is more to the left, the bed or the clock?", None),
        ("how many lamps came into view?", "count"),
        ("how often did you turn before the sofa came into view?", None),
        ("is the bed always in view?", "when"),
        ("what do you see most often?", "most_seen"),
        ("did the sofa come into view?", None),
    ],
)
def test_other_comparisons_are_none_of_these(text: str, family: str | None, notes: Notes) -> None:
    understood = understand(text, notes.nouns).family
    assert understood not in ("seen_more", "is_seen_more", "times_seen", "seen_once")
    assert family is None or understood == family


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("how many times did the red lamp come into view", "The red lamp came into view three"),
        ("the pink door, how many times it came in total", "came into view once: #2 to #3, two"),
        ("so, uh, the pink one, like the door you know, how many times it came in total",
         "The pink door came into view once: #2 to #3, two keyframes in all."),
        ("how many separate times did you see the red lamp?", "three times: #1, #3 and #6."),
        ("how often did the clock pop up?", "view once: #3 to #6, four keyframes in all."),
        ("what did you keep seeing?", "I saw the cyan clock most often: in four keyframes."),
        ("what kept showing up?", "I saw the cyan clock most often"),
        ("Was there something that kept popping up again and again while you pottered about?",
         "I saw the cyan clock most often"),
        ("which thing turned up over and over?", "I saw the cyan clock most often"),
    ],
)  # fmt: skip
def test_how_often_a_thing_came_into_view_is_told(text: str, answer: str, notes: Notes) -> None:
    assert is_plain(text, notes.nouns)
    assert answer in said(text, notes).text


@pytest.mark.parametrize(
    "text", ["what did you keep doing?", "which way did you keep turning?", "did it keep turning?"]
)
def test_what_the_robot_kept_doing_is_another_question(text: str, notes: Notes) -> None:
    assert understand(text, notes.nouns).family != "most_seen"


@pytest.mark.parametrize(
    "text",
    [
        "which keyframe is most crowded",
        "where did you see the most things at once",
        "which frame had the most objects in it?",
        "what was the busiest keyframe?",
        "in which picture were the most things?",
        "what is the largest number of things you saw at once?",
        "how many things at most were in one frame?",
    ],
)
def test_the_keyframe_with_the_most_things_is_told(text: str, notes: Notes) -> None:
    assert is_plain(text, notes.nouns)
    saying = said(text, notes)
    assert saying.text == (
        "The most things at once: four things, in #3, 6 seconds after the start: the cyan clock, "
        "the red lamp, the green barrel and the pink door."
    )
    assert saying.evidence == (3,)


def test_keyframes_with_equally_many_or_few_things_are_told_alike(notes: Notes) -> None:
    saying = said("which keyframe shows the fewest things?", notes)
    assert saying.text.startswith("The fewest things at once: one thing, in #4, 8 seconds after")
    saying = said("when were the most things in view in the first 2 keyframes?", notes)
    assert "two things each, in #0: the yellow bed and the cyan table; and in #1, " in saying.text


@pytest.mark.parametrize(
    "text",
    [
        "which things did you see the most?",
        "are most things red?",
        "are most of the things in view red?",
        "what is the most common colour?",
        "what is the biggest thing in view?",
        "which thing is the most expensive?",
        "how many things did you see?",
    ],
)
def test_other_questions_with_most_are_none_of_these(text: str, notes: Notes) -> None:
    assert understand(text, notes.nouns).family != "fullest"


def test_in_a_part_of_the_time(notes: Notes) -> None:
    saying = said("what did you see just once in the last 3 keyframes?", notes)
    assert saying.text.startswith("In the last 3 keyframes (#4 to #6): In one keyframe only, I saw")
    assert saying.evidence == (6,)


def test_counting_everything_once_is_no_question_about_single_sights() -> None:
    text = "What count results if every detected thing is included exactly once?"
    assert understand(text).family != "seen_once"
