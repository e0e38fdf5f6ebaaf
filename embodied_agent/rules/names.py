"""Finding the names in a question: things, colours without a thing, keyframes and numbers.

The question's pattern is its text with ``X`` for each thing, ``C`` for each colour, ``KF`` for each
keyframe and ``N`` for each number. From it, `families` derives what is asked.

Out of scope: the meaning of a phrase (`phrases`), whether it is in the memory (`matching`).
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass

from lemminflect import getAllLemmas

from embodied_agent.rules.intent import intents
from embodied_agent.rules.lexicon import lexicon, singular
from embodied_agent.rules.phrases import GENERIC, Phrase, read_phrase
from embodied_agent.rules.vocabulary import ABSTRACT, FRAME, PLACES, UNSURE, word_set

_ARTICLES = word_set("a an the any some that this these those my your our his her their no")
#: After one of these, a word of `UNSURE` names a thing.
_BEFORE_NOUN = _ARTICLES | word_set(
    "another single many different other all both of two three four five several few each every"
)
_OWNERS = word_set("my your our his her their its")
#: These mean the agent itself, unless a word other than "the" and the like comes before.
_SELF = frozenset({"camera", "robot", "picture", "photo", "cameras"})
_PICTURES = frozenset({"keyframe", "frame", "picture", "image", "photo", "view", "keyframes", "no"})
#: Before "a picture", these make it a keyframe.
_IN_A_PICTURE = word_set("share shared shares sharing in on into onto of take took taken")
_AUXILIARIES = word_set(
    "do does did can could will would should has have had may might is are was were"
)
#: After a colour, these go on with the question.
_AFTER_COLOUR = _AUXILIARIES | word_set(", when where which how what please")
_ORDINALS = {
    "second": 1, "third": 2, "fourth": 3, "fifth": 4, "sixth": 5, "seventh": 6, "eighth": 7,
    "ninth": 8, "tenth": 9,
}  # fmt: skip
_NUMBERS = {
    "zero": 0, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7,
    "eight": 8, "nine": 9, "ten": 10, "eleven": 11, "twelve": 12,
}  # fmt: skip
#: After one of these, an unknown noun names a thing even without an article.
_INTRODUCING = word_set(
    "see seen saw spot spotted notice noticed noticing seeing spotting find found any many or and "
    "to than across is are was of with before after"
)


@dataclass(frozen=True, slots=True)
class Named:
    """The names in a question, and its pattern.

    Attributes:
        pattern: the question with its names replaced.
        text: the pattern, but with unknown things left in words.
        gist: the pattern, but with ``U`` for unknown things, unless their words may be the
            question's own.
        things: the phrases that name things, in order.
        known: for each thing, whether its noun is in the lexicon or the memory.
        definite: for each thing, whether "the" or the like comes before it.
        colours: colours that it names without a thing.
        keyframes: ids of keyframes that it refers to.
        numbers: other whole numbers.
        nth: positions of keyframes that it refers to, from 0 ("the third picture" is 2).
    """

    pattern: str
    text: str
    gist: str = ""
    things: tuple[Phrase, ...] = ()
    known: tuple[bool, ...] = ()
    definite: tuple[bool, ...] = ()
    colours: tuple[str, ...] = ()
    keyframes: tuple[int, ...] = ()
    numbers: tuple[int, ...] = ()
    nth: tuple[int, ...] = ()


def names_in(words: list[str], memory_nouns: Collection[str]) -> Named:
    """The names in a question's words; ``memory_nouns`` are the names and nouns in the memory."""
    spans = _known_spans(words, memory_nouns)
    spelt_out = _with_nouns(_with_colours_before(words, spans), spans)
    if spelt_out != words:
        words, spans = spelt_out, _known_spans(spelt_out, memory_nouns)
    spans = _without_asides(words, _with_unknown(words, spans), memory_nouns)
    pattern: list[str] = []
    text: list[str] = []
    gist: list[str] = []
    things: list[Phrase] = []
    known: list[bool] = []
    definite: list[bool] = []
    colours: list[str] = []
    keyframes: list[int] = []
    numbers: list[int] = []
    nth: list[int] = []
    i = 0
    starts = {start: (end, is_known) for start, end, is_known in spans}
    while i < len(words):
        word = words[i]
        if word == ",":
            i += 1
            continue
        if i in starts:
            end, is_known = starts[i]
            things.append(read_phrase(" ".join(words[i:end])))
            known.append(is_known)
            definite.append(i > 0 and words[i - 1] in ("the", "that", "this", "those", "these"))
            pattern.append("X")
            text.extend(["X"] if is_known else words[i:end])
            if is_known:
                gist.append("X")
            elif all(word in intents().words for word in words[i:end]):
                gist.extend(words[i:end])
            else:
                gist.append("U")
            i = end
            continue
        mark, i = word, i + 1
        reference = _keyframe_at(words, i - 1)
        pair = " ".join(words[i - 1 : i + 1])
        if reference is not None:
            number, position, i = reference
            mark = "KF"
            if position is None:
                keyframes.append(number)
            else:
                nth.append(position)
        elif pair in lexicon().colours and i < len(words):
            colours.append(lexicon().colours[pair])
            mark, i = "C", i + 1
        elif word in lexicon().colours:
            colours.append(lexicon().colours[word])
            mark = "C"
        elif word.isdigit() or word in _NUMBERS:
            numbers.append(int(word) if word.isdigit() else _NUMBERS[word])
            mark = "one" if word == "one" else "N"
        pattern.append(mark)
        text.append(mark)
        gist.append(mark)
    return Named(
        " ".join(pattern),
        " ".join(text),
        " ".join(gist),
        tuple(things),
        tuple(known),
        tuple(definite),
        tuple(colours),
        tuple(keyframes),
        tuple(numbers),
        tuple(nth),
    )


