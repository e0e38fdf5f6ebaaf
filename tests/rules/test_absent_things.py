"""What no keyframe shows is not said to be there, whatever it is and however it is asked for."""

from __future__ import annotations

import itertools
import random
import re

from embodied_agent.rules import Notes, Saying, answer_by_rule
from embodied_agent.rules.lexicon import lexicon, plural, with_article
from tests.support.notes import CLIPS, HOME, clip_notes

#: Things that neither the clips nor the home hold, some of them unknown to the lexicon.
ABSENT = (
    "fridge", "piano", "giraffe", "fire extinguisher", "bathtub", "helicopter", "microwave",
    "ladder", "violin", "wheelbarrow", "parking meter", "teapot", "kayak", "sewing machine",
    "penguin", "toaster", "hammock", "telescope", "surfboard", "washing machine", "zorbulator",
    "flux capacitor", "kitten", "coffee maker", "motorbike", "vacuum cleaner", "ironing board",
    "birthday cake", "red anvil", "purple umbrella", "green kayak", "orange tractor", "theremin",
    "sundial", "pogo stick",
)  # fmt: skip
ASKED = (
    "Is there {a}?", "did you see {a}", "Have you noticed {a} anywhere?", "any {many}?", "{a}?",
    "What colour is the {one}?", "I need the colour of that {one}.", "How many {many} did you see?",
    "Where is the {one}?", "could you point me to the {one}?", "When did you first see the {one}?",
    "where did you last see the {one}", "How do I get back to the {one}?", "how far is the {one}",
    "What did you see together with the "
        "{one}?", "Is the {one} behind you?", "tell me about the {one}",
    "What did you do before you saw the {one}?", "count the {many}", "was there a single {one}",
)  # fmt: skip


def _cases() -> list[tuple[Notes, str, str]]:
    memories = [Notes(HOME), *(clip_notes(clip) for clip in CLIPS)]
    rng = random.Random(7)
    pairs = rng.sample(list(itertools.product(ABSENT, ASKED)), 600)
    return [
        (
            rng.choice(memories),
            thing,
            form.format(a=with_article(thing), one=thing, many=plural(thing)),
        )
        for thing, form in pairs
    ]


def _answers() -> list[tuple[Notes, str, str, Saying]]:
    answers = []
    for notes, thing, text in _cases():
        saying = answer_by_rule(text, notes).saying
        assert saying is not None, text
        answers.append((notes, thing, text, saying))
    return answers


def _claims(text: str) -> str:
    """What is left of an answer without what it denies and what it quotes of the notes."""
    kept = []
    for sentence in re.split(r"(?<=[.])\s", re.sub(r"“[^”]*”", "", text)):
        denied = re.search(r"\b(?:not|nothing|no|never|can't)\b", sentence)
        kept.append(sentence.partition(", but I saw ")[2] if denied else sentence)
    return " ".join(kept).lower()


def test_at_least_98_of_100_absent_things_were_not_seen() -> None:
    answers = _answers()
    assert len(answers) >= 500
    wrong = [(text, s.text) for _, _, text, s in answers if s.status != "not_seen"]
    assert len(wrong) <= 0.02 * len(answers), wrong


def test_no_answer_of_500_names_what_the_memory_does_not_hold() -> None:
    words = {word for word in lexicon().kinds if " " not in word}
    words |= {plural(word) for word in words}
    words -= {"in", "light"}  # "light blue"
    invented = []
    for notes, thing, text, saying in _answers():
        held = " ".join(notes.things)
        claims = _claims(saying.text)
        if re.search(rf"\b{re.escape(thing)}\b", claims):
            invented.append((text, saying.text))
        said = set(re.findall(r"[a-z]+", claims))
        invented += [(word, saying.text) for word in words & said if word not in held]
    assert invented == []


def test_what_comes_nearest_is_named_with_its_keyframe() -> None:
    for notes, _, _, saying in _answers():
        if "closest match in my memory" not in saying.text:
            continue
        match = re.search(r"is (?:an? )?(.+) \(#(\d+)\)\.", saying.text)
        assert match is not None
        index = notes.index(int(match[2]))
        assert index is not None
        assert match[1] in {m.name for m in notes.deltas[index].mentions}
