"""The app behind the port: API, events, metrics, MCP and page, all behind the guard.

Out of scope: the socket and the server (`embodied_agent.interfaces.web.server`).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import FileResponse, PlainTextResponse, Response
from fastapi.staticfiles import StaticFiles
from starlette.exceptions import HTTPException
from starlette.routing import Route

from embodied_agent.agent import Agent
from embodied_agent.agent.question_queue import QuestionQueue
from embodied_agent.errors import (
    AgentError,
    Busy,
    DecodeError,
    QuestionError,
    SettingsError,
    StoreError,
)
from embodied_agent.interfaces.status import InterfaceStatus
from embodied_agent.interfaces.web.alerts_api import make_alerts_router
from embodied_agent.interfaces.web.api import Parts, make_router
from embodied_agent.interfaces.web.assistant import make_assistant
from embodied_agent.interfaces.web.facts_api import make_facts_router
from embodied_agent.interfaces.web.feed import Feed
from embodied_agent.interfaces.web.guard import Guard, check_exposure, refusal
from embodied_agent.interfaces.web.metrics import Metrics
from embodied_agent.interfaces.web.objects_api import make_objects_router
from embodied_agent.interfaces.web.overview import Overview
from embodied_agent.interfaces.web.pictures import LiveCamera, Thumbnails
from embodied_agent.interfaces.web.summaries import PathSummary, Shared
from embodied_agent.interfaces.wire.models import PathReply, SourceState
from embodied_agent.interfaces.wire.refusals import field_errors
from embodied_agent.settings import Settings

STATIC = Path(__file__).with_name("static")


class WebApp(FastAPI):
    """The app. ``parts`` is set while it runs, ``started`` from its start on; ``path_read`` ends
    once the memory's path was read in advance."""

    parts: Parts | None = None
    started: asyncio.Event
    path_read: asyncio.Task[None]

    def running(self) -> Parts:
        """What the handlers use."""
        if self.parts is None:
            raise AgentError("the web interface is starting or stopping; try again")
        return self.parts


def make_app(
    agent: Agent,
    questions: QuestionQueue,
    settings: Settings,
    *,
    interfaces: Callable[[], Mapping[str, InterfaceStatus]] = dict,
    not_ready: Callable[[], list[str]] = list,
    source: Callable[[], SourceState | None] = lambda: None,
) -> WebApp:
    """The app for one agent.

    Args:
        agent: what it shows.
        questions: the question queue.
        settings: of all; ``settings.web`` is this interface's.
        interfaces: state of all interfaces, for the status.
        not_ready: why the process is not ready, besides the agent's own reasons.
        source: where frames come from, for the status.

    Raises:
        SettingsError: other machines could reach it without a token.
    """
    check_exposure(settings.web)
    metrics: Metrics | None = None

    @asynccontextmanager
    async def lifespan(app: WebApp) -> AsyncIterator[None]:
        nonlocal metrics
        overview = Overview(agent, questions, interfaces, not_ready, source)
        feed = Feed(agent, questions, settings.web, overview.status)
        metrics = Metrics(
            agent, questions, overview.status, lambda: feed.watchers, lambda: feed.resyncs
        )
        camera = LiveCamera(lambda: feed.newest, settings.web.camera_width)
        path = Shared(PathSummary(agent.store).refreshed)
        app.parts = Parts(agent, questions, settings, overview, feed, camera, Thumbnails(), path)
        async with assistant.session_manager.run():
            # In the background, so that the first visitor does not wait for a long path.
            app.path_read = asyncio.create_task(asyncio.to_thread(_read_ahead, path))
            app.started.set()
            yield
            await app.path_read
        app.parts = None
        feed.close()
        metrics.close()
        overview.close()

    app = WebApp(
        title="embodied-agent",
        summary="Spatial memory of a camera: watch it, search it, ask it",
        openapi_url="/api/openapi.json",
        docs_url=None,  # their pages load scripts from other servers
        redoc_url=None,
        lifespan=lifespan,
    )
    app.started = asyncio.Event()
    assistant = make_assistant(app.running)
    inner = assistant.streamable_http_app(
        max_request_body_size=settings.web.max_body_bytes,
        # No sessions are kept: nobody can use them up, and an assistant continues after a pause
        # or a restart as if there had been none.
        stateless_http=True,
        host="0.0.0.0",  # the guard has checked the name already
    )
    app.router.routes += [route for route in inner.routes if isinstance(route, Route)]
    app.include_router(make_router(app.running))
    app.include_router(make_objects_router(app.running))
    app.include_router(make_alerts_router(app.running))
    app.include_router(make_facts_router(app.running))
    _add_rest(app, lambda: metrics)
    _add_errors(app)

    def counted(method: str, route: str, status: int, seconds: float) -> None:
        if metrics is not None:
            metrics.requested(method, route, status, seconds)

    app.add_middleware(Guard, settings=settings.web, counted=counted)
    return app


