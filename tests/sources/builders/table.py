"""The README's table of inputs, made from what the tests cover.

python -m tests.sources.builders.table --write README.md
python -m tests.sources.builders.table --check README.md
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from tests.sources.builders.cases import CASES, Case

BEGIN = "<!-- inputs:begin -->"
END = "<!-- inputs:end -->"


def table() -> str:
    """Markdown: a row per kind of input, what is read of it and what is refused."""
    lines = ["| Input | Read | Refused, with the reason |", "|---|---|---|"]
    for name, cases in CASES.items():
        read = "; ".join(_texts(case for case in cases if not case.refused))
        refused = "; ".join(
            _refusal(text) for text in _texts(case for case in cases if case.refused)
        )
        lines.append(f"| {name} | {read} | {refused} |")
    return "\n".join(lines)


def _refusal(text: str) -> str:
    """``depth only: refused, naming it`` as ``depth only (naming it)``."""
    what, _, how = text.partition(": refused")
    return f"{what} ({how.removeprefix(', ')})" if how else what


def _texts(cases: object) -> list[str]:
    texts: list[str] = []
    for case in cases:  # type: ignore[attr-defined]
        assert isinstance(case, Case)
        if case.input not in texts:
            texts.append(case.input)
    return texts


def with_table(text: str) -> str:
    """``text`` with what lies between the two markers replaced by the table of now."""
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise SystemExit(f"the text must hold {BEGIN} and, after it, {END}")
    return f"{before}{BEGIN}\n{table()}\n{END}{after}"


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    choice = parser.add_mutually_exclusive_group()
    choice.add_argument("--check", type=Path, metavar="FILE")
    choice.add_argument("--write", type=Path, metavar="FILE")
    options = parser.parse_args()
    path: Path | None = options.check or options.write
    if path is None:
        print(table())
        return 0
    old = path.read_text(encoding="utf-8")
    new = with_table(old)
    if options.write and new != old:
        path.write_text(new, encoding="utf-8")
    if options.check and new != old:
        print(f"{path}: the table of inputs is out of date; run --write {path}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
