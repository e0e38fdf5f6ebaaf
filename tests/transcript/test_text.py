"""What the transcript says of the camera's motion."""

from __future__ import annotations

import pytest

from embodied_agent.perception.geometry import delta_from_egomotion
from embodied_agent.records import Action, Delta, Egomotion, Keyframe, Mention
from embodied_agent.transcript.text import action_text, entry_text


def keyframe(number: int, egomotion: Egomotion | None = None) -> Keyframe:
    return Keyframe(number, number * 10**9, b"", "overlap", 32, 24, egomotion=egomotion)


def test_a_camera_that_stood_still_did_not_move() -> None:
    at_rest = Delta(3, None, 0.0, (Mention("red sofa", "front"),), agrees_with_egomotion=True)
    assert entry_text(at_rest) == "#3 stand still: red sofa front.\n"


@pytest.mark.parametrize(
    ("egomotion", "text"),
    [
        (Egomotion(None, confidence=0.9), "stand still"),
        (
            Egomotion(Action.MOVE_FORWARD, translation=(0.0, 0.0, 1.0), confidence=0.9),
            "move forward",
        ),
        (None, "moved"),
    ],
)
def test_a_measured_rest_is_told_from_a_motion_that_was_not_measured(
    egomotion: Egomotion | None, text: str
) -> None:
    delta = delta_from_egomotion(keyframe(1), keyframe(2, egomotion), model="geometry")
    assert action_text(delta) == text


def test_the_first_keyframe_is_a_start() -> None:
    assert action_text(delta_from_egomotion(None, keyframe(1), model="geometry")) == "start"
