"""The state of an agent as typed values: what `embodied_agent.Agent.status` returns.

Every interface shows these: the page and ``/api/status``, MQTT, ROS diagnostics, the command line.

Out of scope: the counting inside the stages; how the values travel (`interfaces.wire`).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from embodied_agent.chat.status import ReplyCounts, ServerStatus
from embodied_agent.memory.counts import MemoryStatus

#: ``closed``: keyframes are perceived as they come. ``open``: the model failed, and perception
#: waits before the next try. ``half-open``: one call probes. ``refused``: the model refuses what it
#: is asked, and is tried again. ``stopped``: for good, because the model can't be loaded.
PerceptionState = Literal["closed", "open", "half-open", "refused", "stopped"]


@dataclass(frozen=True, slots=True)
class KeyframerStatus:
    """The keyframe rule in use, and its threshold (in [0, 1]) at present.

    ``confidence`` is that of the latest overlap, from 0 to 1, for each camera by its name ("" for
    the only one); ``None`` if the overlap was not measured. ``frames_doubtful`` counts the frames
    whose overlap had a confidence below one half. ``calibration`` says for each camera that has a
    keyframe whether its camera_info is used, and why not if it isn't; ``depth`` says the same of
    the depth pictures of each camera that has any.
    """

    method: Literal["robust", "paper"]
    overlap_threshold: float
    confidence: dict[str, float | None] = field(default_factory=dict)
    frames_doubtful: int = 0
    calibration: dict[str, str] = field(default_factory=dict)
    depth: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class PerceptionStatus:
    """Keyframes to deltas, counted since the agent was made.

    ``pending`` keyframes have no delta yet. Of the ``perceived`` ones, ``unusable`` hold the
    egomotion only, ``given_up`` are those that the model failed on again and again,
    ``faults`` counts unexpected exceptions, each of which made a keyframe unusable, and
    ``disagreed_with_egomotion`` are those whose action the keyframer measured otherwise.
    ``awaiting_commit`` deltas are ready and wait for an earlier keyframe's; ``asked_out_of_turn``
    keyframes came first because a question needed them. ``mean_latency_s`` is ``None`` before the
    first delta; ``replies`` is ``None`` unless the perceiver is served. ``notice`` says why the
    ``auto`` chose this perceiver instead of a better one.
    """

    model: str
    state: PerceptionState
    pending: int
    perceived: int
    unusable: int
    given_up: int
    disagreed_with_egomotion: int
    awaiting_commit: int
    asked_out_of_turn: int
    retries: int
    retry_in_s: float
    mean_latency_s: float | None
    last_error: str
    replies: ReplyCounts | None = None
    notice: str = ""
    faults: int = 0


@dataclass(frozen=True, slots=True)
class ReasoningStatus:
    """Questions to answers: how many were ``asked``, and how many of them ended in a problem.

    ``left_open`` counts those with choices that the notes did not settle, so that no reasoner was
    asked; ``asked_again`` those that it was asked twice, because the notes settled what it said the
    memory does not tell; ``restated`` those that a small model put into plain words. ``server`` is
    ``None`` unless the reasoner is served and was asked.

    ``loading_s`` says for how long it has been loading, in seconds, ``None`` if it isn't;
    ``load_s`` how long that took; ``first_token_s`` how long the latest reply's first piece took.
    ``model_bytes`` is what a model in this process holds, weights and kept keys and values, and
    ``resident_bytes`` the resident memory of the whole process; ``None`` where that can't be told.
    """

    model: str
    asked: int
    problems: int
    server: ServerStatus | None = None
    left_open: int = 0
    asked_again: int = 0
    restated: int = 0
    loading_s: float | None = None
    load_s: float | None = None
    first_token_s: float | None = None
    model_bytes: int | None = None
    resident_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class AgentStatus:
    """Counters, queues, states and last errors of every stage.

    ``source`` identifies the recording that is being replayed, "" when ``live``; ``segment`` is
    ``None`` before the first keyframe. ``frames`` were decided on, ``frames_dropped`` were replaced
    by a newer one before their turn, ``frames_late`` came out of order, ``frames_out_of_line`` had
    a stamp that fits neither those before nor those after it, ``frames_unreadable`` could not be
    decoded. ``store_problem`` says why the last keyframe could not be stored, else "".
    ``listener_failures`` counts listener callbacks that raised. ``perception`` is ``None`` for a
    memory that was opened read-only. ``camera_problem`` says that bearings of objects don't agree
    with where the camera's mount says it points; "" if they do.
    """

    live: bool
    source: str
    segment: int | None
    frames: int
    frames_dropped: int
    frames_late: int
    frames_unreadable: int
    last_error: str
    store_problem: str
    listener_failures: int
    keyframer: KeyframerStatus
    memory: MemoryStatus
    perception: PerceptionStatus | None
    reasoning: ReasoningStatus
    frames_out_of_line: int = 0
    camera_problem: str = ""


@dataclass(frozen=True, slots=True)
class QueueStatus:
    """The question queue: ``waiting`` and ``running`` now; since the start, ``refused`` because the
    queue was full, and ``expired`` before their turn came."""

    waiting: int
    running: int
    refused: int
    expired: int
