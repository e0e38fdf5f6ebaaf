"""What was in view just before a thing appeared, or just after it was gone, is told from the
keyframe next to its first or last sight; and what came into view between two things, in order."""

from __future__ import annotations

import pytest

from embodied_agent.records import Action, Delta, Mention
from embodied_agent.rules import Notes, Saying, answer_by_rule
from embodied_agent.rules.families import is_plain, understand


def view(number: int, action: Action | None, angle: float | None, *mentions: str) -> Delta:
    """A delta with mentions such as ``red lamp, left, near``."""
    read = [Mention(*(part.strip() for part in text.split(","))) for text in mentions]  # type: ignore[arg-type]
    return Delta(number, action, angle, tuple(read), model="vlm")


WALK = (
    view(0, None, None, "yellow bed, front, mid", "cyan table, front-left, mid"),
    view(1, Action.ROTATE_RIGHT, 40.0, "yellow bed, front-left, mid", "red lamp, front, far"),
    view(2, Action.MOVE_FORWARD, None, "pink door, front-left, near", "red lamp, front-right, mid"),
    view(3, Action.MOVE_FORWARD, None, "cyan clock, front, far"),
    view(4, Action.ROTATE_LEFT, 90.0, "cyan clock, right, far", "green sofa, front, mid"),
)


@pytest.fixture
def notes() -> Notes:
    return Notes(WALK)


def said(text: str, notes: Notes) -> Saying:
    saying = answer_by_rule(text, notes).saying
    assert saying is not None, text
    return saying


@pytest.mark.parametrize(
    "text",
    [
        "What was in view just before the cyan clock appeared?",
        "Just before the cyan clock pops up, which things were in the frame?",
        "Just before cyan clock pops up, which things was in the frame?",
        "What was in the picture right before you first saw the clock?",
        "what could you see immediately before the clock showed up",
        "what was visible right before the clock came into view",
        "what did the camera show just before the clock?",
        "what was in view in the keyframe before the clock first appeared",
        "what did you see directly before the clock turns up",
        "what were you looking at right before the clock turned up",
        "the instant before the clock came into view what was visible",
        "what was there just before you spotted the clock",
        "what was in view before the clock appeared?",
        "what was in the frame right before the clock?",
        "what did the picture show right before you saw the clock for the first time?",
    ],
)
def test_before_its_first_sight(text: str, notes: Notes) -> None:
    assert is_plain(text, notes.nouns)
    saying = said(text, notes)
    assert saying.text == (
        "In #2, just before I first saw the cyan clock (#3), I saw: the pink door, front-left of "
        "me, near; the red lamp, front-right of me, at mid range."
    )
    assert saying.evidence == (2, 3)


@pytest.mark.parametrize(
    "text",
    [
        "ok red lamp is gone, and directly after that what did you see",
        "when you couldnt see the red lamp any more what was still there",
        "which things were in view just after the red lamp disappeared",
        "once the lamp was gone, what was in view?",
        "after the lamp vanished what could you still see",
        "What did you see right after you lost sight of the lamp?",
        "what was left in view when the lamp went out of sight",
        "right after the lamp left the picture, what was there",
        "After the red lamp dropped out of view, what remained?",
        "when the lamp was no longer visible what did you have in view",
        "the red lamp was gone, what did you see next",
        "as soon as the lamp disappeared, what was around?",
        "what was in view right after you last saw the lamp?",
        "just after losing sight of the lamp, what was in view?",
        "red lamp disappears, what is in the picture right after?",
    ],
)
def test_after_its_last_sight(text: str, notes: Notes) -> None:
    assert is_plain(text, notes.nouns)
    saying = said(text, notes)
    assert saying.text == (
        "In #3, just after I last saw the red lamp (#2), I saw: the cyan clock, ahead of me, far."
    )
    assert saying.evidence == (2, 3)


