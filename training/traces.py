"""The teacher: step-by-step reasoning for a question with a known answer.

Each line is one look-up or one update, and starts like the transcript line that it refers to, so
that no step needs more than one hop. The reasoning uses the transcript, including its mistakes;
later places are computed from it (`training.reckoning`), and each step follows from the previous
one. If that leads to a wrong answer, there is no reasoning. If the transcript does not settle the
question, the reasoning states what is missing and ends in `NOT_TOLD`.

Out of scope: free questions (`training.free_questions.teacher`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from embodied_agent.records import Delta, Mention
from embodied_agent.rules.derivation import TURNS, runs_of
from embodied_agent.transcript.text import action_text, mention_text
from sim_clips.journey import direction_class, sector_gap
from sim_clips.questions import NOT_TOLD, ClipQuestion, route_to
from sim_clips.questions.common import names_in
from training.reckoning import Place, bearing_text, between, moved, placed, quadrant, turned

#: Longest chain of updates; questions that need a longer one get no reasoning.
LONGEST_CHAIN = 14
#: Largest bearing, in degrees from straight ahead, of an object that is reached without a turn.
AHEAD_DEG = 15
DIRECTIONS_TO_GO = (
    "front", "front-left", "left", "back-left", "back", "back-right", "right", "front-right",
)  # fmt: skip
_ROUTES = {route_to(direction): direction for direction in DIRECTIONS_TO_GO}  # type: ignore[arg-type]


def trace(deltas: Sequence[Delta], now: int, question: ClipQuestion) -> str | None:
    """The reasoning for ``question`` at delta ``now``; ``None`` if the transcript does not lead to
    the true answer (an object was missed, the order is wrong, a distance word is too coarse).

    Args:
        deltas: the transcript's deltas, possibly with mistakes, at least up to ``now``.
        now: index of the last delta when the question was asked.
        question: with its true answer.
    """
    context = _Context(deltas, now)
    options = [choice for choice in question.choices if choice != NOT_TOLD]
    if not question.told:
        missing = _missing(context, question, options)
        return missing and f"{missing}\n{NOT_TOLD}."
    reasoning_and_answer = _WRITERS[question.type](context, question, options)
    if reasoning_and_answer is None:
        return None
    reasoning, answer = reasoning_and_answer
    return reasoning if answer == question.choices[question.answer] else None


#: Reasoning, and the answer to which it leads.
Written = tuple[str, str] | None


class _Context:
    """The transcript up to the question, with look-ups."""

    def __init__(self, deltas: Sequence[Delta], now: int) -> None:
        self.deltas, self.now = deltas[: now + 1], now
        self.runs = runs_of(self.deltas)

    def mention(self, index: int, name: str) -> Mention | None:
        """The mention of an object in the delta ``index``."""
        return next((m for m in self.deltas[index].mentions if m.name == name), None)

    def last(self, name: str, until: int) -> int | None:
        """Index of the latest delta up to ``until`` that names the object."""
        return next((i for i in range(until, -1, -1) if self.mention(i, name)), None)

    def first(self, name: str) -> int | None:
        """Index of the first delta that names the object."""
        return next((i for i in range(self.now + 1) if self.mention(i, name)), None)

    def last_turn(self) -> frozenset[int]:
        """The deltas of the latest turn."""
        return next(
            (frozenset(run) for action, run in reversed(self.runs) if action in TURNS),
            frozenset(),
        )

    def chain(
        self, name: str, *, skipped: frozenset[int] = frozenset()
    ) -> tuple[str, Place] | None:
        """The object's last mention, then its place after each later action except ``skipped``."""
        last_seen = self.last(name, min(skipped) - 1 if skipped else self.now)
        if last_seen is None or self.now - last_seen > LONGEST_CHAIN:
            return None
        mention = self.mention(last_seen, name)
        assert mention is not None
        place = placed(mention)
        parts = [
            f"the {name} #{self.deltas[last_seen].keyframe_id} "
            f"{mention_text(mention)[len(name) + 1 :]} = {place.text}"
        ]
        for index in range(last_seen + 1, self.now + 1):
            delta = self.deltas[index]
            if index in skipped:
                parts.append(f"#{delta.keyframe_id} {action_text(delta)} skipped")
                continue
            place = moved(place, delta)
            parts.append(f"#{delta.keyframe_id} {action_text(delta)} = {place.text}")
        return "\n".join(parts), place


def _missing(context: _Context, question: ClipQuestion, options: Sequence[str]) -> str | None:
    """What the transcript lacks for an answer; ``None`` if that can't be shown in a few steps."""
    about, reason = question.about, question.about["open"]
    if reason == "not noted":
        unseen = [name for name in names_in(about) if context.first(name) is None]
        return f"the {unseen[0]} not seen." if unseen else None
    if reason == "nothing done":
        if "skipped" in about:
            return "no turn." if not context.last_turn() else None
        return (
            f"{_steps_back(context, about.get('back', 1))}#{context.deltas[0].keyframe_id} start."
        )
    if reason == "another plan":
        return _unlike_plan(context, about["plan"])
    if reason == "no start":
        return f"#{context.deltas[0].keyframe_id} not start."
    partial = _WRITERS[question.type](context, question, options)
    if reason != "unclear" or partial is None:
        return None
    lines = partial[0].split("\n")
    return "\n".join([*lines[:-1], "not one."]) if len(lines) > 1 else None


def _steps_back(context: _Context, count: int) -> str:
    """The deltas of up to ``count`` steps, backwards, one per line."""
    entries = [i for _, run in context.runs[-count:] for i in run]
    return "".join(
        f"#{context.deltas[i].keyframe_id} {context.deltas[i].action or 'moved'}\n"
        for i in reversed(entries)
    )


