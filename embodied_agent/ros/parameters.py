"""The settings as ROS parameters: description, range, when a change counts, checks with a reason.

Later sources take precedence: the schema's defaults, the settings file that the parameter
``config`` names, the environment, ROS parameters. Secrets (keys, passwords) are not parameters,
because anyone on the network can read those; they come from the file or the environment. Settings
that have no meaning in a node, such as those of recordings, are not parameters either.

Out of scope: what settings mean (`embodied_agent.settings`), what a change does (`node`).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from difflib import get_close_matches
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
from embodied_agent.settings.mistakes import unknown_name

#: These take effect at once; all others when the node is configured, and are fixed until cleanup.
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
FIXED = "can be set until the node is configured"
#: These are read when the node starts.
_AT_START = frozenset({"ros.autostart"})
#: Of these sections a node uses what is listed, if anything: it plays no recordings, opens no
#: streams and starts no model servers.
_USED: dict[str, frozenset[str]] = {
    "source": frozenset(
        {
            "source.rotate",
            "source.mask",
            "source.redact",
            "source.topics",
            "source.mounts",
            "source.depth_topic",
            "source.depth_topics",
            "source.depth_scale",
        }
    ),
    "vllm": frozenset(),
}
#: Parameters that rclpy and diagnostics declare themselves.
_OTHERS = ("use_sim_time", "qos_overrides.", "diagnostic_updater.", "start_type_description")
#: How alike an unknown name must be to one of ours to be taken for it, from 0 to 1.
_ALIKE = 0.85
_INT64 = 2**63 - 1


@dataclass(frozen=True)
class Setting:
    """One setting: its dotted name, what the schema says of it, and its value."""

    name: str
    field: FieldInfo
    value: Any


def settings_of(section: BaseModel, prefix: str = "") -> Iterator[Setting]:
    """The settings that are parameters, in the schema's order."""
    for setting in _all_settings(section, prefix):
        used = _USED.get(setting.name.partition(".")[0])
        if not _is_secret(setting.field) and (used is None or setting.name in used):
            yield setting


def _all_settings(section: BaseModel, prefix: str = "") -> Iterator[Setting]:
    for name, field in type(section).model_fields.items():
        value = getattr(section, name)
        if isinstance(value, BaseModel):
            yield from _all_settings(value, f"{prefix}{name}.")
        else:
            yield Setting(f"{prefix}{name}", field, value)


def _is_secret(field: FieldInfo) -> bool:
    return SecretStr in (field.annotation, *get_args(field.annotation))


def mistaken(names: Iterable[str], settings: Settings) -> list[str]:
    """A sentence about each parameter that was given and is none of the node's.

    A parameter file may hold other nodes' parameters under `/**`, so only names that begin with
    one of our sections, or are close to one of ours, are taken for mistakes.
    """
    known = {setting.name: setting for setting in _all_settings(settings)}
    parameters = {setting.name for setting in settings_of(settings)}
    sections = {name.partition(".")[0] for name in known}
    found = []
    for name in sorted(names):
        if name in parameters or name == "config" or name.startswith(_OTHERS):
            continue
        if name in known and _is_secret(known[name].field):
            variable = f"EMBODIED_AGENT_{name.replace('.', '__').upper()}"
            found.append(
                f"{name} is secret and not a parameter: set {variable}, or use the settings file"
            )
        elif name in known:
            found.append(f"{name} has no effect in a node and is ignored")
        elif name.partition(".")[0] in sections:
            found.append(unknown_name(name, Settings))
        else:
            close = get_close_matches(name, [*parameters, "config"], n=1, cutoff=_ALIKE)
            found += [f"{name} is not known; did you mean {close[0]}?" for _ in close]
    return found


class Parameters:
    """The parameters of a node, declared when this is made.

    Args:
        node: declares them.
        on_change: told of the settings after a change at run time; may raise `SettingsError`,
            and the change is then refused with that reason.
        is_configured: called for whether the node is, so that most settings are fixed.

    Raises:
        SettingsError: the file can't be read, or a value is out of range.
    """

    def __init__(
        self,
        node: Any,
        on_change: Callable[[Settings], object],
        is_configured: Callable[[], bool],
    ) -> None:
        self._on_change = on_change
        self._is_configured = is_configured
        self._node_name = node.get_fully_qualified_name()
        config = node.declare_parameter(
            "config",
            "",
            ParameterDescriptor(
                description="YAML file of settings; ROS parameters take precedence",
                read_only=True,
            ),
        ).value
        self.settings = load_settings(config or None)
        values: dict[str, Any] = {}
        for setting in settings_of(self.settings):
            declared = node.declare_parameter(
                setting.name, to_parameter(setting.value), descriptor(setting)
            )
            if setting.name in node._parameter_overrides:
                values[setting.name] = from_parameter(declared.value, setting)
        self.settings = changed(self.settings, values)
        for sentence in mistaken(node._parameter_overrides, self.settings):
            node.get_logger().warning(f"parameter {sentence}")
        node.add_on_set_parameters_callback(self._set)

    def _set(self, parameters: list[Any]) -> SetParametersResult:
        by_name = {setting.name: setting for setting in settings_of(self.settings)}
        values = {
            p.name: from_parameter(p.value, by_name[p.name])
            for p in parameters
            if p.name in by_name
        }
        fixed = sorted(values.keys() - CHANGEABLE)
        if fixed and self._is_configured():
            return SetParametersResult(
                successful=False,
                reason=f"{fixed[0]} is fixed while the node is configured; clean it up first: ros2 "
                f"lifecycle set {self._node_name} cleanup",
            )
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
    nested = _given(settings)
    for dotted, value in values.items():
        *sections, name = dotted.split(".")
        place = nested
        for section in sections:
            place = place.setdefault(section, {})
        place[name] = value
    try:
        return Settings(**nested)
    except ValidationError as error:
        lines = [
            f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors(include_url=False)
        ]
        raise SettingsError("; ".join(lines)) from error


def _given(section: BaseModel) -> dict[str, Any]:
    """What was set of a section, without its defaults: what ``auto`` means depends on that."""
    values = ((name, getattr(section, name)) for name in section.model_fields_set)
    return {
        name: _given(value) if isinstance(value, BaseModel) else value for name, value in values
    }


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
    words = [each for each, _, _ in limits]
    at_start = setting.name in _AT_START
    if setting.name not in CHANGEABLE and not at_start:
        words.append(FIXED)
    result = ParameterDescriptor(
        name=setting.name,
        description=text,
        additional_constraints="; ".join(words),
        read_only=at_start,
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