def _with_nouns(words: list[str], spans: list[tuple[int, int, bool]]) -> list[str]:
    """The words, with the noun that "one" stands for in "a red sofa and a green one"."""
    words = list(words)
    for i, word in enumerate(words):
        before = [span for span in spans if span[1] < i and span[2]]
        if word not in ("one", "ones") or not before or words[i - 1] not in lexicon().colours:
            continue
        start, end, _ = before[-1]
        if not {"and", "or", "nor", "but"}.isdisjoint(words[end:i]):
            words[i] = read_phrase(" ".join(words[start:end])).noun or word
    return words


def _with_colours_before(words: list[str], spans: list[tuple[int, int, bool]]) -> list[str]:
    """The words, with "a red sofa" for "a sofa in red". What people are in, they wear."""
    words = list(words)
    for start, end, is_known in spans:
        colour, after = words[end + 1 : end + 2], words[end + 2 : end + 3]
        if not (is_known and words[end : end + 1] == ["in"] and colour and start):
            continue
        phrase = read_phrase(" ".join(words[start:end]))
        told = colour[0] not in lexicon().colours or bool(phrase.colours)
        worn = phrase.kind in lexicon().members["human being"]
        whether = start == 2 and words[0] in _AUXILIARIES
        ends = not after or after[0] in _AFTER_COLOUR
        if words[start - 1] in _ARTICLES and ends and not (told or worn or whether):
            words[start : end + 2] = [colour[0], *words[start:end], ""]
    return [word for word in words if word]


def _keyframe_at(words: list[str], i: int) -> tuple[int, int | None, int] | None:
    """A reference to a keyframe at ``i``: its id, its position if given instead, and the index of
    the next word."""
    word = words[i]
    if re.fullmatch(r"#\d{1,9}", word):
        return int(word[1:]), None, i + 1
    if word in _PICTURES:
        j = i + 1
        while j < len(words) and words[j] in ("number", "no", "nr", "keyframe", "id"):
            j += 1
        if j < len(words) and re.fullmatch(r"#?\d{1,9}", words[j]):
            return int(words[j].lstrip("#")), None, j + 1
    following = words[i + 1] if i + 1 < len(words) else ""
    if word in _ORDINALS and following in ("keyframe", "frame", "picture", "image", "view"):
        return -1, _ORDINALS[word], i + 2
    return None


def _known_spans(words: list[str], memory: Collection[str]) -> list[tuple[int, int, bool]]:
    """Spans (start, end, is_known) of phrases with a noun from the lexicon or the memory.

    A phrase that goes on with unknown words ("football score") is not known.
    """
    spans: list[tuple[int, int, bool]] = []
    taken = 0
    i = 0
    while i < len(words):
        end = _noun_end(words, i, memory)
        if end is not None and end < len(words) and _noun_end(words, end, memory) is not None:
            i = end  # "glass table": the first noun only qualifies the second
            continue
        if end is None or _keyframe_at(words, i) is not None:
            i += 1
            continue
        start = i
        while start > taken and _may_precede(words[start - 1], words[start]):
            start -= 1
        stop = _compound_end(words, start, end)
        is_known = stop == end or words[end].isdigit()
        spans.append((start, stop, is_known))
        taken = i = stop
    return spans


def _noun_end(words: list[str], i: int, memory: Collection[str]) -> int | None:
    """The end of the longest known noun that begins at ``i``; ``None`` if there is none."""
    longest = max(lexicon().longest, 6)
    for end in range(min(len(words), i + longest), i, -1):
        noun = " ".join(words[i:end])
        if not (noun in memory or singular(noun) in memory or lexicon().known(noun)):
            continue
        if end - i > 1:
            return end
        return end if _is_noun_here(words, i, memory) else None
    return None


def _is_noun_here(words: list[str], i: int, memory: Collection[str]) -> bool:
    """Whether a word that can name a thing does so in its context."""
    word, before = words[i], words[i - 1] if i else ""
    following = words[i + 1] if i + 1 < len(words) else ""
    if singular(word) in GENERIC or word in GENERIC:
        return False
    if word == "light" and following in lexicon().colours:
        return False
    if word in lexicon().colours and word not in memory and singular(word) == word:
        return False
    if singular(word) in _PICTURES and (before == "many" or words[max(0, i - 2)] in _IN_A_PICTURE):
        return False  # "how many pictures?" asks for keyframes
    if word in _SELF:
        return before in _BEFORE_NOUN - {"the", "your", "this", "my", "one"}
    if word in UNSURE or word in FRAME:
        coloured = before in lexicon().colours or before in lexicon().idle
        return before in _BEFORE_NOUN or coloured or (len(words) <= 2 and word not in FRAME)
    return True


