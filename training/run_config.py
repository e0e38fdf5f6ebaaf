"""The configuration of a training run: one YAML file, checked before anything is loaded.

``trainer`` goes to trl as it stands (`GRPOConfig`, `SFTConfig`); every other section is ours. An
unknown key anywhere is an error that names it and its likely spelling.

Not here: what the run folder keeps (`training.run_folder`).
"""

from __future__ import annotations

import dataclasses
import difflib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from embodied_agent.errors import SettingsError
from embodied_agent.models.checkpoints import SHIPPED
from training.curriculum import PUBLISHED, Stage, check_stages
from training.watch import WatchConfig

#: The built-in reasoner before reinforcement learning.
SUPERVISED = Path(__file__).parent / "models" / "supervised"


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ModelConfig(_Section):
    """What is trained."""

    shared_prompts: bool = Field(
        False, description="read each group's prompt once (one device, no generation server)"
    )
    path: str = Field(
        "builtin",
        description="checkpoint folder, hub name, `builtin` (the shipped reasoner) or `supervised`",
    )
    dtype: Literal["float32", "bfloat16", "float16"] = "float32"
    prompt: Literal["compact", "full"] = Field("compact", description="the runtime's prompt style")

    @property
    def folder(self) -> str:
        """Where its weights are."""
        ours = {"builtin": SHIPPED / "reasoner", "supervised": SUPERVISED}
        return str(ours.get(self.path, self.path))


class DataConfig(_Section):
    """Episodes as `training.episodes` writes them, or text worlds made on the spot."""

    train: tuple[str, ...] = Field((), description="data sets of `training.episodes`")
    worlds: str = Field("", description="text worlds besides, as house:40,city:40 scenes")
    held: tuple[str, ...] = Field((), description="data sets to evaluate on while training")
    held_worlds: str = Field("", description="held-out text worlds, as house:8@500000")
    held_limit: int | None = Field(None, ge=1, description="most held-out rows, each in and out")
    questions: int = Field(24, ge=1, description="text worlds: questions per scene")
    noise: float = Field(
        0.5, ge=0, le=2, description="text worlds: perceiver's mistakes, 1 typical"
    )
    answerable: bool = Field(
        True, description="text worlds: only questions whose answer follows from what was noted"
    )
    most_prompt_tokens: int = Field(6144, ge=16, description="longer prompts are left out, counted")
    open_share: float = Field(0.0, ge=0, le=1, description="share asked without choices")
    limit: int | None = Field(None, ge=1, description="at most so many rows")
    seed: int = 1


class ReferenceConfig(_Section):
    """The frozen reference of the consistency reward."""

    spec: str = Field("", description="builtin, checkpoint folder or http address; empty: none")
    model: str = Field("", description="the model's name at a server")
    style: Literal["compact", "full"] = "compact"


class LoraConfig(_Section):
    """Low-rank adapters instead of all weights."""

    r: int = Field(64, ge=1)
    alpha: int = Field(128, ge=1)
    dropout: float = Field(0.05, ge=0, lt=1)
    targets: tuple[str, ...] = ("q_proj", "k_proj", "v_proj", "o_proj")


class RunConfig(_Section):
    """Everything that decides a run, but for the code's version."""

    model: ModelConfig = ModelConfig()
    data: DataConfig = DataConfig()
    reference: ReferenceConfig = ReferenceConfig()
    curriculum: tuple[Stage, ...] = PUBLISHED
    lora: LoraConfig | None = None
    watch: WatchConfig = WatchConfig()
    trainer: dict[str, Any] = Field(default_factory=dict)
    threads: int = Field(0, ge=0, description="CPU threads; 0: torch's own choice")

    @field_validator("curriculum")
    @classmethod
    def _ordered(cls, stages: tuple[Stage, ...]) -> tuple[Stage, ...]:
        check_stages(stages)
        return stages


def load_config(path: Path, overrides: Sequence[str] = ()) -> RunConfig:
    """The configuration in ``path`` with overrides such as ``trainer.learning_rate=1e-5``.

    Raises:
        SettingsError: the file is missing or is no YAML, or a key or value is wrong.
    """
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    except (OSError, yaml.YAMLError) as error:
        raise SettingsError(f"can't read the configuration {path}: {error}") from error
    if not isinstance(content, dict):
        raise SettingsError(f"{path} must hold sections such as `model:` and `trainer:`")
    for override in overrides:
        _set(content, override)
    try:
        return RunConfig.model_validate(content)
    except ValidationError as error:
        wrong = "; ".join(
            f"{'.'.join(map(str, e['loc']))}: {e['msg']}{_near(e)}" for e in error.errors()
        )
        raise SettingsError(f"{path}: {wrong}") from error


def _set(content: dict[str, Any], override: str) -> None:
    key, equals, value = override.partition("=")
    if not equals or not key:
        raise SettingsError(f"--set takes section.key=value, not {override!r}")
    *sections, last = key.split(".")
    place = content
    for section in sections:
        if place.get(section) is None:
            place[section] = {}
        place = place[section]
        if not isinstance(place, dict):
            raise SettingsError(f"--set {override}: {section} is no section")
    try:
        place[last] = _number(yaml.safe_load(value)) if value else ""
    except yaml.YAMLError as error:
        raise SettingsError(f"--set {override}: {error}") from error


def _number(value: Any) -> Any:
    """YAML 1.1 takes 1e-5 for text."""
    if isinstance(value, str):
        try:
            return float(value)
        except ValueError:
            return value
    return value


def _near(error: Any) -> str:
    if error["type"] != "extra_forbidden":
        return ""
    sections: dict[str, Any] = {n: f.annotation for n, f in RunConfig.model_fields.items()}
    place = sections if len(error["loc"]) == 1 else None
    if place is None:
        fields = getattr(sections.get(str(error["loc"][0])), "model_fields", None)
        place = dict(fields) if fields else {}
    close = difflib.get_close_matches(str(error["loc"][-1]), list(place), 1)
    return f" (did you mean {close[0]}?)" if close else ""


def trainer_arguments(kind: type, options: dict[str, Any], **fixed: Any) -> Any:
    """An instance of trl's ``kind`` of configuration from ``trainer``'s keys.

    Raises:
        SettingsError: trl knows no such key, or refuses a value.
    """
    known = {field.name for field in dataclasses.fields(kind)}
    for name in options:
        if name not in known:
            close = difflib.get_close_matches(name, sorted(known), 1)
            hint = f" (did you mean {close[0]}?)" if close else ""
            raise SettingsError(f"trainer.{name}: {kind.__name__} has no such option{hint}")
    values = {name: _number(value) for name, value in options.items()}
    for name in ("eval_strategy", "save_strategy", "logging_strategy"):
        if values.get(name) is False:
            values[name] = "no"  # which YAML reads as false
    try:
        return kind(**{**values, **fixed})
    except (ValueError, TypeError, ImportError) as error:
        raise SettingsError(f"trainer: {kind.__name__} refuses the options: {error}") from error
