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
from embodied_agent.perception.locator import Floats, Locator, Place
from embodied_agent.perception.measuring import contradicts, measured
from embodied_agent.perception.reading import delta_from_reading
from embodied_agent.records import Delta, Frame, Keyframe, Mention
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
        self._hfov_deg = settings.field_of_view_deg
        self._locator = Locator.load(folder)
        self._seen: Any = None  # the vision tower's features of the pictures of the latest call
        if self._locator is not None:
            self._model.model.vision_model.register_forward_hook(self._note_features)
        self._lock = threading.Lock()
        self.name = f"builtin:{folder.name}"

    def perceive(self, previous: Keyframe | None, current: Keyframe) -> Delta:
        """What changed, as the model sees it; see `Perceiver.perceive`.

        Raises:
            DecodeError: a keyframe's picture can't be decoded.
        """
        started = time.monotonic()
        try:
            reply, features = self._reply(previous, current)
            read = parse_compact(reply)
        except ReplyError as error:
            delta = delta_from_egomotion(
                previous, current, model=self.name, usable=False, problem=str(error)
            )
        else:
            mentions = self._located(read.mentions, features, current)
            delta = delta_from_reading(read.action, mentions, previous, current, model=self.name)
        return replace(delta, latency_s=time.monotonic() - started)

    def perceive_batch(self, pairs: Sequence[tuple[Keyframe | None, Keyframe]]) -> list[Delta]:
        """`perceive` for each pair; on a CPU, a batch is no faster."""
        return [self.perceive(previous, current) for previous, current in pairs]

    def close(self) -> None:
        """Nothing to release before the process ends."""

    def _located(
        self, mentions: tuple[Mention, ...], features: Floats | None, current: Keyframe
    ) -> tuple[Mention, ...]:
        """The mentions with what the vision tower tells of where they are.

        What it sees far from where the language model says that an object is, is another object.
        """
        if self._locator is None or features is None:
            return mentions
        places = self._locator.places(features, [mention.name for mention in mentions])
        return tuple(
            mention if place is None else self._measured(mention, place, current)
            for mention, place in zip(mentions, places, strict=True)
        )

    def _measured(self, mention: Mention, place: Place, current: Keyframe) -> Mention:
        located = measured(
            mention, place.box, current, self._hfov_deg,
            confidence=place.confidence, range_m=place.range_m,
        )  # fmt: skip
        assert located.bearing_deg is not None
        return mention if contradicts(mention.direction, located.bearing_deg) else located

    def _note_features(self, module: Any, arguments: Any, output: Any) -> None:
        self._seen = output.last_hidden_state

    def _reply(self, previous: Keyframe | None, current: Keyframe) -> tuple[str, Floats | None]:
        """The reply, and the features of the current picture's patches."""
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
            self._seen = None
            output = self._model.generate(
                **inputs, max_new_tokens=self._max_tokens, do_sample=False
            )
            # The tower sees the pictures in order, the current one last.
            features = None if self._seen is None else self._seen[-1].float().cpu().numpy()
        ids = output[0, inputs["input_ids"].shape[1] :]
        return str(self._processor.tokenizer.decode(ids, skip_special_tokens=True)), features
