"""A reasoner's answers with an empty memory, from the question alone.

Out of scope: a classifier trained for that (`classifier`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from embodied_agent.errors import ReplyError
from embodied_agent.reasoning.answer import parse_answer
from embodied_agent.records import Delta, Question
from training.episodes.rows import prompt_of
from training.evaluation.answering import open_model
from training.shortcuts.sample import Shown

#: The memory of an agent that has seen nothing.
NOTHING = (Delta(0, None),)


def blind_guesses(
    model: str, questions: Sequence[Shown], *, on_progress: Callable[[int], None] = lambda _: None
) -> list[int]:
    """The index of the model's answer to each question; −1 if it gives none.

    Args:
        model: ``builtin``, a checkpoint folder, or the address of an OpenAI-compatible server.
        questions: of any types.
        on_progress: called with the number of further answers.

    Raises:
        ModelError: the model can't be used, or stopped responding.
    """
    answerer, style = open_model(model)
    prompt_style = "full" if style == "full" else "compact"
    prompts = [prompt_of(NOTHING, Question(q.text, q.choices), prompt_style) for q in questions]
    replies = answerer.replies(prompts, max_tokens=256, on_progress=on_progress)
    indices = []
    for question, reply in zip(questions, replies, strict=True):
        try:
            answer = parse_answer(reply.text, question.choices).text
            indices.append(question.choices.index(answer))
        except (ReplyError, ValueError):
            indices.append(-1)
    return indices
