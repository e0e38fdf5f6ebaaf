"""The family of a question about one thing, several or none, by the cues in its pattern.

More specific cues are tried first, so that unforeseen wordings find their family, too.

Out of scope: questions about moments and motion (`readers_of_time`), the cues (`cues`).
"""

from __future__ import annotations

import re

from embodied_agent.rules import cues
from embodied_agent.rules.asked import Asked
from embodied_agent.rules.names import Named
from embodied_agent.rules.readers_of_time import has_foreign_words, make, read_did, read_moments


def read_several(named: Named) -> Asked:
    """A question about several things, as understood."""
    pattern = named.pattern.replace("side by side", "together")
    did = read_did(named)
    if did is not None and not cues.has(pattern, "or"):
        return did
    order = re.search(
        r"\b(?:first|earlier|earliest|sooner|order|sort|sequence|before|after|"
        r"later|latest|prior|"
        r"already|seen when|ahead of)\b",
        pattern,
    )
    near = re.search(
        r"\b(?:nearer|nearest|closer|closest|less far|least far|shorter|shortest|"
        r"farther|further|farthest|"
        r"furthest|more distant|less distant|close to (?:you|us|me)|"
        r"near to (?:you|us|me)|reach)\b",
        pattern,
    )
    if near or (cues.has(pattern, "close|near") and cues.has(pattern, "which")):
        return make(named, "nearer", reverse=bool(cues.FARTHER.search(pattern)))
    if order and len(named.things) > 2:
        return make(named, "order")
    if order:
        if re.search(
            r"\b(?:before|earlier than|after|later than|already|when you|sooner than|"
            r"prior to)\b",
            pattern,
        ) and not cues.has(pattern, "which|what|or"):
            return make(named, "is_order", reverse=cues.is_second_first(pattern))
        return make(named, "order", reverse=bool(cues.has(pattern, "later|last|latest|second")))
    if cues.COUNT.search(pattern):
        return make(named, "count")
    if re.search(r"\bcolours?\b", pattern):
        return make(named, "colour")
    if cues.TOGETHER.search(pattern) and not cues.WHERE.search(pattern):
        return make(named, "ever_together")
    if cues.WHERE.search(pattern):
        return make(named, "where")
    return make(named, "existence")


def read_one(named: Named) -> Asked:
    """A question about one thing, as understood."""
    pattern = named.pattern
    if re.search(r"\bcan not see\b|\bhow many X (?:is it|away|to|would)\b", pattern):
        return make(named, "unnoted_way")
    if re.search(r"\bleft\b.*\bor\b.*\bright\b|\bright\b.*\bor\b.*\bleft\b", pattern):
        return make(named, "where")
    if (
        cues.has(pattern, "back|return|returning")
        and cues.has(
            pattern, r"way|how|directions?|get|go|take|return|route|turn|path|lead|leads|where"
        )
        and not re.search(
            r"\b(?:at|to|on) (?:the|your|my) back\b|"
            r"\bin back of\b",
            pattern,
        )
    ):
        return make(named, "way_back")
    did = read_did(named)
    if did is not None:
        return did
    if (
        named.colours
        and not cues.COUNT.search(pattern)
        and not re.search(r"^(?:where|which way)\b", pattern)
    ):
        return make(named, "is_colour")
    if cues.has(pattern, r"colours?|shades?|hue|painted|coloured"):
        return make(named, "colour")
    if cues.UNNOTED.search(pattern) and not re.search(
        r"\bhow long ago\b|\bsomeone told\b", pattern
    ):
        return make(named, "unnoted")
    if cues.COUNT.search(pattern) and not cues.has(pattern, "how much"):
        return make(named, "count")
    side = cues.side_in(pattern)
    if (
        side is not None
        and re.search(
            r"^(?:is|was|are|were|do|does|did|would|so|the|a|any|"
            r"could)\b",
            pattern,
        )
        and not (cues.has(pattern, "where|which|what"))
    ):
        return make(named, "is_side", side=side)
    if re.search(r"\b(?:what|which|who)\b.*\b(?:nearest|closest) to (?:the |that )?X\b", pattern):
        return make(named, "together")
    if cues.RELATION.search(pattern) and not cues.has(
        pattern, r"keyframes?|frames?|pictures?|direction|side"
    ):
        return make(named, "relation")
    timed = read_moments(named)
    if timed is not None:
        return timed
    if cues.HOW_FAR.search(pattern) and not re.search(
        r"\b(?:what|which) (?:was|were|is|objects|things)\b.*\bnear the\b", pattern
    ):
        return make(named, "how_far")
    if (
        cues.TOGETHER.search(pattern)
        and cues.has(pattern, "what|which|name|tell|list|anything|something|else|other")
        and not cues.WHERE.search(pattern)
    ):
        return make(named, "together")
    if cues.WHERE.search(pattern) or re.search(
        r"^(?:find|locate|point)\b|\bshow me\b|\btake me to\b|\blead me\b", pattern
    ):
        return make(named, "where")
    if cues.has(pattern, "when") and not cues.SEE.search(pattern):
        return make(named, "unnoted")
    if re.search(r"\bwhen\b|\b(?:which|what) (?:keyframes?|frames?|pictures?|images?)\b", pattern):
        return make(named, "when")
    if re.search(
        r"\bdescribe\b|\btell me (?:more )?about\b|\bwhat (?:do you know|can you tell|about)\b",
        pattern,
    ):
        return make(named, "describe")
    if has_foreign_words(named) and not cues.MEMORY.search(pattern):
        return make(named, "unnoted")
    if re.search(r"^(?:what|which) X\b", pattern) and not re.search(r"^what X is\b", pattern):
        return make(named, "inventory")
    return make(named, "existence")


