"""Runs of several processes: who goes first, and how long they wait for each other.

Out of scope: starting them (`accelerate launch`), what they exchange (trl, accelerate).
"""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import timedelta
from typing import TypeVar

#: How long one process waits for something outside (a judge's server, disk space), seconds.
PATIENCE_S = 1800.0
#: How long processes wait for each other, seconds. It has to cover both waits, one after the other,
#: and the work around them: torch's own default for GPUs is ten minutes.
COLLECTIVE_TIMEOUT_S = 2 * PATIENCE_S + 3600.0

Result = TypeVar("Result")


def several() -> bool:
    """Whether this process is one of several."""
    return int(os.environ.get("WORLD_SIZE", "1")) > 1


def first_process(act: Callable[[], Result], *, cpu: bool) -> Result:
    """Call ``act`` in the first process only, and return its result in all of them.

    This also sets how long processes wait for each other (`COLLECTIVE_TIMEOUT_S`), which can be
    done only when the group is started.

    Args:
        act: its result must be picklable.
        cpu: the run does not use GPUs (``trainer.use_cpu``).

    Raises:
        Exception: what ``act`` raised, in every process.
    """
    if not several():
        return act()
    from accelerate import PartialState
    from accelerate.utils import broadcast_object_list

    if cpu:
        # accelerate would say "cpu:0", to which torch loads no checkpoint: a run could not resume.
        # transformers makes the state anew, so it does not suffice to set the device in this one.
        os.environ.setdefault("ACCELERATE_TORCH_DEVICE", "cpu")
    state = PartialState(cpu=cpu, timeout=timedelta(seconds=COLLECTIVE_TIMEOUT_S))
    result: list[Result | Exception | None] = [None]
    if state.is_main_process:
        try:
            result[0] = act()
        except Exception as error:  # it is raised below, in this process as in the others
            result[0] = error
    shared = broadcast_object_list(result)[0]
    if isinstance(shared, Exception):
        raise shared
    return shared  # type: ignore[no-any-return]
