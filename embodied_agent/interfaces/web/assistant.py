"""MCP: the robot's memory for AI assistants, through the official SDK.

The tools are ``ask``, ``recall``, ``look`` (a keyframe's picture), ``status`` and those about
objects (`object_tools`); the resources hold the recent deltas. Each call takes the same path as
over HTTP, through the same question queue.

There are no sessions: requests are independent.

Out of scope: the transport (the SDK's), access control
(`embodied_agent.interfaces.web.guard`).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Annotated, Any

from mcp import MCPError
from mcp.server import MCPServer
from mcp.server.mcpserver import Context, Image
from mcp.server.mcpserver.exceptions import ResourceNotFoundError, ToolError
from mcp_types import INVALID_PARAMS, GetPromptResult, ToolAnnotations
from pydantic import Field, ValidationError
from starlette.requests import Request

from embodied_agent.agent.turns import client_name
from embodied_agent.errors import AgentError
from embodied_agent.interfaces.web.api import Parts
from embodied_agent.interfaces.web.limits import turn_of
from embodied_agent.interfaces.web.object_tools import add_object_tools
from embodied_agent.interfaces.wire.from_records import (
    answer_reply,
    delta_reply,
    hit_reply,
)
from embodied_agent.interfaces.wire.models import (
    AnswerReply,
    AskRequest,
    RecallReply,
    StatusReply,
)
from embodied_agent.interfaces.wire.refusals import field_errors
from embodied_agent.transcript.text import entry_text

#: Number of deltas in the resource of recent ones.
RECENT = 50
_INSTRUCTIONS = (
    "The memory of a robot's camera: keyframes in order of time, and for each what changed since "
    "the one before. `ask` lets the robot's own reasoner answer a question about space and order; "
    "`recall` searches; `look` shows a keyframe's picture by its id, which answers cite. `objects` "
    "lists what is where, `locate` finds it by name, and `correct` notes what a person says of it."
)
_READS = ToolAnnotations(read_only_hint=True, open_world_hint=False)


class _Assistant(MCPServer[Any]):
    """The SDK's server without prompts. The SDK would log each request for one, which is the
    client's error, as a fault of the server with a traceback."""

    async def get_prompt(
        self,
        name: str,
        arguments: dict[str, Any] | None = None,
        context: Context[Any, Any] | None = None,
    ) -> GetPromptResult:
        del arguments, context
        raise MCPError(INVALID_PARAMS, f"there is no prompt {name[:80]!r}; this server has none")


