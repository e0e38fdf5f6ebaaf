"""One self-contained HTML file about a replay: keyframes, overlap, path, questions, scores.

It shows what one replay saw and answered, for people. The template escapes everything that a model
wrote, and the file refers to nothing outside itself.

Out of scope: the live view (`embodied_agent.interfaces.web`), the export of a memory.
"""

from __future__ import annotations

import base64
import json
import string
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import jinja2

from embodied_agent.errors import DecodeError, OutputError
from embodied_agent.images import scaled_jpeg
from embodied_agent.models.naming import demo_note
from embodied_agent.records import Decision, Delta, Frame, Keyframe, Pose
from embodied_agent.report.figures import (
    Landmark,
    OverlapChart,
    PathMap,
    Surroundings,
    overlap_chart,
    path_map,
)
from embodied_agent.report.scoring import Scored, score

#: Maximum width of pictures in the report, in pixels: enough to see, small enough to mail.
PICTURE_WIDTH = 360
#: Their JPEG quality.
_QUALITY = 82
#: The reasons for keeping a frame, in words.
REASONS = {
    "first": "first view",
    "overlap": "low overlap",
    "no_features": "no features",
    "few_matches": "too few matches",
    "no_homography": "no consistent match",
    "motion": "motion changed",
    "max_interval": "maximum interval",
    "asked": "question asked",
    "last": "last view",
}

#: What each kind of answer is called.
STATUSES = {
    "answered": "Answer",
    "not_seen": "Not seen",
    "cannot_tell": "Can't tell",
    "out_of_scope": "Not about what was seen",
    "failed": "No answer",
}


@dataclass(frozen=True)
class Replay:
    """The contents of a report. ``decisions`` and ``path`` may be empty (an existing memory has
    none). ``path`` holds the poses of all frames that carried one. ``notice`` says why perception
    was what it was, where there is something to say."""

    source: str
    keyframes: Sequence[Keyframe]
    deltas: Sequence[Delta]
    frames: int = 0
    skipped: int = 0
    decisions: Sequence[Decision] = ()
    path: Sequence[Pose] = ()
    overlap_threshold: float | None = None
    around: Surroundings = field(default_factory=Surroundings)
    results: Sequence[Scored] = ()
    settings: dict[str, str] = field(default_factory=dict)
    elapsed_s: float = 0.0
    notice: str = ""


@dataclass(frozen=True)
class _Card:
    """A keyframe as the template shows it."""

    keyframe: Keyframe
    delta: Delta | None
    picture: str
    time: str
    why: str


@dataclass(frozen=True)
class _QuestionCard:
    """A question with its answer as the template shows it."""

    result: Scored
    choices: list[tuple[str, str]]
    at: str | None
    latency: list[tuple[str, str]]


def clock(nanoseconds: int) -> str:
    """A duration as minutes and seconds, ``1:07.3``."""
    tenths = round(nanoseconds / 1e8)
    return f"{tenths // 600}:{tenths % 600 / 10:04.1f}"


def render(replay: Replay) -> str:
    """The report as HTML text."""
    deltas = {delta.keyframe_id: delta for delta in replay.deltas}
    stamps = [k.stamp_ns for k in replay.keyframes] + [d.stamp_ns for d in replay.decisions]
    start_ns, end_ns = (min(stamps), max(stamps)) if stamps else (0, 0)
    cards = [
        _Card(
            keyframe=keyframe,
            delta=deltas.get(keyframe.id),
            picture=_picture(keyframe.jpeg),
            time=clock(keyframe.stamp_ns - start_ns),
            why=REASONS.get(keyframe.reason, keyframe.reason),
        )
        for keyframe in replay.keyframes
    ]
    chart: OverlapChart | None = None
    if any(d.overlap_ratio is not None for d in replay.decisions):
        chart = overlap_chart(replay.decisions, replay.keyframes, start_ns, end_ns)
    plan: PathMap | None = path_map(replay.keyframes, replay.path, replay.around)
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("embodied_agent.report", "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["words"] = lambda name: str(name).replace("_", " ")
    return environment.get_template("report.html").render(
        replay=replay,
        name=Path(replay.source.rstrip("/")).name or replay.source,
        cards=cards,
        known={card.keyframe.id for card in cards},
        chart=chart,
        plan=plan,
        threshold=replay.overlap_threshold,
        questions=[_question(result, start_ns) for result in replay.results],
        statuses=STATUSES,
        demo=demo_note(
            [*(d.model for d in replay.deltas)]
            + [name for r in replay.results for name in r.answer.models.values()]
        ),
        score=score(replay.results),
        duration=clock(end_ns - start_ns),
        objects=len({m.name for delta in replay.deltas for m in delta.mentions}),
        unusable=sum(not delta.usable for delta in replay.deltas),
        pending=len(cards) - sum(card.delta is not None for card in cards),
    )


def write(replay: Replay, path: Path) -> None:
    """Write the report to ``path``; missing folders are created.

    Raises:
        OutputError: the file can't be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(render(replay), encoding="utf-8")
    except OSError as error:
        raise OutputError(f"can't write the report to {path}: {error.strerror}") from error


def truth_beside(source: str) -> Surroundings:
    """True positions of objects and walls, if a simulated clip has its ``truth.json`` beside it."""
    path = Path(source).expanduser()
    file = (path if path.is_dir() else path.parent) / "truth.json"
    try:
        truth = json.loads(file.read_text(encoding="utf-8"))
        landmarks = tuple(
            Landmark(str(o["name"]), *_point(o["position"]), str(o["name"]).split()[0])
            for o in truth["objects"]
        )
        # Whatever hangs above the floor, such as a lintel, is not a wall on the map.
        walls = tuple(
            (*_point(w["a"]), *_point(w["b"])) for w in truth["walls"] if float(w["z"]) == 0
        )
    except (OSError, ValueError, LookupError, TypeError):
        # This only decorates the report: other files of that name are ignored.
        return Surroundings()
    return Surroundings(landmarks, walls)


def _point(position: Sequence[float]) -> tuple[float, float]:
    return float(position[0]), float(position[1])


def _picture(jpeg: bytes) -> str:
    """A data URI of the picture, scaled down if it is wide; "" if it is dropped or undecodable."""
    if not jpeg:
        return ""
    try:
        jpeg = scaled_jpeg(Frame(0, encoded=jpeg), PICTURE_WIDTH, _QUALITY)
    except DecodeError:
        return ""
    return "data:image/jpeg;base64," + base64.b64encode(jpeg).decode("ascii")


def _question(result: Scored, start_ns: int) -> _QuestionCard:
    question, answer = result.case.question, result.answer
    return _QuestionCard(
        result=result,
        choices=list(zip(string.ascii_uppercase, question.choices, strict=False)),
        at=None if question.at_ns is None else clock(max(0, question.at_ns - start_ns)),
        latency=[
            (stage, f"{seconds:.2f} s" if seconds >= 0.1 else f"{seconds * 1000:.0f} ms")
            for stage, seconds in answer.latency_s.items()
        ],
    )
