"""`embodied-agent vllm`: what models need, what is chosen for them, and how servers are run.

Real vLLM is in tests/with_vllm; here stands a program with the same command line that answers as
vLLM does when it starts, so that it can be made to fail.
"""

from __future__ import annotations

import json
import math
import os
import re
import signal
import struct
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from embodied_agent.cli.main import app
from embodied_agent.errors import ModelError, ModelUnavailable, SettingsError
from embodied_agent.models.checkpoints import SHIPPED
from embodied_agent.settings import Settings, load_settings
from embodied_agent.vllm_launcher.catalogue import CONFIGS, find_shape
from embodied_agent.vllm_launcher.gpus import named_gpus, parse_gpus
from embodied_agent.vllm_launcher.memory import GIB, cache_bytes, need, weight_bytes
from embodied_agent.vllm_launcher.plan import Plan, make_plans
from embodied_agent.vllm_launcher.runner import Runner
from embodied_agent.vllm_launcher.shapes import read_config, shape_of
from embodied_agent.vllm_launcher.table import with_tables
from tests.support.served import free_port

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("role", ["perceiver", "reasoner"])
def test_counted_parameters_are_those_in_the_shipped_files(role: str) -> None:
    folder = SHIPPED / role
    with (folder / "model.safetensors").open("rb") as file:
        header = json.loads(file.read(struct.unpack("<Q", file.read(8))[0]))
    stored = sum(math.prod(v["shape"]) for k, v in header.items() if k != "__metadata__")
    assert shape_of(read_config(folder)).parameters == stored


@pytest.mark.parametrize(
    ("name", "published"),
    [
        ("Qwen/Qwen2.5-VL-7B-Instruct", 8_292_166_656),
        ("Qwen/Qwen2.5-VL-3B-Instruct", 3_754_622_976),
        ("Qwen/Qwen2.5-3B-Instruct", 3_085_938_688),
        ("Qwen/Qwen2.5-7B-Instruct", 7_615_616_512),
    ],
)
def test_counted_parameters_are_the_published_ones(name: str, published: int) -> None:
    assert find_shape(name).parameters == published


def test_a_layer_of_the_72b_model_has_the_parameters_of_its_implementation() -> None:
    torch = pytest.importorskip("torch")
    from transformers import Qwen2_5_VLConfig, Qwen2_5_VLForConditionalGeneration

    # Two layers of each kind: the rest is multiplication.
    config = {**CONFIGS["Qwen/Qwen2.5-VL-72B-Instruct"], "num_hidden_layers": 2}
    vision = {**config.pop("vision_config"), "depth": 2}
    text = {key: value for key, value in config.items() if key != "model_type"}
    with torch.device("meta"):
        model = Qwen2_5_VLForConditionalGeneration(
            Qwen2_5_VLConfig(text_config=text, vision_config=vision, tie_word_embeddings=False)
        )
    built = sum(parameter.numel() for parameter in model.parameters())
    assert shape_of({**config, "vision_config": vision}).parameters == built
    assert round(find_shape("Qwen/Qwen2.5-VL-72B-Instruct").parameters / 1e9, 1) == 73.4


def test_four_bit_weights_are_as_large_as_the_published_files() -> None:
    # The published files of the 7B AWQ model hold 6.9 GB; the vision part stays in 16 bits.
    size = weight_bytes(find_shape("Qwen/Qwen2.5-VL-7B-Instruct-AWQ"), "int4")
    assert 6.8e9 < size < 7.0e9


def test_the_cache_of_one_token_is_two_numbers_per_layer_and_head_dimension() -> None:
    shape = find_shape("Qwen/Qwen2.5-3B-Instruct")
    assert cache_bytes(shape, 1) == 2 * 36 * 2 * 128 * 2
    assert cache_bytes(shape, 1, gpus=2) == cache_bytes(shape, 1) // 2
    assert cache_bytes(shape, 1, gpus=8) == cache_bytes(shape, 1, gpus=2)  # heads are repeated


def test_more_gpus_need_less_each_and_odd_splits_are_refused() -> None:
    shape = find_shape("Qwen/Qwen2.5-VL-72B-Instruct")
    one, four = (need(shape, "bf16", tokens=8192, requests=8, gpus=gpus) for gpus in (1, 4))
    assert one.weights > 4 * four.weights - 8
    assert four.total < one.total / 3
    with pytest.raises(SettingsError, match="divisor"):
        need(shape, "bf16", tokens=8192, requests=8, gpus=3)


def test_a_model_of_another_architecture_is_refused_not_guessed(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"model_type": "mamba"}')
    with pytest.raises(ModelError, match="mamba"):
        find_shape(str(tmp_path))


def test_the_document_holds_the_table_that_the_command_prints() -> None:
    text = (ROOT / "docs" / "serving.md").read_text()
    assert with_tables(text) == text, "run: python -m embodied_agent.vllm_launcher.table"


