"""Parts of other libraries that are not their public interface, and that we use all the same.

Each library here is held below its next minor version in pyproject.toml. Where an update breaks one
of these tests, the message names what is gone and who relies on it: adapt that module, then raise
the bound.
"""

from __future__ import annotations

import asyncio
import importlib.metadata
import inspect
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiomqtt
import paho.mqtt.client as paho
import pytest
import uvicorn
from packaging.requirements import Requirement
from packaging.version import Version
from transformers import Cache, DynamicCache, PretrainedConfig
from transformers.cache_utils import DynamicLayer
from trl import GRPOTrainer, SFTTrainer
from uvicorn.protocols.http.h11_impl import H11Protocol, RequestResponseCycle
from uvicorn.server import ServerState
from xdist.scheduler import LoadFileScheduling

from embodied_agent.interfaces.mqtt.connection import Connection
from embodied_agent.interfaces.web.protocol import ImpatientProtocol
from embodied_agent.reasoning.kept_prefix import GrowingLayer
from training.checkpointing import WholeCheckpoints
from training.evaluation.caches import RoomyLayer
from training.sharing import SharedPrompts

ROOT = Path(__file__).resolve().parent.parent


def _mqtt_client() -> aiomqtt.Client:
    async def make() -> aiomqtt.Client:
        return aiomqtt.Client("localhost")

    return asyncio.run(make())


def _http_protocol() -> H11Protocol:
    async def make() -> H11Protocol:
        async def app(scope: Any, receive: Any, send: Any) -> None: ...

        config = uvicorn.Config(app)
        config.load()
        return H11Protocol(config, ServerState(), {}, asyncio.get_running_loop())

    return asyncio.run(make())


@dataclass(frozen=True)
class Use:
    """Names of ``owner``, an object or class of ``package``, that ``ours`` relies on."""

    package: str
    ours: str
    owner: Callable[[], Any]
    names: tuple[str, ...]


USES = (
    Use(
        "aiomqtt",
        "embodied_agent/interfaces/mqtt/{connection,socket_watcher}.py",
        _mqtt_client,
        ("_client", "_connected", "_disconnected", "_loop", "_misc_loop", "_misc_task", "_queue"),
    ),
    Use(
        "paho-mqtt",
        "embodied_agent/interfaces/mqtt/{connection,socket_watcher}.py",
        lambda: paho.Client(paho.CallbackAPIVersion.VERSION2, protocol=paho.MQTTv5),
        ("_out_packet", "_sock_close", "manual_ack_set", "ack", "loop_read", "loop_write"),
    ),
    Use(
        "paho-mqtt",
        "embodied_agent/interfaces/mqtt/tolerance.py",
        lambda: paho.Client(paho.CallbackAPIVersion.VERSION2, protocol=paho.MQTTv5),
        ("_packet_handle", "_in_packet"),
    ),
    Use(
        "paho-mqtt",
        "embodied_agent/interfaces/mqtt/tolerance.py",
        lambda: inspect.getsource(paho.Client._packet_read),
        ("self._packet_handle()", "self._in_packet['packet'] +=", "except MalformedPacket"),
    ),
    Use(
        "uvicorn",
        "embodied_agent/interfaces/web/protocol.py",
        _http_protocol,
        ("cycle", "loop", "transport", "timeout_keep_alive_task"),
    ),
    Use(
        "uvicorn",
        "embodied_agent/interfaces/web/protocol.py",
        lambda: inspect.getsource(RequestResponseCycle.__init__),
        ("response_complete",),
    ),
    Use(
        "transformers",
        "embodied_agent/reasoning/kept_prefix.py, training/evaluation/caches.py",
        DynamicLayer,
        ("keys", "values", "is_initialized", "lazy_initialization", "get_seq_length"),
    ),
    Use(
        "transformers",
        "embodied_agent/reasoning/kept_prefix.py",
        DynamicCache,
        ("layers", "update", "batch_repeat_interleave", "batch_select_indices"),
    ),
    Use("transformers", "training/sharing.py", PretrainedConfig, ("_attn_implementation",)),
    Use("trl", "training/grpo.py", lambda: inspect.getsource(GRPOTrainer), ("self._metrics",)),
    Use(
        "pytest-xdist",
        "tests/conftest.py",
        lambda: LoadFileScheduling,
        ("_split_scope", "_assign_work_unit"),
    ),
    Use("trl", "bench/training.py", lambda: GRPOTrainer, ("_calculate_rewards", "training_step")),
)

