"""Reads YAML and JSON from outside with limits on size and depth, and without YAML's extensions.

Aliases and merge keys let a few hundred characters expand to gigabytes, and tags construct types
that raise errors of their own. Settings and metadata need neither, so both are refused. Every
problem with a text raises the same error.

Out of scope: what a document means; the replies of models (`embodied_agent.perception.replies`).
"""

from __future__ import annotations

import json
from typing import Any

import yaml

#: Longest document unless the caller knows better, in characters or bytes.
MAX_SIZE = 4_000_000
#: Deepest nesting.
MAX_DEPTH = 100
#: Longest bare word: a number of thousands of digits takes seconds to read.
_MAX_BARE = 1000
_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
#: What the libraries raise, beside their own errors, on texts that nobody meant.
_ERRORS = (
    yaml.YAMLError,
    ValueError,
    LookupError,
    TypeError,
    AttributeError,
    ArithmeticError,
    RecursionError,
    MemoryError,
)


class DocumentError(ValueError):
    """A text is not a document of that kind, or goes beyond the bounds."""


def read_yaml(text: str | bytes, *, max_size: int = MAX_SIZE) -> Any:
    """The values of a YAML document; ``None`` for an empty one.

    Args:
        text: UTF-8 where it is bytes.
        max_size: longest text, in characters or bytes.

    Raises:
        DocumentError: it is not YAML, is too large or too deep, or holds aliases, merge keys or
            tags.
    """
    _check_size(text, max_size)
    try:
        _check_events(text)
        return yaml.load(text, Loader=_Loader)
    except DocumentError:
        raise
    except _ERRORS as error:
        raise DocumentError(_words(error)) from error


def read_json(text: str | bytes, *, max_size: int = MAX_SIZE) -> Any:
    """The values of a JSON document.

    Raises:
        DocumentError: it is not JSON, or is too large or too deep.
    """
    _check_size(text, max_size)
    try:
        return json.loads(text)
    except _ERRORS as error:
        raise DocumentError(_words(error)) from error


def _check_size(text: str | bytes, max_size: int) -> None:
    if len(text) > max_size:
        raise DocumentError(f"it is longer than {max_size} bytes, which no such document is")


def _check_events(text: str | bytes) -> None:
    """Refuse what could make the loader work without end; takes time in proportion to the text."""
    depth = 0
    for event in yaml.parse(text, Loader=_Loader):
        if isinstance(event, yaml.events.AliasEvent) or getattr(event, "anchor", None):
            raise DocumentError("it holds anchors or aliases (& and *), which are not read")
        if getattr(event, "tag", None):
            raise DocumentError(f"it holds the tag {event.tag!r}; tags are not read")
        if isinstance(event, yaml.events.ScalarEvent):
            if event.style:
                continue  # in quotes
            if event.value == "<<":
                raise DocumentError("it holds a merge key (<<), which is not read")
            if len(event.value) > _MAX_BARE and event.value[:1] in "+-.0123456789":
                raise DocumentError(f"it holds a number of {len(event.value)} characters")
        elif isinstance(event, yaml.events.CollectionStartEvent):
            depth += 1
            if depth > MAX_DEPTH:
                raise DocumentError(f"it is nested more than {MAX_DEPTH} levels deep")
        elif isinstance(event, yaml.events.CollectionEndEvent):
            depth -= 1


def _words(error: BaseException) -> str:
    return str(error) or type(error).__name__
