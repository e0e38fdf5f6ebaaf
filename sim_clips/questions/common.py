"""What all makers of questions share: the question, the past it is asked about, and the drawing.

No option reveals whether it is right. A maker first fixes everything that is shown: the wording and
the options (`Subject`). For each option it looks for moments of the same journey at which that
option is right; options without such a moment are not offered. Only then is one option drawn
uniformly to be the right one, and a moment for it (`draw`). So without the memory, knowing the
question and its options gives no better than chance.

"The memory does not tell" (`NOT_TOLD`) is offered and drawn like any other option; it is right at
moments at which the notes leave the answer open.

Out of scope: the eight types (`places`, `ways`, `objects`), a clip's set of questions (`clip`).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from embodied_agent.records import Direction
from embodied_agent.rules.derivation import left_open, possible, settled
from sim_clips.journey import Journey, direction_class, sector_gap
from sim_clips.questions.notes import Notes
from sim_clips.scene import VISIBLE_PIXELS, CameraPose

#: The option that is right where the notes can't settle a question. One wording, everywhere.
NOT_TOLD = "The memory does not tell"
#: Share of questions that offer it.
OFFERED = 0.5
#: An object may be asked about when some view showed at least this many pixels of it.
CLEAR_PIXELS = 1.6 * VISIBLE_PIXELS
#: A true azimuth keeps this far from the edges of its direction, degrees, whatever is offered.
DIRECTION_MARGIN_DEG = 5.0
#: Most and fewest options besides `NOT_TOLD`.
MOST_OPTIONS, FEWEST_OPTIONS = 4, 3

Rng = np.random.Generator


@dataclass(frozen=True)
class ClipQuestion:
    """A question with its truth. ``answer`` indexes ``choices``. ``about`` holds what a teacher
    needs to write out the reasoning (object names, turns, numbers of steps). ``derivable`` says
    whether the notes settle the true answer; it is false where the memory does not tell."""

    type: str
    text: str
    choices: tuple[str, ...]
    answer: int
    about: Mapping[str, Any] = field(default_factory=dict)
    derivable: bool = True

    @property
    def told(self) -> bool:
        """Whether another answer than `NOT_TOLD` is right."""
        return self.choices[self.answer] != NOT_TOLD


@dataclass(frozen=True, eq=False)
class Past:
    """A journey, what was noted of it, and when questions about it may be asked.

    Args:
        journey: views in time order.
        notes: an entry per view, from the first view on; may end sooner.
        moments: views at which a question may be asked, the start included.
        settled_only: whether an option counts as right only where the notes settle on it, even in
            questions that don't offer `NOT_TOLD`.
    """

    journey: Journey
    notes: Notes
    moments: tuple[int, ...]
    settled_only: bool = True

    @cached_property
    def done(self) -> tuple[int, ...]:
        """The moments at which at least one step was complete."""
        return tuple(m for m in self.moments if self.steps_done(m) > 0)

    def steps_done(self, now: int) -> int:
        """How many steps were complete or under way at view ``now``."""
        return self.journey.views[now].step + 1

    def pose(self, now: int) -> CameraPose:
        """Where the camera was."""
        return self.journey.views[now].pose

    @cached_property
    def clear_since(self) -> dict[str, int]:
        """The first view that showed each object clearly, of those that some moment can look back
        on."""
        first: dict[str, int] = {}
        for index, view in enumerate(self.journey.views[: max(self.moments, default=-1) + 1]):
            for name, pixels in view.visible.items():
                if pixels >= CLEAR_PIXELS:
                    first.setdefault(name, index)
        return first


def past_of(journey: Journey, notes: Notes, *, settled_only: bool = True) -> Past:
    """The past of a journey whose steps' ends are the moments to ask at, as far as was noted."""
    moments = tuple(i for i, v in enumerate(journey.views[: len(notes)]) if v.at_end)
    return Past(journey, notes, moments, settled_only)


@dataclass(frozen=True)
class Subject:
    """All that is shown of a question, and when each option would be right.

    ``right`` maps options to the moments at which they are right (and, as far as `Past` asks for
    it, settled by the notes); ``open`` maps reasons why the notes don't tell to moments.
    ``partial`` allows options that are right at no moment of this journey, because the truth
    seldom or never changes: the maker has seen to it that nothing shown says which these are.
    ``told`` is set by a maker that has drawn by itself whether the notes tell, because what is
    shown goes with it.
    """

    type: str
    wordings: Sequence[str]
    options: tuple[str, ...]
    right: Mapping[str, Sequence[int]]
    open: Mapping[str, Sequence[int]]
    about: Mapping[str, Any]
    words: Mapping[str, str] = field(default_factory=dict)
    partial: bool = False
    told: bool | None = None


#: Makes a subject; told whether `NOT_TOLD` will be offered.
Maker = Callable[[Past, Rng, bool], Subject | None]


