"""What is asked: the family of a question, from its pattern, and what fills it.

Out of scope: names in a question (`names`), cues and readers (`cues`, `readers`), answers.
"""

from __future__ import annotations

import re
from collections.abc import Collection

from embodied_agent.rules import cues
from embodied_agent.rules.asked import Asked, Family
from embodied_agent.rules.names import Named, names_in
from embodied_agent.rules.readers import read_one, read_several, read_views
from embodied_agent.rules.readers_of_time import has_foreign_words, make, read_motion
from embodied_agent.rules.scope import is_out_of_scope
from embodied_agent.rules.tokens import tokens_of

#: Asked about "the" thing, these are about what was seen, whatever it is.
_PLACED: frozenset[Family] = frozenset(
    {
        "where",
        "first_where",
        "last_where",
        "how_far",
        "way_back",
        "nearer",
        "together",
        "colour",
        "is_side",
        "count",
        "describe",
    }
)


def understand(text: str, memory_nouns: Collection[str] = ()) -> Asked:
    """What ``text`` asks.

    Args:
        text: the question.
        memory_nouns: names and nouns that the memory holds, in lower case.
    """
    spelt_right = {word for noun in memory_nouns for word in noun.split()}
    words = tokens_of(text, spelt_right)
    named = names_in(words, memory_nouns)
    if is_out_of_scope(named.text):
        return Asked("out_of_scope")
    asked = _asked(named)
    if asked is not None and _is_grounded(asked, named, memory_nouns):
        return asked
    return Asked("out_of_scope" if has_foreign_words(named) else "unclear")


def _is_grounded(asked: Asked, named: Named, memory_nouns: Collection[str]) -> bool:
    """Whether a question is about what was seen. One about things that the memory does not hold
    needs a word of seeing: "how tall is Mount Everest?" has none."""
    held = any(
        phrase.kind in memory_nouns or phrase.noun in memory_nouns for phrase in named.things
    )
    if not named.things or held:
        return True
    if asked.family == "unnoted_way":
        return True
    if asked.family == "unnoted":
        return any(named.definite)
    if set(named.pattern.split()) <= {"a", "an", "the", "any", "X"}:
        return True
    if re.search(r"\byour X\b", named.pattern):
        return False
    if asked.family in _PLACED and any(named.definite):
        return True
    if any(named.known):
        return not has_foreign_words(named) or bool(cues.SEEN.search(named.pattern))
    return bool(cues.MEMORY.search(named.pattern))


def _asked(named: Named) -> Asked | None:
    """The family of a question about what was seen; ``None`` where no cue tells."""
    count = len(named.things)
    if re.search(
        r"\bhow many (?:X|steps|N) (?:is it|away|to (?:the|get)|would it)\b", named.pattern
    ):
        return make(named, "unnoted_way")
    moved = read_motion(named)
    if moved is not None:
        return moved
    if not count:
        return read_views(named)
    return read_several(named) if count > 1 else read_one(named)
