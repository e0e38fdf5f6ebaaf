"""Where things were mentioned first is known at once, by whichever spelling that was."""

from __future__ import annotations

from embodied_agent.agent.mentioned_things import MentionedThings
from embodied_agent.memory.noted import NotedName
from embodied_agent.rules.notes import name_key

#: Ids of keyframes, by the index of their delta.
INDEXES = {10: 0, 11: 1, 13: 2}


def things_of(*mentions: NotedName) -> tuple[MentionedThings, list[tuple[str, str]]]:
    things = MentionedThings(INDEXES.get)
    return things, list(things.extend(mentions))


def test_the_first_mention_is_that_by_the_earliest_spelling() -> None:
    things, new = things_of(
        NotedName("Red  Sofa", 13, 1), NotedName("lamp", 11, 0), NotedName("red sofa", 10, 2)
    )
    assert new == [("Red  Sofa", "red sofa"), ("lamp", "lamp"), ("red sofa", "red sofa")]
    assert (list(things), things.spellings) == (["red sofa", "lamp"], 3)
    assert things["red sofa"].names == ("Red  Sofa", "red sofa")
    assert (things["red sofa"].first, things["lamp"].first) == ((0, 2), (1, 0))


def test_another_spelling_makes_what_was_read_unread() -> None:
    things, _ = things_of(NotedName("red sofa", 11, 0))
    things["red sofa"].load()
    assert not things.add("red sofa", NotedName("red sofa", 13, 0))
    assert things["red sofa"].loaded
    assert things.add("red sofa", NotedName("Red sofa", 13, 0))
    assert not things.add("red sofa", NotedName("Red sofa", 13, 0))
    assert not things["red sofa"].loaded
    assert things["red sofa"].names == ("red sofa", "Red sofa")


def test_where_a_delta_is_not_known_the_first_mention_is_not_known() -> None:
    mentions = [NotedName("lamp", 12, 0), NotedName("Lamp", 10, 0), NotedName("door", 12, 0)]
    things, new = things_of(*mentions)
    assert [key for _, key in new] == [name_key(mention.name) for mention in mentions]
    assert things["lamp"].first is None
    assert things["door"].first is None
    assert "sofa" not in things
    assert things.get("sofa") is None
