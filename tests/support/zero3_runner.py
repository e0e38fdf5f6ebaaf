"""`training.grpo` with DeepSpeed on a CPU, in a process of its own (DeepSpeed is never undone).

The collective over shared memory, which DeepSpeed would compile first, is left out for torch's.
"""

from __future__ import annotations

import sys

import deepspeed
from deepspeed.ops.op_builder.cpu import ShareMemCommBuilder

deepspeed.ops.__compatible_ops__[ShareMemCommBuilder.NAME] = False

from training.grpo import main  # noqa: E402

if __name__ == "__main__":
    sys.exit(main())
