"""One server process, in a process group of its own: starting it, forwarding its log, ending it.

Out of scope: when servers are started and restarted (`runner`), the command line (`plan`).
"""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Callable
from contextlib import suppress

from embodied_agent.errors import ModelError
from embodied_agent.vllm_launcher.plan import Plan

#: How many of the log's last lines an error message shows.
_LAST_LINES = 12
#: Maximum length of a line that is forwarded, in characters.
_LINE = 2000
#: How long to wait for a killed process to end, and for its log to be read, in seconds.
_GONE_S = 10.0
#: Variables that would make this Python's packages visible to vLLM.
_NOT_INHERITED = ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV")
_SET_PARENT_DEATH_SIGNAL = 1


class ServerProcess:
    """A started server.

    Args:
        plan: the server to start.
        say: called with each line of its log, on another thread.
        changed: called after each new line and when the process has ended.

    Raises:
        ModelError: the program can't be started.
    """

    def __init__(self, plan: Plan, say: Callable[[str], None], changed: Callable[[], None]) -> None:
        self.plan = plan
        self._say, self._changed = say, changed
        self._last: deque[str] = deque(maxlen=_LAST_LINES)
        inherited = {key: value for key, value in os.environ.items() if key not in _NOT_INHERITED}
        try:
            self._process = subprocess.Popen(
                plan.command,
                env={**inherited, **plan.environment},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=_end_with_parent if sys.platform == "linux" else None,
            )
        except OSError as error:
            raise ModelError(
                f"can't start {plan.command[0]}: {error}; install vLLM in an environment of its "
                "own and give its command with --program or vllm.program"
            ) from error
        self._reader = threading.Thread(target=self._read, name=f"log-{plan.role}", daemon=True)
        self._reader.start()

    @property
    def ended(self) -> int | None:
        """The exit status, negative for a signal; ``None`` while the process runs."""
        return self._process.poll()

    @property
    def last_lines(self) -> list[str]:
        """The last lines of its log."""
        return list(self._last)

    @property
    def process_id(self) -> int:
        """The id of the process, and of its group."""
        return self._process.pid

    def terminate(self) -> None:
        """Tell the server to end; vLLM then ends its own workers."""
        self._signal(signal.SIGTERM)

    def end(self, timeout_s: float) -> None:
        """Wait up to ``timeout_s`` seconds for the process to end, then kill the rest of its
        group."""
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout_s)
        # Even if the process has ended: workers in its group may still be running.
        self._signal(signal.SIGKILL)
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(_GONE_S)
        self._reader.join(_GONE_S)

    def _signal(self, number: int) -> None:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, number)

    def _read(self) -> None:
        stream = self._process.stdout
        assert stream is not None
        with stream:
            while line := stream.readline(_LINE):
                text = line.decode("utf-8", "replace").rstrip()
                if text:
                    self._last.append(text)
                    self._say(text)
                    self._changed()
        # The log closes a moment before the process counts as ended. Wait for that, since no later
        # notification would report it.
        self._process.wait()
        self._changed()


def _end_with_parent() -> None:
    """In the new process: ask the kernel to end it if its parent is killed."""
    ctypes.CDLL(None).prctl(_SET_PARENT_DEATH_SIGNAL, signal.SIGTERM)
