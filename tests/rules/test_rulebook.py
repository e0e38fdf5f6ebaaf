"""Free questions answered by rule: what is said, with which status, resting on which keyframes."""

from __future__ import annotations

import pytest

from embodied_agent.records import Action, Delta, Mention
from embodied_agent.rules import Notes, Saying, answer_by_rule
from tests.support.notes import CLIPS, HOME, clip_notes

NOTES = Notes(HOME)


def said(text: str, notes: Notes = NOTES) -> Saying:
    saying = answer_by_rule(text, notes).saying
    assert saying is not None, text
    return saying


@pytest.mark.parametrize(
    ("text", "answer", "cited"),
    [
        # Whether, in everyday words
        ("did you see a couch?", "Yes, I saw the red sofa in #2", [2]),
        ("is there a bin?", "the trash can in #3", [3]),
        ("was there a vehicle?", "grey SUV", [3, 4]),
        ("is there any furniture", "the white cabinet (#0)", [0, 1, 2]),
        ("did you notice a bike", "the bicycle is in view now (#4)", [4]),
        ("is there a telly?", "My notes on #2 say", [2]),
        ("was there a window", "My notes on #0 say", [0]),
        ("did you see a sign?", "the stop sign in #3", [3]),
        ("is there a light", "the table lamp in #1", [1]),
        ("did you see a red shirt?", "the man in a red shirt", [2]),
        # Colours and numbers
        ("what colour is the armchair?", "The armchair is dark blue (#1).", [1]),
        ("What color was the shirt?", "It is red: I noted a man in a red shirt (#2).", [2]),
        ("is the couch red?", "Yes, the sofa is red (#2).", [2]),
        ("was the sofa green", "No, the sofa is red (#2).", [2]),
        ("how many chairs did you see?", "I saw three chairs: three at once in #2.", [2]),
        ("how many people are there", "I saw one such thing: the man in a red shirt (#2).", [2]),
        ("how many red things are there", "I saw one red thing: the red sofa.", [2]),
        # When and where
        ("when did you first see the table", "I first saw the wooden dining table in #0", [0]),
        ("when did you last see the table?", "I last saw the wooden dining table in #1", [1]),
        ("Where did you last see the plant?", "in #0, to my right, at mid range.", [0]),
        ("where is the bike?", "The bicycle is to my left, at mid range, in view now (#4).", [4]),
        ("where is the sofa?", "The red sofa should now be to my left.", [2]),
        ("how do I get back to the sofa?", "to my left: turn left by about 90 degrees", [2]),
        ("is the sofa behind you", "No. The red sofa should now be to my left.", [2]),
        ("how far is the hydrant", "The fire hydrant is near (#4).", [4]),
        ("which is nearer, the bike or the hydrant?", "The fire hydrant is nearer", [4]),
        ("what is nearest to you", "the nearest is the fire hydrant (ahead of me, near).", [4]),
        ("what is behind me?", "Behind me should be", [1]),
        # Order
        ("which came first, the sofa or the lamp", "The table lamp (#1) came first", [1, 2]),
        ("did you see the sofa before the SUV?", "Yes, I saw the red sofa (#2) before", [2, 3]),
        ("did you see the bike before the sofa?", "No, I saw the red sofa (#2) before", [2, 4]),
        ("what did you see after the sofa?", "Next I saw the stop sign, the grey SUV", [2, 3]),
        ("what did you do just before you saw the sofa", "I moved forward; that brought", [2]),
        (
            "what did you do after you first saw the sofa",
            "I turned right by 90 degrees (#3).",
            [2, 3],
        ),
        # Views
        ("name what is in view", "Now I see (#4): the fire hydrant, ahead of me, near; the b", [4]),
        ("what did you see at the start", "At the start I saw (#0): the white cabinet", [0]),
        ("what was in keyframe 3", "In #3 I saw: the stop sign, ahead of me, far", [3]),
        ("what was to the left in keyframe 3", "In #3 I saw: the grey SUV, front-left of me", [3]),
        ("what did you see together with the sofa?", "the man in a red shirt (#2) and the ch", [2]),
        ("were the sofa and the bike seen together", "No, the red sofa and the bicycle", [2, 4]),
        ("were the sofa and the chair seen together", "Yes, the red sofa and the chair", [2]),
        (
            "what have you seen?",
            "I have seen the white cabinet, the wooden dining table,",
            [0, 1, 2, 3, 4],
        ),
        (
            "name two things you saw",
            "I have seen the white cabinet and the wooden dining table.",
            [0],
        ),
        ("tell me about the hydrant", "I first saw the fire hydrant in #4", [4]),
        # Motion
        ("how often did you turn?", "twice: once to the left and once to the right.", [1, 3]),
        ("how often did you turn left?", "I turned left once (#1).", [1]),
        ("did you ever turn right", "Yes, I turned right once (#3).", [3]),
        ("what did you do last?", "I moved forward (#4).", [4]),
        ("what was your first action", "First I turned left by 45 degrees (#1).", [1]),
        ("what did you do to get to #3", "I turned right by 90 degrees (#3).", [3]),
        ("how many keyframes are there", "5 keyframes, #0 to #4.", [0, 4]),
    ],
)
def test_what_the_memory_holds_is_answered(text: str, answer: str, cited: list[int]) -> None:
    saying = said(text)
    assert answer in saying.text
    assert saying.status == "answered"
    assert [NOTES.id(index) for index in saying.evidence] == cited


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("is there a fridge?", "I have not seen a fridge. The closest match in my memory is a"),
        ("could you point me to the fire extinguisher?", "I have not seen a fire extinguisher."),
        ("I need the colour of that barrel", "I have not seen a barrel. The closest match in my"),
        ("is there a green sofa?", "I have not seen a green sofa, but I saw a red sofa (#2)."),
        ("how many giraffes did you see", "I have not seen any giraffes."),
        (
            "where is the zorbulator?",
            "I have not seen a zorbulator. My memory contains other things",
        ),
        ("was there an oven", "I have not seen an oven."),
        ("how do I get back to the fountain", "I have not seen a fountain."),
        ("what did you see together with the piano", "I have not seen a piano."),
    ],
)
def test_what_it_does_not_hold_was_not_seen(text: str, answer: str) -> None:
    saying = said(text)
    assert saying.text.startswith(answer)
    assert saying.status == "not_seen"


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("how heavy is the sofa?", "I can't tell"),
        ("who is the man", "I can't tell"),
        ("is the door open?", "I can't tell. My notes on #3 say"),
        ("what is on the table?", "relative to me, not to each other"),
        ("is there a glass table", "do not say whether it is a glass table"),
        ("is there a blue chair", "do not say what colour it is"),
        ("what colour is the chair", "do not say what colour it is"),
        ("what was in keyframe 40", "my notes have no keyframe 40, only #0 to #4"),
        ("how many metres did you drive?", "I can't tell"),
        ("which came first, the sofa or the chair?", "at the same keyframe (#2)"),
    ],
)
def test_what_the_notes_leave_open_can_not_be_told(text: str, answer: str) -> None:
    saying = said(text)
    assert answer in saying.text
    assert saying.status == "cannot_tell"


