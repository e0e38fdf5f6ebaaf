"""Records as JSON and back: the same in the memory, over the wire and on the command line."""

from __future__ import annotations

import json
import math
from dataclasses import fields

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from embodied_agent.agent.status import AgentStatus
from embodied_agent.codec import document, encodable, from_json, from_values, to_json, to_values
from embodied_agent.interfaces.mqtt.messages import AnswerMessage, answer_payload, delta_payload
from embodied_agent.interfaces.wire.from_records import answer_reply, keyframe_reply
from embodied_agent.interfaces.wire.models import (
    AgentStatusReply,
    AnswerReply,
    BoxReply,
    DeltaReply,
    EgomotionReply,
    EvidenceReply,
    IntrinsicsReply,
    KeyframeReply,
    MentionReply,
    MountReply,
    PoseReply,
)
from embodied_agent.interfaces.wire.to_records import answer_from
from embodied_agent.records import (
    ANSWER_STATUSES,
    DIRECTIONS,
    DISTANCES,
    Action,
    Answer,
    AnswerStatus,
    Box,
    Delta,
    Egomotion,
    Evidence,
    Intrinsics,
    Keyframe,
    Mention,
    Mount,
    Pose,
    Question,
)

texts = st.text(max_size=20)
#: Half a surrogate pair, as a served model may send it.
odd_texts = st.text(st.characters(codec=None), max_size=20)
numbers = st.floats(allow_nan=False, allow_infinity=False)
triples = st.tuples(numbers, numbers, numbers)
poses = st.builds(Pose, triples, st.tuples(numbers, numbers, numbers, numbers), texts)
boxes = st.builds(Box, numbers, numbers, numbers, numbers)
mentions = st.builds(
    Mention,
    texts,
    st.sampled_from(DIRECTIONS),
    st.none() | st.sampled_from(DISTANCES),
    st.none() | boxes,
    st.none() | numbers,
    st.none() | numbers,
    st.none() | numbers,
    st.none() | numbers,
)
actions = st.none() | st.sampled_from(Action)
egomotions = st.builds(Egomotion, actions, numbers, numbers, numbers, triples, numbers)
deltas = st.builds(
    Delta,
    st.integers(0, 2**62),
    actions,
    st.none() | numbers,
    st.lists(mentions, max_size=3).map(tuple),
    texts,
    st.booleans(),
    st.none() | st.booleans(),
    texts,
    numbers,
)
keyframes = st.builds(
    Keyframe,
    id=st.integers(0, 2**62),
    stamp_ns=st.integers(-(2**62), 2**62),
    jpeg=st.just(b""),
    reason=st.sampled_from(["first", "overlap", "asked"]),
    width=st.integers(1, 9999),
    height=st.integers(1, 9999),
    egomotion=st.none() | egomotions,
    pose=st.none() | poses,
    intrinsics=st.none()
    | st.builds(Intrinsics, numbers, numbers, numbers, numbers, st.integers(), st.integers()),
)
answers = st.builds(
    Answer,
    texts,
    st.none() | st.sampled_from("ABC"),
    texts,
    st.none() | numbers,
    st.lists(
        st.builds(Evidence, st.integers(0, 99), st.integers(), texts, st.none() | poses),
        max_size=2,
    ).map(tuple),
    st.dictionaries(texts, numbers, max_size=2),
    st.dictionaries(texts, texts, max_size=2),
    question_id=texts,
    notice=texts,
    status=st.sampled_from(sorted(set(ANSWER_STATUSES) - {"failed"})),
) | st.builds(Answer.failure, st.text(min_size=1, max_size=20), texts)
questions = st.builds(
    Question, texts, st.lists(texts, max_size=3).map(tuple), st.none() | st.integers(), numbers
)


@given(st.one_of(poses, mentions, egomotions, deltas, answers, questions))
def test_any_record_survives_its_json(record: object) -> None:
    assert from_json(type(record), to_json(record)) == record
    assert from_values(type(record), json.loads(json.dumps(to_values(record)))) == record


@given(keyframes)
def test_a_keyframe_survives_without_its_picture(keyframe: Keyframe) -> None:
    values = to_values(keyframe)
    assert "jpeg" not in values
    again = from_values(Keyframe, values)
    assert all(getattr(again, f.name) == getattr(keyframe, f.name) for f in fields(Keyframe))


