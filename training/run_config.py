"""The configuration of a training run: one YAML file, validated before anything is loaded.

``trainer`` is passed to trl unchanged (`GRPOConfig`, `SFTConfig`); every other section is defined
here. An unknown key is an error that names it and suggests its likely spelling.

Out of scope: the content of the run folder (`training.run_folder`).
"""

from __future__ import annotations

import dataclasses
import difflib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from embodied_agent.errors import SettingsError
from embodied_agent.models.catalogue import BASES
from embodied_agent.models.checkpoints import SHIPPED, checkpoint_folder
from embodied_agent.support.documents import DocumentError, read_yaml
from training.curriculum import PUBLISHED, Stage, check_stages
from training.watch import WatchConfig

#: Options that transformers renamed: each version that is supported has one of the two names, so a
#: configuration may use either.
RENAMED = (
    ("gradient_checkpointing", "activation_checkpointing"),
    ("gradient_checkpointing_kwargs", "activation_checkpointing_kwargs"),
)
#: The built-in reasoner before reinforcement learning.
SUPERVISED = Path(__file__).parent / "models" / "supervised"


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ModelConfig(_Section):
    """The model to train."""

    shared_prompts: bool = Field(
        False,
        description="read once what questions share: grpo, each group's prompt; sft, each "
        "transcript (one device, no generation server)",
    )
    path: str = Field(
        "builtin",
        description="checkpoint folder, hub name, `builtin` (the shipped reasoner), `supervised`, "
        "or a base of `embodied-agent models list`",
    )
    dtype: Literal["float32", "bfloat16", "float16"] = "float32"
    prompt: Literal["compact", "full"] = Field("compact", description="the runtime's prompt style")

    @property
    def folder(self) -> str:
        """The checkpoint folder or hub name of the weights."""
        ours = {"builtin": SHIPPED / "reasoner", "supervised": SUPERVISED}
        if self.path in BASES:
            return str(checkpoint_folder(self.path, "reasoner"))
        return str(ours.get(self.path, self.path))


class DataConfig(_Section):
    """Episodes written by `training.episodes`, or text worlds generated on the fly."""

    train: tuple[str, ...] = Field((), description="data sets of `training.episodes`")
    worlds: str = Field("", description="also text worlds, as house:40,city:40 (scenes)")
    review: str = Field(
        "", description="what people decided about drafted questions (training.review)"
    )
    held: tuple[str, ...] = Field((), description="data sets to evaluate on during training")
    held_worlds: str = Field("", description="held-out text worlds, as house:8@500000")
    held_limit: int | None = Field(None, ge=1, description="most held-out rows, per distribution")
    prepared: str = Field(
        "", description="sft: file of `training.prepare`, made with this configuration"
    )
    free_worlds: str = Field(
        "", description="free questions about text worlds too, as house:40,city:40 (scenes)"
    )
    reasonings: int = Field(
        0,
        ge=0,
        description="sft: also questions with a reasoning and no transcript, which train a "
        "reference that reads the full style",
    )
    restatements: int = Field(
        0,
        ge=0,
        description="sft: also questions in free words, each with its plain form as the reply "
        "(training.restating)",
    )
    words_share: float = Field(
        0.0, ge=0, le=1, description="text worlds: share of scenes with names that no world uses"
    )
    questions: int = Field(24, ge=1, description="text worlds: questions per scene")
    questions_per_sequence: int = Field(
        8, ge=1, description="sft with shared_prompts: most questions that share one reading"
    )
    noise: float = Field(
        0.5, ge=0, le=2, description="text worlds: scale of the perceiver's mistakes; 1 is typical"
    )
    answerable: bool = Field(
        True, description="text worlds: only questions whose answer follows from the deltas"
    )
    most_prompt_tokens: int = Field(
        6144, ge=16, description="longer prompts are left out and counted"
    )
    open_share: float = Field(
        0.0, ge=0, le=1, description="share of questions asked without choices"
    )
    limit: int | None = Field(None, ge=1, description="most training rows")
    seed: int = 1


