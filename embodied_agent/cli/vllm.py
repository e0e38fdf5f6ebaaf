"""`embodied-agent vllm`: vLLM for the perceiver and the reasoner, with options that fit."""

from __future__ import annotations

import shlex
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from embodied_agent.cli.common import console, explained, plain, print_json, settings_from
from embodied_agent.cli.options import ConfigOption, JsonOption, SetOption

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console

    from embodied_agent.settings import Settings
    from embodied_agent.vllm_launcher.gpus import Gpu
    from embodied_agent.vllm_launcher.plan import Plan

_TABLE = "Table of GPU memory"


def vllm(
    program: Annotated[
        str | None,
        typer.Option(
            "--program",
            metavar="COMMAND",
            help="The vllm command, or the Python of its environment (vllm.program).",
        ),
    ] = None,
    dry_run: Annotated[
        bool,
        typer.Option("--dry-run", metavar="", help="Only print what would be started, and why."),
    ] = False,
    memory: Annotated[
        bool,
        typer.Option(
            "--memory",
            metavar="",
            help="Only print how much GPU memory models need.",
            rich_help_panel=_TABLE,
        ),
    ] = False,
    models: Annotated[
        list[str] | None,
        typer.Option(
            "--model",
            metavar="NAME",
            help="A model's name, folder or config.json. Repeatable; default: all known models.",
            rich_help_panel=_TABLE,
        ),
    ] = None,
    tokens: Annotated[
        int,
        typer.Option(
            metavar="N",
            min=1,
            help="Maximum length of a prompt with its reply.",
            rich_help_panel=_TABLE,
        ),
    ] = 8192,
    requests: Annotated[
        int,
        typer.Option(metavar="N", min=1, help="Concurrent requests.", rich_help_panel=_TABLE),
    ] = 8,
    gpus: Annotated[
        int,
        typer.Option(
            metavar="N",
            min=1,
            help="GPUs that each layer is split across.",
            rich_help_panel=_TABLE,
        ),
    ] = 1,
    config: ConfigOption = None,
    assignments: SetOption = None,
    json_output: JsonOption = False,
) -> None:
    """Start vLLM for the models that vllm.perceiver and vllm.reasoner name, until Ctrl-C.

    First prints which options it chose, and why. The servers' logs go to stderr.
    """
    with explained():
        if memory:
            from embodied_agent.vllm_launcher.table import memory_rows, memory_table

            rows = memory_rows(models or (), tokens=tokens, requests=requests, gpus=gpus)
            if json_output:
                print_json(rows)
            else:
                typer.echo(memory_table(rows, tokens=tokens, requests=requests, gpus=gpus))
            return
        settings = settings_from(config, assignments, vllm__program=program)
        from embodied_agent.vllm_launcher.plan import make_plans

        machine = _gpus(settings)
        plans = make_plans(settings, machine)
        say = console(stderr=json_output)
        if json_output:
            print_json([_plan_values(plan) for plan in plans])
            sys.stdout.flush()
        else:
            _show(say, plans, machine)
        if not dry_run:
            _run(say, plans, settings, config)


def _gpus(settings: Settings) -> Sequence[Gpu]:
    """The GPUs to plan for; none: the CPU."""
    from embodied_agent.errors import SettingsError
    from embodied_agent.vllm_launcher.gpus import find_gpus, named_gpus

    vllm = settings.vllm
    if vllm.device == "cpu":
        return ()
    if vllm.gpu_gib:
        chosen = [one for one in (vllm.perceiver, vllm.reasoner) if one.model]
        named = [int(n) for one in chosen for n in one.gpus.split(",") if n]
        counts = [one.tensor_parallel * one.pipeline_parallel for one in chosen]
        return named_gpus(
            max([*counts, *(number + 1 for number in named)], default=0), vllm.gpu_gib
        )
    gpus = find_gpus()
    if not gpus and vllm.device == "gpu":
        raise SettingsError(
            "nvidia-smi lists no GPU; to plan for another machine, set vllm.gpu_gib to the memory "
            "of its GPUs, or set vllm.device to cpu"
        )
    return gpus


def _show(say: Console, plans: Sequence[Plan], gpus: Sequence[Gpu]) -> None:
    from embodied_agent.vllm_launcher.memory import GIB

    def line(text: str, style: str | None = None) -> None:
        say.print(plain(text), style=style, markup=False, soft_wrap=True)

    for gpu in gpus:
        line(f"GPU {gpu.number}: {gpu.name}, {gpu.memory_bytes / GIB:.1f} GiB")
    if not gpus:
        line("No GPU: the servers run on the CPU.")
    for plan in plans:
        where = f"GPU {', '.join(map(str, plan.gpus))}" if plan.gpus else "the CPU"
        line(f"\n{plan.role}: {plan.model} on {where}, at {plan.url}", "bold")
        for option in plan.options:
            line(f"  {shlex.join(option.words)}")
            line(f"      {option.why}", "dim")
        line("  To run it by itself:")
        shown = {
            **plan.environment,
            **({"VLLM_API_KEY": "…"} if "VLLM_API_KEY" in plan.environment else {}),
        }
        values = " ".join(f"{name}={shlex.quote(value)}" for name, value in shown.items())
        line(f"  {values} {shlex.join(plan.command)}", "dim")


def _plan_values(plan: Plan) -> dict[str, Any]:
    from dataclasses import asdict

    return {
        "role": plan.role,
        "model": plan.model,
        "name": plan.name,
        "url": plan.url,
        "gpus": list(plan.gpus),
        "command": plan.command,
        "environment": {
            name: "…" if name == "VLLM_API_KEY" else value
            for name, value in plan.environment.items()
        },
        "options": [{"words": list(o.words), "why": o.why} for o in plan.options],
        "need_bytes": None
        if plan.need is None
        else {**asdict(plan.need), "total": plan.need.total},
    }


def _run(say: Console, plans: Sequence[Plan], settings: Settings, config: Path | None) -> None:
    from embodied_agent.vllm_launcher.runner import Runner

    def tell(role: str, text: str, log: bool) -> None:
        if log:
            sys.stderr.write(f"[{role}] {plain(text)}\n")
            sys.stderr.flush()
        else:
            say.print(plain(f"{role}: {text}"), style="bold", markup=False, soft_wrap=True)

    runner = Runner(
        plans,
        start_timeout_s=settings.vllm.start_timeout_s,
        stop_timeout_s=settings.vllm.stop_timeout_s,
        restarts=settings.vllm.restarts,
        say=tell,
    )
    check = "embodied-agent doctor" + (f" --config {shlex.quote(str(config))}" if config else "")
    before = {
        number: signal.signal(number, lambda *_: runner.stop())
        for number in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        runner.run(
            lambda: say.print(
                f"All servers are ready. Check them with: {check}\nCtrl-C stops them.",
                style="green",
                markup=False,
                soft_wrap=True,
            )
        )
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
