"""The teacher of free questions: look-ups in the notes, line by line, and the answer.

Each line starts like the transcript line that it refers to, or follows from the previous line, so
that no step needs more than one hop; current places are computed as in `training.traces`. If the
notes don't lead to the right answer, there is no lesson.

Out of scope: the answer's words (`wording`), rows (`teaching`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from embodied_agent.records import DIRECTIONS
from embodied_agent.transcript.text import action_text, entry_text, mention_text
from sim_clips.journey import direction_class, sector_gap
from sim_clips.questions.free.claims import agrees
from sim_clips.questions.free.families import READERS, Reading
from sim_clips.questions.free.families.motion import TURNS
from sim_clips.questions.free.families.places import SIDES, within
from sim_clips.questions.free.standpoint import Standpoint
from sim_clips.questions.free.truth import FreeQuestion
from training.free_questions.wording import answer_of, known_subjects, missing
from training.reckoning import REACHES, Place, moved, placed
from training.traces import LONGEST_CHAIN

#: Reasoning and answer; ``None`` if the notes don't lead to the right answer.
Lesson = tuple[str, str] | None


def lesson(question: FreeQuestion, standpoint: Standpoint) -> Lesson:
    """The reasoning and answer that a reasoner should give."""
    reading = READERS[question.form](standpoint, question.about)
    if reading is None or reading.claim.status != question.truth.status:
        return None
    if reading.claim.status == "answered" and not agrees(reading.claim, question.truth.facts):
        return None
    lines = _lines(question, standpoint, reading)
    if lines is None:
        return None
    return "\n".join(lines), answer_of(question, reading, standpoint)


def _lines(question: FreeQuestion, standpoint: Standpoint, reading: Reading) -> list[str] | None:
    status = reading.claim.status
    if status == "out_of_scope":
        return ["not about what was seen."]
    if status == "not_seen":
        return [f"no entry names {missing(question, standpoint)}."]
    if question.form.startswith("unknowable"):
        return [
            *_latest(question, standpoint, reading),
            "entries hold names, places and moves only.",
        ]
    writer = _WRITERS.get(question.form, _latest)
    return writer(question, standpoint, reading)


def _number(standpoint: Standpoint, index: int) -> str:
    return f"#{standpoint.id(index)}"


def _named(standpoint: Standpoint, name: str, index: int) -> str:
    mention = standpoint.mention(name, index)
    return mention_text(mention) if mention else name


def _latest(question: FreeQuestion, standpoint: Standpoint, reading: Reading) -> list[str]:
    """The latest delta with each thing that the question names."""
    return [
        f"{_number(standpoint, at)} {_named(standpoint, name, at)}"
        for name in known_subjects(question, standpoint)
        for at in standpoint.noted_at(name)[-1:]
    ]


def _first(question: FreeQuestion, standpoint: Standpoint, reading: Reading) -> list[str]:
    """The first delta with each thing that the question names, earliest first."""
    firsts = [(standpoint.noted_at(n)[0], n) for n in known_subjects(question, standpoint)]
    return [
        f"first {_number(standpoint, at)} {_named(standpoint, n, at)}" for at, n in sorted(firsts)
    ]


def _counted(question: FreeQuestion, standpoint: Standpoint, reading: Reading) -> list[str]:
    """Each matching thing once, numbered."""
    kind, colour = question.about["kind"], question.about["colour"]
    lines: list[str] = []
    for at, name in _new_names(standpoint):
        if kind in ("", name.partition(" ")[2]) and colour in ("", name.partition(" ")[0]):
            lines.append(f"{_number(standpoint, at)} {name} {len(lines) + 1}")
    return lines


def _new_names(standpoint: Standpoint) -> Iterable[tuple[int, str]]:
    seen_names: set[str] = set()
    for index, delta in enumerate(standpoint.notes):
        for mention in delta.mentions:
            if mention.name not in seen_names:
                seen_names.add(mention.name)
                yield index, mention.name


def _inventory(question: FreeQuestion, standpoint: Standpoint, reading: Reading) -> list[str]:
    """The new names in each delta."""
    by_entry: dict[int, list[str]] = {}
    for at, name in _new_names(standpoint):
        by_entry.setdefault(at, []).append(name)
    return [f"{_number(standpoint, at)} {', '.join(names)}" for at, names in by_entry.items()]


def _entry(question: FreeQuestion, standpoint: Standpoint, reading: Reading) -> list[str] | None:
    """The transcript line itself; for a keyframe that does not exist, the last one."""
    if reading.claim.status == "cannot_tell":
        return [f"the last entry is {_number(standpoint, standpoint.now)}."]
    return [entry_text(standpoint.deltas[reading.evidence[0]]).strip()]


def _together(question: FreeQuestion, standpoint: Standpoint, reading: Reading) -> list[str]:
    """The other things that occur together with the thing."""
    (name, *_) = known_subjects(question, standpoint)
    lines: dict[str, str] = {}
    for at in reading.evidence:
        for other in sorted(standpoint.noted(at) - {name}):
            lines.setdefault(other, f"{_number(standpoint, at)} {name}, {other}")
    return list(lines.values()) or [f"{_number(standpoint, reading.evidence[-1])} {name} alone"]


def _both(question: FreeQuestion, standpoint: Standpoint, reading: Reading) -> list[str]:
    """A delta that names both things, or else the latest one with each."""
    if not reading.claim.yes:
        return [*_latest(question, standpoint, reading), "no entry names both."]
    at = reading.evidence[-1]
    return [f"{_number(standpoint, at)} {', '.join(known_subjects(question, standpoint))}"]


def _next_new(question: FreeQuestion, standpoint: Standpoint, reading: Reading) -> list[str]:
    """The first delta with the thing, and the next one with new names."""
    name = known_subjects(question, standpoint)[0]
    if reading.claim.status == "cannot_tell":
        return [*_first(question, standpoint, reading), "no later entry has a new name."]
    first, after = reading.evidence
    fresh = ", ".join(next(iter(thing)) for thing in reading.claim.names)
    return [
        f"first {_number(standpoint, first)} {name}",
        f"new {_number(standpoint, after)} {fresh}",
    ]


def _turns(question: FreeQuestion, standpoint: Standpoint, reading: Reading) -> list[str]:
    """Each turn, numbered; consecutive deltas count as one turn."""
    side = question.about["side"]
    turn_actions = [TURNS[side]] if side else list(TURNS.values())
    lines: list[str] = []
    before = None
    for index, delta in enumerate(standpoint.notes):
        if delta.action in turn_actions and delta.action is not before:
            lines.append(f"{_number(standpoint, index)} {delta.action} {len(lines) + 1}")
        before = delta.action if delta.action is not None else before
    return lines or [f"no entry says rotate{f' {side}' if side else ''}."]


def _action(question: FreeQuestion, standpoint: Standpoint, reading: Reading) -> list[str] | None:
    if reading.claim.status == "cannot_tell":
        return None
    at = reading.evidence[-1]
    lines = [f"{_number(standpoint, at)} {action_text(standpoint.deltas[at])}"]
    return [*_first(question, standpoint, reading), *lines]


def _chain(standpoint: Standpoint, name: str) -> tuple[list[str], Place] | None:
    """A thing's last mention, then its place after each later action."""
    last_index = standpoint.noted_at(name)[-1]
    if standpoint.now - last_index > LONGEST_CHAIN:
        return None
    mention = standpoint.mention(name, last_index)
    assert mention is not None
    place = placed(mention)
    lines = [
        f"the {name} {_number(standpoint, last_index)} {mention_text(mention)[len(name) + 1 :]} = "
        f"{place.text}"
    ]
    for delta in standpoint.notes[last_index + 1 :]:
        place = moved(place, delta)
        lines.append(f"#{delta.keyframe_id} {action_text(delta)} = {place.text}")
    return lines, place