@given(odd_texts)
@example("\ud800")
def test_any_text_can_be_written_as_utf_8(text: str) -> None:
    delta = Delta(0, None, mentions=(Mention(text, "front"),), observation=text)
    stored = to_json(delta)
    stored.encode()
    again = from_json(Delta, stored)
    assert again.observation == again.mentions[0].name == encodable(text)
    keyframe_reply(Keyframe(0, 0, b"", "first", 1, 1, frame_id=text), delta).model_dump_json()
    document({text: delta}).encode()


def test_numbers_that_are_not_finite_survive_a_file_and_are_null_in_a_document() -> None:
    motion = Egomotion(Action.ROTATE_LEFT, yaw_deg=math.nan, translation=(math.inf, 0.0, 0.0))
    again = from_json(Egomotion, to_json(motion))
    assert math.isnan(again.yaw_deg)
    assert again.translation == (math.inf, 0.0, 0.0)
    values = json.loads(document(motion), parse_constant=pytest.fail)
    assert (values["yaw_deg"], values["translation"]) == (None, [None, 0.0, 0.0])


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        '{"keyframe_id": 1}',
        '{"keyframe_id": 1, "action": "fly"}',
        '{"keyframe_id": 1, "action": null, "mentions": [{"name": "x", "direction": "north"}]}',
    ],
)
def test_what_is_not_the_record_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        from_json(Delta, text)


def test_fields_that_a_newer_version_adds_are_ignored() -> None:
    delta = Delta(3, Action.TILT_UPWARD, 12.0)
    assert from_values(Delta, {**to_values(delta), "box_px": [1, 2, 3, 4]}) == delta


def test_a_mention_without_measurements_is_read_as_what_it_was() -> None:
    text = '{"name": "red sofa", "direction": "left", "distance": "near"}'
    assert from_json(Mention, text) == Mention("red sofa", "left", "near")
    reply = MentionReply.model_validate_json(text)
    assert (reply.box, reply.bearing_deg, reply.confidence) == (None, None, None)


def test_an_answer_without_status_is_read_as_what_it_was() -> None:
    for answer in (Answer("left"), Answer.failure("no model")):
        values = to_values(answer)
        del values["status"]
        assert from_json(Answer, json.dumps(values)) == answer
        reply = answer_reply(Question("Where?"), answer).model_dump()
        del reply["status"]
        assert AnswerReply.model_validate(reply).status == answer.status


@pytest.mark.parametrize(("status", "problem"), [("failed", ""), ("answered", "x")])
def test_only_a_failure_has_a_problem(status: AnswerStatus, problem: str) -> None:
    with pytest.raises(ValueError, match="with problem"):
        Answer("", status=status, problem=problem)


@pytest.mark.parametrize(
    ("record", "reply", "renamed"),
    [
        (Pose, PoseReply, {}),
        (Box, BoxReply, {}),
        (Mention, MentionReply, {}),
        (Intrinsics, IntrinsicsReply, {}),
        (Mount, MountReply, {}),
        (Egomotion, EgomotionReply, {}),
        (Delta, DeltaReply, {}),
        (Keyframe, KeyframeReply, {"jpeg": "picture"}),
        (Evidence, EvidenceReply, {}),
        (Answer, AnswerReply, {"question_id": "id"}),
        (AgentStatus, AgentStatusReply, {}),
    ],
)
def test_the_wire_carries_every_field_of_a_record(
    record: type, reply: type, renamed: dict[str, str]
) -> None:
    # A keyframe's depth picture stays in the memory: what it tells is in the mentions.
    stays = {"depth"} if record is Keyframe else set()
    names = {renamed.get(one.name, one.name) for one in fields(record) if one.name not in stays}
    assert names <= reply.model_fields.keys()


@given(answers, questions)
def test_a_client_reads_the_record_that_was_sent(answer: Answer, question: Question) -> None:
    sent = AnswerMessage.model_validate_json(answer_payload(question, answer))
    assert answer_from(sent) == Answer(
        **{
            **{field.name: getattr(answer, field.name) for field in fields(Answer)},
            "question_id": answer.question_id or question.id,
        }
    )


@given(keyframes, deltas)
def test_http_mqtt_and_the_command_line_show_the_same_record(
    keyframe: Keyframe, delta: Delta
) -> None:
    reply = json.loads(keyframe_reply(keyframe, delta).model_dump_json())
    message = json.loads(delta_payload(keyframe, delta))
    printed = json.loads(document(keyframe_reply(keyframe, delta)))
    assert message == {**reply, "type": "delta"}
    assert printed == reply
    stored = json.loads(to_json(delta))
    assert {name: reply["delta"][name] for name in stored} == stored
