"""Answers about named places that robots visited or did not.

Out of scope: reading questions (`reading`), visits (`places`).
"""

from __future__ import annotations

from collections.abc import Sequence

from embodied_agent.fleet.serving.places import last_visit, named_places
from embodied_agent.fleet.serving.saying import Asking, Said, told_time
from embodied_agent.fleet.serving.sightings import Sighting
from embodied_agent.rules.speech import join_names, number


def about_places(asking: Asking, common_frames: Sequence[str]) -> Said:
    """What is said to a question about places that were visited or not.

    Args:
        asking: the question.
        common_frames: coordinate frames that mean the same for all robots.
    """
    asked = asking.asked
    if asked.window.until is not None:
        return Said(
            "I can't tell: I only know when places were last visited. Ask about today, this week, "
            "or the last hours or days.",
            "cannot_tell",
        )
    # Whose places they are matters only where coordinates can't be compared.
    everyone = [one.id for one in asking.allowed]
    places = named_places(asking.db, everyone)
    if not places:
        return Said(
            "I can't tell: nobody has named a place. Name rooms with `embodied-agent places "
            "add NAME --region …` on a robot.",
            "cannot_tell",
        )
    visits: dict[str, Sighting | None] = {}
    for place in places:
        visit = last_visit(asking.db, place, asking.ids, common_frames, asked.window)
        known = visits.get(place.name)
        if known is None or (visit is not None and visit.seen_at > known.seen_at):
            visits[place.name] = visit
    seen = {name: visit for name, visit in visits.items() if visit is not None}
    whose = asking.robots[0].name if len(asking.robots) == 1 else "a robot"
    if asked.wanted == "visited":
        if not seen:
            return Said(
                f"None of the {number(len(visits))} named places was visited by "
                f"{whose}{asking.when}.",
                "not_seen",
            )
        told = [
            f"{name} ({visit.robot}, last {told_time(asking, visit.seen_at)})"
            for name, visit in seen.items()
        ]
        return Said(f"{join_names(told)}.", "answered", list(seen.values()))
    missing = [name for name in visits if name not in seen]
    evidence = list(seen.values())
    if not missing:
        count = len(visits)
        all_places = "The named place was" if count == 1 else f"All {count} named places were"
        return Said(f"None: {all_places} visited by {whose}{asking.when}.", "answered", evidence)
    was = "was" if len(missing) == 1 else "were"
    whom = whose if len(asking.robots) == 1 else "any robot"
    text = f"{join_names(missing)} {was} not visited by {whom}{asking.when}."
    return Said(text, "answered", evidence)