@pytest.mark.parametrize(
    "text", ["what's the weather like?", "what is 2 + 2", "tell me a joke", "bring me the sofa"]
)
def test_what_is_not_about_the_memory_is_out_of_scope(text: str) -> None:
    saying = said(text)
    assert saying.status == "out_of_scope"
    assert "“Where is the" in saying.text


def test_a_direction_is_told_only_where_the_notes_support_it() -> None:
    far = [Delta(0, None, None, (Mention("red sofa", "front", "far"),))]
    walk = [Delta(n, Action.MOVE_FORWARD, None) for n in range(1, 9)]
    turns = [Delta(n, Action.ROTATE_LEFT, 60.0) for n in range(9, 11)]
    assert said("where is the sofa", Notes(far)).text.startswith("The red sofa is ahead of me")
    assert said("where is the sofa", Notes(far + walk[:1])).status == "answered"
    lost = said("where is the sofa", Notes(far + walk + turns))
    assert lost.status == "cannot_tell"
    assert "It was ahead of me, far, when I last saw it in #0" in lost.text
    assert "turned left by 120 degrees" in lost.text


def test_a_turn_carries_things_the_other_way_round() -> None:
    seen = Delta(0, None, None, (Mention("red sofa", "front-left", "mid"),))
    for action, angle, place in (
        (Action.ROTATE_RIGHT, 110.0, "back-left of me"),
        (Action.ROTATE_LEFT, 120.0, "to my right"),
        (Action.ROTATE_RIGHT, 150.0, "behind me"),
    ):
        saying = said("where is the sofa", Notes([seen, Delta(1, action, angle)]))
        assert saying.text.startswith(f"The red sofa should now be {place}.")


