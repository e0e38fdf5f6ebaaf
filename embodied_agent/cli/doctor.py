"""`embodied-agent doctor`: what works on this machine, and what is missing."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

import typer

from embodied_agent.cli.common import (
    ExitCode,
    console,
    explained,
    plain,
    print_json,
    settings_from,
)
from embodied_agent.cli.model_options import ModelOptions
from embodied_agent.cli.option_groups import with_option_groups
from embodied_agent.cli.options import (
    ConfigOption,
    JsonOption,
    SetOption,
)

if TYPE_CHECKING:
    from embodied_agent.doctor.check import Check


@with_option_groups
def doctor(
    *,
    models: ModelOptions,
    config: ConfigOption = None,
    assignments: SetOption = None,
    json_output: JsonOption = False,
) -> None:
    """Check what works on this machine and on the configured servers.

    Prints "missing" for what the chosen settings can't run without (and exits with 1), "absent"
    for what they don't need, and "off" for what they don't use. Nothing is installed or changed.
    """
    with explained():
        settings = settings_from(
            config,
            assignments,
            **models.settings(),
        )
        from embodied_agent.doctor.checks import can_run, examine

        say = console(stderr=json_output)
        checks = []
        for check in examine(settings):
            checks.append(check)
            if not json_output:
                word, style = _word(check)
                say.print(f"{word:<8}", style=style, end="")
                say.print(f"{check.name:<26} {plain(check.detail)}", markup=False, soft_wrap=True)
        runs = can_run(checks)
        if json_output:
            print_json({"can_run": runs, "checks": [asdict(check) for check in checks]})
        else:
            say.print("The chosen settings can run." if runs else "The chosen settings can't run.")
        raise typer.Exit(ExitCode.SUCCESS if runs else ExitCode.FAILED)


def _word(check: Check) -> tuple[str, str]:
    """A check in a word, and its style."""
    if check.off:
        return "off", "dim"
    if check.works:
        return "ok", "green"
    return ("missing", "red") if check.needed else ("absent", "yellow")
