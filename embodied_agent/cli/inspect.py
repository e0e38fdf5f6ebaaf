"""`embodied-agent inspect`: what a source holds, and which part of it would be read and why."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Any

import typer

from embodied_agent.cli.common import (
    ExitCode,
    console,
    counted,
    explained,
    plain,
    print_json,
    settings_from,
)
from embodied_agent.cli.options import ConfigOption, JsonOption, SetOption, SourceArgument
from embodied_agent.errors import SourceError

if TYPE_CHECKING:
    from embodied_agent.records import Frame
    from embodied_agent.settings import Settings
    from embodied_agent.sources.base import Source
    from embodied_agent.sources.examination import Examination

#: A source is read for this long where not all of it is asked for, in seconds; longer by up to
#: `_MORE_S` until there are `_LEAST_FRAMES`.
_SAMPLE_S, _MORE_S, _LEAST_FRAMES = 4.0, 4.0, 30
#: A keyframe's row in the memory beside its picture, in bytes.
_ROW_BYTES = 1500


def inspect(
    source: SourceArgument,
    full: Annotated[
        bool, typer.Option("--full", help="Read everything instead of a sample.")
    ] = False,
    config: ConfigOption = None,
    assignments: SetOption = None,
    json_output: JsonOption = False,
) -> None:
    """Show what SOURCE holds, what a replay would read, and what it would leave out.

    The exit code is 0 if SOURCE can be used, and 3 if not.
    """
    with explained():
        settings = settings_from(config, assignments)
        inspection = inspect_source(source, settings, full=full)
        if json_output:
            print_json(inspection.as_dict())
        else:
            _show(inspection)
        if not inspection.usable:
            raise typer.Exit(ExitCode.SOURCE)


@dataclass
class Inspection:
    """What is known of a source, and what came of reading it or a part of it.

    Attributes:
        source: as it was given.
        usable: whether at least one frame can be read.
        why: in one sentence, what is read, or why nothing can be.
        frames: that a replay would read; counted where ``complete``, else expected.
        poses: how many of them have a pose; likewise.
        depths: how many of them have a depth picture; likewise.
        skipped: what was left out, by reason, as far as was read.
        first_skip: the first such case in words.
        complete: whether all was read.
        keyframes: how many would be kept; likewise.
        memory_bytes: what they would take on the disk.
    """

    source: str
    usable: bool
    why: str
    examination: Examination
    frames: int = 0
    poses: int = 0
    depths: int = 0
    skipped: dict[str, int] = field(default_factory=dict)
    first_skip: str = ""
    complete: bool = True
    keyframes: int = 0
    memory_bytes: int = 0

    def as_dict(self) -> dict[str, Any]:
        """What ``--json`` prints."""
        known = self.examination
        return {
            "source": self.source,
            "usable": self.usable,
            "why": self.why,
            "kind": known.kind,
            "chosen": known.chosen,
            "frames": self.frames,
            "poses": self.poses,
            "poses_from": known.poses_from,
            "depths": self.depths,
            "depth_from": known.depth_from,
            "skipped": self.skipped,
            "first_skip": self.first_skip,
            "clock_offset_s": known.clock_offset_s,
            "duration_s": known.duration_s,
            "camera": known.camera,
            "remarks": known.remarks,
            "topics": [facts.as_dict() for facts in known.topics],
            "complete": self.complete,
            "replay": {"keyframes": self.keyframes, "memory_bytes": self.memory_bytes},
        }


def inspect_source(spec: str, settings: Settings, *, full: bool = False) -> Inspection:
    """Examine ``spec`` and read it, or as much of it as a few seconds allow.

    Raises:
        SettingsError: a setting can't be used.
    """
    from embodied_agent.sources import open_source
    from embodied_agent.sources.examination import Examination

    try:
        with open_source(spec, settings.source) as source:
            return _read(spec, source, settings, full=full)
    except SourceError as error:
        known = getattr(error, "examination", None)
        if not isinstance(known, Examination):
            known = Examination("unknown", why=str(error))
        return Inspection(spec, False, _sentence(str(error)), known)


def _read(spec: str, source: Source, settings: Settings, *, full: bool) -> Inspection:
    from embodied_agent.images import encode_jpeg
    from embodied_agent.keyframes import KeyframeSelector
    from embodied_agent.sources import decode

    known = source.examination
    result = Inspection(spec, False, known.why, known)
    selector = KeyframeSelector(settings.keyframes)
    kept = kept_bytes = sampled = 0
    end_s = time.monotonic() + _SAMPLE_S
    try:
        for frame in source:
            result.frames += 1
            if result.frames == 1:
                known.remarks.extend(_on_turn(frame, known))
                known.remarks.extend(_on_calibration(frame, settings))
            if selector.step(frame).keep:
                kept += 1
                if sampled < 20:
                    data = frame.encoded
                    if data is None:
                        data = encode_jpeg(decode(frame), settings.keyframes.jpeg_quality)
                    kept_bytes += len(data)
                    sampled += 1
            late_s = time.monotonic() - end_s
            # A few frames don't tell how many would be kept.
            enough = source.live or result.frames >= _LEAST_FRAMES or late_s > _MORE_S
            if late_s > 0 and enough and (source.live or not full):
                result.complete = False
                break
    except SourceError as error:
        # What came before the end of a broken source can be used all the same.
        result.why = _sentence(str(error))
        known.remarks.append(result.why)
    result.usable = result.frames > 0
    result.poses, result.depths = source.poses, source.depths
    result.skipped = dict(source.skipped)
    result.first_skip = source.first_skip
    result.keyframes = kept
    if not result.complete and source.expected_frames and result.frames:
        read, result.frames = result.frames, source.expected_frames
        result.poses = round(result.poses * result.frames / read)
        result.depths = round(result.depths * result.frames / read)
        # The first frame is kept whatever follows it.
        later = (kept - 1) / (read - 1) if read > 1 else 0.0
        result.keyframes = kept and 1 + round(later * (result.frames - 1))
    if sampled:
        result.memory_bytes = result.keyframes * (kept_bytes // sampled + _ROW_BYTES)
    if known.poses_from and result.usable and not result.poses:
        known.remarks.append(f"no pose of {known.poses_from} belongs to any picture")
    if known.depth_from and result.usable and not result.depths:
        known.remarks.append(f"no depth picture of {known.depth_from} belongs to any picture")
    if result.usable:
        result.why = _sentence(
            f"{known.why or 'it can be read'}; {counted(result.frames, 'frame')}"
            + (f", {result.poses} of them with a pose" if known.poses_from else ", without poses")
            + (f", {result.depths} with depth" if known.depth_from else "")
        )
    return result


def _on_turn(frame: Frame, known: Examination) -> Iterator[str]:
    """That the pictures are turned (by the file, TF or a setting), where their size shows it."""
    from embodied_agent.errors import DecodeError
    from embodied_agent.images import frame_size

    depth = known.depth_from.split(", ")
    sizes = {f.size for f in known.topics if f.used and f.size and f.name not in depth}
    with suppress(DecodeError):
        width, height = frame_size(frame)
        if sizes == {f"{height}x{width}"} and width != height:
            yield f"the pictures are turned upright: {width}x{height}"


def _on_calibration(frame: Frame, settings: Settings) -> Iterator[str]:
    """What bearings are computed from if there is no calibration."""
    from embodied_agent.agent.intake import calibration_text, usable_intrinsics
    from embodied_agent.errors import DecodeError
    from embodied_agent.images import frame_size

    with suppress(DecodeError):
        _, fault = usable_intrinsics(frame, *frame_size(frame))
        if fault:
            text = calibration_text(fault, settings.perception.field_of_view_deg)
            yield f"the camera's calibration: {text} (perception.field_of_view_deg)"


def _sentence(text: str) -> str:
    text = plain(text.replace("\n", " ")).strip()
    return text if text.endswith((".", "?", "!")) else f"{text}."


def _show(inspection: Inspection) -> None:
    say = console()
    known = inspection.examination
    word, style = ("usable", "green") if inspection.usable else ("not usable", "red")
    say.print(f"{word}: {inspection.why}", style=style, markup=False, soft_wrap=True)
    for facts in known.topics:
        parts = [facts.type, facts.encoding, facts.size]
        parts.append("" if facts.count is None else counted(facts.count, "message"))
        parts.append("" if facts.rate_hz is None else f"{facts.rate_hz:.1f} Hz")
        if facts.longest_gap_s:
            parts.append(f"{counted(facts.gaps, 'gap')}, the longest {facts.longest_gap_s:.1f} s")
        parts.append(f"clock: {facts.clock}" if facts.clock else "")
        parts.append(f"frames: {', '.join(facts.frame_ids[:6])}" if facts.frame_ids else "")
        mark = "→" if facts.used else " "
        line = ", ".join(plain(part) for part in parts if part)
        say.print(f"{mark} {plain(facts.name)}: {plain(facts.why)}", markup=False, soft_wrap=True)
        say.print(f"    {line}", style="dim", markup=False, soft_wrap=True)
    for remark in known.remarks:
        say.print(f"note: {plain(remark)}", markup=False, soft_wrap=True)
    for reason, count in inspection.skipped.items():
        say.print(f"left out: {count} × {reason}", style="yellow", markup=False)
    if inspection.first_skip:
        say.print(
            f"first: {plain(inspection.first_skip)}", style="yellow", markup=False, soft_wrap=True
        )
    if inspection.usable:
        about = "" if inspection.complete else "about "
        ending = "" if inspection.complete else " (from a sample; --full reads everything)"
        say.print(
            f"a replay: {about}{counted(inspection.frames, 'frame')}, "
            f"{about}{counted(inspection.keyframes, 'keyframe')}, "
            f"{inspection.memory_bytes / 1e6:.1f} MB of memory file{ending}",
            markup=False,
            soft_wrap=True,
        )
