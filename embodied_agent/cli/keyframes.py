"""`embodied-agent keyframes`: which frames of a source become keyframes, without any model."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from embodied_agent.cli.common import (
    console,
    counted,
    explained,
    print_json,
    settings_from,
    write_file,
)
from embodied_agent.cli.options import ConfigOption, JsonOption, SetOption, SourceArgument
from embodied_agent.errors import SettingsError

if TYPE_CHECKING:
    from embodied_agent.records import Decision, Frame
    from embodied_agent.settings import KeyframeSettings
    from embodied_agent.sources import Source


def keyframes(
    source: SourceArgument,
    method: Annotated[
        Literal["robust", "paper"] | None,
        typer.Option(
            metavar="METHOD", help="The selection rule: robust or paper (keyframes.method)."
        ),
    ] = None,
    sample_hz: Annotated[
        str | None,
        typer.Option(metavar="N|all", help="Frames to take per second (source.sample_hz)."),
    ] = None,
    fps: Annotated[
        float | None,
        typer.Option(metavar="N", help="Frame rate of a folder of images (source.fps)."),
    ] = None,
    threshold: Annotated[
        float | None,
        typer.Option(
            metavar="RATIO",
            help="Keep a frame that overlaps the last keyframe by less than this, from 0 to 1.",
        ),
    ] = None,
    published_count: Annotated[
        bool,
        typer.Option(
            "--published-count",
            metavar="",
            help="Force the number of keyframes into 4 to 32, as the paper's script does.",
        ),
    ] = False,
    out: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Write the keyframes' pictures to this folder."),
    ] = None,
    config: ConfigOption = None,
    assignments: SetOption = None,
    json_output: JsonOption = False,
) -> None:
    """Show which frames of SOURCE become keyframes, and why. Needs no model."""
    with explained():
        if published_count and out:
            raise SettingsError(
                "--published-count chooses keyframes once all frames are read; leave out --out"
            )
        settings = settings_from(
            config,
            assignments,
            keyframes__method=method,
            keyframes__overlap_threshold=threshold,
            source__sample_hz=_rate(sample_hz),
            source__fps=fps,
        )
        from embodied_agent.keyframes import subsample
        from embodied_agent.sources import open_source

        decisions: list[Decision] = []
        kept: list[Decision] = []
        with open_source(source, settings.source) as frames:
            for frame, decision in decide(frames, settings.keyframes):
                if not decisions or decisions[-1].index != decision.index:
                    decisions.append(decision)
                if decision.keep:
                    kept.append(decision)
                    if out is not None:
                        _save(frame, decision, out, settings.keyframes.jpeg_quality)
            skipped = dict(frames.skipped)
        if published_count:
            kept = subsample(kept, decisions)
        if json_output:
            print_json(
                {
                    "source": source,
                    "method": settings.keyframes.method,
                    "frames": len(decisions),
                    "skipped": skipped,
                    "keyframes": [decision_values(decision) for decision in kept],
                }
            )
        else:
            _show(kept, len(decisions), skipped)


def decide(frames: Source, settings: KeyframeSettings) -> Iterator[tuple[Frame, Decision]]:
    """Each frame with its decision. The last frame comes twice where it is kept for being last."""
    from embodied_agent.keyframes import KeyframeSelector

    selector = KeyframeSelector(settings)
    frame: Frame | None = None
    for frame in frames:
        yield frame, selector.step(frame)
    last = selector.finish()
    if last is not None and frame is not None:
        yield frame, last


def decision_values(decision: Decision) -> dict[str, object]:
    """What ``--json`` shows of a kept frame."""
    from embodied_agent.interfaces.wire.from_records import egomotion_reply

    return {
        "index": decision.index,
        "stamp_ns": decision.stamp_ns,
        "reason": decision.reason,
        "overlap_ratio": decision.overlap_ratio,
        "confidence": decision.confidence,
        "inliers": decision.inliers,
        "egomotion": egomotion_reply(decision.egomotion),
    }


def _overlap_text(decision: Decision) -> str:
    """The overlap, with a question mark if it is doubtful."""
    if decision.overlap_ratio is None:
        return ""
    return f"{decision.overlap_ratio:.2f}{'?' if _is_doubtful(decision) else ''}"


def _is_doubtful(decision: Decision) -> bool:
    from embodied_agent.records import DOUBTFUL

    if decision.overlap_ratio is None or decision.confidence is None:
        return False
    return decision.confidence < DOUBTFUL


def _rate(text: str | None) -> float | None:
    if text is None or text == "all":
        return None if text is None else 0.0
    try:
        rate = float(text)
    except ValueError:
        rate = 0.0
    if not 0 < rate < float("inf"):
        raise SettingsError(f"--sample-hz needs frames per second or 'all', not {text!r}")
    return rate


def _save(frame: Frame, decision: Decision, folder: Path, quality: int) -> None:
    from embodied_agent.sources import decode, encode_jpeg

    path = folder / f"{decision.index:06d}_{decision.reason}.jpg"
    write_file(path, encode_jpeg(decode(frame), quality))


def _show(kept: list[Decision], frames: int, skipped: dict[str, int]) -> None:
    from rich.table import Table

    say = console()
    table = Table(box=None, pad_edge=False)
    for name in ("frame", "time", "overlap", "inliers"):
        table.add_column(name, justify="right")
    table.add_column("why kept")
    table.add_column("camera")
    for decision in kept:
        motion = decision.egomotion
        size = motion.angle_deg if motion else None
        table.add_row(
            str(decision.index),
            f"{(decision.stamp_ns - kept[0].stamp_ns) / 1e9:.2f} s",
            _overlap_text(decision),
            str(decision.inliers),
            (decision.reason or "").replace("_", " "),
            ""
            if motion is None or motion.action is None
            else motion.action.value + ("" if size is None else f" {size:.0f}°"),
        )
    say.print(table)
    if any(_is_doubtful(decision) for decision in kept):
        say.print("?: too few of the points were found again, so the overlap is doubtful")
    say.print(f"{counted(len(kept), 'keyframe')} of {counted(frames, 'frame')}")
    for reason, count in skipped.items():
        say.print(f"skipped: {count} × {reason}", style="yellow", markup=False)
