"""Free questions: right by a recomputation of their own, never about what is there by another name,
with phrasings enough, and the same for the same seed."""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from collections.abc import Iterator
from functools import lru_cache

import numpy as np
import pytest

from embodied_agent.records import Action, Delta, Mention
from sim_clips.journey import Journey
from sim_clips.questions.free import (
    FAMILIES,
    HELD_OUT,
    READERS,
    TAUGHT,
    FreeQuestion,
    Standpoint,
    free_questions,
    from_json,
    from_notes,
    to_json,
)
from sim_clips.questions.free.clouds import agreement, cloud_of
from sim_clips.questions.free.nouns import ADJECTIVES, HELD_OUT_NOUNS, NOUNS, related
from sim_clips.questions.free.words import (
    SIMULATED_KINDS,
    SYNONYMS,
    colour_meant,
    colour_of,
    colour_pattern,
    kind_meant,
    kind_of,
    plural,
    thing_pattern,
    with_article,
    words_for,
)
from sim_clips.scene import VISIBLE_PIXELS
from training.text_worlds import Noise, noted, sample_journey

Case = tuple[Journey, list[Delta], list[FreeQuestion]]


@lru_cache(maxsize=1)
def _cases() -> tuple[Case, ...]:
    cases = []
    for world in ("house", "city", "warehouse"):
        for seed in range(310_000, 310_006):
            rng = np.random.default_rng(seed)
            journey = sample_journey(world, seed, rng)
            deltas = noted(journey, rng, Noise())
            cases.append((journey, deltas, free_questions(journey, deltas, rng, count=66)))
    return tuple(cases)


def _questions(*forms: str) -> Iterator[tuple[Journey, list[Delta], FreeQuestion]]:
    for journey, deltas, questions in _cases():
        for question in questions:
            if not forms or question.form in forms:
                yield journey, deltas, question


# ---- Phrasings


def _family_forms() -> dict[str, set[str]]:
    forms: dict[str, set[str]] = {family: set() for family in FAMILIES}
    for _, _, question in _questions():
        forms[question.family].add(question.form)
    return forms


def test_every_family_can_be_asked_in_at_least_twenty_phrasings() -> None:
    for family, forms in _family_forms().items():
        count = sum(len(TAUGHT[form]) + len(HELD_OUT[form]) for form in forms)
        assert count >= 20, family


def _plain(phrasing: str) -> str:
    return " ".join(re.findall(r"[{}\w']+", phrasing.lower()))


def test_each_form_has_eight_held_out_phrasings_and_none_is_in_both_lists() -> None:
    assert TAUGHT.keys() == HELD_OUT.keys() == READERS.keys()
    taught, held = (
        {_plain(p) for form in bank.values() for p in form} for bank in (TAUGHT, HELD_OUT)
    )
    assert not taught & held
    for form, phrasings in TAUGHT.items():
        assert len(HELD_OUT[form]) >= 8, form
        for bank in (phrasings, HELD_OUT[form]):
            assert len({_plain(p) for p in bank}) == len(bank), form


def test_held_out_phrasings_name_nothing_but_what_fills_their_slots() -> None:
    for form, phrasings in HELD_OUT.items():
        for phrasing in phrasings if form != "out_of_scope" else ():
            bare = re.sub(r"{\w+}", "so and so", phrasing.lower())
            assert not thing_pattern().search(bare), phrasing
            assert not colour_pattern().search(bare), phrasing


def test_phrasings_have_the_slots_of_their_form() -> None:
    for form, phrasings in TAUGHT.items():
        wanted = {s for p in phrasings for s in re.findall(r"{(\w+)}", p)}
        wanted = {"name" if s in ("a_name", "names") else s for s in wanted}
        for phrasing in (*phrasings, *HELD_OUT[form]):
            slots = {"name" if s in ("a_name", "names") else s
                     for s in re.findall(r"{(\w+)}", phrasing)}  # fmt: skip
            assert slots == wanted, phrasing


def test_wordings_are_kept_apart_when_asked_for() -> None:
    journey, deltas, _ = _cases()[0]
    for wordings in ("taught", "held_out"):
        rng = np.random.default_rng(5)
        questions = free_questions(journey, deltas, rng, count=60, wordings=wordings)
        assert {q.held_out for q in questions} == {wordings == "held_out"}
        banned = NOUNS if wordings == "held_out" else HELD_OUT_NOUNS
        kinds = {q.truth.subjects[0] for q in questions if q.family == "absent"}
        assert kinds
        assert not kinds & set(banned)


# ---- Words


def test_word_lists_are_large_enough_and_disjoint() -> None:
    assert len(set(NOUNS)) == len(NOUNS) >= 150
    assert len(set(HELD_OUT_NOUNS)) == len(HELD_OUT_NOUNS) == 20
    assert len(set(ADJECTIVES)) >= 19
    assert not set(NOUNS) & set(HELD_OUT_NOUNS)
    assert not (set(NOUNS) | set(HELD_OUT_NOUNS)) & set(SIMULATED_KINDS)
    assert {"fridge", "piano", "giraffe"} <= {*NOUNS, *HELD_OUT_NOUNS}


