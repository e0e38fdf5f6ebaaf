"""Change the core modules in small ways, one at a time, and see whether a test notices.

python -m tests.mutants [MODULE …] [--fresh] [--survivors]

`make mutants` runs it for all modules of ``modules.yaml``, `make mutants MODULE=recall` for one. It
can be interrupted and goes on where it was. A mutant that survives the tests is a behaviour that no
test holds: write the test. Where the change makes no difference that anybody could observe, its
entry goes into ``survivors.yaml``, with the reason. The run fails on a survivor without a reason,
and if fewer than ``least_killed`` per cent are killed.

It needs the dependency group `mutants`.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from dataclasses import dataclass

from tests.mutants.config import (
    FIGURES,
    ROOT,
    Change,
    Config,
    as_entry,
    read_config,
    read_survivors,
)
from tests.mutants.workspace import MutantsError, Workspace

COLUMNS = ("mutants", "killed", "survived", "equivalent", "timed out", "%")


@dataclass(frozen=True)
class Tally:
    """The results of one module; ``unexplained`` survived without a reason being known."""

    mutants: int
    killed: int
    timed_out: int
    equivalent: int
    unexplained: tuple[Change, ...] = ()

    @property
    def killed_percent(self) -> float:
        """Share of all mutants that the tests noticed, by failing or by never ending."""
        return 100 * (self.killed + self.timed_out) / max(1, self.mutants)

    def row(self) -> dict[str, float]:
        """The columns of the table."""
        survived = self.mutants - self.killed - self.timed_out - self.equivalent
        values = (self.mutants, self.killed, survived, self.equivalent, self.timed_out)
        return dict(zip(COLUMNS, (*values, round(self.killed_percent, 1)), strict=True))


def tally(results: dict[str, tuple[str, Change]], known: dict[Change, str]) -> Tally:
    """Count the results, with the survivors whose reason is ``known``."""
    columns = Counter(column for column, _ in results.values())
    survived = [change for column, change in results.values() if column == "survived"]
    return Tally(
        len(results),
        columns["killed"],
        columns["timed out"],
        sum(change in known for change in survived),
        tuple(sorted(change for change in survived if change not in known)),
    )


def table(rows: dict[str, dict[str, float]]) -> str:
    """The figures of all modules, and their sum, as a Markdown table."""
    total = {column: sum(row[column] for row in rows.values()) for column in COLUMNS[:-1]}
    noticed = total["killed"] + total["timed out"]
    total["%"] = round(100 * noticed / max(1, total["mutants"]), 1)
    lines = [["module", *COLUMNS], ["---", *["---:"] * len(COLUMNS)]]
    for name, row in (*rows.items(), ("all", total)):
        lines.append([name, *(f"{row[column]:g}" for column in COLUMNS)])
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def main(arguments: list[str] | None = None) -> int:
    config, known = read_config(), read_survivors()
    parser = argparse.ArgumentParser(
        prog="python -m tests.mutants", description=(__doc__ or "").partition("\n")[0]
    )
    parser.add_argument("modules", nargs="*", metavar="MODULE", help=", ".join(config.modules))
    parser.add_argument("--fresh", action="store_true", help="forget the results of earlier runs")
    parser.add_argument(
        "--survivors",
        action="store_true",
        help="run only what survived last time, against the tests as they are now; for the time "
        "of writing them: no figures are kept",
    )
    options = parser.parse_args(arguments)
    for name in options.modules:
        if name not in config.modules:
            parser.error(f"no module {name!r}; choose from {', '.join(config.modules)}")
    tallies: dict[str, Tally] = {}
    for name in options.modules or config.modules:
        workspace = Workspace(config.modules[name], config, ROOT / "build" / "mutants" / name)
        try:
            if options.survivors:
                workspace.run(
                    tuple(n for n, (c, _) in workspace.results().items() if c == "survived")
                )
            else:
                resumed = workspace.prepare(fresh=options.fresh)
                print(f"{name}: {'going on' if resumed else 'beginning'}", flush=True)
                workspace.run()
            results = workspace.results()
        except MutantsError as error:
            print(error, file=sys.stderr)
            return 1
        tallies[name] = tally(results, known.get(name, {}))
        gone = known.get(name, {}).keys() - {c for s, c in results.values() if s == "survived"}
        for change in sorted(gone):
            print(f"{name}: no longer a survivor, take it off the list: {change}")
    if not options.survivors:
        _keep(tallies, config)
    print(table({name: each.row() for name, each in tallies.items()}))
    return verdict(tallies, config.least_killed)


def verdict(tallies: dict[str, Tally], least_killed: float) -> int:
    """Say what is wrong; the exit code."""
    code = 0
    for name, each in tallies.items():
        if each.unexplained:
            code = 1
            print(f"\nNo test notices these changes of {name}; for survivors.yaml, with a reason:")
            print("".join(map(as_entry, each.unexplained)), end="")
    mutants = sum(each.mutants for each in tallies.values())
    killed = sum(each.killed + each.timed_out for each in tallies.values())
    if 100 * killed < least_killed * mutants:
        code = 1
        print(f"\n{100 * killed / mutants:.1f} % were killed; at least {least_killed:g} % must be")
    return code


def _keep(tallies: dict[str, Tally], config: Config) -> None:
    """Keep the figures of the modules that ran."""
    figures = json.loads(FIGURES.read_text("utf-8")) if FIGURES.is_file() else {}
    for name, each in tallies.items():
        figures[name] = {**each.row(), "code": config.modules[name].code()}
    kept = {name: figures[name] for name in config.modules if name in figures}
    FIGURES.write_text(json.dumps(kept, indent=2) + "\n", "utf-8")


if __name__ == "__main__":
    sys.exit(main())
