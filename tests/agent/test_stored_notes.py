"""What is answered through indexes is what is answered from all deltas in RAM: word for word, with
the same evidence, whatever the memory holds and as of whichever moment."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from embodied_agent.agent.indexed_view import IndexedView
from embodied_agent.agent.note_index import indexed
from embodied_agent.agent.recalled import recall_from
from embodied_agent.agent.segment_view import Held, SegmentView
from embodied_agent.agent.summary_lines import SummaryLines
from embodied_agent.memory.store import Store
from embodied_agent.records import Delta, Question
from embodied_agent.rules import answer_by_rule, unanswerable
from embodied_agent.rules.inventions import invented_things, is_held
from embodied_agent.rules.notes import Notes
from embodied_agent.rules.settling import settle
from embodied_agent.transcript.recall import recall
from tests.support.random_memories import NAMES, add_to, memories, store_of

ASKED = (
    "sofa", "red sofa", "couch", "chairs", "chair", "seat", "furniture", "vehicle", "car", "piano",
    "gizmo", "gismos", "gizmmo", "mouse", "mice", "gate 4", "gate 9", "shirt", "book", "orange",
    "blue car", "glass", "red thing", "things", "window", "box", "shelf", "highchair", "zebra",
    "wooden chair", "accordion", "saxophone", "椅子", "lamp", "stairs", "sign", "keys",
)  # fmt: skip
PATTERNS = (
    "Did you see a {0}?", "Where is the {0}?", "How many {0} did you see?",
    "What colour is the {0}?",
    "When did you see the {0}?", "When did you last see the {0}?",
    "Where did you first see the {0}?",
    "Did you see the {0} before the {1}?", "Which is nearer, the {0} or the {1}?",
    "What did you see after the {0}?", "What did you see before the {0}?", "Is the {0} behind you?",
    "What did you do after you saw the {0}?", "Were the {0} and the {1} ever in view together?",
    "What was together with the {0}?", "What do you know about the {0}?", "How far is the {0}?",
    "How do I get back to the {0}?", "Is the {0} red?", "How heavy is the {0}?",
    "Has the {0} ever been on your left?", "Was the {0} on your right at the start?",
    "How close did you get to the {0}?", "Which keyframes show the {0}?",
    "Did keyframe 2 show a {0}?", "Anything other than the {0}?", "How many {0} are not red?",
    "Did you see a {0} before the restart?", "What have you seen since the restart?",
)  # fmt: skip
PLAIN = (
    "What have you seen?", "Which things are red?", "Which colours did you see?",
    "How many things did you see?", "How many red things did you see?", "What is in view now?",
    "What was in view at the start?", "What did keyframe 2 show?", "What is behind you?",
    "What is nearest to you?", "How often did you turn left?", "How often did you turn?",
    "Did you ever turn right?", "How often did you move forward?", "What did you do last?",
    "What was your first action?", "What did you do, all in all?",
    "How do I get back to the start?",
    "What did you see while turning left?", "What is the farthest thing you have ever seen?",
    "How many keyframes are there?", "Tell me a joke.", "Colourless green ideas?",
    "Which things did you see before the restart?",
)  # fmt: skip

MANY = settings(
    max_examples=20,
    deadline=None,
    suppress_health_check=[HealthCheck.data_too_large, HealthCheck.too_slow],
)


@st.composite
def questions(draw: st.DrawFn) -> list[str]:
    """Some questions."""
    pairs = st.tuples(
        st.sampled_from(PATTERNS), st.sampled_from((*ASKED, *NAMES)), st.sampled_from(ASKED)
    )
    named = [
        pattern.format(one, other)
        for pattern, one, other in draw(st.lists(pairs, min_size=6, max_size=6))
    ]
    return [*named, *draw(st.lists(st.sampled_from(PLAIN), min_size=3, max_size=3))]


def views(store: Store, source: str = "") -> tuple[IndexedView, SegmentView]:
    """The view through indexes, and the plain one."""
    index = indexed(store, source or None)
    assert index is not None
    none = SummaryLines(store, source, reserve=0, text_from=0)
    return (
        IndexedView(index, 550, whole=True, summaries=none),
        SegmentView(store, source, 550, whole=True, summaries=none),
    )


def same(quick: Held, plain: Held, asked: list[str]) -> None:
    """Hold one to the other."""
    assert list(quick.notes.deltas) == list(plain.notes.deltas)
    assert quick.transcript() == plain.transcript()
    if not plain.notes.deltas:
        return
    for text in asked:
        assert answer_by_rule(text, quick.notes) == answer_by_rule(text, plain.notes), text
        assert unanswerable(text, ("a sofa", "a piano"), quick.notes) == unanswerable(
            text, ("a sofa", "a piano"), plain.notes
        )
        assert recall_from(quick.notes, Question(text)) == recall_from(plain.notes, Question(text))
        assert invented_things(text, quick.notes) == invented_things(text, plain.notes)
        name = text.removesuffix("?").rpartition(" ")[2]
        for question, options in (
            (f"Where is the {name} now?", ("left", "right", "back")),
            ("Which is nearest to you now?", (f"the {name}", "red sofa")),
            ("Which action undoes your last one?", ("rotate left", "rotate right", "move forward")),
        ):
            assert settle(question, options, quick.notes) == settle(question, options, plain.notes)
        assert is_held(name, quick.notes) == is_held(name, plain.notes)


@given(memories(), questions())
@MANY
def test_the_whole_memory_says_the_same(
    rows: list[tuple[int, str, Delta]], asked: list[str]
) -> None:
    with store_of(rows) as store:
        quick, plain = views(store)
        present, last = rows[-1][0], rows[-1][2].keyframe_id
        same(quick.read(present, last), plain.read(present, last), asked)
        same(quick.read(present + 1, last), plain.read(present + 1, last), asked)  # a restart since


@given(memories(), questions(), st.data())
@MANY
def test_an_earlier_moment_and_a_single_recording_say_the_same(
    rows: list[tuple[int, str, Delta]], asked: list[str], data: st.DataObject
) -> None:
    source = data.draw(st.sampled_from(("", "walk.mcap")))
    moment = data.draw(st.integers(0, len(rows) - 1))
    with store_of(rows) as store:
        quick, plain = views(store, source)
        for last in (moment, len(rows) - 1, moment):
            segment = rows[last][0]
            same(quick.read(segment, last), plain.read(segment, last), asked)


@given(memories(), memories(), questions())
@MANY
def test_a_memory_that_grows_between_questions_says_the_same(
    rows: list[tuple[int, str, Delta]], more: list[tuple[int, str, Delta]], asked: list[str]
) -> None:
    begin, segment = len(rows), rows[-1][0]
    later = [
        (segment + number, source, replace(delta, keyframe_id=begin + delta.keyframe_id))
        for number, source, delta in more
    ]
    with store_of(rows) as store:
        quick, plain = views(store)
        same(quick.read(segment, begin - 1), plain.read(segment, begin - 1), asked)
        add_to(store, later)
        present, last = later[-1][0], later[-1][2].keyframe_id
        same(quick.read(present, last), plain.read(present, last), asked)


@given(memories(), questions(), st.booleans())
@MANY
def test_a_delta_that_is_not_committed_yet_counts_the_same(
    rows: list[tuple[int, str, Delta]], asked: list[str], broken: bool
) -> None:
    *committed, (segment, _, provisional) = rows
    segment = committed[-1][0] + 1 if committed and broken else segment
    with store_of(committed) as store:
        quick, plain = views(store)
        last = provisional.keyframe_id
        same(quick.read(segment, last, provisional), plain.read(segment, last, provisional), asked)


@given(memories())
@MANY
def test_what_is_named_as_it_was_noted_is_recalled_as_ever(
    rows: list[tuple[int, str, Delta]],
) -> None:
    notes = Notes(delta for _, _, delta in rows)
    for name in _names(notes):
        question = Question(f"Where is the {name}?")
        assert recall_from(notes, question) == recall(notes.deltas, question)


def _names(notes: Notes) -> Iterator[str]:
    """Names that a question can hold as a word."""
    names = {mention.name for delta in notes.deltas for mention in delta.mentions}
    yield from sorted(name for name in names if name.isascii() and "?" not in name)
