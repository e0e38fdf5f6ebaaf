"""The perceiver behind an OpenAI-compatible server: any vision-language model, or the built-in one.

Out of scope: the connection (`embodied_agent.chat.client`), what is asked and how the reply is
parsed (`prompts` and `replies` for general models, `language` for the built-in one).
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from typing import Literal, NamedTuple

import cv2

from embodied_agent.chat.client import ChatServer
from embodied_agent.chat.messages import Message, readable, with_pictures
from embodied_agent.chat.status import ReplyCounts
from embodied_agent.codec import JsonObject
from embodied_agent.errors import ModelError, ReplyError
from embodied_agent.images import decode, image_size, scaled_jpeg
from embodied_agent.perception import language
from embodied_agent.perception.boxes import BoxReader, Convention, convention_of
from embodied_agent.perception.geometry import delta_from_egomotion
from embodied_agent.perception.measuring import contradicts, measured
from embodied_agent.perception.prompts import (
    AGAIN,
    MAX_OBJECTS,
    WHICH_ACTION,
    full_prompt,
    full_schema,
)
from embodied_agent.perception.reading import TRUSTED_CONFIDENCE, delta_from_reading
from embodied_agent.perception.replies import FullReply, parse_full
from embodied_agent.records import (
    Action,
    Delta,
    Frame,
    Image,
    Keyframe,
    Mention,
    direction_at,
)
from embodied_agent.settings import PerceptionSettings
from embodied_agent.support.redaction import without_credentials

#: JPEG quality of pictures that are scaled down before they are sent.
_JPEG_QUALITY = 90
#: What a box adds to a reply, in tokens.
BOX_TOKENS = 25


class _Reading(NamedTuple):
    action: Action | None
    mentions: tuple[Mention, ...]
    observation: str = ""


class ServedPerceiver:
    """`Perceiver` that asks a server. Connects when the first keyframe needs it.

    Raises:
        ModelError: ``server.base_url`` is not an http(s) URL.
    """

    def __init__(self, settings: PerceptionSettings) -> None:
        self._settings = settings
        self._server = ChatServer(settings.server)
        self._lock = threading.Lock()
        self._counts = {"asked_again": 0, "repaired": 0, "unusable": 0}
        self._boxes = BoxReader()
        self._style: Literal["full", "compact"] = (
            "full" if settings.prompt == "auto" else settings.prompt
        )

    @property
    def name(self) -> str:
        """The model's name as the server knows it."""
        return self._server.name

    def perceive(self, previous: Keyframe | None, current: Keyframe) -> Delta:
        """What changed, as the served model sees it; see `Perceiver.perceive`.

        Raises:
            DecodeError: a keyframe's picture can't be decoded.
            ModelUnavailable: the server is down, slow or overloaded.
            ModelError: the server refuses the request.
        """
        started = time.monotonic()
        try:
            reading = (
                self._ask_compact(previous, current)
                if self._style == "compact"
                else self._ask_full(previous, current)
            )
        except ReplyError as error:
            self._count("unusable")
            delta = delta_from_egomotion(
                previous, current, model=self.name, usable=False, problem=str(error)
            )
        else:
            delta = delta_from_reading(
                reading.action,
                reading.mentions,
                previous,
                current,
                model=self.name,
                observation=reading.observation,
            )
        return replace(delta, latency_s=time.monotonic() - started)

    def perceive_batch(self, pairs: Sequence[tuple[Keyframe | None, Keyframe]]) -> list[Delta]:
        """`perceive` for each pair, as many concurrently as there are workers."""
        if len(pairs) < 2 or self._settings.workers == 1:
            return [self.perceive(previous, current) for previous, current in pairs]
        with ThreadPoolExecutor(self._settings.workers, "perceive") as pool:
            return list(pool.map(lambda pair: self.perceive(*pair), pairs))

    def reply_counts(self) -> ReplyCounts:
        """What became of the replies so far."""
        with self._lock:
            return ReplyCounts(
                url=without_credentials(self._settings.server.base_url),
                boxes_refused=self._boxes.refused,
                **self._counts,
            )

    @property
    def notice(self) -> str:
        """Why the model's boxes are not used any more; empty if they are."""
        if self._boxes.believed:
            return ""
        return (
            f"The boxes of {self.name} are not used: {self._boxes.problem}. Set perception.boxes "
            "to how the model counts, or to off"
        )

    def close(self) -> None:
        """Close the connection. Safe to call twice."""
        self._server.close()

    def _ask_full(self, previous: Keyframe | None, current: Keyframe) -> _Reading:
        first = previous is None
        seen = [keyframe for keyframe in (previous, current) if keyframe is not None]
        watch_list = self._settings.watch_list
        boxes = self._convention()
        pictures = [
            readable(keyframe_jpeg(keyframe, self._settings.image_width)) for keyframe in seen
        ]
        asked = with_pictures(pictures, full_prompt(first, current.egomotion, watch_list, boxes))
        schema = full_schema(first, watching=bool(watch_list), boxes=boxes is not None)
        reply = self._complete([asked], schema)
        try:
            read = parse_full(reply)
        except ReplyError:
            read = parse_full(self._again(asked, reply, AGAIN, schema))
        else:
            if not first and _needs_action(read, current):
                read = self._with_action(read, self._again(asked, reply, WHICH_ACTION, schema))
        self._count("repaired", read.repaired)
        mentions = read.mentions
        if boxes is not None:
            mentions = self._located(read, current, boxes, image_size(pictures[-1]))
        return _Reading(read.action, mentions, read.observation)

    def _convention(self) -> Convention | None:
        """How the model counts in boxes; ``None`` if it is not asked for any, or not any more."""
        if self._settings.boxes == "off" or not self._boxes.believed:
            return None
        if self._settings.boxes != "auto":
            return self._settings.boxes
        with suppress(ModelError):  # the request that follows fails in the same way, or retries
            return convention_of(self._server.model_name())
        return None

    def _located(
        self, read: FullReply, current: Keyframe, convention: Convention, size: tuple[int, int]
    ) -> tuple[Mention, ...]:
        """The mentions with their boxes, those that can be right in a picture of this ``size``."""
        boxes = self._boxes.read(read.boxes, convention, size)
        mentions = []
        for mention, box in zip(read.mentions, boxes, strict=True):
            if box is not None:
                located = measured(mention, box, current, self._settings.field_of_view_deg)
                assert located.bearing_deg is not None
                if contradicts(mention.direction, located.bearing_deg):
                    self._boxes.refuse_one()
                else:
                    mention = replace(located, direction=direction_at(located.bearing_deg))
            mentions.append(mention)
        return tuple(dict.fromkeys(mentions))

    def _again(self, asked: Message, reply: str, wrong: str, schema: JsonObject) -> str:
        """The reply after being told what was ``wrong``, or greedy sampling would repeat it."""
        self._count("asked_again")
        messages: list[Message] = [
            asked,
            {"role": "assistant", "content": reply},
            {"role": "user", "content": wrong},
        ]
        return self._complete(messages, schema)

    def _with_action(self, read: FullReply, reply: str) -> FullReply:
        """The second reply if it is better, else the first, whose action stays open."""
        try:
            second = parse_full(reply)
        except ReplyError:
            return read
        return second if second.action is not None or second.open else read

    def _count(self, what: str, happened: bool = True) -> None:
        with self._lock:
            self._counts[what] += happened

    def _ask_compact(self, previous: Keyframe | None, current: Keyframe) -> _Reading:
        # Asked once: the built-in model was not trained to correct itself.
        asked = with_pictures(
            [_squared(keyframe) for keyframe in (previous, current) if keyframe is not None],
            language.compact_prompt(None if previous is None else current.egomotion),
        )
        read = language.parse_compact(self._complete([asked]))
        return _Reading(read.action, read.mentions)

    def _complete(self, messages: list[Message], schema: JsonObject | None = None) -> str:
        longer = BOX_TOKENS * MAX_OBJECTS if schema and '"bbox_2d"' in json.dumps(schema) else 0
        max_tokens = self._settings.max_tokens + longer
        return self._server.complete(messages, max_tokens=max_tokens, schema=schema)


def _needs_action(read: FullReply, current: Keyframe) -> bool:
    """Whether the reply's action is none of the ten and no measurement replaces it."""
    if read.action is not None or read.open:
        return False
    motion = current.egomotion
    if motion is None:
        return True
    return motion.action is not None and motion.confidence < TRUSTED_CONFIDENCE


def _pixels(keyframe: Keyframe) -> Image:
    return decode(Frame(keyframe.stamp_ns, encoded=keyframe.jpeg))


def keyframe_jpeg(keyframe: Keyframe, side: int) -> bytes:
    """The keyframe's JPEG, with its longer side at most ``side`` pixels."""
    frame = Frame(keyframe.stamp_ns, encoded=keyframe.jpeg)
    return scaled_jpeg(frame, side, _JPEG_QUALITY, height=side)


def _squared(keyframe: Keyframe) -> bytes:
    """The picture as the built-in model takes it: PNG, so that the pixels are as in process."""
    picture = language.square_picture(_pixels(keyframe))
    _, encoded = cv2.imencode(".png", cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))
    return encoded.tobytes()
