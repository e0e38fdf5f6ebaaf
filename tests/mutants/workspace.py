"""A folder in which mutmut works on one module and sees the rest of the checkout as it is.

The module is copied, everything else is linked, so that no file of the checkout is changed. The
results of a run that was interrupted stay there and are taken up again, unless the module, its
tests or what these share have changed meanwhile.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import shutil
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TextIO

from tests.mutants.config import ROOT, Change, Config, Module
from tests.mutants.mutated import changes

#: What mutmut says of a mutant, as a column of the table.
_COLUMNS = {
    "killed": "killed",
    "segfault": "killed",
    "timeout": "timed out",
    "survived": "survived",
    "no tests": "survived",
}


class MutantsError(Exception):
    """mutmut did not come to an end."""


class Workspace:
    """Where the mutants of ``module`` are made and run: ``folder``."""

    def __init__(self, module: Module, config: Config, folder: Path, root: Path = ROOT) -> None:
        self._module, self._config = module, config
        self._folder, self._root = folder, root

    def prepare(self, *, fresh: bool) -> bool:
        """Set the folder up; whether results of an earlier run are taken up."""
        stamp = self._folder / "stamp"
        if not fresh and stamp.is_file() and stamp.read_text() == self._state():
            return True
        shutil.rmtree(self._folder, ignore_errors=True)
        source = Path(self._module.source)
        (self._folder / source).parent.mkdir(parents=True)
        shutil.copy2(self._root / source, self._folder / source)
        _link(self._root, self._folder / "mutants", source.parts)
        settings = (self._root / "pyproject.toml").read_text("utf-8") + self._settings()
        (self._folder / "pyproject.toml").write_text(settings, "utf-8")
        stamp.write_text(self._state())
        return False

    def run(self, only: tuple[str, ...] = ()) -> None:
        """Run the mutants that have no result yet, or ``only`` these. On a terminal mutmut shows
        its progress; elsewhere what it says goes to ``mutmut.log``.

        Raises:
            MutantsError: mutmut failed, for example since the tests fail without any mutant.
        """
        log = self._folder / "mutmut.log"
        with log.open("w", encoding="utf-8") as file:
            done = self._mutmut(
                "run",
                "--max-children",
                str(self._module.processes),
                *only,
                to=None if sys.stdout.isatty() else file,
            )
        if done.returncode:
            said = log.read_text("utf-8")[-4000:]
            raise MutantsError(f"{said}\nmutmut could not run {self._module.name}")

    def results(self) -> dict[str, tuple[str, Change]]:
        """Each mutant's column of the table and its change, by its name.

        Raises:
            MutantsError: a mutant has no result, since there was no run or it was interrupted.
        """
        mutated = self._folder / "mutants" / self._module.source
        if not mutated.is_file():
            raise MutantsError(f"the mutants of {self._module.name} have not been run yet")
        made = changes(mutated.read_text("utf-8"))
        results = {}
        for line in self._mutmut("results", "--all", "true").stdout.splitlines():
            name, _, said = line.strip().rpartition(": ")
            if said not in _COLUMNS:
                raise MutantsError(f"{name}: {said or line}; run it again to go on")
            results[name] = _COLUMNS[said], made[name.rpartition(".")[2]]
        return results

    def _mutmut(
        self, *arguments: str, to: TextIO | int | None = subprocess.PIPE
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "mutmut", *arguments],
            cwd=self._folder,
            check=False,
            text=True,
            stdout=to,
            stderr=None if to is None else subprocess.STDOUT,
        )

    def _settings(self) -> str:
        values = {
            "source_paths": [self._module.source],
            "pytest_add_cli_args_test_selection": list(self._module.tests),
            # The same examples in each run: what survives must not depend on chance.
            "pytest_add_cli_args": ["--hypothesis-profile=mutants", "-p", "no:cacheprovider"],
            "do_not_mutate_patterns": list(self._config.wording),
            "timeout_constant": float(self._config.constant_s),
            "timeout_multiplier": float(self._config.factor),
        }
        lines = [f"{key} = {json.dumps(value)}" for key, value in values.items()]
        return "\n".join(["", "[tool.mutmut]", *lines, "use_git_change_detection = false", ""])

    def _state(self) -> str:
        """A checksum of all that decides about the results."""
        total = hashlib.sha256(json.dumps(asdict(self._module)).encode())
        total.update(self._settings().encode())
        total.update(importlib.metadata.version("mutmut").encode())
        paths = [self._root / name for name in (self._module.source, *self._module.tests)]
        paths += [self._root / "pyproject.toml", self._root / "tests" / "conftest.py"]
        paths += sorted((self._root / "tests" / "support").glob("*.py"))
        for path in paths:
            total.update(path.read_bytes())
        return total.hexdigest()


def _link(source: Path, target: Path, but: tuple[str, ...]) -> None:
    """Link what lies in ``source``, except for the file ``but``, in folders of its own."""
    target.mkdir()
    for entry in source.iterdir():
        if entry.name == but[0] and but[1:]:
            _link(entry, target / entry.name, but[1:])
        elif entry.name not in (but[0], "pyproject.toml", "build") and entry.name[0] != ".":
            (target / entry.name).symlink_to(entry)
