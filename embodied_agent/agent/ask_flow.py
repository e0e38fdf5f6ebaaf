"""The path of one question: the moment that it is about is perceived first, then it is answered.

Waiting for perception takes only part of the question's time. The answer's notice says what it
could not take into account, and its problem says what failed.

Out of scope: which moment a question is about (`inlet`), perceiving (`perception_workers`), how
memory and question become an answer (`answerer`).
"""

from __future__ import annotations

import time
from collections.abc import Generator
from dataclasses import replace

from embodied_agent.agent.answerer import Answerer
from embodied_agent.agent.inlet import Inlet, Moment
from embodied_agent.agent.perception_workers import PerceptionWorkers, View
from embodied_agent.errors import DecodeError, ModelError, StoreError
from embodied_agent.memory.store import Store
from embodied_agent.records import Answer, Question


class AskFlow:
    """Takes one question after another, from any thread.

    Args:
        store: the memory.
        perception: perceives pending keyframes; ``None`` for a memory opened read-only.
        answerer: makes the answer.
        inlet: knows the moment that a question is about, and whether frames can be stored.
    """

    def __init__(
        self,
        store: Store,
        perception: PerceptionWorkers | None,
        answerer: Answerer,
        inlet: Inlet,
    ) -> None:
        self._store = store
        self._perception = perception
        self._answerer = answerer
        self._inlet = inlet

    def stream(self, question: Question) -> Generator[str, None, Answer]:
        """Yield pieces of the reply as they come, and return the answer.

        Closing the generator stops the model at once.
        """
        started = time.monotonic()
        deadline = started + question.timeout_s
        answer = Answer(text="", question_id=question.id)
        try:
            moment = self._inlet.moment(question)
            if moment is None:
                answer = self._answerer.before_any_frame(question) or replace(
                    answer, status="failed", problem=_nothing_seen(question)
                )
            view = View()
            of_facts = self._answerer.asks_of_facts(question)
            if moment is not None and self._perception is not None and not of_facts:
                view = self._perception.look(moment.last_id, deadline - time.monotonic())
                if view.missing and not self._knows(moment, view):
                    answer = replace(
                        answer,
                        status="failed",
                        problem="what the camera saw was not perceived within "
                        f"{question.timeout_s:.3g} s: {view.reason}",
                    )
            waited_s = time.monotonic() - started
            if moment is not None and not answer.problem:
                pieces = self._answerer.stream(
                    question,
                    moment.segment,
                    moment.last_id,
                    deadline,
                    source=moment.source,
                    provisional=view.provisional,
                )
                for piece in pieces:
                    if isinstance(piece, Answer):
                        answer = piece
                    else:
                        yield piece
            return replace(
                answer,
                notice=" ".join(filter(None, [self._unstored(), _notice(view), answer.notice])),
                latency_s={
                    "perceive_wait": waited_s,
                    **answer.latency_s,
                    "total": time.monotonic() - started,
                },
            )
        except (ModelError, StoreError, DecodeError) as error:
            return replace(answer, text="", choice=None, status="failed", problem=str(error))

    def _unstored(self) -> str:
        problem = self._inlet.intake.store_problem
        if not problem:
            return ""
        return f"what the camera sees can't be stored ({problem}); this rests on what was before."

    def _knows(self, moment: Moment, view: View) -> bool:
        """Whether there is anything to answer from."""
        return view.provisional is not None or self._store.has_delta(
            until=moment.last_id, source=moment.source or None
        )


def _notice(view: View) -> str:
    """What an answer could not take into account; empty if it rests on all that was seen."""
    if not view.missing:
        return ""
    if view.provisional is None:
        gap = (
            f"the last {view.missing} keyframes have"
            if view.missing > 1
            else "the present view has"
        )
        return f"{gap} not been perceived yet ({view.reason}); this rests on what was seen before."
    between = view.missing - 1
    if not between:
        return ""
    gap = f"{between} keyframes" if between > 1 else "one keyframe"
    return (
        f"{gap} before the present view {'have' if between > 1 else 'has'} not been perceived yet "
        f"({view.reason}); this rests on the present view and on what was seen before them."
    )


def _nothing_seen(question: Question) -> str:
    if question.at_ns is not None:
        return f"nothing was seen up to stamp {question.at_ns} ns"
    return "nothing has been seen yet"
