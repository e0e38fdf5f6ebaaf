"""A reasoner's answers with an empty memory: what it makes of the question alone.

Out of scope: a classifier that is made for that (`classifier`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from embodied_agent.errors import ReplyError
from embodied_agent.reasoning.answer import parse_answer
from embodied_agent.records import Delta, Question
from training.episodes.rows import prompt_of
from training.evaluation.answering import open_model
from training.shortcuts.sample import Shown

#: What an agent has noted that has seen nothing.
NOTHING = (Delta(0, None),)


def blind_guesses(
    model: str, questions: Sequence[Shown], *, tell: Callable[[int], None] = lambda _: None
) -> list[int]:
    """The model's answer to each question, −1 where it gives none.

    Args:
        model: ``builtin``, a checkpoint folder, or the address of an OpenAI-compatible server.
        questions: of any types.
        tell: hears how many more are answered.

    Raises:
        ModelError: the model can't be used, or has gone.
    """
    answerer, style = open_model(model)
    wanted = "full" if style == "full" else "compact"
    prompts = [prompt_of(NOTHING, Question(q.text, q.choices), wanted) for q in questions]
    replies = answerer.replies(prompts, max_tokens=256, tell=tell)
    found = []
    for question, reply in zip(questions, replies, strict=True):
        try:
            said = parse_answer(reply.text, question.choices).text
            found.append(question.choices.index(said))
        except (ReplyError, ValueError):
            found.append(-1)
    return found
