"""Answers to questions about noted facts, from the memory, without a model.

The value as of now is the last that was noted; as of another moment, that with the latest stamp up
to it. An answer says when the value was noted, and rests on the keyframe of that time.

Out of scope: understanding the question (`embodied_agent.rules.fact_questions`), noting
(`fact_notes`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from itertools import pairwise

from embodied_agent.agent.fact_notes import FactNotes
from embodied_agent.memory.store import Store
from embodied_agent.records import Fact
from embodied_agent.rules.absence import missing
from embodied_agent.rules.fact_questions import (
    FactAsked,
    named,
    read_fact_question,
    same_value,
)
from embodied_agent.rules.lexicon import lexicon
from embodied_agent.rules.matching import match
from embodied_agent.rules.notes import Notes
from embodied_agent.rules.spans import cut
from embodied_agent.rules.speech import Saying, join_names, the
from embodied_agent.rules.times import length
from embodied_agent.settings.facts import fact_key

_EPOCH_NS = 10**18
#: Times that differ by less, in nanoseconds, are told as the same time.
_JUST_NS = 50_000_000
#: Most values of a fact that are searched for changes, and most changes that are told.
_MOST_READ, _MOST_TOLD = 10_000, 5
#: Most facts in one answer.
_MOST_FACTS = 8


@dataclass(frozen=True, slots=True)
class FactSaying:
    """An answer, and the facts that it tells."""

    saying: Saying
    facts: tuple[Fact, ...] = ()


@dataclass(frozen=True, slots=True)
class _Moment:
    """A time that a question is about: ``words`` as said before the answer, and what was seen
    there."""

    at_ns: int
    words: str
    index: int


class FactAnswers:
    """Answers questions about the facts of one memory. Safe to call from several threads. Every
    method raises `StoreError` if the memory can't be read.

    Args:
        store: the memory.
        notes: the facts that are on their way into it.
    """

    def __init__(self, store: Store, notes: FactNotes) -> None:
        self._store = store
        self._notes = notes
        self._configured = {fact_key(topic.name): topic.name for topic in notes.topics}

    def asked(self, text: str) -> FactAsked | None:
        """The question, read as one about facts; ``None`` if it is about something else."""
        self._notes.flush()
        names = {*self._configured, *map(fact_key, self._store.facts.names())}
        question = read_fact_question(text, names)
        if question is None or not question.value or question.changed:
            return question
        # "Is the battery lower than in the kitchen?" asks more than whether it has a value.
        simple = " " not in question.value and question.value not in lexicon().colours
        return question if simple or self._was(question.keys[0], question.value) else None

    def _was(self, key: str, value: str) -> bool:
        """Whether a fact ever had a value."""
        stored = self._store.facts.history(key, limit=_MOST_READ)
        return any(same_value(value, fact.value) for fact in stored)

    def mentioned(self, text: str, source: str, at_ns: int | None) -> str:
        """The values of the facts that a question names, for the reasoner; empty if it names
        none."""
        latest = self._store.facts.latest(source=source, at_ns=at_ns)
        keys = named(text, [fact_key(fact.name) for fact in latest])
        return "; ".join(
            f"{fact.name}: {fact.value}" for fact in latest if fact_key(fact.name) in keys
        )

    def answer(
        self, asked: FactAsked, notes: Notes | None, source: str, at_ns: int | None = None
    ) -> FactSaying:
        """The answer to a question about facts.

        Args:
            asked: the question.
            notes: what was seen up to the question's moment; ``None`` if nothing was perceived.
            source: the recording that the question is about; empty: live.
            at_ns: answer as of this stamp; ``None``: as of now.
        """
        if asked.unnoted:
            return FactSaying(_nothing(asked.unnoted))
        if asked.changed:
            return self._changes(asked, notes, source, at_ns)
        moment: _Moment | None = None
        if asked.when != "now":
            result = self._moment(asked, notes)
            if isinstance(result, Saying):
                return FactSaying(result)
            moment = result
        until_ns = moment.at_ns if moment is not None else at_ns
        facts = [
            fact
            for fact in self._store.facts.latest(source=source, at_ns=until_ns)
            if fact_key(fact.name) in asked.keys
        ][:_MOST_FACTS]
        if not facts:
            return FactSaying(self._none(asked, source, moment))
        texts = [self._told(asked, fact, notes, moment) for fact in facts]
        indexes = {_index_at(fact.stamp_ns, notes) for fact in facts}
        if moment is not None:
            indexes.add(moment.index)
        evidence = tuple(sorted(index for index in indexes if index >= 0))
        return FactSaying(Saying(" ".join(texts), evidence), tuple(facts))

    def _told(
        self, asked: FactAsked, fact: Fact, notes: Notes | None, moment: _Moment | None
    ) -> str:
        noted = f"noted {_when(fact, notes, moment)}"
        verb = "was" if moment is not None else "is"
        name = f"the {fact.name}"
        same = same_value(asked.value, fact.value)
        if asked.value and (same or _is_word(fact.value) or not _is_word(asked.value)):
            text = f"{'Yes' if same else 'No'}, {name} {verb} {fact.value}"
        else:
            text = f"{name} {verb} {fact.value}"
        text = f"{moment.words}, {text}" if moment is not None else text
        return f"{text[:1].upper()}{text[1:]}, {noted}."

    def _none(self, asked: FactAsked, source: str, moment: _Moment | None) -> Saying:
        names = [self._configured.get(key, key) for key in asked.keys]
        noted = {fact_key(one.name): one.name for one in self._store.facts.latest(source=source)}
        if moment is not None and any(key in noted for key in asked.keys):
            known = join_names(f"the {noted[key]}" for key in asked.keys if key in noted)
            text = f"I can't tell: nothing was noted about {known} up to then, {moment.words}."
            return Saying(text, (moment.index,) if moment.index >= 0 else (), "cannot_tell")
        return _nothing(join_names(names))

    def _moment(self, asked: FactAsked, notes: Notes | None) -> _Moment | Saying:
        """The moment that a question names, or why there is none."""
        if notes is None or notes.last < 0:
            return Saying("I can't tell: nothing was perceived yet.", (), "cannot_tell")
        if asked.when in ("seen", "first_seen"):
            assert asked.thing is not None
            result = match(asked.thing, notes)
            gap = missing(result, notes)
            if gap is not None or not result.things:
                return gap or Saying("I can't tell: I did not see that.", (), "cannot_tell")
            first = asked.when == "first_seen"
            things = result.things
            chosen = (
                min(things, key=lambda one: one.first_index)
                if first
                else max(things, key=lambda one: one.last_index)
            )
            index = chosen.first_index if first else chosen.last_index
            order = "first" if first else "last"
            words = f"when I {order} saw {the(chosen)} ({notes.cite(index)})"
        elif asked.when == "keyframe":
            assert asked.keyframe is not None
            known = notes.index(asked.keyframe)
            if known is None:
                text = f"I can't tell: I remember no keyframe #{asked.keyframe}."
                return Saying(text, (), "cannot_tell")
            index, words = known, f"at #{asked.keyframe}"
        elif asked.when == "start":
            index, words = notes.start, f"at the start ({notes.cite(notes.start)})"
        else:
            return self._at_time(asked, notes)
        stamp_ns = notes.stamp_ns(index)
        if stamp_ns is None:
            return Saying("I can't tell: these notes have no times.", (index,), "cannot_tell")
        return _Moment(stamp_ns, words, index)

    @staticmethod
    def _at_time(asked: FactAsked, notes: Notes) -> _Moment | Saying:
        span = asked.span
        assert span is not None
        begin, end = notes.stamp_ns(notes.start), notes.stamp_ns(notes.last)
        bounds = cut(span, notes)
        if begin is None or end is None or bounds is None:
            text = f"I can't tell: my notes have no keyframe {span.words}."
            return Saying(text, (), "cannot_tell")
        offset_ns = round(span.end * 1e9)
        at_ns = end if span.kind in ("since", "last") else begin + offset_ns
        if span.kind == "ago":
            at_ns = end - offset_ns
        return _Moment(at_ns, f"{span.words} ({notes.cite(bounds[1])})", bounds[1])

    def _changes(
        self, asked: FactAsked, notes: Notes | None, source: str, at_ns: int | None
    ) -> FactSaying:
        """When a fact last changed."""
        key = asked.keys[0]
        stored = self._store.facts.history(key, source=source, to_ns=at_ns, limit=_MOST_READ)[::-1]
        if not stored:
            return FactSaying(_nothing(self._configured.get(key, key)))
        changes = [fact for before, fact in pairwise(stored) if fact.value != before.value]
        if asked.value:
            changes = [
                fact for fact in [stored[0], *changes] if same_value(asked.value, fact.value)
            ]
        name = f"the {stored[-1].name}"
        if not changes:
            outcome = f"was never noted to be {asked.value}" if asked.value else "has not changed"
            text = f"{name} {outcome}; it is {stored[-1].value}, {_when(stored[-1], notes, None)}."
            saying = Saying(f"{text[:1].upper()}{text[1:]}", _evidence([stored[-1]], notes))
            return FactSaying(saying, (stored[-1],))
        latest = changes[-_MOST_TOLD:]
        values = join_names(f"{fact.value} {_when(fact, notes, None)}" for fact in latest)
        earlier = len(changes) - len(latest)
        more = f" (and {earlier} times before)" if earlier else ""
        text = f"{name} was noted to be {values}{more}."
        saying = Saying(f"{text[:1].upper()}{text[1:]}", _evidence(latest, notes))
        return FactSaying(saying, tuple(latest))


def _nothing(name: str) -> Saying:
    return Saying(f"I can't tell: nothing was noted about the {name}.", (), "cannot_tell")


def _evidence(facts: Sequence[Fact], notes: Notes | None) -> tuple[int, ...]:
    indexes = {_index_at(fact.stamp_ns, notes) for fact in facts}
    return tuple(sorted(index for index in indexes if index >= 0))


def _index_at(stamp_ns: int, notes: Notes | None) -> int:
    """The index of the present segment's last delta up to a stamp; that of its first one if all are
    later; -1 if it has none."""
    if notes is None or notes.last < notes.start:
        return -1
    low, high = notes.start, notes.last
    if stamp_ns < (notes.stamp_ns(low) or 0):
        return low
    while low < high:
        middle = (low + high + 1) // 2
        if (notes.stamp_ns(middle) or 0) <= stamp_ns:
            low = middle
        else:
            high = middle - 1
    return low


def _when(fact: Fact, notes: Notes | None, moment: _Moment | None) -> str:
    """When a fact was noted, in words: how long before the moment or now, how long after the start,
    and by the clock."""
    parts = []
    index = _index_at(fact.stamp_ns, notes)
    if moment is not None:
        before_ns = max(0, moment.at_ns - fact.stamp_ns)
        parts.append(f"{length(before_ns)} before" if before_ns >= _JUST_NS else "just then")
    if notes is not None and index >= 0:
        begin, end = notes.stamp_ns(notes.start), notes.stamp_ns(notes.last)
        if moment is None and end is not None and fact.stamp_ns <= end:
            ago_ns = end - fact.stamp_ns
            parts.append(f"{length(ago_ns)} ago" if ago_ns >= _JUST_NS else "just now")
        if begin is not None and end is not None and begin <= fact.stamp_ns <= end:
            parts.append(f"{length(fact.stamp_ns - begin)} after the start")
        parts.append(f"around {notes.cite(index)}")
    if fact.stamp_ns >= _EPOCH_NS:
        clock = datetime.fromtimestamp(fact.stamp_ns / 1e9, tz=timezone.utc)
        parts.append(f"at {clock:%H:%M:%S} UTC on {clock:%Y-%m-%d}")
    return ", ".join(parts) or f"at stamp {fact.stamp_ns} ns"


def _is_word(value: str) -> bool:
    """Whether a value has no digits: nobody can say whether 37 % is "low"."""
    return not any(character.isdigit() for character in value)


def with_choice(said: FactSaying, choices: Sequence[str]) -> int | None:
    """The index of the choice that is the value of the one fact; ``None`` if none is, or several
    are."""
    if len(said.facts) != 1:
        return None
    fitting = [at for at, choice in enumerate(choices) if same_value(choice, said.facts[0].value)]
    return fitting[0] if len(fitting) == 1 else None


def without_value(said: FactSaying) -> FactSaying:
    """``said``, for a question none of whose choices is the value."""
    text = f"None of the choices is what was noted. {said.saying.text}"
    return replace(said, saying=Saying(text, said.saying.evidence, "cannot_tell"))
