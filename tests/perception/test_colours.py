"""Colours named from pixels: shaded, noisy, small, before a background of another colour."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from embodied_agent.perception.colours import NAMES, colour_of
from embodied_agent.records import Box, Image
from embodied_agent.rules.lexicon import lexicon
from sim_clips.scene import COLOURS

BOX = Box(0.3, 0.3, 0.7, 0.7)


def picture(
    rgb: tuple[float, float, float],
    background: tuple[float, float, float] = (0.62, 0.6, 0.58),
    *,
    filled: float = 1.0,
) -> Image:
    """An object in the middle of the box, ``filled`` of its side wide, lit from the left."""
    rng = np.random.default_rng(1)
    image = np.empty((120, 160, 3), np.float64)
    image[:] = np.array(background[::-1])
    half_w, half_h = 0.2 * 160 * filled, 0.2 * 120
    ys, xs = np.mgrid[:120, :160]
    inside = (abs(xs - 80) < half_w) & (abs(ys - 60) < half_h)
    image[inside] = np.array(rgb[::-1])
    image *= np.linspace(1.0, 0.75, 160)[None, :, None]
    image += rng.normal(0, 0.02, image.shape)
    pixels = np.clip(image * 255, 0, 255).astype(np.uint8)
    return np.asarray(cv2.imdecode(cv2.imencode(".jpg", pixels)[1], cv2.IMREAD_COLOR), np.uint8)


@pytest.mark.parametrize("name", COLOURS)
@pytest.mark.parametrize("filled", [1.0, 0.5])
def test_the_colours_of_the_simulated_worlds_are_named(name: str, filled: float) -> None:
    assert colour_of(picture(COLOURS[name], filled=filled), BOX) == name


@pytest.mark.parametrize(
    ("rgb", "name"),
    [
        ((0.05, 0.05, 0.06), "black"),
        ((0.95, 0.95, 0.93), "white"),
        ((0.5, 0.5, 0.52), "grey"),
        ((0.45, 0.28, 0.14), "brown"),
        ((0.1, 0.2, 0.45), "blue"),
        ((0.2, 0.4, 0.2), "green"),
        ((0.55, 0.1, 0.12), "red"),
    ],
)
def test_tones_and_dull_colours_are_named(rgb: tuple[float, float, float], name: str) -> None:
    assert colour_of(picture(rgb), BOX) == name


def test_the_background_in_the_box_is_not_the_objects_colour() -> None:
    grass = (0.3, 0.6, 0.2)
    assert colour_of(picture(COLOURS["red"], grass, filled=0.4), BOX) == "red"
    assert colour_of(picture((0.5, 0.5, 0.5), grass), BOX) == "grey"


def test_a_grey_picture_and_a_tiny_box_have_an_answer() -> None:
    assert colour_of(np.full((20, 20), 128, np.uint8), BOX) == ""
    image = picture(COLOURS["blue"])
    assert colour_of(image, Box(0.5, 0.5, 0.502, 0.502)) == "blue"
    assert colour_of(image, Box(0.998, 0.998, 1.0, 1.0)) in ("", *NAMES)


def test_every_name_is_a_colour_of_the_lexicon() -> None:
    assert set(NAMES) <= set(lexicon().colours.values())
