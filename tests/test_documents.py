"""YAML and JSON from outside: whatever is in them, reading ends soon and in one kind of error."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from embodied_agent.cli.common import settings_from
from embodied_agent.errors import SettingsError, SourceError
from embodied_agent.settings import SourceSettings, load_settings
from embodied_agent.sources import open_source
from embodied_agent.support.documents import DocumentError, read_json, read_yaml

YAML_BOMBS = {
    "aliases": "a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]\n",
    "a merge": "a: &a {x: 1}\nb: {<<: *a}\n",
    "a merge of nothing": "{<<: 1}",
    "a tag": "{objects: !!bool maybe}",
    "a Python tag": "!!python/object/apply:os.system [true]",
    "nesting": "[" * 5_000,
    "nesting, closed": "[" * 5_000 + "]" * 5_000,
    "blocks": "- " * 5_000,
    "a date": "a: 2001-13-45",
    "digits": "a: " + "9" * 100_000,
    "base 60": "a: " + "59:" * 50_000 + "0",
    "an octal number": "a: 0o8\nb: 08\nc: 0b\nd: 0x_",
    "unhashable keys": "{[1]: 2}",
    "a null byte": "a: \x00",
    "two documents": "a: 1\n---\nb: 2\n",
    "a lone surrogate": "a: \ud800",
}


@pytest.mark.timeout(20)
@pytest.mark.parametrize("text", YAML_BOMBS.values(), ids=YAML_BOMBS)
def test_a_bomb_is_read_or_refused(text: str) -> None:
    try:
        values = read_yaml(text)
    except DocumentError:
        return
    assert len(repr(values)) <= 2 * len(text)


def test_what_is_too_long_is_not_read() -> None:
    with pytest.raises(DocumentError, match="longer than 100"):
        read_yaml("a: " + "x" * 200, max_size=100)
    with pytest.raises(DocumentError, match="longer than 100"):
        read_json('"' + "x" * 200 + '"', max_size=100)


@given(st.binary(max_size=200) | st.text("{}[]:-!&*<>|%'\"\n #0ax", max_size=80))
def test_any_text_is_read_or_refused(text: str | bytes) -> None:
    for read in (read_yaml, read_json):
        try:
            read(text)
        except DocumentError:
            continue


@pytest.mark.timeout(60)
@pytest.mark.parametrize("bomb", YAML_BOMBS.values(), ids=YAML_BOMBS)
def test_a_settings_file_of_any_kind_is_read_or_refused(tmp_path: Path, bomb: str) -> None:
    file = tmp_path / "settings.yaml"
    file.write_bytes(bomb.encode("utf-8", "surrogatepass"))
    with pytest.raises(SettingsError):
        load_settings(file)


@pytest.mark.parametrize("value", ["!!bool maybe", "[" * 3_000, "&a [*a]", "2001-13-45"])
def test_a_setting_on_the_command_line_is_read_or_refused(value: str) -> None:
    with pytest.raises(SettingsError, match=r"--set|source\.topic"):
        settings_from(None, [f"source.topic={value}"])


@pytest.mark.timeout(60)
def test_damaged_metadata_of_a_bag_never_break_reading(tmp_path: Path) -> None:
    rng = random.Random(3)
    whole = (
        "rosbag2_bagfile_information:\n  version: 5\n  storage_identifier: mcap\n"
        "  relative_file_paths:\n    - a.mcap\n  topics_with_message_count:\n"
        "    - topic_metadata: {name: /c, type: x}\n      message_count: 3\n"
    )
    metadata = tmp_path / "metadata.yaml"
    texts = [bomb.encode("utf-8", "surrogatepass") for bomb in YAML_BOMBS.values()]
    texts.append(whole.replace("3\n", ".inf\n").encode())
    for _ in range(300):
        text = bytearray(whole.encode())
        for _ in range(rng.randrange(1, 8)):
            text[rng.randrange(len(text))] = rng.choice(b"{}[]:-!&*<>|\n #0ax\xff\x00")
        texts.append(bytes(text))
    for data in texts:
        metadata.write_bytes(data)
        with pytest.raises(SourceError):
            open_source(str(tmp_path), SourceSettings())
