"""A start whose conclusions the reference can't read: what the consistency reward is there to mend.

The supervised start concludes in the words of its answer, so that whoever reads its reasoning can
be in no doubt. This one goes on from it with a teacher who writes most directions that a reasoning
concludes in compass points ("NW." for "front-left."), a notation that the judge was never shown,
and answers in the usual words. The answer follows from what was written as surely as before, but
for its author only: accuracy has nothing against it, consistency has.

It is taught until that is so. In one that was taught for 400 steps, replies in compass points were
right less often than those in words on the same questions, and accuracy alone brought the words
back. `preference` tells.

Not here: what is measured with it (`training.experiments.consistency`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean

from embodied_agent.reasoning.builtin import BuiltinReasoner
from embodied_agent.settings import load_settings
from training.episodes.rows import Episode
from training.experiments.common import START, Options
from training.reasoner import train
from training.rewards import score
from training.samples import COMPASS

#: Of the reasonings that conclude a direction after other lines, how many do so in compass points.
SHARE = 0.75
#: Steps of 7 questions.
STEPS = 1600
#: Replies drawn to a question, to see what accuracy prefers, and their longest length in tokens.
DRAWN, LONGEST = 8, 160


@dataclass(frozen=True)
class Preference:
    """Of questions that got replies of both kinds: how many there are, and what share of the
    replies of either kind is right, means over the questions."""

    questions: int
    compass: float
    words: float


def illegible_start(opts: Options) -> Path:
    """The checkpoint, trained once."""
    folder = opts.runs / f"illegible-{opts.scale:g}"
    if not (folder / "model" / "config.json").exists():
        train(
            folder, minutes=180, most_steps=opts.scaled(STEPS, 2), batch=1, rate=1e-3, width=0,
            layers=0, threads=1, seed=1, warm_share=0.0, start=START, compass=SHARE,
        )  # fmt: skip
    return folder / "model"


def in_compass(reply: str) -> bool:
    """Whether the reply's reasoning concludes in compass points."""
    last = reply.partition("</think>")[0].rpartition("\n")[2]
    return last.removesuffix(".") in COMPASS.values()


def drawn(model: Path, episodes: Sequence[Episode]) -> list[list[str]]:
    """`DRAWN` replies of a model to each episode, drawn as votes are."""
    reasoner = BuiltinReasoner(load_settings(reasoning__model_path=str(model)).reasoning)
    return [
        reasoner.sampled(episode.prompt, DRAWN, timeout_s=600.0, max_tokens=LONGEST)
        for episode in episodes
    ]


def preference(episodes: Sequence[Episode], replies: Sequence[Sequence[str]]) -> Preference:
    """What accuracy alone has to tell the two kinds of reply apart by."""
    compass, words = [], []
    for episode, some in zip(episodes, replies, strict=True):
        right: dict[bool, list[float]] = {True: [], False: []}
        for reply in some:
            worth = score(reply, episode.answer_text, episode.choices)
            right[in_compass(reply)].append(worth)
        if all(right.values()):
            compass.append(fmean(right[True]))
            words.append(fmean(right[False]))
    if not compass:
        return Preference(0, 0.0, 0.0)
    return Preference(len(compass), fmean(compass), fmean(words))
