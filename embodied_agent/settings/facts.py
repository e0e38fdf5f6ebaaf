"""Settings of facts: values with a stamp that are noted beside what the camera saw."""

from __future__ import annotations

import re
from typing import NamedTuple

from pydantic import Field, field_validator

from embodied_agent.settings.base import Section
from embodied_agent.support.message_text import FieldError, MessageTemplate

#: Longest name and longest value of a fact, in characters.
MAX_FACT_NAME, MAX_FACT_VALUE = 64, 500
_NAME = re.compile(rf"[^\W\d_][\w -]{{0,{MAX_FACT_NAME - 1}}}")
_TOPIC = re.compile(r"[~/A-Za-z0-9_{}.-]{1,256}")


class FactTopic(NamedTuple):
    """A fact that is noted from a topic: its name, the topic, and how a message becomes a value."""

    name: str
    topic: str
    template: MessageTemplate


def is_fact_name(name: str) -> bool:
    """Whether a fact can have this name: it begins with a letter, and has letters, digits, spaces,
    ``-`` and ``_`` only."""
    return bool(_NAME.fullmatch(name)) and name == " ".join(name.split())


def fact_key(name: str) -> str:
    """What names of one fact have in common: they may differ in case, and in ``_``, ``-`` and
    spaces."""
    return " ".join(re.sub(r"[_-]", " ", name.casefold()).split())


class FactSettings(Section):
    """Other values with a stamp that are noted beside what was seen, and can be asked about."""

    topics: tuple[str, ...] = Field(
        (),
        description="facts to note from topics, in ROS and in recordings: `{battery: "
        "/battery_state percentage, GPS fix: '/fix {latitude:.6f}, {longitude:.6f}'}` or "
        "`mode=/mode data`; the topic is followed by a field, or by a text with fields in braces; "
        "default: the field `data`",
    )
    min_interval_s: float = Field(
        1.0,
        ge=0,
        le=86_400,
        description="a fact that changes is noted at most this often, in seconds; the latest value "
        "is not lost",
    )
    repeat_s: float = Field(
        60.0,
        ge=0,
        description="an unchanged value is noted again after this long, in seconds; 0: only "
        "changes are noted",
    )

    @field_validator("topics", mode="before")
    @classmethod
    def _named(cls, value: object) -> object:
        if not isinstance(value, dict):
            return value
        pairs = []
        for name, item in value.items():
            if isinstance(item, dict):
                unknown = [str(key) for key in item if key not in ("topic", "template", "field")]
                if unknown or "topic" not in item or ("template" in item and "field" in item):
                    raise ValueError(
                        f"the fact {name!r} has a topic, and a field or a template, not "
                        f"{', '.join(unknown) or list(item)}"
                    )
                item = f"{item['topic']} {item.get('template', item.get('field', ''))}"
            pairs.append(f"{name}={item}".strip())
        return tuple(pairs)

    @field_validator("topics")
    @classmethod
    def _readable(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        keys = [fact_key(_read(pair).name) for pair in value]
        for number, key in enumerate(keys):
            if key in keys[:number]:
                raise ValueError(f"two facts have the same name: {key!r}")
        return value

    def read(self) -> tuple[FactTopic, ...]:
        """The facts that are noted from topics."""
        return tuple(_read(pair) for pair in self.topics)


def _read(pair: str) -> FactTopic:
    name, equals, rest = pair.partition("=")
    topic, _, template = rest.strip().partition(" ")
    if not equals or not _TOPIC.fullmatch(topic):
        raise ValueError(f"a fact is given as name=topic field, not {pair!r}")
    if not is_fact_name(name.strip()):
        raise ValueError(
            f"{name!r} can't be the name of a fact: it begins with a letter and has letters, "
            f"digits, spaces, - and _, at most {MAX_FACT_NAME} in all"
        )
    try:
        return FactTopic(name.strip(), topic, MessageTemplate.parse(template.strip() or "data"))
    except FieldError as error:
        raise ValueError(f"the fact {name!r}: {error}") from error
