"""Whether two mentions may be the same object, by what they are called.

"red chair" and "chair" may be, and so may "sofa" and "couch"; "red chair" and "blue chair" are not,
nor are gate 4 and gate 7.

Out of scope: positions (`tracker`), the words themselves (`embodied_agent.rules.lexicon`).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from embodied_agent.rules.phrases import read_phrase

#: Longest name that is kept, in characters.
MAX_NAME = 200
#: What a difference in wording costs, as a squared Mahalanobis distance.
_REWORDED = 1.0


@dataclass(frozen=True, slots=True)
class Name:
    """A name as it is compared.

    ``text`` is the name on one line; ``kind`` the kind of thing; ``colors`` its colours, by their
    main names; ``numbers`` those in it. ``group`` is equal for all names that may mean one object.
    """

    text: str
    kind: str
    colors: frozenset[str]
    numbers: frozenset[str]
    group: str
    key: str

    @property
    def color(self) -> str:
        """The colours in words: "red", "black and white"."""
        return " and ".join(sorted(self.colors))


@lru_cache(maxsize=8192)
def name_of(text: str) -> Name:
    """Read a perceiver's or a person's name for an object."""
    line = " ".join(text.split())[:MAX_NAME]
    phrase = read_phrase(line)
    key = line.casefold()
    kind = phrase.kind or key
    return Name(
        text=line,
        kind=kind,
        colors=phrase.colours,
        numbers=frozenset(word for word in phrase.qualifiers if word.isdigit()),
        group=kind.split(" ")[-1] if phrase.kind else key,
        key=key,
    )


def difference(one: Name, other: Name) -> float | None:
    """What the difference of two names costs; ``None`` where they can't mean one object."""
    if one.key == other.key:
        return 0.0
    if one.group != other.group:
        return None
    if one.colors and other.colors and not one.colors & other.colors:
        return None
    if one.numbers and other.numbers and not one.numbers & other.numbers:
        return None
    if one.kind == other.kind or one.kind.endswith(f" {other.kind}"):
        return _REWORDED
    return _REWORDED if other.kind.endswith(f" {one.kind}") else None
