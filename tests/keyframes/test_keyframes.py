"""The selector's behaviour on warped textures: order, reasons, floods, gaps and clocks."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from embodied_agent.errors import DecodeError
from embodied_agent.keyframes import KeyframeSelector, subsample
from embodied_agent.records import Action, Decision, Frame, Image
from embodied_agent.settings import KeyframeSettings

WIDTH, HEIGHT, FPS = 320, 240, 10.0


def mural(seed: int = 0) -> Image:
    """A wide wall with patches of many sizes, 3200 by 1200 pixels."""
    rng = np.random.default_rng(seed)
    wall = np.full((1200, 3200), 128, np.uint8)
    for _ in range(2500):
        x, y = int(rng.integers(0, 3200)), int(rng.integers(0, 1200))
        w, h = int(rng.integers(8, 90)), int(rng.integers(8, 90))
        cv2.rectangle(wall, (x, y), (x + w, y + h), int(rng.integers(20, 235)), -1)
    return np.asarray(cv2.GaussianBlur(wall, (5, 5), 1.0), np.uint8)


WALL = mural()


def window(x: float, y: float = 400.0) -> Image:
    """The part of the wall that a camera sees from x, y (whole and part pixels)."""
    shift = np.array([[1, 0, -x], [0, 1, -y]], np.float64)
    return np.asarray(cv2.warpAffine(WALL, shift, (WIDTH, HEIGHT)), np.uint8)


def rotating(angles_deg: np.ndarray, focal: float = 210.0) -> list[Image]:
    """What a camera sees that turns left by these angles in front of the wall."""
    camera = np.array([[focal, 0, WIDTH / 2], [0, focal, HEIGHT / 2], [0, 0, 1]])
    onto = np.array([[focal, 0, 1600], [0, focal, 600], [0, 0, 1]])
    views = []
    for angle in np.radians(angles_deg):
        rotation = cv2.Rodrigues(np.array([0.0, -angle, 0.0]))[0]
        mapping = onto @ rotation @ np.linalg.inv(camera)
        views.append(
            np.asarray(
                cv2.warpPerspective(WALL, mapping, (WIDTH, HEIGHT), flags=cv2.WARP_INVERSE_MAP | 1),
                np.uint8,
            )
        )
    return views


def run(
    images: list[Image], fps: float = FPS, start_ns: int = 0, **changes: object
) -> list[Decision]:
    selector = KeyframeSelector(KeyframeSettings(**changes))  # type: ignore[arg-type]
    return [
        selector.step(Frame(start_ns + round(i * 1e9 / fps), image=image, index=i))
        for i, image in enumerate(images)
    ]


def kept(decisions: list[Decision]) -> list[int]:
    return [d.index for d in decisions if d.keep]


def test_the_first_frame_is_kept_and_a_resting_camera_keeps_no_other() -> None:
    decisions = run([window(200)] * 40)
    assert kept(decisions) == [0]
    assert decisions[0].reason == "first"
    assert decisions[20].overlap_ratio == pytest.approx(1.0, abs=0.01)


def test_overlap_keeps_a_frame_once_less_than_the_threshold_is_seen() -> None:
    decisions = run([window(200 + 9 * i) for i in range(50)], split_motions=False)
    assert [d.reason for d in decisions if d.keep] == ["first", "overlap", "overlap"]
    assert kept(decisions) == [0, 18, 36]  # 9 of 320 pixels go per frame: 0.522, then 0.494


@pytest.mark.parametrize("method", ["paper", "robust"])
def test_overlap_equals_the_known_shift(method: str) -> None:
    decisions = run([window(200 + 6 * i) for i in range(20)], method=method, split_motions=False)
    for decision in decisions[1:]:
        assert decision.overlap_ratio == pytest.approx(1 - 6 * decision.index / WIDTH, abs=0.02)


def test_the_homography_maps_the_frame_into_the_last_keyframe_in_full_pixels() -> None:
    images = [cv2.resize(window(200 + 5 * i), (640, 480)) for i in range(6)]
    last = run([np.asarray(image, np.uint8) for image in images])[-1]
    assert last.homography is not None
    there = last.homography @ np.array([100.0, 100.0, 1.0])
    assert there[:2] / there[2] == pytest.approx([150.0, 100.0], abs=1.5)


@pytest.mark.parametrize("method", ["paper", "robust"])
def test_matched_points_lie_where_the_known_shift_puts_them(method: str) -> None:
    images = [cv2.resize(window(200 + 5 * i), (640, 480)) for i in range(6)]
    first, *_, last = run([np.asarray(image, np.uint8) for image in images], method=method)
    assert first.matched is None
    assert last.matched is not None
    assert last.matched.dtype == np.float32
    assert last.matched.shape == (last.inliers, 4)
    now, then = last.matched[:, :2], last.matched[:, 2:]
    assert np.median(np.abs(then - now - [50, 0]), axis=0) == pytest.approx([0, 0], abs=1.0)
    assert np.ptp(now[:, 0]) > 300  # of 640: full pixels, not the reduced picture's


def test_a_turn_is_named_and_measured() -> None:
    angles = np.concatenate([np.linspace(0, 20, 9), [20.0] * 4])
    decisions = run(rotating(angles))
    ends = [d for d in decisions if d.reason == "motion"]
    assert len(ends) == 1
    motion = ends[0].egomotion
    assert motion is not None
    assert motion.action is Action.ROTATE_LEFT
    # Without intrinsics 75 degrees across are assumed, which is a focal length of 208.5.
    assert motion.angle_deg == pytest.approx(20, abs=1)


def test_the_end_of_one_motion_is_kept_before_the_next_begins() -> None:
    turn = np.concatenate([np.linspace(0, 16, 9), [16.0] * 3, np.linspace(16, 0, 9), [0.0] * 3])
    decisions = run(rotating(turn))
    assert [d.reason for d in decisions if d.keep] == ["first", "motion", "motion"]
    actions = [d.egomotion.action for d in decisions if d.keep and d.egomotion]
    assert actions == [Action.ROTATE_LEFT, Action.ROTATE_RIGHT]
    assert kept(run(rotating(turn), split_motions=False)) == [0]


def test_a_forced_frame_is_kept_as_asked_and_becomes_the_reference() -> None:
    selector = KeyframeSelector(KeyframeSettings())
    for i in range(5):
        selector.step(Frame(i * 10**8, image=window(200 + 4 * i), index=i))
    asked = selector.step(Frame(5 * 10**8, image=window(220), index=5), force="asked")
    after = selector.step(Frame(6 * 10**8, image=window(220), index=6))
    assert (asked.keep, asked.reason) == (True, "asked")
    assert not after.keep
    assert after.overlap_ratio == pytest.approx(1.0, abs=0.01)


def test_a_frame_that_is_kept_anyway_keeps_its_own_reason_when_asked_for() -> None:
    selector = KeyframeSelector(KeyframeSettings())
    assert selector.step(Frame(0, image=window(200)), force="asked").reason == "first"


@pytest.mark.parametrize("method", ["paper", "robust"])
def test_finish_keeps_the_last_frame_once_and_ends_the_source(method: str) -> None:
    selector = KeyframeSelector(KeyframeSettings(method=method))  # type: ignore[arg-type]
    assert selector.finish() is None
    for i in range(4):
        selector.step(Frame(i * 10**8, image=window(200 + i), index=i))
    last = selector.finish()
    assert last is not None
    assert (last.index, last.keep, last.reason) == (3, True, "last")
    assert last.egomotion is not None
    assert selector.finish() is None
    assert selector.step(Frame(10**9, image=window(200))).reason == "first"


def test_finish_adds_nothing_where_the_last_frame_was_kept() -> None:
    selector = KeyframeSelector(KeyframeSettings())
    selector.step(Frame(0, image=window(200)))
    assert selector.finish() is None


@pytest.mark.parametrize("method", ["paper", "robust"])
def test_a_clock_that_jumps_back_starts_anew(method: str) -> None:
    selector = KeyframeSelector(KeyframeSettings(method=method))  # type: ignore[arg-type]
    selector.step(Frame(5 * 10**9, image=window(200)))
    assert selector.step(Frame(10**9, image=window(200))).reason == "first"


def test_min_interval_holds_back_and_max_interval_forces() -> None:
    fast = [window(200 + 60 * i) for i in range(20)]
    stamps = [d.stamp_ns for d in run(fast, min_interval_s=0.5) if d.keep]
    assert min(np.diff(stamps)) >= 0.5e9
    still = run([window(200)] * 45, max_interval_s=2.0)
    assert [(d.index, d.reason) for d in still if d.keep] == [
        (0, "first"),
        (20, "max_interval"),
        (40, "max_interval"),
    ]
    assert kept(run([window(200)] * 45, max_interval_s=0.0)) == [0]


def spoilt(image: Image, how: str, rng: np.random.Generator) -> Image:
    if how == "blank":
        return np.full_like(image, 90)
    if how == "dark":
        dim = image * 0.04 + rng.normal(0, 1.5, image.shape)
        return np.clip(dim, 0, 255).astype(np.uint8)
    if how == "noise":
        return rng.integers(0, 255, image.shape, dtype=np.uint8)
    return np.asarray(cv2.GaussianBlur(image, (0, 0), 8.0), np.uint8)


@pytest.mark.parametrize("how", ["blank", "dark", "noise", "blurred"])
@pytest.mark.parametrize("fps", [1.0, 30.0])
def test_a_blind_stretch_of_100_frames_yields_at_most_two_keyframes(how: str, fps: float) -> None:
    rng = np.random.default_rng(0)
    views = [window(200 + 10 * i) for i in range(130)]
    images = [spoilt(v, how, rng) if 10 <= i < 110 else v for i, v in enumerate(views)]
    decisions = run(images, fps=fps)
    blind = [i for i in kept(decisions) if 10 <= i < 110]
    assert 1 <= len(blind) <= 2
    assert [i for i in kept(decisions) if i >= 110], "the first good view is news"


def test_a_source_that_begins_blind_keeps_its_first_good_frame() -> None:
    images = [np.zeros((HEIGHT, WIDTH), np.uint8)] * 30 + [window(200)] * 10
    assert [(d.index, d.reason) for d in run(images) if d.keep] == [
        (0, "first"),
        (30, "no_features"),
    ]


def test_after_a_blind_stretch_the_last_good_keyframe_is_found_again() -> None:
    flat = np.full((HEIGHT, WIDTH), 120, np.uint8)
    images = [window(200)] * 10 + [flat] * 20 + [window(230)] * 20
    decisions = run(images)
    assert [d.index for d in decisions if d.keep and d.index >= 30] == []
    assert decisions[35].overlap_ratio == pytest.approx(1 - 30 / WIDTH, abs=0.03)


def test_a_cut_to_another_view_is_kept() -> None:
    decisions = run([window(200)] * 20 + [window(2400)] * 20)
    assert len(kept(decisions)) == 2
    assert 20 <= kept(decisions)[1] <= 30


def test_views_a_second_apart_that_share_nothing_are_all_kept() -> None:
    decisions = run([window(100 + 500 * i) for i in range(6)], fps=1.0)
    assert kept(decisions) == [0, 1, 2, 3, 4, 5]


def test_views_that_share_nothing_do_not_flood_a_fast_camera() -> None:
    decisions = run([window(100 + 331 * (i * 7 % 9), 150 * (i % 5)) for i in range(60)])
    assert 4 <= len(kept(decisions)) <= 15  # of 30 that `min_interval_s` alone would allow


def test_colour_grey_jpeg_and_png_give_the_same_keyframes() -> None:
    def sizes(images: list[Image]) -> list[Image]:
        return [np.asarray(cv2.resize(i, (640, 480)), np.uint8) for i in images]

    views = sizes([window(200 + 12 * i) for i in range(30)])
    coded = [
        [Frame(i * 10**8, image=v, index=i) for i, v in enumerate(views)],
        [Frame(i * 10**8, image=np.dstack([v] * 3), index=i) for i, v in enumerate(views)],
        *(
            [
                Frame(i * 10**8, encoded=cv2.imencode(kind, v)[1].tobytes(), index=i)
                for i, v in enumerate(views)
            ]
            for kind in (".jpg", ".png")
        ),
    ]
    results = []
    for frames in coded:
        selector = KeyframeSelector(KeyframeSettings())
        results.append(kept([selector.step(frame) for frame in frames]))
    assert len(results[0]) >= 3
    assert all(np.abs(np.subtract(result, results[0])).max() <= 1 for result in results)


@pytest.mark.parametrize("method", ["paper", "robust"])
def test_unreadable_bytes_are_a_decode_error_and_change_nothing(method: str) -> None:
    selector = KeyframeSelector(KeyframeSettings(method=method))  # type: ignore[arg-type]
    selector.step(Frame(0, image=window(200)))
    with pytest.raises(DecodeError, match="frame 1 "):
        selector.step(Frame(10**8, encoded=b"\xff\xd8 not a picture", index=1))
    assert not selector.step(Frame(2 * 10**8, image=window(200), index=2)).keep


def test_a_change_of_picture_size_does_not_break_the_stream() -> None:
    small = [window(200)] * 5
    large = [np.asarray(cv2.resize(window(200), (480, 320)), np.uint8)] * 5
    assert kept(run(small + large, detect_width=640))[0] == 0


def test_the_same_frames_give_the_same_decisions() -> None:
    views = rotating(np.linspace(0, 60, 40))
    first, second = run(views), run(views)
    assert kept(first) == kept(second)
    assert [d.overlap_ratio for d in first] == [d.overlap_ratio for d in second]
    assert [d.egomotion for d in first] == [d.egomotion for d in second]


def test_subsample_leaves_a_count_in_range_alone() -> None:
    assert subsample([0, 3, 5, 9], range(10)) == [0, 3, 5, 9]


@pytest.mark.parametrize("count", [33, 40, 100, 1000])
def test_subsample_thins_evenly_to_the_limit_with_both_ends(count: int) -> None:
    items = list(range(count))
    thinned = subsample(items, items)
    assert len(thinned) == 32
    assert thinned == sorted(set(thinned))
    assert (thinned[0], thinned[-1]) == (0, count - 1)


def test_subsample_redraws_too_few_from_all_frames() -> None:
    assert subsample([0, 9], range(10)) == [0, 1, 5, 9]
    assert subsample([0, 1], range(2)) == [0, 1]
