"""Fields of messages as text: of rosbags, protobuf and JSON, and what can't be told."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from foxglove_schemas_protobuf.Vector3_pb2 import Vector3
from hypothesis import given
from hypothesis import strategies as st

from embodied_agent.support.message_text import FieldError, MessageTemplate, fields_of
from tests.support.sources import STORE, header


def told(template: str, message: object) -> str | None:
    return MessageTemplate.parse(template).text_of(message)


def battery(percentage: float, cells: tuple[float, ...] = ()) -> object:
    kind = STORE.types["sensor_msgs/msg/BatteryState"]
    values = {name: 0 for name in kind.__dataclass_fields__ if not name.startswith("_")}
    values |= {"header": header(5), "percentage": percentage, "location": "slot 2"}
    return kind(**{**values, "cell_voltage": np.array(cells, np.float32)})


def test_a_field_is_told_with_as_many_digits_as_it_was_given() -> None:
    assert told("percentage", battery(float(np.float32(0.8)))) == "0.8"
    assert told("percentage", battery(52.520006600000003)) == "52.5200066"
    assert told("percentage", battery(80.0)) == "80"
    assert told("location", battery(0.5)) == "slot 2"
    assert told("header.frame_id", battery(0.5)) == "cam"
    assert told("cell_voltage[1]", battery(0.5, (3.7, 3.8))) == "3.8"
    assert told("cell_voltage", battery(0.5, (3.7, 3.8))) == "[3.7, 3.8]"


def test_a_text_with_fields_is_told_in_its_formats() -> None:
    assert told("{percentage:.0%} in {location}", battery(0.804)) == "80% in slot 2"
    assert told("{{{percentage:.1f}}}", battery(0.5)) == "{0.5}"


def test_messages_of_all_kinds_have_fields() -> None:
    assert told("{x:.1f}, {y}", Vector3(x=1.0, y=2.5)) == "1.0, 2.5"
    assert told("state.docked", json.loads('{"state": {"docked": true}}')) == "true"
    assert fields_of(Vector3()) == ("x", "y", "z")
    assert fields_of(3.0) == ()


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
def test_what_was_not_measured_is_not_told(number: float) -> None:
    assert told("percentage", battery(number)) is None
    assert told("{location}: {percentage:.2f}", battery(number)) is None
    assert told("cell_voltage", battery(0.5, (3.7, number))) is None


@pytest.mark.parametrize(
    ("template", "said"),
    [
        ("percent", r"the message has no field 'percent'; it has header, voltage, temperature"),
        ("header.stamp.ns", r"header\.stamp has no field 'ns'; it has sec, nanosec"),
        ("header", r"header is a message; name one of its fields: stamp, frame_id"),
        ("cell_voltage[7]", r"cell_voltage has 0 items, so there is no cell_voltage\[7\]"),
        ("percentage.x", r"percentage has no field 'x'; it has no fields"),
        ("{location:.1f}", r"location can't be written as '\.1f'"),
        ("__class__", "is not a field"),
    ],
)
def test_what_a_message_does_not_have_is_said_with_what_it_has(template: str, said: str) -> None:
    with pytest.raises(FieldError, match=said):
        told(template, battery(0.5))


@pytest.mark.parametrize(
    "template",
    [
        *("a b", "a..b", "a.__init__", "{a!r}", "{a:{b}}", "{", "}", "{}", "{0}", "text {{x}}"),
        *("{a:999999999d}", "{a:1000}", "a" * 501, "", "{a.b._c}"),
    ],
)
def test_what_is_no_template_is_refused(template: str) -> None:
    with pytest.raises(FieldError):
        MessageTemplate.parse(template)


def test_a_long_array_is_not_told_whole() -> None:
    with pytest.raises(FieldError, match=r"cell_voltage has 17 items; name one of them"):
        told("cell_voltage", battery(0.5, (1.0,) * 17))


@given(
    st.text(max_size=40),
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.text(),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    ),
)
def test_any_template_and_message_give_a_text_none_or_one_error(
    template: str, message: object
) -> None:
    try:
        text = told(template, {"a": message})
    except FieldError:
        return
    assert text is None or isinstance(text, str)


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_number_is_read_back_from_its_text(number: float) -> None:
    text = told("a", {"a": number})
    assert text is not None
    assert float(text) == number or np.float32(text) == np.float32(number)
