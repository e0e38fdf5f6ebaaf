"""Questions about the driven path, how sure a thing is, who was there, and moments in rooms; and
orders to go to a thing, which ask for the way.

Without these patterns they would be taken for questions about the last motion, the start, or a
thing called "house". The patterns are narrow.

Out of scope: turns and moves (`readers_of_own_motion`), answers (`about_path`, `about_certainty`,
`about_people_and_rooms`).
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import replace

from embodied_agent.rules import cues
from embodied_agent.rules.asked import Asked
from embodied_agent.rules.names import Named
from embodied_agent.rules.phrases import Phrase
from embodied_agent.rules.readers_of_own_motion import YOU
from embodied_agent.rules.readers_of_time import make
from embodied_agent.rules.vocabulary import PLACES, word_set

_UNITS = r"(?:metres?|meters?|m|kilomet(?:er|re)s?|km|feet|miles?|yards?)"
_SO_FAR = (
    r"(?: (?:so far|up to now|until now|till now|in (?:all|total)|all in all|altogether|overall|by now|now|already|"
    r"today|on this \w+|since (?:the (?:start|beginning)|you started|you set (?:off|out))))*$"
)
_GONE = (
    r"(?:drive|driven|drove|go|gone|went|come|came|move|moved|travel\w*|walk\w*|cover\w*|roll\w*|fly|flew|flown|"
    r"run|ran|ride|ridden|get|got|make|made)"
)
_THE_WAY = r"(?:the|your|our|my|this) (?:whole |entire |total )?(?:path|route|way|track|drive|walk|trip|journey|tour)"
_TRAVELLED = re.compile(
    rf"^how (?:far|many {_UNITS}|much (?:ground|distance)|long a (?:way|distance|path|route))"
    rf" (?:did|have|had|has|are|were) {YOU} (?:actually |already |just |really )*{_GONE}"
    rf"(?: forwards?| along)?{_SO_FAR}|"
    rf"^(?:what|which|how (?:long|much|large|big) (?:a|is the|was the|of a)?) ?(?:total |overall )?distance "
    rf"(?:did|have|had|has) {YOU} (?:already )?{_GONE}{_SO_FAR}|"
    rf"^how (?:long|far) (?:is|was) (?:the|your|our|my) (?:path|route|track|way)"
    rf"(?: (?:that )?{YOU} (?:have |had )?(?:took|taken|{_GONE}))?{_SO_FAR}|"
    rf"^(?:what (?:is|was) )?the (?:total |overall )?(?:length|distance) of {_THE_WAY}{_SO_FAR}|"
    rf"^how many {_UNITS} (?:long )?(?:is|was) {_THE_WAY}(?: long)?{_SO_FAR}|"
    rf"^(?:what (?:is|was) )?(?:the|your|our|my) (?:total |overall )?(?:mileage|distance (?:travel\w*|driven|covered)|"
    rf"(?:travel\w*|driven|covered) distance){_SO_FAR}"
)
_START = (
    r"(?:(?:the|your|our|my) )?(?:very )?(?:start|starting (?:point|place|position)|beginning|origin|"
    rf"place (?:where|that) {YOU} (?:started|began|set (?:off|out))|"
    rf"(?:where|the point where) {YOU} (?:had )?(?:started|start|began|set (?:off|out)|came from))"
)
_FROM_START = re.compile(
    rf"^(?:how (?:far|many {_UNITS})(?: away)?|(?:what|which) (?:is|was) (?:the|my|your|our) (?:straight |direct )?"
    rf"distance)(?: back)?(?: (?:am|are|is|was|were|have) (?:{YOU}|it|this|there|that))?(?: now| away| back| still| by now)*"
    rf"(?: (?:from|to|of|until|between here and))? {_START}(?: (?:am|are|is) (?:{YOU}|it))?(?: now| from here| away| by now)*$|"
    rf"^how far(?: away)? (?:is|was) {_START}(?: now| from here| away| by now)*$|"
    rf"^how (?:far|many {_UNITS})(?: away)? (?:did|have|had) {YOU} {_GONE}(?: away)? from {_START}{_SO_FAR}|"
    rf"^(?:am|are|is|was|were) {YOU} (?:back |now |again )*(?:at|near|close to) {_START}(?: again| now)*$"
)
_HERE = (
    r"(?:here|(?:by|through|past|along) here|this way|(?:at |to |in |by |through |past |over )?this (?:very |same |exact )?"
    r"(?:place|spot|point|position|location|area))"
)
_BEFORE = (
    r"(?: (?:before|already|earlier|once|ever|again|previously|in the past|at any time|yet))*$"
)
_BEEN_HERE = re.compile(
    rf"^(?:have|had|has) {YOU} (?:ever |already |once )?(?:been|come|gone|driven|passed|moved|walked|stood|visited|seen|"
    rf"travelled) {_HERE}{_BEFORE}|"
    rf"^(?:was|were) {YOU} (?:ever |already |once )?{_HERE} (?:before|already|earlier|once|previously|at any time)$|"
    rf"^did {YOU} (?:ever |already |once )?(?:come|go|drive|pass|move|walk|stand|visit|see) {_HERE}{_BEFORE}|"
    rf"^is this (?:a|the same) (?:place|spot|location) (?:where )?{YOU} (?:have|had) (?:ever |already )?"
    rf"(?:been|visited|passed)(?: (?:at|to))?{_BEFORE}|"
    rf"^(?:have|had) {YOU} (?:come|got|returned|been) back {_HERE}{_BEFORE}|"
    rf"^when (?:was|were) {YOU} (?:last |first )?{_HERE}(?: (?:before|last|earlier|already|first))*$"
)
_SURE = r"(?:sure|certain|confident|positive|convinced)"
_THING = r"(?:(?:the|a|an|that|this|your|any) )?X"
_CERTAIN = re.compile(
    rf"^how (?:very )?{_SURE} (?:are|were) you (?:really )?(?:about|of|with|that (?:there (?:is|was|really (?:is|was))|"
    rf"{YOU} (?:really )?(?:saw|have seen|had seen|noticed|spotted|passed))) {_THING}(?: (?:is|was) there| exists?)?$|"
    rf"^are you (?:really |quite |absolutely |completely )?{_SURE} (?:about|of) {_THING}$|"
    rf"^how {_SURE} are you (?:that )?{_THING} (?:exists?|is (?:really )?there|was (?:really )?there|is real)$|"
    rf"^how (?:reliable|trustworthy|certain|sure|solid|accurate) (?:is|was|are|were) (?:(?:the|your) (?:sightings?|detections?|"
    rf"positions?|location|place|memory|knowledge|notes?|measurement)s? (?:of|about|on|for) )?{_THING}$|"
    rf"^how (?:well|exactly|accurately|precisely) do you know (?:where )?{_THING}(?: (?:is|stands))?$|"
    rf"^(?:what (?:is|was) |how (?:high|large) (?:is|was) )(?:the|your) (?:confidence|certainty|uncertainty|accuracy) "
    rf"(?:in|about|of|for|on) (?:the position of )?{_THING}$"
)
_GO_TO = re.compile(
    r"^(?:(?:can|could|would|will) you (?:please |kindly )?|i (?:want|need|would like) you to |you (?:should|must) |"
    r"(?:please |kindly |now |just )+)?"
    r"(?:(?:go|drive|navigate|head|move|walk|travel|proceed|roll|fly|steer|return|run|come)(?: (?:me|us))?|"
    r"(?:bring|take|lead|guide|direct|get|escort|carry) (?:me|us))"
    rf" (?:straight |back |over |directly |on )?(?:to|towards?) {_THING}(?: (?:please|now|again|right now))?$"
)
#: Wholes: all that was seen may have been in one.
_WHOLES = word_set(
    "house home building warehouse apartment flat mall street shop store city town shed barn factory "
    "school hospital lab laboratory"
)
#: What notes don't name: rooms and their like.
_ROOMS = (PLACES - _WHOLES) | word_set(
    "corridor hall rooms doorway floor storey wing ward passage staircase"
)
_ROOM = r"(?:P|H|(?:\w+ )?(?:room|rooms|place|floor|storey|area))"
#: Words of which a question says more, as "the last room".
_ROOM_WORDS = frozenset({"room", "rooms", "floor", "area", "storey"})
_PERSON = "person"
_WHICH = r"(?:(?:the|a|an|this|that|your|our|my|his|her) )?(?:(?:first|last|next|second|third|previous|other|same) )?"
_IN_ROOM = rf"(?:in|inside|at|within|around|on) {_WHICH}{_ROOM}"
_ANYONE = r"(?:anybody|anyone|someone|somebody|people|any people|a person|persons)"
_MET = r"(?:see|seen|saw|meet|met|notice|noticed|spot|spotted|find|found|encounter|encountered|come across|run into|pass|passed)"
_WHO = re.compile(
    rf"^(?:who|whom|which people|what people)(?: else| all)? (?:is|are|was|were) (?:all )?(?:there )?(?:{_IN_ROOM}|here|there|around|"
    rf"at home|home|with (?:you|us|me)|nearby|in view|visible)(?: (?:now|so far|with (?:you|us)))*$|"
    rf"^(?:who|whom|which people|what people)(?: else| all)? (?:did|have|had) {YOU} (?:ever )?{_MET}(?: {_IN_ROOM}| here| there| so far|"
    rf" on the way| along the way| today| on (?:your|the|our) \w+)*$|"
    rf"^(?:is|was|are|were) (?:there )?{_ANYONE}(?: else)? (?:{_IN_ROOM}|at home|home)(?: now)?$|"
    rf"^(?:who|whom) (?:is|are|was|were) (?:now |standing |right )*(?:behind|in front of|ahead of|(?:to|on) the (?:left|right) of|"
    rf"(?:on|to) (?:your|my|our|the) (?:left|right))(?: {YOU}| us| me)?(?: now)?$|"
    rf"^(?:how many X (?:is|are|was|were)(?: there)?|how many X (?:did|have|had) {YOU} {_MET}|(?:is|are|was|were) there (?:a |any |some )?X|"
    rf"(?:which|what) X (?:is|are|was|were)(?: there)?) {_IN_ROOM}$|"
    rf"^(?:did|have|had) {YOU} (?:ever )?{_MET} {_ANYONE}(?: else)? (?:{_IN_ROOM}|on the way|along the way|so far|at all)+$"
)
_CAME = (
    r"(?:enter(?:ed|ing)?|(?:came?|come|coming|went|go|going|gone|walk\w*|dr[io]v\w+|roll\w*|mov\w+|step\w*|pass\w*|got|get|"
    r"fl[ey]w?\w*|ran|run) (?:right |just )?(?:in|into|through|past|by|out of|to|up to|inside|over|along|under|across|"
    r"towards?|from|beside)|pass(?:ed|ing)?|reach(?:ed|ing)?|left|leave|leaving|cross(?:ed|ing)?|arriv\w+ (?:at|in)|"
    r"approach(?:ed|ing)?|(?:was|were|stood|stopped) (?:in|inside|at|by|near|next to|in front of|before))"
)
_MOMENT = re.compile(
    rf"\b(?:when|while|as|after|before|once|as soon as|until|by the time|the moment|whenever) {YOU} "
    rf"(?:had |have |just |first |last |were |was )*{_CAME} {_WHICH}(?P<what>P|X|{_ROOM}|upstairs|downstairs)"
    r"(?: (?:again|before|last|first|earlier))?$|"
    rf"\b(?:when|while|on|upon|after|before|by) (?:enter|pass|reach|leav|cross|approach)ing {_WHICH}"
    rf"(?P<thing>P|X|{_ROOM})$"
)
_ASKS_VIEW = re.compile(
    r"^(?:what|which|who|anything|tell me|say|name|list|describe|where|did|was|were|is|are|have|how many)\b"
)
_ROOM_ALONE = re.compile(
    rf"^(?:what|which|who|anything|tell me|name|list|describe|did|was|were|is|are|have)\b.*"
    rf"(?: (?:in|inside|before|after|behind|beyond|past) (?:the|that|your|our|my) "
    rf"(?:(?:first|last|next|second|third|previous|other) (?:room|rooms|floor|place|P|H)|P)"
    rf"| upstairs| downstairs| next door| on the (?:first|second|third|ground|upper|lower|top|next) (?:floor|storey|level|P))$|"
    rf"^(?:which|what|how many) (?:other |different )?(?:rooms?|floors?|storeys?|P) (?:did|have|had|are|were|am|is|was) "
    rf"(?:{YOU}|this|that)\b.*\b(?:enter\w*|visit\w*|been|come|came|gone?|went|dr[io]v\w+|cross\w*|inspect\w*|explor\w*|leave|left|in)\b"
)


def read_way(named: Named, memory_nouns: Collection[str]) -> Asked | None:
    """The question as understood by one of these patterns; ``None`` for all others.

    Args:
        named: the names in the question.
        memory_nouns: names and nouns in the memory.
    """
    if named.keyframes or (named.nth and len(named.things) > 1):
        return None
    pattern, things = _without_rooms(named, memory_nouns)
    placed = replace(named, things=things)
    if not things:
        own = _read_path(placed, pattern)
        if own is not None:
            return own
    if _WHO.search(pattern) and all(thing.kind == _PERSON for thing in things):
        who = make(replace(named, things=()), "people", side=cues.side_in(pattern))
        return replace(who, definite="P" in pattern.split())
    if len(things) == 1 and not named.colours:
        if _CERTAIN.search(pattern):
            return make(placed, "certainty")
        if _GO_TO.search(pattern) and len(named.things) == 1 and _is_goal(named, pattern):
            return make(placed, "way_back")
    return _read_moment(placed, pattern, memory_nouns)


def _read_path(named: Named, pattern: str) -> Asked | None:
    """A question about the driven path."""
    if _TRAVELLED.search(pattern):
        return make(named, "travelled")
    if _FROM_START.search(pattern):
        return make(named, "from_start")
    if _BEEN_HERE.search(pattern):
        return make(named, "been_here")
    return None


def _read_moment(named: Named, pattern: str, nouns: Collection[str]) -> Asked | None:
    """A question about a moment of the way: in a room, or at a thing."""
    if not _ASKS_VIEW.search(pattern):
        return None
    moment = _MOMENT.search(pattern)
    if moment is None:
        if not named.things and _ROOM_ALONE.search(pattern):
            return make(replace(named, things=()), "unplaced")
        return None
    if (moment["what"] or moment["thing"]) != "X":
        return make(replace(named, things=()), "unplaced")
    if len(named.things) > 1 or not _asks_what(pattern) or not _is_held(named.things[0], nouns):
        return None
    if re.search(r"\b(?:before|after|until)\b", moment.group()):
        return None  # what was seen before or after a thing is answered from its first sighting
    return make(named, "seen_when", side=cues.side_in(pattern[: moment.start()]))


def _asks_what(pattern: str) -> bool:
    """Whether a question asks for the things that were there."""
    return bool(
        re.search(r"^(?:what|which|anything|tell me what|name|list|describe what)\b", pattern)
    ) and not (cues.has(pattern, "do|doing|turn|move|keyframe|frame|time|colours?"))


def _is_goal(named: Named, pattern: str) -> bool:
    """Whether the thing to go to is one: "go to bed" is no order to find a bed."""
    articled = re.search(r"\b(?:the|an?|that|this|your|any) X\b", pattern)
    return named.known[0] and bool(articled or named.things[0].colours)


def _is_held(phrase: Phrase, nouns: Collection[str]) -> bool:
    return phrase.kind in nouns or phrase.noun in nouns


def _without_rooms(named: Named, nouns: Collection[str]) -> tuple[str, tuple[Phrase, ...]]:
    """The pattern with ``P`` for each room or the like that the memory does not hold as a thing, ``H``
    for each house or the like, and the things that are left."""
    words, things, rest = [], list(named.things), []
    for word in named.pattern.split():
        if word == "X" and things:
            thing = things.pop(0)
            word = "X" if thing.colours or _is_held(thing, nouns) else _marked(thing.noun)
            if word == "X":
                rest.append(thing)
        elif word not in nouns and word not in _ROOM_WORDS:
            word = _marked(word, word)
        words.append(word)
    return " ".join(words), (*rest, *things)


def _marked(noun: str, otherwise: str = "X") -> str:
    last = noun.split()[-1] if noun else ""
    return "P" if last in _ROOMS else "H" if last in _WHOLES else otherwise