@pytest.mark.parametrize(
    ("text", "answer", "status"),
    [
        ("what was in view just before the bed appeared?",
         "I can't tell: the yellow bed was in view from the start (#0).", "cannot_tell"),
        ("once the sofa was gone, what was in view?", "The green sofa is still in view (#4).",
         "answered"),
        ("what was in view just before the piano appeared?", "I have not seen a piano", "not_seen"),
        ("what was on your left just before the clock appeared?",
         "In #2, just before I first saw the cyan clock (#3), I saw: the pink door, front-left of "
         "me, near.", "answered"),
    ],
)  # fmt: skip
def test_at_the_ends_and_on_a_side(text: str, answer: str, status: str, notes: Notes) -> None:
    saying = said(text, notes)
    assert saying.text.startswith(answer)
    assert saying.status == status


def test_a_restart_in_between_is_told() -> None:
    notes = Notes()
    for index, delta in enumerate(WALK):
        notes.add(delta, after_break=index == 3)
    assert "restarted before" in said("what was in view just before the clock came?", notes).text
    assert "restarted after" in said("what was in view once the lamp was gone?", notes).text


@pytest.mark.parametrize(
    ("text", "family"),
    [
        ("what did you do just before the sofa appeared?", "did_before"),
        ("what did you do right after the bed disappeared?", "did_after"),
        ("which way did you turn just before the sofa appeared?", "did_before"),
        ("what happened right before the sofa came into view?", "did_before"),
        ("what brought the sofa into view?", "did_before"),
        ("how did you move just before you saw the clock?", "did_before"),
        ("what did the robot do when the bed was gone?", None),
        ("what new thing did you see next after the lamp?", "seen_after"),
        ("what new thing appeared right after the bed was gone?", "seen_after"),
        ("what came into view right after the bed disappeared?", None),
        ("what did you see right after the lamp?", "seen_after"),
        ("what did you see before the sofa?", "seen_before"),
        ("what did you see before the sofa appeared?", "seen_before"),
        ("what was the last thing you saw before the sofa appeared?", "seen_before"),
        ("when did the sofa disappear?", "last_when"),
        ("is the bed gone?", "last_when"),
        ("where was the clock when the sofa appeared?", None),
        ("did you see the lamp before the sofa appeared?", "is_order"),
        ("what was in view when you saw the sofa?", "together"),
        ("can you still see the bed?", "visible_now"),
        ("which did you see first, the bed or the sofa?", "order"),
        ("what colour was the thing before the sofa?", None),
    ],
)
def test_other_questions_about_before_and_after(
    text: str, family: str | None, notes: Notes
) -> None:
    understood = understand(text, notes.nouns).family
    assert understood not in ("view_before", "view_after")
    assert family is None or understood == family


@pytest.mark.parametrize(
    "text",
    [
        "Between the bed and the clock, my dear, what sorts of things did you go by?",
        "what came between the bed and the clock?",
        "what did you see between the clock and the bed?",
        "after the bed and before the clock, what did you pass?",
        "what did you pass on your way from the bed to the clock?",
        "which things turned up between the bed and the clock?",
        "On the way from the bed to the clock what did you come across?",
    ],
)
def test_what_came_between_two_things_is_told_in_order(text: str, notes: Notes) -> None:
    assert is_plain(text, notes.nouns)
    saying = said(text, notes)
    assert saying.text == (
        "Between the yellow bed (#0) and the cyan clock (#3) I first saw the red lamp (#1) and the "
        "pink door (#2)."
    )
    assert saying.evidence == (0, 1, 2, 3)


@pytest.mark.parametrize(
    ("text", "family"),
    [
        ("what is between the bed and the sofa?", "relation"),
        ("what did you do between the bed and the sofa?", "unnoted_way"),
        ("which turns did you make between the bed and the sofa?", None),
        ("how do I get from the bed to the sofa?", "related"),
        ("what is the way from the bed to the sofa?", "related"),
        ("how far did you go from the bed to the sofa?", None),
    ],
)
def test_other_questions_about_what_is_between(text: str, family: str | None, notes: Notes) -> None:
    understood = understand(text, notes.nouns).family
    assert understood != "seen_between"
    assert family is None or understood == family


@pytest.mark.parametrize(
    "text",
    [
        "Between the bed and the red lamp, which one showed up earlier?",
        "so between the bed and the red lamp, which was seen first?",
        "Between the bed and the lamp, what did the camera notice first?",
    ],
)
def test_which_of_two_came_first_asks_for_their_order(text: str, notes: Notes) -> None:
    assert said(text, notes).text == "The yellow bed (#0) came first, before the red lamp (#1)."