class ReferenceConfig(_Section):
    """The frozen reference of the consistency reward."""

    spec: str = Field("", description="builtin, a checkpoint folder or a URL; empty: none")
    model: str = Field("", description="the model's name on the server")
    style: Literal["compact", "full"] = "compact"
    skill_questions: int = Field(
        64, ge=0, description="reasonings to measure the reference on before training; 0: none"
    )


class LoraConfig(_Section):
    """Low-rank adapters, trained instead of all weights."""

    r: int = Field(64, ge=1)
    alpha: int = Field(128, ge=1)
    dropout: float = Field(0.05, ge=0, lt=1)
    targets: tuple[str, ...] = ("q_proj", "k_proj", "v_proj", "o_proj")
    start: str = Field("", description="folder of an adapter to continue; empty: a new one")


class RunConfig(_Section):
    """Everything that determines a run, except the code's version."""

    model: ModelConfig = ModelConfig()
    data: DataConfig = DataConfig()
    reference: ReferenceConfig = ReferenceConfig()
    curriculum: tuple[Stage, ...] = PUBLISHED
    lora: LoraConfig | None = None
    watch: WatchConfig = WatchConfig()
    trainer: dict[str, Any] = Field(default_factory=dict)
    threads: int = Field(0, ge=0, description="CPU threads; 0: torch's default")

    @field_validator("curriculum")
    @classmethod
    def _ordered(cls, stages: tuple[Stage, ...]) -> tuple[Stage, ...]:
        check_stages(stages)
        return stages


def load_config(path: Path, overrides: Sequence[str] = ()) -> RunConfig:
    """Load the configuration in ``path``, with overrides such as ``trainer.learning_rate=1e-5``.

    Raises:
        SettingsError: the file is missing or not valid YAML, or a key or value is invalid.
    """
    try:
        content = read_yaml(path.read_bytes()) or {}
    except (OSError, DocumentError) as error:
        raise SettingsError(f"can't read the configuration {path}: {error}") from error
    if not isinstance(content, dict):
        raise SettingsError(f"{path} must contain sections such as `model:` and `trainer:`")
    for override in overrides:
        _set(content, override)
    try:
        return RunConfig.model_validate(content)
    except ValidationError as error:
        problems = "; ".join(
            f"{'.'.join(map(str, e['loc']))}: {e['msg']}{_near(e)}" for e in error.errors()
        )
        raise SettingsError(f"{path}: {problems}") from error


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
            raise SettingsError(f"--set {override}: {section} is not a section")
    try:
        place[last] = _number(read_yaml(value)) if value else ""
    except DocumentError as error:
        raise SettingsError(f"--set {override}: {error}") from error


def _number(value: Any) -> Any:
    """Convert text such as 1e-5, which YAML 1.1 does not parse as a number."""
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


def _under_present_names(options: dict[str, Any], known: set[str]) -> dict[str, Any]:
    """``options`` under the newest of their names that is ``known``."""
    names = dict(zip(options, options, strict=True))
    for old, new in RENAMED:
        wanted = new if new in known else old
        for name in {old, new} & options.keys():
            names[name] = wanted
        if {old, new} <= options.keys():
            raise SettingsError(f"trainer.{old} and trainer.{new} are one option: set one of them")
    return {names[name]: value for name, value in options.items()}


def trainer_arguments(kind: type, options: dict[str, Any], **fixed: Any) -> Any:
    """Build trl's configuration class ``kind`` from the keys of the section ``trainer``.

    Raises:
        SettingsError: trl has no such option, or refuses a value.
    """
    option_names = {field.name for field in dataclasses.fields(kind)}
    options = _under_present_names(options, option_names)
    for name in options:
        if name not in option_names:
            close = difflib.get_close_matches(name, sorted(option_names), 1)
            hint = f" (did you mean {close[0]}?)" if close else ""
            raise SettingsError(f"trainer.{name}: {kind.__name__} has no such option{hint}")
    values = {name: _number(value) for name, value in options.items()}
    for name in ("eval_strategy", "save_strategy", "logging_strategy"):
        if values.get(name) is False:
            values[name] = "no"  # YAML parses an unquoted no as false
    try:
        return kind(**{**values, **fixed})
    except (ValueError, TypeError, ImportError) as error:
        raise SettingsError(f"trainer: {kind.__name__} refuses the options: {error}") from error
