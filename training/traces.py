"""The teacher: reasoning written out step by step for a question whose truth is known.

One look-up or one update per sentence, each citing its keyframe, so that no step needs more than
one hop through the transcript. The states in between come from the true geometry; what was noted
comes from the transcript, mistakes included.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from embodied_agent.memory.transcript import action_text, mention_text
from embodied_agent.records import Delta, Mention
from sim_clips.journey import Journey, direction_class, distance_class
from sim_clips.questions import ClipQuestion
from sim_clips.scene import CameraPose

#: A chain of updates longer than this is not taught.
LONGEST_CHAIN = 10


def trace(
    journey: Journey, deltas: Sequence[Delta], now: int, question: ClipQuestion
) -> str | None:
    """The reasoning for ``question`` at view ``now``; ``None`` where the
    transcript does not support the true answer (the object was missed, the order was misread).

    Args:
        journey: whose view ``i`` is what ``deltas[i]`` was noted at.
        deltas: the transcript's entries, possibly with mistakes, up to ``now`` at least.
    """
    writer = _WRITERS[question.type]
    return writer(_Context(journey, deltas, now), question)


class _Context:
    def __init__(self, journey: Journey, deltas: Sequence[Delta], now: int) -> None:
        self.journey, self.deltas, self.now = journey, deltas[: now + 1], now

    def mention(self, index: int, name: str) -> Mention | None:
        return next((m for m in self.deltas[index].mentions if m.name == name), None)

    def last(self, name: str) -> int | None:
        """Index of the latest entry that names the object."""
        return next((i for i in range(self.now, -1, -1) if self.mention(i, name)), None)

    def first(self, name: str) -> int | None:
        return next((i for i in range(self.now + 1) if self.mention(i, name)), None)

    def place(self, name: str, pose: CameraPose) -> str:
        azimuth, metres = self.journey.placed(name, pose)
        return f"{direction_class(azimuth)} {distance_class(self.journey.world, metres)}"

    def chain(self, name: str, until: int | None = None, joint: str = ". ") -> str | None:
        """Where the object was last noted, then where each later action puts it."""
        seen = self.last(name)
        if seen is None or self.now - seen > LONGEST_CHAIN:
            return None
        mention = self.mention(seen, name)
        assert mention is not None
        parts = [
            f"{name} #{self.deltas[seen].keyframe_id} {mention_text(mention)[len(name) + 1 :]}"
        ]
        for index in range(seen + 1, (self.now if until is None else until) + 1):
            delta = self.deltas[index]
            where = self.place(name, self.journey.views[index].pose)
            parts.append(f"#{delta.keyframe_id} {action_text(delta)} {where}")
        return f"{joint.join(parts)}."


def _where(context: _Context, question: ClipQuestion) -> str | None:
    return context.chain(question.about["name"])


def _counterfactual(context: _Context, question: ClipQuestion) -> str | None:
    about: Mapping[str, object] = question.about
    name = str(about["name"])
    journey = context.journey
    if "skipped" not in about:
        chain = context.chain(name)
        turn = f"rotate {'left' if about['left'] else 'right'} {about['angle']}"
        answer = question.choices[question.answer]
        return chain and f"{chain} {turn} {answer}."
    skipped = int(str(about["skipped"]))
    before = max(i for i, v in enumerate(journey.views) if v.step < skipped and v.at_end)
    ends = [i for i, v in enumerate(journey.views) if v.step == skipped and v.at_end]
    seen = context.last(name)
    if seen is None or not ends or seen > before or context.now - seen > LONGEST_CHAIN:
        return None
    parts = [str(context.chain(name, until=before))]
    old, new = journey.views[ends[-1]].pose, journey.views[before].pose
    for index in range(before + 1, context.now + 1):
        delta, view = context.deltas[index], journey.views[index]
        if view.step == skipped:
            parts.append(f"#{delta.keyframe_id} {action_text(delta)} skipped.")
            continue
        imagined = _transplant(view.pose, old, new)
        where = context.place(name, imagined)
        parts.append(f"#{delta.keyframe_id} {action_text(delta)} {where}.")
    return " ".join(parts)


def _transplant(pose: CameraPose, old: CameraPose, new: CameraPose) -> CameraPose:
    """``pose`` as it would be, had what came after ``old`` come after ``new`` instead."""
    import math

    turn = math.radians(new.yaw_deg - old.yaw_deg)
    dx, dy = pose.x - old.x, pose.y - old.y
    c, s = math.cos(turn), math.sin(turn)
    return CameraPose(
        new.x + c * dx - s * dy,
        new.y + s * dx + c * dy,
        pose.z,
        pose.yaw_deg + new.yaw_deg - old.yaw_deg,
        pose.pitch_deg,
    )


def _progress(context: _Context, question: ClipQuestion) -> str | None:
    parts = []
    for index in range(1, context.now + 1):
        delta = context.deltas[index]
        action = delta.action.value if delta.action else "moved"
        parts.append(f"#{delta.keyframe_id} {action} {context.journey.views[index].step + 1}.")
    return " ".join(parts) if parts else None


def _action(context: _Context, question: ClipQuestion) -> str | None:
    if "undo" not in question.about:
        return context.chain(question.about["name"])
    delta = context.deltas[context.now]
    return f"#{delta.keyframe_id} {delta.action}." if delta.action else None


def _nearest(context: _Context, question: ClipQuestion) -> str | None:
    chains = [context.chain(name, joint=", ") for name in question.choices]
    return " ".join(str(c) for c in chains) if all(chains) else None


def _quadrant(context: _Context, question: ClipQuestion) -> str | None:
    names = [question.about[key] for key in ("at", "facing", "asked")]
    for index in range(context.now, -1, -1):
        mentions = [context.mention(index, name) for name in names]
        if all(mentions):
            said = ", ".join(mention_text(m) for m in mentions if m)
            return f"#{context.deltas[index].keyframe_id} {said}."
    return None


def _route(context: _Context, question: ClipQuestion) -> str | None:
    if "back" not in question.about:
        return context.chain(question.about["name"])
    first = context.journey.views[context.now].step + 1 - question.about["back"]
    parts = []
    for index in range(context.now, 0, -1):
        if context.journey.views[index].step < first:
            break
        delta = context.deltas[index]
        parts.append(f"#{delta.keyframe_id} {delta.action.value if delta.action else 'moved'}.")
    return " ".join(parts)


def _order(context: _Context, question: ClipQuestion) -> str | None:
    first: dict[str, int] = {}
    for name in question.about["names"]:
        index = context.first(name)
        if index is None:
            return None
        first[name] = index
    ranked = sorted(first, key=lambda n: first[n])
    if ", ".join(ranked) != question.choices[question.answer]:
        return None
    return " ".join(f"#{context.deltas[first[n]].keyframe_id} {n}." for n in ranked)


_WRITERS = {
    "landmark_position": _where,
    "counterfactual": _counterfactual,
    "progress_evaluation": _progress,
    "action_generation": _action,
    "relative_distance": _nearest,
    "relative_direction": _quadrant,
    "route_planning": _route,
    "appearance_order": _order,
}
