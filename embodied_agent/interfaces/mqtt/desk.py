"""Requests from MQTT: stored, asked in turn, and answered into the outbox.

The desk lives as long as the agent, through any number of connections; outgoing messages wait
here or in the store until a connection sends them.

Out of scope: the connection (`connection`), when it is made and what else it carries (`service`).
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace

from embodied_agent.agent.question_queue import QuestionQueue, QueuedQuestion
from embodied_agent.errors import AgentError, Busy, QuestionError, StoreError
from embodied_agent.interfaces.mqtt.messages import (
    Code,
    Parsed,
    Refusal,
    answer_payload,
    operator_in,
    parse,
    piece_payload,
)
from embodied_agent.interfaces.mqtt.packets import Incoming, Outgoing
from embodied_agent.interfaces.mqtt.topics import Topics
from embodied_agent.interfaces.wire.models import AskRequest
from embodied_agent.memory.outbox import Address, Delivery, Outbox, Request
from embodied_agent.memory.store import Store
from embodied_agent.records import Answer
from embodied_agent.settings import MqttSettings
from embodied_agent.support.throttled_log import ThrottledLog

_log = logging.getLogger(__name__)

#: Most refusals that wait for a connection; the oldest are dropped.
_REFUSALS = 256
#: Maximum number of characters of one reply that wait to be sent as pieces; the rest is sent only
#: with the answer.
_PIECES = 65_536
#: Old ids are pruned after this many requests.
_PRUNE_EVERY = 100


@dataclass(eq=False)
class _Job:
    """A request that is being asked."""

    request: Request
    address: Address
    deadline: float | None  # by time.monotonic: expired after this
    queued: QueuedQuestion | None = None
    text: str = ""
    pieces: int = 0
    ended: bool = False


@dataclass
class Counters:
    """What has happened since the start."""

    received: int = 0
    refused: int = 0
    repeated: int = 0
    expired: int = 0
    answered: int = 0
    undeliverable: int = 0
    unreadable: int = 0
    by_code: dict[str, int] = field(default_factory=dict)


class Desk:
    """Accepts requests and keeps answers ready. Used on one asyncio loop.

    Args:
        questions: the question queue.
        store: keeps requests and answers.
        settings: limits.
        timeout_s: the time-out of a question without one, in seconds.
    """

    def __init__(
        self, questions: QuestionQueue, store: Store, settings: MqttSettings, *, timeout_s: float
    ) -> None:
        self._questions = questions
        self._outbox: Outbox = store.outbox
        self._in_memory = store.path == ":memory:"
        self._settings = settings
        self._timeout_s = timeout_s
        self._topics = Topics.of(settings)
        self._loop = asyncio.get_running_loop()
        self._jobs: dict[str, _Job] = {}
        self._storage_tasks: set[asyncio.Task[None]] = set()
        self._streaming_jobs: dict[_Job, None] = {}
        self._refusals: deque[Outgoing] = deque(maxlen=_REFUSALS)
        self._room = asyncio.Event()
        self._unpruned = 0
        self._warnings = ThrottledLog(_log.warning)
        #: Set when there may be something to send.
        self.wake = asyncio.Event()
        self.counters = Counters()

    async def resume(self) -> None:
        """Ask the questions again that were open when the last process ended."""
        for request in await asyncio.to_thread(self._outbox.open):
            if request.id in self._jobs:
                continue
            try:
                body = AskRequest.model_validate_json(request.body)
            except ValueError as error:  # written before rows had checksums, and damaged since
                _log.warning("the stored question %r can't be read: %s", request.id, error)
                await asyncio.to_thread(self._outbox.forget, request.id)
                continue
            passed_s = time.time() - request.received_at_s
            left_s = (body.timeout_s or self._timeout_s) - passed_s
            if request.expires_at_s is not None and time.time() > request.expires_at_s:
                self.counters.expired += 1
                await asyncio.to_thread(self._outbox.forget, request.id)
            elif left_s <= 0:
                question = body.to_question(self._timeout_s)
                problem = "the agent was away until the time-out had passed; ask again"
                answer = Answer.failure(problem, request.id)
                await self._keep(request.id, answer_payload(question, answer))
            else:
                body = body.model_copy(update={"timeout_s": left_s, "stream": False})
                topic = self._topics.answer(request.id, operator_in(request.client))
                await self._ask(request, body, Address(topic))
        self.wake.set()

    async def take(self, messages: Sequence[Incoming]) -> None:
        """Accept messages of the topics of requests. Each is acknowledged once it is on the disk or
        refused, and before anything is sent for it: if the broker hangs up on that, the request
        must not come again. Never raises because of their contents."""
        accepted: list[Parsed] = []
        stored: list[Incoming] = []
        for message in messages:
            if message.retain or message.expiry_s == 0:
                self.counters.expired += 1
                message.acknowledge()
                continue
            self.counters.received += 1
            self.counters.unreadable += bool(message.fault)
            parsed = parse(message, self._topics, self._settings.max_request_bytes)
            if isinstance(parsed, Refusal):
                message.acknowledge()
                self._refuse(parsed.address, parsed.id, parsed.code, parsed.message)
            else:
                accepted.append(parsed)
                stored.append(message)
        if not accepted:
            return
        try:
            verdicts = await asyncio.to_thread(
                self._outbox.take, [(arrival.stored, arrival.address) for arrival in accepted]
            )
        except StoreError as error:
            for message, arrival in zip(stored, accepted, strict=True):
                message.acknowledge()
                self._refuse(arrival.address, arrival.request.id, "store_failed", str(error))
            return
        for message in stored:
            message.acknowledge()
        for arrival, verdict in zip(accepted, verdicts, strict=True):
            if verdict == "conflict":
                text = (
                    f"the id {arrival.request.id!r} was used for another question; use a new one "
                    "for every question"
                )
                self._refuse(arrival.address, arrival.request.id, "id_reused", text)
            elif verdict == "repeated":
                self.counters.repeated += 1
                self._prolong(arrival)
            else:
                await self._ask(arrival.stored, arrival.request, arrival.address)
        self.wake.set()
        await self._prune(len(accepted))

    def pieces(self, *, congested: bool) -> list[Outgoing]:
        """The pieces since the last call, to be sent before any answer.

        When ``congested``, there are none, and those of finished answers are dropped.
        """
        if congested:
            self._streaming_jobs = {job: None for job in self._streaming_jobs if not job.ended}
            return []
        messages = []
        for job in self._streaming_jobs:
            if job.text:
                payload = piece_payload(job.request.id, job.pieces, job.text)
                messages.append(
                    Outgoing(job.address.topic, payload, 0, correlation=job.address.correlation)
                )
                job.pieces, job.text = job.pieces + 1, ""
        self._streaming_jobs.clear()
        return messages

    async def wait_for_room(self) -> None:
        """Wait until the list of refusals has room for those of further messages."""
        while len(self._refusals) > _REFUSALS // 2:
            self._room.clear()
            await self._room.wait()

    def refusals(self, limit: int) -> list[Outgoing]:
        """The oldest unsent refusals; they stay until `discard_refusals` removes them."""
        return list(self._refusals)[:limit]

    def discard_refusals(self, refusals: Sequence[Outgoing]) -> None:
        """Remove refusals that the broker has accepted, or never will."""
        for refusal in refusals:
            with suppress(ValueError):
                self._refusals.remove(refusal)
        self._room.set()

    async def due(self, limit: int) -> list[Delivery]:
        """The oldest answers that wait for delivery."""
        since_s = time.time() - self._settings.answer_expiry_s
        return await asyncio.to_thread(self._outbox.due, limit, since_s=since_s)

    def outgoing(self, delivery: Delivery) -> Outgoing:
        """A delivery as a message that expires with it."""
        left_s = self._settings.answer_expiry_s - (time.time() - delivery.since_s)
        return Outgoing(
            delivery.address.topic,
            delivery.answer.encode(),
            correlation=delivery.address.correlation,
            expiry_s=max(1, min(int(left_s), self._settings.answer_expiry_s)),
        )

    async def discard_answers(self, numbers: Sequence[int]) -> None:
        """Remove answers that the broker has accepted, or never will."""
        await asyncio.to_thread(self._outbox.sent, numbers)

    def report(self, delivery: Delivery, why: str, *, elsewhere: bool) -> None:
        """Tell the asker that an answer can't be delivered, and why.

        Args:
            delivery: the answer.
            why: the reason.
            elsewhere: the topic can't be used, so the asker is told at the topic of the request's
                id.
        """
        name = delivery.request_id
        address = delivery.address
        if elsewhere:
            topic = self._topics.answer(name, operator_in(delivery.client))
            if topic == address.topic:
                return
            address = Address(topic, address.correlation)
        self._refuse(address, name, "undeliverable", f"the answer can't be delivered: {why}")

    def refuse(self, refusal: Refusal) -> None:
        """Count a refusal, and send it."""
        self._refuse(refusal.address, refusal.id, refusal.code, refusal.message)

    async def wait_until_stored(self, timeout_s: float) -> None:
        """Wait until finished answers are stored."""
        if self._storage_tasks:
            await asyncio.wait(self._storage_tasks, timeout=timeout_s)

    def cancel(self) -> None:
        """Stop the running questions; with a memory file, they are asked again at the next
        start."""
        for job in list(self._jobs.values()):
            job.ended = True
            if job.queued is not None:
                job.queued.cancel()

    async def _ask(self, request: Request, body: AskRequest, address: Address) -> None:
        question = body.to_question(self._timeout_s)
        deadline = None
        if request.expires_at_s is not None:
            left_s = max(0.001, request.expires_at_s - time.time())
            deadline = time.monotonic() + left_s
            # The answer is of no use after that.
            question = replace(question, timeout_s=min(question.timeout_s, left_s))
        job = _Job(request, address, deadline)
        self._jobs[request.id] = job

        def on_piece(piece: str) -> None:
            self._call(self._piece, job, piece)

        try:
            queued = self._questions.submit(
                question, client=request.client, on_piece=on_piece if body.stream else None
            )
        except (Busy, QuestionError) as error:
            await self._drop(job, "busy" if isinstance(error, Busy) else "bad_question", str(error))
            return
        job.queued = queued
        queued.answer.add_done_callback(
            lambda answer: self._call(self._on_answer, job, answer.result())
        )

    def _prolong(self, arrival: Parsed) -> None:
        job = self._jobs.get(arrival.request.id)
        if job is None or job.deadline is None:
            return
        expires = arrival.stored.expires_at_s
        left_s = None if expires is None else expires - time.time()
        job.deadline = None if left_s is None else max(job.deadline, time.monotonic() + left_s)

    def _piece(self, job: _Job, piece: str) -> None:
        if job.ended:
            return
        job.text += piece[: max(0, _PIECES - len(job.text))]
        self._streaming_jobs[job] = None
        self.wake.set()

    def _on_answer(self, job: _Job, answer: Answer) -> None:
        queued = job.queued
        in_time = queued is None or time.monotonic() < queued.deadline
        never_asked = bool(answer.problem) and not answer.latency_s and in_time
        stopping = never_asked and queued is not None and queued.cancelled.is_set()
        if job.ended or (stopping and not self._in_memory):
            # With a memory file, the question stays open and is asked again next time.
            self._jobs.pop(job.request.id, None)
            return
        if never_asked:
            ending = self._drop(job, "dropped", answer.problem)
        else:
            ending = self._end(job, answer)
        task = self._loop.create_task(ending)
        self._storage_tasks.add(task)
        task.add_done_callback(self._storage_tasks.discard)

    async def _drop(self, job: _Job, code: Code, message: str) -> None:
        """Refuse a question that was accepted before; its id may be used again."""
        job.ended = True
        with suppress(StoreError):
            await asyncio.to_thread(self._outbox.forget, job.request.id)
        self._jobs.pop(job.request.id, None)
        self._refuse(job.address, job.request.id, code, message)

    async def _end(self, job: _Job, answer: Answer) -> None:
        request = job.request
        question = AskRequest.model_validate_json(request.body).to_question(self._timeout_s)
        try:
            if job.deadline is not None and time.monotonic() > job.deadline:
                self.counters.expired += 1
                await asyncio.to_thread(self._outbox.forget, request.id)
            else:
                payload = answer_payload(question, replace(answer, question_id=request.id))
                await self._keep(request.id, payload)
        except AgentError as error:
            self._refuse(job.address, request.id, "store_failed", str(error))
        finally:
            job.ended = True
            self._jobs.pop(request.id, None)
            self.wake.set()

    async def _keep(self, request_id: str, payload: str) -> None:
        if await asyncio.to_thread(self._outbox.answer, request_id, payload):
            self.counters.answered += 1
        else:
            self.counters.expired += 1

    def _refuse(self, address: Address | None, name: str, code: Code, message: str) -> None:
        self.counters.refused += 1
        self.counters.by_code[code] = self.counters.by_code.get(code, 0) + 1
        # Without control characters, because it may repeat names that the client chose.
        self._warnings.add(code, f"request {name!r} refused ({code}): {repr(message)[1:-1]}")
        if address is None:
            return
        if len(self._refusals) == _REFUSALS:
            self.counters.undeliverable += 1
        payload = Refusal(address, name, code, message).payload()
        self._refusals.append(
            Outgoing(
                address.topic,
                payload,
                correlation=address.correlation,
                expiry_s=self._settings.answer_expiry_s,
            )
        )
        self.wake.set()

    async def _prune(self, requests: int) -> None:
        self._unpruned += requests
        if self._unpruned < _PRUNE_EVERY:
            return
        self._unpruned = 0
        try:
            self.counters.undeliverable += await asyncio.to_thread(
                self._outbox.prune,
                keep_s=self._settings.keep_requests_s,
                keep=self._settings.keep_requests,
                answer_expiry_s=self._settings.answer_expiry_s,
            )
        except StoreError as error:
            self._warnings.add("prune", f"old requests could not be pruned: {error}")

    def _call(self, function: Callable[..., object], *values: object) -> None:
        # The loop has ended, so nobody waits for the call.
        with suppress(RuntimeError):
            self._loop.call_soon_threadsafe(function, *values)