def _unlike_plan(context: _Context, plan: Sequence[str]) -> str | None:
    """The steps up to the first that differs from the plan."""
    parts: list[str] = []
    for step, (action, run) in enumerate(context.runs[: len(plan)], 1):
        for index in run:
            number = context.deltas[index].keyframe_id
            if action != plan[step - 1]:
                return "\n".join([*parts, f"#{number} {action} {step} not {plan[step - 1]}."])
            parts.append(f"#{number} {action} {step}")
    return None


def _towards(place: Place, choices: Sequence[str]) -> str:
    """The direction among ``choices`` nearest to the place's bearing."""
    return min(choices, key=lambda c: sector_gap(place.bearing_deg, c))  # type: ignore[arg-type]


def _where(context: _Context, question: ClipQuestion, options: Sequence[str]) -> Written:
    chain = context.chain(question.about["name"])
    if chain is None:
        return None
    answer = _towards(chain[1], options)
    return f"{chain[0]}\n{answer}.", answer


def _counterfactual(context: _Context, question: ClipQuestion, options: Sequence[str]) -> Written:
    about: Mapping[str, object] = question.about
    name = str(about["name"])
    if "skipped" in about:
        turn = context.last_turn()
        chain = context.chain(name, skipped=turn) if turn else None
        if chain is None:
            return None
        text, place = chain
    else:
        chain = context.chain(name)
        if chain is None:
            return None
        angle = int(str(about["angle"]))
        place = turned(chain[1], angle if about["left"] else -angle)
        text = f"{chain[0]}\nrotate {'left' if about['left'] else 'right'} {angle} = {place.text}"
    answer = _towards(place, options)
    return f"{text}\n{answer}.", answer


def _progress(context: _Context, _: ClipQuestion, options: Sequence[str]) -> Written:
    parts = [
        f"#{context.deltas[index].keyframe_id} {action or 'moved'} {step}"
        for step, (action, run) in enumerate(context.runs, 1)
        for index in run
    ]
    return ("\n".join(parts) + ".", f"step {len(context.runs)}") if parts else None


def _action(context: _Context, question: ClipQuestion, options: Sequence[str]) -> Written:
    truth = question.choices[question.answer]
    if "undo" in question.about:
        delta = context.deltas[context.now]
        return (f"#{delta.keyframe_id} {delta.action}.", truth) if delta.action else None
    chain = context.chain(question.about["name"])
    if chain is None:
        return None
    text, (angle, _) = chain
    side = "rotate left" if angle > 0 else "rotate right"
    answer = "move forward" if abs(angle) <= AHEAD_DEG else side
    return f"{text}\n{direction_class(angle)}.", answer


def _nearest(context: _Context, question: ClipQuestion, options: Sequence[str]) -> Written:
    chains = {name: context.chain(name) for name in options}
    complete = {name: chain for name, chain in chains.items() if chain is not None}
    if len(complete) < len(chains):
        return None
    nearest = min(complete, key=lambda n: complete[n][1].reach)
    text = "\n".join(text for text, _ in complete.values())
    return f"{text}\nnearest {nearest}.", nearest


def _quadrant(context: _Context, question: ClipQuestion, options: Sequence[str]) -> Written:
    names = [question.about[key] for key in ("at", "facing", "asked")]
    for index in range(context.now, -1, -1):
        together = {m.name: m for m in context.deltas[index].mentions if m.name in names}
        if len(together) == len(names):
            return triangle(
                f"at #{context.deltas[index].keyframe_id}", [together[name] for name in names]
            )
    return None


def triangle(start: str, mentions: Sequence[Mention]) -> Written:
    """Reasoning about the direction of the third object for an observer at the first who faces the
    second; ``None`` if another object is at the same place as the first.

    The first line recalls the transcript line, in the order of the question; the others repeat the
    parts they need, so that each bearing is a look-up of the two places before it.
    """
    at, *others = mentions
    if any(placed(other) == placed(at) for other in others):
        return None
    facing, asked = (between(placed(at), placed(other)) for other in others)
    steps = [
        f"{mention_text(at)}, {mention_text(other)} = {bearing_text(angle)}"
        for other, angle in zip(others, (facing, asked), strict=True)
    ]
    header = f"{start} {', '.join(map(mention_text, mentions))}"
    last = f"{bearing_text(facing)}, {bearing_text(asked)}"
    answer = quadrant(facing, asked)
    return "\n".join([header, *steps, last, f"{answer}."]), answer


def _route(context: _Context, question: ClipQuestion, options: Sequence[str]) -> Written:
    truth = question.choices[question.answer]
    if "back" not in question.about:
        chain = context.chain(question.about["name"])
        if chain is None:
            return None
        offered = [_ROUTES[choice] for choice in options if choice in _ROUTES]
        direction = _towards(chain[1], offered)
        return f"{chain[0]}\n{direction}.", route_to(direction)  # type: ignore[arg-type]
    return _steps_back(context, question.about["back"]).rstrip("\n") + ".", truth


def _order(context: _Context, question: ClipQuestion, options: Sequence[str]) -> Written:
    first: dict[str, int] = {}
    for name in question.about["names"]:
        index = context.first(name)
        if index is None:
            return None
        first[name] = index
    ranked = sorted(first, key=lambda n: first[n])
    ranking = ", ".join(f"#{context.deltas[first[n]].keyframe_id} {n}" for n in ranked)
    return f"first {ranking}.", ", ".join(ranked)


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
