"""A vision-language model and a detector together: the VLM names and describes, the detector
measures.

Each object that the VLM names is looked up among the detections of the same picture: by its kind
("couch" is "sofa"), its colour, and the direction that the VLM gave. An open-vocabulary detector
looks for the VLM's names. Objects without a detection stay as the VLM noted them; detections that
the VLM does not name are left out.

Out of scope: both models (`served`, `detector`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from embodied_agent.chat.status import CountsReplies, ReplyCounts
from embodied_agent.images import decode
from embodied_agent.perception.base import Perceiver
from embodied_agent.perception.colours import colour_of
from embodied_agent.perception.detections import Detection, colour_in, kind_in
from embodied_agent.perception.detector import Detector
from embodied_agent.perception.measuring import contradicts, gap_deg, measured, overlap
from embodied_agent.records import Delta, Frame, Image, Keyframe, Mention, direction_at
from embodied_agent.settings import PerceptionSettings
from embodied_agent.support.lazy import Lazy

#: What agreement adds to a detection's confidence, and what another colour takes from it.
_COLOUR, _OTHER_COLOUR, _DIRECTION, _BOX = 0.5, 0.4, 0.4, 1.0
#: Boxes of the VLM and the detector that overlap by this much mean the same object.
_SAME_BOX = 0.3
#: A match needs this score: a sure detection of another colour alone is none.
_LEAST_SCORE = 0.1


class LocatingPerceiver:
    """`Perceiver` that measures with a detector what another perceiver names.

    Args:
        perceiver: names the objects; closed with this one.
        settings: of perception, with a detector.
    """

    def __init__(self, perceiver: Perceiver, settings: PerceptionSettings) -> None:
        self._perceiver = perceiver
        self._settings = settings
        self._detector = Lazy(lambda: _Loaded(settings))

    @property
    def name(self) -> str:
        """The names of both."""
        loaded = self._detector.loaded
        return f"{self._perceiver.name} + {loaded.detector.name if loaded else 'detector'}"

    @property
    def notice(self) -> str:
        """That of the perceiver that names the objects."""
        return str(getattr(self._perceiver, "notice", ""))

    def perceive(self, previous: Keyframe | None, current: Keyframe) -> Delta:
        """As the perceiver, with what the detector measures; see `Perceiver.perceive`.

        Raises:
            DecodeError: a keyframe's picture can't be decoded.
            ModelUnavailable: the perceiver's model can't be reached.
            ModelError: one of the models can't be used.
        """
        return self._located(self._perceiver.perceive(previous, current), current)

    def perceive_batch(self, pairs: Sequence[tuple[Keyframe | None, Keyframe]]) -> list[Delta]:
        """`perceive` for each pair; the perceiver may take them at once."""
        deltas = self._perceiver.perceive_batch(pairs)
        return [
            self._located(delta, current) for delta, (_, current) in zip(deltas, pairs, strict=True)
        ]

    def _located(self, delta: Delta, current: Keyframe) -> Delta:
        if not delta.usable or not delta.mentions:
            return delta
        image = decode(Frame(current.stamp_ns, encoded=current.jpeg))
        detector = self._detector().detector
        names = [mention.name for mention in delta.mentions] if detector.by_name else []
        mentions = located(
            delta.mentions, detector.detect(image, names), image, current, self._settings
        )
        return replace(delta, mentions=mentions)

    def reply_counts(self) -> ReplyCounts:
        """What became of the replies so far, where the perceiver counts them."""
        if isinstance(self._perceiver, CountsReplies):
            return self._perceiver.reply_counts()
        return ReplyCounts("", 0, 0, 0)

    def close(self) -> None:
        """Release both. Safe to call twice."""
        self._perceiver.close()
        self._detector.close()


class _Loaded:
    """The detector as `Lazy` holds it."""

    def __init__(self, settings: PerceptionSettings) -> None:
        self.detector = Detector(settings.detector)

    def close(self) -> None:
        """Nothing to release before the process ends."""


def located(
    mentions: Sequence[Mention],
    detections: Sequence[Detection],
    image: Image,
    keyframe: Keyframe,
    settings: PerceptionSettings,
) -> tuple[Mention, ...]:
    """The mentions, each with the measurements of the detection that fits it best, if one does."""
    at = [
        measured(
            Mention(one.name, "front"), one.box, keyframe, settings.field_of_view_deg,
            confidence=one.confidence,
        )
        for one in detections
    ]  # fmt: skip
    colours = [colour_in(one.name) or colour_of(image, one.box) for one in detections]
    scores = [
        (_score(mention, found, colour), m, d)
        for m, mention in enumerate(mentions)
        for d, (found, colour) in enumerate(zip(at, colours, strict=True))
    ]
    result, free = list(mentions), set(range(len(detections)))
    waiting = set(range(len(mentions)))
    for score, m, d in sorted(scores, key=lambda item: (-item[0], item[1], item[2])):
        if score < _LEAST_SCORE or m not in waiting or d not in free:
            continue
        waiting.discard(m)
        free.discard(d)
        found = at[d]
        assert found.bearing_deg is not None
        result[m] = replace(
            found,
            name=mentions[m].name,
            distance=mentions[m].distance,
            direction=direction_at(found.bearing_deg),
        )
    return tuple(result)


def _score(mention: Mention, found: Mention, colour: str) -> float:
    """How well a detection fits what the VLM named; negative if it does not."""
    assert found.bearing_deg is not None
    assert found.box is not None
    if kind_in(mention.name) != kind_in(found.name):
        return -1.0
    score = found.confidence or 0.0
    if mention.box is not None and overlap(mention.box, found.box) >= _SAME_BOX:
        score += _BOX
    elif contradicts(mention.direction, found.bearing_deg):
        return -1.0
    if gap_deg(mention.direction, found.bearing_deg) == 0:
        score += _DIRECTION
    named = colour_in(mention.name)
    if named and colour:
        score += _COLOUR if named == colour else -_OTHER_COLOUR
    return score
