"""Every setting, its unit, range, default and meaning, once.

YAML files, environment variables (``EMBODIED_AGENT_KEYFRAMES__METHOD=paper``), command-line options
and ROS parameters all come from this schema; the tables of docs/settings.md are generated from it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)
from pydantic_settings import (
    SettingsError as EnvironmentSettingsError,
)

from embodied_agent.errors import SettingsError
from embodied_agent.settings.interfaces import MqttSettings, RosSettings, WebSettings
from embodied_agent.settings.stages import (
    KeyframeSettings,
    MemorySettings,
    PerceptionSettings,
    ReasoningSettings,
    SecondLookSettings,
    ServerSettings,
    SourceSettings,
    VerifySettings,
)
from embodied_agent.settings.vllm import VllmModelSettings, VllmSettings

__all__ = [
    "KeyframeSettings",
    "MemorySettings",
    "MqttSettings",
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


class Settings(BaseSettings):
    """All settings, by section."""

    model_config = SettingsConfigDict(
        env_prefix="EMBODIED_AGENT_", env_nested_delimiter="__", extra="forbid", frozen=True
    )

    keyframes: KeyframeSettings = KeyframeSettings()
    perception: PerceptionSettings = PerceptionSettings()
    reasoning: ReasoningSettings = ReasoningSettings()
    memory: MemorySettings = MemorySettings()
    source: SourceSettings = SourceSettings()
    web: WebSettings = WebSettings()
    mqtt: MqttSettings = MqttSettings()
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
        """Explicit values beat the environment; `load_settings` lays out the file below both."""
        return init_settings, env_settings

    @classmethod
    def from_environment(cls) -> dict[str, Any]:
        """What the environment sets, as nested plain values, unchecked."""
        return EnvSettingsSource(cls)()


def load_settings(config: Path | str | None = None, **overrides: Any) -> Settings:
    """Settings from a YAML file, the environment and keyword overrides, the later winning.

    Overrides name a setting by section and name: ``load_settings(keyframes__method="paper")``;
    those that are ``None`` are ignored.

    Raises:
        SettingsError: the file can't be read, or a setting is unknown or out of range.
    """
    values: dict[str, Any] = {}
    if config is not None:
        try:
            loaded = yaml.safe_load(Path(config).read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
            raise SettingsError(f"can't read settings from {config}: {error}") from error
        if loaded is not None and not isinstance(loaded, dict):
            raise SettingsError(f"{config} must hold sections such as 'keyframes:', not {loaded!r}")
        # A section whose lines are all commented out is there, but holds nothing.
        values = {str(key): value for key, value in (loaded or {}).items() if value is not None}
    # Environment beats the file, so it is laid over it before explicit overrides are.
    try:
        environment = Settings.from_environment()
    except EnvironmentSettingsError as error:
        raise SettingsError(f"can't read settings from the environment: {error}") from error
    for layer in (environment, _nested(overrides)):
        values = _merge(values, layer)
    try:
        return Settings(**values)
    except ValidationError as error:
        lines = [
            f"{'.'.join(map(str, e['loc']))}: {e['msg']}{_got(e['loc'], e.get('input'))}"
            for e in error.errors(include_url=False)
        ]
        raise SettingsError("; ".join(lines)) from error


def _got(place: tuple[int | str, ...], value: Any) -> str:
    """What was given, for the message; not where it is a secret."""
    secret = any(part in ("token", "password", "api_key") for part in place)
    return "" if secret else f" (got {value!r})"


def _nested(flat: dict[str, Any]) -> dict[str, Any]:
    out: dict[str, Any] = {}
    for key, value in flat.items():
        if value is None:
            continue
        *sections, name = key.split("__")
        place = out
        for section in sections:
            place = place.setdefault(section, {})
        place[name] = value
    return out


def _merge(base: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for key, value in over.items():
        old = merged.get(key)
        merged[key] = (
            _merge(old, value) if isinstance(old, dict) and isinstance(value, dict) else value
        )
    return merged
