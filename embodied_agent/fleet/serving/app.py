"""The fleet's HTTP API and page, inside the same guard as a robot's web interface.

Handlers only check who the client is and read the body. The work is done on threads, because the
database may be slow or unreachable. During an outage of the database, the reply is 503 with
Retry-After.

Out of scope: the socket (`server`), who a client is (`visitors`), what a request does (`requests`,
`answering`, `overview`).
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from fastapi import FastAPI, Request
from fastapi.responses import FileResponse, PlainTextResponse, Response
from fastapi.staticfiles import StaticFiles
from pydantic import BaseModel
from starlette.exceptions import HTTPException

import embodied_agent
from embodied_agent.errors import AgentError
from embodied_agent.fleet.replies import BrokerStatus, FleetQuestion, ServerStatus
from embodied_agent.fleet.serving.access import Access
from embodied_agent.fleet.serving.answering import Answering
from embodied_agent.fleet.serving.database import Database
from embodied_agent.fleet.serving.overview import Overview
from embodied_agent.fleet.serving.requests import RobotRequests, read, refusal_of
from embodied_agent.fleet.serving.visitors import RefusedVisit, Visitors
from embodied_agent.fleet.topics import Kind
from embodied_agent.interfaces.web.guard import Guard, refusal
from embodied_agent.settings import FleetServerSettings, WebSettings

STATIC = Path(__file__).with_name("static")
#: Requests per second of one address, and in a burst: many robots may share one.
_RATE_HZ, _BURST = 2000.0, 8000
#: Threads that take in batches, and that answer: questions don't wait behind a fleet that catches
#: up.
_INTAKE_THREADS, _ASK_THREADS = 16, 8


class FleetApp:
    """The handlers; ``app`` is the application to serve.

    Args:
        database: of the fleet; stays open.
        answering: answers the questions.
        access: who may do what.
        requests: of robots.
        settings: of the fleet server.
        broker: the state of the connection to the broker; ``None`` where there is none.
    """

    def __init__(
        self,
        database: Database,
        answering: Answering,
        access: Access,
        requests: RobotRequests,
        settings: FleetServerSettings,
        broker: Callable[[], BrokerStatus | None],
    ) -> None:
        self._database = database
        self._answering = answering
        self._visitors = Visitors(access)
        self._requests = requests
        self._broker = broker
        self._overview = Overview(database, settings.common_frames)
        self._takers = ThreadPoolExecutor(_INTAKE_THREADS, "fleet-intake")
        self._askers = ThreadPoolExecutor(_ASK_THREADS, "fleet-ask")
        self.app = FastAPI(
            title="embodied-agent fleet",
            summary="What many robots have seen",
            openapi_url=None,
            docs_url=None,
            redoc_url=None,
        )
        self._add_sending()
        self._add_asking()
        self._add_page()
        self._add_errors()
        guard = WebSettings(
            host=settings.host,
            max_body_bytes=settings.max_body_bytes,
            rate_hz=_RATE_HZ,
            burst=_BURST,
            allowed_hosts=settings.allowed_hosts,
        )
        self.app.add_middleware(Guard, settings=guard, counted=lambda *_: None)

    def close(self) -> None:
        """End the threads, once the server has stopped."""
        self._takers.shutdown(cancel_futures=True)
        self._askers.shutdown(cancel_futures=True)

    # -- robots ----------------------------------------------------------------------------------

    def _add_sending(self) -> None:
        app = self.app

        @app.get("/api/robots/{robot}/memories/{memory}/cursor")
        async def cursor(request: Request, robot: str, memory: str) -> Response:
            """How far the server is with a memory."""
            return await self._done(request, "cursor", robot, json.dumps({"memory": memory}))

        @app.post("/api/robots/{robot}/batch")
        async def batch(request: Request, robot: str) -> Response:
            """Rows of a robot's memory; the reply is the new cursor."""
            return await self._done(request, "batch", robot)

        @app.post("/api/robots/{robot}/audit")
        async def audit(request: Request, robot: str) -> Response:
            """Checksums of a memory's rows; the reply lists the rows that differ."""
            return await self._done(request, "audit", robot)

        @app.post("/api/robots/{robot}/restart")
        async def restart(request: Request, robot: str) -> Response:
            """Delete all that the server has of a memory, because the robot has another copy."""
            return await self._done(request, "restart", robot)

    async def _done(
        self, request: Request, kind: Kind, robot: str, text: str | None = None
    ) -> Response:
        self._visitors.check_sender(request, robot)
        body = await request.body() if text is None else text.encode()
        return await self._on(self._takers, lambda: self._requests.answer(kind, robot, body))

    # -- people ----------------------------------------------------------------------------------

    def _add_asking(self) -> None:
        app = self.app

        @app.post("/api/ask")
        async def ask(request: Request) -> Response:
            """Answer a question about one robot or all."""
            client = self._visitors.asker(request)
            body = await request.body()

            def answer() -> BaseModel:
                question = read(FleetQuestion, body)
                return self._answering.ask(
                    question.question, client.may_ask_about, robot=question.robot
                )

            return await self._on(self._askers, answer)

        @app.get("/api/status")
        async def status(request: Request) -> Response:
            """The state of the server, for anyone who may ask."""
            client = self._visitors.asker(request)
            mqtt = self._broker()
            if mqtt is not None and not client.asks_about_all:
                # It may name a robot that this client may not know of.
                mqtt = mqtt.model_copy(update={"last_problem": ""})
            reply = ServerStatus(version=embodied_agent.__version__, mqtt=mqtt)
            return Response(reply.model_dump_json(), media_type="application/json")

        @app.get("/api/overview")
        async def overview(request: Request) -> Response:
            """All robots that the asker may ask about, and the shared map."""
            client = self._visitors.asker(request)
            return await self._on(
                self._askers, lambda: self._overview.overview(client.may_ask_about)
            )

        @app.get("/api/robots/{robot}/memories/{memory}/keyframes/{number}.jpg")
        async def thumbnail(request: Request, robot: str, memory: str, number: str) -> Response:
            """The thumbnail of a keyframe."""
            client = self._visitors.asker(request)
            jpeg = None
            if client.may_ask_about(robot) and number.isascii() and number.isdigit():
                jpeg = await asyncio.get_running_loop().run_in_executor(
                    self._askers, self._overview.thumbnail, robot, memory, int(number[:18])
                )
            if jpeg is None:
                return refusal(404, "not_found", "there is no such thumbnail")
            headers = {"Cache-Control": "private, max-age=3600"}
            return Response(jpeg, media_type="image/jpeg", headers=headers)

    def _add_page(self) -> None:
        app = self.app

        @app.get("/healthz", response_class=PlainTextResponse)
        async def alive() -> str:
            """The process is alive."""
            return "alive\n"

        @app.get("/readyz", response_class=PlainTextResponse)
        async def ready() -> Response:
            """200 when the database can be used, else 503."""

            def check() -> None:
                with self._database.transaction():
                    pass

            await asyncio.get_running_loop().run_in_executor(self._askers, check)
            return PlainTextResponse("ready\n")

        @app.get("/")
        async def page(request: Request) -> Response:
            """The page; its first visit brings the token, later ones a cookie."""
            token = request.query_params.get("token")
            if token is not None:
                return self._visitors.signed_in(request, token)
            if self._visitors.client(request) is None:
                return PlainTextResponse(
                    "This page needs a token: open it once as /?token=YOUR-TOKEN\n", 401
                )
            return FileResponse(STATIC / "index.html", headers={"Cache-Control": "no-cache"})

        app.mount("/static", StaticFiles(directory=STATIC))

    # -- work and refusals -----------------------------------------------------------------------

    async def _on(self, threads: ThreadPoolExecutor, work: Callable[[], BaseModel]) -> Response:
        result = await asyncio.get_running_loop().run_in_executor(threads, work)
        return Response(result.model_dump_json(), media_type="application/json")

    def _add_errors(self) -> None:
        app = self.app

        @app.exception_handler(RefusedVisit)
        async def refused(request: Request, error: RefusedVisit) -> Response:
            return error.response

        @app.exception_handler(HTTPException)
        async def http(request: Request, error: HTTPException) -> Response:
            codes = {404: "not_found", 405: "method"}
            code = codes.get(error.status_code, "refused")
            return refusal(error.status_code, code, str(error.detail))

        @app.exception_handler(AgentError)
        async def ours(request: Request, error: AgentError) -> Response:
            found = refusal_of(error)
            headers = (
                {} if found.retry_after_s is None else {"Retry_After": str(found.retry_after_s)}
            )
            return refusal(found.status, found.code, found.message, **headers)