def _where(question: FreeQuestion, standpoint: Standpoint, reading: Reading) -> list[str] | None:
    """The chain to the thing's current place, ending in the answer's direction."""
    chain = _chain(standpoint, known_subjects(question, standpoint)[0])
    if chain is None:
        return None
    lines, place = chain
    if reading.claim.status == "cannot_tell":
        return [*lines, "too many moves since: open."]
    claimed = next(iter(reading.claim.directions[0]))
    near = min(sector_gap(place.bearing_deg, d) for d in DIRECTIONS if d == claimed)
    return [*lines, f"{claimed}."] if near <= _SLACK_DEG else None


#: How far, in degrees, a chain may end from the answer's sector: both are approximate.
_SLACK_DEG = 10.0


def _far(question: FreeQuestion, standpoint: Standpoint, reading: Reading) -> list[str] | None:
    chain = _chain(standpoint, known_subjects(question, standpoint)[0])
    if chain is None:
        return None
    lines, place = chain
    if reading.claim.status == "cannot_tell":
        return [*lines, "too many moves since: open."]
    (claimed,) = reading.claim.distances
    nearest = min(REACHES, key=lambda word: abs(REACHES[word] - place.reach))
    return [*lines, f"{claimed}."] if nearest == claimed else None


def _nearer(question: FreeQuestion, standpoint: Standpoint, reading: Reading) -> list[str] | None:
    chains = [_chain(standpoint, name) for name in known_subjects(question, standpoint)]
    complete = [chain for chain in chains if chain is not None]
    if len(complete) < 2 or len(complete) < len(chains):
        return None
    lines = [line for chain, _ in complete for line in chain]
    reaches = dict(
        zip(known_subjects(question, standpoint), (p.reach for _, p in complete), strict=True)
    )
    if reading.claim.status == "cannot_tell":
        return [*lines, "about as far: open."]
    near = next(iter(reading.claim.names[0]))
    if min(reaches, key=lambda n: reaches[n]) != near or len(set(reaches.values())) < 2:
        return None
    return [*lines, f"nearest {near}."]


