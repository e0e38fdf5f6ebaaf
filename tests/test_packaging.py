"""The repository as a new user finds it: files that agree with each other."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from embodied_agent.settings import Settings, load_settings
from sim_clips.demo import CLIP, QUESTIONS
from tests.conftest import LONG

ROOT = Path(__file__).resolve().parent.parent
PYTHONS = ("3.10", "3.11", "3.12", "3.13")


@pytest.fixture(scope="module")
def pyproject() -> dict:
    tomllib = pytest.importorskip("tomllib")
    return tomllib.loads((ROOT / "pyproject.toml").read_text())


@pytest.fixture(scope="module")
def project(pyproject: dict) -> dict:
    return pyproject["project"]


def make(*arguments: str) -> str:
    if shutil.which("make") is None:
        pytest.skip("no make here")
    done = subprocess.run(
        ["make", "-C", str(ROOT), *arguments],
        capture_output=True,
        text=True,
        check=True,
        timeout=240,
        env={k: v for k, v in os.environ.items() if not k.startswith("MAKE")},
    )
    return done.stdout


def test_versions_agree(project: dict) -> None:
    package = ElementTree.parse(ROOT / "package.xml").getroot()
    interfaces = ROOT / "ros_ws" / "src" / "embodied_agent_interfaces" / "package.xml"
    assert package.findtext("version") == project["version"]
    assert ElementTree.parse(interfaces).getroot().findtext("version") == project["version"]
    assert package.findtext("license") == project["license"] == "Apache-2.0"


def test_both_changelogs_have_the_same_versions() -> None:
    """CHANGELOG.rst is what bloom reads; its first section is named as bloom's tools want it."""
    ours = re.findall(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    theirs = re.findall(r"^(\S+)[^\n]*\n-+$", (ROOT / "CHANGELOG.rst").read_text(), re.MULTILINE)
    assert theirs == ["Forthcoming" if name == "Unreleased" else name for name in ours]


@pytest.mark.parametrize("python", PYTHONS)
def test_every_requirement_has_one_pin_that_fits(pyproject: dict, python: str) -> None:
    here = {"python_version": python, "python_full_version": f"{python}.0"}
    pins: dict[str, set[str]] = {}
    for line in (ROOT / "constraints.txt").read_text().splitlines():
        if line.startswith("#"):
            continue
        pin = Requirement(line)
        if pin.marker is None or pin.marker.evaluate(here):
            (version,) = pin.specifier
            pins.setdefault(canonicalize_name(pin.name), set()).add(version.version)
    assert all(len(versions) == 1 for versions in pins.values())
    lines = [*pyproject["project"]["dependencies"]]
    for extra in pyproject["project"]["optional-dependencies"].values():
        lines += extra
    groups = pyproject["dependency-groups"]
    # Of those that a checkout has: training beside vLLM has constraints of its own.
    for included in groups["dev"]:
        group = groups[included["include-group"]]
        lines += [line for line in group if isinstance(line, str)]
    for line in lines:
        requirement = Requirement(line)
        if requirement.marker is None or requirement.marker.evaluate(here):
            (version,) = pins[canonicalize_name(requirement.name)]
            assert requirement.specifier.contains(version), f"{line}: {version}: make lock"


def test_torch_is_pinned_on_every_python() -> None:
    assert "torch==2.13.0\n" in (ROOT / "constraints.txt").read_text()


def test_the_root_of_the_package_holds_at_most_six_modules() -> None:
    modules = sorted(path.name for path in (ROOT / "embodied_agent").glob("*.py"))
    assert len(modules) <= 6, modules


@pytest.mark.parametrize("script", sorted((ROOT / "bench").glob("[!_]*.py")), ids=lambda p: p.name)
def test_a_bench_script_runs_as_a_file_from_anywhere(script: Path, tmp_path: Path) -> None:
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    done = subprocess.run(
        [sys.executable, str(script), "--help"],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )
    assert done.returncode == 0, done.stderr
    assert script.name in done.stdout


@pytest.mark.parametrize("target", ["demo", "test", "lint", "lock", "bench", "clean"])
def test_make_help_lists_the_target(target: str) -> None:
    assert f"make {target} " in make("help")


def test_the_demo_installs_neither_test_nor_training_packages() -> None:
    shown = make("--dry-run", "--what-if=pyproject.toml", "demo")
    (install,) = [line for line in shown.splitlines() if "pip install" in line]
    assert install.rstrip().endswith("-e '.[builtin,web]'")
    assert "-c constraints.txt" in install


def test_the_demo_asks_three_questions_of_its_clip() -> None:
    if not CLIP.exists():
        pytest.skip("the clips are not recorded: python -m sim_clips shipped")
    asked = json.loads(QUESTIONS.read_text())
    known = {entry["id"]: entry for entry in json.loads((CLIP / "questions.json").read_text())}
    in_words = [entry for entry in asked if "choices" not in entry]
    assert [entry["status"] for entry in in_words] == ["answered", "not_seen"]
    assert len(asked) == 5
    for entry in [entry for entry in asked if "choices" in entry]:
        for field in ("type", "text", "choices", "answer", "stamp_ns"):
            assert entry[field] == known[entry["id"]][field]


#: What `.ci/run` makes, in this order.
CHECKS = (
    "lint", "lock-check", "test", "docs", "test-vllm", "test-servers", "test-train-vllm", "faults",
)  # fmt: skip


def ci(folder: Path, broken: str = "") -> tuple[int, list[str], list[str]]:
    """The exit code of `.ci/run`, what it made, and the lines that it wrote, in a folder where
    make's targets do nothing, and one fails."""
    (folder / ".ci").mkdir()
    shutil.copy(ROOT / ".ci" / "run", folder / ".ci" / "run")
    rules = [f"{check}:\n\t@echo made $@; test $@ != '{broken}'\n" for check in CHECKS]
    (folder / "Makefile").write_text("".join(rules))
    done = subprocess.run(
        ["bash", ".ci/run"],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=240,
        env={k: v for k, v in os.environ.items() if not k.startswith("MAKE")},
    )
    lines = done.stdout.splitlines()
    made = [line.removeprefix("made ") for line in lines if line.startswith("made ")]
    return done.returncode, made, lines


def test_ci_runs_every_check_once(tmp_path: Path) -> None:
    script = ROOT / ".ci" / "run"
    assert os.access(script, os.X_OK)
    assert not re.search(r"last-failed|reruns|\|\|", script.read_text())
    code, made, lines = ci(tmp_path)
    assert (code, tuple(made)) == (0, CHECKS)
    assert re.fullmatch(r"CI: all 8 steps passed in \d+ s", lines[-1])


def test_the_last_line_of_ci_names_the_step_that_failed(tmp_path: Path) -> None:
    code, made, lines = ci(tmp_path, "test-vllm")
    assert (code, tuple(made)) == (2, CHECKS[:5])
    assert lines[-1].startswith("CI: FAILED in step 5 of 8, make test-vllm, after ")
    assert "CI: passed: make docs, 0 s" in lines


@pytest.mark.parametrize("name", LONG)
def test_what_begins_first_exists(name: str) -> None:
    assert (ROOT / name).exists()


@pytest.mark.parametrize("path", sorted((ROOT / "config").glob("*.yaml")), ids=lambda p: p.name)
def test_each_example_of_settings_can_be_used(path: Path) -> None:
    load_settings(path)


def test_the_default_settings_file_changes_nothing() -> None:
    assert load_settings(ROOT / "config" / "default.yaml") == Settings()


def test_documents_link_to_files_that_exist() -> None:
    documents = [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")]
    for document in documents:
        for target in re.findall(r"\]\(([^)#:]+)\)", document.read_text()):
            assert (document.parent / target).exists(), f"{document.name}: {target}"


def test_the_architecture_names_modules_that_exist() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text()
    house = text.split("```")[1]
    inside = house[house.index("embodied_agent/") : house.index("sim_clips/")]
    for name in re.findall(r"^  ([a-z_]+(?:\.py|/))", inside, re.MULTILINE):
        assert (ROOT / "embodied_agent" / name).exists(), name