#: Ours, theirs, and the methods that theirs calls and ours stands in for.
OVERRIDES = (
    (
        Connection,
        aiomqtt.Client,
        (
            "_client_connect",
            "_on_socket_open",
            "_on_socket_register_write",
            "_on_socket_unregister_write",
            "_on_connect",
            "_on_message",
            "_on_publish",
            "_on_disconnect",
        ),
    ),
    (ImpatientProtocol, H11Protocol, ("connection_made", "data_received", "connection_lost")),
    (GrowingLayer, DynamicLayer, ("update",)),
    (RoomyLayer, DynamicLayer, ("update", "batch_select_indices")),
    (WholeCheckpoints, GRPOTrainer, ("_save_checkpoint",)),
    (WholeCheckpoints, SFTTrainer, ("_save_checkpoint",)),
    (
        SharedPrompts,
        GRPOTrainer,
        ("_compute_loss", "_get_per_token_logps_and_entropies", "_generate_single_turn"),
    ),
)


@pytest.mark.parametrize("use", USES, ids=lambda use: f"{use.package}-{use.names[0]}")
def test_the_library_still_has_what_we_use(use: Use) -> None:
    owner = use.owner()
    has = owner.__contains__ if isinstance(owner, str) else lambda name: hasattr(owner, name)
    gone = [name for name in use.names if not has(name)]
    version = importlib.metadata.version(use.package)
    assert not gone, f"{use.package} {version} has no {', '.join(gone)}; {use.ours} uses it"


@pytest.mark.parametrize(
    ("ours", "theirs", "names"), OVERRIDES, ids=lambda part: getattr(part, "__name__", "")
)
def test_our_methods_take_what_the_library_passes(
    ours: type, theirs: type, names: tuple[str, ...]
) -> None:
    for name in names:
        base = getattr(theirs, name, None)
        assert base is not None, f"{theirs.__qualname__} has no {name}, so {ours} changes nothing"
        expected, offered = inspect.signature(base), inspect.signature(getattr(ours, name))
        if any(p.kind is p.VAR_POSITIONAL for p in expected.parameters.values()):
            continue  # it passes on whatever it gets, and says nothing of what that is
        named = [p for p in expected.parameters.values() if p.kind is p.POSITIONAL_OR_KEYWORD]
        required = [p.name for p in named if p.default is p.empty]
        optional = [p.name for p in named if p.default is not p.empty]
        try:
            offered.bind(*required, **dict.fromkeys(optional))
        except TypeError as error:
            pytest.fail(f"{theirs.__qualname__}.{name}{expected}: {ours.__qualname__}: {error}")


def test_the_cache_of_layers_is_made_as_we_make_it() -> None:
    assert [type(layer) for layer in Cache(layers=[GrowingLayer()]).layers] == [GrowingLayer]
    Cache(layer_class_to_replicate=RoomyLayer)


def _requirements() -> dict[str, Requirement]:
    tomllib = pytest.importorskip("tomllib")
    read = tomllib.loads((ROOT / "pyproject.toml").read_text())
    lines = list(read["project"]["dependencies"])
    for extra in read["project"]["optional-dependencies"].values():
        lines += extra
    for group in read["dependency-groups"].values():
        lines += [line for line in group if isinstance(line, str)]
    by_name: dict[str, Requirement] = {}
    for requirement in (Requirement(line) for line in lines if "[" not in line):
        # The package's own bound comes first; groups for other environments may be narrower.
        by_name.setdefault(requirement.name, requirement)
    return by_name


@pytest.mark.parametrize("package", sorted({use.package for use in USES}))
def test_the_library_is_held_below_its_next_minor_version(package: str) -> None:
    pins = re.findall(rf"^{package}==([0-9.]+)", (ROOT / "constraints.txt").read_text(), re.M)
    newest = max(map(Version, pins))
    following = Version(f"{newest.major}.{newest.minor + 1}")
    requirement = _requirements()[package]
    assert requirement.specifier.contains(newest)
    assert not requirement.specifier.contains(following), f"{package}: allow less than {following}"
