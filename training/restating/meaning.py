"""What a restated question means, and whether two restatements mean the same.

Out of scope: reading replies (`embodied_agent.rules.plain`), shares of right replies (`measure`).
"""

from __future__ import annotations

from embodied_agent.rules.asked import Asked
from embodied_agent.rules.families import understand
from embodied_agent.rules.plain import Restated, read_restated


def as_asked(meaning: Restated) -> Asked | None:
    """What the rules make of a restated question; ``None`` if it is to be taken as it was put."""
    match meaning.meaning:
        case "plain":
            return understand(meaning.text)
        case "unnoted":
            return Asked("unnoted")
        case "off_topic":
            return Asked("out_of_scope")
    return None


def same(one: Asked, other: Asked) -> bool:
    """Whether two understandings lead to the same answer, as far as the words go."""
    if {one.family, other.family} <= {"unnoted", "unnoted_way"}:
        return True
    return _content(one) == _content(other)


def means_the_same(reply: str, right: str, question: str) -> bool:
    """Whether a reply leads to the same answer as the right one.

    Args:
        reply: a model's.
        right: the reply that restates the question as its author meant it.
        question: in free words.
    """
    read, meant = read_restated(reply, question), read_restated(right, question)
    if meant is None:  # where the runtime's caution refuses the right reply, only its words count
        return reply.strip() == right
    if read is None:
        return False
    one, other = as_asked(read), as_asked(meant)
    return one is other if one is None or other is None else same(one, other)


def _content(asked: Asked) -> tuple[object, ...]:
    names = tuple((thing.kind, thing.colours) for thing in asked.things)
    return asked.family, names, asked.colours, asked.side, asked.keyframe, asked.number
