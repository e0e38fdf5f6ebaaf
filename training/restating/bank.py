"""Phrasings of questions by form, each filled with things, and the reply that restates it.

The phrasings are those taught to the rules (`sim_clips.questions.free`,
``training/intent_phrasings.yaml``) and those of further authors (`authors`). Held-out phrasings are
never read.

Out of scope: rows for a trainer (`rows`), measuring (`measure`).
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence

import numpy as np

from embodied_agent.rules.families import understand
from embodied_agent.rules.lexicon import plural, with_article
from embodied_agent.rules.plain import AS_PUT, OFF_TOPIC, PLACES, PLAIN, UNNOTED, UNNOTED_OF
from sim_clips.questions.free.nouns import ADJECTIVES, NOUNS
from sim_clips.questions.free.phrasings import TAUGHT
from sim_clips.scene import COLOURS
from sim_clips.splits import TRAINED_WORLDS, pairs_of
from training.intents import PHRASINGS as INTENT
from training.restating.authors import DEVELOPMENT, TRAINING, Phrasing, written_in

_SLOT = re.compile(r"\{(\w+)\}")
#: The forms of the banks whose names differ from those of `PLAIN`.
_FORM_OF: Mapping[str, str] = {
    "existence_the": "existence", "is_colour": "was_colour", "unnoted": "unknowable",
    "unnoted_way": "unknowable_way", "where": "which_way", "order": "order_first",
    "is_order": "order_yes", "seen_after": "see_next",
}  # fmt: skip
#: The same for slots.
_SLOT_OF: Mapping[str, str] = {
    "x": "name", "y": "other", "z": "third", "a_x": "a_name", "xs": "names", "c": "colour",
    "beside": "place",
}  # fmt: skip
#: Families of ``intent_phrasings.yaml`` that have no form of their own, or mix several.
_MIXED = frozenset({"relation", "seen_before", "when", "nearest"})
#: In these the reply names the things in the order of the question.
_IN_ORDER = frozenset({"order_first", "order_list", "ever_together", "nearer"})
#: Banks of the rules mix these with their opposites, which have no plain form.
_REVERSIBLE = frozenset({"nearer", "order_first"})
_AFTER_OTHER = re.compile(r"\{name\} (?:show|turn|pop|c[ao]m)\w* (?:up )?after the \{other\}")
_SAMPLE = {"name": "sofa", "other": "lamp", "third": "bed", "n": "12"}
#: These name a thing without its colour.
_ABOUT_COLOUR = frozenset({"colour", "colours", "was_colour"})
#: How often a thing is named by words that no simulated world uses.
_OTHER_WORDS = 0.65
_TURNS = ("left", "right")
_WORDS_OF_PLACE: Mapping[str, Sequence[str]] = {
    "behind": ("behind", "behind", "in back of"),
    "in front of": ("in front of", "ahead of", "in front of"),
    "to the left of": ("to the left of", "left of", "on the left of"),
    "to the right of": ("to the right of", "right of", "on the right of"),
}


def taught() -> list[Phrasing]:
    """All phrasings that may be trained on."""
    found = [Phrasing(form, text) for form, texts in TAUGHT.items() for text in texts]
    for family, lines in INTENT.items():
        if family not in _MIXED:
            found += [Phrasing(family, line.strip()) for line in lines.strip().splitlines()]
    found += written_in(TRAINING)
    return list(dict.fromkeys(_tidied(p) for p in found))


def development() -> list[Phrasing]:
    """Phrasings of authors that nothing is trained on, without those that authors for training
    happen to have written, too."""
    ours = {_letters(phrasing.text) for phrasing in taught()}
    found = [_tidied(phrasing) for phrasing in written_in(DEVELOPMENT)]
    return [phrasing for phrasing in found if _letters(phrasing.text) not in ours]


def by_form() -> dict[str, tuple[str, ...]]:
    """The development phrasings by the forms of `sim_clips.questions.free`, in its slots."""
    found: dict[str, list[str]] = defaultdict(list)
    for phrasing in development():
        if phrasing.form in TAUGHT:
            found[phrasing.form].append(phrasing.text.replace("{place}", "{side}"))
    return {form: tuple(texts) for form, texts in found.items()}


def _letters(text: str) -> str:
    """A phrasing without its slots' names, case and punctuation, to compare it with others."""
    return " ".join(re.findall(r"[\w']+", _SLOT.sub("x", text.lower())))


