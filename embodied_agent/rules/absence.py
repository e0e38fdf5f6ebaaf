"""What is said where the notes hold nothing that fits, or not all that a question presumes.

Nothing is guessed: what comes nearest is named as such, a thing of another colour as what it is.

Out of scope: finding what fits (`matching`), answers about what does.
"""

from __future__ import annotations

from embodied_agent.rules.lexicon import is_plural, plural, singular
from embodied_agent.rules.matching import Match
from embodied_agent.rules.notes import Notes
from embodied_agent.rules.phrases import Phrase
from embodied_agent.rules.speech import Saying, a, join_names

#: Things that are named where nothing comes near.
_EXAMPLES = 2
_LONGEST_QUOTE = 160
MOTION_ONLY = (
    "My notes hold only the camera's motion, because no perceiver looked at the pictures: I can "
    "tell how I moved and turned, but not what there was. Set perception.backend to served (a "
    "vision-language model) to have things noted."
)


def missing(match: Match, notes: Notes) -> Saying | None:
    """Why nothing can be said of what a phrase means; ``None`` where something fits."""
    if match.things or match.within:
        return None
    if notes.hold_motion_only:
        return Saying(MOTION_ONLY, (), "cannot_tell")
    if match.other_colour:
        return _other_colour(match, notes)
    if match.no_colour:
        thing = match.no_colour[0]
        text = (
            f"I saw {a(thing.name)} ({notes.cite(thing.last.index)}), but my notes do "
            f"not say its colour."
        )
        return Saying(text, (thing.last.index,), "cannot_tell")
    if match.unsaid:
        thing = match.unsaid[0]
        text = (
            f"I saw {a(thing.name)} ({notes.cite(thing.last.index)}), but my notes do "
            f"not say whether it is "
            f"{' '.join(match.phrase.qualifiers)}."
        )
        return Saying(text, (thing.last.index,), "cannot_tell")
    if match.observed:
        return _observed(match, notes)
    return not_seen(match, notes)


def not_seen(match: Match, notes: Notes) -> Saying:
    """ "I have not seen a fridge", with what comes nearest."""
    text = f"I have not seen {name_wanted(match.phrase)}."
    evidence: tuple[int, ...] = ()
    if match.nearest is not None:
        index = match.nearest.last.index
        text += f" The nearest thing in my memory is {a(match.nearest.name)} ({notes.cite(index)})."
        evidence = (index,)
    elif notes.things:
        latest = sorted(notes.things.values(), key=lambda t: -t.last.index)[:_EXAMPLES]
        names = join_names(f"{a(t.name)} ({notes.cite(t.last.index)})" for t in latest)
        text += f" My memory holds other things, such as {names}."
        evidence = tuple(sorted({t.last.index for t in latest}))
    blind = sum(not delta.usable for delta in notes.deltas)
    if blind:
        text += f" Of {len(notes.deltas)} keyframes, {blind} could not be perceived."
    return Saying(text, evidence, "not_seen")


def name_wanted(phrase: Phrase) -> str:
    """What was looked for, after a denial: ``a red sofa``, ``any sofas``."""
    if phrase.plural:
        return f"any {phrase.text}"
    named = a(phrase.text)
    return named if named != phrase.text else f"any {phrase.text}"


def several(phrase: Phrase) -> str:
    """The plural of what was looked for: ``red sofas``."""
    words = phrase.text.split(" ")
    last = words[-1]
    return phrase.text if is_plural(last) else " ".join((*words[:-1], plural(singular(last))))


def _other_colour(match: Match, notes: Notes) -> Saying:
    things = match.other_colour
    names = join_names(f"{a(t.name)} ({notes.cite(t.last.index)})" for t in things)
    text = f"I have not seen {name_wanted(match.phrase)}, but I saw {names}."
    return Saying(text, tuple(sorted({t.last.index for t in things})), "not_seen")


def _observed(match: Match, notes: Notes) -> Saying:
    """An observation that speaks of it is quoted: it says no more than it says."""
    index = match.observed[-1]
    words = " ".join(notes.deltas[index].observation.split())
    quote = (
        words if len(words) <= _LONGEST_QUOTE else words[:_LONGEST_QUOTE].rsplit(" ", 1)[0] + " …"
    )
    return Saying(f"My notes of {notes.cite(index)} say: “{quote}”", (index,))
