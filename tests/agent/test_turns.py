"""Turns in a tree of clients."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from embodied_agent.agent.turns import Turns, client_name


def waiting(*items: tuple[str, str]) -> Turns[str]:
    turns: Turns[str] = Turns()
    for client, item in items:
        turns.push(client, item)
    return turns


def all_of(turns: Turns[str]) -> list[str]:
    return [turns.pop() for _ in range(len(turns))]


def test_turns_are_taken_at_each_level() -> None:
    turns = waiting(
        *[(f"mqtt//name{n}", f"m{n}") for n in range(4)],
        ("mqtt/alice", "a0"),
        ("mqtt/alice", "a1"),
        ("http/1.2.3.4", "h0"),
        ("http/1.2.3.4", "h1"),
        ("ros", "r0"),
    )
    assert all_of(turns) == ["m0", "h0", "r0", "a0", "h1", "m1", "a1", "m2", "m3"]


def test_two_hundred_names_below_one_address_get_one_turn() -> None:
    turns = waiting(*[(client_name("http", "1.2.3.4", f"n{n}"), f"x{n}") for n in range(200)])
    turns.push(client_name("http", "5.6.7.8"), "honest")
    assert "honest" in [turns.pop(), turns.pop()]


def test_a_name_can_not_make_up_levels() -> None:
    assert client_name("http", "a/b", "c") == "http/a%2Fb/c"
    turns = waiting(
        (client_name("mqtt", "", "ros/x"), "m"), *[(client_name("mqtt", "", ".."), "n")] * 2
    )
    turns.push("ros", "r")
    assert all_of(turns) == ["m", "r", "n", "n"]


def test_room_is_made_at_the_expense_of_the_group_with_most() -> None:
    turns = waiting(*[(f"mqtt//name{n}", f"m{n}") for n in range(6)], ("http/a", "h0"))
    assert turns.displace("http/b") == "m0"
    assert turns.displace("mqtt/alice") == "m1"
    assert turns.displace("mqtt//name9") is None
    assert len(turns) == 5


def test_within_a_group_it_is_the_member_with_most() -> None:
    turns = waiting(*[("http/a", f"a{n}") for n in range(3)], ("http/b", "b0"))
    assert turns.displace("http/c") == "a2"
    assert turns.displace("http/a") is None


def test_a_removed_item_leaves_no_trace() -> None:
    turns = waiting(("a/b", "x"), ("a/b", "y"))
    assert not turns.remove("a/c", "x")
    assert not turns.remove("a/b", "z")
    assert turns.remove("a/b", "x")
    assert turns.remove("a/b", "y")
    assert list(turns) == []
    with pytest.raises(IndexError):
        turns.pop()


names = st.lists(st.sampled_from(["a", "b", ""]), min_size=1, max_size=5).map("/".join)
steps = st.lists(st.tuples(st.sampled_from(["push", "pop", "remove", "displace"]), names))


@given(steps=steps)
def test_nothing_is_lost_or_handed_out_twice(steps: list[tuple[str, str]]) -> None:
    turns: Turns[int] = Turns()
    kept: dict[int, str] = {}
    for number, (what, client) in enumerate(steps):
        if what == "push":
            turns.push(client, number)
            kept[number] = client
        elif what == "pop" and kept:
            del kept[turns.pop()]
        elif what == "remove" and kept:
            item, owner = next(iter(kept.items()))
            assert turns.remove(owner, item)
            del kept[item]
        elif what == "displace":
            displaced = turns.displace(client)
            if displaced is not None:
                del kept[displaced]
        assert len(turns) == len(kept)
        assert Counter(turns) == Counter(list(kept))
