"""The checks of a model server by `embodied-agent doctor`: everything that the agent will use.

Each check is a small, real request. If its result is inconclusive, it is reported as unknown.

Out of scope: the machine itself (`checks`).
"""

from __future__ import annotations

import json
import re
import secrets
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlsplit

from embodied_agent.chat.client import ChatServer
from embodied_agent.chat.messages import Message, with_pictures
from embodied_agent.doctor.sight import Trial
from embodied_agent.errors import ModelError
from embodied_agent.perception.prompts import full_schema
from embodied_agent.settings import ServerSettings
from embodied_agent.support.redaction import without_credentials

#: How long listing the models (``LIST_S``) and any other request (``CALL_S``) may take, in seconds.
LIST_S, CALL_S = 5.0, 60.0
#: A repeated prompt was cached if its first token takes less than this share of the first time.
_SOONER = 0.6
#: Lengths of the long prompt, in characters, tried in turn because context lengths differ.
_LENGTHS = (12_000, 3_000, 1_000)
_HITS = re.compile(r"^vllm:prefix_cache_(hits|queries)(?:_total)?(?:\{[^}]*\})? (\S+)$", re.M)


@dataclass(frozen=True, slots=True)
class Finding:
    """The result of one check of a server. ``works`` is ``None`` if the check was inconclusive.
    ``essential`` means that the agent can't use a server without it."""

    what: str
    works: bool | None
    detail: str
    essential: bool = True


def try_server(
    settings: ServerSettings, role: Literal["perceiver", "reasoner"], *, schema: bool
) -> Iterator[Finding]:
    """Run every check in order, leaving out those that are pointless after a failure.

    Args:
        settings: the server's settings.
        role: a perceiver is sent two pictures, a reasoner the same long prompt twice.
        schema: whether the agent will request replies that follow a schema.
    """
    try:
        server = ChatServer(settings, guarded=False)
    except ModelError as error:
        yield Finding("reachable", False, str(error))
        return
    try:
        yield from _tries(server, settings, role, schema)
    finally:
        server.close()


def _tries(
    server: ChatServer, settings: ServerSettings, role: str, schema: bool
) -> Iterator[Finding]:
    started = time.monotonic()
    try:
        names = server.models(LIST_S)
    except ModelError as error:
        yield Finding("reachable", False, str(error))
        return
    took_ms = (time.monotonic() - started) * 1000
    yield Finding(
        "reachable", True, f"{without_credentials(settings.base_url)} responds in {took_ms:.0f} ms"
    )
    known = ", ".join(names[:10]) or "no models"
    if not names and not settings.model:
        yield Finding("model", False, "the server lists no models; set server.model")
        return
    if names and settings.model and settings.model not in names:
        yield Finding("model", False, f"the server has {known}, not {settings.model}")
        return
    # Some servers don't list their models; then the next check decides.
    yield Finding("model", bool(names) or None, settings.model or names[0])
    pictures = 2 if role == "perceiver" else 0
    what = "two pictures" if pictures else "a question"
    try:
        first_s, total_s, _ = _timed(server, _messages(pictures), max_tokens=16)
    except ModelError as error:
        yield Finding(what, False, str(error))
        return
    yield Finding(what, True, "accepted")
    yield Finding(
        "latency",
        True,
        f"first token after {first_s * 1000:.0f} ms, up to 16 tokens after {total_s * 1000:.0f} ms",
        essential=False,
    )
    if schema:
        # The compact style is only for a model that has learned nothing else.
        if pictures:
            yield _sight(server)
        yield _schema(server, pictures)
    if role == "reasoner":
        yield _prefix_cache(server, settings)


def _sight(server: ChatServer) -> Finding:
    what = "what is in them"
    trial = Trial.drawn()
    try:
        reply = server.complete([trial.message()], max_tokens=256)
    except ModelError as error:
        return Finding(what, None, str(error), essential=False)
    seen, detail = trial.judge(reply)
    return Finding(what, seen == "both", detail, essential=False)


