"""The command line of a training run: a configuration file, a folder and overrides.

Out of scope: the training itself (`training.grpo`, `training.sft`).
"""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from embodied_agent.errors import AgentError
from training.run_config import RunConfig, load_config


def train_from(
    arguments: Sequence[str] | None,
    description: str | None,
    run: Callable[[RunConfig, Path], object],
) -> int:
    """Parse ``arguments`` (``None``: those of the command line), run, and return the exit code."""
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--config", type=Path, required=True)
    parser.add_argument(
        "--out", type=Path, required=True, help="folder of the run; an existing run resumes"
    )
    parser.add_argument(
        "--set", action="append", default=[], metavar="SECTION.KEY=VALUE", help="override one value"
    )
    a = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    try:
        run(load_config(a.config, a.set), a.out)
    except AgentError as error:
        print(f"training stopped: {error}", file=sys.stderr)
        return 1
    return 0
