"""Chooses the family of a question from two sources: the cues and the fitted model.

The cues (`readers`) are precise for wordings that they know; the model (`intent`) gives a
probability for any wording. A family that lacks what it needs, such as a second thing to compare,
is never chosen.

Out of scope: the cues, the fitted model, answers.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from embodied_agent.rules import cues
from embodied_agent.rules.asked import Asked, Family
from embodied_agent.rules.intent import intents
from embodied_agent.rules.names import Named
from embodied_agent.rules.readers_of_time import has_foreign_words, make

#: How much the cues' family counts, as a logarithm of likelihood.
CUES_COUNT = 0.7
#: The same for families of which few phrasings are known.
SELDOM_COUNT = 3.0
_SELDOM: frozenset[Family] = frozenset(
    {
        "is_side", "moves", "first_action", "actions", "keyframes", "of_colour", "describe",
        "nearest", "relation", "when", "seen_before", "colours",
    }
)  # fmt: skip
#: Against a family that is asked without naming things, where a known thing is named.
_NAMES_COUNT = 4.0
#: What an out-of-scope question has to be ahead by: more if it names things in the memory.
_SCOPE_COUNT, _HELD_COUNT = 0.5, 4.0
#: For out of scope, where a question reads like an order to act.
_ORDER_COUNTS = 4.0

_ABOUT_NOTHING: frozenset[Family] = frozenset(
    {
        "of_colour", "count_all", "keyframes", "way_start", "nearest", "action_at", "first_action",
        "last_action", "actions", "turns", "moves", "ever_turned", "around", "in_view", "at_start",
        "at_keyframe",
    }
)  # fmt: skip
#: Families that are also asked without a thing, or with one.
_EITHER: frozenset[Family] = frozenset({"inventory", "unnoted_way", "out_of_scope", "colours"})
_ABOUT_TWO: frozenset[Family] = frozenset({"nearer", "order", "is_order", "ever_together"})
_ABOUT_ONE: frozenset[Family] = frozenset(
    {"together", "seen_after", "seen_before", "did_before", "did_after", "relation", "way_back"}
)
#: Words that ask, without saying what about.
_BARE = frozenset(
    [
        "a",
        "after",
        "again",
        "and",
        "are",
        "before",
        "did",
        "do",
        "else",
        "how",
        "i",
        "is",
        "it",
        "me",
        "of",
        "or",
        "so",
        "that",
        "the",
        "then",
        "there",
        "this",
        "to",
        "was",
        "were",
        "what",
        "when",
        "where",
        "which",
        "who",
        "why",
        "you",
    ]
)
_AT_KEYFRAME: frozenset[Family] = frozenset({"action_at", "at_keyframe"})


def weighed(
    asked: Asked | None, named: Named, memory_nouns: Collection[str], *, ordered: bool = False
) -> Asked:
    """The question in its likeliest family.

    Args:
        asked: the question as the cues have it; ``None`` where they don't tell.
        named: its names.
        memory_nouns: names and nouns in the memory.
        ordered: whether it reads like an order to act.
    """
    if not named.things and _BARE.issuperset(named.gist.split()):
        return asked or Asked("unclear")  # "Where?", "And then?"
    shares = intents().log_shares(named.gist)
    held = any(p.kind in memory_nouns or p.noun in memory_nouns for p in named.things)
    scores = {
        family: share + _fit(family, named, held)
        for family, share in shares.items()
        if _has_what_it_needs(family, named)
    }
    if ordered and "out_of_scope" in scores:
        scores["out_of_scope"] += _ORDER_COUNTS
    if asked is not None and not ordered:
        family = asked.family
        base = scores.get(family, min(shares.values(), default=0.0))
        # "Which furniture have you seen?" names a kind of thing, which an inventory rarely does.
        seldom = family in _SELDOM or (family == "inventory" and bool(named.things))
        scores[family] = base + (SELDOM_COUNT if seldom else CUES_COUNT)
    if not scores:
        return Asked("out_of_scope" if has_foreign_words(named) else "unclear")
    best = max(scores, key=lambda family: scores[family])
    chosen = asked if asked is not None and asked.family == best else _made(best, named)
    if best == "inventory" and not any(named.known):
        return replace(chosen, things=())  # such words are the question's own
    if best == "unnoted" and held:
        things = [p for p in chosen.things if p.kind in memory_nouns or p.noun in memory_nouns]
        return replace(chosen, things=tuple(things))
    return chosen


def _has_what_it_needs(family: Family, named: Named) -> bool:
    things = len(named.things)
    if family in _AT_KEYFRAME:
        return bool(named.keyframes or named.nth)
    if family in _ABOUT_TWO:
        return things > 1
    if family == "is_colour":
        return things > 0 and bool(named.colours)
    if family == "of_colour":
        return bool(named.colours)
    if family == "around":
        return cues.side_in(named.pattern) is not None
    if family == "is_side":
        return things > 0 and cues.side_in(named.pattern) is not None
    return things > 0 or family in _ABOUT_NOTHING or family in _EITHER


def _fit(family: Family, named: Named, held: bool) -> float:
    """How well what is named suits a family."""
    things = len(named.things)
    if family == "out_of_scope":
        return -(_HELD_COUNT if held else _SCOPE_COUNT)
    if family in _ABOUT_NOTHING and things:
        return -_NAMES_COUNT if any(named.known) else -1.0
    if family in _ABOUT_ONE and things > 1:
        return -1.0
    return 0.0


def _made(family: Family, named: Named) -> Asked:
    """The question in a family that the cues don't see, with what the family needs."""
    pattern = named.pattern
    if family in _ABOUT_NOTHING:
        named = replace(named, things=(), known=(), definite=())
    if family == "out_of_scope":
        return Asked("out_of_scope")
    if family == "colours" and named.things:
        family = "colour"
    if family in ("turns", "ever_turned"):
        sides = [side for side in ("left", "right") if cues.has(pattern, f"{side}(?:wards?)?")]
        return make(named, family, side=sides[0] if len(sides) == 1 else None)
    if family in ("around", "is_side", "moves", "at_keyframe"):
        return make(named, family, side=cues.side_in(pattern))
    return make(named, family, reverse=_is_reversed(family, pattern))


def _is_reversed(family: Family, pattern: str) -> bool:
    match family:
        case "nearer" | "nearest":
            return bool(cues.FARTHER.search(pattern))
        case "order":
            return cues.has(pattern, "later|last|latest|second")
        case "is_order":
            return cues.is_second_first(pattern)
        case "action_at":
            return cues.has(pattern, "after|next|from KF")
    return False
