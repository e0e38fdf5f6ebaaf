"""A training module with DeepSpeed on a CPU: ``python deepspeed_runner.py MODULE ARGUMENTS…``.

It runs in processes of its own, because DeepSpeed is never undone.

The collective over shared memory, which DeepSpeed would compile first, is left out for torch's; and
the group is started here, because accelerate starts DeepSpeed's only on GPUs.
"""

from __future__ import annotations

import importlib
import sys

import deepspeed
from deepspeed.ops.op_builder.cpu import ShareMemCommBuilder

deepspeed.ops.__compatible_ops__[ShareMemCommBuilder.NAME] = False

if __name__ == "__main__":
    deepspeed.init_distributed(dist_backend="gloo", auto_mpi_discovery=False)
    module = importlib.import_module(sys.argv[1])
    sys.exit(module.main(sys.argv[2:]))
