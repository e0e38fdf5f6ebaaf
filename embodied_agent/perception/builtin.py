"""The perceiver in process: the small model that is shipped, or another one trained like it.

It was trained on the simulated worlds and knows nothing else; real pictures need a served model.

Out of scope: what it is shown and how its reply is read (`language`), training
(`training.perceiver`).
"""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from embodied_agent.errors import ModelError, ReplyError
from embodied_agent.images import decode
from embodied_agent.models.checkpoints import checkpoint_folder, load
from embodied_agent.perception.geometry import delta_from_egomotion
from embodied_agent.perception.language import compact_prompt, parse_compact, square_picture
from embodied_agent.perception.reading import delta_from_reading
from embodied_agent.records import Delta, Frame, Keyframe
from embodied_agent.settings import PerceptionSettings


class BuiltinPerceiver:
    """`Perceiver` that runs a small VLM in this process, greedily.

    Raises:
        ModelError: the checkpoint can't be loaded.
    """

    def __init__(self, settings: PerceptionSettings) -> None:
        if settings.prompt == "full":
            raise ModelError(
                "the built-in perceiver needs the compact prompt; set perception.prompt to auto"
            )
        folder = checkpoint_folder(settings.model_path, "perceiver")
        self._model, self._processor = load(folder, "perceiver")
        self._max_tokens = settings.max_tokens
        self._lock = threading.Lock()
        self.name = f"builtin:{folder.name}"

    def perceive(self, previous: Keyframe | None, current: Keyframe) -> Delta:
        """What changed, as the model sees it; see `Perceiver.perceive`.

        Raises:
            DecodeError: a keyframe's picture can't be decoded.
        """
        started = time.monotonic()
        try:
            read = parse_compact(self._reply(previous, current))
        except ReplyError:
            delta = delta_from_egomotion(previous, current, model=self.name, usable=False)
        else:
            delta = delta_from_reading(
                read.action, read.mentions, previous, current, model=self.name
            )
        return replace(delta, latency_s=time.monotonic() - started)

    def perceive_batch(self, pairs: Sequence[tuple[Keyframe | None, Keyframe]]) -> list[Delta]:
        """`perceive` for each pair; on a CPU, a batch is no faster."""
        return [self.perceive(previous, current) for previous, current in pairs]

    def close(self) -> None:
        """Nothing to release before the process ends."""

    def _reply(self, previous: Keyframe | None, current: Keyframe) -> str:
        import torch

        seen = [keyframe for keyframe in (previous, current) if keyframe is not None]
        pictures = [
            square_picture(decode(Frame(keyframe.stamp_ns, encoded=keyframe.jpeg)))
            for keyframe in seen
        ]
        hint = compact_prompt(None if previous is None else current.egomotion)
        content: list[dict[str, Any]] = [{"type": "image"} for _ in pictures]
        content.append({"type": "text", "text": hint})
        text = self._processor.apply_chat_template(
            [{"role": "user", "content": content}], add_generation_prompt=True
        )
        with self._lock, torch.inference_mode():
            inputs = self._processor(text=text, images=pictures, return_tensors="pt")
            inputs = inputs.to(self._model.device)
            output = self._model.generate(
                **inputs, max_new_tokens=self._max_tokens, do_sample=False
            )
        ids = output[0, inputs["input_ids"].shape[1] :]
        return str(self._processor.tokenizer.decode(ids, skip_special_tokens=True))
