"""The command line, called in this process."""

from __future__ import annotations

import json
from typing import Any

from typer.testing import CliRunner, Result

from embodied_agent.cli.main import app

#: Options that need no model.
QUICK = ["--perception", "geometry"]


def run(*arguments: object) -> Result:
    """The result of a command; an exception other than the command's own end is raised."""
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def parsed(result: Result) -> dict[str, Any]:
    """The JSON that a command printed, which must have succeeded."""
    assert result.exit_code == 0, result.output
    values: dict[str, Any] = json.loads(result.stdout)
    return values
