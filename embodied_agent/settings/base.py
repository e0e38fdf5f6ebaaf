"""The base class of all sections of the settings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, get_args

from pydantic import BaseModel, ConfigDict, model_validator


class Section(BaseModel):
    """A group of settings. Unknown names are refused; values can't be changed afterwards."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    @model_validator(mode="before")
    @classmethod
    def _switches(cls, values: Any) -> Any:
        """Take YAML's true and false, which unquoted `on` and `off` are, for the words."""
        if not isinstance(values, Mapping):
            return values
        words = {True: "on", False: "off"}
        return {
            name: words[value]
            if isinstance(value, bool)
            and (field := cls.model_fields.get(name)) is not None
            and words[value] in get_args(field.annotation)
            else value
            for name, value in values.items()
        }
