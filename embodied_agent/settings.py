"""Every setting, its unit, range, default and meaning, once.

YAML files, environment variables (``EMBODIED_AGENT_KEYFRAMES__METHOD=paper``), command-line options
and ROS parameters all come from this schema; the README's table is generated from it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError
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


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class KeyframeSettings(_Section):
    """Which frames are kept."""

    method: Literal["robust", "paper"] = Field(
        "robust", description="`paper`: the published rule exactly; `robust`: the default"
    )
    overlap_threshold: float = Field(
        0.5, gt=0, lt=1, description="keep a frame that shows less of the last keyframe than this"
    )
    features: int = Field(
        300, ge=50, le=5000, description="ORB features that find a lost view again (`robust`)"
    )
    detect_width: int = Field(
        320, ge=80, le=4096, description="`robust` scales wider frames down to this, in pixels"
    )
    ransac_px: float = Field(
        5.0, gt=0, le=50, description="RANSAC threshold in pixels of the compared image"
    )
    min_matches: int = Field(10, ge=4, description="a homography needs more matches than this")
    split_motions: bool = Field(
        True, description="`robust` also keeps the frame where one motion gives way to another"
    )
    min_interval_s: float = Field(
        0.2, ge=0, le=60, description="`robust` keeps no two frames closer than this, in seconds"
    )
    max_interval_s: float = Field(
        30.0, ge=0, description="`robust` keeps a frame at least this often; 0: never for that"
    )
    blind_interval_s: float = Field(
        10.0, gt=0, description="least time between keyframes without usable features (`robust`)"
    )
    jpeg_quality: int = Field(90, ge=30, le=100, description="of stored keyframes")


class ServerSettings(_Section):
    """An OpenAI-compatible server."""

    base_url: str = Field("http://127.0.0.1:8000/v1", description="root of the server's API")
    model: str = Field("", description="model name as the server knows it; empty: its first")
    api_key: SecretStr | None = Field(None, description="sent as bearer token")
    timeout_s: float = Field(60.0, gt=0, le=3600, description="per request, in seconds")
    max_retries: int = Field(3, ge=0, le=20, description="per request, with back-off and jitter")


class PerceptionSettings(_Section):
    """How a pair of keyframes becomes a semantic delta."""

    backend: Literal["builtin", "served", "geometry"] = Field(
        "builtin",
        description="`builtin`: small model in process; `served`: a VLM behind an "
        "OpenAI-compatible server; `geometry`: no VLM, the camera's motion only",
    )
    model_path: str = Field(
        "", description="folder of the `builtin` checkpoint; empty: the one that is shipped"
    )
    prompt: Literal["auto", "full", "compact"] = Field(
        "auto",
        description="`compact` is what the built-in model was trained on; `full` is for real "
        "VLMs; `auto`: compact for `builtin`, full for `served`",
    )
    server: ServerSettings = ServerSettings()
    workers: int = Field(1, ge=1, le=64, description="keyframe pairs in flight at once")
    batch: int = Field(1, ge=1, le=64, description="keyframe pairs handed to the model at once")
    queue: int = Field(
        64, ge=1, description="a replay waits while this many keyframes are yet to be perceived"
    )
    stall_timeout_s: float = Field(
        300.0,
        gt=0,
        description="a replay gives up when none is perceived for this long, in seconds",
    )
    retry_s: float = Field(
        1.0, gt=0, le=3600, description="wait after the model can't be reached; doubles each time"
    )
    retry_max_s: float = Field(30.0, gt=0, le=3600, description="longest such wait, in seconds")
    watch_list: tuple[str, ...] = Field(
        (), description="standing questions put into the prompt of a served VLM"
    )
    max_tokens: int = Field(400, ge=16, le=8192, description="longest reply, in tokens")
    image_width: int = Field(
        640, ge=64, le=4096, description="images are scaled down to this width for a served VLM"
    )


class ReasoningSettings(_Section):
    """How a question is answered from the memory."""

    backend: Literal["builtin", "served"] = Field(
        "builtin",
        description="`builtin`: small model in process; `served`: a language model "
        "behind an OpenAI-compatible server",
    )
    model_path: str = Field(
        "", description="folder of the `builtin` checkpoint; empty: the one that is shipped"
    )
    prompt: Literal["auto", "full", "compact"] = Field("auto", description="as for perception")
    server: ServerSettings = ServerSettings(base_url="http://127.0.0.1:8001/v1")
    temperature: float = Field(0.0, ge=0, le=2, description="0: greedy, repeatable")
    max_tokens: int = Field(512, ge=16, le=32768, description="longest answer, in tokens")
    token_budget: int = Field(
        0,
        ge=0,
        le=1_000_000,
        description="transcript length that a prompt may hold, in tokens of four characters; "
        "0: 550 for the compact prompt (what the built-in model was trained on), else 6144",
    )
    choose: bool = Field(
        True,
        description="`builtin` gives the likeliest of a question's choices; false: it answers "
        "freely, and an answer that is none of them counts as none",
    )
    timeout_s: float = Field(30.0, gt=0, le=3600, description="per question, in seconds")


class MemorySettings(_Section):
    """Where what was seen is kept."""

    path: str = Field("", description="SQLite file; empty: in memory only, gone at exit")
    max_bytes: int = Field(
        2_000_000_000, ge=0, description="oldest pictures go beyond this; 0: no limit"
    )
    max_age_s: float = Field(0.0, ge=0, description="older pictures go; 0: no limit")


class SourceSettings(_Section):
    """Where frames come from."""

    topic: str = Field("", description="image topic of a bag; empty: found by type")
    odom_topic: str = Field("", description="odometry topic of a bag; empty: found by type")
    fps: float = Field(
        10.0, gt=0, le=1000, description="rate of a folder of images, which has no stamps"
    )
    sample_hz: float = Field(
        0.0, ge=0, le=1000, description="take at most this many frames/s; 0: all"
    )
    open_timeout_s: float = Field(
        10.0, gt=0, le=600, description="longest wait for a stream to open, in seconds"
    )
    read_timeout_s: float = Field(
        10.0, gt=0, le=600, description="longest wait for a stream's next frame, in seconds"
    )


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
            f"{'.'.join(str(part) for part in e['loc'])}: {e['msg']} (got {e.get('input')!r})"
            for e in error.errors(include_url=False)
        ]
        raise SettingsError("; ".join(lines)) from error


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
