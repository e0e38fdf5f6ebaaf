"""Object detection in this process: any transformers checkpoint that detects objects.

There are two forms: detectors of fixed classes (D-FINE, RT-DETR, DETR, YOLOS, …), and
open-vocabulary ones, which look for given names (OWLv2, Grounding DINO). Both run on a CPU or a
GPU, without torchvision. Colours come from the pixels, the camera's motion from the keyframer, as
with `geometry`.

Out of scope: which detections are kept (`detections`), a VLM and a detector together (`locating`).
"""

from __future__ import annotations

import logging
import re
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from inspect import signature
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from embodied_agent.errors import ModelError
from embodied_agent.images import decode
from embodied_agent.models.checkpoints import require_packages, without_progress_bars
from embodied_agent.perception.detections import Detection, kept, mentions_of
from embodied_agent.perception.reading import delta_from_reading
from embodied_agent.perception.replies import clean_name
from embodied_agent.records import Box, Delta, Frame, Image, Keyframe
from embodied_agent.settings import PerceptionSettings
from embodied_agent.settings.detector import DetectorSettings

_log = logging.getLogger(__name__)

#: What an open-vocabulary detector looks for by default. Grounding DINO reads at most 256 tokens.
COMMON = (
    *("person", "chair", "sofa", "table", "desk", "bed", "bookshelf", "cabinet", "door", "window"),
    *("lamp", "plant", "television", "laptop", "monitor", "keyboard", "bottle", "cup", "book"),
    *("clock", "backpack", "suitcase", "box", "trash can", "fire extinguisher", "sign", "stairs"),
    *("ladder", "shelf", "pallet", "barrel", "cone", "forklift", "cart", "bicycle", "motorcycle"),
    *("car", "truck", "bus", "traffic light", "bench", "tree", "building", "dog", "cat"),
)
#: Classes that a checkpoint never named.
_UNNAMED = re.compile(r"(?:label|class)[ _-]?\d+|\d+", re.IGNORECASE)
#: Open-vocabulary detectors read the names with this confidence, as a share of the threshold.
_TEXT_SHARE = 0.8


class Detector:
    """A detector in this process. Every method may be called from any thread.

    Raises:
        ModelError: the checkpoint can't be loaded, detects no objects, or names no classes.
    """

    def __init__(self, settings: DetectorSettings) -> None:
        if not settings.model:
            raise ModelError(
                "perception.detector.model is empty: set it to a checkpoint's folder or name, such "
                "as ustc-community/dfine-small-coco; docs/detectors.md lists some"
            )
        require_packages("detector")
        self._settings = settings
        self._lock = threading.Lock()
        self._model, self._processor, self.by_name = _load(settings)
        self._device = self._model.device
        self._labels = _names_looked_for(settings.labels) or (COMMON if self.by_name else ())
        if not self.by_name:
            self._classes = _classes(self._model.config.id2label, self._labels, self.name)

    @property
    def name(self) -> str:
        """The checkpoint's name."""
        return f"detector:{Path(self._settings.model).name}"

    def detect(self, image: Image, names: Sequence[str] = ()) -> list[Detection]:
        """The objects in a picture, the largest first.

        Args:
            image: BGR (h, w, 3) or grey (h, w).
            names: what an open-vocabulary detector looks for; by default as in the settings.
        """
        grey = image.ndim == 2
        rgb = cv2.cvtColor(image, cv2.COLOR_GRAY2RGB if grey else cv2.COLOR_BGR2RGB)
        wanted = list(dict.fromkeys(names or self._labels))
        with self._lock:
            if self.by_name:
                found = self._by_names(np.asarray(rgb, np.uint8), wanted)
            else:
                found = self._by_classes(np.asarray(rgb, np.uint8))
            return kept(found, self._settings.max_objects)

    def _by_classes(self, rgb: Image) -> Iterator[Detection]:
        import torch

        height, width = rgb.shape[:2]
        with torch.inference_mode():
            inputs = self._processor(images=_pillow(rgb), return_tensors="pt").to(self._device)
            outputs = self._model(**inputs)
            (result,) = self._processor.post_process_object_detection(
                outputs, threshold=self._settings.threshold, target_sizes=[(height, width)]
            )
        scores, labels = result["scores"].tolist(), result["labels"].tolist()
        for score, label, edges in zip(scores, labels, result["boxes"].tolist(), strict=True):
            name = self._classes.get(int(label), "")
            if name:
                yield Detection(name, float(score), _box(edges, width, height))

    def _by_names(self, rgb: Image, names: list[str]) -> Iterator[Detection]:
        import torch

        height, width = rgb.shape[:2]
        options: dict[str, Any] = {
            "threshold": self._settings.threshold, "target_sizes": [(height, width)],
            "text_labels": [names],
        }  # fmt: skip
        with torch.inference_mode():
            inputs = self._processor(images=_pillow(rgb), text=[names], return_tensors="pt").to(
                self._device
            )
            outputs = self._model(**inputs)
            process = self._processor.post_process_grounded_object_detection
            if "text_threshold" in signature(process).parameters:
                options["text_threshold"] = _TEXT_SHARE * self._settings.threshold
            if "input_ids" in signature(process).parameters:
                options["input_ids"] = inputs["input_ids"]
            (result,) = process(outputs, **options)
        scores, phrases = result["scores"].tolist(), result["text_labels"] or []
        for score, phrase, edges in zip(scores, phrases, result["boxes"].tolist(), strict=True):
            name = _name_of(phrase, names)
            if name:
                yield Detection(name, float(score), _box(edges, width, height))


