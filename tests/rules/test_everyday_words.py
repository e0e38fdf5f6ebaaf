"""What people call things: each word finds what was noted under another one, and nothing else."""

from __future__ import annotations

import pytest

from embodied_agent.records import Delta, Mention
from embodied_agent.rules import Notes, answer_by_rule
from embodied_agent.rules.lexicon import lexicon


def status(asked: str, noted: str) -> str:
    """The status of "is there a …?" where one thing was noted."""
    notes = Notes([Delta(0, None, None, (Mention(noted, "front", "near"),))])
    saying = answer_by_rule(f"is there a {asked}?", notes).saying
    assert saying is not None
    return saying.status


@pytest.mark.parametrize(
    ("asked", "noted"),
    [
        # Rooms
        ("screen", "computer monitor"),
        ("screen", "flat screen tv"),
        ("telly", "tv screen"),
        ("monitor", "large screen"),
        ("settee", "grey sofa"),
        ("sofa", "futon"),
        ("hob", "gas cooker"),
        ("stove", "cooker"),
        ("cooker", "oven"),
        ("loo", "toilet"),
        ("toilet", "wc"),
        ("basin", "kitchen sink"),
        ("sink", "wash basin"),
        ("cupboard", "white cabinet"),
        ("cupboard", "wardrobe"),
        ("cabinet", "kitchen cupboard"),
        ("closet", "cupboard"),
        ("carpet", "rug"),
        ("picture", "framed painting"),
        ("picture", "poster"),
        ("painting", "picture"),
        ("plant pot", "flowerpot"),
        ("mug", "coffee cup"),
        ("cushion", "pillow"),
        ("radiator", "heater"),
        ("goggle box", "television"),
        ("crib", "cot"),
        ("brolly", "umbrella"),
        ("bedside lamp", "lamp"),
        ("bedspread", "blanket"),
        ("doggy", "dog"),
        # Streets
        ("lorry", "delivery truck"),
        ("truck", "hgv"),
        ("skip", "dumpster"),
        ("rubbish bin", "trashcan"),
        ("trash can", "wheelie bin"),
        ("building", "brick house"),
        ("shrub", "bush"),
        ("kid", "girl"),
        ("skyscraper", "tall tower"),
        ("high-rise", "grey building"),
        ("highrise", "skyscraper"),
        ("automobile", "car"),
        ("car", "coupe"),
        ("bus", "double-decker"),
        ("advert", "billboard"),
        ("walkway", "sidewalk"),
        # Warehouses
        ("forklift truck", "forklift"),
        ("forklift", "lift truck"),
        ("pallet jack", "pallet truck"),
        ("ladder", "aluminium stepladder"),
        ("crate", "cardboard box"),
        ("box", "wooden crate"),
        ("parcel", "package"),
        ("shelf", "metal storage rack"),
        ("rack", "shelving unit"),
        ("trolley", "hand cart"),
        ("fire exit", "emergency exit"),
        ("exit sign", "emergency exit sign"),
        ("fire extinguisher", "extinguisher"),
        ("loading bay", "loading dock"),
    ],
)
def test_a_word_finds_what_was_noted_under_another(asked: str, noted: str) -> None:
    assert status(asked, noted) == "answered"


@pytest.mark.parametrize(
    ("asked", "noted"),
    [
        ("truck", "forklift truck"),
        ("truck", "pallet truck"),
        ("chair", "wheel chair"),
        ("bag", "sleeping bag"),
        ("box", "mail box"),
        ("bike", "exercise bike"),
        ("bookcase", "pallet rack"),
        ("television", "computer monitor"),
        ("table", "desk"),
        ("tower", "crane"),
        ("tower", "building"),
        ("house", "tower"),
    ],
)
def test_a_word_does_not_find_what_only_sounds_like_it(asked: str, noted: str) -> None:
    assert status(asked, noted) == "not_seen"


def test_every_kind_that_a_wide_word_may_mean_is_in_the_lexicon() -> None:
    words = lexicon()
    for word, group in words.wide_words.items():
        assert words.members[group], word
        assert all(words.kinds[kind] == kind for kind in words.members[group]), word


def test_pictures_are_keyframes_where_they_are_counted() -> None:
    notes = Notes([Delta(0, None, None, (Mention("framed painting", "front"),)), Delta(1, None)])
    counted = answer_by_rule("how many pictures do you have?", notes).saying
    assert counted is not None
    assert "2 keyframes" in counted.text
    seen = answer_by_rule("did you see any pictures?", notes).saying
    assert seen is not None
    assert "framed painting" in seen.text


def test_a_sign_to_the_exit_is_no_exit_and_is_mentioned() -> None:
    notes = Notes([Delta(0, None, None, (Mention("green exit sign", "front", "far"),))])
    saying = answer_by_rule("where is the exit?", notes).saying
    assert saying is not None
    assert (saying.status, saying.evidence) == ("not_seen", (0,))
    assert saying.text.endswith("but I saw the green exit sign (#0).")


@pytest.mark.parametrize(("asked", "noted"), [("screen", "bookshelf"), ("basin", "table")])
def test_what_has_nothing_in_common_is_not_called_the_closest_match(asked: str, noted: str) -> None:
    notes = Notes([Delta(0, None, None, (Mention(noted, "front", "near"),))])
    saying = answer_by_rule(f"is there a {asked}?", notes).saying
    assert saying is not None
    assert "closest match" not in saying.text


CITY = Notes(
    [
        Delta(0, None, None, (Mention("orange building", "front", "far"),)),
        Delta(1, None, None, (Mention("green tower", "left"), Mention("red car", "front"))),
    ]
)


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        (
            "this skyscraper in green, when does it show up first?",
            "I first saw the green tower in #1",
        ),
        (
            "this skyscraper in green, when it shows up first time?",
            "I first saw the green tower in",
        ),
        ("the tower in green, where is it?", "The green tower is to my left"),
        ("did you see a tower in blue?", "I have not seen a blue tower, but I saw a green tower"),
        ("is the tower in green?", "Yes, the tower is green"),
        ("any automobile on the road?", "Yes, the red car is in view"),
        ("any automobile on the road, a blue one maybe?", "I have not seen a blue automobile, but"),
        ("any telly in the house?", "I have not seen a telly"),
        ("is there a car in the house?", "Yes, the red car is in view"),
        ("Any telly in the house, and while we're at it, how many cars?", "I saw one car"),
    ],
)
def test_words_and_colours_in_other_places(text: str, answer: str) -> None:
    saying = answer_by_rule(text, CITY).saying
    assert saying is not None
    assert answer in saying.text


def test_what_people_are_in_they_wear() -> None:
    notes = Notes([Delta(0, None, None, (Mention("man in a red shirt", "front"),))])
    saying = answer_by_rule("did you see a man in red?", notes).saying
    assert saying is not None
    assert saying.status == "answered"
