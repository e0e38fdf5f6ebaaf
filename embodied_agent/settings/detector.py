"""Settings of object detection."""

from __future__ import annotations

from pydantic import Field

from embodied_agent.settings.base import Section


class DetectorSettings(Section):
    """An object detector in process: any transformers checkpoint that detects objects, of fixed
    classes or by name. It is the backend `detector`; beside `served` it locates the objects that
    the VLM names."""

    model: str = Field(
        "", description="folder, or name on the Hugging Face hub, of the checkpoint; empty: none"
    )
    revision: str = Field(
        "", description="branch, tag or commit on the hub; empty: the newest of its main branch"
    )
    labels: tuple[str, ...] = Field(
        (),
        max_length=400,
        description="what to look for, in English: any names for an open-vocabulary detector "
        "(OWLv2, Grounding DINO), a subset of the classes for others; empty: a list of common "
        "things, or all classes",
    )
    threshold: float = Field(
        0.4,
        gt=0,
        lt=1,
        description="minimum confidence of a detection; open-vocabulary detectors need a lower "
        "one, such as 0.2",
    )
    max_objects: int = Field(
        12, ge=1, le=100, description="maximum number of detections kept per keyframe"
    )
    colours: bool = Field(True, description="name the colour of each object, from its pixels")
    device: str = Field(
        "auto",
        pattern=r"^(auto|cpu|cuda(:\d{1,2})?)$",
        description="`cpu`, `cuda` or `cuda:1`; `auto`: a GPU if there is one",
    )
