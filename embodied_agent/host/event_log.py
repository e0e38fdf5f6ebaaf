"""One log line per event of a running agent, for people or, as JSON, for programs.

    2026-03-01T10:00:00.123Z info  delta keyframe=3 text="#3 rotate left 45: sofa front near."
    {"time": "2026-03-01T10:00:00.123Z", "level": "info", "event": "delta", "keyframe": 3, …}

Out of scope: counters (`embodied_agent.agent.status`), metrics
(`embodied_agent.interfaces.web.metrics`).
"""

from __future__ import annotations

import json
import logging
import re
import sys
from collections.abc import Callable
from datetime import datetime, timezone
from typing import Literal

from pydantic import JsonValue

from embodied_agent.agent import Agent
from embodied_agent.agent.listeners import Listener
from embodied_agent.agent.question_queue import QuestionQueue, QueuedQuestion, QueueListener
from embodied_agent.codec import JsonObject
from embodied_agent.records import Answer, Delta, Keyframe
from embodied_agent.support.redaction import values_without_credentials
from embodied_agent.transcript.text import entry_text

_log = logging.getLogger("embodied_agent.run")

#: Longest text of a question, an answer or a delta in a line, in characters.
_LONGEST = 500


def log_event(event: str, level: int = logging.INFO, **fields: JsonValue) -> None:
    """Log one event with its fields."""
    _log.log(level, event, extra={"fields": fields})


class _Formatter(logging.Formatter):
    def values(self, record: logging.LogRecord) -> JsonObject:
        when = datetime.fromtimestamp(record.created, timezone.utc)
        values: JsonObject = {
            "time": when.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "level": record.levelname.lower(),
        }
        # Where `log_event` puts them: extra values become attributes of the record.
        fields = record.__dict__.get("fields")
        if fields is not None:
            return {**values, "event": record.getMessage(), **fields}
        values |= {"event": "log", "logger": record.name, "message": record.getMessage()}
        if record.exc_info:
            values["traceback"] = self.formatException(record.exc_info)
        return values


class JsonFormatter(_Formatter):
    """A JSON object per line."""

    def format(self, record: logging.LogRecord) -> str:
        return json.dumps(values_without_credentials(self.values(record)))


#: What must not reach a terminal: controls, and what changes the order of characters.
_STEERS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")


class TextFormatter(_Formatter):
    """``time level event name=value …`` on one line; a traceback follows on indented lines, so that
    a text in it can't forge a line of the log."""

    def format(self, record: logging.LogRecord) -> str:
        values = {
            name: values_without_credentials(value) for name, value in self.values(record).items()
        }
        trace = values.pop("traceback", "")
        head = f"{values.pop('time')} {values.pop('level'):<7} "
        if values.pop("event") == "log":
            # Escaped, so that a foreign message can't forge further lines.
            rest = f"{values['logger']}: {json.dumps(values['message'])[1:-1]}"
        else:
            parts = (f"{name}={json.dumps(value)}" for name, value in values.items())
            rest = " ".join((record.getMessage(), *parts))
        lines = (_STEERS.sub("\N{REPLACEMENT CHARACTER}", line) for line in str(trace).splitlines())
        return head + rest + "".join(f"\n    {line}" for line in lines)


def log_to_stderr(style: Literal["text", "json"], level: int = logging.INFO) -> None:
    """Send what this package logs, and other packages' warnings, to stderr in that style."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter() if style == "json" else TextFormatter())
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(logging.WARNING)
    ours = logging.getLogger("embodied_agent")
    ours.handlers = []
    ours.setLevel(level)


def log_agent(agent: Agent) -> Callable[[], None]:
    """Log keyframes and deltas until the returned function is called."""

    def on_keyframe(keyframe: Keyframe) -> None:
        overlap = keyframe.overlap_ratio
        log_event(
            "keyframe",
            keyframe=keyframe.id,
            reason=keyframe.reason,
            segment=keyframe.segment,
            stamp_ns=keyframe.stamp_ns,
            overlap_ratio=None if overlap is None else round(overlap, 3),
        )

    def on_delta(keyframe: Keyframe, delta: Delta) -> None:
        log_event(
            "delta",
            logging.INFO if delta.usable else logging.WARNING,
            keyframe=keyframe.id,
            text=entry_text(delta).strip()[:_LONGEST],
            usable=delta.usable,
            latency_s=round(delta.latency_s, 3),
        )

    return agent.listen(Listener(on_keyframe=on_keyframe, on_delta=on_delta))


def log_questions(questions: QuestionQueue) -> Callable[[], None]:
    """Log questions and answers until the returned function is called."""

    def on_question(queued: QueuedQuestion) -> None:
        question = queued.question
        log_event("ask", id=question.id, client=queued.client, question=question.text[:_LONGEST])

    def on_answer(queued: QueuedQuestion, answer: Answer) -> None:
        log_event(
            "answer",
            logging.WARNING if answer.status == "failed" else logging.INFO,
            id=queued.question.id,
            client=queued.client,
            status=answer.status,
            text=answer.text[:_LONGEST],
            choice=answer.choice,
            problem=answer.problem[:_LONGEST],
            latency_s=round(sum(answer.latency_s.get(k, 0.0) for k in ("queue", "total")), 3),
        )

    return questions.listen(QueueListener(on_question, on_answer))
