"""What the objects add to an answer: that an object is no longer there, and where to see it from.

An answer about one thing gets a goal if exactly one object fits and its position is known and
belongs to the current map session. An object that was missed where it should have been is reported
as not there, with the keyframes that do not show it. A position of another session gives no goal,
and the answer's notice says why.

Out of scope: the answer itself (`answerer`), the goal's pose (`embodied_agent.objects.goals`).
"""

from __future__ import annotations

from dataclasses import replace

from embodied_agent.agent.notices import with_notice
from embodied_agent.agent.object_memory import ObjectMemory
from embodied_agent.memory.query import Reader
from embodied_agent.object_records import SeenObject
from embodied_agent.records import Answer, Evidence, Question
from embodied_agent.rules.asked import Family
from embodied_agent.rules.families import understand
from embodied_agent.rules.notes import Nouns

#: Questions about where one thing is, or whether it is there.
_OF_PLACES: frozenset[Family] = frozenset(
    {"existence", "where", "last_where", "way_back", "how_far", "is_side", "when", "last_when"}
)
#: Most objects that are considered, and most keyframes that are cited as not showing one.
_MOST, _MOST_MISSED = 8, 3


def with_objects(
    answer: Answer, question: Question, memory: ObjectMemory, keyframes: Reader
) -> Answer:
    """``answer`` with what the objects add to it, if anything.

    Raises:
        StoreError: the memory can't be read.
    """
    if answer.status not in ("answered", "cannot_tell") or question.at_ns is not None:
        return answer
    asked = understand(question.text, Nouns(memory.kinds()))
    if asked.family not in _OF_PLACES or len(asked.things) != 1:
        return answer
    objects = memory.objects(asked.things[0].text, limit=_MOST)
    session = memory.current_session()
    if not objects or session is None:
        return answer
    here = [one for one in objects if one.session == session.id]
    if not here:
        cited = {evidence.keyframe_id for evidence in answer.evidence}
        if any(cited & {*one.evidence} and one.position_m for one in objects):
            return with_notice(
                answer,
                f"its position belongs to an earlier map session ({objects[0].session}; it is "
                f"{session.id} now) and can't be compared with where I am",
            )
        return answer
    there = [one for one in here if one.gone_since_ns is None]
    if not there and len(here) == 1:
        return _not_there(answer, here[0], keyframes, in_words=not question.choices)
    if len(there) != 1:
        return answer
    return replace(answer, goal=memory.goal(there[0].id))


def _not_there(answer: Answer, one: SeenObject, keyframes: Reader, *, in_words: bool) -> Answer:
    missed = one.missed_in[-_MOST_MISSED:]
    last = f"#{one.evidence[-1]}" if one.evidence else "before"
    text = f"I last saw it at {last}; it was not there at {', '.join(f'#{n}' for n in missed)}."
    known = {evidence.keyframe_id for evidence in answer.evidence}
    more = [
        Evidence(keyframe.id, keyframe.stamp_ns, note="not there", pose=keyframe.pose)
        for number in missed
        if number not in known
        for keyframe in keyframes.keyframes(since=number, limit=1)
        if keyframe.id == number
    ]
    evidence = tuple(sorted((*answer.evidence, *more), key=lambda item: item.keyframe_id))
    words = f"{answer.text} {text}" if in_words else answer.text
    return replace(answer, text=words, evidence=evidence)