class DetectorPerceiver:
    """`Perceiver` that names what a detector finds, and takes the motion from the keyframer.

    Raises:
        ModelError: as `Detector`.
    """

    def __init__(self, settings: PerceptionSettings) -> None:
        self._settings = settings
        self._detector = Detector(settings.detector)
        self.name = self._detector.name

    def perceive(self, previous: Keyframe | None, current: Keyframe) -> Delta:
        """The objects that are detected; see `Perceiver.perceive`.

        Raises:
            DecodeError: the keyframe's picture can't be decoded.
        """
        started = time.monotonic()
        image = decode(Frame(current.stamp_ns, encoded=current.jpeg))
        detections = self._detector.detect(image)
        mentions = mentions_of(detections, image, current, self._settings)
        delta = delta_from_reading(None, mentions, previous, current, model=self.name)
        agrees = None if previous is None or delta.action is None else True
        return replace(delta, agrees_with_egomotion=agrees, latency_s=time.monotonic() - started)

    def perceive_batch(self, pairs: Sequence[tuple[Keyframe | None, Keyframe]]) -> list[Delta]:
        """`perceive` for each pair."""
        return [self.perceive(previous, current) for previous, current in pairs]

    def close(self) -> None:
        """Nothing to release before the process ends."""


def _load(settings: DetectorSettings) -> tuple[Any, Any, bool]:
    """The model in evaluation mode, its processor, and whether it has an open vocabulary."""
    import torch
    from transformers import (
        MODEL_FOR_OBJECT_DETECTION_MAPPING,
        MODEL_FOR_ZERO_SHOT_OBJECT_DETECTION_MAPPING,
        AutoConfig,
        AutoImageProcessor,
        AutoModelForObjectDetection,
        AutoModelForZeroShotObjectDetection,
        AutoProcessor,
    )

    name = settings.model
    options = {"revision": settings.revision or None, "trust_remote_code": False}
    started = time.monotonic()
    _log.info("Loading the detector %s…", name)
    try:
        config = AutoConfig.from_pretrained(name, **options)
        by_name = type(config) in MODEL_FOR_ZERO_SHOT_OBJECT_DETECTION_MAPPING
        if not by_name and type(config) not in MODEL_FOR_OBJECT_DETECTION_MAPPING:
            raise ModelError(
                f"{name} is a {config.model_type} model, which detects no objects; "
                "docs/detectors.md lists some that do"
            )
        model_class: Any = (
            AutoModelForZeroShotObjectDetection if by_name else AutoModelForObjectDetection
        )
        reader: Any = AutoProcessor if by_name else AutoImageProcessor
        with without_progress_bars():
            processor = reader.from_pretrained(name, **options)
            model = model_class.from_pretrained(
                name, dtype=torch.float32, use_safetensors=True, **options
            )
    except (OSError, ValueError, RuntimeError, KeyError, ImportError, TypeError) as error:
        raise ModelError(
            f"can't load the detector {name}: {str(error)[:400]}; perception.detector.model is a "
            "folder with config.json and model.safetensors, or a name on the Hugging Face hub"
        ) from error
    device = settings.device
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        model = model.to(device).eval()
    except (RuntimeError, AssertionError) as error:
        raise ModelError(
            f"the detector can't run on {device}: {error}; set perception.detector.device to cpu"
        ) from error
    _log.debug("Loaded %s in %.1f s", name, time.monotonic() - started)
    return model, processor, by_name


def _names_looked_for(labels: Sequence[str]) -> tuple[str, ...]:
    names = {label: clean_name(label) for label in labels}
    foreign = [label for label, name in names.items() if not name]
    if foreign:
        raise ModelError(
            f"perception.detector.labels has {', '.join(map(repr, foreign[:5]))}: give English "
            "names of up to 60 letters"
        )
    return tuple(dict.fromkeys(names.values()))


def _classes(id2label: dict[int, str], wanted: Sequence[str], model: str) -> dict[int, str]:
    """The classes' names by number; of the ``wanted`` ones, where there are any."""
    names = {
        int(number): clean_name(str(label))
        for number, label in id2label.items()
        if not _UNNAMED.fullmatch(str(label).strip()) and str(label).upper() != "N/A"
    }
    left_out = [str(id2label[number]) for number, name in names.items() if not name]
    names = {number: name for number, name in names.items() if name}
    if not names:
        raise ModelError(
            f"{model} does not name its classes in English; its config.json needs id2label"
        )
    if left_out:
        _log.warning(
            "%s: %d classes are left out because their names are not English, such as %r",
            model, len(left_out), left_out[0],
        )  # fmt: skip
    unknown = sorted(set(wanted) - set(names.values()))
    if unknown:
        raise ModelError(
            f"perception.detector.labels has {', '.join(unknown[:5])}, which {model} has no class "
            f"for; it has {', '.join(sorted(set(names.values()))[:20])}, …"
        )
    return {number: name for number, name in names.items() if not wanted or name in wanted}


def _name_of(phrase: object, names: Sequence[str]) -> str:
    """The one of ``names`` that a detector's phrase means: Grounding DINO gives parts of names, and
    several at once."""
    text = " ".join(str(phrase or "").replace("##", "").lower().split())
    if text in names:
        return text
    words = set(text.split())
    whole = [name for name in names if set(name.split()) <= words]
    if whole:
        return max(whole, key=len)
    parts = [name for name in names if words and words <= set(name.split())]
    return parts[0] if len(parts) == 1 else ""


def _pillow(rgb: Image) -> Any:
    from PIL import Image as Pillow

    return Pillow.fromarray(rgb)


def _box(edges: Sequence[float], width: int, height: int) -> Box:
    left, top, right, bottom = edges
    # Detectors let boxes of objects at the edge reach beyond the picture.
    return Box(
        *(
            min(1.0, max(0.0, edge / size))
            for edge, size in ((left, width), (top, height), (right, width), (bottom, height))
        )
    )
