"""Sends queued messages to a broker, so that one bad delivery does not hold up the others.

A broker may close the connection because of a message's topic, its size or a rule of its own, and
MQTT does not say which message it was. Every message in flight when a connection is lost is
therefore suspected: it is sent after all others, and alone. A message that is proven to have cost
the connection twice is set aside. What counts as proof:

- The broker says that a message was at fault (`faults.OUR_FAULT`), or
- it disconnects while the message is alone on its way, but still serves a second connection that
  was open before (`witness`). A broker restart or a network failure ends both.

Without proof, if the broker refuses a second connection or does not reply at all, four lost
connections are needed. A loss for which the broker gives another reason does not count.

Pieces of answers are not acknowledged, so the pieces for a suspected topic are not sent.

Out of scope: what is sent (`desk`), the connection (`connection`) and when it is made (`service`).
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from embodied_agent.errors import LinkError, StoreError
from embodied_agent.interfaces.mqtt.connection import Connection
from embodied_agent.interfaces.mqtt.desk import Desk
from embodied_agent.interfaces.mqtt.faults import Later, Refused, TooLarge, Unacknowledged
from embodied_agent.interfaces.mqtt.packets import Outgoing
from embodied_agent.interfaces.mqtt.witness import Witness
from embodied_agent.memory.outbox import Delivery
from embodied_agent.support.throttled_log import ThrottledLog

_log = logging.getLogger(__name__)

#: Maximum number of messages sent to the broker together.
_AT_ONCE = 16
#: How many lost connections it takes until a message is set aside: if it is proven to be at fault,
#: and if the cause may have been anything.
_PROVEN_LOSSES, _LOSSES = 2, 4
#: Delay before a message that the broker does not accept now is sent again, in seconds; it doubles
#: up to the second value.
_LATER_S, _LATER_MAX_S = 1.0, 60.0
#: Maximum numbers of suspected messages, and of topics without pieces; the oldest are dropped.
_SUSPECTS, _SILENT_TOPICS = 1024, 256

#: What is sent: an answer, a refusal, or a delta or alert by its number.
Item = Delivery | Outgoing | int


@dataclass
class _Suspicion:
    item: Item
    topic: str
    losses: int = 0
    proven: int = 0
    delays: int = 0
    not_before: float = 0.0  # by time.monotonic


@dataclass
class Sent:
    """What became of messages since the start. ``problem`` describes the latest that was not
    delivered."""

    answers: int = 0
    undeliverable: int = 0
    set_aside: int = 0
    problem: str = ""


class Sender:
    """Sends for one desk, over any number of connections. Used on one asyncio loop.

    Args:
        desk: what is to be sent.
        witness: distinguishes a hang-up on one message from a broker's restart.
    """

    def __init__(self, desk: Desk, witness: Witness) -> None:
        self._desk = desk
        self._witness = witness
        self._judging = asyncio.Lock()
        self._unjudged: list[object] = []  # messages at hang-ups that the witness has yet to judge
        self._line = asyncio.Lock()  # so that the messages on their way are known
        self._suspects: OrderedDict[object, _Suspicion] = OrderedDict()
        self._condemned: list[Item] = []
        self._silent: OrderedDict[str, None] = OrderedDict()
        self._unproven: set[str] = set()  # topics of pieces that the broker may not have seen yet
        self._warnings = ThrottledLog(_log.warning)
        self.sent = Sent()
        #: Whether a connection was lost and the broker named a message of ours as the reason.
        self.accused = False

    def begin(self) -> None:
        """Begin to send over a new connection.

        The broker may have hung up on the last pieces sent over the one before, so their topics get
        no further pieces until something else was delivered there.
        """
        for topic in self._unproven:
            self._silent[topic] = None
            if len(self._silent) > _SILENT_TOPICS:
                self._silent.popitem(last=False)
        self._unproven.clear()
        self._witness.allow()

    async def end(self) -> None:
        """Stop; nothing more is sent."""
        await self._witness.leave()

    async def send_ready(self, connection: Connection) -> None:
        """Send everything that is ready: pieces, refusals, answers.

        Raises:
            LinkError: the connection is lost.
        """
        while True:
            try:
                await self._judge()
                await self._set_aside()
                if not await self._send_some(connection):
                    if not self._suspects:
                        await self._witness.leave()
                    return
            except StoreError as error:
                self.sent.problem = f"answers wait: {error}"
                self._warnings.add("store", self.sent.problem)
                return

    async def send_alone(self, connection: Connection, message: Outgoing, number: int) -> None:
        """Send a message other than an answer: a delta, whose ``number`` counts up from 1, or an
        alert, whose ``number`` is negative.

        Raises:
            Refused: the broker does not take it, or it has cost the connection before.
            LinkError: the connection is lost.
        """
        await self._judge()
        if number in self._suspects:
            await self._witness.come()
        if number in self._condemned:
            self._condemned.remove(number)
            self._count_set_aside("a delta" if number >= 0 else "an alert", message.topic)
            raise Refused(self.sent.problem)
        outcome = (await self._publish(connection, {number: (number, message)}))[number]
        if outcome is not None:
            raise outcome

    async def send_plainly(self, connection: Connection, message: Outgoing) -> None:
        """Send a message that is never set aside.

        Raises:
            LinkError: the broker does not take it, or the connection is lost.
        """
        async with self._line:
            await connection.send(message)

    async def _send_some(self, connection: Connection) -> bool:
        """Send what comes next; returns whether there was anything."""
        reach = _AT_ONCE + len(self._suspects)
        refusals = self._desk.refusals(_AT_ONCE)
        if again := [r for r in refusals if r in self._suspects]:
            self._desk.discard_refusals(again)  # those of a repeated request
            return True
        if refusals:
            self._settle_refusals(await self._publish(connection, {r: (r, r) for r in refusals}))
            return True
        due = await self._desk.due(reach)
        # After fetching the answers, because the pieces of an answer go before it.
        await self._send_pieces(connection)
        answers = [d for d in due if _key(d) not in self._suspects][:_AT_ONCE]
        if not answers:
            return await self._send_a_suspect(connection, due)
        batch = {_key(d): (d, self._desk.outgoing(d)) for d in answers}
        await self._settle_answers(answers, await self._publish(connection, batch))
        return True

    async def _send_a_suspect(self, connection: Connection, due: Sequence[Delivery]) -> bool:
        """Send the least suspected message alone; returns whether one was due."""
        waiting = set(map(_key, due))
        now = time.monotonic()
        ready = [
            suspicion
            for key, suspicion in self._suspects.items()
            if suspicion.not_before <= now
            and (isinstance(suspicion.item, Outgoing) or key in waiting)
        ]
        if not ready:
            return False
        item = min(ready, key=lambda suspicion: suspicion.losses).item
        await self._witness.come()
        if isinstance(item, Delivery):
            batch = {_key(item): (item, self._desk.outgoing(item))}
            await self._settle_answers([item], await self._publish(connection, batch))
        elif isinstance(item, Outgoing):
            self._settle_refusals(await self._publish(connection, {item: (item, item)}))
        return True

    async def _send_pieces(self, connection: Connection) -> None:
        suspected = {suspicion.topic for suspicion in self._suspects.values()}
        async with self._line:
            for piece in self._desk.pieces(congested=connection.congested):
                if piece.topic in self._silent or piece.topic in suspected:
                    continue
                self._unproven.add(piece.topic)
                try:
                    await connection.send(piece)
                except Refused as error:
                    self._note("a piece", piece.topic, error)

    async def _publish(
        self, connection: Connection, batch: Mapping[object, tuple[Item, Outgoing]]
    ) -> dict[object, LinkError | None]:
        """Send messages together; returns the outcome of each.

        Raises:
            LinkError: the connection is lost, and none was delivered.
        """
        outcomes: dict[object, LinkError | None] = {}
        on_its_way: set[object] = set()
        silence: set[object] = set()

        async def send(key: object, message: Outgoing) -> None:
            on_its_way.add(key)
            try:
                await connection.send(message)
                outcomes[key] = None
            except (Refused, Later) as error:
                outcomes[key] = error
            except Unacknowledged:
                silence.add(key)
                raise
            except LinkError:  # it was not sent
                on_its_way.discard(key)
                raise

        async with self._line:
            try:
                results = await asyncio.gather(
                    *(send(key, message) for key, (_, message) in batch.items()),
                    return_exceptions=True,
                )
            finally:
                # Also if this was cancelled because another task noticed the loss first.
                if outcomes:
                    self._unproven.clear()
                lost = (on_its_way if connection.lost else silence) - outcomes.keys()
                entries = {key: batch[key] for key in batch if key in lost}
                self._blame(entries, connection, alone=len(batch) == 1)
        faults = [fault for fault in results if isinstance(fault, BaseException)]
        if faults and (len(faults) == len(batch) or connection.lost):
            raise faults[0]
        for key, (item, message) in batch.items():
            outcome = outcomes.get(key)
            if isinstance(outcome, Later):
                self._postpone(key, item, message, outcome)
            elif key in outcomes:
                self._suspects.pop(key, None)
                if outcome is None:
                    self._silent.pop(message.topic, None)
        return outcomes

    def _blame(
        self, lost: Mapping[object, tuple[Item, Outgoing]], connection: Connection, *, alone: bool
    ) -> None:
        """Suspect the messages that were on their way when the connection was lost."""
        accused = bool(connection.accusation)
        self.accused |= accused and bool(lost)
        for key, (item, message) in lost.items():
            suspicion = self._suspicion(key, item, message)
            if connection.cleared:
                continue
            if alone and connection.hung_up and not accused and self._witness.present:
                self._unjudged.append(key)
                continue
            suspicion.losses += 1
            suspicion.proven += accused
            if alone:
                self._condemn(key, proven=accused)

    def _condemn(self, key: object, *, proven: bool) -> None:
        """Have a message set aside once it has lost enough connections.

        Losses for which the broker accused other messages count against it too, so the last loss
        must be its own.
        """
        suspicion = self._suspects[key]
        if suspicion.losses >= _LOSSES or (proven and suspicion.proven >= _PROVEN_LOSSES):
            del self._suspects[key]
            self._condemned.append(suspicion.item)

    async def _judge(self) -> None:
        """Ask the witness about hang-ups, once there is a connection again."""
        async with self._judging:
            if not self._unjudged:
                return
            served = await self._witness.is_served()
            for key in self._unjudged:
                if served and key in self._suspects:
                    self._suspects[key].losses += 1
                    self._suspects[key].proven += 1
                    self._condemn(key, proven=True)
            self._unjudged.clear()

    def _suspicion(self, key: object, item: Item, message: Outgoing) -> _Suspicion:
        """The suspicion against a message. A suspected refusal waits here instead of at the desk,
        where it would take the place of others."""
        suspicion = self._suspects.get(key)
        if suspicion is None:
            suspicion = self._suspects[key] = _Suspicion(item, message.topic)
            if isinstance(item, Outgoing):
                self._desk.discard_refusals([item])
        if len(self._suspects) > _SUSPECTS:
            _, forgotten = self._suspects.popitem(last=False)
            self.sent.undeliverable += isinstance(forgotten.item, Outgoing)
        return suspicion

    def _postpone(self, key: object, item: Item, message: Outgoing, error: Later) -> None:
        suspicion = self._suspicion(key, item, message)
        wait_s = min(_LATER_MAX_S, _LATER_S * 2**suspicion.delays)
        suspicion.delays = min(suspicion.delays + 1, 16)
        suspicion.not_before = time.monotonic() + wait_s
        self._note("a message", message.topic, error)
        asyncio.get_running_loop().call_later(wait_s, self._desk.wake.set)

    async def _set_aside(self) -> None:
        """Remove what has cost the connection too often."""
        for item in [item for item in self._condemned if not isinstance(item, int)]:
            if isinstance(item, Delivery):
                await self._desk.discard_answers([item.number])
                self._count_set_aside(f"the answer to {item.request_id!r}", item.address.topic)
                self._desk.report(item, "the broker hangs up on it", elsewhere=True)
            else:
                self._count_set_aside("a refusal", item.topic)
            self._condemned.remove(item)

    def _count_set_aside(self, what: str, topic: str) -> None:
        self.sent.set_aside += 1
        self.sent.problem = (
            f"{what} for the topic {topic[:80]!r} cost the connection to the broker again and is "
            "set aside"
        )
        self._warnings.add("set aside", self.sent.problem)

    def _settle_refusals(self, outcomes: Mapping[object, LinkError | None]) -> None:
        settled = [r for r, outcome in outcomes.items() if not isinstance(outcome, Later)]
        self._desk.discard_refusals([r for r in settled if isinstance(r, Outgoing)])
        for refusal, outcome in outcomes.items():
            if isinstance(outcome, Refused) and isinstance(refusal, Outgoing):
                self.sent.undeliverable += 1
                self._note("a refusal", refusal.topic, outcome)

    async def _settle_answers(
        self, answers: Sequence[Delivery], outcomes: Mapping[object, LinkError | None]
    ) -> None:
        settled = []
        for delivery in answers:
            outcome = outcomes.get(_key(delivery), Later("on its way"))
            if isinstance(outcome, Later):
                continue
            settled.append(delivery.number)
            if outcome is None:
                self.sent.answers += 1
            else:
                self.sent.undeliverable += 1
                self._note("an answer", delivery.address.topic, outcome)
                self._desk.report(
                    delivery, str(outcome), elsewhere=not isinstance(outcome, TooLarge)
                )
        await self._desk.discard_answers(settled)

    def _note(self, what: str, topic: str, error: LinkError) -> None:
        self.sent.problem = f"{what} for {topic[:80]!r} can't be delivered: {error}"
        self._warnings.add("undeliverable", self.sent.problem)


def _key(item: Delivery | Outgoing) -> object:
    """What identifies a message over all attempts to send it."""
    return ("answer", item.number) if isinstance(item, Delivery) else item
