"""Settings of the memory: where it is stored, and how much of it is kept."""

from __future__ import annotations

from pydantic import Field

from embodied_agent.settings.base import Section


class MemorySettings(Section):
    """Where the memory is stored, and how much of it."""

    path: str = Field("", description="SQLite file; empty: in RAM only, lost at exit")
    place_m: float = Field(
        4.0,
        ge=0.1,
        le=10_000,
        description="size of a place in summaries of what was seen long ago, in metres; places of "
        "a wide area are joined",
    )
    max_bytes: int = Field(
        2_000_000_000,
        ge=0,
        description="maximum size of the stored pictures, in bytes; older ones are thinned out as "
        "after `thin_after_s`, then the oldest are dropped; 0: no limit",
    )
    max_age_s: float = Field(
        0.0, ge=0, description="maximum age of stored pictures, in seconds; 0: no limit"
    )
    thin_after_s: float = Field(
        0.0,
        ge=0,
        description="age at which pictures are thinned out, in seconds: a few are kept per place "
        "or stretch, and those that answers and objects rest on; 0: only beyond `max_bytes`",
    )
    thin_to: int = Field(
        1,
        ge=1,
        le=64,
        description="pictures kept per place or, without poses, per stretch (16 keyframes at "
        "first, later 256 and more)",
    )
    text_max_bytes: int = Field(
        0,
        ge=0,
        description="size of everything except the pictures, in bytes, beyond which old text is "
        "thinned out, and objects of earlier map sessions with it: summaries with their evidence "
        "and the motion are kept; 0: no limit",
    )
    text_max_age_s: float = Field(
        0.0,
        ge=0,
        description="age at which text is thinned out, in seconds (2592000: 30 days); 0: no limit",
    )
    sightings_max: int = Field(
        0,
        ge=0,
        description="number of sightings of objects beyond which the oldest are thinned out: which "
        "keyframe shows which object stays, and all of an object's first and last one; 0: no limit",
    )
    sightings_max_age_s: float = Field(
        0.0, ge=0, description="age at which sightings are thinned out, in seconds; 0: no limit"
    )
    objects_max: int = Field(
        0,
        ge=0,
        description="number of objects beyond which the oldest of earlier map sessions are thinned "
        "out: what and where they are stays, and when they were first and last seen; 0: no limit",
    )
    objects_max_age_s: float = Field(
        0.0,
        ge=0,
        description="age at which objects of earlier map sessions are thinned out, in seconds "
        "since they were last seen; 0: no limit",
    )
    answers_max_bytes: int = Field(
        0, ge=0, description="maximum size of the stored answers, in bytes; 0: no limit"
    )
    answers_max_age_s: float = Field(
        0.0, ge=0, description="maximum age of stored answers, in seconds; 0: no limit"
    )
    facts_max: int = Field(
        100_000,
        ge=1,
        le=10_000_000,
        description="maximum number of noted facts; beyond it the oldest are dropped, except the "
        "newest of each name",
    )
    facts_max_age_s: float = Field(
        0.0,
        ge=0,
        description="maximum age of noted facts, in seconds; the newest of each name is kept; 0: "
        "no limit",
    )
