"""Wishes to be told when something happens: "tell me when you see a fire extinguisher".

Out of scope: questions about what was seen (`rulebook`), when it has happened
(`embodied_agent.agent.alerts`).
"""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Literal, NamedTuple

from embodied_agent.rules.phrases import read_phrase

_WISH = re.compile(
    r"^(?:please |(?:can|could|would|will) you (?:please )?)?"
    r"(?:(?:tell|notify|alert|warn|inform|ping|message|call) (?:me|us)|let (?:me|us) know)"
    r"(?: at once| immediately| right away)? "
    r"(?P<joint>when|whenever|as soon as|once|if|the moment) (?P<what>.+?)$"
)
_SEEN = re.compile(
    r"^you (?:next |first |ever )?(?:see|spot|notice|find|detect|encounter|come across|pass) "
    r"(?P<a>.+)$"
    r"|^(?P<b>.+?) (?:appears?|shows? up|turns? up|comes? (?:into|in) (?:view|sight)"
    r"|(?:is|are) (?:seen|spotted|visible|in view|in sight|back))$"
)
_GONE = re.compile(
    r"^(?P<a>.+?) (?:(?:is|are|has|have|has been|have been) "
    r"(?:gone|missing|removed|taken(?: away)?|disappeared|vanished|left"
    r"|no longer there|not there any ?more|moved(?: away)?)|disappears?|vanish(?:es)?)$"
    r"|^you (?:no longer|don't|do not|can't|cannot) see (?P<b>.+?)(?: any ?more)?$"
)
#: What people say at the end of a wish, and what is no part of a name.
_COURTESY = re.compile(
    r"[ ,]+(?:please|thanks|thank you|okay|ok|(?:would|could|can|will) you(?: please)?)$"
)
#: What such a wish is about is at most this long, in characters.
_MOST = 200


class Wish(NamedTuple):
    """To be told when ``name`` is "seen" or "gone", at the ``place`` where it is not empty."""

    name: str
    event: Literal["seen", "gone"]
    place: str = ""


def read_wish(text: str, places: Collection[str] = ()) -> Wish | None:
    """The wish that a sentence expresses; ``None`` if it expresses none.

    Args:
        text: as a person said it.
        places: the names of places; one at the end of the sentence says where it counts.
    """
    plain = " ".join(text.lower().replace("’", "'").split()).strip(" .!?,")
    while plain != (shorter := _COURTESY.sub("", plain).strip(" .!?,")):
        plain = shorter
    wish = _WISH.match(plain)
    if wish is None:
        return None
    what = wish["what"]
    event: Literal["seen", "gone"] = "gone"
    found = _GONE.match(what)
    if found is None:
        event, found = "seen", _SEEN.match(what)
    if found is None:
        return None
    name, place = _at_place(found["a"] or found["b"], places)
    phrase = read_phrase(name)
    if not phrase.text or len(name) > _MOST:
        return None
    return Wish(phrase.text, event, place)


def _at_place(name: str, places: Collection[str]) -> tuple[str, str]:
    """A name without the place at its end, and that place."""
    for place in sorted(places, key=len, reverse=True):
        ending = re.compile(
            rf"^(.+?) (?:at|in|near|by|on|from) (?:the )?{re.escape(place.lower())}$"
        )
        found = ending.match(name)
        if found is not None:
            return found[1], place
    return name, ""
