"""A message's fields as text: ``percentage``, or ``{latitude:.6f}, {longitude:.6f}``.

A template names fields of a message, of messages within it (``status.level``) and of arrays
(``cells[0].voltage``), with formats as in `format`. Messages are those of rclpy, rosbags, protobuf,
and decoded JSON. Nothing is evaluated, and nothing but fields is looked up.

Out of scope: which messages are read, and what becomes of the text.
"""

from __future__ import annotations

import dataclasses
import math
import numbers
import re
import string
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

#: Longest template, in characters, and most items of an array that are told.
_LONGEST, _MOST_ITEMS = 500, 16
_PATH = re.compile(r"[A-Za-z]\w*(?:\[\d{1,6}\])*(?:\.[A-Za-z]\w*(?:\[\d{1,6}\])*)*")
_STEP = re.compile(r"[A-Za-z]\w*|\[\d+\]")
#: Widths and precisions have two digits at most: a format must not make a text huge.
_FORMAT = re.compile(r"(?:.?[<>^=])?[-+ ]?#?0?\d{0,2},?(?:\.\d{1,2})?[bdeEfFgGosxX%]?")


class FieldError(ValueError):
    """A template can't be read, or names what a message does not have."""


@dataclass(frozen=True, slots=True)
class Placeholder:
    """A field in a template: the steps to it, and its format."""

    path: str
    steps: tuple[str | int, ...]
    form: str


@dataclass(frozen=True, slots=True)
class MessageTemplate:
    """A template that was read. Make one with `parse`."""

    parts: tuple[str | Placeholder, ...]

    @classmethod
    def parse(cls, text: str) -> MessageTemplate:
        """Read a template: one field's path, or a text with fields in braces (``{{`` is a brace).

        Raises:
            FieldError: it can't be read, or names no field.
        """
        if len(text) > _LONGEST:
            raise FieldError(f"a template has at most {_LONGEST} characters, not {len(text)}")
        if "{" not in text and "}" not in text:
            return cls((_placeholder(text, ""),))
        parts: list[str | Placeholder] = []
        try:
            for literal, path, form, conversion in string.Formatter().parse(text):
                if literal:
                    parts.append(literal)
                if path is not None:
                    if conversion:
                        raise FieldError(f"{text!r} has a conversion (!{conversion}); leave it out")
                    parts.append(_placeholder(path, form or ""))
        except ValueError as error:
            raise FieldError(f"the template {text!r} can't be read: {error}") from error
        if not any(isinstance(part, Placeholder) for part in parts):
            raise FieldError(f"the template {text!r} names no field: write fields in braces")
        return cls(tuple(parts))

    def text_of(self, message: Any) -> str | None:
        """The text for a message; ``None`` where one of the numbers in it is not finite, as a
        battery's percentage is that was not measured.

        Raises:
            FieldError: the message has no such field, which names those that it has; or a value has
                no text in that format.
        """
        texts = []
        for part in self.parts:
            text = part if isinstance(part, str) else _text(_found(message, part), part)
            if text is None:
                return None
            texts.append(text)
        return "".join(texts)


def fields_of(message: Any) -> tuple[str, ...]:
    """The names of a message's fields; empty for what is no message."""
    if isinstance(message, dict):
        return tuple(str(name) for name in message)
    if hasattr(message, "get_fields_and_field_types"):  # rclpy
        return tuple(message.get_fields_and_field_types())
    if hasattr(message, "DESCRIPTOR"):  # protobuf
        return tuple(field.name for field in message.DESCRIPTOR.fields)
    if dataclasses.is_dataclass(message):  # rosbags
        names = (field.name for field in dataclasses.fields(message))
        return tuple(name for name in names if not name.startswith("_"))
    return ()


def _placeholder(path: str, form: str) -> Placeholder:
    path = path.strip()
    if not _PATH.fullmatch(path):
        raise FieldError(f"{path!r} is not a field: write name, name.part or name[0]")
    if not _FORMAT.fullmatch(form):
        raise FieldError(f"{form!r} is not a format that is read: write .1f, .0% or 03d")
    steps = tuple(int(step[1:-1]) if step.startswith("[") else step for step in _STEP.findall(path))
    return Placeholder(path, steps, form)


def _found(message: Any, part: Placeholder) -> Any:
    value = message
    passed = ""
    for step in part.steps:
        if isinstance(step, int):
            if isinstance(value, str | bytes) or not hasattr(value, "__getitem__"):
                raise FieldError(f"{passed or 'the message'} is not an array")
            if step >= len(value):
                raise FieldError(
                    f"{passed} has {len(value)} items, so there is no {passed}[{step}]"
                )
            value = value[step]
            passed += f"[{step}]"
            continue
        names = fields_of(value)
        if step not in names:
            has = f"it has {', '.join(names)}" if names else "it has no fields"
            raise FieldError(f"{passed or 'the message'} has no field {step!r}; {has}")
        value = value[step] if isinstance(value, dict) else getattr(value, step)
        passed += f".{step}" if passed else step
    return value


def _text(value: Any, part: Placeholder) -> str | None:
    if hasattr(value, "tolist"):  # of numpy, which settings must not load
        value = value.tolist()
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, numbers.Real):
        number = value if isinstance(value, int) else float(value)
        if not math.isfinite(number):
            return None
        return _formatted(number, part) if part.form else _number(number)
    if isinstance(value, str):
        return _formatted(value, part) if part.form else value
    names = fields_of(value)
    if names:
        raise FieldError(f"{part.path} is a message; name one of its fields: {', '.join(names)}")
    if isinstance(value, Sequence | set | frozenset) or hasattr(value, "__len__"):
        items = [] if isinstance(value, bytes | bytearray) else list(value)
        if 0 < len(items) <= _MOST_ITEMS:
            texts = [_text(item, part) for item in items]
            return None if None in texts else f"[{', '.join(map(str, texts))}]"
        raise FieldError(f"{part.path} has {len(value)} items; name one of them: {part.path}[0]")
    raise FieldError(f"{part.path} holds {type(value).__name__}, which has no text")


def _formatted(value: int | float | str, part: Placeholder) -> str:
    try:
        return format(value, part.form)
    except ValueError as error:
        raise FieldError(f"{part.path} can't be written as {part.form!r}: {error}") from error


def _number(value: int | float) -> str:
    """The shortest text of a number; of one with single precision, that of single precision."""
    if isinstance(value, int):
        return str(value)
    if abs(value) < 1e15 and value == int(value):
        return str(int(value))
    if _single(value) != value:
        return repr(value)
    texts = (f"{value:.{digits}g}" for digits in range(6, 10))
    return next((text for text in texts if _single(float(text)) == value), repr(value))


def _single(value: float) -> float:
    """The nearest number of single precision; not finite where there is none."""
    try:
        return float(struct.unpack("f", struct.pack("f", value))[0])
    except OverflowError:
        return math.inf
