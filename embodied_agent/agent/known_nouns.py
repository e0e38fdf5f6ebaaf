"""The nouns and kinds of the names in a memory, each name examined once.

The rules check for many words of a question whether something has them as its noun. With hundreds
of names of each kind, that must not examine every name each time.

Out of scope: which names there are (`embodied_agent.rules.name_index`), notes of a part of the
memory (`stored_notes`).
"""

from __future__ import annotations

from collections.abc import Callable, Container
from dataclasses import dataclass, field

from embodied_agent.rules.lexicon import singular
from embodied_agent.rules.name_index import NameIndex, lasts_of
from embodied_agent.rules.phrases import Phrase


@dataclass(slots=True)
class _Ending:
    """The things whose nouns end in one word, and all their nouns, as of ``names`` names."""

    keys: set[str] = field(default_factory=set)
    nouns: set[str] = field(default_factory=set)
    names: int = -1


class KnownNouns:
    """The nouns of an index of names as it grows. Not thread-safe.

    Args:
        names: of the memory.
        keys: of all things.
        phrase_of: the phrase of a thing's first name, by its key.
    """

    def __init__(
        self, names: NameIndex, keys: Container[str], phrase_of: Callable[[str], Phrase]
    ) -> None:
        self._names, self._keys, self._phrase_of = names, keys, phrase_of
        self._endings: dict[str, _Ending] = {}  # by last word
        self._known: dict[str, tuple[bool, int]] = {}  # how many names there were by then

    def have(self, noun: str, count: int) -> bool:
        """Whether a thing has this noun (singular or plural) or is of this kind; ``count`` is the
        number of names."""
        known, names = self._known.get(noun, (False, -1))
        if known or names == count:
            return known
        known = noun in self._keys or any(
            noun in self._nouns_with(last, count) for last in lasts_of(noun)
        )
        self._known[noun] = known, count
        return known

    def _nouns_with(self, last: str, count: int) -> set[str]:
        ending = self._endings.setdefault(last, _Ending())
        if ending.names != count:
            new = self._names.ending_in(last) - ending.keys
            for key in new:
                phrase = self._phrase_of(key)
                ending.nouns |= {key, phrase.noun, singular(phrase.noun), phrase.kind}
            ending.keys |= new
            ending.names = count
        return ending.nouns


def is_noun_of(noun: str, key: str, phrase: Phrase) -> bool:
    """Whether a noun is the thing's own, or that of its kind."""
    return noun in (key, phrase.noun, phrase.kind) or noun == singular(phrase.noun)
