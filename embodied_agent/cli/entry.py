"""The console script. An interrupt ends it without a traceback, even while it is still loading.

Out of scope: the commands (`embodied_agent.cli.main`).
"""

from __future__ import annotations

import os
import signal
import threading

#: As `embodied_agent.cli.common.ExitCode.INTERRUPTED`, which takes longer to load.
_INTERRUPTED = 130


def main() -> None:
    """Run the command line."""
    loading = _interruptible()
    try:
        try:
            from embodied_agent.cli.main import main as run
        finally:
            if loading is not None:
                signal.signal(signal.SIGINT, loading)
        run()
    except KeyboardInterrupt:  # before the command itself had begun, or after it
        os.write(2, b"interrupted\n")
        raise SystemExit(_INTERRUPTED) from None


def _interruptible() -> signal.Handlers | None:
    """Until the returned handler is back, Ctrl-C ends the process: nothing has begun.

    Libraries that are being loaded turn an exception into errors of their own.
    """
    before = signal.getsignal(signal.SIGINT)
    if before is not signal.default_int_handler:
        return None
    if threading.current_thread() is not threading.main_thread():
        return None

    def end(number: int, frame: object) -> None:
        os.write(2, b"interrupted\n")
        os._exit(_INTERRUPTED)

    signal.signal(signal.SIGINT, end)
    return before  # type: ignore[return-value]