def make_assistant(parts: Callable[[], Parts]) -> MCPServer[Any]:
    """The MCP server; ``parts`` returns what it uses, once the app has started."""
    with _logging_untouched():
        server = _Assistant("embodied-agent", instructions=_INSTRUCTIONS, log_level="WARNING")

    @server.tool(annotations=ToolAnnotations(read_only_hint=False, open_world_hint=False))
    async def ask(
        ctx: Context[Any, Any],
        question: Annotated[str, Field(description="in plain words")],
        choices: Annotated[
            list[str] | None, Field(description="option texts without letters, if it has any")
        ] = None,
        at_ns: Annotated[
            int | None, Field(description="answer as of this stamp, in nanoseconds")
        ] = None,
        timeout_s: Annotated[
            float | None, Field(description="longest wait for the answer, in seconds")
        ] = None,
    ) -> AnswerReply:
        """Ask the robot about what its camera has seen and where things are from it now.

        The answer cites keyframes. Its `status` is "answered" where the memory holds what was
        asked, "not_seen" where nothing in it fits what the question names, "cannot_tell" where it
        does not settle the question, "out_of_scope" where the question is not about what was seen,
        and "failed" where there is no answer: `problem` says why. Only "answered" is a fact about
        the world."""
        its = parts()
        try:
            request = AskRequest(
                question=question, choices=choices or [], at_ns=at_ns, timeout_s=timeout_s
            )
        except ValidationError as error:
            raise ToolError(field_errors(error.errors())) from error
        try:
            queued = its.questions.submit(
                request.to_question(its.settings.reasoning.timeout_s), client=_turn_of(ctx)
            )
        except AgentError as error:
            raise ToolError(str(error)) from error
        answer = asyncio.wrap_future(queued.answer)
        try:
            await asyncio.wait({answer})
            return answer_reply(queued.question, answer.result())
        finally:
            if not queued.answer.done():
                queued.cancel()

    @server.tool(annotations=_READS)
    async def recall(
        text: Annotated[str, Field(description="words; empty: the newest", max_length=1000)] = "",
        from_ns: Annotated[int | None, Field(description="from this stamp on, ns")] = None,
        to_ns: Annotated[int | None, Field(description="up to this stamp, ns")] = None,
        limit: Annotated[int, Field(ge=1, le=50)] = 10,
    ) -> RecallReply:
        """Search the memory for keyframes by what was seen in them, best first."""
        store = parts().agent.store
        limits = (-(2**63) + 1, 2**63 - 1)
        if any(v is not None and not limits[0] <= v <= limits[1] for v in (from_ns, to_ns)):
            raise ToolError("a stamp must fit into 64 bits")
        try:
            hits = await asyncio.to_thread(
                store.search, text=text, from_ns=from_ns, to_ns=to_ns, limit=limit
            )
        except AgentError as error:
            raise ToolError(str(error)) from error
        return RecallReply(hits=[hit_reply(hit) for hit in hits])

    @server.tool(annotations=_READS)
    async def look(
        keyframe_id: Annotated[
            int | None, Field(ge=0, le=2**63 - 1, description="as cited; null: what is seen now")
        ] = None,
    ) -> Image:
        """The picture of a keyframe, or what the camera sees now."""
        its = parts()
        try:
            if keyframe_id is None:
                now = await its.camera.picture()
                if now is None:
                    raise ToolError("no frame has arrived yet")
                return Image(data=now.jpeg, format="jpeg")
            keyframe = await asyncio.to_thread(its.agent.store.keyframe, keyframe_id)
        except AgentError as error:
            raise ToolError(str(error)) from error
        if keyframe is None:
            raise ToolError(f"there is no keyframe {keyframe_id}")
        if not keyframe.jpeg:
            raise ToolError(f"keyframe {keyframe_id} no longer has its picture (memory retention)")
        return Image(data=keyframe.jpeg, format="jpeg")

    @server.tool(annotations=_READS)
    async def status() -> StatusReply:
        """Counters, queues and last errors of every stage of the robot's memory."""
        try:
            return await asyncio.to_thread(parts().overview.status)
        except AgentError as error:
            raise ToolError(str(error)) from error

    @server.resource(
        "memory://deltas/recent",
        name="recent deltas",
        description=f"What changed in the latest {RECENT} keyframes, a line each, oldest first",
        mime_type="text/plain",
    )
    async def recent() -> str:
        def read() -> str:
            store = parts().agent.store
            last = store.horizon()
            first = 0 if last is None else max(0, last[1] + 1 - RECENT)
            return "".join(entry_text(delta) for delta in store.deltas(since=first))

        return await asyncio.to_thread(read)

    @server.resource(
        "memory://deltas/{keyframe_id}",
        name="delta",
        description="What changed at one keyframe, as JSON",
        mime_type="application/json",
    )
    async def one(keyframe_id: str) -> str:
        if not keyframe_id.isdecimal() or len(keyframe_id) > 18:
            raise ResourceNotFoundError("a keyframe's id must be a number")
        number = int(keyframe_id)
        deltas = await asyncio.to_thread(parts().agent.store.deltas, since=number, until=number)
        if not deltas:
            raise ResourceNotFoundError(f"keyframe {number} is unknown or not perceived yet")
        return delta_reply(deltas[0]).model_dump_json()

    add_object_tools(server, parts)
    return server


def _turn_of(ctx: Context[Any, Any]) -> str:
    """Whose turn an assistant takes: that of its address or user, like any client over HTTP."""
    request = ctx.request_context.request
    return turn_of(request.scope) if isinstance(request, Request) else client_name("http", "")


@contextmanager
def _logging_untouched() -> Iterator[None]:
    """Undo the SDK's changes to the logging of the whole process."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    try:
        yield
    finally:
        root.handlers[:] = handlers
        root.setLevel(level)