def _read_ahead(path: Shared[PathReply]) -> None:
    """Read the path in advance. If that fails, the first client that asks for it gets the error."""
    with suppress(AgentError):
        path.get()


def _add_rest(app: WebApp, metrics: Callable[[], Metrics | None]) -> None:
    @app.get("/healthz", response_class=PlainTextResponse, tags=["operation"])
    async def alive() -> str:
        """The process is alive."""
        return "alive\n"

    @app.get("/readyz", response_class=PlainTextResponse, tags=["operation"])
    async def ready() -> Response:
        """200 when questions about the present can be answered, else 503 with the reasons."""
        problems = await asyncio.to_thread(app.running().overview.problems)
        if problems:
            return PlainTextResponse("\n".join(problems) + "\n", 503)
        return PlainTextResponse("ready\n")

    @app.get("/metrics", response_class=PlainTextResponse, tags=["operation"])
    async def prometheus() -> Response:
        """Metrics of every stage in Prometheus' text format."""
        current = metrics()
        text = await asyncio.to_thread(current.text) if current is not None else b""
        return Response(text, media_type="text/plain; version=0.0.4; charset=utf-8")

    if (STATIC / "index.html").is_file():

        @app.get("/", include_in_schema=False)
        async def page() -> Response:
            return FileResponse(STATIC / "index.html", headers={"Cache-Control": "no-cache"})

        app.mount("/static", _Static(directory=STATIC))


class _Static(StaticFiles):
    """The page's files, which browsers check for changes each time."""

    def file_response(self, *args: Any, **kwargs: Any) -> Response:
        response = super().file_response(*args, **kwargs)
        response.headers["Cache-Control"] = "no-cache"
        return response


def _add_errors(app: FastAPI) -> None:
    """Give every refusal the same form."""

    @app.exception_handler(RequestValidationError)
    async def invalid(request: Request, error: RequestValidationError) -> Response:
        errors = error.errors()
        if any(item["type"] == "json_invalid" for item in errors):
            return refusal(400, "json", "the request body is not valid JSON")
        return refusal(422, "invalid", field_errors(errors))

    @app.exception_handler(HTTPException)
    async def http(request: Request, error: HTTPException) -> Response:
        codes = {400: "json", 404: "not_found", 405: "method", 413: "too_large", 422: "invalid"}
        headers = {k.replace("-", "_"): v for k, v in (error.headers or {}).items()}
        code = codes.get(error.status_code, "refused")
        return refusal(error.status_code, code, str(error.detail), **headers)

    @app.exception_handler(AgentError)
    async def ours(request: Request, error: AgentError) -> Response:
        if isinstance(error, Busy):
            return refusal(503, "busy", str(error), Retry_After="2")
        for kind, status, code in (
            (QuestionError, 422, "question"),
            (DecodeError, 404, "undecodable"),
            (StoreError, 503, "memory"),
            (SettingsError, 500, "settings"),
        ):
            if isinstance(error, kind):
                return refusal(status, code, str(error))
        return refusal(503, "agent", str(error), Retry_After="2")
