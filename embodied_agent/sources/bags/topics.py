"""Which of a recording's topics are read (pictures, poses, calibration), and why not the others.

Topics are chosen by type and by their sampled messages (survey.py); if there are several
candidates, the choice is reported. Depth is never taken for colour (depth.py chooses among it).
"""

from __future__ import annotations

import re

from embodied_agent.errors import SourceError
from embodied_agent.sources.bags.files import BagFiles
from embodied_agent.sources.bags.schemas import PICTURES, Kind
from embodied_agent.sources.bags.survey import Survey, TopicSample, shared_parts
from embodied_agent.sources.ros_images import DEPTH_ENCODINGS

_DEPTH_NAME = re.compile(r"depth|disparity", re.I)
#: Not the colour camera, but pictures all the same.
_SECOND_BEST = re.compile(r"infra|mask|segment|label|thermal|(^|[/_])ir([/_\d]|$)", re.I)
_TF = ("/tf", "tf")


def is_depth(sample: TopicSample) -> bool:
    """Whether a picture topic holds distances instead of a picture."""
    # A name decides as well: depth that was coloured for people is still not the camera's view.
    return bool(
        sample.kind is Kind.DISPARITY
        or DEPTH_ENCODINGS.search(sample.encoding)
        or _DEPTH_NAME.search(sample.topic.name)
    )


def choose_pictures(bag: BagFiles, survey: Survey, wanted: str) -> TopicSample:
    """The topic to take pictures from; ``wanted`` names one, with or without slash or transport.

    Raises:
        SourceError: there are no pictures, none that can be read, or none of that name.
    """
    pictures = survey.of_kind(*PICTURES)
    listing = ", ".join(
        f"{s.topic.name} ({s.topic.messages} images{', depth' if is_depth(s) else ''})"
        for s in pictures
    )
    if wanted:
        names = [wanted, f"/{wanted}"]
        names += [f"{name}/{end}" for name in names for end in ("compressed", "ffmpeg")]
        named = next((s for name in names for s in pictures if s.topic.name == name), None)
        if named is None:
            raise SourceError(
                f"{bag.path} has no image topic {wanted!r}; its image topics: {listing or 'none'}"
            )
        if named.problem:
            raise SourceError(f"{bag.path}: {named.topic.name} {named.problem}")
        return named
    readable = [s for s in pictures if not s.problem and not is_depth(s)]
    if not readable:
        raise SourceError(f"{bag.path} {_why_none(bag, survey, pictures)}")
    return min(
        readable,
        key=lambda s: (
            _SECOND_BEST.search(s.topic.name) is not None,
            -s.topic.messages,
            s.kind is Kind.RAW,  # of two equals, the one that needn't be encoded again
            s.topic.name,
        ),
    )


def _why_none(bag: BagFiles, survey: Survey, pictures: list[TopicSample]) -> str:
    unread = [s for s in pictures if s.problem]
    if unread:
        return f"holds no pictures that can be read: {unread[0].topic.name} {unread[0].problem}"
    depth = [s for s in survey.of_kind(*PICTURES, Kind.DISPARITY) if is_depth(s)]
    if depth:
        names = ", ".join(
            f"{s.topic.name} ({s.encoding or s.topic.channel.msgtype})" for s in depth
        )
        return f"holds depth pictures only, {names}: record the colour camera too"
    empty = [s for s in survey.samples.values() if s.kind in PICTURES]
    if empty:
        names = ", ".join(s.topic.name for s in empty)
        return f"holds no images: its image topics are empty: {names}"
    if not bag.messages_total:
        return "holds no messages"
    others = [
        f"{s.topic.name} ({s.topic.channel.msgtype or 'no type'}"
        + (f" in encoding {s.topic.channel.encoding!r}, which is not read" if s.problem else "")
        + ")"
        for s in survey.samples.values()
    ]
    return f"holds no images, only {', '.join(others)}"


def choose_poses(
    bag: BagFiles, survey: Survey, wanted: str, picture_topic: str
) -> TopicSample | None:
    """The topic to take poses from: odometry nearest to the pictures by name, or TF, or none.

    Raises:
        SourceError: there is none under the name ``wanted``.
    """
    odometry = [s for s in survey.of_kind(Kind.POSE) if not s.problem]
    transforms = [s for s in survey.of_kind(Kind.TRANSFORM) if not s.problem]
    if wanted:
        names = (wanted, f"/{wanted}")
        named = [s for s in (*odometry, *transforms) if s.topic.name in names]
        if not named:
            listing = ", ".join(s.topic.name for s in (*odometry, *transforms)) or "none"
            raise SourceError(
                f"{bag.path} has no odometry topic {wanted!r}; its odometry topics: {listing}"
            )
        return named[0]
    best = max(
        odometry,
        key=lambda s: (shared_parts(s.topic.name, picture_topic), s.topic.messages, s.topic.name),
        default=None,
    )
    if best is not None:
        return best
    moving = [s for s in transforms if not s.topic.name.lstrip("/").startswith("tf_static")]
    if not survey.tree.moves:
        return None
    return max(moving, key=lambda s: (s.topic.name in _TF, s.topic.messages), default=None)


def content(sample: TopicSample) -> str:
    """What a topic of an unusable recording holds, in one line."""
    if sample.problem:
        return sample.problem
    if not sample.topic.messages:
        return "it has no messages"
    if sample.kind not in (*PICTURES, Kind.DISPARITY):
        return "it holds no pictures"
    return "it holds depth" if is_depth(sample) else "it holds pictures"


def reasons(survey: Survey, pictures: TopicSample, poses: TopicSample | None) -> dict[str, str]:
    """For each topic, in one line, why it is read or why not."""
    lines = {}
    for name, sample in survey.samples.items():
        if sample is pictures:
            lines[name] = "the pictures come from it"
        elif sample is poses:
            lines[name] = "the poses come from it"
        elif sample.problem:
            lines[name] = sample.problem
        elif not sample.topic.messages:
            lines[name] = "it has no messages"
        elif sample.kind in (*PICTURES, Kind.DISPARITY):
            depth = "it holds depth, which is never taken for colour"
            lines[name] = depth if is_depth(sample) else "another camera: name it with source.topic"
        elif sample.kind is Kind.CALIBRATION:
            near = survey.intrinsics_of(pictures.topic.name) is sample.calibration
            lines[name] = "the camera's calibration" if near else "of another camera"
        elif sample.kind is Kind.POSE:
            lines[name] = "poses come from another topic: name it with source.odom_topic"
        elif sample.kind is Kind.TRANSFORM:
            lines[name] = (
                "how the camera is mounted"
                if poses is None or poses.kind is not Kind.TRANSFORM
                else "transforms that do not change"
            )
        else:
            lines[name] = "of a type that is not needed"
    return lines
