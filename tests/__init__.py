"""The tests, and what all of their processes have in common."""

import os

# A proxy that the environment names has no business between this machine and itself.
_HERE = "127.0.0.1,127.0.0.2,localhost"
for _name in ("no_proxy", "NO_PROXY"):
    os.environ[_name] = ",".join(filter(None, (os.environ.get(_name), _HERE)))