@pytest.mark.parametrize("kind", [*SIMULATED_KINDS, *NOUNS, *HELD_OUT_NOUNS])
def test_every_word_for_a_kind_is_read_back_in_singular_and_plural(kind: str) -> None:
    for word in words_for(kind):
        for said in (word, plural(word)):
            match = thing_pattern().search(f"there may be red {said} here")
            assert match is not None
            assert match.group("colour") == "red"
            assert kind_meant(match.group("kind")) == kind


def test_synonyms_mean_one_kind_each() -> None:
    counts = Counter(word for words in SYNONYMS.values() for word in words)
    assert max(counts.values()) == 1
    assert colour_meant("light blue") == "cyan"


@pytest.mark.parametrize(
    ("phrase", "said"),
    [("orange lamp", "an orange lamp"), ("red sofa", "a red sofa"), ("unicycle", "a unicycle"),
     ("umbrella", "an umbrella")],
)  # fmt: skip
def test_articles(phrase: str, said: str) -> None:
    assert with_article(phrase) == said


# ---- Truth, recomputed


def _seen(journey: Journey, index: int) -> set[str]:
    view = journey.views[index]
    return {name for name, pixels in view.visible.items() if pixels >= VISIBLE_PIXELS}


def _angle(journey: Journey, name: str, index: int) -> float:
    pose = journey.views[index].pose
    place = complex(*journey.objects[name]) - complex(pose.x, pose.y)
    angle = math.degrees(np.angle(place)) - pose.yaw_deg
    return (angle + 180) % 360 - 180


_CENTRES = {
    "front": (0, 15), "front-left": (37.5, 22.5), "left": (90, 30), "back-left": (142.5, 22.5),
    "back": (180, 15), "back-right": (-142.5, 22.5), "right": (-90, 30),
    "front-right": (-37.5, 22.5),
}  # fmt: skip


def _right_directions(angle: float) -> set[str]:
    return {
        d
        for d, (centre, half) in _CENTRES.items()
        if abs((angle - centre + 180) % 360 - 180) <= half + 10 + 1e-9
    }


def test_directions_are_those_of_the_floor_plan_with_ten_degrees_of_grace() -> None:
    count = 0
    for journey, _, question in _questions("which_way", "way_back"):
        if question.truth.status == "not_seen":
            continue
        angle = _angle(journey, question.truth.subjects[0], question.now)
        assert question.truth.facts.directions == _right_directions(angle)
        count += 1
    assert count > 50


def test_distance_words_are_those_of_the_metres_with_an_eighth_of_grace() -> None:
    limits = {"house": (2.5, 4.5), "warehouse": (2.5, 4.5), "city": (18.0, 36.0)}
    for journey, _, question in _questions("how_far"):
        pose = journey.views[question.now].pose
        place = complex(*journey.objects[question.truth.subjects[0]])
        metres = abs(place - complex(pose.x, pose.y))
        near, far = limits[journey.world]
        exact = "near" if metres < near else "mid" if metres < far else "far"
        assert exact in question.truth.facts.distances
        if all(not limit / 1.13 < metres < limit * 1.13 for limit in (near, far)):
            assert question.truth.facts.distances == {exact}


def test_first_and_last_sightings_are_those_of_the_views() -> None:
    count = 0
    for journey, deltas, question in _questions("first_when", "last_when"):
        name = question.truth.subjects[0]
        views = [i for i in range(question.now + 1) if name in _seen(journey, i)]
        at = views[0] if question.form == "first_when" else views[-1]
        assert deltas[at].keyframe_id in question.truth.facts.keyframes
        assert question.truth.evidence == (deltas[at].keyframe_id,)
        count += 1
    assert count > 20


def test_lists_are_what_the_view_shows() -> None:
    for journey, _, question in _questions("in_view", "at_start"):
        index = question.now if question.form == "in_view" else 0
        assert question.truth.facts.names == _seen(journey, index)
        assert question.truth.facts.nothing == (not _seen(journey, index))


def test_counts_are_of_distinct_things_seen() -> None:
    for journey, _, question in _questions("count"):
        if question.truth.status == "not_seen":
            continue
        everything = set().union(*(_seen(journey, i) for i in range(question.now + 1)))
        kind = question.about["kind"]
        low, high = question.truth.facts.number or (0, 0)
        assert low <= sum(kind_of(n) == kind for n in everything) <= high


def test_the_nearer_of_two_is_the_nearer_one() -> None:
    for journey, _, question in _questions("nearer"):
        pose = journey.views[question.now].pose
        here = complex(pose.x, pose.y)
        far = {n: abs(complex(*journey.objects[n]) - here) for n in question.truth.subjects}
        assert question.truth.facts.names == {min(far, key=lambda n: far[n])}


def test_turns_in_a_row_count_once() -> None:
    for journey, _, question in _questions("turns_side"):
        wanted = f"rotate {question.about['side']}"
        steps = journey.steps[: journey.views[question.now].step + 1]
        times = sum(
            s.action.value == wanted and (i == 0 or steps[i - 1].action.value != wanted)
            for i, s in enumerate(steps)
        )
        low, high = question.truth.facts.number or (0, 0)
        assert low <= times <= high


