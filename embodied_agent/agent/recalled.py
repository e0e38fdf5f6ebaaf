"""What recall adds for a question: entries about the things that it names, by any of their names.

Names that occur in the question exactly as they were noted come first. Other names are matched as
the rules match them: "couch" recalls the green sofa, "chair" the wooden office chair.

Out of scope: the line itself (`embodied_agent.transcript.recall`).
"""

from __future__ import annotations

from embodied_agent.records import Question
from embodied_agent.rules.matched import matched
from embodied_agent.rules.names import names_in
from embodied_agent.rules.notes import Notes, Thing
from embodied_agent.rules.phrases import Phrase, read_phrase
from embodied_agent.rules.tokens import tokens_of
from embodied_agent.transcript.recall import asked_text, named_objects, recall_named

#: Most things that are recalled for one phrase: those seen last.
_MOST = 3


def recall_from(notes: Notes, question: Question) -> tuple[str, tuple[int, ...]]:
    """The line of what is recalled (empty if the question names nothing known), and its
    keyframes."""
    text = asked_text(question)
    names = named_objects(text, notes.named_in(text))
    exact = [read_phrase(name) for name in names]
    for part in (question.text, *question.choices):
        named = names_in(tokens_of(part, mend=False), notes.nouns)
        for phrase in named.things:
            if not phrase.is_generic and not any(_is_said(phrase, one) for one in exact):
                names += [thing.name for thing in _meant(phrase, notes)]
    where = {name: notes.where_named(name) for name in dict.fromkeys(names)}
    return recall_named(notes.deltas, where, start=notes.start)


def _is_said(phrase: Phrase, exact: Phrase) -> bool:
    """Whether the question holds this phrase exactly as it was noted."""
    return phrase.kind == exact.kind and phrase.colours <= exact.colours


def _meant(phrase: Phrase, notes: Notes) -> list[Thing]:
    result = matched(phrase, notes)
    things = result.things or result.within
    return sorted(things, key=lambda thing: -thing.last_index)[:_MOST]
