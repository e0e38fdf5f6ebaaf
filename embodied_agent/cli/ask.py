"""`embodied-agent ask`: put a question to an existing memory, or to a robot over MQTT."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated

import typer

from embodied_agent.cli.common import (
    NO_MEMORY,
    announced_loading,
    console,
    counted,
    explained,
    plain,
    print_json,
    settings_from,
)
from embodied_agent.cli.model_options import ModelOptions
from embodied_agent.cli.option_groups import with_option_groups
from embodied_agent.cli.options import (
    CHOICES_HELP,
    ConfigOption,
    JsonOption,
    MemoryOption,
    SetOption,
)
from embodied_agent.cli.questions import cases_from, outcome, show_answer
from embodied_agent.errors import SettingsError
from embodied_agent.support.extras import missing_package

if TYPE_CHECKING:
    from rich.console import Console

    from embodied_agent.records import Answer, Question
    from embodied_agent.settings import Settings


@with_option_groups
def ask(
    text: Annotated[str, typer.Argument(metavar="QUESTION", help="What to ask.")],
    memory: MemoryOption = None,
    choices: Annotated[str | None, typer.Option(metavar="A|B|…", help=CHOICES_HELP)] = None,
    at_ns: Annotated[
        int | None,
        typer.Option(metavar="STAMP", help="Ask as of this stamp, in nanoseconds."),
    ] = None,
    mqtt: Annotated[
        str | None,
        typer.Option(
            metavar="HOST[:PORT]",
            help="Ask a robot over this MQTT broker instead (mqtt.host, mqtt.port).",
            rich_help_panel="Robot",
        ),
    ] = None,
    robot: Annotated[
        str | None,
        typer.Option(
            metavar="NAME", help="The robot to ask (mqtt.robot).", rich_help_panel="Robot"
        ),
    ] = None,
    *,
    models: ModelOptions,
    config: ConfigOption = None,
    assignments: SetOption = None,
    json_output: JsonOption = False,
) -> None:
    """Ask an existing memory, or a robot over MQTT.

    The memory is only read, so a replay or a robot may keep writing to it.
    """
    with explained():
        chosen = models.settings()
        if mqtt is None and robot is not None:
            raise SettingsError("--robot needs a broker: add --mqtt HOST")
        if mqtt is not None and memory is not None:
            raise SettingsError("ask either a memory or a robot: leave out --memory or --mqtt")
        if mqtt is not None and any(value is not None for value in chosen.values()):
            raise SettingsError("a robot chooses its own models: leave out the options of models")
        settings = settings_from(
            config,
            assignments,
            memory__path=None if memory is None else str(memory),
            mqtt__robot=robot,
            **chosen,
            **_broker(mqtt),
        )
        if mqtt is None and not settings.memory.path:
            raise SettingsError(NO_MEMORY)
        (case,) = cases_from([text], [choices] if choices else [], None, settings, at_ns=at_ns)

        from embodied_agent.report.scoring import Scored

        say = console(stderr=json_output)
        live = say.is_terminal and not json_output

        def show(piece: str) -> None:
            say.print(plain(piece), style="dim", markup=False, end="")

        ask_it = _ask_memory if mqtt is None else _ask_robot
        with announced_loading(console(stderr=True)):
            answer = ask_it(settings, case.question, say, show if live else None)
        result = Scored(case, answer)
        if json_output:
            print_json(result.record())
        else:
            show_answer(say, result, reasoning=not live)
        raise typer.Exit(outcome([result]))


def _ask_memory(
    settings: Settings, question: Question, say: Console, on_piece: Callable[[str], None] | None
) -> Answer:
    from embodied_agent.agent import Agent
    from embodied_agent.memory.store import Store
    from embodied_agent.records import Answer

    answer = Answer("")
    with (
        Store.open(settings.memory.path, settings.memory, read_only=True) as store,
        Agent(settings, store=store) as agent,
    ):
        pending = store.counts().pending
        if pending:
            say.print(f"not perceived yet: {counted(pending, 'keyframe')}", style="yellow")
        for piece in agent.ask_stream(question):
            if isinstance(piece, Answer):
                answer = piece
            elif on_piece is not None:
                on_piece(piece)
    return answer


def _ask_robot(
    settings: Settings, question: Question, say: Console, on_piece: Callable[[str], None] | None
) -> Answer:
    try:
        from embodied_agent.interfaces.mqtt.client import ask_robot
    except ModuleNotFoundError as error:
        raise SettingsError(missing_package("--mqtt", "mqtt", error)) from error
    from embodied_agent.interfaces.wire.models import AskRequest

    request = AskRequest(
        question=question.text, choices=list(question.choices), at_ns=question.at_ns
    )
    return ask_robot(settings.mqtt, request, timeout_s=question.timeout_s, on_piece=on_piece)


def _broker(address: str | None) -> dict[str, str | int]:
    """The settings for ``HOST``, ``HOST:PORT`` or ``[IPV6]:PORT``."""
    if address is None:
        return {}
    host, colon, port = address.rpartition(":")
    if not colon or address.endswith("]") or (":" in host and not host.endswith("]")):
        return {"mqtt__host": address.strip("[]")}
    if not port.isdigit():
        raise SettingsError(f"--mqtt needs HOST or HOST:PORT, not {address!r}")
    return {"mqtt__host": host.strip("[]"), "mqtt__port": int(port)}
