"""The tests, and what all of their processes have in common."""

import os

# A proxy that the environment names has no business between this machine and itself.
_HERE = "127.0.0.1,127.0.0.2,localhost"
for _name in ("no_proxy", "NO_PROXY"):
    os.environ[_name] = ",".join(filter(None, (os.environ.get(_name), _HERE)))

# What a terminal, or who watches it, wishes for: colours would be in the middle of what tests read.
for _name in ("COLUMNS", "LINES", "FORCE_COLOR", "CLICOLOR_FORCE", "PY_COLORS", "GITHUB_ACTIONS"):
    os.environ.pop(_name, None)
