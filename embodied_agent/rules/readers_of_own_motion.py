"""Questions about the robot's own motion that hang on one word: "backwards", "all the way around",
"are you moving?".

Out of scope: all other questions about motion (`readers_of_time`), turns that were not made
(`readers_of_turns`), answers (`about_motion`).
"""

from __future__ import annotations

import re

from embodied_agent.records import Action
from embodied_agent.rules import cues
from embodied_agent.rules.asked import Asked
from embodied_agent.rules.names import Named
from embodied_agent.rules.readers_of_time import make

#: Whoever is asked.
YOU = r"(?:you|we|i|the robot|the camera|it)"
_DID = re.compile(
    rf"^(?:did|have|has|had|were|was) {YOU}\b|\bhow (?:often|many times) (?:did|have)\b"
)
_MOTIONS: tuple[tuple[Action, re.Pattern[str]], ...] = (
    (Action.TILT_UPWARD, re.compile(r"\b(?:look\w*|tilt\w*|face[d]?|glance\w*) (?:\w+ )?up(?:wards?)?\b")),
    (
        Action.TILT_DOWNWARD,
        re.compile(r"\b(?:look\w*|tilt\w*|face[d]?|glance\w*) (?:\w+ )?down(?:wards?)?\b"),
    ),
    (
        Action.MOVE_BACKWARD,
        re.compile(
            r"\b(?:move[d]?|moving|go|went|gone|going|drive|drove|driven|back(?:ed)?|step(?:ped)?|"
            r"walk(?:ed)?|fly|flew|roll(?:ed)?) (?:\w+ )?(?:backwards?|back up|in reverse)\b|"
            r"\breverse[d]?\b|\bback(?:ed)? up\b"
        ),
    ),
    (
        Action.MOVE_UPWARD,
        re.compile(
            r"\b(?:move[d]?|go|went|gone|fly|flew|flown|rise|rose) (?:\w+ )?up(?:wards?)?\b|"
            r"\b(?:climb|ascend)(?:ed)?\b"
        ),
    ),
    (
        Action.MOVE_DOWNWARD,
        re.compile(
            r"\b(?:move[d]?|go|went|gone|fly|flew|flown) (?:\w+ )?down(?:wards?)?\b|"
            r"\b(?:descend|sink|sank)(?:ed)?\b"
        ),
    ),
)  # fmt: skip
#: "How often did you turn round?" asks for a count.
_ASKS_TURN = re.compile(
    r"^(?!.*\b(?:how (?:often|many (?!degrees))|number of|count)\b).*\b(?:did|have|had|how)\b"
)
_UP_OR_DOWN = re.compile(r"\b(\w+) (?:up|down)(?:wards?)? or (?:up|down)(?:wards?)?\b")
_TOTAL_TURN = re.compile(
    r"\bhow many degrees\b|\bhow far did (?:you|we) (?:turn|rotate)\b|\bhow much did (?:you|we) "
    r"(?:turn|rotate)\b|\b(?:full|whole|complete) (?:circle|turn|rotation|round)\b|"
    r"\bturn(?:ed)? (?:all the way |right )?(?:a?round)(?: completely| fully| entirely)?$|"
    r"\bturn(?:ed)? (?:completely|fully|all the way) (?:a?round)\b"
)
_STRAIGHT_OR_TURNED = re.compile(r"\bstraight\b.*\bor\b.*\bturn|\bturn.*\bor\b.*\bstraight\b")
_FROM_START = re.compile(
    r"^how far\b.*\bfrom (?:the |your |our )?(?:start|beginning|origin|starting point)\b|"
    r"^(?:are|were) (?:you|we) (?:back )?(?:at|near) (?:the |your |our )?(?:start|beginning|origin)(?: again)?$"
)
_WHAT_HAPPENED = re.compile(
    r"^(?:tell me |say |so )?what (?:has |have )?happened(?: (?:so far|to you|on the way))?$"
)
_LEFT_OR_RIGHT = re.compile(r"\bturn\w*\b.*\bleft\b.*\bright\b|\bturn\w*\b.*\bright\b.*\bleft\b")
_SAME_HEADING = re.compile(
    r"\b(?:facing|heading|looking|pointing|turned)\b.*\b(?:same|as) (?:way|direction|heading)?\b.*"
    r"\b(?:start|beginning|outset|started|began|before)\b"
)
#: Whether a turn was as large as that, its size says.
_BY_DEGREES = re.compile(
    rf"^(?:did|have|had) {YOU} (?:ever )?(?:turn|rotat|spin|spun|swivel)\w*\b.*\bN degrees?\b|"
    rf"^(?:did|have|had) {YOU} (?:ever )?(?:turn|rotate|spin|spun|turned|rotated)\b.*\b(?:completely|fully|entirely)\b"
)
#: "Are you moving?" asks for the latest motion, "were you standing still at keyframe 2?" for that one.
_MOVING = re.compile(
    r"^(?:are|were|is|was) (?:you|we|the robot|the camera|it) (?:still |currently |now |even )?(?:moving|driving|walking|"
    r"turning|rotating|standing|standing still|standing there|stopped|still|at rest|resting|stationary|"
    r"in motion|parked)(?: (?:right )?now| at the moment| currently| still)?(?: (?:at|in|by) KF)?$"
)


def read_own_motion(named: Named) -> Asked | None:
    """The question, which names no thing, as understood by one of these patterns; ``None`` for all
    others."""
    pattern = named.pattern
    if _MOVING.search(pattern):
        return make(named, "action_at" if "KF" in pattern else "last_action")
    if _SAME_HEADING.search(pattern) and "KF" not in pattern:
        return make(named, "heading")
    if _BY_DEGREES.search(pattern) and "KF" not in pattern:
        return make(named, "total_turn")
    if _FROM_START.search(pattern):
        return make(named, "way_start")
    if _WHAT_HAPPENED.search(pattern):
        return make(named, "actions")
    if _LEFT_OR_RIGHT.search(pattern) and cues.has(pattern, "more|often|oftener|most"):
        return make(named, "turns")
    if _TOTAL_TURN.search(pattern) and _ASKS_TURN.search(pattern):
        return make(named, "total_turn")
    if _DID.search(pattern):
        actions = _motions(pattern)
        if actions:
            return make(named, "ever_moved", actions=actions)
        if _STRAIGHT_OR_TURNED.search(pattern) and "KF" not in pattern:
            return make(named, "actions")
    return None


def _motions(pattern: str) -> tuple[Action, ...]:
    """The motions that a question names, but for those of which all of its kind are counted."""
    pattern = _UP_OR_DOWN.sub(r"\1 up or \1 down", pattern)
    actions = tuple(action for action, words in _MOTIONS if words.search(pattern))
    return () if Action.MOVE_BACKWARD in actions and cues.HOW_OFTEN.search(pattern) else actions
