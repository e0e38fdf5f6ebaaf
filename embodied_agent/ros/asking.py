"""Questions over ROS: the service ``~/ask`` and the action ``~/reason``.

Both go through the queue that all interfaces share, and wait as coroutines, so that a slow model
does not block the executor. A question without an answer gets a reply that says why.

Out of scope: turns, time-outs and cancelling (`embodied_agent.agent.question_queue`), the memory's
services (`remembering`).
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from embodied_agent_interfaces.action import Reason
from embodied_agent_interfaces.srv import Ask
from rclpy.action import ActionServer, CancelResponse, GoalResponse
from rclpy.callback_groups import ReentrantCallbackGroup
from rclpy.qos import QoSProfile

from embodied_agent import records
from embodied_agent.agent.answerer import check_question
from embodied_agent.agent.question_queue import QuestionQueue, QueuedQuestion, QueueListener
from embodied_agent.errors import Busy, QuestionError
from embodied_agent.ros.messages import clean, to_problem, to_question
from embodied_agent.ros.pieces import Part, Untagged
from embodied_agent.ros.waiting import GONE, SERVICE_QOS, Pending, result_of

#: Feedback is sent at most this often per goal, in seconds; pieces in between are put together.
_FEEDBACK_S = 0.05


class AskServers:
    """The service and the action of one configured node.

    Args:
        node: serves.
        questions: takes them.
        timeout_s: called for the time-out of questions that name none.
        refusal: called for why nothing can be asked now; empty when it can.
        warn: told (kind, message) of goals that are rejected.
        to_message: makes an Answer message of an answer.
    """

    def __init__(
        self,
        node: Any,
        questions: QuestionQueue,
        *,
        timeout_s: Callable[[], float],
        refusal: Callable[[], str],
        warn: Callable[[str, str], object],
        to_message: Callable[[records.Answer], Any],
    ) -> None:
        self._node = node
        self._warn = warn
        self._to_message = to_message
        self._questions = questions
        self._timeout_s = timeout_s
        self._refusal = refusal
        self._goals: dict[bytes, QueuedQuestion] = {}
        self.pending = Pending()
        self.last_latency_s: float | None = None
        self._stop_listening = questions.listen(QueueListener(on_answer=self._note))
        group = ReentrantCallbackGroup()
        self._service = node.create_service(
            Ask, "~/ask", self._ask, qos_profile=SERVICE_QOS, callback_group=group
        )
        self._action = ActionServer(
            node,
            Reason,
            "~/reason",
            self._reason,
            goal_callback=self._check_goal,
            cancel_callback=self._cancel,
            callback_group=group,
            goal_service_qos_profile=SERVICE_QOS,
            result_service_qos_profile=SERVICE_QOS,
            cancel_service_qos_profile=SERVICE_QOS,
            feedback_pub_qos_profile=QoSProfile(depth=100),
        )

    def close(self) -> None:
        """Stop listening; the queue is already closed, and has answered all waiting clients."""
        self._stop_listening()

    def destroy(self) -> None:
        """Remove the service and the action, once nobody waits any more."""
        self._node.destroy_service(self._service)
        self._action.destroy()

    def _note(self, _: QueuedQuestion, answer: records.Answer) -> None:
        if "total" in answer.latency_s:
            self.last_latency_s = answer.latency_s["total"]

    def _submit(self, request: Any, on_piece: Callable[[str], None] | None) -> QueuedQuestion | str:
        """The queued question, or why it was refused."""
        refusal = self._refusal()
        if refusal:
            return refusal
        try:
            question = to_question(request, self._timeout_s())
            return self._questions.submit(question, client="ros", on_piece=on_piece)
        except (QuestionError, Busy) as error:
            return str(error)

    async def _answer(self, queued: QueuedQuestion) -> records.Answer:
        answer = await result_of(self._node.executor, queued.answer)
        assert answer is not None  # without a time-out there is an answer
        return answer

    async def _ask(self, request: Any, response: Any) -> Any:
        with self.pending:
            queued = self._submit(request, None)
            if isinstance(queued, str):
                response.answer = to_problem(queued)
                return response
            answer = await self._answer(queued)
            response.success = not answer.problem
            response.answer = self._to_message(answer)
            return response

    def _check_goal(self, request: Any) -> GoalResponse:
        """Reject what can't be asked; ROS gives the client no reason, so the log does."""
        problem = self._refusal()
        if not problem:
            try:
                check_question(to_question(request, self._timeout_s()))
            except QuestionError as error:
                problem = str(error)
        if problem:
            self._warn("rejected_goal", f"a goal of ~/reason is rejected: {problem}")
        return GoalResponse.REJECT if problem else GoalResponse.ACCEPT

    def _cancel(self, goal: Any) -> CancelResponse:
        queued = self._goals.get(bytes(goal.goal_id.uuid))
        if queued is not None:
            queued.cancel()
        return CancelResponse.ACCEPT

    async def _reason(self, goal: Any) -> Any:
        with self.pending:
            feedback = _Feedback(goal)
            queued = self._submit(goal.request, feedback.add)
            if isinstance(queued, str):
                goal.abort()
                return Reason.Result(answer=to_problem(queued))
            number = bytes(goal.goal_id.uuid)
            self._goals[number] = queued
            try:
                if goal.is_cancel_requested:  # before there was a question to cancel
                    queued.cancel()
                answer = await self._answer(queued)
            finally:
                del self._goals[number]
            feedback.end()
            if goal.is_cancel_requested:
                goal.canceled()
            elif answer.status == "failed":
                goal.abort()
            else:
                goal.succeed()
            return Reason.Result(answer=self._to_message(answer))


class _Feedback:
    """Sends pieces of a reply as feedback, a few at a time and without tags."""

    def __init__(self, goal: Any) -> None:
        self._goal = goal
        self._untagged = Untagged()
        self._part = Part("", answer=False)
        self._sent_s = 0.0

    def add(self, piece: str) -> None:
        """The next piece."""
        self._take(self._untagged.add(piece))
        if time.monotonic() - self._sent_s >= _FEEDBACK_S:
            self._send()

    def end(self) -> None:
        """The reply is over."""
        self._take(self._untagged.end())
        self._send()

    def _take(self, parts: list[Part]) -> None:
        for part in parts:
            if part.answer != self._part.answer:
                self._send()
            self._part = Part(self._part.text + part.text, part.answer)

    def _send(self) -> None:
        part, self._part = self._part, self._part._replace(text="")
        self._sent_s = time.monotonic()
        if part.text:
            # The node may have been cleaned up in the middle of a reply.
            with suppress(*GONE):
                self._goal.publish_feedback(
                    Reason.Feedback(text=clean(part.text), is_answer=part.answer)
                )
