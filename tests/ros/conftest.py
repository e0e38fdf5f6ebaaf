"""What tests of the node share, once per module: a client, an active node, a camera before it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.support.ros import Client, NodeProcess, running_node, statuses_of, use_interfaces
from tests.support.ros_camera import VIEWS, Camera, lossless
from tests.support.served import faulty, says


@pytest.fixture(scope="module")
def client() -> Iterator[Client]:
    """Knows the interfaces."""
    use_interfaces()
    made = Client()
    try:
        yield made
    finally:
        made.close()


@pytest.fixture(scope="module")
def answering(
    client: Client, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[NodeProcess]:
    """An active node whose reasoner answers at once that something is to the left. Its namespace
    is the module's, so that no two nodes share one."""
    namespace = "/" + request.module.__name__.rpartition(".test_ros_")[2]
    with faulty(says("<think>It was in #0.</think>", "<answer>to the left</answer>")) as server:
        parameters = {
            "reasoning.backend": "served",
            "reasoning.free": "reasoner",
            "reasoning.server.base_url": server.url,
            "ros.silent_s": 1.0,
            **lossless(namespace),
        }
        folder = tmp_path_factory.mktemp("answering")
        with running_node(folder, namespace=namespace, parameters=parameters) as node:
            client.start(node)
            yield node


@pytest.fixture(scope="module")
def camera(client: Client, answering: NodeProcess) -> Camera:
    """Has gone past the views once."""
    made = Camera(client, answering.namespace)
    for view in VIEWS[::3]:
        made.send(view)
    return made


@pytest.fixture(scope="module")
def statuses(client: Client, answering: NodeProcess) -> Callable[[str], Any]:
    """Gives the answering node's latest status of a name."""
    return statuses_of(client, answering)
