"""Whether the notes settle a question with choices, before a reasoner's choice is given out.

    settlement = settle("Where is the red sofa now?", ("left", "right", "back"), notes)

It says nothing about questions that it can't read (`posed`). If the notes favour a choice without
settling it, they leave the question open where one may answer that the memory does not tell;
elsewhere a reasoner may still choose.

Out of scope: what is asked of a reasoner then, and what is given out (`embodied_agent.agent`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from embodied_agent.rules.absence import negated_name
from embodied_agent.rules.derivation import Shares, left_open, possible, settled
from embodied_agent.rules.notes import Notes, Thing
from embodied_agent.rules.posed import Posed, posed
from embodied_agent.rules.speech import join_names, tell_motion, the, where
from embodied_agent.rules.standpoint import Standpoint

#: Options with a smaller share of what is possible are not worth a word.
_SPOKEN = 0.15


@dataclass(frozen=True, slots=True)
class Settlement:
    """What the notes say to a question with choices.

    Attributes:
        kind: the type of the question.
        index: of the option that the notes settle on; ``None`` where they leave it open.
        reason: why they leave it open, in a sentence; empty where they settle it.
        evidence: indexes of the deltas that it rests on.
        located: keys of the things whose measured positions settle it (`located`); none where the
            words of the notes do.
    """

    kind: str
    index: int | None
    reason: str = ""
    evidence: tuple[int, ...] = ()
    located: tuple[str, ...] = ()


def settle(
    text: str, options: Sequence[str], notes: Notes, *, untold: bool = False
) -> Settlement | None:
    """Whether the notes settle a question; ``None`` where that can't be told.

    Args:
        text: the question.
        options: its choices, without one that says that the memory does not tell.
        notes: the memory, with at least one delta.
        untold: whether there is such a choice.
    """
    asked = posed(text, options, notes)
    if asked is None:
        return None
    if asked.unknown:
        absent = join_names((negated_name(p) for p in asked.unknown), "or")
        return Settlement(asked.kind, None, f"I have not noted {absent}.")
    evidence = tuple(sorted({thing.last_index for thing in asked.things}))
    now = notes.last
    if notes.now < 0:
        reason = "nothing has been perceived since the restart."
        return Settlement(asked.kind, None, reason, evidence)
    shares = possible(Standpoint(notes), now, asked.kind, asked.about, asked.options)
    choice = settled(shares)
    if choice is not None:
        return Settlement(asked.kind, asked.options.index(choice), "", evidence)
    if not untold and not left_open(shares):
        return None
    return Settlement(asked.kind, None, _reason(shares, asked, notes), evidence)


def _reason(shares: Shares | str, asked: Posed, notes: Notes) -> str:
    if isinstance(shares, str):
        return _without_shares(shares, asked, notes)
    if not any(shares.values()):
        return f"my notes speak for none of the choices.{_seen(asked.things, notes)}"
    ranked = sorted(shares, key=lambda option: -shares[option])
    spoken = [option for option in ranked if shares[option] >= _SPOKEN] or ranked[:2]
    left = join_names((f"{option} ({100 * shares[option]:.0f} %)" for option in spoken), "or")
    return f"my notes leave several of the choices possible: {left}.{_seen(asked.things, notes)}"


def _seen(things: Sequence[Thing], notes: Notes) -> str:
    """Where the things were last noted, and what was done since."""
    sentences = []
    for thing in things[:3]:
        last = thing.last
        since = tell_motion(notes.motions, max(last.index + 1, notes.start))
        told = f" {the(thing)} was {where(last.mention)}, in {notes.cite(last.index)}"
        told += f"; since then I have {since}" if since and last.index >= notes.start else ""
        sentences.append(f"{told[:1]}{told[1:2].upper()}{told[2:]}.")
    return "".join(sentences)


def _without_shares(why: str, asked: Posed, notes: Notes) -> str:
    if why == "nothing done":
        return "I have not noted so many actions of mine."
    if why == "another turn":
        return "my last turn was not the one that the question names."
    if why == "another plan":
        return "what I did since the start is not what the plan says."
    if why == "same entry":
        return "I noted some of these for the first time in the same keyframe."
    before = [thing for thing in asked.things if thing.last_index < notes.start]
    if before:
        names = join_names(map(the, before))
        return f"I saw {names} before the restart only, and directions do not carry over it."
    return "a motion that this depends on could not be measured."