def _around(question: FreeQuestion, standpoint: Standpoint, reading: Reading) -> list[str] | None:
    """One line per thing with its current direction; those on the given side are the answer."""
    claimed = {next(iter(thing)) for thing in reading.claim.names}
    lines: list[str] = []
    for _, name in _new_names(standpoint):
        chain = _chain(standpoint, name)
        if chain is None:
            continue
        place = chain[1]
        if name in claimed and not within(place.bearing_deg, question.about["side"]):
            return None
        if name in claimed or abs(_gap(place.bearing_deg, question.about["side"])) > _SLACK_DEG:
            lines.append(f"the {name} {direction_class(place.bearing_deg)}")
    if not claimed:
        return [*lines, "nothing there: open."]
    return lines if len(lines) >= len(claimed) else None


def _gap(bearing_deg: float, side: str) -> float:
    """Degrees from a bearing to the nearer limit of a side's sector."""
    return min(abs((bearing_deg - limit + 180.0) % 360.0 - 180.0) for limit in SIDES[side])


def _start(question: FreeQuestion, standpoint: Standpoint, reading: Reading) -> list[str] | None:
    """The chain to the current place of the start, which begins under the camera."""
    if standpoint.now > LONGEST_CHAIN:
        return None
    place = Place(180, 0)
    lines = [f"start {_number(standpoint, 0)} = {place.text}"]
    for delta in standpoint.notes[1:]:
        place = moved(place, delta)
        lines.append(f"#{delta.keyframe_id} {action_text(delta)} = {place.text}")
    if reading.claim.status == "cannot_tell":
        return [*lines, "too many moves since: open."]
    claimed = next(iter(reading.claim.directions[0]))
    return [*lines, f"{claimed}."] if sector_gap(place.bearing_deg, claimed) <= _SLACK_DEG else None


_WRITERS: dict[str, Callable[[FreeQuestion, Standpoint, Reading], list[str] | None]] = {
    "count": _counted,
    "count_colour": _counted,
    "count_all": _counted,
    "inventory": _inventory,
    "name_some": _inventory,
    "first_when": _first,
    "first_where": _first,
    "order_first": _first,
    "order_yes": _first,
    "order_list": _first,
    "in_view": _entry,
    "at_start": _entry,
    "at_keyframe": _entry,
    "together": _together,
    "ever_together": _both,
    "see_next": _next_new,
    "turns_side": _turns,
    "turns_all": _turns,
    "ever_turned": _turns,
    "did_before": _action,
    "did_after": _action,
    "last_action": _action,
    "action_at": _action,
    "which_way": _where,
    "way_back": _where,
    "way_start": _start,
    "how_far": _far,
    "nearer": _nearer,
    "around": _around,
}
