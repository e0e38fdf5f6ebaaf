"""What is said of events, which notes don't have: what was in view then, and nothing more.

Out of scope: which questions ask for one (`readers_of_events`), how things changed from one view to
another (`about_views`).
"""

from __future__ import annotations

from embodied_agent.rules.about_things import fits, last_seen
from embodied_agent.rules.absence import missing, quoted
from embodied_agent.rules.asked import Asked
from embodied_agent.rules.matching import match
from embodied_agent.rules.notes import Notes
from embodied_agent.rules.speech import Saying, join_each, the

_NO_EVENTS = (
    "I can't tell: my notes say what was in view at each keyframe and how I moved in between, not "
    "what happened there."
)


def happened(asked: Asked, notes: Notes) -> Saying:
    """Did anything fall over? Did somebody open the door? (Notes don't say.)"""
    if not asked.things or notes.hold_motion_only:
        return Saying(_NO_EVENTS, (), "cannot_tell")
    result = match(asked.things[0], notes)
    gap = missing(result, notes)
    if gap is not None and asked.things[0].text == "person" and not result.observed:
        return Saying(f"{_NO_EVENTS} I have not seen a person.", (), "cannot_tell")
    if gap is not None and result.observed:
        return Saying(f"I can't tell. {gap.text}", gap.evidence, "cannot_tell")
    if gap is not None:
        return gap
    things = fits(result)
    names = join_each(things, lambda thing: f"{the(thing)} ({notes.cite(thing.last_index)})")
    text, evidence = f"{_NO_EVENTS} I last saw {names}.", last_seen(things)
    observed = quoted(asked.things[0], notes)
    if observed is not None:  # free words may tell
        text, evidence = f"{text} {observed.text}", (*evidence, *observed.evidence)
    return Saying(text, tuple(sorted(set(evidence))), "cannot_tell")
