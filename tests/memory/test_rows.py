"""Checksums of rows: what was written is accepted, whatever else is refused and named."""

from __future__ import annotations

import logging
import math
from typing import Any

import pytest

from embodied_agent.memory.rows import (
    Damage,
    DamagedRow,
    check_keyframe,
    check_picture,
    check_texts,
    check_values,
    keyframe_sum,
    real,
    text_sum,
    values_sum,
)

#: The columns of a keyframe in their order, as they come from the file.
KEYFRAME = (
    *(3, 0, 5_000, "overlap", "robust", 320, 240, 0.25, 12, None),
    *('{"frame_id": "map"}', '{"fx": 320.0}', '{"position_m": [0.0, 0.0, 1.2]}'),
)


def test_files_of_earlier_versions_keep_their_checksums() -> None:
    assert keyframe_sum([*KEYFRAME[:-2], None, None]) == 2411311374  # they had no intrinsics
    assert keyframe_sum([*KEYFRAME[:-1], None]) == 3637856903  # nor a mount
    assert keyframe_sum([*KEYFRAME[:-3], None, None, None]) == 2557728098  # this one had no pose
    assert text_sum("question", "ä \ud800 answer") == 2957241637


def test_a_keyframe_as_it_was_written_is_accepted() -> None:
    check_keyframe(KEYFRAME, keyframe_sum(list(KEYFRAME)))
    without_overlap = (*KEYFRAME[:7], None, *KEYFRAME[8:])
    check_keyframe(without_overlap, keyframe_sum(list(without_overlap)))


@pytest.mark.parametrize("column", range(len(KEYFRAME)))
def test_another_value_in_any_column_is_refused(column: int) -> None:
    other = {int: 99, float: 0.5, str: "other", type(None): "other"}[type(KEYFRAME[column])]
    values = (*KEYFRAME[:column], other, *KEYFRAME[column + 1 :])
    with pytest.raises(DamagedRow, match="checksum is wrong"):
        check_keyframe(values, keyframe_sum(list(KEYFRAME)))


@pytest.mark.parametrize("column", range(len(KEYFRAME)))
def test_a_value_of_another_type_is_refused_even_without_a_checksum(column: int) -> None:
    values = (*KEYFRAME[:column], b"soon", *KEYFRAME[column + 1 :])
    with pytest.raises(DamagedRow, match="it holds b'soon'"):
        check_keyframe(values, None)


def test_a_row_from_before_checksums_is_accepted_by_its_types() -> None:
    check_keyframe((*KEYFRAME[:3], "asked", *KEYFRAME[4:]), None)
    check_texts(None, "a question", "an answer")
    assert check_picture(None, b"\xff\xd8") == b"\xff\xd8"


@pytest.mark.parametrize("values", [KEYFRAME[:-1], (*KEYFRAME, None)])
def test_a_keyframe_has_all_of_its_columns_and_no_more(values: tuple[object, ...]) -> None:
    with pytest.raises(ValueError, match="argument"):
        check_keyframe(values, None)


def test_texts_as_they_were_written_are_accepted() -> None:
    check_texts(text_sum("a question", "an answer"), "a question", "an answer")


@pytest.mark.parametrize(
    "texts",
    [("a question", "another answer"), ("an answer", "a question"), ("a questiona", "n answer"),
     ("a question",)],
)  # fmt: skip
def test_other_texts_and_other_parts_of_the_same_text_are_refused(texts: tuple[str, ...]) -> None:
    with pytest.raises(DamagedRow, match="checksum is wrong"):
        check_texts(text_sum("a question", "an answer"), *texts)


@pytest.mark.parametrize("value", [None, 3, b"text"])
def test_a_text_that_is_none_is_refused(value: object) -> None:
    for checksum in (None, text_sum("a question")):
        with pytest.raises(DamagedRow, match="it holds no text"):
            check_texts(checksum, "a question", value)


VALUES_SUM = 3773829959
#: Values of each kind that SQLite has, and the types that each may have.
VALUES = (7, "ä \ud800", b"\x00\xff", None, 0.5)
KINDS = ((int,), (str,), (bytes,), (str, type(None)), (float,))


def test_values_as_they_were_written_are_accepted_by_this_and_later_versions() -> None:
    assert values_sum(*VALUES) == VALUES_SUM
    check_values(VALUES, KINDS, VALUES_SUM)
    assert values_sum(7.0) == values_sum(7)  # SQLite may give either back


@pytest.mark.parametrize(
    "values",
    [
        (8, *VALUES[1:]),
        (7, "ä", *VALUES[2:]),
        (*VALUES[:2], b"\x00", None, 0.5),
        (*VALUES[:3], "", 0.5),
        (*VALUES[:4], 0.25),
    ],
)
def test_other_values_are_refused_unless_there_is_no_checksum(values: tuple[Any, ...]) -> None:
    with pytest.raises(DamagedRow, match="checksum is wrong"):
        check_values(values, KINDS, values_sum(*VALUES))
    check_values(values, KINDS, None)


def test_values_of_another_type_and_another_number_of_values_are_refused() -> None:
    with pytest.raises(DamagedRow, match=r"it holds 0\.5"):
        check_values((0.5, *VALUES[1:]), KINDS, None)
    for values in (VALUES[:-1], (*VALUES, 1)):
        with pytest.raises(ValueError, match="argument"):
            check_values(values, KINDS, None)


def test_values_of_different_kinds_or_divided_otherwise_have_different_checksums() -> None:
    sums = [
        values_sum(*values)
        for values in ((None,), ("",), (b"",), ("a",), (b"a",), (0.0,), ("ab", "c"), ("a", "bc"))
    ]
    assert len(set(sums)) == len(sums)


def test_a_picture_is_what_was_written_or_was_dropped_by_retention() -> None:
    checksum = 0x3610A686  # CRC-32 of "hello"
    assert check_picture(checksum, b"hello") == b"hello"
    assert check_picture(checksum, None) == b""
    with pytest.raises(DamagedRow, match="checksum is wrong"):
        check_picture(checksum, b"hellp")
    for value in ("hello", 5):
        with pytest.raises(DamagedRow, match="it holds no picture"):
            check_picture(checksum, value)


def test_numbers_are_as_sqlite_gives_them_back() -> None:
    assert real(None) is None
    assert real(math.nan) is None
    assert isinstance(real(3), float)
    assert real(0.1) == 0.1


def test_damage_is_named_once_in_its_order_with_its_first_reason(
    caplog: pytest.LogCaptureFixture,
) -> None:
    damage = Damage("robot.db")
    with caplog.at_level(logging.ERROR):
        damage.note("delta of keyframe 3", DamagedRow("its checksum is wrong"))
        damage.note("answer 1", "it holds no text")
        damage.note("delta of keyframe 3", "it holds no text")
    assert damage.names() == ("delta of keyframe 3", "answer 1")
    assert damage.reasons() == {
        "delta of keyframe 3": "its checksum is wrong",
        "answer 1": "it holds no text",
    }
    assert len(caplog.messages) == 2
    assert "robot.db: delta of keyframe 3 is damaged" in caplog.messages[0]
    damage.reasons().clear()
    assert len(damage.names()) == 2
