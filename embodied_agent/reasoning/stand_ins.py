"""Stand-ins for object names that a small model does not know.

The built-in reasoner was trained on little more than a hundred object names, each a single token.
Any other name, such as "beige ottoman" from a VLM, reaches it in fragments that it copies and
compares badly. So each name in its prompt that it does not know is replaced by one that it does,
the same one everywhere, and its reply gets the names back. What it reasons about (directions,
distances, order) does not depend on names.

A name keeps its stand-in as long as the transcript grows, so the prompt's beginning stays the same.

Out of scope: models that read any name (`embodied_agent.reasoning.served`), where a model's folder
says which names it knows (`embodied_agent.models.prompting`).
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from embodied_agent.reasoning.base import Prompt
from embodied_agent.records import DIRECTIONS, DISTANCES, Action, Question

_DIRECTION = "|".join(sorted(DIRECTIONS, key=len, reverse=True))
_DISTANCE = "|".join(DISTANCES)
#: A mention in a transcript's line, in the line of what is recalled, or in a reasoning.
_MENTION = re.compile(
    rf"(?:: |; |, |#\d+ |^(?:the )?)(?P<name>[^\s:;,#.=][^:;,#=\n]*?)(?: #\d+)?"
    rf" (?:{_DIRECTION})(?: (?:{_DISTANCE}))?(?=[;,.]| =)",
    re.MULTILINE,
)
#: "#4 rotate left." is an action, and no thing called "rotate".
_VERBS = frozenset(action.value.split()[0] for action in Action)
#: Choices that name no object.
_NO_OBJECT = re.compile(rf"(?:move|rotate|tilt|step|the memory|{_DIRECTION})\b", re.IGNORECASE)
_NOUN = re.compile(r"[^\W\d_][\w-]*$")
_OPENING = r"(?<![\w-])"
_DETERMINERS = r"(?P<before>\b(?:the|a|an|this|that|my|your) )"


@dataclass(frozen=True)
class StandIns:
    """The stand-ins of one prompt: ``of`` by name as noted, in lower case, and ``names`` by
    stand-in. Names that the model knows stand for themselves and are in neither."""

    of: Mapping[str, str]
    names: Mapping[str, str]

    def put(self, prompt: Prompt) -> Prompt:
        """``prompt`` with stand-ins."""
        if not self.of:
            return prompt
        recalled, newline, asked = prompt.task.partition("\n")
        names, nouns = _pattern(self.of), self._nouns()

        def with_stand_ins(text: str, *, nouns_too: bool) -> str:
            text = names.sub(lambda m: _found(self.of, m.group()), text)
            if nouns_too and nouns:
                text = _pattern(nouns, _DETERMINERS).sub(
                    lambda m: m["before"] + _found(nouns, m.group()[len(m["before"]) :]), text
                )
            return text

        return replace(
            prompt,
            transcript=with_stand_ins(prompt.transcript, nouns_too=False),
            task=with_stand_ins(recalled + newline, nouns_too=False)
            + with_stand_ins(asked, nouns_too=True),
            choices=tuple(with_stand_ins(choice, nouns_too=True) for choice in prompt.choices),
        )

    def _nouns(self) -> dict[str, str]:
        """The stand-ins of names that are named by their noun alone: "the ottoman"."""
        found: dict[str, list[str]] = {}
        for name, stand_in in self.of.items():
            noun = _NOUN.search(name)
            if noun and noun.group() != name:
                found.setdefault(noun.group(), []).append(stand_in)
        return {noun: names[0] for noun, names in found.items() if len(names) == 1}


def stand_ins_for(prompt: Prompt, known: Sequence[str]) -> StandIns:
    """Choose the stand-ins for a prompt in the compact style.

    Args:
        prompt: with its transcript; the first line of its task is what is recalled.
        known: names that the model was trained on (`Prompting.names`); without any, nothing is
            replaced.
    """
    if not known:
        return StandIns({}, {})
    recalled = prompt.task.partition("\n")[0]
    text = f"{prompt.transcript}\n{recalled}"
    noted = [m["name"] for m in _MENTION.finditer(text) if m["name"] not in _VERBS]
    chosen = (part for choice in prompt.choices for part in choice.split(", "))
    noted += [
        part
        for part in chosen
        if part and not _NO_OBJECT.match(part) and _pattern([part]).search(text)
    ]
    # Names that the model knows and that only the question speaks of must not be stand-ins.
    asked = _pattern(known).findall(f"{prompt.task}\n" + "\n".join(prompt.choices))
    known_set, taken, of = frozenset(known), set[str](), dict[str, str]()
    for name in dict.fromkeys(name.casefold() for name in (*noted, *asked)):
        stand_in = name if name in known_set and name not in taken else _free(name, known, taken)
        if stand_in is None:
            break
        taken.add(stand_in)
        of[name] = stand_in
    written = {name.casefold(): name for name in reversed(noted)}
    changed = {name: stand_in for name, stand_in in of.items() if name != stand_in}
    return StandIns(changed, {s: written.get(name, name) for name, s in changed.items()})


def stand_ins_for_judge(
    question: Question, reasoning: str, known: Sequence[str]
) -> tuple[StandIns, Question, str]:
    """The stand-ins for a judge that reads no transcript, and question and reasoning with them."""
    prompt = Prompt("", reasoning, f"\n{question.text}", question.choices)
    stand_ins = stand_ins_for(prompt, known)
    put = stand_ins.put(prompt)
    asked = replace(question, text=put.task.removeprefix("\n"), choices=put.choices)
    return stand_ins, asked, put.transcript


def _free(name: str, known: Sequence[str], taken: Iterable[str]) -> str | None:
    """A known name that is not taken, the same for the same name while it is free."""
    first = zlib.crc32(name.encode())
    for step in range(len(known)):
        stand_in = known[(first + step) % len(known)]
        if stand_in not in taken:
            return stand_in
    return None


class Restored:
    """Puts the names back into a reply that comes in pieces."""

    def __init__(self, stand_ins: StandIns) -> None:
        self._names = stand_ins.names
        self._pattern = _pattern(self._names) if self._names else None
        self._held = ""

    def push(self, piece: str) -> str:
        """What can be said after ``piece``; the beginning of a stand-in is held back."""
        if self._pattern is None:
            return piece
        self._held += piece
        longest = max(map(len, self._names))
        tails = (self._held[-n:] for n in range(min(longest, len(self._held)), 0, -1))
        tail = next((t for t in tails if any(name.startswith(t) for name in self._names)), "")
        said, self._held = self._held[: len(self._held) - len(tail)], tail
        return self._restored(said)

    def flush(self) -> str:
        """What was held back."""
        said, self._held = self._held, ""
        return self._restored(said)

    def whole(self, reply: str) -> str:
        """A whole reply with its names."""
        return self._restored(reply)

    def _restored(self, text: str) -> str:
        if self._pattern is None:
            return text
        return self._pattern.sub(lambda m: _found(self._names, m.group()), text)


def _found(names: Mapping[str, str], written: str) -> str:
    """What stands for a name as it is ``written``, which stays where only a regular expression
    takes two letters for the same (i and ı)."""
    return names.get(written.casefold(), written)


def _pattern(names: Iterable[str], before: str = _OPENING) -> re.Pattern[str]:
    """Any of the names as whole words, the longest first."""
    ordered = sorted(names, key=lambda name: (-len(name), name))
    options = "|".join(map(re.escape, ordered))
    return re.compile(rf"{before}(?:{options})(?![\w-])", re.IGNORECASE)
