"""What a free question asks, and what makes an answer to it right.

`Facts` come from geometry and visibility. `Truth.status` is the status that an honest agent with
the notes should answer with; `Truth.derivable` says whether the notes settle the question. If they
do not, the facts are kept anyway, so that a lucky guess can be told from a wrong one.

Out of scope: making questions (`families`), reading an answer's text (`training.free_questions`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Literal

from embodied_agent.records import Action, Direction, Distance

Status = Literal["answered", "not_seen", "cannot_tell", "out_of_scope"]
#: What an answer may be asked to give.
Aspect = Literal[
    "yes", "names", "directions", "distances", "number", "colours", "actions", "keyframes", "order"
]


@dataclass(frozen=True, slots=True)
class Facts:
    """What makes an answer right.

    An answer has to give one of the ``asked`` aspects, and whatever else it says must not
    contradict an aspect that is known here (one that is not empty).

    Attributes:
        asked: aspects of which one has to be given.
        yes: whether "yes" is right.
        names: names that are right; ``enough`` of them have to be given.
        also: names that may be given too, because the question names them or the view is in doubt.
        nothing: that there is nothing to name is right.
        directions: the directions that are right, neighbours included where the azimuth lies near
            a sector's limit; as of ``keyframes`` where the question is about then, else as of now.
        directions_now: those that are right as of now, where the question is about then.
        distances: right distance words.
        number: least and greatest number that is right.
        colours: right colours; all of them have to be given.
        actions: right actions; any of them.
        degrees: least and greatest angle that is right.
        keyframes: ids of keyframes that are right.
        order: names in their order.
    """

    asked: tuple[Aspect, ...] = ()
    yes: bool | None = None
    names: frozenset[str] = frozenset()
    enough: int = 0
    also: frozenset[str] = frozenset()
    nothing: bool = False
    directions: frozenset[Direction] = frozenset()
    directions_now: frozenset[Direction] = frozenset()
    distances: frozenset[Distance] = frozenset()
    number: tuple[int, int] | None = None
    colours: frozenset[str] = frozenset()
    actions: frozenset[Action] = frozenset()
    degrees: tuple[float, float] | None = None
    keyframes: frozenset[int] = frozenset()
    order: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Truth:
    """The truth of a question, and what the notes make of it.

    Attributes:
        family: one of `families.FAMILIES`.
        status: what an honest agent that holds the notes answers with.
        facts: what is so, whether or not the notes tell.
        accepted: other statuses that are as good.
        derivable: whether the notes settle the question.
        settled: whether a perfect perceiver's notes do.
        evidence: ids of the keyframes whose notes decide.
        memory: the names that the notes hold.
        subjects: the names (or, of absent things, kinds) that the question is about.
        first_id: id of the first keyframe,
        last_id: of the present one.
    """

    family: str
    status: Status
    facts: Facts = Facts()
    accepted: frozenset[Status] = frozenset()
    derivable: bool = True
    settled: bool = True
    evidence: tuple[int, ...] = ()
    memory: frozenset[str] = frozenset()
    subjects: tuple[str, ...] = ()
    first_id: int = 0
    last_id: int = 0


@dataclass(frozen=True, slots=True)
class FreeQuestion:
    """A question in someone's words, with its truth.

    ``form`` names the list of phrasings that ``phrasing`` is from; ``held_out`` says that no
    training row uses the phrasing. ``now`` is the index of the keyframe at which it is asked,
    counted from the first of the memory. ``about`` holds what a reader of the notes needs to know.
    """

    text: str
    form: str
    phrasing: str
    held_out: bool
    now: int
    stamp_ns: int
    truth: Truth
    about: Mapping[str, Any] = field(default_factory=dict)

    @property
    def family(self) -> str:
        """Of the truth."""
        return self.truth.family


def to_json(question: FreeQuestion) -> dict[str, Any]:
    """JSON-ready values; sets become sorted lists, and what is empty is left out."""
    values = asdict(question)
    truth = _plain(values.pop("truth"), Truth)
    truth["facts"] = _plain(truth.get("facts", {}), Facts)
    return {**values, "truth": truth}


def from_json(values: Mapping[str, Any]) -> FreeQuestion:
    """The inverse of `to_json`.

    Raises:
        KeyError, TypeError, ValueError: the values are something else.
    """
    truth = dict(values["truth"])
    facts = dict(truth.pop("facts"))
    for name in ("names", "also", "directions", "directions_now", "distances", "colours"):
        facts[name] = frozenset(facts.get(name, ()))
    facts["keyframes"] = frozenset(int(n) for n in facts.get("keyframes", ()))
    facts["actions"] = frozenset(Action(a) for a in facts.get("actions", ()))
    for name in ("asked", "order"):
        facts[name] = tuple(facts.get(name, ()))
    for name in ("number", "degrees"):
        facts[name] = tuple(facts[name]) if facts.get(name) is not None else None
    for name in ("accepted", "memory"):
        truth[name] = frozenset(truth.get(name, ()))
    for name in ("evidence", "subjects"):
        truth[name] = tuple(truth.get(name, ()))
    rest = {key: value for key, value in values.items() if key != "truth"}
    return FreeQuestion(truth=Truth(facts=Facts(**facts), **truth), **rest)


def _plain(values: Mapping[str, Any], kind: type) -> dict[str, Any]:
    kept: dict[str, Any] = {}
    defaults = {f.name: f.default for f in fields(kind)}
    for key, value in values.items():
        if value == defaults[key]:
            continue
        kept[key] = (
            sorted(v.value if isinstance(v, Action) else v for v in value)
            if isinstance(value, frozenset)
            else value
        )
    return kept
