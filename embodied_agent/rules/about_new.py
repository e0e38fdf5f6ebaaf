"""What is new in a part of the time: things that were seen for the first time then, of all the memory.

Out of scope: the part (`spans`), how the latest view differs from another (`about_views`).
"""

from __future__ import annotations

import re

from embodied_agent.rules.about_things import fits
from embodied_agent.rules.absence import MOTION_ONLY, missing
from embodied_agent.rules.asked import Asked
from embodied_agent.rules.lexicon import lexicon
from embodied_agent.rules.matching import match
from embodied_agent.rules.notes import Notes, Thing
from embodied_agent.rules.speech import LONGEST_LIST, MOST_CITED, Saying, join_each, the

_NEVER = r"(?:not|never|n't) (?:yet |ever |been |yet been |ever been )*(?:see|seen|saw|met|noticed|spotted|noted|had|there|come across)"
_NEW = re.compile(
    r"\b(?:new|newly)\b(?! (?:york|year))|\bfor the (?:very )?first time\b|"
    rf"\b{_NEVER}\b.*\b(?:before|earlier|until then|till then|previously|yet|so far)\b|"
    r"\bunseen (?:before|until then)\b",
    re.IGNORECASE,
)
#: One of them in an order, how the views differ, or a look that nothing notes.
_NOT_NEW = re.compile(
    r"\b(?:next|newest|changed?|different|look\w* new|brand new|how new|when|where|why)\b",
    re.IGNORECASE,
)


def asks_for_new(text: str) -> bool:
    """Whether a question asks for what was seen for the first time."""
    text = text.replace("’", "'").replace("n't", " not")
    return _NEW.search(text) is not None and _NOT_NEW.search(text) is None


def new_things(asked: Asked, notes: Notes, first: int, last: int) -> Saying:
    """Which things are new since keyframe 12? Any new lamps in the last ten seconds?

    Args:
        asked: with the things asked about; none for all.
        notes: all of them.
        first: the index of the first delta of the part.
        last: that of the last one.
    """
    if notes.hold_motion_only:
        return Saying(MOTION_ONLY, (), "cannot_tell")
    things: list[Thing] = notes.all_things()
    of_kind = [phrase for phrase in asked.things if lexicon().known(phrase.noun)]
    if of_kind:
        result = match(of_kind[0], notes)
        gap = missing(result, notes)
        if gap is not None:
            return gap
        things = list(fits(result))
    if asked.colours:
        things = [thing for thing in things if set(asked.colours) & set(thing.phrase.colours)]
    new = [thing for thing in things if first <= thing.first_index <= last]
    ends = tuple(sorted({first, last}))
    unseen = [index for index in ends if not notes.deltas[index].usable]
    if not new:
        if unseen:
            text = f"I can't tell: {notes.cite(unseen[0])} could not be perceived."
            return Saying(text, ends, "cannot_tell")
        of_these = "Nothing of the kind" if of_kind or asked.colours else "Nothing"
        return Saying(f"{of_these} was new: I had seen all that I saw then before.", ends)
    new.sort(key=lambda thing: thing.first_index)
    names = join_each(new, lambda thing: f"{the(thing)} ({notes.cite(thing.first_index)})")
    evidence = tuple(sorted({thing.first_index for thing in new[:LONGEST_LIST]}))
    return Saying(f"For the first time I saw {names}.", evidence[:MOST_CITED])
