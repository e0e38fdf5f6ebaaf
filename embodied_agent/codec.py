"""Records to JSON and back: the only module that converts them.

The memory file, HTTP, MQTT, MCP and ``--json`` all write a record with the names and units of its
dataclass (`embodied_agent.records`). Reading checks every type, fills in fields that an older
writer lacked, and ignores fields that a newer one added.

Out of scope: pictures, which travel as files (`Keyframe.jpeg` is left out); fields that the wire
format adds to a record (`embodied_agent.interfaces.wire`).
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, ClassVar, Protocol, TypeVar

from pydantic import JsonValue, TypeAdapter
from pydantic_core import from_json as from_json_text
from pydantic_core import to_jsonable_python

from embodied_agent.records import Answer, Keyframe


class Record(Protocol):
    """Any dataclass whose fields are JSON values, enumerations, or dataclasses of these."""

    __dataclass_fields__: ClassVar[dict[str, Any]]


R = TypeVar("R", bound=Record)

JsonObject = dict[str, JsonValue]


@cache
def _adapter(kind: type[Record]) -> TypeAdapter[Any]:
    return TypeAdapter(kind)


def to_values(record: Record) -> JsonObject:
    """``record`` as JSON-ready values, by field name.

    Lone surrogates, which a served model may send, are replaced, so that every text can be encoded
    as UTF-8.
    """
    kind = type(record)
    excluded = {"jpeg"} if kind is Keyframe else None
    values = _adapter(kind).dump_python(record, mode="json", exclude=excluded)
    cleaned = _encodable(values)
    assert isinstance(cleaned, dict)
    return cleaned


def from_values(kind: type[R], values: Mapping[str, object]) -> R:
    """The inverse of `to_values`, for a record of type ``kind``.

    Raises:
        ValueError: a field is missing or has the wrong type.
    """
    fill = _FILLS.get(kind)
    record: R = _adapter(kind).validate_python(values if fill is None else fill(values))
    return record


def to_json(record: Record) -> str:
    """``record`` as JSON text on one line; non-finite numbers are preserved."""
    return json.dumps(to_values(record), ensure_ascii=False, separators=(",", ":"))


def to_short_json(record: Record) -> str:
    """`to_json` without the fields that have their default value, which are filled in when it is
    read."""
    values = _adapter(type(record)).dump_python(record, mode="json", exclude_defaults=True)
    return json.dumps(_encodable(values), ensure_ascii=False, separators=(",", ":"))


def from_json(kind: type[R], text: str) -> R:
    """The inverse of `to_json`.

    Raises:
        ValueError: ``text`` is not JSON, or a field is missing or has the wrong type.
    """
    fill = _FILLS.get(kind)
    if fill is not None:
        return from_values(kind, _object(text))
    record: R = _adapter(kind).validate_json(text)
    return record


def document(values: object, *, indent: int | None = None) -> str:
    """A JSON document that every parser accepts: non-finite numbers become null.

    Args:
        values: dictionaries, lists, records and models, nested to any depth.
        indent: spaces per level; ``None`` writes everything on one line.
    """
    plain: JsonValue = to_jsonable_python(_encodable_keys(values), inf_nan_mode="constants")
    finite = _finite(_encodable(plain))
    return json.dumps(finite, ensure_ascii=False, allow_nan=False, indent=indent)


def _encodable_keys(values: object) -> object:
    """``values`` with the names in dictionaries made encodable, which pydantic requires."""
    if isinstance(values, Mapping):
        return {
            encodable(name) if isinstance(name, str) else name: _encodable_keys(value)
            for name, value in values.items()
        }
    if isinstance(values, list | tuple):
        return [_encodable_keys(value) for value in values]
    return values


def encodable(text: str) -> str:
    """``text`` with lone surrogates replaced, so that it can be written as UTF-8."""
    return text.encode("utf-8", "replace").decode("utf-8")


def _object(text: str) -> JsonObject:
    values: JsonValue = from_json_text(text)
    if not isinstance(values, dict):
        raise ValueError("not a JSON object")
    return values


def _fill_answer(values: Mapping[str, object]) -> Mapping[str, object]:
    """Derive the status of an answer written before answers had one."""
    return {"status": "failed" if values.get("problem") else "answered", **values}


def _fill_keyframe(values: Mapping[str, object]) -> Mapping[str, object]:
    """Add an empty picture, since the JSON does not contain it."""
    return {"jpeg": b"", **values}


#: Fills in missing fields before a record is read, by type.
_FILLS: dict[type[Record], Callable[[Mapping[str, object]], Mapping[str, object]]] = {
    Answer: _fill_answer,
    Keyframe: _fill_keyframe,
}


def _encodable(value: JsonValue) -> JsonValue:
    if isinstance(value, str):
        return encodable(value)
    if isinstance(value, dict):
        return {encodable(name): _encodable(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_encodable(item) for item in value]
    return value


def _finite(value: JsonValue) -> JsonValue:
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, dict):
        return {name: _finite(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_finite(item) for item in value]
    return value
