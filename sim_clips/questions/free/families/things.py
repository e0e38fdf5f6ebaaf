"""Whether a thing was seen, its colour, how many there are; and what nobody could tell of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sim_clips.questions.free.claims import Claim
from sim_clips.questions.free.families.drafts import (
    CANNOT_TELL,
    NOT_SEEN,
    Draft,
    Maker,
    Reader,
    Reading,
    Rng,
    ids,
    matching,
    naming,
    naming_of,
    pick,
    unique_kind,
)
from sim_clips.questions.free.nouns import HELD_OUT_NOUNS, NOUNS, related
from sim_clips.questions.free.standpoint import Standpoint
from sim_clips.questions.free.truth import Facts
from sim_clips.questions.free.words import SIMULATED_KINDS, colour_of, kind_of

#: Share of absent things that some simulated world has, elsewhere.
SIMULATED_SHARE = 0.35
#: Counts from here on may be off by one.
ROUGH_COUNT = 6
#: Ways to ask about an absent thing, by their form.
_ABSENT_FORMS = ("existence", "existence", "colour", "which_way", "last_where", "count")


def existence(standpoint: Standpoint, rng: Rng) -> Draft | None:
    """Was there a red sofa? Was there a lamp?"""
    if not standpoint.known:
        return None
    name = pick(rng, standpoint.known)
    kind, colour = kind_of(name), colour_of(name) if rng.random() < 0.6 else ""
    called = naming(rng, kind, colour)
    asked = [n for n in standpoint.traces if kind_of(n) == kind and colour in ("", colour_of(n))]
    shown = [
        i for i in range(standpoint.now + 1) if any(n in standpoint.glimpsed(i) for n in asked)
    ]
    return Draft(
        "existence",
        called.slots,
        Facts(asked=("yes",), yes=True, keyframes=ids(standpoint, shown)),
        called.about,
        tuple(sorted(asked)),
    )


def read_existence(standpoint: Standpoint, about: Mapping[str, Any]) -> Reading | None:
    """Yes, with the latest keyframe that names it; else not seen."""
    names = matching(standpoint, about)
    if not names:
        return NOT_SEEN
    noted = standpoint.noted_at(names[-1])
    return Reading(Claim(yes=True, keyframes=ids(standpoint, noted[-1:])), tuple(noted[-1:]))


def absent_kinds(standpoint: Standpoint, nouns: Sequence[str]) -> list[str]:
    """Kinds that are not there, nor anything that could be taken for them."""
    there = {kind_of(name) for name in (*standpoint.journey.objects, *standpoint.traces)}
    return [kind for kind in nouns if not any(related(kind, other) for other in there)]


def absent(
    standpoint: Standpoint, rng: Rng, nouns: Sequence[str] = (*NOUNS, *HELD_OUT_NOUNS)
) -> Draft | None:
    """Was there a giraffe? What colour was the piano?"""
    kinds = absent_kinds(
        standpoint, SIMULATED_KINDS if rng.random() < SIMULATED_SHARE else nouns
    ) or absent_kinds(standpoint, nouns)
    if not kinds:
        return None
    kind = pick(rng, kinds)
    form = pick(rng, _ABSENT_FORMS)
    there = sorted({colour_of(name) for name in standpoint.journey.objects})
    coloured = form in ("existence", "which_way", "last_where") and rng.random() < 0.3
    called = naming(rng, kind, pick(rng, there) if coloured else "")
    facts = {
        "existence": Facts(asked=("yes",), yes=False),
        "count": Facts(asked=("number",), number=(0, 0)),
    }.get(form, Facts())
    return Draft(form, called.slots, facts, called.about, (kind,), absent=True)


def wrong_colour(standpoint: Standpoint, rng: Rng) -> Draft | None:
    """Did you see a blue sofa, where there is only a red one? Was the sofa green?"""
    if not standpoint.known:
        return None
    single = [n for n in standpoint.known if unique_kind(standpoint, kind_of(n))]
    statement = bool(single) and rng.random() < 0.5
    name = pick(rng, single if statement else standpoint.known)
    kind, colour = kind_of(name), colour_of(name)
    taken = {
        colour_of(n)
        for n in (*standpoint.journey.objects, *standpoint.traces)
        if kind_of(n) == kind
    }
    others = sorted(
        {colour_of(n) for n in (*standpoint.journey.objects, *standpoint.traces)} - taken
    )
    if not others:
        return None
    wrong = pick(rng, others)
    if statement:
        called = naming(rng, kind)
        return Draft(
            "was_colour",
            {**called.slots, "colour": wrong},
            Facts(asked=("yes", "colours"), yes=False, colours=frozenset([colour])),
            {**called.about, "asked_colour": wrong},
            (name,),
            accepted={"answered": "not_seen"},
        )
    called = naming(rng, kind, wrong)
    return Draft(
        "existence",
        called.slots,
        Facts(asked=("yes",), yes=False),
        called.about,
        (f"{wrong} {kind}",),
        absent=True,
        accepted={"not_seen": "answered"},
    )


def colour(standpoint: Standpoint, rng: Rng) -> Draft | None:
    """What colour is the sofa? Which colours did the sofas have? Was the sofa red?"""
    if not standpoint.known:
        return None
    name = pick(rng, standpoint.known)
    kind = kind_of(name)
    colours = frozenset(colour_of(n) for n in standpoint.known if kind_of(n) == kind)
    doubtful = {n for n in standpoint.traces if kind_of(n) == kind} - set(standpoint.known)
    if doubtful:
        return None
    called = naming(rng, kind)
    if not unique_kind(standpoint, kind):
        subjects = tuple(n for n in standpoint.known if kind_of(n) == kind)
        facts = Facts(asked=("colours",), colours=colours)
        return (
            Draft("colours", called.slots, facts, called.about, subjects)
            if len(subjects) > 1
            else None
        )
    if rng.random() < 0.2:
        return Draft(
            "was_colour",
            {**called.slots, "colour": colour_of(name)},
            Facts(asked=("yes", "colours"), yes=True, colours=colours),
            {**called.about, "asked_colour": colour_of(name)},
            (name,),
        )
    return Draft(
        "colour", called.slots, Facts(asked=("colours",), colours=colours), called.about, (name,)
    )


def read_colour(standpoint: Standpoint, about: Mapping[str, Any]) -> Reading | None:
    """The colours of all things of the kind."""
    names = matching(standpoint, about)
    if not names:
        return NOT_SEEN
    evidence = tuple(standpoint.noted_at(name)[-1] for name in names)
    return Reading(Claim(colours=frozenset(map(colour_of, names))), evidence)


def read_was_colour(standpoint: Standpoint, about: Mapping[str, Any]) -> Reading | None:
    """Whether a thing of the kind has the colour, and which one it has."""
    reading = read_colour(standpoint, about)
    if reading is None or reading.claim.status != "answered":
        return reading
    colours = reading.claim.colours
    return Reading(Claim(yes=about["asked_colour"] in colours, colours=colours), reading.evidence)


def count(standpoint: Standpoint, rng: Rng) -> Draft | None:
    """How many sofas, how many red things, how many things in all?"""
    if not standpoint.known:
        return None
    form = pick(rng, ("count", "count", "count_colour", "count_all"))
    name = pick(rng, standpoint.known)
    if form == "count":
        called = naming(rng, kind_of(name))
        slots, about = called.slots, called.about
    elif form == "count_colour":
        slots, about = {"colour": colour_of(name)}, {"kind": "", "colour": colour_of(name)}
    else:
        slots, about = {}, {"kind": "", "colour": ""}
    kind, colour = about["kind"], about["colour"]

    def counted(names: Sequence[str] | frozenset[str]) -> list[str]:
        return [n for n in names if kind in ("", kind_of(n)) and colour in ("", colour_of(n))]

    sure, most = counted(list(standpoint.sightings)), counted(standpoint.traces)
    slack = int(len(sure) >= ROUGH_COUNT)
    number = (len(sure) - slack, max(len(most), len(sure)) + slack)
    return Draft(form, slots, Facts(asked=("number",), number=number), about, tuple(sure))


def read_count(standpoint: Standpoint, about: Mapping[str, Any]) -> Reading | None:
    """How many names in the notes fit."""
    kind, colour = about["kind"], about["colour"]
    names = [
        n
        for n in sorted(standpoint.memory)
        if kind in ("", kind_of(n)) and colour in ("", colour_of(n))
    ]
    if not names:
        return NOT_SEEN
    evidence = tuple(sorted({standpoint.noted_at(name)[-1] for name in names}))
    return Reading(Claim(numbers=frozenset([len(names)])), evidence)


def unknowable(standpoint: Standpoint, rng: Rng) -> Draft | None:
    """How heavy is the sofa? Whose is it? How many metres did you drive?"""
    if rng.random() < 0.3:
        return Draft("unknowable_way", accepted={"cannot_tell": "out_of_scope"})
    if not standpoint.known:
        return None
    name = pick(rng, standpoint.known)
    called = naming_of(rng, standpoint, name)
    return Draft(
        "unknowable",
        called.slots,
        about=called.about,
        subjects=(name,),
        accepted={"cannot_tell": "out_of_scope"},
    )


def read_unknowable(standpoint: Standpoint, about: Mapping[str, Any]) -> Reading | None:
    """Notes hold no weights, owners or ages."""
    return CANNOT_TELL if matching(standpoint, about) else NOT_SEEN


def read_unknowable_way(standpoint: Standpoint, about: Mapping[str, Any]) -> Reading | None:
    """Nor metres, nor minutes, nor what is round the corner."""
    return CANNOT_TELL


def out_of_scope(standpoint: Standpoint, rng: Rng) -> Draft | None:
    """What's the weather? Tell me a joke."""
    return Draft("out_of_scope")


def read_out_of_scope(standpoint: Standpoint, about: Mapping[str, Any]) -> Reading | None:
    """Not a matter of the notes."""
    return Reading(Claim("out_of_scope"))


MAKERS: dict[str, Maker] = {
    "existence": existence,
    "absent": absent,
    "wrong_colour": wrong_colour,
    "colour": colour,
    "count": count,
    "unknowable": unknowable,
    "out_of_scope": out_of_scope,
}
READERS: dict[str, Reader] = {
    "existence": read_existence,
    "colour": read_colour,
    "colours": read_colour,
    "was_colour": read_was_colour,
    "count": read_count,
    "count_colour": read_count,
    "count_all": read_count,
    "unknowable": read_unknowable,
    "unknowable_way": read_unknowable_way,
    "out_of_scope": read_out_of_scope,
}
