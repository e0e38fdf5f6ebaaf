"""Understanding a question: its family, from its pattern, and what it is about.

Out of scope: names in a question (`names`), cues and readers (`cues`, `readers`), answers.
"""

from __future__ import annotations

import math
import re
from collections.abc import Collection

from lemminflect import getAllLemmas

from embodied_agent.rules import cues
from embodied_agent.rules.asked import Asked, Family
from embodied_agent.rules.beside import is_named_beside
from embodied_agent.rules.intent import intents
from embodied_agent.rules.lexicon import lexicon
from embodied_agent.rules.names import Named, names_in
from embodied_agent.rules.notes import Nouns
from embodied_agent.rules.particulars import read_particular
from embodied_agent.rules.plain import is_put_plainly
from embodied_agent.rules.readers import read_one, read_several, read_views
from embodied_agent.rules.readers_of_claims import read_claim
from embodied_agent.rules.readers_of_events import read_event
from embodied_agent.rules.readers_of_frequency import read_frequency
from embodied_agent.rules.readers_of_history import read_history
from embodied_agent.rules.readers_of_motion_order import read_motion_order
from embodied_agent.rules.readers_of_next_views import read_next_view
from embodied_agent.rules.readers_of_qualities import read_quality
from embodied_agent.rules.readers_of_relations import read_relation
from embodied_agent.rules.readers_of_sameness import read_sameness
from embodied_agent.rules.readers_of_the_run import read_run
from embodied_agent.rules.readers_of_time import has_foreign_words, make, read_motion
from embodied_agent.rules.readers_of_turns import read_turn
from embodied_agent.rules.readers_of_ways import read_way
from embodied_agent.rules.readers_of_wishes import read_wish
from embodied_agent.rules.scope import is_order, is_out_of_scope
from embodied_agent.rules.several import questions_in
from embodied_agent.rules.spans import is_of_a_part
from embodied_agent.rules.tokens import tokens_of
from embodied_agent.rules.uses import use_in
from embodied_agent.rules.vocabulary import FRAME, SLOPPY
from embodied_agent.rules.weighing import weighed

_WORD = re.compile(r"[^\W\d_]+")
#: The logarithm of the share of likelihood from which the fitted model is all but certain. Of the
#: development phrasings (`training.restating`), the rules understand 96 % of those right.
_SURE = math.log(0.97)
#: A sentence with one of these may ask about what another one names.
_PRONOUN = re.compile(r"\b(?:it|they|them|he|him|she|her|one|ones|those|these|that|there)\b")
_SENTENCES = re.compile(r"(?<=[.?!])\s+")
#: What people call the one who is asked, and words of questions about its motion.
_ITSELF = frozenset({"drone", "robot", "camera", "rover", "respect", "net", "descent", "ascent"})
#: Questions of these families about "the" thing are about what was seen, whatever the thing.
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

#: Questions of these families ask where things are; of the others, if they were seen.
_FOR_PLACES: frozenset[Family] = frozenset({"where", "last_where", "way_back", "how_far"})
_FOR_THINGS: frozenset[Family] = frozenset({"existence", "count", "related"})


def understand(text: str, nouns: Collection[str] = ()) -> Asked:
    """The question ``text``, as understood.

    Args:
        text: the question.
        nouns: names and nouns in the memory, in lower case.
    """
    memory_nouns = nouns if isinstance(nouns, Nouns) else Nouns(nouns)
    narrow = read_narrowly(text, memory_nouns)
    if narrow is not None:
        return narrow
    named = _named(text, memory_nouns.words(), memory_nouns)
    if is_out_of_scope(named.text):
        return Asked("out_of_scope")
    asked = _asked(named)
    if asked is not None and not _is_grounded(asked, named, memory_nouns):
        asked = None
    chosen = weighed(asked, named, memory_nouns, ordered=is_order(named.text))
    if chosen.things and _is_not_english(text, memory_nouns):
        return Asked("unclear")
    return chosen


def is_plain(text: str, nouns: Collection[str] = ()) -> bool:
    """Whether the rules understand a question for certain, so that nobody need put it into plainer
    words: it has a plain form or one of the narrow patterns, is about a part of the time, or asks
    several things. ``nouns`` as for `understand`."""
    return (
        is_put_plainly(text)
        or is_of_a_part(text)
        or is_named_beside(text)
        or len(questions_in(text)) > 1
        or read_narrowly(text, nouns) is not None
        or _is_sure(text, nouns)
    )


def asks_for_things(text: str, nouns: Collection[str] = ()) -> bool:
    """Whether a question asks if things that everybody knows were seen, how many, where they are or
    the way to them, and has no other words than such questions have: it is about what was seen, even
    if a model that restates questions takes it for another topic. ``nouns`` as for `understand`."""
    memory_nouns = nouns if isinstance(nouns, Nouns) else Nouns(nouns)
    named = _named(text, memory_nouns.words(), memory_nouns)
    if not named.things or not all(named.known) or has_foreign_words(named):
        return False
    if cues.has(named.pattern, "(?:come|comes|came) from|buy"):
        return False
    family = understand(text, nouns).family
    seen = cues.SEEN.search(named.pattern) or cues.has(named.pattern, "any|got")
    return family in _FOR_PLACES or (family in _FOR_THINGS and bool(seen))


