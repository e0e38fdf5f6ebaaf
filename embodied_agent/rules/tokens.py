"""A question as words: lower case, short forms spelt out, slips of typing mended.

Out of scope: which words name things (`names`), what is asked (`families`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache

from lemminflect import getAllLemmas
from rapidfuzz.distance import OSA
from rapidfuzz.process import extract

from embodied_agent.rules.lexicon import lexicon
from embodied_agent.rules.vocabulary import FRAME, IS_BEFORE_S, OPENERS, SLOPPY, word_set

_TOKEN = re.compile(r"#\d+|\d+(?:[.:,]\d+)*|[^\W\d_]+(?:[-'][^\W\d_]+)*|[+*/=×÷]|[,;:.!?()–—]| - ")
_PARTING = word_set(", ; : . ! ? ( ) – —") | {" - "}
_ENDINGS = {
    "n't": " not", "'re": " are", "'ve": " have", "'ll": " will", "'d": " would", "'m": " am",
}  # fmt: skip
#: Shorter words are not mended; one slip is.
_LEAST_LETTERS = 4
#: Words of questions that are mended though they are shorter.
_SHORT = ("what", "how", "the", "did", "was", "you", "see")


def tokens_of(text: str, known: Iterable[str] = (), *, mend: bool = True) -> list[str]:
    """The words of ``text``, numbers and keyframe references (``#12``) included; a comma stands
    for whatever parts them.

    Args:
        text: what was asked.
        known: further words that are spelt right, such as those of names in the memory.
        mend: whether slips are mended, and openers dropped.
    """
    plain = text.lower().replace("’", "'").replace("`", "'")
    words: list[str] = []
    for token in _TOKEN.findall(plain):
        words.extend([","] if token in _PARTING else _spelt_out(token).split())
    while words and words[-1] == ",":
        words.pop()
    if not mend:
        return words
    vocabulary = {*_vocabulary(), *known}
    return _without_openers([_mended(word, vocabulary) for word in words])


def _spelt_out(token: str) -> str:
    if token in SLOPPY:
        return SLOPPY[token]
    for ending, full in _ENDINGS.items():
        if token.endswith(ending) and token != ending:
            return token.removesuffix(ending) + full
    if token.endswith("'s"):
        base = token.removesuffix("'s")
        return f"{base} is" if base in IS_BEFORE_S else f"{base} 's"
    return token.removesuffix("'").removesuffix("'")


@lru_cache(maxsize=1)
def _vocabulary() -> frozenset[str]:
    words = {word for entry in lexicon().kinds for word in entry.split()}
    words |= {word for entry in lexicon().colours for word in entry.split()}
    words |= {word for entry in lexicon().members for word in entry.split()}
    return frozenset(words | FRAME | set(lexicon().idle))


def _mended(word: str, vocabulary: set[str]) -> str:
    """``word``, or the one known word that is a single slip away from it."""
    if not word.isalpha() or word in vocabulary or getAllLemmas(word):
        return word
    if len(word) < _LEAST_LETTERS:
        swapped = [w for w in _SHORT if sorted(w) == sorted(word) and w[-1:] != word[-1:]]
        return swapped[0] if len(swapped) == 1 else word
    near = extract(word, vocabulary, scorer=OSA.distance, score_cutoff=1, limit=8)
    # A slip seldom hits the first letter, except where two letters were swapped.
    close = [w for w, _, _ in near if w[0] == word[0] or sorted(w) == sorted(word)]
    swapped = [w for w in close if sorted(w) == sorted(word)]
    frames = [w for w in close if w in FRAME]
    close = swapped or frames or [w for w in close if len(word) > _LEAST_LETTERS]
    return close[0] if len(close) == 1 else word


def _without_openers(words: list[str]) -> list[str]:
    """The words after "hey, please": what is asked begins there, if anything is left."""
    while True:
        for opener in OPENERS:
            size = len(opener.split())
            if " ".join(words[:size]) == opener and len(words) > size + 1:
                words = words[size + (words[size] == ",") :]
                break
        else:
            return words
