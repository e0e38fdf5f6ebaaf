"""Stand-ins: a model that knows few names reads prompts with any."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from embodied_agent.models.checkpoints import SHIPPED
from embodied_agent.models.prompting import Prompting, read_prompting, write_prompting
from embodied_agent.reasoning.base import Prompt
from embodied_agent.reasoning.builtin import BuiltinReasoner
from embodied_agent.reasoning.prompts import build_prompt
from embodied_agent.reasoning.stand_ins import (
    Restored,
    StandIns,
    stand_ins_for,
    stand_ins_for_judge,
)
from embodied_agent.reasoning.verify_builtin import BuiltinVerifier
from embodied_agent.records import Question
from embodied_agent.settings import ReasoningSettings
from sim_clips.splits import pairs_of
from training.reference import Reasoned, open_reference

KNOWN = ("blue lamp", "green door", "red sofa", "yellow plant")
TRANSCRIPT = (
    "#0 start: beige ottoman front mid; red sofa left far.\n"
    "#1 rotate left 30: Beige ottoman front-right mid; exit sign above the door front near. Dark.\n"
)


def prompt(text: str, *choices: str, transcript: str = TRANSCRIPT, recalled: str = "") -> Prompt:
    return build_prompt("compact", transcript, recalled, Question(text, choices))


def test_names_that_the_model_does_not_know_get_stand_ins_everywhere() -> None:
    asked = prompt(
        "Is the beige ottoman nearer than the red sofa?", "beige ottoman", "red sofa",
        recalled="#1 Beige ottoman front-right mid",
    )  # fmt: skip
    stand_ins = stand_ins_for(asked, KNOWN)
    assert set(stand_ins.of) == {"beige ottoman", "exit sign above the door"}
    assert set(stand_ins.of.values()) < set(KNOWN) - {"red sofa"}
    put = stand_ins.put(asked)
    assert "ottoman" not in put.transcript + put.task + "".join(put.choices)
    ottoman = stand_ins.of["beige ottoman"]
    assert put.transcript.count(f"{ottoman} front") == 2
    assert put.choices == (ottoman, "red sofa")
    assert "red sofa left far" in put.transcript
    assert " front near. Dark." in put.transcript


def test_a_known_name_is_never_two_things() -> None:
    # Whatever stands for the first thing, the real ones of that name get another.
    only = ("red sofa", "blue lamp", "green door")
    transcript = "#0 start: teapot front mid.\n#1 move forward: {} front mid; teapot left near.\n"
    first = stand_ins_for(prompt("?", transcript=transcript.format("kettle")), only).of["teapot"]
    asked = prompt(f"Where is the {first}?", transcript=transcript.format(first))
    stand_ins = stand_ins_for(asked, only)
    assert stand_ins.of["teapot"] == first
    assert stand_ins.of[first] != first
    put = stand_ins.put(asked)
    assert f"Where is the {stand_ins.of[first]}?" in put.task
    assert put.transcript.count(first) == 2
    # Nor where only the question names it.
    asked = prompt(f"Where is the {first}?", transcript="#0 start: teapot front mid.\n")
    put = stand_ins_for(asked, only).put(asked)
    assert put.transcript.split(": ")[1].removesuffix(" front mid.\n") not in put.task


def test_a_noun_alone_means_the_only_thing_of_that_noun() -> None:
    asked = prompt("Where is the ottoman now? What can you do?")
    stand_ins = stand_ins_for(asked, KNOWN)
    assert f"Where is the {stand_ins.of['beige ottoman']} now?" in stand_ins.put(asked).task
    two = "#0 start: beige ottoman front mid; grey ottoman left far.\n"
    asked = prompt("Where is the ottoman now?", transcript=two)
    assert "the ottoman" in stand_ins_for(asked, KNOWN).put(asked).task


def test_names_keep_their_stand_ins_as_the_transcript_grows() -> None:
    lines = [f"#{n} move forward: thing number {n} front far.\n" for n in range(30)]
    known = tuple(f"colour kind{chr(97 + n)}" for n in range(26))
    before = ""
    for count in range(1, 30):
        asked = prompt("Where?", transcript="".join(lines[:count]))
        put = stand_ins_for(asked, known).put(asked).transcript
        assert put.startswith(before)
        before = put
    assert "thing number 29" not in before
    assert "thing number 28 front" in before  # more names than stand-ins: these stay as they are


@given(st.text(alphabet="iIİıſsSßKk beſ-", min_size=1, max_size=12))
def test_letters_of_any_case_and_script_are_no_fault(name: str) -> None:
    asked = prompt(
        f"Where is the {name.upper()}, the {name.lower()} or the {name.title()}?", name,
        transcript=f"#0 start: {name} front mid; lift left far; kiosk right near.\n",
    )  # fmt: skip
    stand_ins = stand_ins_for(asked, KNOWN)
    put = stand_ins.put(asked)
    Restored(stand_ins).whole(put.task)


def test_without_a_list_of_names_nothing_changes() -> None:
    asked = prompt("Where is the beige ottoman?")
    assert stand_ins_for(asked, ()).put(asked) is asked
    assert Restored(stand_ins_for(asked, ())).push("the red sofa") == "the red sofa"


REPLY = "<think>the blue lamp #4 front mid = left 35 7\nblue lamps, blue la, red sofa.</think>"


@given(st.lists(st.integers(0, len(REPLY)), max_size=12))
def test_a_reply_gets_its_names_back_whatever_its_pieces(cuts: list[int]) -> None:
    stand_ins = StandIns({"grey kettle": "blue lamp"}, {"blue lamp": "Grey kettle"})
    ends = sorted({0, len(REPLY), *cuts})
    restored = Restored(stand_ins)
    said = "".join(restored.push(REPLY[a:b]) for a, b in pairwise(ends))
    whole = said + restored.flush()
    assert whole == Restored(stand_ins).whole(REPLY)
    assert whole == REPLY.replace("blue lamp #", "Grey kettle #")


def test_the_list_of_names_is_kept_in_the_models_folder(tmp_path: Path) -> None:
    for prompting in (Prompting("compact", "text", ("red sofa",)), Prompting("full", "letter")):
        write_prompting(tmp_path, prompting)
        assert read_prompting(tmp_path) == prompting


def test_the_shipped_reasoner_names_what_it_was_trained_on() -> None:
    prompting = read_prompting(SHIPPED / "reasoner")
    assert prompting is not None
    assert sorted(prompting.names) == sorted(pairs_of("house"))
    assert not set(prompting.names) & set(pairs_of("warehouse"))


@pytest.mark.models
def test_the_shipped_reasoner_answers_about_things_that_it_never_read_of() -> None:
    reasoner = BuiltinReasoner(ReasoningSettings())
    transcript = (
        "#0 start: beige ottoman front-left near.\n#1 rotate left 45: beige ottoman front near.\n"
        "#2 rotate left 90: nothing named.\n"
    )
    asked = prompt(
        "Where is the beige ottoman now?", "left", "right", "front",
        recalled="#0 beige ottoman front-left near; #1 beige ottoman front near",
        transcript=transcript,
    )  # fmt: skip
    reply = "".join(reasoner.stream(asked, timeout_s=60))
    assert reply.endswith("<answer>right</answer>")
    assert "the beige ottoman #1 front near" in reply
    assert reasoner.read_ahead(asked)
    sampled = reasoner.sampled(asked, 2, timeout_s=60)
    assert all("beige ottoman" in reply for reply in sampled)


def test_names_without_a_place_are_found_among_the_choices() -> None:
    noted = "#0 start: teapot; exit sign. The teapot steams.\n"
    asked = prompt(
        "Which came first?", "teapot, exit sign", "move forward", "The memory does not tell",
        transcript=noted,
    )  # fmt: skip
    stand_ins = stand_ins_for(asked, KNOWN)
    assert set(stand_ins.of) == {"teapot", "exit sign"}
    assert stand_ins.put(asked).choices[1:] == ("move forward", "The memory does not tell")


@pytest.mark.parametrize(
    ("question", "choices", "reasoning"),
    [
        (
            "Where is the beige ottoman now?",
            ("left", "right", "The memory does not tell"),
            "the beige ottoman #4 front far = front 0 12\n#5 rotate left 90 = right 90 12\nright.",
        ),
        (
            "Which of them is nearest: the tin kettle or the beige ottoman?",
            ("tin kettle", "beige ottoman"),
            "the tin kettle #4 front far = front 0 12\nthe beige ottoman #4 left near = left 90 4\n"
            "nearest beige ottoman.",
        ),
        (
            "Put these in the order of their first appearance: tin kettle, beige ottoman.",
            ("tin kettle, beige ottoman", "beige ottoman, tin kettle"),
            "first #0 beige ottoman, #3 tin kettle.",
        ),
    ],
)
def test_a_judge_reads_names_in_a_reasoning(
    question: str, choices: tuple[str, ...], reasoning: str
) -> None:
    asked = Question(question, choices)
    stand_ins, put, text = stand_ins_for_judge(asked, reasoning, KNOWN)
    together = " ".join((put.text, text, *put.choices))
    assert "ottoman" not in together
    assert "kettle" not in together
    assert Restored(stand_ins).whole(text) == reasoning
    assert [Restored(stand_ins).whole(choice) for choice in put.choices] == list(choices)


@pytest.mark.parametrize("said", ["#18 rotate left.", "#3 move right\n#2 move forward."])
def test_actions_are_no_things(said: str) -> None:
    asked = Question("Which action undoes your last one?", ("rotate right", "move left"))
    assert stand_ins_for_judge(asked, said, KNOWN)[1:] == (asked, said)


def judge_names() -> tuple[str, ...]:
    prompting = read_prompting(SHIPPED / "judge")
    assert prompting is not None
    return prompting.names


@pytest.mark.models
def test_the_shipped_judge_follows_reasonings_about_things_that_it_never_read_of() -> None:
    judge = open_reference("builtin")
    question, choices = "Where is the beige ottoman now?", ("left", "right", "front")
    items = [
        Reasoned(
            question, choices,
            f"the beige ottoman #4 front far = front 0 12\n#5 rotate {turn} 90 = {side} 90 12\n"
            f"{side}.",
        )
        for turn, side in (("left", "right"), ("right", "left"))
    ]  # fmt: skip
    assert judge.answers(items) == ["right", "left"]
    nearest = Reasoned(
        "Which is nearest?", ("tin kettle", "beige ottoman"), "the tin kettle #4 front far = front "
        "0 12\nthe beige ottoman #4 left near = left 90 4\nnearest beige ottoman."
    )  # fmt: skip
    assert judge.answers([nearest]) == ["beige ottoman"]
    # A name that stands for another one is still itself among the choices that are given back.
    stand_in = stand_ins_for_judge(Question("?"), nearest.reasoning, judge_names())[0].of[
        "beige ottoman"
    ]
    swapped = Reasoned(
        nearest.question, ("beige ottoman", stand_in),
        f"the beige ottoman #4 front far = front 0 12\nthe {stand_in} #4 left near = left 90 4\n"
        f"nearest {stand_in}.",
    )  # fmt: skip
    assert judge.answers([swapped]) == [stand_in]
    verifier = BuiltinVerifier(ReasoningSettings())
    verdict = verifier.verify(
        Question(nearest.question, nearest.choices), nearest.reasoning, "beige ottoman",
        timeout_s=60,
    )  # fmt: skip
    assert verdict.consistency > 0.5
