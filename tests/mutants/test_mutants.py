"""`make mutants`: what it is told fits the code, and it finds what tests don't notice."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.mutants.__main__ import Tally, table, tally, verdict
from tests.mutants.config import (
    FIGURES,
    ROOT,
    Change,
    Config,
    Module,
    as_entry,
    read_config,
    read_survivors,
)
from tests.mutants.mutated import changes, function_of
from tests.mutants.workspace import MutantsError, Workspace

CONFIG = read_config()


@pytest.mark.parametrize("module", CONFIG.modules.values(), ids=CONFIG.modules)
def test_modules_and_their_tests_exist(module: Module) -> None:
    for path in (module.source, *module.tests):
        assert (ROOT / path).is_file(), path


@pytest.mark.parametrize("name", read_survivors())
def test_a_listed_survivor_is_of_code_that_is_still_there(name: str) -> None:
    source = (ROOT / CONFIG.modules[name].source).read_text("utf-8")
    lines = {line.strip() for line in source.splitlines()}
    for change in read_survivors()[name]:
        assert set(change.was.splitlines()) <= lines, change


def test_the_figures_are_of_these_modules_and_in_the_documentation() -> None:
    rows = json.loads(FIGURES.read_text("utf-8"))
    assert set(rows) == set(CONFIG.modules)
    assert table(rows) in (ROOT / "docs" / "reliability.md").read_text("utf-8")


@pytest.mark.parametrize("name", CONFIG.modules)
def test_the_figures_of_a_module_are_of_its_code_and_reach_the_target(name: str) -> None:
    row = json.loads(FIGURES.read_text("utf-8"))[name]
    assert row["code"] == CONFIG.modules[name].code(), f"run `make mutants MODULE={name}`"
    assert 100 * (row["killed"] + row["timed out"]) >= CONFIG.least_killed * row["mutants"]
    assert row["survived"] == 0


def test_comments_and_layout_are_not_of_the_code(toy: Path) -> None:
    code = TOY.code(toy)
    (toy / TOY.source).write_text("# Sizes.\n\n" + LARGER.replace("if one", "# Why?\n    if one"))
    assert TOY.code(toy) == code
    (toy / TOY.source).write_text(LARGER.replace("+ 0", "+ 1"))
    assert TOY.code(toy) != code


LARGER = '''\
def larger(one, other):
    """The larger of two."""
    if one > other:
        return one
    return other + 0
'''
TOY_TEST = """\
from toy.sizes import larger


def test_the_larger_is_given():
    assert larger(1, 2) == 2
    assert larger(5, 2) == 5
"""
TOY_CONFTEST = """\
from hypothesis import settings

settings.register_profile("mutants", database=None)
"""
TOY = Module("sizes", "toy/sizes.py", ("tests/test_sizes.py",))


@pytest.fixture
def toy(tmp_path: Path) -> Path:
    """A project of one function."""
    root = tmp_path / "project"
    for path, text in {
        "pyproject.toml": (
            '[tool.pytest.ini_options]\npythonpath = ["."]\nfilterwarnings = ["error"]\n'
            'addopts = ["--disable-plugin-autoload", "-p", "_hypothesis_pytestplugin"]\n'
        ),
        "toy/__init__.py": "",
        "toy/sizes.py": LARGER,
        "tests/__init__.py": "",
        "tests/conftest.py": TOY_CONFTEST,
        "tests/test_sizes.py": TOY_TEST,
    }.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)
    return root


def workspace(root: Path, tmp_path: Path, wording: tuple[str, ...] = ()) -> Workspace:
    config = Config({TOY.name: TOY}, wording, 10, 10, 85)
    return Workspace(TOY, config, tmp_path / "work", root)


def test_changes_that_no_test_notices_are_found_and_results_are_kept(
    toy: Path, tmp_path: Path
) -> None:
    work = workspace(toy, tmp_path)
    assert work.prepare(fresh=False) is False
    with pytest.raises(MutantsError, match="have not been run yet"):
        work.results()
    work.run()
    results = work.results()
    survived = {change for column, change in results.values() if column == "survived"}
    assert Change("larger", "return other + 0", "return other - 0") in survived
    assert Change("larger", "if one > other:", "if one >= other:") in survived
    killed = {change for column, change in results.values() if column == "killed"}
    assert Change("larger", "return other + 0", "return other + 1") in killed
    assert (toy / "toy" / "sizes.py").read_text() == LARGER

    assert work.prepare(fresh=False) is True
    assert work.results() == results
    (toy / "tests" / "test_sizes.py").write_text(TOY_TEST + "    assert larger(2, 2) == 2\n")
    assert work.prepare(fresh=False) is False


def test_tests_that_fail_by_themselves_are_an_error(toy: Path, tmp_path: Path) -> None:
    (toy / "tests" / "test_sizes.py").write_text(TOY_TEST + "    assert larger(1, 2) == 3\n")
    work = workspace(toy, tmp_path)
    work.prepare(fresh=False)
    with pytest.raises(
        MutantsError, match=r"(?s)failed to collect stats.*mutmut could not run sizes"
    ):
        work.run()


MUTATED = """\
def x_read__mutmut_orig(text: str) -> str:
    found = text.find(
        "a",
    )
    return text[found:]


