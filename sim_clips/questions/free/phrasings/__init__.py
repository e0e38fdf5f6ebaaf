"""How people put free questions: lists of phrasings by form, the held-out ones apart."""

from __future__ import annotations

from sim_clips.questions.free.held_out import HELD_OUT
from sim_clips.questions.free.phrasings import (
    moments,
    more_moments,
    more_motion,
    more_places,
    more_scope,
    more_things,
    more_views,
    motion,
    places,
    scope,
    things,
    views,
)

#: Phrasings that training may use, of three authors.
TAUGHT: dict[str, tuple[str, ...]] = {
    form: (*phrasings, *more.PHRASINGS.get(form, ()))
    for module, more in (
        (things, more_things),
        (moments, more_moments),
        (views, more_views),
        (places, more_places),
        (motion, more_motion),
        (scope, more_scope),
    )
    for form, phrasings in module.PHRASINGS.items()
}

__all__ = ["HELD_OUT", "TAUGHT"]
