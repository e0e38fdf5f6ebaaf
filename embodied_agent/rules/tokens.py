"""Splitting a question into words: lower case, contractions spelt out, typing errors corrected.

Out of scope: which words name things (`names`), what is asked (`families`).
"""

from __future__ import annotations

import re
from collections.abc import Collection
from functools import lru_cache

from lemminflect import getAllLemmas
from rapidfuzz.distance import OSA
from rapidfuzz.process import extract

from embodied_agent.rules.concepts import concept_words, in_plain_words
from embodied_agent.rules.intent import intents
from embodied_agent.rules.lexicon import lexicon
from embodied_agent.rules.own_names import with_you
from embodied_agent.rules.vocabulary import FRAME, IS_BEFORE_S, OPENERS, SLOPPY, word_set

_TOKEN = re.compile(
    r"#\d+|\d+(?:st|nd|rd|th)\b|b4\b|2day\b|\d+(?:[.:,]\d+)*|[^\W\d_]+(?:[-'][^\W\d_]+)*|[+*/=×÷]|[,;:.!?()–—]| - "
)
_PARTING = word_set(", ; : . ! ? ( ) – —") | {" - "}
_ENDINGS = {
    "n't": " not", "'re": " are", "'ve": " have", "'ll": " will", "'d": " would", "'m": " am",
}  # fmt: skip
#: Shorter words are not corrected.
_LEAST_LETTERS = 4
#: Shorter words that are corrected all the same, if two letters are swapped.
_SHORT = ("what", "how", "the", "did", "was", "you", "see")


def tokens_of(text: str, known: Collection[str] = (), *, mend: bool = True) -> list[str]:
    """The words of ``text``, including numbers and keyframe references (``#12``). Punctuation
    becomes a comma.

    Args:
        text: the question.
        known: further words that are spelt correctly, such as those of names in the memory.
        mend: correct typing errors, and drop openers such as "hey".
    """
    plain = text.lower().replace("’", "'").replace("`", "'")
    words: list[str] = []
    for token in _TOKEN.findall(plain):
        words.extend([","] if token in _PARTING else _spelt_out(token).split())
    while words and words[-1] == ",":
        words.pop()
    if not mend:
        return words
    words = [_as_meant(words, i) for i in range(len(words))]
    words = with_you([_mended(word, known) for word in words], known)
    return in_plain_words(_without_openers(words))


def _as_meant(words: list[str], i: int) -> str:
    """The word at ``i``, with the shorthand "2" for "to" and "c" for "see" spelt out."""
    before, after = (words[i - 1] if i else ""), (words[i + 1] if i + 1 < len(words) else "")
    if words[i] == "c" and before in ("you", "to", "i", "we"):
        return "see"
    if words[i] == "2" and (after in ("you", "get", "go", "the", "see", "me") or before == "how"):
        return "to"
    return words[i]


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
    return frozenset(words | FRAME | set(lexicon().idle) | concept_words() | intents().words)


def _mended(word: str, known: Collection[str]) -> str:
    """``word``, or the only known word that is one typing error away from it."""
    if not word.isalpha() or word in _vocabulary() or word in known or getAllLemmas(word):
        return word
    if len(word) < _LEAST_LETTERS:
        swapped = [w for w in _SHORT if sorted(w) == sorted(word) and w[-1:] != word[-1:]]
        return swapped[0] if len(swapped) == 1 else word
    near = {
        w
        for words in (_vocabulary(), known)
        for w, _, _ in extract(word, words, scorer=OSA.distance, score_cutoff=1, limit=None)
    }
    # A typing error rarely affects the first letter, except if two letters were swapped.
    close = [w for w in sorted(near) if w[0] == word[0] or sorted(w) == sorted(word)]
    swapped = [w for w in close if sorted(w) == sorted(word)]
    frames = [w for w in close if w in FRAME]
    colours = [w for w in close if w in lexicon().colours]
    close = swapped or frames or colours or [w for w in close if len(word) > _LEAST_LETTERS]
    return close[0] if len(close) == 1 else word


def _without_openers(words: list[str]) -> list[str]:
    """The words after openers such as "hey, please", unless too few would be left."""
    while True:
        for opener in OPENERS:
            size = len(opener.split())
            if " ".join(words[:size]) == opener and len(words) > size + 1:
                words = words[size + (words[size] == ",") :]
                break
        else:
            return words
