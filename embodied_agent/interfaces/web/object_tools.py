"""MCP tools about objects and facts: where things are, where to see them from, corrections by
people, and noted values.

Out of scope: all other tools (`assistant`), the same over HTTP (`objects_api`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Annotated, Any, TypeVar

from mcp.server import MCPServer
from mcp.server.mcpserver import Context
from mcp.server.mcpserver.exceptions import ToolError
from mcp_types import ToolAnnotations
from pydantic import Field, ValidationError
from starlette.requests import Request

from embodied_agent.errors import AgentError
from embodied_agent.interfaces.web.api import Parts
from embodied_agent.interfaces.web.objects_api import sender_of
from embodied_agent.interfaces.wire.corrections import (
    CorrectionReply,
    CorrectionRequest,
    correction_reply,
)
from embodied_agent.interfaces.wire.facts import FactsReply, facts_reply
from embodied_agent.interfaces.wire.models import GoalReply
from embodied_agent.interfaces.wire.objects import ObjectsReply, goal_reply, objects_reply
from embodied_agent.interfaces.wire.refusals import field_errors
from embodied_agent.object_records import CorrectionKind

T = TypeVar("T")

_READS = ToolAnnotations(read_only_hint=True, open_world_hint=False)
_CHANGES = ToolAnnotations(read_only_hint=False, destructive_hint=True, open_world_hint=False)
_ID = Field(ge=0, le=2**63 - 1)


class LocateReply(ObjectsReply):
    """Where things are, best first. ``goal`` is where to stand to see the first of them, null
    where no such pose is known."""

    goal: GoalReply | None


def add_object_tools(server: MCPServer[Any], parts: Callable[[], Parts]) -> None:
    """Add the tools; ``parts`` returns what they use, once the app has started."""

    @server.tool(annotations=_READS)
    async def objects(
        name: Annotated[
            str, Field(description="only objects that this means; empty: all", max_length=200)
        ] = "",
        limit: Annotated[int, Field(ge=1, le=200)] = 50,
    ) -> ObjectsReply:
        """What the robot knows of objects: name, position in metres with its uncertainty, when each
        was first and last seen, in how many keyframes, and which ones show it.

        An object with `gone_since_ns` was not there when it should have been in view. Positions of
        different map sessions can't be compared."""
        agent = parts().agent

        def read() -> ObjectsReply:
            objects = agent.objects(name.strip() or None, limit=limit)
            return objects_reply(objects, agent.map_sessions())

        return await _told(read)

    @server.tool(annotations=_READS)
    async def locate(
        name: Annotated[str, Field(description="what to look for", min_length=1, max_length=200)],
        limit: Annotated[int, Field(ge=1, le=50)] = 5,
    ) -> LocateReply:
        """Where something is, best match first, and a pose from which the robot can see it.

        No objects means that no position of such a thing is known; it may have been seen all the
        same (`recall`, `ask`)."""
        agent = parts().agent

        def read() -> LocateReply:
            objects = agent.locate(name, limit=limit)
            goal = agent.goal(objects[0].id) if objects else None
            reply = objects_reply(objects, agent.map_sessions())
            return LocateReply(
                objects=reply.objects,
                sessions=reply.sessions,
                goal=None if goal is None else goal_reply(goal),
            )

        return await _told(read)

    @server.tool(annotations=_READS)
    async def facts(
        name: Annotated[
            str, Field(description="all values of this fact; empty: the latest of each")
        ] = "",
        limit: Annotated[int, Field(ge=1, le=200)] = 50,
    ) -> FactsReply:
        """Values with a stamp that were noted beside what the robot saw, such as the level of its
        battery, its mode or its GPS fix: the latest of each, or with a name the last ones of it."""
        agent = parts().agent
        return await _told(lambda: facts_reply(agent.facts(name.strip() or None, limit=limit)))

    @server.tool(annotations=_CHANGES)
    async def correct(
        ctx: Context[Any, Any],
        kind: Annotated[CorrectionKind, Field(description="what to do")],
        object_id: Annotated[int, _ID],
        by: Annotated[
            str, Field(description="the person who says so", min_length=1, max_length=200)
        ],
        text: Annotated[
            str, Field(description="relabel: the new name; annotate: the note", max_length=2000)
        ] = "",
        other_id: Annotated[
            int | None, Field(ge=0, le=2**63 - 1, description="merge: the same object")
        ] = None,
        keyframes: Annotated[
            list[int] | None,
            Field(description="split: keyframes that show another object", max_length=10_000),
        ] = None,
    ) -> CorrectionReply:
        """Note what a person says about an object: forget it, relabel it, merge it with another,
        split it, or annotate it. Forgetting removes it for good, with the pictures that show it:
        do it only when the person asked for that."""
        try:
            request = CorrectionRequest(
                kind=kind,
                by=by,
                object_id=object_id,
                other_id=other_id,
                text=text,
                keyframes=keyframes or [],
            )
        except ValidationError as error:
            raise ToolError(field_errors(error.errors())) from error
        sender = ctx.request_context.request
        name = sender_of(sender) if isinstance(sender, Request) else "an assistant"
        agent = parts().agent
        return await _told(lambda: correction_reply(agent.correct(request.to_correction(name))))


async def _told(read: Callable[[], T]) -> T:
    """What ``read``, called on a worker thread, returns; `AgentError`s are reported to the
    assistant."""
    try:
        return await asyncio.to_thread(read)
    except AgentError as error:
        raise ToolError(str(error)) from error
