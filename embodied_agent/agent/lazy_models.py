"""The models of an agent: made when they are first needed, or borrowed from the caller.

Out of scope: which model the settings name (the stages' `factory`), closing them (`agent`).
"""

from __future__ import annotations

from embodied_agent.errors import StoreError
from embodied_agent.memory.store import Store
from embodied_agent.perception.auto import FIRST
from embodied_agent.perception.base import Perceiver
from embodied_agent.perception.factory import make_perceiver
from embodied_agent.reasoning.base import Reasoner
from embodied_agent.reasoning.factory import make_reasoner
from embodied_agent.records import Keyframe
from embodied_agent.settings import PerceptionSettings, ReasoningSettings
from embodied_agent.support.lazy import Lazy


def lazy_perceiver(
    given: Perceiver | None, settings: PerceptionSettings, store: Store
) -> Lazy[Perceiver]:
    """``given`` or, without it, the perceiver that the settings name. `auto` looks at the first
    pictures of a segment in ``store``."""
    if given is not None:
        return Lazy.borrowed(given)

    def first_keyframes(keyframe: Keyframe) -> list[Keyframe]:
        """The first keyframes of a keyframe's segment, with their pictures."""
        try:
            return store.keyframes(segment=keyframe.segment, limit=FIRST, pictures=True)
        except StoreError:
            return []  # then the pair at hand must do

    return Lazy(lambda: make_perceiver(settings, first_keyframes))


def lazy_reasoner(given: Reasoner | None, settings: ReasoningSettings) -> Lazy[Reasoner]:
    """``given`` or, without it, the reasoner that the settings name."""
    return Lazy(lambda: make_reasoner(settings)) if given is None else Lazy.borrowed(given)
