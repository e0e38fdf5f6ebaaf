"""Answers if the notes have no thing that a phrase means, or lack a detail that it mentions.

Nothing is guessed: the closest match is named as such, and so is a thing of another colour.

Out of scope: finding the things that a phrase means (`matching`), answers about them.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from embodied_agent.rules.lexicon import is_plural, lexicon, plural, singular
from embodied_agent.rules.matching import Match
from embodied_agent.rules.notes import Notes
from embodied_agent.rules.phrases import Phrase
from embodied_agent.rules.speech import LONGEST_LIST, Saying, a, join_each, join_names

#: How many things are named as examples if nothing comes close.
_EXAMPLES = 2
_LONGEST_QUOTE = 160
#: An answer about a thing that was not seen, and to which nothing comes close.
_UNSEEN = re.compile(r"I have not seen (?P<name>[^.,]+)\.(?P<rest>(?: (?:My memory|Of \d).*)?)")
MOTION_ONLY = (
    "My notes contain only the camera's motion, because no perceiver looked at the pictures: I can "
    "tell how I moved and turned, but not what was there. To have things noted, set "
    "perception.backend to served (a vision-language model)."
)


def missing(match: Match, notes: Notes) -> Saying | None:
    """Why nothing can be said about what a phrase means; ``None`` if something matches it."""
    if match.things or match.within:
        return None
    if notes.hold_motion_only:
        return Saying(MOTION_ONLY, (), "cannot_tell")
    if match.other_colour:
        return _other_colour(match, notes)
    if match.no_colour:
        thing = match.no_colour[0]
        text = (
            f"I saw {a(thing.name)} ({notes.cite(thing.last_index)}), but my notes do "
            f"not say what colour it is."
        )
        return Saying(text, (thing.last_index,), "cannot_tell")
    if match.unsaid:
        thing = match.unsaid[0]
        text = (
            f"I saw {a(thing.name)} ({notes.cite(thing.last_index)}), but my notes do "
            f"not say whether it is {_called(match.phrase)}."
        )
        return Saying(text, (thing.last_index,), "cannot_tell")
    if match.observed:
        return _quoted(match.observed[-1], notes)
    return not_seen(match, notes)


def not_seen(match: Match, notes: Notes) -> Saying:
    """ "I have not seen a fridge", with the closest match."""
    text = f"I have not seen {negated_name(match.phrase)}."
    evidence: tuple[int, ...] = ()
    if match.nearest is not None:
        index = match.nearest.last_index
        text += f" The closest match in my memory is {a(match.nearest.name)} ({notes.cite(index)})."
        evidence = (index,)
    elif latest := notes.latest(_EXAMPLES):
        names = join_names(f"{a(t.name)} ({notes.cite(t.last_index)})" for t in latest)
        text += f" My memory contains other things, such as {names}."
        evidence = tuple(sorted({t.last_index for t in latest}))
    blind = notes.motions.unusable
    if blind:
        text += f" Of {len(notes.deltas)} keyframes, {blind} could not be perceived."
    return Saying(text, evidence, "not_seen")


def told_together(texts: Sequence[str]) -> list[str]:
    """Answers that follow one another, those of things that were not seen in one sentence: "I have not
    seen a dog, a cat or any people"."""
    told: list[tuple[list[str], str]] = []
    for text in texts:
        unseen = _UNSEEN.fullmatch(text)
        names, rest = ([unseen["name"]], unseen["rest"]) if unseen else ([], text)
        if names and told and told[-1][0] and told[-1][1] == rest:
            told[-1] = [*told[-1][0], *names], rest
        else:
            told.append((names, rest))
    return [
        f"I have not seen {join_names(dict.fromkeys(names), 'or')}.{rest}" if names else rest
        for names, rest in told
    ]


def negated_name(phrase: Phrase) -> str:
    """A phrase as named in a denial: ``a red sofa``, ``any sofas``."""
    if phrase.plural:
        return f"any {phrase.text}"
    named = a(phrase.text)
    return named if named != phrase.text else f"any {phrase.text}"


def _called(phrase: Phrase) -> str:
    """A phrase in the singular with its article: ``a glass table``, ``the tallest building``."""
    text = singular(phrase.text)
    superlative = any(word.endswith("est") for word in phrase.qualifiers)
    return f"the {text}" if superlative else a(text)


def several(phrase: Phrase) -> str:
    """A phrase in the plural: ``red sofas``."""
    words = phrase.text.split(" ")
    last = words[-1]
    return phrase.text if is_plural(last) else " ".join((*words[:-1], plural(singular(last))))


def _other_colour(match: Match, notes: Notes) -> Saying:
    things = match.other_colour
    names = join_each(things, lambda t: f"{a(t.name)} ({notes.cite(t.last_index)})")
    text = f"I have not seen {negated_name(match.phrase)}, but I saw {names}."
    evidence = tuple(sorted({t.last_index for t in things[:LONGEST_LIST]}))
    return Saying(text, evidence, "not_seen")


def quoted(phrase: Phrase, notes: Notes) -> Saying | None:
    """Quote the latest observation that mentions what a phrase means; ``None`` if none does."""
    nouns = {phrase.noun, *lexicon().words(phrase.kind)} if phrase.kind else ()
    indexes = {index for noun in nouns for index in notes.observed(noun)}
    return _quoted(max(indexes), notes) if indexes else None


def _quoted(index: int, notes: Notes) -> Saying:
    """Quote an observation without drawing conclusions from it."""
    words = " ".join(notes.deltas[index].observation.split())
    quote = (
        words if len(words) <= _LONGEST_QUOTE else words[:_LONGEST_QUOTE].rsplit(" ", 1)[0] + " …"
    )
    return Saying(f"My notes on {notes.cite(index)} say: “{quote}”", (index,))
