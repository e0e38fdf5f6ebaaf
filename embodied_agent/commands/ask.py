"""`embodied-agent ask`: put a question to a memory that exists already."""

from __future__ import annotations

from typing import Annotated

import typer

from embodied_agent.commands.asking import CHOICES_HELP, cases_from, outcome, show_answer
from embodied_agent.commands.common import (
    ConfigOption,
    JsonOption,
    MemoryOption,
    SetOption,
    console,
    explained,
    plain,
    print_json,
    settings_from,
)
from embodied_agent.errors import SettingsError


def ask(
    text: Annotated[str, typer.Argument(metavar="QUESTION", help="What to ask.")],
    memory: MemoryOption = None,
    choices: Annotated[str | None, typer.Option(help=CHOICES_HELP)] = None,
    at_ns: Annotated[int | None, typer.Option(help="Ask as of this stamp, in nanoseconds.")] = None,
    config: ConfigOption = None,
    assignments: SetOption = None,
    json_output: JsonOption = False,
) -> None:
    """Ask an existing memory. It is only read, so a replay may go on meanwhile."""
    with explained():
        settings = settings_from(
            config, assignments, memory__path=None if memory is None else str(memory)
        )
        if not settings.memory.path:
            raise SettingsError("which memory? name the file with --memory")
        (case,) = cases_from([text], [choices] if choices else [], None, settings, at_ns=at_ns)

        from embodied_agent.agent import Agent
        from embodied_agent.memory.store import Store
        from embodied_agent.records import Answer
        from embodied_agent.scoring import Scored

        say = console(json_output)
        live = say.is_terminal and not json_output
        answer = Answer("")
        with (
            Store.open(settings.memory.path, settings.memory, read_only=True) as store,
            Agent(settings, store=store) as agent,
        ):
            pending = store.counts()["pending"]
            if pending:
                say.print(f"{pending} keyframes are not perceived yet", style="yellow")
            for piece in agent.ask_stream(case.question):
                if isinstance(piece, Answer):
                    answer = piece
                elif live:
                    say.print(plain(piece), style="dim", markup=False, end="")
        result = Scored(case, answer)
        if json_output:
            print_json(result.as_dict())
        else:
            show_answer(say, result, reasoning=not live)
        raise typer.Exit(outcome([result]))
