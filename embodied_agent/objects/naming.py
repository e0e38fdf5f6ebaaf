"""Whether two mentions may be the same object, by what they are called.

"red chair" and "chair" may be, and so may "sofa" and "couch"; "red chair" and "blue chair" are not,
nor are gate 4 and gate 7. "Round table" and "football table" may be, as perceivers use more than
one word for a thing, but they mostly aren't.

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
#: The same where each name has a word that the other lacks. With the usual gate of four standard
#: deviations, what is called otherwise has to be within two of where the object should be seen.
_OTHERWISE = 12.0


@dataclass(frozen=True, slots=True)
class Name:
    """A name as it is compared.

    ``text`` is the name on one line; ``kind`` the kind of thing; ``colors`` its colours, by their
    main names; ``numbers`` those in it; ``words`` what else is said of it, such as "round".
    ``group`` is equal for all names that may mean one object.
    """

    text: str
    kind: str
    colors: frozenset[str]
    numbers: frozenset[str]
    words: frozenset[str]
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
        words=frozenset(word for word in phrase.qualifiers if not word.isdigit()),
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
    kinds = one.kind, other.kind
    if kinds[0] != kinds[1] and not any(a.endswith(f" {b}") for a, b in (kinds, kinds[::-1])):
        return None
    return _OTHERWISE if called_otherwise(one, other) else _REWORDED


def may_have_moved(one: Name, other: Name) -> bool:
    """Whether what turned up under one name may be what was lost under the other: no place speaks
    for it, so the names may tell nothing different."""
    return difference(one, other) is not None and not called_otherwise(one, other)


def called_otherwise(one: Name, other: Name) -> bool:
    """Whether two names of one kind tell different things of it: "round table" and "football
    table"."""
    return bool(one.words and other.words) and not one.words & other.words
