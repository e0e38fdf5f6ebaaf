"""The schema of all settings: each with its unit, range, default and meaning.

YAML files, environment variables (``EMBODIED_AGENT_KEYFRAMES__METHOD=paper``), command-line options
and ROS parameters all come from this schema; the tables of docs/settings.md are generated from it.

Out of scope: the wording of error messages (`mistakes`), the tables (`table`).
"""

from __future__ import annotations

import os
from contextvars import ContextVar
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    YamlConfigSettingsSource,
)
from pydantic_settings import (
    SettingsError as EnvironmentSettingsError,
)

from embodied_agent.errors import SettingsError
from embodied_agent.settings.alerts import AlertSettings
from embodied_agent.settings.detector import DetectorSettings
from embodied_agent.settings.facts import FactSettings
from embodied_agent.settings.fleet import FleetServerSettings, FleetSettings
from embodied_agent.settings.interfaces import MqttSettings, RosSettings, WebSettings
from embodied_agent.settings.memory import MemorySettings
from embodied_agent.settings.mistakes import explain, similar_names
from embodied_agent.settings.objects import ObjectSettings
from embodied_agent.settings.source import SourceSettings
from embodied_agent.settings.stages import (
    KeyframeSettings,
    PerceptionSettings,
    ReasoningSettings,
    SecondLookSettings,
    ServerSettings,
    VerifySettings,
)
from embodied_agent.settings.vllm import VllmModelSettings, VllmSettings
from embodied_agent.support.documents import DocumentError, read_yaml

__all__ = [
    "AlertSettings",
    "DetectorSettings",
    "FactSettings",
    "FleetServerSettings",
    "FleetSettings",
    "KeyframeSettings",
    "MemorySettings",
    "MqttSettings",
    "ObjectSettings",
    "PerceptionSettings",
    "ReasoningSettings",
    "RosSettings",
    "SecondLookSettings",
    "ServerSettings",
    "Settings",
    "SourceSettings",
    "VerifySettings",
    "VllmModelSettings",
    "VllmSettings",
    "WebSettings",
    "load_settings",
]


_PREFIX = "EMBODIED_AGENT_"
_DELIMITER = "__"
#: The file that `load_settings` is reading. pydantic-settings needs it while it validates.
_file: ContextVar[Path | None] = ContextVar("settings_file", default=None)


class Settings(BaseSettings):
    """All settings, by section."""

    model_config = SettingsConfigDict(
        env_prefix=_PREFIX, env_nested_delimiter=_DELIMITER, extra="forbid", frozen=True
    )

    keyframes: KeyframeSettings = KeyframeSettings()
    perception: PerceptionSettings = PerceptionSettings()
    reasoning: ReasoningSettings = ReasoningSettings()
    memory: MemorySettings = MemorySettings()
    objects: ObjectSettings = ObjectSettings()
    alerts: AlertSettings = AlertSettings()
    facts: FactSettings = FactSettings()
    source: SourceSettings = SourceSettings()
    web: WebSettings = WebSettings()
    mqtt: MqttSettings = MqttSettings()
    fleet: FleetSettings = FleetSettings()
    fleet_server: FleetServerSettings = FleetServerSettings()
    ros: RosSettings = RosSettings()
    vllm: VllmSettings = VllmSettings()

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Explicit values take precedence over the environment, and the environment over the
        file."""
        path = _file.get()
        if path is None:
            return init_settings, env_settings
        return init_settings, env_settings, _SettingsFile(settings_cls, path)


class _SettingsFile(YamlConfigSettingsSource):
    """A YAML file of sections. An empty section, with all its lines commented out, is ignored."""

    def __init__(self, settings_cls: type[BaseSettings], path: Path) -> None:
        super().__init__(settings_cls, yaml_file=path, yaml_file_encoding="utf-8")

    def _read_file(self, file_path: Any) -> dict[str, Any]:
        try:
            sections = read_yaml(Path(file_path).read_bytes()) or {}
        except (OSError, DocumentError) as error:
            raise SettingsError(f"can't read settings from {file_path}: {error}") from error
        if not isinstance(sections, dict):
            raise SettingsError(
                f"{file_path} must contain sections such as 'keyframes:', not {sections!r}"
            )
        return {str(name): values for name, values in sections.items() if values is not None}


def load_settings(config: Path | str | None = None, **overrides: Any) -> Settings:
    """Settings from a YAML file, the environment and keyword overrides; later ones take precedence.

    Overrides name a setting by its section and name: ``load_settings(keyframes__method="paper")``.
    An override of ``None`` is ignored.

    Raises:
        SettingsError: the file can't be read, or a setting is unknown or out of range.
    """
    path = None if config is None else Path(config).expanduser()
    if path is not None and not path.is_file():
        problem = "is not a file" if path.exists() else "does not exist"
        raise SettingsError(f"can't read settings from {config}: it {problem}")
    _check_environment()
    token = _file.set(path)
    try:
        return Settings(**_nested(overrides))
    except EnvironmentSettingsError as error:
        raise SettingsError(f"can't read settings from the environment: {error}") from error
    except ValidationError as error:
        raise SettingsError(explain(error, Settings)) from error
    finally:
        _file.reset(token)


def _check_environment() -> None:
    """Refuse variables that name no section, which pydantic-settings would ignore."""
    for variable in sorted(os.environ):
        section, delimiter, rest = variable.removeprefix(_PREFIX).partition(_DELIMITER)
        if not variable.startswith(_PREFIX) or not delimiter:
            continue  # Kubernetes sets variables such as EMBODIED_AGENT_PORT for its own purposes
        if section.lower() in Settings.model_fields:
            continue
        names = similar_names(section.lower(), Settings)
        suggestions = [f"{_PREFIX}{name.upper()}{_DELIMITER}{rest}" for name in names]
        raise SettingsError(
            f"the environment variable {variable} names no section of the settings"
            + (f"; did you mean {' or '.join(suggestions)}?" if suggestions else "; unset it")
        )


def _nested(flat: dict[str, Any]) -> dict[str, Any]:
    """Nest a flat dictionary: ``a__b=1`` becomes ``{"a": {"b": 1}}``."""
    sections: dict[str, Any] = {}
    for key, value in flat.items():
        if value is None:
            continue
        *path, name = key.split(_DELIMITER)
        section = sections
        for part in path:
            section = section.setdefault(part, {})
        section[name] = value
    return sections