def planned(name: str, gib: float, **values: Any) -> list[Plan]:
    settings = load_settings(ROOT / "config" / f"{name}.yaml", **values)
    return make_plans(settings, named_gpus(8, gib) if gib else ())


def options(plan: Plan) -> dict[str, str]:
    return {option.words[0]: (*option.words, "")[1] for option in plan.options}


@pytest.mark.parametrize(("name", "gib"), [("vllm-72b-3b", 80), ("vllm-7b-3b", 48), ("edge", 8)])
def test_the_shipped_configs_fit_the_gpus_that_they_name(name: str, gib: float) -> None:
    plans = planned(name, gib)
    share = sum(float(options(plan)["--gpu-memory-utilization"]) for plan in plans)
    assert share <= 0.9
    for plan in plans:
        assert plan.need is not None
        assert plan.need.total <= float(options(plan)["--gpu-memory-utilization"]) * gib * GIB


def test_the_perceiver_gets_two_pictures_and_the_reasoner_none() -> None:
    perceiver, reasoner = planned("vllm-7b-3b", 48)
    assert json.loads(options(perceiver)["--limit-mm-per-prompt"])["image"] == 2
    assert "--limit-mm-per-prompt" not in options(reasoner)
    assert "--enable-prefix-caching" in options(reasoner)
    assert options(perceiver)["--served-model-name"] == "perceiver"


def test_a_large_model_is_split_over_its_gpus() -> None:
    perceiver, reasoner = planned("vllm-72b-3b", 80)
    assert options(perceiver)["--tensor-parallel-size"] == "4"
    assert perceiver.environment["CUDA_VISIBLE_DEVICES"] == "0,1,2,3"
    assert reasoner.environment["CUDA_VISIBLE_DEVICES"] == "0"


def test_every_option_has_a_reason() -> None:
    for plan in planned("vllm-72b-3b", 80) + planned("vllm-cpu", 0):
        assert all(option.why for option in plan.options)


def test_what_does_not_fit_is_refused_with_what_is_needed() -> None:
    with pytest.raises(SettingsError, match=r"24\.0 GiB.*7B-Instruct 2\d\.\d GiB"):
        planned("vllm-7b-3b", 24)


def test_four_bits_need_a_checkpoint_that_has_them() -> None:
    with pytest.raises(SettingsError, match="not quantised"):
        planned("vllm-7b-3b", 48, vllm__reasoner__precision="int4")
    with pytest.raises(SettingsError, match="both servers"):
        planned("vllm-7b-3b", 48, reasoning__server__base_url="http://127.0.0.1:8000/v1")
    with pytest.raises(SettingsError, match="nothing to start"):
        make_plans(Settings(), ())


def test_a_key_is_never_on_the_command_line() -> None:
    plan = planned("vllm-7b-3b", 48, perception__server__api_key="secret-of-ours")[0]
    assert "secret-of-ours" not in " ".join(plan.command)
    assert plan.environment["VLLM_API_KEY"] == "secret-of-ours"


def test_a_listing_of_gpus_is_read_and_nonsense_left_out() -> None:
    listing = "0, NVIDIA H100 80GB HBM3, 81559\nno devices\n1, Orin (nvgpu), [N/A]\n"
    (gpu,) = parse_gpus(listing)
    assert (gpu.number, gpu.name, gpu.memory_bytes) == (0, "NVIDIA H100 80GB HBM3", 81559 * 2**20)


def test_a_dry_run_starts_nothing_and_says_why_and_hides_keys() -> None:
    arguments = ["vllm", "--config", str(ROOT / "config" / "vllm-7b-3b.yaml"), "--dry-run"]
    arguments += ["--set", "vllm.gpu_gib=48", "--set", "reasoning.server.api_key=hush"]
    text = CliRunner().invoke(app, arguments).stdout
    assert "--gpu-memory-utilization" in text
    assert "the previous picture and the current one" in text
    assert "hush" not in text
    shown = CliRunner().invoke(app, [*arguments, "--json"]).stdout
    assert [plan["role"] for plan in json.loads(shown)] == ["perceiver", "reasoner"]
    assert "hush" not in shown


def test_the_memory_of_a_folder_is_printed_as_a_table() -> None:
    arguments = ["vllm", "--memory", "--model", str(SHIPPED / "reasoner"), "--tokens", "4096"]
    text = CliRunner().invoke(app, arguments).stdout
    assert re.search(r"\| bf16 \| 1,899,392 \|", text)


PROGRAM = """\
import http.server, json, os, signal, subprocess, sys
how = os.environ.get("HOW", "")
arguments = sys.argv
port = int(arguments[arguments.index("--port") + 1])
name = arguments[arguments.index("--served-model-name") + 1]
print("loading", name, flush=True)
if how == "dies":
    sys.exit("torch.OutOfMemoryError: CUDA out of memory.")
if how == "stubborn":
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    code = "import signal; signal.signal(15, signal.SIG_IGN); print('child', flush=True); "
    code += "signal.pause()"
    subprocess.Popen([sys.executable, "-c", code])

class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        known = "other" if how == "other" else name
        body = json.dumps({"data": [{"id": known}]}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *_):
        pass

http.server.HTTPServer(("127.0.0.1", port), Handler).serve_forever()
"""


