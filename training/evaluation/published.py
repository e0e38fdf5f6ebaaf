"""The prompt of the published weights (EmbodiedCity/Embodied-R, MIT), built from our memory.

They were trained on another text than this project's transcript: one line per keyframe, numbered
from 0, each with the action and what was observed after it, and choices with their letters. With
this style anyone can compare them on the same episodes:

    python -m training.evaluate --model http://127.0.0.1:8000/v1 --style published \\
        --server-model EmbodiedCity/Embodied-R --episodes runs/episodes

Replies have the same tags as here, and answer with a letter. A question about a number has no
choices. What is missing: their captions are sentences of a VLM; ours are mentions in words.

Out of scope: the runtime's own styles (`embodied_agent.reasoning.prompts`).
"""

from __future__ import annotations

import string
from collections.abc import Sequence

from embodied_agent.reasoning.base import Prompt
from embodied_agent.reasoning.prompts import neutral
from embodied_agent.records import Delta, Mention
from embodied_agent.transcript.text import action_text
from training.episodes.rows import Episode

_SYSTEM = (
    "The user asks a question and you, the assistant, solve it. First think the reasoning through, "
    "then give the answer. The reasoning stands within <think> </think> tags and the answer within "
    "<answer> </answer> tags: <think> reasoning </think>\n<answer> answer </answer>. The answer "
    "must follow from the reasoning."
)
_AGENT = "You are an agent. The video is what you have observed from the past to the present."
_VIDEO = (
    "Its content is given as text. Frame 0 is what you saw at the start; you then moved, and each "
    "further frame is what you saw after a movement. The last frame is your present view."
)
_WHERE = {
    "front": "ahead", "back": "behind", "left": "to the left", "right": "to the right",
    "front-left": "in the front-left", "front-right": "in the front-right",
    "back-left": "in the back-left", "back-right": "in the back-right",
}  # fmt: skip
_FAR = {"near": "nearby", "mid": "at a medium distance", "far": "far away"}


def published_prompt(episode: Episode) -> Prompt:
    """The prompt for an episode as the published weights were asked."""
    frames = "\n".join(_frame(n, delta) for n, delta in enumerate(episode.deltas))
    video = f"{_VIDEO}\n{neutral(frames)}"
    choices = "".join(
        f"{letter}. {neutral(choice)}\n"
        for letter, choice in zip(string.ascii_uppercase, episode.choices, strict=False)
    )
    task = f"\nQuestion: {neutral(episode.question)}"
    if choices:
        task += f" Choices:\n{choices}"
    transcript = f"{_AGENT} Video content:\n<\n{video}\n>"
    return Prompt(_SYSTEM, transcript, task, episode.choices)


def _frame(number: int, delta: Delta) -> str:
    seen = _seen(delta.mentions)
    if delta.observation:
        seen = f"{seen} {' '.join(delta.observation.split())}"
    if number == 0:
        return f"Frame 0: Observe: {seen}"
    return f"Frame {number}: After {action_text(delta)}, Observe: {seen}"


def _seen(mentions: Sequence[Mention]) -> str:
    if not mentions:
        return "Nothing that can be named."
    parts = []
    for mention in mentions:
        far = _FAR.get(mention.distance or "", "")
        parts.append(f"a {mention.name} {_WHERE[mention.direction]}{f', {far}' if far else ''}")
    return f"There is {'; '.join(parts)}."
