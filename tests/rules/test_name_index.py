"""The index of names misses nothing that a noun, a phrase or a colour may mean."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from embodied_agent.agent.known_nouns import KnownNouns, is_noun_of
from embodied_agent.rules.lexicon import lexicon
from embodied_agent.rules.matching import detail_of, means
from embodied_agent.rules.name_index import NameIndex
from embodied_agent.rules.notes import NotedThing, name_key
from embodied_agent.rules.phrases import read_phrase

WORDS = [
    *("with", "of", "in", "on", "and", "two", "the", "pair", "4", "12", "light", "dark"),
    *("red-coloured", "bamboo", "wooden", "office", "low-back", "gizmo", "gizmos", "thing"),
]
words = st.one_of(
    st.sampled_from(sorted({*lexicon().kinds, *lexicon().askable})),
    st.sampled_from(sorted(lexicon().colours)),
    st.sampled_from(sorted(lexicon().idle)),
    st.sampled_from(WORDS),
)
names = st.lists(words, min_size=1, max_size=4).map(" ".join)


def index_of(noted: list[str]) -> NameIndex:
    index = NameIndex()
    for name in noted:
        index.add(name, name_key(name))
    return index


@given(st.lists(names, min_size=1, max_size=8), st.data())
def test_nothing_that_is_meant_is_missed(noted: list[str], data: st.DataObject) -> None:
    index = index_of(noted)
    asked = data.draw(st.one_of(names, st.sampled_from(noted), words))
    phrase = read_phrase(asked)
    for name in noted:
        key, thing = name_key(name), NotedThing(name, read_phrase(name))
        if asked != key and is_noun_of(asked, key, thing.phrase):
            assert key in index.with_noun(asked)
        if not phrase.is_generic and (
            means(phrase, thing.phrase)
            or (thing.phrase.details and means(phrase, detail_of(thing)))
        ):
            assert key in index.related_to(phrase)
        for colour in thing.phrase.colours | thing.phrase.base_colours:
            assert key in index.coloured({colour})


@given(st.lists(names, min_size=1, max_size=8), st.one_of(names, words))
def test_names_that_are_added_at_once_are_found_like_those_added_one_by_one(
    noted: list[str], asked: str
) -> None:
    single, many = index_of(noted), NameIndex()
    many.extend((name, name_key(name)) for name in noted)
    phrase = read_phrase(asked)
    assert set(many.words()) == set(single.words())
    assert many.with_noun(asked) == single.with_noun(asked)
    assert many.spelt_in(f"Is it {asked}?") == single.spelt_in(f"Is it {asked}?")
    assert phrase.is_generic or many.related_to(phrase) == single.related_to(phrase)
    assert many.coloured(set(lexicon().colours.values())) == single.coloured(
        set(lexicon().colours.values())
    )
    for word in single.words():
        assert many.with_word(word) == single.with_word(word)


@given(st.lists(names, min_size=1, max_size=8), st.one_of(names, words))
def test_a_noun_is_known_if_it_is_that_of_a_name_also_once_names_are_added(
    noted: list[str], noun: str
) -> None:
    index, keys = NameIndex(), dict[str, str]()
    nouns = KnownNouns(index, keys, lambda key: read_phrase(keys[key]))
    for name in noted:
        key = name_key(name)
        if key not in keys:
            keys[key] = name
            index.add(name, key)
        expected = any(is_noun_of(noun, k, read_phrase(n)) for k, n in keys.items())
        assert nouns.have(noun, len(keys)) == expected


@pytest.mark.parametrize(
    ("name", "found_by"),
    [
        ("red bamboo chair", {"chair"}),
        ("table with red books", {"table", "book"}),
        ("gate 4", {"gate"}),
        ("orange", {"orange"}),
    ],
)
def test_a_name_is_looked_at_for_the_nouns_that_it_may_have(name: str, found_by: set[str]) -> None:
    index = index_of([name])
    nouns = {"chair", "bamboo", "table", "book", "gate", "orange"}
    assert {noun for noun in nouns if index.with_noun(noun)} == found_by