def _may_precede(word: str, noun: str) -> bool:
    """Whether a word before a noun belongs to its phrase, as colours, adjectives and nouns do."""
    table = lexicon()
    if word in table.colours or word in table.idle or word in ("dark", "light", "bright", "pale"):
        return True
    if word in FRAME or not word.replace("-", "").isalpha():
        return False
    lemmas = getAllLemmas(word)
    return not lemmas or "ADJ" in lemmas or "NOUN" in lemmas


def _compound_end(words: list[str], start: int, end: int) -> int:
    """The end of a phrase that goes on after a known noun, as in "football score", "glass of water"
    and "gate 4"."""
    if end < len(words) and words[end].isdigit():
        return end + 1
    if any(word in _AUXILIARIES for word in words[:start]):
        following = ""
    else:
        following = words[end] if end < len(words) else ""
    while following and _is_nounish(following):
        end += 1
        following = words[end] if end < len(words) else ""
    joint = words[end] if end < len(words) else ""
    after = words[end + 1] if end + 1 < len(words) else ""
    if joint in ("of", "with") and after and _is_nounish(after):
        return end + 2
    return end


def _is_nounish(word: str) -> bool:
    """Whether an unknown word may be a noun."""
    if _is_frame(word) or word in lexicon().colours:
        return False
    if not word.replace("-", "").isalpha():
        return False
    lemmas = getAllLemmas(word)
    return not lemmas or ("NOUN" in lemmas and "ADV" not in lemmas)


def _with_unknown(
    words: list[str], spans: list[tuple[int, int, bool]]
) -> list[tuple[int, int, bool]]:
    """The spans, plus those of unknown names: runs of words that may be nouns, after an article,
    after a word such as "see", or in a question of hardly any other words."""
    covered = {i for start, end, _ in spans for i in range(start, end)}
    all_spans = list(spans)
    i = 0
    while i < len(words):
        if i in covered or not _belongs(words[i]):
            i += 1
            continue
        end = i
        while end < len(words) and end not in covered and _belongs(words[end]):
            end += 1
        while end > i and not _is_nounish(words[end - 1]):
            end -= 1
        if end > i and _is_place(words, i, end):
            covered.update(range(i, end))
            i = end
            continue
        if end > i and _is_introduced(words, i, end):
            all_spans.append((i, end, False))
            i = end
        else:
            i += 1
    return sorted(all_spans)


def _without_asides(
    words: list[str], spans: list[tuple[int, int, bool]], memory: Collection[str]
) -> list[tuple[int, int, bool]]:
    """The spans without those that only tell the story around a question: "my wife", "the figure",
    "on our expedition". The last span is never left out."""

    def is_in_memory(span: tuple[int, int, bool]) -> bool:
        phrase = read_phrase(" ".join(words[span[0] : span[1]]))
        return phrase.kind in memory or phrase.noun in memory

    def is_owned(span: tuple[int, int, bool]) -> bool:
        return span[0] > 0 and words[span[0] - 1] in _OWNERS

    def is_aside(span: tuple[int, int, bool]) -> bool:
        start, end, is_known = span
        if is_known:
            return is_owned(span)
        if all(word in intents().words for word in words[start:end]):
            return True
        return is_owned(span) or not (start and words[start - 1] in (*_ARTICLES, "or", "and"))

    held = [span for span in spans if is_in_memory(span)]
    main = held or [span for span in spans if span[2]]
    if not main:
        main = [span for span in spans if not is_aside(span)]
    if not main:
        return spans
    return [span for span in spans if span in main or not is_aside(span)]


def _is_place(words: list[str], start: int, end: int) -> bool:
    """Whether words name a place where something was, as in "in the living room"."""
    return (
        words[end - 1] in PLACES
        and start > 1
        and words[start - 1] in ("the", "this", "that", "your", "my")
        and words[start - 2] in ("in", "of", "inside", "at", "from", "to", "through", "around")
    )


def _is_frame(word: str) -> bool:
    """Whether a word belongs to the question rather than to a name, as "front-left" does."""
    parts = word.split("-")
    return word in ABSTRACT or all(part in FRAME for part in parts)


def _belongs(word: str) -> bool:
    table = lexicon()
    if word in table.colours or word in table.idle:
        return True
    return not _is_frame(word) and word.replace("-", "").isalpha()


def _is_introduced(words: list[str], start: int, end: int) -> bool:
    before = words[start - 1] if start else ""
    rest = len(words) - (end - start)
    plain = all(
        word not in lexicon().colours and word not in lexicon().idle for word in words[start:end]
    )
    if not any(_is_nounish(w) for w in words[start:end]):
        return False
    if before in _BEFORE_NOUN:
        return True
    return plain and (before in _INTRODUCING or rest <= 2)
