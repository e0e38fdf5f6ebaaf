"""Detectors of several architectures, from a folder, without torchvision: what they find is named,
coloured and measured; checkpoints and labels that can't be used are refused with a reason."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from embodied_agent.agent import Agent
from embodied_agent.chat.status import CountsReplies
from embodied_agent.errors import ModelError
from embodied_agent.images import encode_jpeg
from embodied_agent.perception.auto import resolve_backend
from embodied_agent.perception.detector import COMMON, Detector, DetectorPerceiver, _name_of
from embodied_agent.perception.factory import make_perceiver
from embodied_agent.perception.locating import LocatingPerceiver
from embodied_agent.perception.measuring import overlap
from embodied_agent.records import (
    Action,
    Box,
    Egomotion,
    Frame,
    Image,
    Keyframe,
    Mention,
    direction_at,
)
from embodied_agent.rules.lexicon import lexicon
from embodied_agent.settings import (
    DetectorSettings,
    PerceptionSettings,
    ServerSettings,
    Settings,
)
from tests.support import tiny_detectors
from tests.support.served import faulty, says
from tests.support.served_models import server_settings
from training.boxes import COLUMNS, BoxShard
from training.detector import measure, train

FORMS: dict[str, Callable[[Path], None]] = {
    "rt_detr": tiny_detectors.make_rt_detr,
    "d_fine": tiny_detectors.make_d_fine,
    "yolos": tiny_detectors.make_yolos,
    "owlv2": tiny_detectors.make_owlv2,
    "grounding_dino": tiny_detectors.make_grounding_dino,
}
#: As `training.boxes` numbers them.
KINDS = ("sofa", "table")
#: A detector is trained here, which takes minutes where other processes are busy.
pytestmark = pytest.mark.timeout(1800)


@pytest.fixture(scope="module")
def checkpoints(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("detectors")
    for name, make in FORMS.items():
        make(folder / name)
    return folder


def noise(height: int = 48, width: int = 96) -> Image:
    return np.random.default_rng(0).integers(0, 255, (height, width, 3)).astype(np.uint8)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("shape", [(48, 96), (200, 30)])
def test_each_architecture_gives_named_boxes_within_the_picture(
    checkpoints: Path, form: str, shape: tuple[int, int]
) -> None:
    settings = DetectorSettings(model=str(checkpoints / form), threshold=0.001, max_objects=5)
    detector = Detector(settings)
    assert detector.by_name == (form in ("owlv2", "grounding_dino"))
    assert detector.name == f"detector:{form}"
    names = ["sofa", "red lamp"] if detector.by_name else []
    for image in (noise(*shape), cv2.cvtColor(noise(*shape), cv2.COLOR_BGR2GRAY)):
        found = detector.detect(np.asarray(image, np.uint8), names)
        # With random weights, most of OWLv2's boxes lie beside the picture.
        assert len(found) <= 5
        assert found or form in ("owlv2", "grounding_dino")
        assert {one.name for one in found} <= {"sofa", "lamp", "person", "red lamp"}
        for one in found:
            assert 0 <= one.box.left < one.box.right <= 1
            assert 0 <= one.box.top < one.box.bottom <= 1


def scene(rng: np.random.Generator, side: int = 64) -> tuple[Image, list[tuple[int, Box]]]:
    """A red square "sofa" and a thin blue "table" on grey, RGB, and where they are."""
    image = np.full((side, side, 3), 130, np.uint8)
    x, y = int(rng.integers(2, 14)), int(rng.integers(20, 36))
    image[y : y + 22, x : x + 22] = (220, 30, 30)
    sofa = Box(x / side, y / side, (x + 22) / side, (y + 22) / side)
    x, y = int(rng.integers(40, 50)), int(rng.integers(4, 20))
    image[y : y + 36, x : x + 10] = (30, 40, 220)
    return image, [(0, sofa), (1, Box(x / side, y / side, (x + 10) / side, (y + 36) / side))]


def shard(count: int) -> BoxShard:
    rng = np.random.default_rng(3)
    pictures, rows = [], []
    for index in range(count):
        image, things = scene(rng)
        pictures.append(image)
        for kind, box in things:
            colour = 0 if kind == 0 else 5
            edges = (box.left, box.top, box.right, box.bottom)
            rows.append([index, kind, colour, *edges, 0.0, 0.0, 1.0, 500.0])
    boxes = np.asarray(rows, np.float32).reshape(-1, len(COLUMNS))
    angles = np.full(count, 75.0, np.float32)
    return BoxShard(
        np.stack(pictures), boxes, angles, 0 * angles, ["house_1000000"] * count,
        np.full((count, 12, 12), -1, np.int8),
    )  # fmt: skip


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small RT-DETR that has learned where the two things are, by the training command's code."""
    out = tmp_path_factory.mktemp("trained")
    train(
        shard(64), out, minutes=60, most_steps=140, rate=3e-3, batch=8, side=64, width=32,
        kinds=KINDS,
    )  # fmt: skip
    return out / "model"


