"""The family of a question about motion, or about moments, by the cues in its pattern.

Out of scope: other questions (`readers`), the cues (`cues`).
"""

from __future__ import annotations

import re

from embodied_agent.rules import cues
from embodied_agent.rules.asked import Asked, Family, Side
from embodied_agent.rules.names import Named
from embodied_agent.rules.vocabulary import ABSTRACT, FRAME


def make(named: Named, family: Family, **values: object) -> Asked:
    """A question of this family, with the things, colours and numbers that it names."""
    return Asked(
        family,
        things=named.things,
        definite=bool(named.definite) and named.definite[0],
        colours=named.colours,
        keyframe=named.keyframes[0] if named.keyframes else None,
        nth=named.nth[0] if named.nth else None,
        number=named.numbers[0] if named.numbers else None,
        past=bool(cues.PAST.search(named.pattern)),
        timed=bool(cues.TIME.search(named.pattern)) and not cues.KEYFRAME.search(named.pattern),
        **values,  # type: ignore[arg-type]
    )


def has_foreign_words(named: Named) -> bool:
    """Whether a question contains words, besides names, that are unusual in questions about a
    memory."""
    return any(
        word not in FRAME and word not in ABSTRACT and word not in ("X", "C", "KF", "N", "'s")
        for word in named.text.split()
    )


def read_motion(named: Named) -> Asked | None:
    """A question about the camera's motion, as understood; ``None`` for other questions."""
    pattern = named.pattern
    if named.things:
        return None
    sides: list[Side] = [s for s in ("left", "right") if re.search(rf"\b{s}\b", pattern)]
    side = sides[0] if len(sides) == 1 else None
    if cues.TURN.search(pattern) and not cues.has(pattern, r"where|which way|directions?"):
        if cues.HOW_OFTEN.search(pattern) or pattern.strip() in (
            "turns",
            "left turns",
            "right turns",
        ):
            return make(named, "turns", side=side)
        if re.search(
            r"\b(?:ever|at all|at any|once|any)\b|^(?:did|have|had|was|were|is|"
            r"are)\b",
            pattern,
        ) and not cues.has(pattern, "what|which|how|last|just|or"):
            return make(named, "ever_turned", side=side)
    if (
        cues.HOW_OFTEN.search(pattern)
        and re.search(
            r"\b(?:move|moved|moves|go|went|gone|drive|drove|step|steps|walk|walked|forwards?|"
            r"backwards?)\b",
            pattern,
        )
        and not cues.UNNOTED_WAY.search(pattern)
    ):
        return make(named, "moves", side=cues.side_in(pattern))
    if cues.DO.search(pattern) or re.search(r"\bmove\b|\bbrought you\b|\bturn or\b", pattern):
        if "KF" in pattern:
            return make(
                named,
                "action_at",
                reverse=bool(re.search(r"\bafter\b|\bfrom KF\b|\bnext\b", pattern)),
            )
        if re.search(r"\b(?:way|get|go|return|path) back\b|\bback to\b", pattern):
            return None
        if cues.UNNOTED_WAY.search(pattern):
            return make(named, "unnoted_way")
        if cues.has(pattern, r"see|visible|view|objects?|things?") and cues.START.search(pattern):
            return None
        if re.search(
            r"\b(?:last|latest|recent|recently|just|now|final|previous|here|this view|"
            r"this place)\b",
            pattern,
        ):
            return make(named, "last_action")
        if cues.has(pattern, "first|initial|initially|start"):
            return make(named, "first_action")
        if re.search(
            r"\b(?:move|moved|do|done|doing|actions?|movements?|motions?|happened|"
            r"turn)\b",
            pattern,
        ) and not cues.has(pattern, r"see|seen|saw|objects?"):
            return make(named, "actions")
    if re.search(
        r"\b(?:your|the|our) (?:route|path|way here|trip|journey|tour|walk)\b|"
        r"\bwhere (?:have|did) you (?:been|go|come)\b|"
        r"\bwhich way did you (?:go|come|take)\b|\bretrace\b",
        pattern,
    ) and not re.search(
        r"\b(?:see|seen|saw|notice|noticed|spot|spotted|find|found|pass|passed|"
        r"come across|objects?|things?|how many|"
        r"back|beginning|start)\b",
        pattern,
    ):
        return make(named, "actions")
    return None


def read_did(named: Named) -> Asked | None:
    """A question about the action before or after a thing came into view; ``None`` for others."""
    pattern = named.pattern
    if not cues.DO.search(pattern) and not re.search(
        r"\b(?:which|what) (?:movement|action|turn|move)\b", pattern
    ):
        return None
    if re.search(
        r"\b(?:get|go|way|return|be|went|come) back\b|\bback to\b|\bshould\b|\bdo i\b|\bwould\b",
        pattern,
    ):
        return None
    if re.search(r"\bbefore\b|\bled to\b|\bbrought\b|\bprior\b|\bleading\b|\bpreceded\b", pattern):
        return make(named, "did_before")
    if cues.NEXT.search(pattern):
        return make(named, "did_after")
    return make(named, "did_before")


def read_moments(named: Named) -> Asked | None:
    """A question about first or last sightings, or about things seen before or after; ``None`` for
    others."""
    pattern = named.pattern
    asks_for_thing = cues.has(pattern, "what|which|name|tell")
    if (
        asks_for_thing
        and re.search(
            r"\b(?:after|next|following|follows|"
            r"followed by)\b",
            pattern,
        )
        and not cues.WHERE.search(pattern)
        and re.search(
            r"\b(?:see|saw|seen|things?|objects?|come|came|comes|appear|"
            r"appeared|showed|show|discover|"
            r"discovered|notice|noticed|find|new|view|sight|was|is)\b",
            pattern,
        )
        and not cues.has(pattern, "next to")
    ):
        return make(named, "seen_after")
    if (
        asks_for_thing
        and cues.has(pattern, "before")
        and cues.has(pattern, r"see|saw|seen|things?|objects?|came|appeared|notice|noticed|new")
    ):
        return make(named, "seen_before")
    where = cues.WHERE.search(re.sub(r"\bat what point\b|\blooking for\b", " ", pattern))
    which = re.search(
        r"\b(?:which|what) (?:was |is )?(?:the )?(?:earliest |first |last |"
        r"latest )?(?:keyframe|frame|picture|image)\b|"
        r"\bgive the keyframe\b",
        pattern,
    )
    if cues.LAST.search(pattern) and not cues.has(pattern, "at first"):
        return make(named, "last_where" if where and not which else "last_when")
    if cues.FIRST.search(pattern) and (
        cues.WHEN.search(pattern)
        or where
        or re.search(r"\bhow (?:early|soon)\b", pattern)
        or cues.has(pattern, "first")
    ):
        return make(named, "first_where" if where and not which else "first_when")
    return None
