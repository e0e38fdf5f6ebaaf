"""`embodied-agent fleet`: the server of many robots, and questions to it."""

from __future__ import annotations

import logging
import os
import signal
import threading
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from embodied_agent.cli.common import (
    console,
    debugging,
    explained,
    plain,
    print_json,
    refuse_options_of_the_list,
    settings_from,
)
from embodied_agent.cli.groups import Commands
from embodied_agent.cli.options import ConfigOption, JsonOption, SetOption
from embodied_agent.errors import SettingsError

if TYPE_CHECKING:
    from embodied_agent.fleet.replies import FleetReply

fleet = Commands(
    help="Serve a fleet: collect what many robots have seen, and answer questions about it.",
    rich_markup_mode="markdown",
    invoke_without_command=True,
)

#: The environment variable with the token of the person who asks.
_TOKEN = "EMBODIED_AGENT_FLEET_TOKEN"


@fleet.callback()
def serve(
    context: typer.Context,
    database: Annotated[
        str | None,
        typer.Option(
            "--database",
            metavar="URL",
            help="The PostgreSQL database, such as postgresql://fleet@db.example.org/fleet "
            "(fleet_server.database).",
        ),
    ] = None,
    host: Annotated[
        str | None,
        typer.Option("--host", metavar="ADDRESS", help="Where to listen (fleet_server.host)."),
    ] = None,
    port: Annotated[
        int | None,
        typer.Option("--port", metavar="N", help="TCP port (fleet_server.port); 0 picks one."),
    ] = None,
    access: Annotated[
        Path | None,
        typer.Option(
            "--access",
            metavar="FILE.yaml",
            help="Tokens of robots and of people who ask (fleet_server.access_file).",
        ),
    ] = None,
    mqtt: Annotated[
        bool,
        typer.Option(
            "--mqtt",
            help="Also take in what robots send through the MQTT broker of the settings' section "
            "mqtt (fleet_server.mqtt).",
        ),
    ] = False,
    log_format: Annotated[
        Literal["text", "json"],
        typer.Option(metavar="FORMAT", help="Format of the log on stderr: text or json."),
    ] = "text",
    config: ConfigOption = None,
    assignments: SetOption = None,
) -> None:
    """Serve a fleet until SIGTERM or Ctrl-C: its HTTP API for robots and people, and its page.

    Robots send over HTTP, or through an MQTT broker (--mqtt).

    The database may start later or stop for a while: robots send again what was not stored.
    """
    with explained():
        if context.invoked_subcommand is not None:
            refuse_options_of_the_list(context)
            return
        settings = settings_from(
            config,
            assignments,
            fleet_server__database=database,
            fleet_server__host=host,
            fleet_server__port=port,
            fleet_server__access_file=None if access is None else str(access),
            fleet_server__mqtt=mqtt or None,
        )
        try:
            from embodied_agent.fleet.serving.server import FleetServer
        except ModuleNotFoundError as error:
            from embodied_agent.support.extras import missing_package

            raise SettingsError(missing_package("the fleet server", "fleet", error)) from error
        from embodied_agent.host.event_log import log_to_stderr
        from embodied_agent.host.systemd import notify

        log_to_stderr(log_format, logging.DEBUG if debugging() else logging.INFO)
        server = FleetServer(settings.fleet_server, settings.mqtt)
        ended = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: ended.set())

        def run() -> None:
            try:
                server.serve()
            finally:
                ended.set()

        thread = threading.Thread(target=run, name="fleet")
        thread.start()
        through = server.broker()
        also = "" if through is None else f", and takes in over MQTT through {through.broker}"
        console().print(f"the fleet is at {server.url}{also}", markup=False, soft_wrap=True)
        notify("READY=1")
        ended.wait()
        server.stop()
        thread.join()


@fleet.command()
def ask(
    question: Annotated[str, typer.Argument(metavar="QUESTION", help="What to ask.")],
    server: Annotated[
        str, typer.Option("--server", metavar="URL", help="The fleet server.")
    ] = "http://127.0.0.1:8090",
    robot: Annotated[
        str, typer.Option("--robot", metavar="NAME", help="Ask about this robot only.")
    ] = "",
    ca_file: Annotated[
        Path | None,
        typer.Option("--ca-file", metavar="FILE", help="CA certificates (PEM) for the server."),
    ] = None,
    timeout_s: Annotated[
        float, typer.Option("--timeout", metavar="SECONDS", min=0.1, help="Longest wait.")
    ] = 30.0,
    json_output: JsonOption = False,
) -> None:
    """Ask the fleet, such as "Who saw the red van last?".

    Your token is read from the environment variable EMBODIED_AGENT_FLEET_TOKEN.
    """
    with explained():
        from embodied_agent.fleet.link import Link
        from embodied_agent.fleet.replies import FleetQuestion, FleetReply

        if not server.startswith(("http://", "https://")):
            raise SettingsError(f"--server needs an address such as https://HOST, not {server!r}")
        if not 0 < len(question) <= 2000:
            raise SettingsError("a question must have 1 to 2000 characters")
        link = Link(
            server,
            token=os.environ.get(_TOKEN, ""),
            ca_file="" if ca_file is None else str(ca_file),
            timeout_s=timeout_s,
        )
        reply = link.post("/api/ask", FleetQuestion(question=question, robot=robot), FleetReply)
        if json_output:
            print_json(reply.model_dump(mode="json"))
        else:
            _print(reply)


def _print(reply: FleetReply) -> None:
    status = "" if reply.status == "answered" else f"{reply.status.replace('_', ' ')}: "
    console().print(plain(f"{status}{reply.text}"), markup=False, soft_wrap=True)
    for one in reply.evidence:
        moment = datetime.fromtimestamp(one.seen_at_s).isoformat(" ", "seconds")
        line = f"  {one.robot} #{one.keyframe_id}  {moment}  {one.note}".rstrip()
        console().print(plain(line), style="dim", markup=False, soft_wrap=True)