def test_a_trained_detector_finds_names_and_measures(trained: Path) -> None:
    image, things = scene(np.random.default_rng(99))
    bgr = np.ascontiguousarray(image[:, :, ::-1])
    settings = PerceptionSettings(
        backend="detector", detector=DetectorSettings(model=str(trained), threshold=0.3)
    )
    perceiver = make_perceiver(settings)
    assert isinstance(perceiver, DetectorPerceiver)
    turn = Egomotion(Action.ROTATE_LEFT, yaw_deg=30.0, confidence=0.9)
    first = Keyframe(0, 0, encode_jpeg(bgr, 95), "first", 64, 64)
    second = Keyframe(1, 1, first.jpeg, "overlap", 64, 64, egomotion=turn)
    start, delta = perceiver.perceive_batch([(None, first), (first, second)])
    assert (start.action, delta.action, delta.angle_deg) == (None, Action.ROTATE_LEFT, 30.0)
    assert (delta.agrees_with_egomotion, delta.usable) == (True, True)
    seen = {mention.name: mention for mention in delta.mentions}
    assert {"red sofa", "blue table"} <= seen.keys()
    for name, (_, box) in zip(("red sofa", "blue table"), things, strict=True):
        measured = seen[name]
        assert measured.box is not None
        assert measured.bearing_deg is not None
        assert overlap(measured.box, box) > 0.5
        assert measured.direction == direction_at(measured.bearing_deg)
    perceiver.close()


def test_the_measuring_command_counts_what_is_right(trained: Path) -> None:
    report = measure(shard(8), str(trained), threshold=0.3)
    assert (report["pictures"], report["objects"]) == (8, 16)
    assert report["recall"] > 0.5
    assert report["colour_right_in_true_boxes"] == 1.0
    assert report["bearing_error_deg"]["median"] < 5


def test_the_agent_perceives_with_a_detector(trained: Path, tmp_path: Path) -> None:
    settings = Settings(
        perception=PerceptionSettings(detector=DetectorSettings(model=str(trained), threshold=0.3))
    )
    image, _ = scene(np.random.default_rng(5))
    with Agent(settings) as agent:
        agent.observe(Frame(1, image=np.ascontiguousarray(image[:, :, ::-1])))
        agent.finish()
        agent.drain()
        (delta,) = agent.store.deltas()
        status = agent.status()
    assert delta.mentions
    assert delta.mentions[0].box is not None
    assert status.perception is not None
    assert status.perception.model == "detector:model"
    assert status.keyframer.calibration == {
        "": "there is none; a horizontal field of view of 75 degrees is assumed"
    }


def test_a_vlm_names_and_the_detector_measures(trained: Path) -> None:
    image, ((_, sofa), _) = scene(np.random.default_rng(99))
    jpeg = encode_jpeg(np.ascontiguousarray(image[:, :, ::-1]), 95)
    objects = [
        {"name": "big red couch", "direction": "front", "distance": "near"},
        {"name": "piano", "direction": "front", "distance": "far"},
    ]
    text = json.dumps({"objects": objects, "observation": "A room."})
    with faulty(says(text)) as server:
        settings = PerceptionSettings(
            backend="served",
            server=server_settings(server.url, timeout_s=60),
            detector=DetectorSettings(model=str(trained), threshold=0.3),
        )
        perceiver = make_perceiver(settings)
        keyframe = Keyframe(0, 0, jpeg, "first", 64, 64)
        (delta,) = perceiver.perceive_batch([(None, keyframe)])
        perceiver.close()
    couch, piano = delta.mentions
    assert (couch.name, couch.distance) == ("big red couch", "near")
    assert couch.box is not None
    assert overlap(couch.box, sofa) > 0.5
    assert piano == Mention("piano", "front", "far")
    assert delta.observation == "A room."
    assert perceiver.name.endswith(f"+ detector:{trained.name}")
    assert isinstance(perceiver, CountsReplies)
    assert perceiver.reply_counts().asked_again == 0


