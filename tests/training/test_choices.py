"""Measured answers to questions with choices go the way that the agent's go."""

from __future__ import annotations

from collections.abc import Sequence

from embodied_agent.reasoning.answer import ParsedAnswer, parse_answer
from embodied_agent.reasoning.base import Prompt
from embodied_agent.records import Action, Delta, Mention, Question
from embodied_agent.settings import load_settings
from training.evaluate_notes_check import Row, figures
from training.evaluation.choices import Reply, replies_to

NOTES = (
    Delta(0, None, None, (Mention("green sofa", "front", "far"),)),
    Delta(1, Action.ROTATE_LEFT, 90.0, (Mention("red lamp", "front", "near"),)),
    Delta(2, Action.MOVE_FORWARD),
)
UNTOLD = "The memory does not tell"
SETTLED = Question("Where is the green sofa now?", ("left", UNTOLD, "right", "front"))
OPEN = Question("Where is the red lamp now?", ("front-left", "front", "back", UNTOLD))
FORCED = Question(OPEN.text, OPEN.choices[:3])
UNREAD = Question("Which one is made of wood?", ("green sofa", "red lamp", UNTOLD))


class Chooser:
    """Chooses the first of these answers that a prompt offers; keeps what was offered."""

    def __init__(self, *answers: str) -> None:
        self.answers = answers
        self.offered: list[tuple[str, ...]] = []

    def __call__(self, prompts: Sequence[Prompt]) -> list[ParsedAnswer | None]:
        self.offered += [prompt.choices for prompt in prompts]
        chosen = [next(a for a in self.answers if a in prompt.choices) for prompt in prompts]
        return [
            parse_answer(f"<think>so</think><answer>{answer}</answer>", prompt.choices)
            for answer, prompt in zip(chosen, prompts, strict=True)
        ]


def test_the_notes_are_asked_as_the_agent_asks_them() -> None:
    chooser = Chooser(UNTOLD, "right", "front")
    asked = [(NOTES, question) for question in (SETTLED, OPEN, FORCED, UNREAD)]
    settings = load_settings(reasoning__notes_decide=False)
    replies = replies_to(settings, chooser, asked, check=True)
    assert replies == [
        Reply("B", "C", True),  # asked again without "the memory does not tell"
        Reply("D", "D", True),
        Reply("B", None, True),  # left open, and nothing to choose that says so
        Reply("C", "C", True),
    ]
    assert chooser.offered[4:] == [("left", "right", "front")]


def test_where_the_notes_settle_it_they_decide_as_the_agent_lets_them() -> None:
    chooser = Chooser(UNTOLD, "right", "front")
    asked = [(NOTES, question) for question in (SETTLED, OPEN, FORCED, UNREAD)]
    replies = replies_to(load_settings(), chooser, asked, check=True)
    assert [reply.choice for reply in replies] == ["C", "D", None, "C"]
    assert replies[0].alone == "B"
    assert len(chooser.offered) == 4


def test_without_the_check_the_reasoners_choice_stands() -> None:
    chooser = Chooser(UNTOLD, "front")
    asked = [(NOTES, question) for question in (SETTLED, OPEN, FORCED)]
    replies = replies_to(load_settings(), chooser, asked, check=False)
    assert [reply.choice for reply in replies] == ["B", "D", "B"]
    assert len(chooser.offered) == 3


def test_refusals_and_admissions_are_counted_apart() -> None:
    rows = [
        Row("A", "B", True, "B", "A"),
        Row("A", None, True, "A", None),
        Row("C", "C", False, "A", "C"),
        Row("A", None, False, "A", "A"),
    ]
    assert figures(rows, "alone") == ("50.0 of 4", "50.0 of 2", "50.0 of 2", "0.0 of 1")
    assert figures(rows, "checked") == ("75.0 of 4", "50.0 of 2", "50.0 of 2", "100.0 of 1")
