"""Every setting as a ROS parameter: description, range, read-only mark, checks with a reason.

The order in which values win, the later over the earlier: the schema's defaults, the settings file
that the parameter ``config`` names, the environment, ROS parameters. Secrets (keys, passwords) are
no parameters, as anybody on the network can read those: they come from the file or the environment.

Out of scope: what settings mean (`embodied_agent.settings`), what a change does (`node`).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Literal, get_args, get_origin

from annotated_types import Ge, Gt, Le, Lt
from pydantic import BaseModel, SecretStr, ValidationError
from pydantic.fields import FieldInfo
from rcl_interfaces.msg import (
    FloatingPointRange,
    IntegerRange,
    ParameterDescriptor,
    SetParametersResult,
)

from embodied_agent.errors import SettingsError
from embodied_agent.settings import Settings, load_settings

#: These take effect at once; all others are fixed once the node runs.
CHANGEABLE = frozenset(
    {
        "keyframes.overlap_threshold",
        "keyframes.min_interval_s",
        "keyframes.max_interval_s",
        "keyframes.blind_interval_s",
        "keyframes.split_motions",
        "reasoning.timeout_s",
        "ros.pose_wait_s",
        "ros.silent_s",
        "ros.server_check_s",
    }
)
_INT64 = 2**63 - 1


@dataclass(frozen=True)
class Setting:
    """One setting: its dotted name, what the schema says of it, and its value."""

    name: str
    field: FieldInfo
    value: Any


def settings_of(section: BaseModel, prefix: str = "") -> Iterator[Setting]:
    """All settings but secrets, in the schema's order."""
    for name, field in type(section).model_fields.items():
        value = getattr(section, name)
        if isinstance(value, BaseModel):
            yield from settings_of(value, f"{prefix}{name}.")
        elif SecretStr not in (field.annotation, *get_args(field.annotation)):
            yield Setting(f"{prefix}{name}", field, value)


class Parameters:
    """The parameters of a node, declared when this is made.

    Args:
        node: declares them.
        on_change: told of the settings after a change at run time; may raise `SettingsError`,
            and the change is then refused with that reason.

    Raises:
        SettingsError: the file can't be read, or a value is out of range.
    """

    def __init__(self, node: Any, on_change: Callable[[Settings], object]) -> None:
        self._on_change = on_change
        config = node.declare_parameter(
            "config",
            "",
            ParameterDescriptor(
                description="YAML file of settings; ROS parameters win over it",
                read_only=True,
            ),
        ).value
        self.settings = load_settings(config or None)
        values: dict[str, Any] = {}
        for setting in settings_of(self.settings):
            declared = node.declare_parameter(
                setting.name, to_parameter(setting.value), descriptor(setting)
            )
            values[setting.name] = from_parameter(declared.value, setting)
        self.settings = changed(self.settings, values)
        node.add_on_set_parameters_callback(self._set)

    def _set(self, parameters: list[Any]) -> SetParametersResult:
        by_name = {setting.name: setting for setting in settings_of(self.settings)}
        values = {
            p.name: from_parameter(p.value, by_name[p.name])
            for p in parameters
            if p.name in by_name
        }
        try:
            if values:
                settings = changed(self.settings, values)
                self._on_change(settings)
                self.settings = settings
        except SettingsError as error:
            return SetParametersResult(successful=False, reason=str(error))
        return SetParametersResult(successful=True)


def changed(settings: Settings, values: dict[str, Any]) -> Settings:
    """The settings with these values, by dotted name; secrets stay.

    Raises:
        SettingsError: a value is out of range.
    """
    nested = {name: dict(getattr(settings, name)) for name in type(settings).model_fields}
    for dotted, value in values.items():
        *sections, name = dotted.split(".")
        place: Any = nested
        for section in sections:
            if isinstance(place[section], BaseModel):
                place[section] = dict(place[section])
            place = place[section]
        place[name] = value
    try:
        return Settings(**nested)  # type: ignore[arg-type]
    except ValidationError as error:
        lines = [
            f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors(include_url=False)
        ]
        raise SettingsError("; ".join(lines)) from error


def to_parameter(value: Any) -> Any:
    """A setting's value as ROS knows values."""
    if value is None:
        return ""
    if isinstance(value, tuple):
        # An empty list has no type in ROS: one empty text stands for it.
        return [str(item) for item in value] or [""]
    return value


def from_parameter(value: Any, setting: Setting) -> Any:
    """A parameter's value as the schema wants it."""
    if isinstance(setting.value, tuple):
        return tuple(item for item in value or () if item)
    if value == "" and type(None) in get_args(setting.field.annotation):
        return None
    return value


def descriptor(setting: Setting) -> ParameterDescriptor:
    """What ``ros2 param describe`` shows of a setting."""
    field = setting.field
    text = (field.description or "").replace("`", "")
    limits = list(_limits(field))
    result = ParameterDescriptor(
        name=setting.name,
        description=text,
        additional_constraints="; ".join(words for words, _, _ in limits),
        read_only=setting.name not in CHANGEABLE,
    )
    low = max((low for _, low, _ in limits), default=-math.inf)
    high = min((high for _, _, high in limits), default=math.inf)
    if low == -math.inf and high == math.inf:
        return result
    if isinstance(setting.value, float):
        result.floating_point_range = [
            FloatingPointRange(from_value=float(low), to_value=float(high))
        ]
    elif isinstance(setting.value, int):
        result.integer_range = [
            IntegerRange(from_value=int(max(low, -_INT64)), to_value=int(min(high, _INT64)), step=1)
        ]
    return result


def _limits(field: FieldInfo) -> Iterator[tuple[str, float, float]]:
    """What limits a setting: in words, and as the lowest and the highest value."""
    if get_origin(field.annotation) is Literal:
        yield f"one of {', '.join(map(str, get_args(field.annotation)))}", -math.inf, math.inf
    for limit in field.metadata:
        if isinstance(limit, Gt):
            yield f"more than {limit.gt}", float(limit.gt), math.inf  # type: ignore[arg-type]
        elif isinstance(limit, Ge):
            yield f"at least {limit.ge}", float(limit.ge), math.inf  # type: ignore[arg-type]
        elif isinstance(limit, Lt):
            yield f"less than {limit.lt}", -math.inf, float(limit.lt)  # type: ignore[arg-type]
        elif isinstance(limit, Le):
            yield f"at most {limit.le}", -math.inf, float(limit.le)  # type: ignore[arg-type]
