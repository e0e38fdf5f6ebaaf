"""The reasoner's answers to questions with choices from given deltas, without an agent: alone, and
after the notes were asked whether they settle the question, as the agent asks them.

Out of scope: rules, gates and second looks (`embodied_agent.agent`), marks
(`training.evaluate_clips`).
"""

from __future__ import annotations

import string
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from embodied_agent.agent.notes_check import checked, without_untold
from embodied_agent.errors import ReplyError
from embodied_agent.reasoning.answer import ParsedAnswer, parse_answer
from embodied_agent.reasoning.base import Prompt, transcript_budget
from embodied_agent.reasoning.builtin import BuiltinReasoner
from embodied_agent.reasoning.prompts import build_prompt
from embodied_agent.reasoning.votes import elected
from embodied_agent.records import Delta, Question
from embodied_agent.rules import Notes
from embodied_agent.settings import Settings
from embodied_agent.transcript.recall import recall
from embodied_agent.transcript.text import Transcript
from training.evaluation.batched import BatchedModel


@dataclass(frozen=True, slots=True)
class Reply:
    """The letter that the reasoner chooses (``alone``), the one that is given out after the notes
    were asked whether they settle the question (``choice``), and whether the format was right."""

    alone: str | None
    choice: str | None
    well_formed: bool


#: Deltas to answer from, and a question.
Asked = tuple[Sequence[Delta], Question]


def replies_to(
    settings: Settings,
    reply: Callable[[Sequence[Prompt]], list[ParsedAnswer | None]],
    asked: Sequence[Asked],
    *,
    check: bool,
) -> list[Reply]:
    """What the reasoner answers from each of these deltas.

    Args:
        settings: of reasoning.
        reply: the replies to prompts; ``None`` where one can't be read.
        asked: what to answer.
        check: whether the notes are asked, as the agent asks them.
    """
    first = reply([_prompt(settings, *one) for one in asked])
    letters = [None if parsed is None else parsed.choice for parsed in first]
    given = list(letters)
    again: list[tuple[int, Question]] = []
    for number, (deltas, question) in enumerate(asked):
        found = checked(question, Notes(deltas)) if check else None
        if found is not None and found.is_open:
            given[number] = found.untold
        elif found is not None and settings.reasoning.notes_decide:
            given[number] = found.choice if letters[number] else None
        elif found is not None and found.refuses(letters[number]):
            again.append((number, without_untold(question, found)))
    second = reply([_prompt(settings, asked[number][0], question) for number, question in again])
    for (number, _), parsed in zip(again, second, strict=True):
        if parsed is not None:
            place = asked[number][1].choices.index(parsed.text)
            given[number] = string.ascii_uppercase[place]
    return [
        Reply(alone, choice, parsed is not None)
        for alone, choice, parsed in zip(letters, given, first, strict=True)
    ]


def one_by_one(
    reasoner: BuiltinReasoner, settings: Settings
) -> Callable[[Sequence[Prompt]], list[ParsedAnswer | None]]:
    """Replies with as many votes as ``settings`` want."""
    extra_votes = settings.reasoning.votes - 1

    def parsed(prompt: Prompt) -> ParsedAnswer | None:
        try:
            reply = "".join(reasoner.stream(prompt, timeout_s=120.0))
        except ReplyError as error:
            reply = error.reply
        samples = reasoner.sampled(prompt, extra_votes, timeout_s=120.0) if extra_votes else []
        try:
            return elected(reply, samples, prompt.choices).parsed
        except ReplyError:
            return None

    return lambda prompts: [parsed(prompt) for prompt in prompts]


def in_batches(model: BatchedModel) -> Callable[[Sequence[Prompt]], list[ParsedAnswer | None]]:
    """Replies without further votes, to many questions at once."""

    def parsed(text: str, prompt: Prompt) -> ParsedAnswer | None:
        try:
            return parse_answer(text, prompt.choices)
        except ReplyError:
            return None

    return lambda prompts: [
        parsed(reply.text, prompt)
        for reply, prompt in zip(model.replies(prompts), prompts, strict=True)
    ]


def _prompt(settings: Settings, deltas: Sequence[Delta], question: Question) -> Prompt:
    transcript = Transcript.of(deltas, transcript_budget(settings.reasoning)).text()
    return build_prompt("compact", transcript, recall(deltas, question)[0], question)