def _is_sure(text: str, nouns: Collection[str]) -> bool:
    """Whether cues and fitted model agree on a question about known things, and the model is all but
    certain."""
    memory_nouns = nouns if isinstance(nouns, Nouns) else Nouns(nouns)
    named = _named(text, memory_nouns.words(), memory_nouns)
    asked = _asked(named)
    if asked is None or not all(named.known):
        return False
    return intents().log_shares(named.gist).get(asked.family, -math.inf) >= _SURE


def read_narrowly(text: str, nouns: Collection[str] = ()) -> Asked | None:
    """The question ``text``, if a narrow pattern fits it: one of those for questions whose meaning
    depends on one word. ``nouns`` as for `understand`."""
    memory_nouns = nouns if isinstance(nouns, Nouns) else Nouns(nouns)
    words = tokens_of(text, memory_nouns.words())
    wanted = use_in(words, memory_nouns)
    if wanted is not None:
        return Asked("use", use=wanted.name)
    run = _read_run(text, words, memory_nouns)
    if run is not None:
        return run
    quality = read_quality(words, memory_nouns)
    if quality is not None:
        return quality
    same = read_sameness(words, memory_nouns)
    if same is not None:
        return same
    turned = read_turn(names_in(words, memory_nouns))
    if turned is not None:
        return turned
    named = _named(text, memory_nouns.words(), memory_nouns)
    return (
        read_frequency(named)
        or read_next_view(named)
        or read_way(named, memory_nouns)
        or read_wish(named, memory_nouns)
        or read_claim(named, text)
        or read_event(named)
        or read_relation(named)
        or read_history(named)
        or read_particular(named)
    )


def _read_run(text: str, words: list[str], memory_nouns: Nouns) -> Asked | None:
    """A question about the run as a whole, or about the order of motions, in one of the sentences."""
    alone = _names_itself_only(words, memory_nouns)
    whole = read_run(words, names_nothing=alone) or (read_motion_order(words) if alone else None)
    if whole is not None:
        return whole
    asking = [part for part in _SENTENCES.split(text.strip()) if part.endswith("?")]
    if len(asking) != 1 or asking[0] == text.strip():
        return None
    words = tokens_of(asking[0], memory_nouns.words())
    return read_run(words, names_nothing=_names_itself_only(words, memory_nouns))


def _names_itself_only(words: list[str], memory_nouns: Nouns) -> bool:
    """Whether a question names nothing but the one who is asked."""
    return all(thing.noun in _ITSELF for thing in names_in(words, memory_nouns).things)


def _is_not_english(text: str, memory_nouns: Nouns) -> bool:
    """Whether half of a question's words or more are in no dictionary, list or memory, as in
    "hast du ein Sofa gesehen?". One strange word on its own may be the name of a thing."""
    held = memory_nouns.words()
    words = [word for word in _WORD.findall(text.lower()) if len(word) > 1]
    strange = [
        word
        for word in words
        if word not in FRAME
        and word not in held
        and word not in SLOPPY
        and not lexicon().known(word)
        and not getAllLemmas(word)
    ]
    return len(strange) > 1 and 2 * len(strange) >= len(words)


def _named(text: str, spelt_right: Collection[str], memory_nouns: Collection[str]) -> Named:
    """The names in the sentence that asks the question, or in all sentences if it names nothing.

    "Guests are coming. Did you see a chair?" asks about a chair.
    """
    whole = names_in(tokens_of(text, spelt_right), memory_nouns)
    sentences = [sentence for sentence in _SENTENCES.split(text.strip()) if sentence]
    if len(sentences) < 2:
        return whole
    parts = [names_in(tokens_of(s, spelt_right), memory_nouns) for s in sentences]
    telling = [i for i, part in enumerate(parts) if _names_something(part)]
    asking = [i for i in telling if sentences[i].rstrip().endswith("?")]
    if len(asking) != 1:
        return whole
    asked = parts[asking[0]]
    alone = any(asked.known) and not _PRONOUN.search(asked.pattern)
    if len(telling) == 1 or alone:
        return asked
    return whole


def _names_something(named: Named) -> bool:
    return bool(named.things or named.colours or named.keyframes or named.nth)


def _is_grounded(asked: Asked, named: Named, memory_nouns: Collection[str]) -> bool:
    """Whether a question is about what was seen.

    A question about things that are not in the memory needs a word such as "see": "how tall is
    Mount Everest?" has none.
    """
    in_memory = any(
        phrase.kind in memory_nouns or phrase.noun in memory_nouns for phrase in named.things
    )
    if not named.things or in_memory:
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
    """A question about what was seen, as understood; ``None`` if no cue reveals its family."""
    count = len(named.things)
    if re.search(
        r"\bhow many (?:X|steps|N) (?:is it|away|to (?:the|get)|would it)\b", named.pattern
    ):
        return make(named, "unnoted_way")
    motion = read_motion(named)
    if motion is not None:
        return motion
    if not count:
        return read_views(named)
    return read_several(named) if count > 1 else read_one(named)