def _tidied(phrasing: Phrasing) -> Phrasing:
    """A phrasing with the present names of forms and slots."""
    form = _FORM_OF.get(phrasing.form, phrasing.form)
    text = _SLOT.sub(lambda m: f"{{{_SLOT_OF.get(m[1], m[1])}}}", phrasing.text)
    slots = set(_SLOT.findall(text))
    if form == "around" or form == "is_side":
        text = text.replace("{side}", "{place}")
    if form == "count_all" and "colour" in slots:
        form = "count_colour"
    if form == "colours" and "names" not in slots and "name" not in slots:
        form = "colours_all"
    if form == "order_first" and "third" in slots:
        form = "order_list"
    if form == "turns" or form == "turns_side":
        form = "turns_side" if "side" in slots else "turns_all"
    if form == "inventory" and "n" in slots:
        form = "name_some"
    if form == "order_yes" and _AFTER_OTHER.search(text):
        text = text.replace("{name}", "{}").replace("{other}", "{name}").replace("{}", "{other}")
    if (form in _REVERSIBLE and _is_reversed(text)) or (
        form == "action_at" and "after key" in text
    ):
        form = "as_put"
    if form == "unknowable" and not {"name", "a_name", "names"} & slots:
        form = "unknowable_way"
    return Phrasing(form, text)


def _is_reversed(text: str) -> bool:
    """Whether a phrasing asks for the opposite of its form: "farther" instead of "nearer"."""
    return understand(_SLOT.sub(lambda m: _SAMPLE.get(m[1], "sofa"), text)).reverse


def reply_of(form: str, slots: Mapping[str, str]) -> str:
    """The reply that restates a question of a form, with its slots filled."""
    match form:
        case "as_put":
            return AS_PUT
        case "out_of_scope":
            return OFF_TOPIC
        case "unknowable":
            return UNNOTED_OF.format(**slots)
        case "unknowable_way":
            return UNNOTED
    return PLAIN[form].format(**slots)


def filled(phrasing: Phrasing, rng: np.random.Generator) -> tuple[str, str]:
    """A question of a phrasing with its slots filled, and its reply."""
    form, text = phrasing.form, phrasing.text
    plain = form in _ABOUT_COLOUR or "{colour} {name" in text
    names = _names(rng, coloured=not plain and rng.random() < 0.6)
    several = form == "existence" and "{a_name}" not in text and rng.random() < 0.4
    place = PLACES[int(rng.integers(len(PLACES)))]
    turn = _TURNS[int(rng.integers(2))]
    words = _WORDS_OF_PLACE[place]
    slots = {
        "name": names[0], "other": names[1], "third": names[2], "a_name": with_article(names[0]),
        "names": plural(names[0]), "colour": _colour(rng), "n": str(int(rng.integers(2, 60))),
        "side": turn, "turn": turn, "place": words[int(rng.integers(len(words)))],
    }  # fmt: skip
    question = text.format(**{**slots, **({"name": slots["names"]} if several else {})})
    reply = {**slots, "place": place}
    if form in _IN_ORDER:
        order = [s for s in _SLOT.findall(text) if s in ("name", "other", "third")]
        reply |= dict(zip(("name", "other", "third"), (slots[s] for s in order), strict=False))
    if form == "colours" and "{names}" not in text:
        form = "colour"
    if several:
        form = "existence_several"
    return question, reply_of(form, reply)


def _names(rng: np.random.Generator, *, coloured: bool) -> list[str]:
    """Three different things, with or without their colours."""
    pairs = pairs_of(TRAINED_WORLDS[0])
    names: list[str] = []
    while len(names) < 3:
        if rng.random() < _OTHER_WORDS:
            name = NOUNS[int(rng.integers(len(NOUNS)))]
            name = f"{_colour(rng)} {name}" if coloured else name
        else:
            name = pairs[int(rng.integers(len(pairs)))]
            name = name if coloured else name.split()[1]
        if name not in names:
            names.append(name)
    return names


def _colour(rng: np.random.Generator) -> str:
    colours = (*COLOURS, *COLOURS, *ADJECTIVES)
    return colours[int(rng.integers(len(colours)))]
