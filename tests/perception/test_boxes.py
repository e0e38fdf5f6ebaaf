"""Boxes of served models: asked for in the model's own way, checked, and refused where they can't
be right."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from embodied_agent.chat.status import ReplyCounts
from embodied_agent.images import encode_jpeg
from embodied_agent.perception.boxes import BoxReader, Convention, convention_of, seen_size
from embodied_agent.perception.replies import parse_full
from embodied_agent.perception.served import ServedPerceiver
from embodied_agent.records import Box, Delta, Keyframe, Mention
from embodied_agent.settings import PerceptionSettings
from embodied_agent.transcript.text import entry_text
from tests.support.served import FaultyServer, faulty, says
from tests.support.served_models import server_settings

PICTURE = encode_jpeg(np.full((480, 640, 3), 90, np.uint8), 90)
FIRST = Keyframe(0, 0, PICTURE, "first", 640, 480)


def thing(name: str, direction: str, box: object = None) -> dict[str, Any]:
    entry = {"name": name, "direction": direction, "distance": "near"}
    return entry if box is None else {**entry, "bbox_2d": box}


def reply(*things: dict[str, Any]) -> str:
    return json.dumps({"objects": list(things), "observation": "A room."})


def perceive(
    *replies: str, times: int = 1, **settings: Any
) -> tuple[list[Delta], ReplyCounts, FaultyServer, str]:
    """The deltas of ``times`` first views, the counts, the server and the notice."""
    model = settings.pop("model", "Qwen/Qwen2.5-VL-7B-Instruct")
    with faulty(*(says(text) for text in replies), models=[model]) as server:
        chosen = PerceptionSettings(
            backend="served",
            server=server_settings(server.url).model_copy(update={"model": "", "timeout_s": 60}),
            **settings,
        )
        served = ServedPerceiver(chosen)
        deltas = [served.perceive(None, FIRST) for _ in range(times)]
        served.close()
        return deltas, served.reply_counts(), server, served.notice


@pytest.mark.parametrize(
    ("model", "convention"),
    [
        ("Qwen/Qwen2.5-VL-72B-Instruct", "pixels"),
        ("qwen2_5_vl_7b", "pixels"),
        ("Qwen/Qwen3-VL-8B-Instruct", "thousandths"),
        ("Qwen/Qwen2-VL-7B", "thousandths"),
        ("OpenGVLab/InternVL3-8B", "thousandths"),
        ("HuggingFaceTB/SmolVLM2-2.2B-Instruct", None),
        ("http://127.0.0.1:8000/v1", None),
        ("Qwen/Qwen2.5-3B", None),
    ],
)
def test_a_model_is_known_by_its_name(model: str, convention: str | None) -> None:
    assert convention_of(model) == convention


@pytest.mark.parametrize(
    ("model", "setting", "box", "units"),
    [
        ("Qwen/Qwen2.5-VL-7B-Instruct", "auto", [0, 238, 161, 357], "in pixels"),
        ("Qwen/Qwen3-VL-8B-Instruct", "auto", [0, 500, 250, 750], "from 0 to 1000"),
        ("some/model", "fractions", [0.0, 0.5, 0.25, 0.75], "from 0 to 1 "),
        ("some/model", "thousandths", [[0, 500, 250, 750]], "from 0 to 1000"),
    ],
)
def test_a_box_is_asked_for_and_read_as_the_model_counts(
    model: str, setting: str, box: object, units: str
) -> None:
    text = reply(thing("red sofa", "front-left", box))
    (delta,), counts, server, _ = perceive(text, model=model, boxes=setting)
    (sofa,) = delta.mentions
    assert sofa.box is not None
    assert (sofa.box.left, sofa.box.top) == pytest.approx((0.0, 0.5))
    assert (sofa.box.right, sofa.box.bottom) == pytest.approx((0.25, 0.75))
    assert sofa.bearing_deg == pytest.approx(29.92, abs=0.01)
    assert sofa.direction == "front-left"
    assert counts.boxes_refused == 0
    (request,) = server.requests
    prompt = json.dumps(request["messages"])
    assert "bbox_2d" in prompt
    assert units in prompt
    schema = request["response_format"]["json_schema"]["schema"]
    assert "bbox_2d" in schema["properties"]["objects"]["items"]["required"]


@pytest.mark.parametrize(
    ("model", "setting"),
    [("some/model", "auto"), ("Qwen/Qwen2.5-VL-7B-Instruct", "off")],
)
def test_other_models_are_not_asked_and_the_transcript_stays_as_it_was(
    model: str, setting: str
) -> None:
    text = reply(thing("red sofa", "front-left", [0, 10, 20, 30]))
    (delta,), _, server, _ = perceive(text, model=model, boxes=setting)
    assert delta.mentions == (Mention("red sofa", "front-left", "near"),)
    assert entry_text(delta) == "#0 start: red sofa front-left near. A room.\n"
    assert "bbox" not in json.dumps(server.requests)


@pytest.mark.parametrize(
    ("convention", "boxes"),
    [
        ("pixels", [[0, 500, 990, 750]]),
        ("pixels", [[0.1, 0.2, 0.3, 0.4], [0.5, 0.5, 0.9, 0.9]]),
        ("thousandths", [[0, 0, 1900, 1000]]),
        ("thousandths", [[0.1, 0.2, 0.3, 0.4]]),
        ("fractions", [[10, 20, 300, 400]]),
    ],
)
def test_boxes_of_another_convention_are_refused_and_counted(
    convention: Convention, boxes: Sequence[tuple[float, float, float, float]]
) -> None:
    reader = BoxReader()
    assert reader.read(boxes, convention, (640, 480)) == [None] * len(boxes)
    assert reader.refused == len(boxes)
    assert convention in reader.problem
    assert reader.believed


def test_a_model_that_keeps_contradicting_is_not_asked_for_boxes_any_more() -> None:
    wrong = reply(thing("red sofa", "front", [500, 500, 980, 980]))
    deltas, counts, server, notice = perceive(wrong, times=4)
    assert all(delta.mentions == (Mention("red sofa", "front", "near"),) for delta in deltas)
    assert all(delta.usable for delta in deltas)
    assert counts.boxes_refused == 3
    asked = ["bbox_2d" in json.dumps(request["messages"]) for request in server.requests]
    assert asked == [True, True, True, False]
    assert "perception.boxes" in notice
    assert "980" in notice


def test_a_single_contradiction_among_many_fitting_replies_is_forgiven() -> None:
    reader = BoxReader()
    fitting, wrong = [(0.0, 0.0, 300.0, 300.0)], [(0.0, 0.0, 3000.0, 300.0)]
    for _ in range(7):
        reader.read(fitting, "pixels", (640, 480))
    for _ in range(3):
        reader.read(wrong, "pixels", (640, 480))
    assert reader.believed
    assert reader.read(fitting, "pixels", (640, 480)) != [None]


def test_a_box_against_the_models_own_direction_is_left_out() -> None:
    text = reply(
        thing("red sofa", "front-right", [0, 238, 161, 357]),
        thing("lamp", "front", [300, 238, 340, 357]),
    )
    (delta,), counts, _, _ = perceive(text)
    sofa, lamp = delta.mentions
    assert sofa == Mention("red sofa", "front-right", "near")
    assert lamp.box is not None
    assert counts.boxes_refused == 1


def test_a_direction_that_is_nearly_right_becomes_that_of_the_box() -> None:
    text = reply(thing("red sofa", "front", [0, 238, 161, 357]))
    (delta,), _, _, _ = perceive(text)
    assert delta.mentions[0].direction == "front-left"


def test_two_objects_of_one_name_are_two_by_their_boxes() -> None:
    one, other = [0, 238, 80, 357], [90, 238, 161, 357]
    text = reply(thing("red chair", "front-left", one), thing("red chair", "front-left", other))
    (delta,), _, _, _ = perceive(text)
    assert [mention.name for mention in delta.mentions] == ["red chair", "red chair"]
    assert delta.mentions[0].box != delta.mentions[1].box


def test_the_whole_picture_for_every_object_measures_none() -> None:
    whole = [0, 0, 644, 476]
    text = reply(thing("red sofa", "front", whole), thing("lamp", "front", whole))
    (delta,), counts, _, _ = perceive(text)
    assert all(mention.box is None for mention in delta.mentions)
    assert counts.boxes_refused == 2


@pytest.mark.parametrize(
    "box",
    [
        None, [], [1, 2, 3], "1 2 3 4", {"x": 1}, [1, 2, "3", 4], [True, 2, 3, 4], [[1, 2], [3, 4]],
        [10**400, 2, 3, 4], [[[1, 2, 3, 4]]], [5, 5, 4, 4], [None] * 4, [-50, 2, 30, 40],
    ],
)  # fmt: skip
def test_an_odd_box_costs_the_box_and_not_the_object(box: object) -> None:
    text = reply({**thing("red sofa", "front"), "bbox_2d": box})
    (delta,), _, _, _ = perceive(text)
    assert delta.mentions == (Mention("red sofa", "front", "near"),)


def test_five_hundred_objects_with_boxes_are_cut_to_what_was_asked_for() -> None:
    things = [thing(f"lamp {n}", "front", [n, 0, n + 20, 40]) for n in range(100)]
    read = parse_full(reply(*things))
    assert len(read.mentions) == len(read.boxes) == 12


def test_a_box_is_read_by_any_of_its_usual_names() -> None:
    for key in ("bbox_2d", "bbox", "box_2d", "box", "BBox"):
        entry = {**thing("lamp", "front"), key: [1, 2, 3, 4]}
        assert parse_full(reply(entry)).boxes == ((1.0, 2.0, 3.0, 4.0),)


def test_pixels_are_those_of_the_picture_as_the_model_sees_it() -> None:
    assert seen_size(640, 480) == (644, 476)
    reader = BoxReader()
    (box,) = reader.read([(0.0, 0.0, 644.0, 476.0)], "pixels", (640, 480))
    assert box == Box(0.0, 0.0, 1.0, 1.0)
