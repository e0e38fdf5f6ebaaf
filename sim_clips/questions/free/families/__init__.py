"""The families of free questions: makers by family, readers of the notes by form."""

from __future__ import annotations

from sim_clips.questions.free.families import moments, motion, places, things, views
from sim_clips.questions.free.families.drafts import Draft, Maker, Reader, Reading

_MODULES = (things, moments, views, places, motion)

#: Maker of each family's drafts.
MAKERS: dict[str, Maker] = {
    family: maker for module in _MODULES for family, maker in module.MAKERS.items()
}
FAMILIES: tuple[str, ...] = tuple(MAKERS)
#: What the notes say to each form of question.
READERS: dict[str, Reader] = {
    form: reader for module in _MODULES for form, reader in module.READERS.items()
}

__all__ = ["FAMILIES", "MAKERS", "READERS", "Draft", "Maker", "Reader", "Reading"]
