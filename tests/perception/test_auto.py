"""Which perceiver is chosen: by settings, else by what the first keyframes look like."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import pytest

from embodied_agent.agent import Agent
from embodied_agent.perception.auto import FIRST, NOTICE, AutoPerceiver, resolve_backend
from embodied_agent.perception.factory import make_perceiver
from embodied_agent.perception.geometry import GeometryPerceiver
from embodied_agent.perception.served import ServedPerceiver
from embodied_agent.perception.simulated_look import NAMES, features, odds
from embodied_agent.records import Keyframe
from embodied_agent.settings import PerceptionSettings, load_settings
from embodied_agent.sources import open_source
from tests.support.views import panorama_views

CLIPS = sorted(Path("sim_clips/clips").glob("*/*.mcap"))


def noisy(seed: int) -> np.ndarray:
    """A grey gradient with a sensor's noise: no renderer's picture."""
    rng = np.random.default_rng(seed)
    smooth = np.linspace(40, 200, 320)[None, :, None] * np.ones((240, 1, 3))
    return np.clip(smooth + rng.normal(0, 9, (240, 320, 3)), 0, 255).astype(np.uint8)


def keyframe(number: int, image: np.ndarray, segment: int = 0) -> Keyframe:
    jpeg = cv2.imencode(".jpg", image)[1].tobytes()
    return Keyframe(number, number, jpeg, "overlap", 320, 240, segment=segment)


@pytest.fixture(scope="module")
def simulated() -> list[np.ndarray]:
    settings = load_settings().source
    with open_source(str(CLIPS[0].parent), settings) as frames:
        images = [
            cv2.imdecode(np.frombuffer(frame.encoded, np.uint8), cv2.IMREAD_COLOR)
            for frame in frames
            if frame.encoded is not None
        ]
    return images[:: len(images) // (2 * FIRST)]


@pytest.mark.parametrize(
    ("values", "backend"),
    [
        ({}, "auto"),
        ({"perception__server__base_url": "http://127.0.0.1:9/v1"}, "served"),
        ({"perception__server__model": "qwen"}, "served"),
        ({"perception__model_path": "/somewhere"}, "builtin"),
        ({"perception__backend": "geometry", "perception__server__model": "qwen"}, "geometry"),
    ],
)
def test_settings_that_name_a_model_decide(values: dict[str, str], backend: str) -> None:
    assert resolve_backend(load_settings(**values).perception).backend == backend


def test_auto_is_the_default_and_makes_what_the_settings_name() -> None:
    assert isinstance(make_perceiver(PerceptionSettings()), AutoPerceiver)
    set_server = load_settings(perception__server__model="qwen").perception
    assert isinstance(make_perceiver(set_server), ServedPerceiver)


def test_features_have_a_name_each_and_no_picture_breaks_them() -> None:
    for image in (
        np.zeros((1, 1, 3), np.uint8),
        np.full((3000, 20, 3), 255, np.uint8),
        np.zeros((24, 32), np.uint8),
        noisy(1),
    ):
        values = features(image)
        assert values.shape == (len(NAMES),)
        assert np.isfinite(values).all()
        assert np.isfinite(odds(image))


@pytest.mark.parametrize("clip", CLIPS, ids=lambda path: path.stem)
def test_every_shipped_clip_looks_simulated(clip: Path) -> None:
    with open_source(str(clip.parent), load_settings().source) as frames:
        encoded = [frame.encoded for frame in frames if frame.encoded is not None]
    scores = [
        odds(cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR))
        for jpeg in encoded[::10]
    ]
    assert np.mean([score > 0 for score in scores]) >= 0.9
    assert np.mean(scores[:FIRST]) > 0


@pytest.mark.parametrize("image", [noisy(3), panorama_views(2)[0]], ids=["noise", "rectangles"])
def test_what_no_renderer_made_does_not(image: np.ndarray) -> None:
    assert odds(image) < 0


def perceiver(firsts: Sequence[Keyframe] = ()) -> AutoPerceiver:
    return AutoPerceiver(PerceptionSettings(), lambda _: firsts)


def test_pictures_of_no_simulated_world_get_the_motion_only_and_say_what_to_set() -> None:
    auto = perceiver()
    assert (auto.name, auto.notice) == ("auto", "")
    delta = auto.perceive(None, keyframe(0, noisy(0)))
    assert (delta.model, delta.mentions) == ("geometry", ())
    assert (auto.name, auto.notice) == ("geometry", NOTICE)
    assert "perception.server" in NOTICE
    assert "perception.detector.model" in NOTICE


@pytest.mark.models
def test_simulated_pictures_get_the_built_in_perceiver(simulated: list[np.ndarray]) -> None:
    auto = perceiver()
    delta = auto.perceive(None, keyframe(0, simulated[0]))
    assert delta.model == "builtin:perceiver"
    assert (auto.name, auto.notice) == ("builtin:perceiver", "")


@pytest.mark.models
def test_the_first_keyframes_of_a_segment_decide_together(simulated: list[np.ndarray]) -> None:
    odd_one = [keyframe(0, simulated[0]), keyframe(1, noisy(1)), *(
        keyframe(n, simulated[n]) for n in range(2, FIRST + 1)
    )]  # fmt: skip
    late = keyframe(9, noisy(2))
    once = perceiver(odd_one)
    assert once.perceive(odd_one[-1], late).model == "builtin:perceiver"
    # Whenever it begins or goes on: what came later than a keyframe has no say in it.
    again = perceiver(odd_one)
    assert again.perceive(None, odd_one[0]).model == "builtin:perceiver"
    real = [keyframe(n, noisy(n)) for n in range(FIRST)]
    assert perceiver(real).perceive(real[-1], keyframe(9, simulated[3])).model == "geometry"


def test_a_picture_that_can_not_be_read_is_no_renderers() -> None:
    broken = Keyframe(0, 0, b"no picture", "first", 4, 3)
    assert perceiver().perceive(None, broken).model == "geometry"


def test_an_agent_with_default_settings_notes_the_motion_of_other_pictures() -> None:
    with Agent(load_settings()) as agent:
        agent.begin_replay("walk")
        for number, view in enumerate(panorama_views(12)):
            agent.observe(_frame(number, view))
        agent.finish()
        assert agent.drain(60)
        assert {delta.model for delta in agent.store.deltas()} == {"geometry"}
        told = agent.status().perception
        assert told is not None
        assert (told.model, told.notice) == ("geometry", NOTICE)


def _frame(number: int, view: np.ndarray):
    from embodied_agent.records import Frame

    return Frame(number * 10**8, image=view, index=number)


def test_geometry_needs_no_look() -> None:
    assert isinstance(make_perceiver(PerceptionSettings(backend="geometry")), GeometryPerceiver)
