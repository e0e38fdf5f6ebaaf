"""The base class of all sections of the settings."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Section(BaseModel):
    """A group of settings. Unknown names are refused; values can't be changed afterwards."""

    model_config = ConfigDict(extra="forbid", frozen=True)
