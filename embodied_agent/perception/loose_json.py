"""JSON as models write it: single quotes, bare words, trailing commas, Python's None and True.

Reads one object of plain data: no tags, anchors or references, so that a text can't expand to more
than its own size. The time is proportional to the length of the text.

Out of scope: finding the object in a reply, and what it means (`replies`).
"""

from __future__ import annotations

import json
import re
from typing import Any

#: Objects and lists within each other, at most.
MAX_DEPTH = 20
_SPACE = re.compile(r"\s*")
#: A bare word ends at what separates values, or at the colon after a key.
_BARE = re.compile(r"""[^\s,:{}\[\]"'][^,{}\[\]\n]*""")
_BARE_KEY = re.compile(r"""[^\s,:{}\[\]"'][^,:{}\[\]\n]*""")
_DOUBLE = re.compile(r'"(?:[^"\\]|\\.)*"', re.DOTALL)
#: In YAML's way a quote is doubled, in Python's it is escaped.
_SINGLE = re.compile(r"'(?:[^'\\]|\\.|'')*'", re.DOTALL)
_NUMBER = re.compile(r"-?\d{1,15}(?:\.\d{1,15})?(?:[eE][+-]?\d{1,2})?")
_WORDS: dict[str, Any] = {
    "true": True, "True": True, "false": False, "False": False,
    "null": None, "None": None, "~": None,
}  # fmt: skip


def loads(text: str) -> Any:
    """The value that ``text`` holds.

    Raises:
        ValueError: it holds none, more than one, or one that is nested too deep.
    """
    value, at = _value(text, _skip(text, 0), 0)
    if _skip(text, at) != len(text):
        raise ValueError(f"more text after the value, at {at}")
    return value


def _value(text: str, at: int, depth: int) -> tuple[Any, int]:
    if depth > MAX_DEPTH:
        raise ValueError(f"nested more than {MAX_DEPTH} levels deep")
    sign = text[at : at + 1]
    if sign == "{":
        return _object(text, at + 1, depth)
    if sign == "[":
        return _list(text, at + 1, depth)
    if sign in ('"', "'") and sign:
        return _quoted(text, at)
    match = _BARE.match(text, at)
    if match is None:
        raise ValueError(f"no value at {at}")
    return _bare(match[0]), match.end()


def _object(text: str, at: int, depth: int) -> tuple[dict[str, Any], int]:
    values: dict[str, Any] = {}
    while True:
        at = _skip(text, at)
        if text[at : at + 1] == "}":
            return values, at + 1
        if text[at : at + 1] in ('"', "'"):
            key, at = _quoted(text, at)
        else:
            match = _BARE_KEY.match(text, at)
            if match is None:
                raise ValueError(f"no key at {at}")
            key, at = match[0].strip(), match.end()
        at = _skip(text, at)
        if text[at : at + 1] != ":":
            raise ValueError(f"no colon at {at}")
        at = _skip(text, at + 1)
        if text[at : at + 1] in (",", "}"):
            values[key] = None
        else:
            values[key], at = _value(text, at, depth + 1)
        at = _separated(text, at, "}")


def _list(text: str, at: int, depth: int) -> tuple[list[Any], int]:
    values: list[Any] = []
    while True:
        at = _skip(text, at)
        if text[at : at + 1] == "]":
            return values, at + 1
        value, at = _value(text, at, depth + 1)
        values.append(value)
        at = _separated(text, at, "]")


def _separated(text: str, at: int, end: str) -> int:
    """Past the comma that follows a value; where the list or object ends, at its end."""
    at = _skip(text, at)
    sign = text[at : at + 1]
    if sign == ",":
        return at + 1
    if sign != end:
        raise ValueError(f"neither a comma nor {end} at {at}")
    return at


def _quoted(text: str, at: int) -> tuple[str, int]:
    double = text[at] == '"'
    match = (_DOUBLE if double else _SINGLE).match(text, at)
    if match is None:
        raise ValueError(f"no end of the quotation at {at}")
    inner = match[0][1:-1]
    if not double:
        inner = inner.replace("''", "'").replace("\\'", "'")
        inner = re.sub(r'(?<!\\)"', '\\"', inner)
    try:
        # Line breaks within strings are allowed.
        value: str = json.loads(f'"{inner}"', strict=False)
    except ValueError:
        value = inner.replace("\\", "")
    return value, match.end()


def _bare(word: str) -> Any:
    word = word.strip()
    if word in _WORDS:
        return _WORDS[word]
    if _NUMBER.fullmatch(word):
        return float(word)
    return word


def _skip(text: str, at: int) -> int:
    match = _SPACE.match(text, at)
    return match.end() if match else at
