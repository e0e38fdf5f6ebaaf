"""Train a start whose conclusions the reference can't read: a task for the consistency reward.

The supervised start concludes in the words of its answer, so that its reasoning is unambiguous to
any reader. This start is trained further with a teacher that writes most concluded directions as
compass points ("NW." for "front-left."), a notation that the judge never saw, and answers in the
usual words. The answer still follows from the reasoning, but only for a reader who knows the
notation: accuracy is indifferent to it, consistency is not.

Training is long enough for that. After 400 steps, replies in compass points were right less often
than replies in words to the same questions, and accuracy alone restored the words. `preference`
measures this.

Out of scope: the measurements (`training.experiments.consistency`).
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

#: Share of reasonings concluding a direction, after other lines, that do so in compass points.
SHARE = 0.75
#: Steps of 7 questions.
STEPS = 1600
#: Replies to sample per question, to see what accuracy prefers; their longest length in tokens.
DRAWN, LONGEST = 8, 160


@dataclass(frozen=True)
class Preference:
    """The number of questions with replies of both kinds, and the mean share of right replies of
    each kind on these questions."""

    questions: int
    compass: float
    words: float


def illegible_start(opts: Options) -> Path:
    """The checkpoint of the illegible start; trained if it is missing."""
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
    """Sample `DRAWN` replies of a model to each episode, as for votes."""
    reasoner = BuiltinReasoner(load_settings(reasoning__model_path=str(model)).reasoning)
    return [
        reasoner.sampled(episode.prompt, DRAWN, timeout_s=600.0, max_tokens=LONGEST)
        for episode in episodes
    ]


def preference(episodes: Sequence[Episode], replies: Sequence[Sequence[str]]) -> Preference:
    """How far accuracy alone distinguishes the two kinds of reply."""
    compass, words = [], []
    for episode, samples in zip(episodes, replies, strict=True):
        right: dict[bool, list[float]] = {True: [], False: []}
        for reply in samples:
            worth = score(reply, episode.answer_text, episode.choices)
            right[in_compass(reply)].append(worth)
        if all(right.values()):
            compass.append(fmean(right[True]))
            words.append(fmean(right[False]))
    if not compass:
        return Preference(0, 0.0, 0.0)
    return Preference(len(compass), fmean(compass), fmean(words))
