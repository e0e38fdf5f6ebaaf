"""The HTTP API of facts: noting and listing them.

Out of scope: access control (`guard`), which values are noted (`embodied_agent.agent`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

from fastapi import APIRouter, Query, Request

from embodied_agent.interfaces.web.api import Parts, error_replies
from embodied_agent.interfaces.web.objects_api import sender_of
from embodied_agent.interfaces.wire.facts import (
    FactReply,
    FactRequest,
    FactsReply,
    fact_reply,
    facts_reply,
)
from embodied_agent.settings.facts import MAX_FACT_NAME

_INT64 = 2**63 - 1
#: Most values in one reply.
MOST = 1_000

Stamp = Annotated[int | None, Query(ge=-_INT64, le=_INT64)]


def make_facts_router(parts: Callable[[], Parts]) -> APIRouter:
    """The routes; ``parts`` returns what they use, once the app has started."""
    router = APIRouter(prefix="/api")

    @router.get("/facts", responses=error_replies())
    def facts(
        name: Annotated[
            str, Query(max_length=MAX_FACT_NAME, description="only values of this fact")
        ] = "",
        from_ns: Stamp = None,
        to_ns: Stamp = None,
        limit: Annotated[int, Query(ge=1, le=MOST)] = 100,
    ) -> FactsReply:
        """The latest value of each fact, by name; with a name or a time, all values that were
        noted, the last noted first."""
        facts = parts().agent.facts(name.strip() or None, from_ns=from_ns, to_ns=to_ns, limit=limit)
        return facts_reply(facts)

    @router.post("/facts", responses=error_replies(400, 413))
    def note(body: FactRequest, request: Request) -> FactReply:
        """Note a value. A value that does not change is noted again only after `facts.repeat_s`,
        and one that changes at most every `facts.min_interval_s`; the latest is not lost."""
        by = body.by.strip() or sender_of(request)
        return fact_reply(parts().agent.note(body.name, body.value, body.stamp_ns, by=by))

    return router