def test_auto_takes_the_server_then_the_detector() -> None:
    detector = DetectorSettings(model="x/y")
    assert resolve_backend(PerceptionSettings(detector=detector)).backend == "detector"
    both = PerceptionSettings(
        detector=detector, server=ServerSettings(base_url="http://127.0.0.1:9/v1")
    )
    assert resolve_backend(both).backend == "served"
    perceiver = make_perceiver(both)
    assert isinstance(perceiver, LocatingPerceiver)
    perceiver.close()


def test_common_things_are_words_of_the_lexicon_and_fit_a_prompt() -> None:
    assert all(lexicon().known(name) for name in COMMON)
    assert len(set(COMMON)) == len(COMMON)
    assert len(". ".join(COMMON).split()) + len(COMMON) < 200


@pytest.mark.parametrize(
    ("phrase", "name"),
    [
        ("fire extinguisher", "fire extinguisher"),
        ("Red Sofa", "red sofa"),
        ("fire extinguisher lamp", "fire extinguisher"),
        ("extinguisher", "fire extinguisher"),
        ("red", "red sofa"),
        ("", ""),
        (None, ""),
        ("dog", ""),
    ],
)
def test_a_phrase_means_one_of_the_names_or_none(phrase: object, name: str) -> None:
    assert _name_of(phrase, ["fire extinguisher", "red sofa", "lamp"]) == name


def test_no_model_is_refused_with_what_to_set() -> None:
    with pytest.raises(ModelError, match=r"perception\.detector\.model"):
        Detector(DetectorSettings())


def test_a_folder_without_checkpoint_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="can't load the detector"):
        Detector(DetectorSettings(model=str(tmp_path)))


def test_a_model_that_detects_nothing_is_refused(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"model_type": "bert"}')
    with pytest.raises(ModelError, match="detects no objects"):
        Detector(DetectorSettings(model=str(tmp_path)))


def damaged(checkpoints: Path, folder: Path, labels: dict[str, str]) -> DetectorSettings:
    shutil.copytree(checkpoints / "yolos", folder)
    config = json.loads((folder / "config.json").read_text())
    config["id2label"] = labels
    config["label2id"] = {name: int(number) for number, name in labels.items()}
    (folder / "config.json").write_text(json.dumps(config))
    return DetectorSettings(model=str(folder), threshold=0.001)


def test_classes_without_names_are_refused(checkpoints: Path, tmp_path: Path) -> None:
    labels = {"0": "LABEL_0", "1": "LABEL_1", "2": "LABEL_2"}
    with pytest.raises(ModelError, match="id2label"):
        Detector(damaged(checkpoints, tmp_path / "x", labels))


def test_classes_in_another_language_are_left_out(
    checkpoints: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    labels = {"0": "沙发", "1": "lamp", "2": "человек"}
    detector = Detector(damaged(checkpoints, tmp_path / "x", labels))
    assert "2 classes are left out" in caplog.text
    assert {one.name for one in detector.detect(noise())} <= {"lamp"}


def test_labels_choose_among_the_classes(checkpoints: Path) -> None:
    model = str(checkpoints / "yolos")
    settings = DetectorSettings(model=model, threshold=0.001, labels=("Lamp",))
    assert {one.name for one in Detector(settings).detect(noise())} <= {"lamp"}
    with pytest.raises(ModelError, match="unicorn"):
        Detector(settings.model_copy(update={"labels": ("unicorn",)}))
    with pytest.raises(ModelError, match="English"):
        Detector(settings.model_copy(update={"labels": ("沙发",)}))


def test_a_device_that_is_not_there_is_refused(checkpoints: Path) -> None:
    import torch

    if torch.cuda.is_available():
        pytest.skip("this machine has a GPU")
    with pytest.raises(ModelError, match=r"perception\.detector\.device"):
        Detector(DetectorSettings(model=str(checkpoints / "yolos"), device="cuda:7"))
