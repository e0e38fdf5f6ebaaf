"""The repository as a new user finds it: files that agree with each other."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from xml.etree import ElementTree

import pytest

from embodied_agent.settings import Settings, load_settings
from sim_clips.demo import CLIP, QUESTIONS

ROOT = Path(__file__).resolve().parent.parent
EXTRAS = {"cluster", "sim", "train", "web", "mqtt", "rerun", "vllm", "dev"}


@pytest.fixture(scope="module")
def project() -> dict:
    tomllib = pytest.importorskip("tomllib")
    return tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


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


def test_every_promised_extra_exists(project: dict) -> None:
    assert set(project["optional-dependencies"]) == EXTRAS


def test_versions_agree(project: dict) -> None:
    package = ElementTree.parse(ROOT / "package.xml").getroot()
    assert package.findtext("version") == project["version"]
    assert package.findtext("license") == project["license"] == "Apache-2.0"


def test_every_dependency_is_pinned_for_the_tested_python(project: dict) -> None:
    pins = (ROOT / "constraints.txt").read_text().lower().replace("_", "-")
    needed = list(project["dependencies"])
    for extra in ("sim", "train", "cluster", "web", "mqtt", "dev"):
        needed += project["optional-dependencies"][extra]
    needed = [name for name in needed if not name.startswith("embodied-agent[")]
    for requirement in needed:
        name = re.split(r"[\[>=<]", requirement)[0].lower().replace("_", "-")
        assert re.search(rf"^{re.escape(name)}==", pins, re.MULTILINE), name


@pytest.mark.parametrize("target", ["demo", "test", "lint", "bench", "clean"])
def test_make_help_lists_the_target(target: str) -> None:
    assert f"make {target} " in make("help")


def test_the_demo_installs_neither_test_nor_training_packages() -> None:
    shown = make("--dry-run", "--what-if=pyproject.toml", "demo")
    (install,) = [line for line in shown.splitlines() if "pip install" in line]
    assert install.rstrip().endswith("-e '.[web]'")
    assert "-c constraints.txt" in install


def test_the_demo_asks_three_questions_of_its_clip() -> None:
    if not CLIP.exists():
        pytest.skip("the clips are not recorded: python -m sim_clips shipped")
    asked = json.loads(QUESTIONS.read_text())
    known = {entry["id"]: entry for entry in json.loads((CLIP / "questions.json").read_text())}
    assert len(asked) == 3
    for entry in asked:
        for field in ("type", "text", "choices", "answer", "stamp_ns"):
            assert entry[field] == known[entry["id"]][field]


def test_ci_runs_test_and_lint() -> None:
    script = ROOT / ".ci" / "run"
    assert os.access(script, os.X_OK)
    for command in ("make lint", "make test", "make test-vllm"):
        assert re.search(rf"^{command}( |$)", script.read_text(), re.MULTILINE), command


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
