"""Replies of a vision-language model that would break a parser, and what may be read of a reply."""

from __future__ import annotations

from embodied_agent.perception.prompts import MAX_OBJECTS
from embodied_agent.perception.replies import MAX_NAME, FullReply
from embodied_agent.records import DIRECTIONS, DISTANCES, Action

GOOD = (
    '{"action": "rotate left", "objects": [{"name": "red sofa", "direction": "front-left", '
    '"distance": "near"}], "observation": "A sofa stands there."}'
)


def merge_bomb() -> str:
    """A few hundred characters that YAML's merge keys unfold to millions of entries."""
    lines = ["{a0: &a0 {" + ", ".join(f"k{n}: x" for n in range(9)) + "}"]
    for n in range(1, 9):
        lines.append(f", a{n}: &a{n} [" + ", ".join([f"*a{n - 1}"] * 9) + "]")
    return "".join(lines) + ", objects: *a8}"


BOMBS = {
    "a tag whose value is none": "{objects: !!bool maybe}",
    "other tags": "{objects: !!int x, a: !!timestamp 2001-99-99, b: !!float y, c: !!binary -}",
    "a merge of what can't be merged": "{<<: 1, objects: []}",
    "a merge bomb": merge_bomb(),
    "nesting": "{" + "[" * 9_000,
    "nesting, closed": "{a: " + "[" * 9_000 + "]" * 9_000 + "}",
    "nesting of objects": "{a:" * 4_000 + "}" * 4_000,
    "closing before opening": "{" + "]" * 5_000 + "[" * 5_000 + "}",
    "a number of many digits": '{"objects": ' + "9" * 19_000 + "}",
    "a sexagesimal of many digits": "{objects: " + "59:" * 6_000 + "0}",
    "an infinite number": '{"objects": 1e999, "observation": NaN}',
    "an octal number": "{objects: 0o8, a: 08, b: 0b2, c: 0xg}",
    "a date": "{objects: 2001-13-45}",
    "quotation marks": "{" + '"' * 10_000,
    "single quotation marks": "{'" + "''" * 9_000,
    "backslashes": '{"' + "\\" * 10_001,
    "half a surrogate": '{"objects": [{"name": "\\ud800 sofa", "direction": "left"}]}',
    "a null byte": '{"objects": [{"name": "so\x00fa", "direction": "left"}]}',
    "unhashable keys": "{[1]: 2, {a: b}: c, objects: []}",
    "the same key": "{" + "objects: []," * 2_000 + "}",
    "many objects": "{}" * 9_000,
    "braces": "{" * 20_000,
    "spaces": "{" + " " * 19_000 + "}",
    "a directive": "%YAML 9.9\n--- {objects: []}",
    "nothing": "",
}


def check_vocabulary(read: FullReply) -> None:
    assert read.action is None or read.action in Action
    assert len(read.mentions) <= MAX_OBJECTS
    for mention in read.mentions:
        assert mention.direction in DIRECTIONS
        assert mention.distance is None or mention.distance in DISTANCES
        assert 0 < len(mention.name) <= MAX_NAME
        assert not set(mention.name) & set(";:.#<>\n")
    assert not set(read.observation) & set("#<>\n")