class Run:
    """A runner in a thread, with a program that acts as vLLM."""

    def __init__(self, folder: Path, how: str = "", **values: Any) -> None:
        program = folder / "vllm"
        program.write_text(f"#!{sys.executable}\n{PROGRAM}")
        program.chmod(0o755)
        self.port = free_port()
        settings = load_settings(
            ROOT / "config" / "vllm-cpu.yaml",
            vllm__program=str(program),
            vllm__perceiver__model="",
            reasoning__server__base_url=f"http://127.0.0.1:{self.port}/v1",
        )
        (plan,) = make_plans(settings, ())
        plan.environment["HOW"] = how
        self.said: list[str] = []
        self.ready = threading.Event()
        self.changed = threading.Condition()
        limits = {"start_timeout_s": 60, "stop_timeout_s": 0.5, "restarts": 2, **values}
        self.runner = Runner([plan], say=self.say, **limits)
        self.error: Exception | None = None
        self.thread = threading.Thread(target=self.run)

    def say(self, role: str, line: str, log: bool) -> None:
        with self.changed:
            self.said.append(line)
            self.changed.notify_all()

    def run(self) -> None:
        try:
            self.runner.run(self.ready.set)
        except ModelError as error:
            self.error = error

    def wait_for(self, text: str, times: int = 1) -> None:
        with self.changed:
            assert self.changed.wait_for(
                lambda: sum(text in line for line in self.said) >= times, 60
            ), self.said

    def __enter__(self) -> Run:
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.runner.stop()
        self.thread.join(60)
        assert not self.thread.is_alive()


def gone(number: int) -> bool:
    """Whether that process has ended, within a while."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            state = Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            return True
        if state in "ZX":
            return True
        threading.Event().wait(0.05)
    return False


linux = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="reads /proc")


@linux
def test_servers_get_ready_their_logs_are_forwarded_and_a_stop_ends_them(tmp_path: Path) -> None:
    with Run(tmp_path) as run:
        assert run.ready.wait(60)
        number = run.runner.process_ids["reasoner"]
        run.wait_for("loading reasoner")
    assert run.error is None
    assert gone(number)
    assert run.said[-1] == "stopped"


@linux
def test_a_server_that_ignores_the_stop_is_killed_with_its_children(tmp_path: Path) -> None:
    with Run(tmp_path, "stubborn") as run:
        assert run.ready.wait(60)
        run.wait_for("child")
        number = run.runner.process_ids["reasoner"]
        children = Path(f"/proc/{number}/task/{number}/children").read_text().split()
        assert len(children) == 1
    assert gone(number)
    assert gone(int(children[0]))


@linux
def test_a_server_that_is_killed_is_started_again(tmp_path: Path) -> None:
    with Run(tmp_path) as run:
        assert run.ready.wait(60)
        first = run.runner.process_ids["reasoner"]
        os.kill(first, signal.SIGKILL)
        run.wait_for("is ready on", 2)
        assert run.runner.process_ids["reasoner"] != first
        assert any("exited with signal 9" in line and "1 of 2" in line for line in run.said)
    assert run.error is None


def test_a_server_that_can_not_start_says_why(tmp_path: Path) -> None:
    with Run(tmp_path, "dies") as run:
        run.thread.join(60)
    assert "the GPU has too little memory" in str(run.error)
    assert "CUDA out of memory" in str(run.error)


def test_a_server_that_keeps_exiting_is_given_up_after_its_restarts(tmp_path: Path) -> None:
    with Run(tmp_path, restarts=0) as run:
        assert run.ready.wait(60)
        os.kill(run.runner.process_ids["reasoner"], signal.SIGKILL)
        run.thread.join(60)
    assert "giving up after 0 restarts" in str(run.error)


def test_a_server_without_the_model_is_never_ready(tmp_path: Path) -> None:
    with Run(tmp_path, "other", start_timeout_s=3) as run:
        run.thread.join(60)
    assert isinstance(run.error, ModelUnavailable)
    assert "did not become ready within 3 s" in str(run.error)


def test_a_port_that_is_taken_is_told_before_anything_starts(tmp_path: Path) -> None:
    import socket

    run = Run(tmp_path)
    with socket.socket() as other:
        other.bind(("127.0.0.1", run.port))
        other.listen()
        with run:
            run.thread.join(60)
    assert f"can't listen on 127.0.0.1:{run.port}" in str(run.error)


def test_a_program_that_is_not_there_says_how_to_name_it(tmp_path: Path) -> None:
    run = Run(tmp_path)
    (tmp_path / "vllm").unlink()
    with run:
        run.thread.join(60)
    assert "--program" in str(run.error)


def test_stopping_while_a_server_loads_ends_it(tmp_path: Path) -> None:
    with Run(tmp_path, "other") as run:
        run.wait_for("loading")
    assert run.error is None
    assert not run.ready.is_set()
