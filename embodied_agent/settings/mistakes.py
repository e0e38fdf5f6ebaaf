"""Explains invalid settings in a sentence, and suggests names for misspelt ones.

Out of scope: where settings come from (`embodied_agent.settings`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from typing import Any

from pydantic import BaseModel, SecretStr, ValidationError
from pydantic.fields import FieldInfo

#: How similar two names must be for one to be suggested for the other, from 0 to 1.
_ALIKE = 0.6
#: Maximum number of suggestions.
_SUGGESTIONS = 3


def explain(error: ValidationError, model: type[BaseModel]) -> str:
    """Explain all mistakes that ``error`` reports about ``model``, separated by semicolons."""
    return "; ".join(_explain_one(each, model) for each in error.errors(include_url=False))


def unknown_name(name: str, model: type[BaseModel]) -> str:
    """The message that ``name``, given as ``SECTION.NAME``, is not a setting."""
    suggestions = similar_names(name, model)
    if not suggestions:
        return f"{name} is not a setting; docs/settings.md lists them all"
    return f"{name} is not a setting; did you mean {' or '.join(suggestions)}?"


def similar_names(name: str, model: type[BaseModel]) -> list[str]:
    """Names of settings and sections that the user may have meant by ``name``, likeliest first."""
    section, _, leaf = name.rpartition(".")
    names = list(_dotted_names(model))
    beside = [each for each in names if each.rpartition(".")[0] == section]
    same_leaf = [each for each in names if each.rpartition(".")[2] == leaf and section]
    deeper = [each for each in same_leaf if each.startswith(f"{section}.")]
    close = [
        each
        for each in get_close_matches(name, beside, n=1, cutoff=_ALIKE)
        if not any(other.startswith(f"{each}.") for other in deeper)
    ]
    likely = [*deeper, *close] or same_leaf or get_close_matches(name, names, n=1, cutoff=_ALIKE)
    return likely[:_SUGGESTIONS]


def _dotted_names(model: type[BaseModel], prefix: str = "") -> Iterator[str]:
    for name, field in model.model_fields.items():
        yield f"{prefix}{name}"
        inner = _section_of(field)
        if inner is not None:
            yield from _dotted_names(inner, f"{prefix}{name}.")


def _section_of(field: FieldInfo) -> type[BaseModel] | None:
    kind = field.annotation
    return kind if isinstance(kind, type) and issubclass(kind, BaseModel) else None


def _explain_one(error: Mapping[str, Any], model: type[BaseModel]) -> str:
    place: tuple[int | str, ...] = error["loc"]
    name = ".".join(map(str, place))
    if error["type"] == "extra_forbidden":
        return unknown_name(name, model)
    shown = "" if _is_secret(place, model) else f" (got {error.get('input')!r})"
    return f"{name}: {plain_message(error['msg'])}{shown}"


def plain_message(message: str) -> str:
    """What pydantic says of a mistake, without the name of the exception before our own words."""
    return message.removeprefix("Value error, ").removeprefix("Assertion failed, ")


def _is_secret(place: tuple[int | str, ...], model: type[BaseModel]) -> bool:
    current: type[BaseModel] | None = model
    for part in place:
        field = current.model_fields.get(str(part)) if current is not None else None
        if field is None:
            return False
        current = _section_of(field)
        if current is None:
            return SecretStr.__name__ in str(field.annotation)
    return False