def x_read__mutmut_1(text: str) -> str:
    found = None
    return text[found:]


class Reader:
    def xǁReaderǁread__mutmut_orig(self) -> int:
        return 1

    def xǁReaderǁread__mutmut_12(self) -> int:
        return 2
"""


def test_a_change_is_the_lines_that_differ() -> None:
    assert changes(MUTATED) == {
        "x_read__mutmut_1": Change("read", 'found = text.find(\n"a",\n)', "found = None"),
        "xǁReaderǁread__mutmut_12": Change("Reader.read", "return 1", "return 2"),
    }
    assert function_of("x__private__mutmut_3") == "_private"


def test_an_entry_as_it_is_printed_is_read_back_once_it_has_a_reason(tmp_path: Path) -> None:
    path = tmp_path / "survivors.yaml"
    change = Change("read", "found = text.find(\n\"a: 'b'\",\n)", "")
    path.write_text("reader:\n" + as_entry(change))
    with pytest.raises(ValueError, match="no reason"):
        read_survivors(path)
    path.write_text("reader:\n" + as_entry(change).replace("reason: ''", "reason: so it is"))
    assert read_survivors(path) == {"reader": {change: "so it is"}}
    path.write_text(path.read_text() + path.read_text().removeprefix("reader:\n"))
    with pytest.raises(ValueError, match="listed twice"):
        read_survivors(path)


def test_a_survivor_without_a_reason_fails_and_one_with_a_reason_does_not(
    capsys: pytest.CaptureFixture[str],
) -> None:
    known, new = Change("read", "return 1", "return 2"), Change("read", "return 1", "return 0")
    results = {f"killed {n}": ("killed", Change("read", "", str(n))) for n in range(8)}
    results |= {"late": ("timed out", Change("read", "", "")), "known": ("survived", known)}
    good = tally(results, {known: "nobody can tell"})
    assert good == Tally(10, 8, 1, 1)
    assert verdict({"reader": good}, 85) == 0
    assert verdict({"reader": good}, 95) == 1
    assert "90.0 % were killed; at least 95 % must be" in capsys.readouterr().out
    bad = tally({**results, "new": ("survived", new)}, {known: "nobody can tell"})
    assert bad.unexplained == (new,)
    assert verdict({"reader": bad}, 50) == 1
    assert as_entry(new) in capsys.readouterr().out


def test_the_table_has_a_row_for_each_module_and_their_sum() -> None:
    rows = {"one": Tally(10, 8, 1, 1).row(), "two": Tally(30, 20, 0, 0).row()}
    assert table(rows).splitlines()[2:] == [
        "| one | 10 | 8 | 0 | 1 | 1 | 90 |",
        "| two | 30 | 20 | 10 | 0 | 0 | 66.7 |",
        "| all | 40 | 28 | 10 | 1 | 1 | 72.5 |",
    ]
