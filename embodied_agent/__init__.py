"""Spatial memory and reasoning from a camera: frames in, answered questions out.

    from embodied_agent import Agent

    with Agent() as agent:
        agent.replay("kitchen.mcap")
        print(agent.ask("Where is the sofa now?", choices=["left", "right"]).text)

Names are imported when they are first used, so that importing the package costs next to nothing.
Docs: ``docs/python.md``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from embodied_agent.agent import Agent
    from embodied_agent.agent.listeners import Listener
    from embodied_agent.agent.replay import ReplayProgress, ReplaySummary
    from embodied_agent.agent.status import AgentStatus
    from embodied_agent.errors import (
        AgentError,
        Busy,
        DatabaseError,
        DecodeError,
        FrameError,
        LinkError,
        ModelError,
        ModelUnavailable,
        OutputError,
        QuestionError,
        ReplyError,
        RequestRefused,
        SettingsError,
        SourceError,
        StoreError,
    )
    from embodied_agent.memory.store import Store
    from embodied_agent.object_records import (
        Correction,
        MapSession,
        NamedPlace,
        ObjectPlace,
        SeenObject,
    )
    from embodied_agent.records import (
        Action,
        Answer,
        Box,
        Decision,
        Delta,
        Egomotion,
        Evidence,
        Frame,
        Goal,
        Intrinsics,
        Keyframe,
        Mention,
        Mount,
        Pose,
        Question,
    )
    from embodied_agent.settings import Settings, load_settings
    from embodied_agent.sources import Source, open_source

    __version__: str

__all__ = [
    "Action",
    "Agent",
    "AgentError",
    "AgentStatus",
    "Answer",
    "Box",
    "Busy",
    "Correction",
    "DatabaseError",
    "Decision",
    "DecodeError",
    "Delta",
    "Egomotion",
    "Evidence",
    "Frame",
    "FrameError",
    "Goal",
    "Intrinsics",
    "Keyframe",
    "LinkError",
    "Listener",
    "MapSession",
    "Mention",
    "ModelError",
    "ModelUnavailable",
    "Mount",
    "NamedPlace",
    "ObjectPlace",
    "OutputError",
    "Pose",
    "Question",
    "QuestionError",
    "ReplayProgress",
    "ReplaySummary",
    "ReplyError",
    "RequestRefused",
    "SeenObject",
    "Settings",
    "SettingsError",
    "Source",
    "SourceError",
    "Store",
    "StoreError",
    "__version__",
    "load_settings",
    "open_source",
]

#: Where the public names are defined, by module of this package.
_MODULES = {
    "agent": ("Agent",),
    "agent.listeners": ("Listener",),
    "agent.replay": ("ReplayProgress", "ReplaySummary"),
    "agent.status": ("AgentStatus",),
    "errors": (
        *("AgentError", "Busy", "DatabaseError", "DecodeError", "FrameError", "LinkError"),
        *(
            "ModelError",
            "ModelUnavailable",
            "OutputError",
            "QuestionError",
            "ReplyError",
            "RequestRefused",
        ),
        *("SettingsError", "SourceError", "StoreError"),
    ),
    "memory.store": ("Store",),
    "object_records": ("Correction", "MapSession", "NamedPlace", "ObjectPlace", "SeenObject"),
    "records": (
        *("Action", "Answer", "Box", "Decision", "Delta", "Egomotion", "Evidence", "Frame"),
        *("Goal", "Intrinsics", "Keyframe", "Mention", "Mount", "Pose", "Question"),
    ),
    "settings": ("Settings", "load_settings"),
    "sources": ("Source", "open_source"),
}
_MODULE_OF = {name: module for module, names in _MODULES.items() for name in names}


def __getattr__(name: str) -> object:
    if name == "__version__":
        value: object = _version()
    elif name in _MODULE_OF:
        from importlib import import_module

        value = vars(import_module(f"{__name__}.{_MODULE_OF[name]}"))[name]
    else:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = value  # later look-ups no longer reach this function
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


def _version() -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("embodied-agent")
    except PackageNotFoundError:  # a checkout that was never installed
        return "unknown"
