"""Recall by name: which entries of the memory speak of the things a question names.

The result is a line that goes after the transcript, ``#1 red sofa front-left near; #7 red sofa left
mid, blue lamp front far``: only the named objects, entry by entry, within each in the order in
which the question names them. It saves the reasoner a search backwards through the transcript and
brings back what compaction dropped.

Out of scope: full-text, time and place search for people and tools (`embodied_agent.memory.store`).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from embodied_agent.records import Delta, Question
from embodied_agent.transcript.text import mention_text

#: Mentions kept per object: its first one, and this many of its latest.
LATEST = 2


def named_objects(text: str, known: Iterable[str]) -> list[str]:
    """The names among ``known`` that ``text`` contains as whole words, longest match first.

    A name inside a longer matched name does not count: "red sofa bed" is not "red sofa".
    """
    taken: list[tuple[int, int]] = []
    found: list[tuple[int, str]] = []
    for name in sorted(set(known), key=lambda n: (-len(n), n)):
        for match in re.finditer(rf"(?<!\w){re.escape(name)}(?!\w)", text, re.IGNORECASE):
            start, end = match.span()
            if any(start < b and a < end for a, b in taken):
                continue
            taken.append((start, end))
            found.append((start, name))
    return list(dict.fromkeys(name for _, name in sorted(found)))


def recall(
    deltas: Sequence[Delta], question: Question, *, start: int = 0
) -> tuple[str, tuple[int, ...]]:
    """The entries about the objects that ``question`` or its choices name.

    Per object its first mention and its latest ones, and the latest entry that names most of them
    together. Entries before the delta of index ``start`` are marked as those before a restart,
    since directions do not carry over it.

    Returns the line (empty where nothing known is named) and the keyframe ids in it.
    """
    names = named_objects(asked_text(question), (m.name for d in deltas for m in d.mentions))
    where: dict[str, list[int]] = {name: [] for name in names}
    for position, delta in enumerate(deltas):
        for name in {m.name for m in delta.mentions} & where.keys():
            where[name].append(position)
    return recall_named(deltas, where, start=start)


def asked_text(question: Question) -> str:
    """The text of a question in which names are looked for."""
    return "\n".join((question.text, *question.choices))


def recall_named(
    deltas: Sequence[Delta], where: Mapping[str, Sequence[int]], *, start: int = 0
) -> tuple[str, tuple[int, ...]]:
    """`recall` of these names, in this order, each with the indexes of all deltas that mention it;
    only the deltas that are recalled are looked at."""
    if not where:
        return "", ()
    names = list(where)
    counts = Counter(position for positions in where.values() for position in positions)
    together = {position: count for position, count in counts.items() if count > 1}
    keep: dict[int, set[str]] = {}
    for name, positions in where.items():
        for position in {positions[0], *positions[-LATEST:]}:
            keep.setdefault(position, set()).add(name)
    if together:
        best = max(together, key=lambda p: (together[p], p))
        keep[best] = set(names)
    parts = []
    for position in sorted(keep):
        mentions = [m for m in deltas[position].mentions if m.name in keep[position]]
        mentions.sort(key=lambda m: names.index(m.name))
        said = ", ".join(map(mention_text, mentions))
        before = " (before the restart)" if position < start else ""
        parts.append(f"#{deltas[position].keyframe_id}{before} {said}")
    return "; ".join(parts), tuple(deltas[p].keyframe_id for p in sorted(keep))
