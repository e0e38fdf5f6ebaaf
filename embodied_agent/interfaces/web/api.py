"""The HTTP API: the memory, live events, and questions.

Handlers that read the memory are plain functions, which FastAPI runs on worker threads; the others
run on the loop. Each signature shows what its handler takes and returns, as does
/api/openapi.json.

Out of scope: objects and places (`objects_api`), access control (`guard`), live events (`feed`),
metrics (`metrics`), MCP (`assistant`).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Header, HTTPException, Path, Query, Request
from fastapi.responses import Response
from sse_starlette import EventSourceResponse

from embodied_agent.agent import Agent
from embodied_agent.agent.question_queue import QuestionQueue, QueuedQuestion
from embodied_agent.codec import encodable
from embodied_agent.interfaces.web.feed import Feed, encode
from embodied_agent.interfaces.web.limits import client_of, turn_of
from embodied_agent.interfaces.web.overview import Overview
from embodied_agent.interfaces.web.pictures import LiveCamera, Thumbnails, etag
from embodied_agent.interfaces.web.summaries import Shared, thinned
from embodied_agent.interfaces.wire.from_records import (
    answer_reply,
    hit_reply,
    keyframe_reply,
)
from embodied_agent.interfaces.wire.models import (
    AnswerReply,
    AnswersReply,
    AskRequest,
    ErrorReply,
    KeyframeReply,
    KeyframesReply,
    PathReply,
    PieceReply,
    RecallReply,
    StatusReply,
)
from embodied_agent.memory.store import Store
from embodied_agent.records import Answer
from embodied_agent.settings import Settings

_INT64 = 2**63 - 1

Stamp = Annotated[int | None, Query(ge=-_INT64, le=_INT64, description="nanoseconds")]
Metres = Annotated[float | None, Query(ge=-1e9, le=1e9, allow_inf_nan=False, description="m")]
KeyframeId = Annotated[int, Path(ge=0, le=_INT64)]


@dataclass(frozen=True)
class Parts:
    """What the handlers use."""

    agent: Agent
    questions: QuestionQueue
    settings: Settings
    overview: Overview
    feed: Feed
    camera: LiveCamera
    thumbnails: Thumbnails
    path: Shared[PathReply]


def error_replies(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The refusals that a route documents in addition to those of every route."""
    return {status: {"model": ErrorReply} for status in (*statuses, 401, 403, 421, 422, 429, 503)}


_JPEG: dict[int | str, dict[str, Any]] = {
    200: {"content": {"image/jpeg": {"schema": {"type": "string", "format": "binary"}}}},
    304: {"description": "the client already has this picture"},
}
_SSE = {"text/event-stream": {"schema": {"type": "string"}}}


