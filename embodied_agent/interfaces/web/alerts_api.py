"""The HTTP API of standing questions: asking, withdrawing, and their alerts.

Live alerts are events of `/api/events`; the list here is for clients that were away.

Out of scope: access control (`guard`), when there is an alert (`embodied_agent.agent.alerts`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

from fastapi import APIRouter, HTTPException, Path, Query, Request

from embodied_agent.agent import Agent
from embodied_agent.errors import QuestionError
from embodied_agent.interfaces.web.api import Parts, error_replies
from embodied_agent.interfaces.web.objects_api import sender_of
from embodied_agent.interfaces.wire.standing import (
    AlertsReply,
    StandingQuestionReply,
    StandingQuestionRequest,
    StandingQuestionsReply,
    alert_reply,
    standing_reply,
)
from embodied_agent.object_records import StandingQuestion

_INT64 = 2**63 - 1


def make_alerts_router(parts: Callable[[], Parts]) -> APIRouter:
    """The routes; ``parts`` returns what they use, once the app has started."""
    router = APIRouter(prefix="/api")

    @router.get("/standing-questions", responses=error_replies())
    def questions() -> StandingQuestionsReply:
        """All standing questions, in the order in which they were asked."""
        return _all(parts().agent)

    @router.post("/standing-questions", responses=error_replies(400, 413))
    def ask(body: StandingQuestionRequest, request: Request) -> StandingQuestionReply:
        """Ask to be told when something comes into view, or is no longer there."""
        return standing_reply(asked(parts().agent, body, sender_of(request)))

    @router.delete("/standing-questions/{question_id}", responses=error_replies(404))
    def withdraw(question_id: Annotated[int, Path(ge=0, le=_INT64)]) -> StandingQuestionsReply:
        """Withdraw a standing question, but keep its alerts; returns the remaining ones."""
        agent = parts().agent
        if not agent.withdraw(question_id):
            raise HTTPException(404, f"there is no standing question {question_id}")
        return _all(agent)

    @router.get("/alerts", responses=error_replies())
    def alerts(
        since: Annotated[int, Query(ge=0, le=_INT64, description="ids from this one on")] = 0,
        limit: Annotated[int, Query(ge=1, le=500)] = 100,
        newest: Annotated[bool, Query(description="the newest instead of the oldest")] = False,
    ) -> AlertsReply:
        """The alerts of standing questions, in order of ids."""
        alerts = parts().agent.store.alerts.alerts(since=since, limit=limit, newest=newest)
        return AlertsReply(alerts=[alert_reply(alert) for alert in alerts])

    return router


def asked(agent: Agent, body: StandingQuestionRequest, by: str) -> StandingQuestion:
    """Ask the standing question in a request.

    Raises:
        QuestionError: it says nothing, says it twice, or can't be used.
        StoreError: the memory can't be written.
    """
    by = body.by.strip() or by
    if bool(body.text.strip()) == bool(body.name.strip()):
        raise QuestionError("a standing question needs either text or name")
    if body.name.strip():
        return agent.tell_when(
            StandingQuestion(
                body.name.strip(), body.event, by, place=body.place, webhook=body.webhook
            )
        )
    return agent.tell_when(body.text, by=by, webhook=body.webhook)


def _all(agent: Agent) -> StandingQuestionsReply:
    return StandingQuestionsReply(
        questions=[standing_reply(question) for question in agent.standing_questions()]
    )
