"""Create the reasoner and the verifier that the settings name. A backend is imported only if used.

Out of scope: the interfaces of the backends (`base`, `verify`).
"""

from __future__ import annotations

from embodied_agent.reasoning.base import Reasoner, prompt_style
from embodied_agent.reasoning.verify import Verifier
from embodied_agent.settings import ReasoningSettings


def make_reasoner(settings: ReasoningSettings) -> Reasoner:
    """The reasoner that ``settings.backend`` names.

    Raises:
        ModelError: the checkpoint can't be loaded.
    """
    if settings.backend == "served":
        from embodied_agent.reasoning.served import ServedReasoner

        return ServedReasoner(settings)
    from embodied_agent.reasoning.builtin import BuiltinReasoner

    return BuiltinReasoner(settings)


def make_verifier(settings: ReasoningSettings) -> Verifier:
    """The verifier that ``settings.verify`` names.

    Raises:
        ModelError: the reference's checkpoint can't be loaded, or its base_url is not an http(s)
            URL.
    """
    backend = settings.verify.backend
    if backend == "auto":
        backend = "builtin" if prompt_style(settings) == "compact" else "served"
    if backend == "served":
        from embodied_agent.reasoning.verify_served import ServedVerifier

        return ServedVerifier(settings)
    from embodied_agent.reasoning.verify_builtin import BuiltinVerifier

    return BuiltinVerifier(settings)
