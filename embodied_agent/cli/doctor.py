"""`embodied-agent doctor`: what works on this machine, and what is missing."""

from __future__ import annotations

from dataclasses import asdict

import typer

from embodied_agent.cli.common import (
    ConfigOption,
    ExitCode,
    JsonOption,
    SetOption,
    console,
    explained,
    plain,
    print_json,
    settings_from,
)


def doctor(
    config: ConfigOption = None,
    assignments: SetOption = None,
    json_output: JsonOption = False,
) -> None:
    """Say what works on this machine; exits with 1 where the chosen settings can't run."""
    with explained():
        settings = settings_from(config, assignments)
        from embodied_agent.doctor.checks import can_run, examine

        say = console(json_output)
        checks = []
        for check in examine(settings):
            checks.append(check)
            word = "ok" if check.works else "missing" if check.needed else "absent"
            style = "green" if check.works else "red" if check.needed else "yellow"
            if not json_output:
                say.print(f"{word:<8}", style=style, end="")
                say.print(f"{check.name:<22} {plain(check.detail)}", markup=False, soft_wrap=True)
        runs = can_run(checks)
        if json_output:
            print_json({"can_run": runs, "checks": [asdict(check) for check in checks]})
        else:
            say.print("the chosen settings can run" if runs else "the chosen settings can't run")
        raise typer.Exit(ExitCode.FINE if runs else ExitCode.FAILED)
