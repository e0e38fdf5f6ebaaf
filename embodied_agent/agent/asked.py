"""From a question as people ask it to an answer that is stored in the memory.

A standing question is stored instead of answered. Objects add a goal, or that a thing is gone.

Out of scope: perceiving and answering (`ask_flow`), many clients (`question_queue`).
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence

from embodied_agent.agent.alerts import StandingQuestions
from embodied_agent.agent.answerer import check_question
from embodied_agent.agent.ask_flow import AskFlow
from embodied_agent.agent.object_answers import with_objects
from embodied_agent.agent.object_memory import ObjectMemory
from embodied_agent.errors import QuestionError, StoreError
from embodied_agent.memory.store import Store
from embodied_agent.records import Answer, Question


def as_question(
    question: Question | str,
    choices: Sequence[str],
    at_ns: int | None,
    timeout_s: float | None,
    default_s: float,
) -> Question:
    """The question that `Agent.ask` is called with; ``default_s`` is its time-out, in seconds,
    where it has none.

    Raises:
        QuestionError: it can't be used, or a `Question` came with further arguments.
    """
    if isinstance(question, str):
        if isinstance(choices, str):
            raise QuestionError(f"choices must be a list of texts, not the text {choices!r}")
        question = Question(
            question,
            tuple(choices),
            at_ns=at_ns,
            timeout_s=default_s if timeout_s is None else timeout_s,
        )
    elif choices or at_ns is not None or timeout_s is not None:
        raise QuestionError(
            "a Question holds its choices, at_ns and timeout_s itself: set them there, or ask "
            "with plain text"
        )
    check_question(question)
    return question


class Asked:
    """Answers questions, from any thread, and stores the answers.

    Args:
        store: the memory.
        flow: answers everything except standing questions.
        standing: stores standing questions.
        objects: the memory's objects.
        on_error: told of objects that can't be read, and of an answer that can't be stored.

    Attributes:
        count: how many questions were asked.
        problems: how many of them ended in a problem.
    """

    def __init__(
        self,
        store: Store,
        flow: AskFlow,
        standing: StandingQuestions,
        objects: ObjectMemory,
        on_error: Callable[[Exception], None],
    ) -> None:
        self._store = store
        self._flow = flow
        self._standing = standing
        self._objects = objects
        self._on_error = on_error
        self.count = 0
        self.problems = 0

    def stream(self, question: Question) -> Generator[str | Answer, None, None]:
        """Pieces of the reply as they come, and the answer at the end.

        Closing the generator stops the model at once.
        """
        self.count += 1
        answer = self._standing.promised(question)
        if answer is None:
            answer = yield from self._flow.stream(question)
            try:
                answer = with_objects(answer, question, self._objects, self._store)
            except StoreError as error:
                self._on_error(error)  # the answer stands without them
        if not self._store.read_only:
            try:
                self._store.save_answer(question, answer)
            except StoreError as error:
                self._on_error(error)
        self.problems += bool(answer.problem)
        yield answer
