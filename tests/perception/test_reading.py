"""The delta of a keyframe from what a model read: a measured motion decides, and so does rest."""

from __future__ import annotations

import pytest

from embodied_agent.perception.geometry import delta_from_egomotion
from embodied_agent.perception.reading import delta_from_reading
from embodied_agent.records import Action, Egomotion, Keyframe, Reason
from embodied_agent.rules.reckoning import way_back


def keyframe(id_: int, egomotion: Egomotion | None) -> Keyframe:
    reason: Reason = "asked" if id_ else "first"
    return Keyframe(id_, id_, b"", reason, width=8, height=6, egomotion=egomotion)


FIRST, REST, UNMEASURED = keyframe(0, None), keyframe(1, Egomotion(action=None)), keyframe(1, None)


@pytest.mark.parametrize("action", [None, Action.ROTATE_RIGHT, Action.MOVE_FORWARD])
def test_a_camera_at_rest_did_not_move_whatever_the_model_says(action: Action | None) -> None:
    delta = delta_from_reading(action, (), FIRST, REST, model="model")
    assert delta.action is None
    assert delta.at_rest
    assert delta.agrees_with_egomotion is (action is None)


def test_a_motion_that_was_not_measured_is_the_model_s() -> None:
    delta = delta_from_reading(Action.ROTATE_RIGHT, (), FIRST, UNMEASURED, model="model")
    assert delta.action is Action.ROTATE_RIGHT
    assert not delta.at_rest


def test_what_could_not_be_measured_and_a_start_are_no_rest() -> None:
    assert not delta_from_egomotion(FIRST, UNMEASURED, model="geometry").at_rest
    assert not delta_from_egomotion(None, FIRST, model="geometry").at_rest
    assert not delta_from_egomotion(FIRST, REST, model="geometry", usable=False).at_rest
    assert delta_from_egomotion(FIRST, REST, model="geometry").at_rest


def test_at_rest_nothing_gets_less_certain() -> None:
    rest = delta_from_egomotion(FIRST, REST, model="geometry")
    unmeasured = delta_from_egomotion(FIRST, UNMEASURED, model="geometry")
    assert way_back([rest] * 20).left.std() == 0
    assert way_back([unmeasured]).left.std() > 0