def read_views(named: Named) -> Asked | None:
    """A question that names no thing, as understood; ``None`` if no cue matches."""
    pattern = named.pattern
    if cues.COUNT.search(pattern):
        if cues.has(pattern, r"keyframes?|frames?|pictures?|images?"):
            return make(named, "keyframes")
        if cues.UNNOTED_WAY.search(pattern):
            return make(named, "unnoted_way")
        return make(named, "count_all")
    if cues.has(pattern, "near|nearest|closest|nearer|closer") and cues.has(
        pattern, "what|which|name"
    ):
        return make(named, "nearest", reverse=bool(cues.FARTHER.search(pattern)))
    if cues.START.search(pattern) and not cues.has(pattern, "since"):
        if cues.has(pattern, r"back|return|which way|directions?|where (?:did|is|was|do)"):
            return make(named, "way_start")
        return make(named, "at_start")
    if named.keyframes or named.nth:
        return make(named, "at_keyframe", side=cues.side_in(pattern))
    if named.colours:
        return make(named, "of_colour")
    if re.search(r"\bcolours?\b", pattern):
        return make(named, "colours")
    if cues.UNNOTED_WAY.search(pattern):
        return make(named, "unnoted_way")
    side = cues.side_in(pattern)
    if side is not None and not re.search(r"\bin front of (?:the|your) camera\b", pattern):
        return make(named, "around", side=side)
    if re.search(
        r"\b(?:have|has|had) (?:you|we|i|it)\b|\bso far\b|\bmemory\b|\bremember\b|"
        r"\ball\b|\beverything\b|"
        r"\baltogether\b|\bin total\b|\bsum\b|\bsummar\w+\b|\bcome across\b|"
        r"\bcame across\b",
        pattern,
    ) and not cues.has(pattern, "now|moment|currently|in view"):
        return make(named, "inventory")
    if cues.HERE_NOW.search(pattern) and not cues.has(pattern, "did|saw"):
        return make(named, "in_view")
    if named.numbers and cues.has(pattern, r"things?|objects?|items?"):
        return make(named, "inventory")
    if re.search(
        r"\b(?:what|which|list|name|tell|describe|report|give|anything|"
        r"something)\b",
        pattern,
    ) and re.search(
        r"\b(?:see|seen|saw|find|found|things?|objects?|items?|there|notice|noticed|notes|"
        r"memory|observe|observed|view|views|"
        r"know|spot|spotted|pass|passed|encounter|encountered|show|surroundings|scene)\b",
        pattern,
    ):
        past = re.search(
            r"\b(?:did|saw|was|were|on the way|had)\b|^(?:list|name|give)\b|\bthings are there\b",
            pattern,
        )
        return make(
            named,
            "inventory"
            if past or not cues.has(pattern, "see|view|scene|surroundings")
            else "in_view",
        )
    if re.search(
        r"\b(?:current |present )?(?:view|surroundings|scene)\b|\bwhere (?:are|am) (?:you|i|"
        r"we)\b|\blook around\b",
        pattern,
    ):
        return make(named, "in_view")
    return None
