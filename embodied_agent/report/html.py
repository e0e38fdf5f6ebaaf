"""A self-contained HTML report of a replay: keyframes, overlap, path, questions, scores.

It shows people what one replay saw and answered. The template escapes all text written by models,
and the file loads nothing from outside.

Out of scope: the live view (`embodied_agent.interfaces.web`), the export of a memory.
"""

from __future__ import annotations

import base64
import json
import string
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

import jinja2

from embodied_agent.codec import encodable
from embodied_agent.errors import DecodeError, OutputError
from embodied_agent.images import scaled_jpeg
from embodied_agent.models.naming import demo_note
from embodied_agent.records import Decision, Delta, Frame, Keyframe, Pose
from embodied_agent.report.figures import (
    MAX_POINTS,
    Landmark,
    OverlapChart,
    PathMap,
    Surroundings,
    overlap_chart,
    path_map,
)
from embodied_agent.report.scoring import Scored, score
from embodied_agent.support.private_files import open_private

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

#: The statuses of answers, in words.
STATUSES = {
    "answered": "Answer",
    "not_seen": "Not seen",
    "cannot_tell": "Can't tell",
    "out_of_scope": "Not about what was seen",
    "failed": "No answer",
}


@dataclass(frozen=True)
class Replay:
    """The contents of a report. ``decisions`` and ``path`` may be empty, as an existing memory has
    none. ``path`` contains the poses of all frames that have one. ``notice`` explains the choice of
    perceiver, if it needs explaining. ``elapsed_s`` is in seconds.

    ``keyframes`` and ``deltas`` are in order, and are gone through several times; ``picture`` gives
    a keyframe's JPEG when its turn comes.
    """

    source: str
    keyframes: Iterable[Keyframe]
    deltas: Iterable[Delta]
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
    picture: Callable[[Keyframe], bytes] = lambda keyframe: keyframe.jpeg


@dataclass
class _Totals:
    """What a report says of all keyframes and deltas."""

    ids: set[int] = field(default_factory=set)
    stamps: list[int] = field(default_factory=list)  # the first and the last
    posed: int = 0
    perceived: int = 0
    unusable: int = 0
    names: set[str] = field(default_factory=set)
    models: dict[str, None] = field(default_factory=dict)


@dataclass(frozen=True)
class _Card:
    """A keyframe, prepared for the template."""

    keyframe: Keyframe
    delta: Delta | None
    picture: str
    time: str
    why: str


@dataclass(frozen=True)
class _QuestionCard:
    """A question with its answer, prepared for the template."""

    result: Scored
    choices: list[tuple[str, str]]
    at: str | None
    latency: list[tuple[str, str]]


def clock(nanoseconds: int) -> str:
    """A duration in nanoseconds as minutes and seconds, such as ``1:07.3``."""
    tenths = round(nanoseconds / 1e8)
    return f"{tenths // 600}:{tenths % 600 / 10:04.1f}"


def render(replay: Replay) -> str:
    """The report as HTML text."""
    return "".join(_pieces(replay))


def _pieces(replay: Replay) -> Iterator[str]:
    """The report's text, piece by piece: no more than a few keyframes are held at a time."""
    totals = _totals(replay)
    start_ns, end_ns = (min(totals.stamps), max(totals.stamps)) if totals.stamps else (0, 0)
    chart: OverlapChart | None = None
    if any(d.overlap_ratio is not None for d in replay.decisions):
        chart = overlap_chart(replay.decisions, list(replay.keyframes), start_ns, end_ns)
    step = max(1, totals.posed // MAX_POINTS)
    posed = (keyframe for keyframe in replay.keyframes if keyframe.pose is not None)
    plan: PathMap | None = path_map(list(islice(posed, 0, None, step)), replay.path, replay.around)
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("embodied_agent.report", "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["words"] = lambda name: str(name).replace("_", " ")
    yield from environment.get_template("report.html").generate(
        replay=replay,
        name=Path(replay.source.rstrip("/")).name or replay.source,
        cards=_cards(replay, start_ns),
        total=len(totals.ids),
        known=totals.ids,
        chart=chart,
        plan=plan,
        threshold=replay.overlap_threshold,
        questions=[_question(result, start_ns) for result in replay.results],
        statuses=STATUSES,
        demo=demo_note(
            [*totals.models, *(n for r in replay.results for n in r.answer.models.values())]
        ),
        score=score(replay.results),
        duration=clock(end_ns - start_ns),
        objects=len(totals.names),
        unusable=totals.unusable,
        pending=len(totals.ids) - totals.perceived,
    )


def _totals(replay: Replay) -> _Totals:
    totals = _Totals()
    stamps = [decision.stamp_ns for decision in replay.decisions]
    for keyframe in replay.keyframes:
        totals.ids.add(keyframe.id)
        totals.posed += keyframe.pose is not None
        stamps = [min([*stamps, keyframe.stamp_ns]), max([*stamps, keyframe.stamp_ns])]
    totals.stamps = stamps
    for delta in replay.deltas:
        totals.perceived += delta.keyframe_id in totals.ids
        totals.unusable += not delta.usable
        totals.names.update(mention.name for mention in delta.mentions)
        totals.models[delta.model] = None
    return totals


def _cards(replay: Replay, start_ns: int) -> Iterator[_Card]:
    deltas = iter(replay.deltas)
    delta = next(deltas, None)
    for keyframe in replay.keyframes:
        while delta is not None and delta.keyframe_id < keyframe.id:
            delta = next(deltas, None)
        own = delta is not None and delta.keyframe_id == keyframe.id
        yield _Card(
            keyframe=keyframe,
            delta=delta if own else None,
            picture=_picture(replay.picture(keyframe)),
            time=clock(keyframe.stamp_ns - start_ns),
            why=REASONS.get(keyframe.reason, keyframe.reason),
        )


def write(replay: Replay, path: Path) -> None:
    """Write the report to ``path``; missing folders are created.

    Raises:
        OutputError: the file can't be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with open_private(path) as file:
            for piece in _pieces(replay):
                file.write(encodable(piece).encode())
    except OSError as error:
        raise OutputError(f"can't write the report to {path}: {error.strerror}") from error


def truth_beside(source: str) -> Surroundings:
    """The true positions of objects and walls, if a simulated clip has a ``truth.json`` beside
    it."""
    path = Path(source).expanduser()
    file = (path if path.is_dir() else path.parent) / "truth.json"
    try:
        truth = json.loads(file.read_text(encoding="utf-8"))
        landmarks = tuple(
            Landmark(str(o["name"]), *_point(o["position"]), str(o["name"]).split()[0])
            for o in truth["objects"]
        )
        # Parts above the floor, such as lintels, are not walls on the map.
        walls = tuple(
            (*_point(w["a"]), *_point(w["b"])) for w in truth["walls"] if float(w["z"]) == 0
        )
    except (OSError, ValueError, LookupError, TypeError):
        # This only decorates the report: other files of that name are silently ignored.
        return Surroundings()
    return Surroundings(landmarks, walls)


def _point(position: Sequence[float]) -> tuple[float, float]:
    return float(position[0]), float(position[1])


def _picture(jpeg: bytes) -> str:
    """A data URI of the picture, scaled down if it is wide; "" if it was dropped or can't be
    decoded."""
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
