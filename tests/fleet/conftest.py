from collections.abc import Iterator
from pathlib import Path

import pytest

from embodied_agent.fleet.serving.server import FleetServer
from tests.support.fleet import serving
from tests.support.mqtt import Broker, broker_in
from tests.support.postgres import Postgres, postgres


@pytest.fixture(scope="session")
def database_server() -> Iterator[Postgres]:
    with postgres() as server:
        yield server


@pytest.fixture
def fleet(database_server: Postgres) -> Iterator[FleetServer]:
    """A fleet server with an empty database."""
    with serving(database_server.database(), common_frames=("map",)) as server:
        yield server


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    with broker_in(tmp_path / "broker") as started:
        yield started