def test_motion_without_a_perceiver_answers_about_motion_only() -> None:
    notes = Notes(
        [
            Delta(0, None, model="geometry"),
            Delta(1, Action.ROTATE_LEFT, 40.0, model="geometry"),
            Delta(2, Action.MOVE_FORWARD, None, model="geometry"),
        ]
    )
    assert said("how often did you turn left", notes).text == "I turned left once (#1)."
    assert said("what did you do last", notes).text == "I moved forward (#2)."
    assert said("how do I get back to the start?", notes).status in ("answered", "cannot_tell")
    for text in ("is there a sofa?", "what do you see", "what is behind you", "how many lamps",
                 "what have you seen", "what was in keyframe 1", "where is the lamp"):  # fmt: skip
        saying = said(text, notes)
        assert saying.status == "cannot_tell"
        assert "only the camera's motion" in saying.text
        assert "perception.backend" in saying.text


def test_what_could_not_be_perceived_is_told_with_what_was_not_seen() -> None:
    notes = Notes([HOME[0], Delta(1, Action.MOVE_FORWARD, usable=False)])
    assert "Of 2 keyframes, 1 could not be perceived." in said("is there a fridge", notes).text
    assert said("what do you see now", notes).status == "cannot_tell"


@pytest.mark.parametrize("clip", CLIPS, ids=lambda clip: clip.name)
def test_every_thing_of_a_clip_is_found_by_its_name_and_where_it_was_seen_last(clip) -> None:
    notes = clip_notes(clip)
    for thing in notes.things.values():
        saying = said(f"Was there a {thing.name}?", notes)
        assert saying.status == "answered"
        assert saying.evidence == (thing.last.index,)
        where = said(f"where did you last see the {thing.name}", notes)
        assert f"#{notes.id(thing.last.index)}" in where.text
        colour = said(f"what colour is the {thing.phrase.noun}", notes)
        assert thing.phrase.hues[0] in colour.text


@pytest.mark.parametrize("clip", CLIPS, ids=lambda clip: clip.name)
def test_every_cited_keyframe_is_one_of_the_evidence(clip) -> None:
    import re

    notes = clip_notes(clip)
    names = list(notes.things)
    for text in (
        "what do you see", "what have you seen", "how often did you turn", "what is behind me",
        f"where is the {names[0]}", f"when did you see the {names[1]}",
        f"what was seen together with the {names[2]}",
        f"which came first, the {names[0]} or the {names[-1]}",
    ):  # fmt: skip
        saying = said(text, notes)
        cited = {int(n) for n in re.findall(r"#(\d+)", saying.text)}
        assert cited <= {notes.id(index) for index in range(len(notes.deltas))}
        if "to #" not in saying.text:
            assert cited <= {notes.id(i) for i in saying.evidence} or "and more" in saying.text
