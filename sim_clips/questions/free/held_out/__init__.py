"""The phrasings that no training row uses, in one list per form; written by hand.

They tell whether an answerer understands a question or recognises its wording. Whoever writes them
hasn't read the rules or prompts that answer, and whoever writes those doesn't look in here; a list
that has been looked at is written anew.
"""

from __future__ import annotations

from sim_clips.questions.free.held_out import moments, motion, places, scope, things, views

HELD_OUT: dict[str, tuple[str, ...]] = {
    form: phrasings
    for module in (things, moments, views, places, motion, scope)
    for form, phrasings in module.PHRASINGS.items()
}

__all__ = ["HELD_OUT"]
