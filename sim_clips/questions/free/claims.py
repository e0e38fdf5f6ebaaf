"""What somebody claims, and whether it agrees with the facts.

A claim comes from an answer's text or from reading the notes; both are held against the facts by
the same function, so that "the notes settle it" and "the answer is right" mean the same.

Out of scope: reading a text (`training.free_questions.reading`) or the notes (`notes`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from embodied_agent.records import Action, Direction, Distance
from sim_clips.questions.free.truth import Aspect, Facts, Status


@dataclass(frozen=True, slots=True)
class Claim:
    """What is claimed. ``status`` "answered" means that something is; the others claim nothing.

    ``names`` holds, for each thing that is named, the names it may mean ("the sofa" may mean two of
    them); ``directions`` likewise, since "turn left" may mean three. ``order`` are names in the
    order that is claimed. ``nothing`` says that there is nothing to name.
    """

    status: Status = "answered"
    yes: bool | None = None
    names: tuple[frozenset[str], ...] = ()
    nothing: bool = False
    directions: tuple[frozenset[Direction], ...] = ()
    directions_now: tuple[frozenset[Direction], ...] = ()
    distances: frozenset[Distance] = frozenset()
    numbers: frozenset[int] = frozenset()
    colours: frozenset[str] = frozenset()
    actions: frozenset[Action] = frozenset()
    degrees: frozenset[float] = frozenset()
    keyframes: frozenset[int] = frozenset()
    order: tuple[frozenset[str], ...] = ()

    def gives(self, aspect: Aspect) -> bool:
        """Whether anything of this aspect is claimed."""
        match aspect:
            case "yes":
                return self.yes is not None
            case "names":
                return bool(self.names) or self.nothing
            case "directions":
                return bool(self.directions or self.directions_now)
            case "number":
                return bool(self.numbers)
            case _:
                return bool(getattr(self, aspect))


def agrees(claim: Claim, facts: Facts) -> bool:
    """Whether a claim is right: it gives what is asked, and contradicts nothing that is known."""
    if not any(claim.gives(aspect) for aspect in facts.asked):
        return False
    return (
        (claim.yes is None or facts.yes is None or claim.yes == facts.yes)
        and _names_agree(claim, facts)
        and _within(claim.directions, facts.directions)
        and _within(claim.directions_now, facts.directions_now or facts.directions)
        and _subset(claim.distances, facts.distances)
        and _subset(claim.actions, facts.actions)
        and _subset(claim.keyframes, facts.keyframes)
        and (not facts.colours or not claim.colours or claim.colours == facts.colours)
        and _in_range(claim.numbers, facts.number)
        and _in_range(claim.degrees, facts.degrees)
        and _in_order(claim.order, facts.order)
    )


def _names_agree(claim: Claim, facts: Facts) -> bool:
    if claim.nothing and not facts.nothing:
        return False
    if not (facts.names or facts.nothing):
        return True
    allowed = facts.names | facts.also
    if any(not thing & allowed for thing in claim.names):
        return False
    if "names" not in facts.asked or facts.nothing:
        return True
    return _distinct(claim.names, facts.names) >= facts.enough


def _distinct(things: Sequence[frozenset[str]], names: frozenset[str]) -> int:
    """How many of ``names`` are given, each thing standing for one of the names it may mean."""
    given: set[str] = set()
    for thing in sorted(things, key=len):
        given.update(sorted(thing & names - given)[:1])
    return len(given)


def _within(claimed: Sequence[frozenset[Direction]], right: frozenset[Direction]) -> bool:
    return not right or all(options & right for options in claimed)


def _subset(claimed: frozenset[object], right: frozenset[object]) -> bool:
    return not right or claimed <= right


def _in_range(
    claimed: frozenset[int] | frozenset[float], limits: tuple[float, float] | None
) -> bool:
    return limits is None or all(limits[0] <= number <= limits[1] for number in claimed)


def _in_order(claimed: Sequence[frozenset[str]], right: Sequence[str]) -> bool:
    """Whether the claimed order is complete and right, where an order is known and claimed."""
    if not right or not claimed:
        return True
    return len(claimed) == len(right) and all(
        name in thing for thing, name in zip(claimed, right, strict=True)
    )