def _schema(server: ChatServer, pictures: int) -> Finding:
    schema = full_schema(first=False, watching=False)
    required = schema["required"]
    assert isinstance(required, list)
    try:
        pieces = server.stream(_messages(pictures), max_tokens=400, timeout_s=CALL_S, schema=schema)
        reply = "".join(piece.text for piece in pieces if not piece.reasoning)
    except ModelError as error:
        return Finding("schema", False, str(error), essential=False)
    if server.schemas_refused:
        detail = "not supported; replies are parsed leniently, and requested again if that fails"
        return Finding("schema", False, detail, essential=False)
    try:
        follows = set(map(str, required)) <= set(json.loads(reply))
    except (ValueError, TypeError):
        # A reply may be cut off at its maximum length; its beginning then decides.
        follows = bool(re.match(r'\s*\{\s*("action"\s*:\s*"|$)', reply))
    if reply.strip() == "{":
        detail = "supported, but the model only writes spaces: it was not trained to write JSON"
        return Finding("schema", None, detail, essential=False)
    if follows:
        return Finding("schema", True, "supported; the reply follows it", essential=False)
    detail = "accepted, but the reply does not follow it"
    return Finding("schema", False, detail, essential=False)


def _prefix_cache(server: ChatServer, settings: ServerSettings) -> Finding:
    what = "prefix cache"
    before = _counters(settings)
    error = ""
    for length in _LENGTHS:
        # The prompt begins with random text, so that no earlier prompt can have filled the cache.
        text = f"{secrets.token_hex(8)} " + "the red sofa is in front; " * (length // 26)
        messages: list[Message] = [{"role": "user", "content": f"{text}\nSay yes."}]
        try:
            first_s, _, _ = _timed(server, messages, max_tokens=1)
            again_s, _, _ = _timed(server, messages, max_tokens=1)
        except ModelError as failure:
            error = str(failure)
            continue
        after = _counters(settings)
        times = (
            f"first token after {first_s * 1000:.0f} ms, the second time after "
            f"{again_s * 1000:.0f} ms"
        )
        if before and after and after["queries"] > before["queries"]:
            hits = after["hits"] - before["hits"]
            share = hits / (after["queries"] - before["queries"])
            # The same prompt twice: at best, half of all tokens are cached.
            detail = f"{min(1.0, 2 * share):.0%} of the second prompt was cached; {times}"
            return Finding(what, share > 0.25, detail, essential=False)
        if again_s < _SOONER * first_s:
            return Finding(what, True, f"works: {times}", essential=False)
        return Finding(what, None, f"the server does not report it; {times}", essential=False)
    return Finding(what, None, f"the server accepted no long prompt: {error}", essential=False)


def _timed(
    server: ChatServer, messages: Sequence[Message], *, max_tokens: int
) -> tuple[float, float, str]:
    """Seconds until the first piece and until the end, and the reply."""
    started, first, reply = time.monotonic(), None, ""
    for piece in server.stream(messages, max_tokens=max_tokens, timeout_s=CALL_S):
        first = first or time.monotonic()
        reply += piece.text
    ended = time.monotonic()
    return (first or ended) - started, ended - started, reply


def _messages(pictures: int) -> list[Message]:
    text = "How did the camera move, and what is new?"
    if not pictures:
        return [{"role": "user", "content": text}]
    shades = range(60, 60 + 90 * pictures, 90)
    return [with_pictures([_picture(shade) for shade in shades], text)]


def _picture(shade: int) -> bytes:
    import cv2
    import numpy as np

    # With a visible edge, and in the size that the built-in model expects.
    image = np.full((192, 192, 3), shade, np.uint8)
    image[:, :64] = 255 - shade
    _, encoded = cv2.imencode(".png", image)
    return encoded.tobytes()


def _counters(settings: ServerSettings) -> dict[str, float]:
    """vLLM's counters of prompt tokens looked up in the cache (``queries``) and present in it
    (``hits``); empty if the server has none."""
    address = urlsplit(settings.base_url)
    request = urllib.request.Request(f"{address.scheme}://{address.netloc}/metrics")
    try:
        with urllib.request.urlopen(request, timeout=LIST_S) as response:
            text = response.read(5_000_000).decode("utf-8", "replace")
    except (OSError, urllib.error.URLError, ValueError):
        return {}
    counters: dict[str, float] = {}
    for name, value in _HITS.findall(text):
        try:
            counters[name] = counters.get(name, 0.0) + float(value)
        except ValueError:
            return {}
    return counters if {"hits", "queries"} <= counters.keys() else {}