def draw(
    subject: Subject, rng: Rng, *, offered: bool, untold: float | None = None
) -> tuple[int, ClipQuestion] | None:
    """A moment and the question, ``None`` where some option could not be the right one.

    Args:
        subject: what is asked.
        rng: draws wording, answer, moment and the order of the options, in turn.
        offered: whether `NOT_TOLD` is among the options.
        untold: how often it is the right one where it is offered; by default as often as any other
            option. Only to learn from: it gives away that it is right more often.
    """
    options = [*subject.options, *([NOT_TOLD] if offered else [])]
    reasons = [reason for reason, moments in sorted(subject.open.items()) if moments]
    truths = [option for option in subject.options if subject.right.get(option)]
    if not truths or (len(truths) < len(subject.options) and not subject.partial):
        return None
    if offered and not reasons:
        return None
    text = pick(rng, subject.wordings).format(**subject.words)
    about = dict(subject.about)
    answer = pick(rng, options if subject.told is None else subject.options)
    if offered and untold is not None and subject.told is None:
        answer = NOT_TOLD if rng.random() < untold else pick(rng, subject.options)
    if answer == NOT_TOLD or subject.told is False:
        answer, reason = NOT_TOLD, pick(rng, reasons)
        about["open"] = reason
        now = pick(rng, subject.open[reason])
    else:
        answer = pick(rng, truths) if subject.partial else answer
        now = pick(rng, subject.right[answer])
    order = tuple(options[int(i)] for i in rng.permutation(len(options)))
    return int(now), ClipQuestion(subject.type, text, order, order.index(answer), about)


def subject_of(
    past: Past,
    kind: str,
    wordings: Sequence[str],
    options: tuple[str, ...],
    truths: Mapping[int, str | None],
    about: Mapping[str, Any],
    *,
    offered: bool,
    known_since: int = 0,
    partial: bool = False,
    **words: str,
) -> Subject:
    """The subject with its moments.

    Args:
        past: whose moments.
        kind: the question's type.
        wordings: to draw one of, with the placeholders of ``words``.
        options: what is offered besides `NOT_TOLD`.
        truths: by moment the true answer, ``None`` where it is too near another one.
        about: see `ClipQuestion`.
        offered: whether `NOT_TOLD` will be; then moments at which the notes don't settle on it
            are left out, as they are where ``past`` says so, and those that they leave open are
            looked for.
        known_since: otherwise, the first view from which the question makes sense.
        partial: see `Subject`.
        words: for the wordings.
    """
    right: dict[str, list[int]] = {option: [] for option in options}
    unsettled: dict[str, list[int]] = {}
    settled_only = past.settled_only or offered
    for now in past.moments:
        truth = truths.get(now)
        if not offered and not (truth in right and settled_only):
            if truth in right and now >= known_since:
                right[truth].append(now)
            continue
        shares = possible(past.notes, now, kind, about, options)
        if offered and left_open(shares) and not _to_be_doubted(past, now, shares, about):
            reason = shares if isinstance(shares, str) else "unclear"
            unsettled.setdefault(reason, []).append(now)
        if truth in right and settled(shares) == truth:
            right[truth].append(now)
    return Subject(kind, wordings, options, right, unsettled, about, words, partial)


def names_in(about: Mapping[str, Any]) -> tuple[str, ...]:
    """The objects that a question is about."""
    alone = (about[key] for key in ("name", "at", "facing", "asked") if key in about)
    return tuple(map(str, (*alone, *about.get("names", ()))))


def _to_be_doubted(past: Past, now: int, reason: object, about: Mapping[str, Any]) -> bool:
    """Whether other notes of the same moment might tell: what these don't name was in a frame
    between the views, or the question takes for granted what was not done."""
    glimpsed = past.journey.glimpsed
    if reason == "not noted" and glimpsed is not None:
        stamp = past.journey.views[now].stamp_ns
        return all(glimpsed.get(name, stamp + 1) <= stamp for name in names_in(about))
    return reason == "another turn"


def pick(rng: Rng, items: Sequence[Any]) -> Any:
    """One of the items."""
    return items[int(rng.integers(len(items)))]


def some(
    rng: Rng,
    items: Collection[str],
    most: int = MOST_OPTIONS,
    weights: Mapping[str, float] | None = None,
) -> tuple[str, ...]:
    """Up to ``most`` of the items, drawn one after the other with the given weights."""
    listed = sorted(items)
    shares = np.array([1.0 if weights is None else weights[item] for item in listed])
    count = min(most, len(listed))
    drawn = rng.choice(len(listed), count, replace=False, p=shares / shares.sum()) if count else ()
    return tuple(listed[int(i)] for i in drawn)


def clear_direction(azimuth: float) -> Direction | None:
    """The direction word of an azimuth; ``None`` where it lies too near another direction."""
    word = direction_class(azimuth)
    edges = (azimuth + DIRECTION_MARGIN_DEG, azimuth - DIRECTION_MARGIN_DEG)
    return word if all(sector_gap(edge, word) == 0.0 for edge in edges) else None


def first_seen(journey: Journey, name: str) -> int:
    """Index of the first view that shows the object; the number of views where none does."""
    for index, view in enumerate(journey.views):
        if view.visible.get(name, 0) >= VISIBLE_PIXELS:
            return index
    return len(journey.views)