def make_router(parts: Callable[[], Parts]) -> APIRouter:
    """The routes; ``parts`` returns what they use, once the app has started."""
    router = APIRouter(prefix="/api")

    @router.get("/status", responses=error_replies())
    def status() -> StatusReply:
        """Counters, queues, states and last errors of every stage."""
        return parts().overview.status()

    @router.get("/keyframes", responses=error_replies())
    def keyframes(
        since: Annotated[int, Query(ge=0, le=_INT64, description="ids from this one on")] = 0,
        before: Annotated[
            int | None, Query(ge=0, le=_INT64, description="only ids below this one")
        ] = None,
        segment: Annotated[int | None, Query(ge=0, le=_INT64)] = None,
        limit: Annotated[int, Query(ge=1, le=500)] = 100,
        newest: Annotated[bool, Query(description="the newest instead of the oldest")] = False,
    ) -> KeyframesReply:
        """Keyframes with their deltas, in order of ids."""
        return list_keyframes(parts().agent.store, since, before, segment, limit, newest=newest)

    @router.get(
        "/keyframes/{keyframe_id}.jpg",
        responses={**error_replies(404), **_JPEG},
        response_class=Response,
    )
    async def picture(
        keyframe_id: KeyframeId,
        width: Annotated[
            Literal["160", "320", "640"] | None,
            Query(description="scale it down to this width, in pixels"),
        ] = None,
        if_none_match: Annotated[str, Header()] = "",
    ) -> Response:
        """A keyframe's picture. Ids start from 0 in a new memory, so caches must revalidate it."""
        keyframe = await asyncio.to_thread(parts().agent.store.keyframe, keyframe_id)
        if keyframe is None or not keyframe.jpeg:
            why = (
                "is unknown" if keyframe is None else "no longer has its picture (memory retention)"
            )
            raise HTTPException(404, f"keyframe {keyframe_id} {why}")
        jpeg = keyframe.jpeg
        if width is not None and int(width) < keyframe.width:
            jpeg = await parts().thumbnails.of(jpeg, int(width))
        return _jpeg(jpeg, etag(jpeg), keyframe.stamp_ns, if_none_match)

    @router.get("/recall", responses=error_replies())
    def recall(
        text: Annotated[str, Query(max_length=1000, description="words")] = "",
        from_ns: Stamp = None,
        to_ns: Stamp = None,
        x: Metres = None,
        y: Metres = None,
        z: Metres = None,
        radius_m: Annotated[float, Query(gt=0, le=1e6, allow_inf_nan=False)] = 2.0,
        limit: Annotated[int, Query(ge=1, le=200)] = 20,
    ) -> RecallReply:
        """Keyframes that meet all conditions, best first."""
        position = (x, y, z)
        if any(v is not None for v in position) and None in position:
            raise HTTPException(422, "a place needs x, y and z")
        near = tuple(v for v in position if v is not None) or None
        hits = parts().agent.store.search(
            text=text, from_ns=from_ns, to_ns=to_ns, near_m=near, radius_m=radius_m, limit=limit
        )
        return RecallReply(hits=[hit_reply(hit) for hit in hits])

    @router.get("/path", responses=error_replies(), response_model=PathReply)
    def path(limit: Annotated[int, Query(ge=1, le=5_000)] = 2_000) -> Response:
        """Where the keyframes were taken, in order; those without a pose are left out. If there are
        more than ``limit``, the points are spread evenly over the whole path."""
        reply = thinned(parts().path.get(), limit)
        return Response(reply.model_dump_json(), media_type="application/json")

    @router.get("/answers", responses=error_replies())
    def answers(limit: Annotated[int, Query(ge=1, le=200)] = 20) -> AnswersReply:
        """The latest questions with their answers, oldest first."""
        answers = parts().agent.store.answers(limit)
        return AnswersReply(
            answers=[answer_reply(question, answer) for question, answer in answers]
        )

    @router.post(
        "/ask",
        response_model=AnswerReply,
        responses={
            **error_replies(400, 408, 413),
            200: {"model": AnswerReply, "content": _SSE, "description": "the answer"},
        },
    )
    async def ask(body: AskRequest, request: Request) -> Response:
        """Ask. With ``stream`` the reply is server-sent events: ``piece`` as the reply is
        generated, then ``answer``. If there is no answer, ``problem`` says why."""
        its = parts()
        question = body.to_question(its.settings.reasoning.timeout_s)
        client = turn_of(request.scope)
        if body.stream:
            pieces = _Pieces()
            queued = its.questions.submit(question, client=client, on_piece=pieces.add)
            return EventSourceResponse(_streamed(queued, pieces))
        queued = its.questions.submit(question, client=client)
        answer = await _answer_unless_gone(queued, request)
        reply = answer_reply(question, answer)
        return Response(reply.model_dump_json(), media_type="application/json")

    @router.get(
        "/events",
        responses={**error_replies(), 200: {"content": _SSE, "description": "the events"}},
        response_class=EventSourceResponse,
    )
    async def events(
        request: Request,
        last_event_id: Annotated[str, Header(max_length=64)] = "",
    ) -> EventSourceResponse:
        """Live: ``decision`` (the latest only), ``keyframe``, ``delta``, ``answered``, ``alert``,
        ``status`` every second. ``Last-Event-ID`` continues after an interruption; ``resync`` says
        that events were missed and the lists must be read again."""
        return EventSourceResponse(
            await parts().feed.watch(last_event_id, client_of(request.scope))
        )

    @router.get("/camera.jpg", responses={**error_replies(404), **_JPEG}, response_class=Response)
    async def camera(if_none_match: Annotated[str, Header()] = "") -> Response:
        """The camera's latest picture, scaled down; ``X-Stamp-Ns`` is its stamp."""
        picture = await parts().camera.picture()
        if picture is None:
            raise HTTPException(404, "no frame has arrived yet")
        return _jpeg(picture.jpeg, picture.etag, picture.stamp_ns, if_none_match)

    return router


