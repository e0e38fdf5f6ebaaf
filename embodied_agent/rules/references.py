"""What "it", "the last one", "the other" or a bare "where?" in a later question of a text stand for.

    answer_in_turn(["Have you passed any plants", "where was the last one?"], answer, notes)

A later question takes its thing from the one before: what that one names or, where it asks for a
thing ("what is nearest to you?"), what it was answered with. A reference to one of several is
resolved in the notes, so that what is asked of it may be anything.

Out of scope: where one question ends and the next begins (`several`), questions that follow one
another in separate texts: each of these stands alone.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from embodied_agent.rules.about_things import fits
from embodied_agent.rules.asked import Asked, Family
from embodied_agent.rules.lexicon import lexicon, singular
from embodied_agent.rules.matching import match
from embodied_agent.rules.names import names_in
from embodied_agent.rules.notes import Notes, Thing
from embodied_agent.rules.phrases import Phrase, read_phrase
from embodied_agent.rules.speech import Saying, join_names, the
from embodied_agent.rules.tokens import tokens_of

#: What answers a question that stands alone: how it was understood, and what is said.
Answering = Callable[[str], tuple[Asked, Saying | None]]

#: Pronouns for one thing, or for several.
_PRONOUN = r"(?:it|he|him|she|her|(?:that|this) one)"
_PRONOUNS = re.compile(
    rf"\b(?:{_PRONOUN}|(?P<plural>they|them|those(?= (?:are|were)\b|\W*$)))\b", re.IGNORECASE
)
#: Families whose answer begins with the one thing that is asked for.
_CHOOSES: frozenset[Family] = frozenset({"nth", "nearest_of", "nearer", "order", "most_seen"})
#: Families that ask for things: these are in the answer.
_FINDS: frozenset[Family] = frozenset(
    {
        "nearest", "farthest", "around", "in_view", "at_start", "at_keyframe", "together",
        "relation", "use", "seen_after", "seen_before", "seen_between", "latest", "of_colour",
        "others", "changed",
    }
)  # fmt: skip
#: Parts that are understood so are no questions of their own.
_NOT_ALONE: frozenset[Family] = frozenset({"unclear", "out_of_scope", "unresolved"})
#: Families about the robot's own motion, which a later question names.
_OF_MOTION: frozenset[Family] = frozenset({"actions", "first_action", "last_action"})
_MOVING = re.compile(
    r"\b(?:do|did|done|doing|mov\w+|turn\w*|motions?|actions?|steps?|go|went|way|path|route|happened)\b",
    re.IGNORECASE,
)
#: More things than this are not meant by "it" or "them".
_MOST = 3
_ORDINAL = r"last|latest|first|earliest|second|third|fourth|fifth"
_RANGE = r"nearest|closest|nearer|closer|farthest|furthest|farther|further"
#: What may follow "the last" or "the nearest" where it means one of those that were named.
_OF_THEM = (
    r"(?: (?:one|of them|of those|of these)\b|(?=(?: (?:to|from) (?:you|me|us|here))?\W*$)|"
    r"(?= (?:that )?you saw\W*$))"
)
_ONE_OF = re.compile(rf"\bthe (?:very )?(?P<which>{_ORDINAL}|{_RANGE}){_OF_THEM}", re.IGNORECASE)
#: "which one is nearest", "which of them was the last".
_WHICH = re.compile(
    r"\bwhich(?: one| of (?:them|those|these|the \w+))? (?:is|was|are|were|came)(?: the)? "
    rf"(?P<which>{_ORDINAL}|{_RANGE}){_OF_THEM}",
    re.IGNORECASE,
)
#: "%" is the noun.
_OTHER = (
    r"\b(?:the|any) other(?:s| ones?| %s?)?(?: of them)?\b"
    r"(?! (?:than|side|way|hand|direction|end|things?|objects?|keyframes?|pictures?)\b)"
)
_COLOURED = re.compile(r"\b(?P<colour>[a-z]+(?: [a-z]+)?) ones?\b", re.IGNORECASE)
#: Questions of one or two words, and what they ask in full; "%" is the thing.
_SHORT: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(rf"^(?:and |if so,? )?{words}\W*$", re.IGNORECASE), whole)
    for words, whole in (
        (r"where(?: (?:is|was) that)?", "where is %?"),
        (r"when(?: was (?:that|this))?", "when did you see %?"),
        (r"when was the (?:last|latest) time", "when did you last see %?"),
        (r"when was the first time", "when did you first see %?"),
        (r"how far(?: away)?(?: (?:is|was) that)?", "how far is %?"),
        (r"(?:which way|in (?:what|which) direction)(?: is that)?", "which way is %?"),
        (r"(?:in |of )?what colou?r(?: (?:is|was) that)?", "what colour is %?"),
        (r"(?:how often|how many times)", "how often did you see %?"),
        (r"(?:in|on|at) (?:which|what) (?:keyframe|picture|image|frame)s?", "in which keyframes did you see %?"),
    )
)  # fmt: skip
#: Asks for one of several, whatever else of it.
_ASKS_WHICH = re.compile(
    r"^(?:and |so )?(?:where|which|what (?:is|was)(?= the)|show me|point me to|point to|take me to|lead me to)\b",
    re.IGNORECASE,
)
_COMPARED = {
    **dict.fromkeys(("nearest", "closest", "nearer", "closer"), "is nearer"),
    **dict.fromkeys(("farthest", "furthest", "farther", "further"), "is farther"),
}
_IS_THERE = re.compile(r"^(?:is|are|was|were) there\b", re.IGNORECASE)
_PLACES = ("first", "second", "third", "fourth", "fifth")
_MOTION = re.compile(r"^did you\b", re.IGNORECASE)


@dataclass(frozen=True)
class _Subject:
    """What a question was about.

    Attributes:
        words: what it was about, in words.
        things: the things in the notes that this means.
        group: these, and all others that the question named, for "which of them".
        noun: the kind, in the singular, if it is one.
        plain: whether every thing of that kind is meant.
        found: whether the answer named it rather than the question.
        unseen: whether it was not seen, so that nothing more can be told of it.
    """

    words: tuple[str, ...] = ()
    things: tuple[Thing, ...] = ()
    group: tuple[Thing, ...] = ()
    noun: str = ""
    plain: bool = False
    found: bool = False
    unseen: bool = False

    def named(self) -> str:
        """It, or them, with the definite article."""
        return join_names(the(word) for word in self.words)


def answer_in_turn(
    parts: Sequence[str], answer: Answering, notes: Notes
) -> list[tuple[Asked, Saying]] | None:
    """The questions of one text, understood and answered one after the other; ``None`` where one of
    them is no question of its own, or names nothing that is known.

    Args:
        parts: the questions.
        answer: answers one that stands alone.
        notes: the memory.
    """
    told: list[tuple[Asked, Saying]] = []
    subject = _Subject()
    before = ""
    for part in parts:
        whole = _resolved(part, subject, before, answer, notes) if told else part
        if whole is None:
            return None
        if isinstance(whole, Saying):
            told.append((told[-1][0], whole))
            continue
        if not whole:
            continue  # it was not seen, which is told
        asked, saying = answer(whole)
        if saying is None or asked.family in _NOT_ALONE:
            return None
        if told and asked.family in _OF_MOTION and not _MOVING.search(whole):
            return None  # "the last" of what?
        told.append((asked, saying))
        subject = _subject_of(asked, saying, notes) or subject
        before = whole
    return told


def _subject_of(asked: Asked, saying: Saying, notes: Notes) -> _Subject | None:
    """What a question was about; ``None`` where it was about no thing."""
    answered = saying.status == "answered"
    if answered and asked.family in _CHOOSES | _FINDS:
        named = {id(thing) for thing in _meant(asked.things, notes)}
        things = _things_in(saying.text, notes)
        if asked.family in _CHOOSES:
            things = things[:1]
        elif len(things) > 1 or asked.family in ("together", "relation"):
            things = [t for t in things if id(t) not in named] or things
        if 0 < len(things) <= _MOST:
            noun = singular(things[0].phrase.noun) if len(things) == 1 else ""
            group = tuple(things)
            return _Subject(tuple(t.name for t in things), group, group, noun, found=True)
        if asked.family in _FINDS and not asked.things:
            return _Subject()
    if not asked.things:
        return None
    phrases = asked.things[:1] if asked.family == "related" else asked.things
    one = phrases[0] if len(phrases) == 1 else None
    return _Subject(
        tuple(phrase.text for phrase in phrases),
        _meant(phrases, notes),
        _meant(asked.things, notes),
        "" if one is None else singular(one.noun),
        plain=one is not None and len(asked.things) == 1 and not one.colours | set(one.qualifiers),
        unseen=saying.status == "not_seen",
    )


def _meant(phrases: Sequence[Phrase], notes: Notes) -> tuple[Thing, ...]:
    return tuple(thing for phrase in phrases for thing in fits(match(phrase, notes)))


def _things_in(text: str, notes: Notes) -> list[Thing]:
    """The things in the notes that an answer names, in its order."""
    nouns = notes.nouns
    named = names_in(tokens_of(text, nouns.words(), mend=False), nouns)
    things: dict[int, Thing] = {}
    for phrase in named.things:
        for thing in match(phrase, notes).things:
            if thing.phrase.text == phrase.text:
                things.setdefault(id(thing), thing)
    return list(things.values())


def _resolved(
    part: str, subject: _Subject, before: str, answer: Answering, notes: Notes
) -> str | Saying | None:
    """The question so that it stands alone, or what is said at once; ``None`` where it refers to
    nothing that is known."""
    short = next((whole for pattern, whole in _SHORT if pattern.match(part)), None)
    other = re.search(_OTHER.replace("%", re.escape(subject.noun or "one")), part, re.IGNORECASE)
    one = _WHICH.search(part) or _ONE_OF.search(part)
    pronoun = _PRONOUNS.search(part)
    if subject.unseen and (short or one or pronoun):
        return ""
    if short is not None and subject.words:
        return short.replace("%", subject.named())
    if short is not None:
        often = "how often" in short and _MOTION.match(before)
        return _MOTION.sub("how often did you", before) if often else None
    if other is not None:
        return _other(part, other, subject, notes)
    if one is not None:
        return _one_of(part, one, subject, answer, notes) if subject.words else None
    coloured = _COLOURED.search(part)
    if coloured is not None and subject.noun and _names_colour(coloured["colour"]):
        return f"{part[: coloured.end('colour')]} {subject.noun}{part[coloured.end() :]}"
    if pronoun is None:
        return part
    if len(subject.words) == 1 or (subject.words and (pronoun["plural"] or subject.found)):
        return _PRONOUNS.sub(lambda _: subject.named(), part)
    return part


def _names_colour(words: str) -> bool:
    return words.lower().split()[-1] in lexicon().colours


def _other(part: str, other: re.Match[str], subject: _Subject, notes: Notes) -> str | Saying | None:
    """With "the other one" replaced by the things of its kind that were not asked about."""
    if not subject.noun:
        return None
    asked_about = {id(thing) for thing in subject.things}
    kind = _meant([read_phrase(subject.noun)], notes)
    things = [thing for thing in kind if id(thing) not in asked_about]
    if not things:
        return Saying(f"I saw no other {subject.noun}.", (), "not_seen")
    if len(things) > 2 * _MOST:
        return None
    names = join_names(the(thing) for thing in things)
    if _IS_THERE.match(part):
        return f"did you see {names}?"
    return f"{part[: other.start()]}{names}{part[other.end() :]}"


def _one_of(
    part: str, one: re.Match[str], subject: _Subject, answer: Answering, notes: Notes
) -> str | Saying | None:
    """With "the last one" replaced by the thing that this is."""
    which = one["which"].lower()
    if subject.plain and subject.things and not subject.found and _ASKS_WHICH.match(part):
        superlative = {"nearer": "nearest", "closer": "closest"}.get(which, which)
        if one.re is _WHICH:
            return f"which is the {superlative} {subject.noun}?"
        return f"{part[: one.start()]}the {superlative} {subject.noun}{part[one.end() :]}"
    chosen = list(subject.group)
    if len(chosen) > 1 and (re.fullmatch(_RANGE, which) or one.re is _WHICH):
        things = join_names((the(thing) for thing in chosen), "or")
        _, compared = answer(f"which {_COMPARED.get(which, f'did you see {which}')}, {things}?")
        if compared is None or compared.status != "answered" or one.re is _WHICH:
            return compared
        chosen = _things_in(compared.text, notes)[:1]
    elif len(chosen) > 1:
        chosen = _ordered(chosen, which)
    if not chosen:
        return None
    names = join_names(the(thing) for thing in chosen)
    if one.re is _WHICH:
        return f"where did you last see {names}?"
    return f"{part[: one.start()]}{names}{part[one.end() :]}"


def _ordered(things: Sequence[Thing], which: str) -> list[Thing]:
    """Those of several that are "first", "second" or "last"; several that are equally so."""
    if which in ("last", "latest"):
        latest = max(thing.last_index for thing in things)
        return [thing for thing in things if thing.last_index == latest]
    firsts = sorted({thing.first_index for thing in things})
    at = _PLACES.index(which) if which in _PLACES else 0
    return [thing for thing in things if at < len(firsts) and thing.first_index == firsts[at]]