def test_absent_things_are_not_there_under_any_name() -> None:
    count = 0
    for journey, _, question in _questions():
        if question.family != "absent":
            continue
        count += 1
        assert question.truth.status == "not_seen"
        asked = question.truth.subjects[0]
        assert not any(related(asked, kind_of(name)) for name in journey.objects)
        match = thing_pattern().search(question.text.lower())
        assert match is not None
        assert kind_meant(match.group("kind")) == asked
    assert count > 30


def test_wrong_colours_are_wrong() -> None:
    for journey, _, question in _questions():
        if question.family != "wrong_colour":
            continue
        colour = question.about.get("asked_colour") or question.about["colour"]
        name = f"{colour} {question.about['kind']}"
        assert name not in journey.objects
        assert any(kind_of(other) == question.about["kind"] for other in journey.objects)
        assert colour in {colour_of(other) for other in journey.objects}


def test_questions_name_what_they_are_about() -> None:
    for _, _, question in _questions("which_way", "colour", "last_where", "existence"):
        match = thing_pattern().search(question.text.lower())
        assert match is not None, question.text
        assert kind_meant(match.group("kind")) == question.about["kind"]


# ---- What the notes make of it


def test_status_follows_from_whether_the_notes_settle_a_question() -> None:
    statuses = Counter()
    for _, deltas, question in _questions():
        truth = question.truth
        statuses[truth.status] += 1
        if truth.status == "answered":
            assert truth.derivable
            assert truth.facts.asked
        if truth.status == "cannot_tell":
            assert not truth.derivable
        held = {m.name for d in deltas[: question.now + 1] for m in d.mentions}
        assert truth.memory == held
        noted_ids = {d.keyframe_id for d in deltas[: question.now + 1]}
        assert set(truth.evidence) <= noted_ids
    assert set(statuses) == {"answered", "not_seen", "cannot_tell", "out_of_scope"}
    assert statuses["cannot_tell"] >= 0.05 * sum(statuses.values())


def test_notes_that_lack_a_thing_leave_it_not_seen_and_not_derivable() -> None:
    count = 0
    for journey, deltas, question in _questions("which_way", "colour", "existence"):
        if question.truth.status != "answered":
            continue
        kind = question.about["kind"]
        poorer = [
            Delta(d.keyframe_id, d.action, d.angle_deg,
                  tuple(m for m in d.mentions if kind_of(m.name) != kind))
            for d in deltas
        ]  # fmt: skip
        seen_anew = from_notes(question, Standpoint(journey, poorer, question.now)).truth
        assert (seen_anew.status, seen_anew.derivable) == ("not_seen", False)
        assert seen_anew.settled
        assert seen_anew.facts == question.truth.facts
        count += 1
    assert count > 50


def test_where_notes_mislead_caution_is_as_good_as_an_answer() -> None:
    journey, deltas, question = next(
        case for case in _questions("colour") if case[2].truth.status == "answered"
    )
    name = question.truth.subjects[0]
    other = f"mauve {kind_of(name)}"
    misread = [
        Delta(d.keyframe_id, d.action, d.angle_deg,
              tuple(Mention(other if m.name == name else m.name, m.direction, m.distance)
                    for m in d.mentions))
        for d in deltas
    ]  # fmt: skip
    truth = from_notes(question, Standpoint(journey, misread, question.now)).truth
    assert (truth.status, truth.derivable, truth.settled) == ("answered", False, True)
    assert truth.accepted == {"cannot_tell"}


def test_moves_of_unknown_length_blur_where_a_thing_is_and_a_turn_does_not() -> None:
    journey, _, _ = _cases()[0]
    first = Delta(0, None, None, (Mention("red sofa", "front-left", "mid"),))
    moves = [Delta(1 + i, (Action.MOVE_FORWARD, Action.MOVE_LEFT)[i % 2]) for i in range(6)]
    turn = Delta(1, Action.ROTATE_LEFT, 90.0)
    blurred, turned = (
        cloud_of(Standpoint(journey, [first, *later], len(later)), "red sofa")
        for later in (moves, [turn])
    )
    assert blurred is not None
    assert turned is not None
    assert turned.best()[0] == "right"
    assert agreement(turned.best()[1]) is True
    assert agreement(blurred.best()[1]) is not True


# ---- Forms on paper


def test_the_same_seed_gives_the_same_questions() -> None:
    journey, deltas, _ = _cases()[0]
    again = [free_questions(journey, deltas, np.random.default_rng(11), count=50) for _ in range(2)]
    assert again[0] == again[1]
    assert len(again[0]) == 50


def test_questions_survive_json() -> None:
    for _, _, question in _questions():
        assert from_json(json.loads(json.dumps(to_json(question)))) == question


def test_no_question_is_asked_twice() -> None:
    for _, _, questions in _cases():
        keys = [
            (q.form, q.now, q.text if q.form == "out_of_scope" else repr(q.about))
            for q in questions
        ]
        assert len(set(keys)) == len(keys)