def list_keyframes(
    store: Store,
    since: int,
    before: int | None,
    segment: int | None,
    limit: int,
    *,
    newest: bool,
) -> KeyframesReply:
    """A page of keyframes with their deltas.

    Raises:
        StoreError: the memory can't be read.
    """
    last = store.horizon(segment=segment)
    end = last[1] + 1 if last is not None else 0
    end = end if before is None else min(before, end)
    if newest:  # ids have no gaps, and those of a segment follow one another
        since = max(since, end - limit)
    keyframes = [
        k for k in store.keyframes(since=since, segment=segment, limit=limit + 1) if k.id < end
    ]
    page, more = keyframes[:limit], keyframes[limit:]
    deltas = {}
    if page:
        deltas = {d.keyframe_id: d for d in store.deltas(since=page[0].id, until=page[-1].id)}
    replies: list[KeyframeReply] = [keyframe_reply(k, deltas.get(k.id)) for k in page]
    return KeyframesReply(keyframes=replies, next=more[0].id if more else None)


def _jpeg(data: bytes, tag: str, stamp_ns: int, if_none_match: str) -> Response:
    headers = {"ETag": tag, "Cache-Control": "private, no-cache", "X-Stamp-Ns": str(stamp_ns)}
    if tag in (part.strip().removeprefix("W/") for part in if_none_match.split(",")):
        return Response(status_code=304, headers=headers)
    return Response(data, media_type="image/jpeg", headers=headers)


class _Pieces:
    """Pieces on their way from the reasoner's thread to the loop. A slow client gets everything
    since its last piece as one piece, so at most one reply is buffered."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._text = ""
        self.came = asyncio.Event()

    def add(self, piece: str) -> None:
        """Add a piece, from any thread."""
        with suppress(RuntimeError):  # the loop has ended, and nobody listens
            self._loop.call_soon_threadsafe(self._append, piece)

    def _append(self, piece: str) -> None:
        self._text += piece
        self.came.set()

    def take(self) -> str:
        """Everything since the last call."""
        text, self._text = self._text, ""
        self.came.clear()
        return text


async def _streamed(queued: QueuedQuestion, pieces: _Pieces) -> AsyncIterator[bytes]:
    """Pieces, then the answer. If the client disconnects, the model stops."""
    answer = asyncio.ensure_future(asyncio.wrap_future(queued.answer))
    answer.add_done_callback(lambda _: pieces.came.set())
    try:
        while not answer.done():
            await pieces.came.wait()
            text = pieces.take()
            if text:
                yield encode("piece", PieceReply(text=encodable(text)))
        text = pieces.take()
        if text:
            yield encode("piece", PieceReply(text=encodable(text)))
        yield encode("answer", answer_reply(queued.question, answer.result()))
    finally:
        if not queued.answer.done():
            queued.cancel()


async def _answer_unless_gone(queued: QueuedQuestion, request: Request) -> Answer:
    """The answer; the question is cancelled if the client disconnects first."""

    async def gone() -> None:
        while (await request.receive())["type"] != "http.disconnect":
            pass

    answer = asyncio.ensure_future(asyncio.wrap_future(queued.answer))
    hung_up = asyncio.ensure_future(gone())
    either: set[asyncio.Future[Any]] = {answer, hung_up}
    try:
        await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        if not answer.done():
            queued.cancel()
        return await answer
    finally:
        hung_up.cancel()
        if not queued.answer.done():
            queued.cancel()
