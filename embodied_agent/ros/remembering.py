"""The memory over ROS: the services ``~/recall``, ``~/locate``, ``~/correct`` and ``~/reset``.

They run on a small thread pool, so that neither a large memory nor a slow picture blocks the
executor.

Out of scope: searching (`embodied_agent.memory.query`).
"""

from __future__ import annotations

import concurrent.futures
import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from embodied_agent_interfaces.srv import Correct, Locate, Recall
from rclpy.callback_groups import ReentrantCallbackGroup
from std_srvs.srv import Trigger

from embodied_agent.agent import Agent
from embodied_agent.errors import AgentError
from embodied_agent.object_records import Correction
from embodied_agent.objects.naming import MAX_NAME
from embodied_agent.ros.images import stamp_ns
from embodied_agent.ros.messages import clean, to_delta, to_goal, to_picture
from embodied_agent.ros.objects import to_object
from embodied_agent.ros.waiting import SERVICE_QOS, Pending, result_of

#: Longest wait for the memory, in seconds.
TIMEOUT_S = 10.0
#: Requests that may wait; more are refused.
_PLACES = 32
_LIMIT, _MOST, _RADIUS_M = 20, 100, 2.0
#: Longest text to look for, in characters.
_MAX_TEXT = 4000


class MemoryServers:
    """The services of one configured node.

    Args:
        node: serves.
        agent: whose memory it is.
        refusal: called for why nothing can be done now; empty when it can.
        body: called for the frame whose poses are known.
    """

    def __init__(
        self, node: Any, agent: Agent, *, refusal: Callable[[], str], body: Callable[[], str]
    ) -> None:
        self._node = node
        self._body = body
        self._agent = agent
        self._refusal = refusal
        self._pool = concurrent.futures.ThreadPoolExecutor(1, thread_name_prefix="recall")
        self.pending = Pending()
        group = ReentrantCallbackGroup()
        self._services = [
            node.create_service(kind, name, callback, qos_profile=SERVICE_QOS, callback_group=group)
            for kind, name, callback in (
                (Recall, "~/recall", self._recall),
                (Locate, "~/locate", self._locate),
                (Correct, "~/correct", self._correct),
                (Trigger, "~/reset", self._reset),
            )
        ]

    def close(self) -> None:
        """Begin nothing more; what has begun is finished."""
        self._pool.shutdown(wait=True, cancel_futures=True)

    def destroy(self) -> None:
        """Remove the services, once nobody waits any more."""
        for service in self._services:
            self._node.destroy_service(service)

    async def _recall(self, request: Any, response: Any) -> Any:
        problem = await self._do(lambda: self._fill(request, response))
        if problem:
            # Discards what was filled in before the failure.
            return Recall.Response(success=False, message=clean(problem))
        response.success = True
        return response

    async def _locate(self, request: Any, response: Any) -> Any:
        problem = await self._do(lambda: self._find(request, response))
        if problem:
            return Locate.Response(success=False, message=clean(problem))
        response.success = True
        return response

    async def _correct(self, request: Any, response: Any) -> Any:
        problem = await self._do(lambda: self._change(request, response))
        response.success = not problem
        response.message = clean(problem)
        return response

    async def _reset(self, request: Any, response: Any) -> Any:
        problem = await self._do(self._agent.reset)
        response.success = not problem
        response.message = clean(problem) or "the next image begins a new segment; the memory stays"
        return response

    async def _do(self, work: Callable[[], object]) -> str:
        """Do ``work`` on the thread; what went wrong, "" when nothing did."""
        with self.pending:
            refusal = self._refusal()
            if refusal:
                return refusal
            if self.pending.count > _PLACES:
                return f"{_PLACES} requests wait for the memory already; ask again later"
            try:
                future = self._pool.submit(_problem_of, work)
                problem = await result_of(self._node.executor, future, TIMEOUT_S)
            except (RuntimeError, concurrent.futures.CancelledError):
                return "the node is being cleaned up"
            if problem is None:
                return f"no reply within {TIMEOUT_S:g} s; the memory is busy"
            return problem

    def _fill(self, request: Any, response: Any) -> None:
        if len(request.text) > _MAX_TEXT:
            raise AgentError(f"{len(request.text)} characters to look for; at most {_MAX_TEXT} fit")
        near = request.near
        since_ns, until_ns = stamp_ns(request.since), stamp_ns(request.until)
        if until_ns and since_ns > until_ns:
            raise AgentError("since is later than until; no keyframe can be in between")
        if request.radius_m < 0:
            raise AgentError(f"radius_m is {request.radius_m:g}; it must be positive, or 0 for 2 m")
        place = (near.x, near.y, near.z) if request.use_position else None
        if place is not None and not all(map(math.isfinite, (*place, request.radius_m))):
            raise AgentError("near and radius_m must be finite numbers")
        store = self._agent.store
        for hit in store.search(
            text=request.text,
            from_ns=since_ns or None,
            to_ns=until_ns or None,
            near_m=place,
            radius_m=float(request.radius_m) or _RADIUS_M,
            limit=min(request.limit, _MOST) or _LIMIT,
        ):
            response.deltas.append(to_delta(hit.keyframe, hit.delta, self._body()))
            response.ranks.append(float(hit.rank))
            if request.pictures:
                whole = store.keyframe(hit.keyframe.id) or replace(hit.keyframe, jpeg=b"")
                response.pictures.append(to_picture(whole))

    def _find(self, request: Any, response: Any) -> None:
        name = request.name.strip()
        if not 0 < len(name) <= MAX_NAME:
            raise AgentError(f"name has {len(name)} characters; it needs 1 to {MAX_NAME}")
        found = self._agent.locate(name, limit=min(request.limit, _MOST) or _LIMIT)
        response.objects = [to_object(one) for one in found]
        goal = self._agent.goal(found[0].id) if found else None
        if goal is not None:
            response.has_goal, response.goal = True, to_goal(goal)

    def _change(self, request: Any, response: Any) -> None:
        made = self._agent.correct(
            Correction(
                kind=request.kind,
                by=request.by,
                object_id=request.object_id,
                other_id=request.other_id if request.kind == "merge" else None,
                text=request.text,
                keyframes=tuple(request.keyframes),
            )
        )
        response.id = made.id or 0


def _problem_of(work: Callable[[], object]) -> str:
    """What goes wrong in ``work``; "" when nothing does."""
    try:
        work()
    except AgentError as error:
        return str(error)
    return ""
