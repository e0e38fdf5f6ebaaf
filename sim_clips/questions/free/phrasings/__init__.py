"""How people put free questions: lists of phrasings by form, the held-out ones apart."""

from __future__ import annotations

from sim_clips.questions.free.held_out import HELD_OUT
from sim_clips.questions.free.phrasings import moments, motion, places, scope, things, views

#: Phrasings that training may use.
TAUGHT: dict[str, tuple[str, ...]] = {
    form: phrasings
    for module in (things, moments, views, places, motion, scope)
    for form, phrasings in module.PHRASINGS.items()
}

__all__ = ["HELD_OUT", "TAUGHT"]
