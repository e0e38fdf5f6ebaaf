"""The shipped groups of diagnostics, in the real diagnostic_aggregator."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

pytestmark = [pytest.mark.ros, pytest.mark.timeout(900)]
pytest.importorskip("rclpy", reason="no ROS 2 here: install it in /opt/ros and run `make test`")

from ament_index_python.packages import (  # noqa: E402
    PackageNotFoundError,
    get_package_prefix,
)

try:
    PREFIX = Path(get_package_prefix("diagnostic_aggregator"))
except PackageNotFoundError:
    pytest.skip("no diagnostic_aggregator here: install it", allow_module_level=True)

from tests.support.ros import ROOT, Client, end, running_node, wait_until  # noqa: E402

GROUPS = {
    "Intake": {"camera", "poses"},
    "Memory": {"memory"},
    "Models": {"perception", "reasoning", "servers"},
    "Interfaces": {"interfaces"},
}


@contextmanager
def aggregator(folder: Path) -> Iterator[Path]:
    """The aggregator with the shipped groups; yields its log."""
    program = PREFIX / "lib" / "diagnostic_aggregator" / "aggregator_node"
    groups = ROOT / "config" / "ros" / "diagnostics.yaml"
    log = folder / "aggregator.log"
    with log.open("wb") as out:
        process = subprocess.Popen(
            [str(program), "--ros-args", "--params-file", str(groups)],
            env=dict(os.environ),
            stdout=out,
            stderr=subprocess.STDOUT,
        )
        try:
            yield log
        finally:
            end(process)


def test_every_status_of_the_node_is_in_its_group(client: Client, tmp_path: Path) -> None:
    from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus

    arrays = client.collect(DiagnosticArray, "/diagnostics_agg")
    with aggregator(tmp_path) as log, running_node(tmp_path, namespace="") as node:
        client.start(node)
        expected = {
            (f"/Robot/Embodied agent/{group}", f"embodied_agent: {name}")
            for group, names in GROUPS.items()
            for name in names
        }

        def placed() -> dict[tuple[str, str], Any]:
            """The latest statuses by their group and name; a slash in a name becomes a space."""
            statuses = arrays[-1].status if arrays else []
            parts = [(status.name.rpartition("/"), status) for status in statuses]
            return {(group, name.strip()): status for (group, _, name), status in parts}

        try:
            wait_until(lambda: expected <= placed().keys())
        except AssertionError:
            pytest.fail(f"got {sorted(placed())}; {log.read_text()}")
        latest = placed()
        assert all(latest[key].level != DiagnosticStatus.STALE for key in expected)
        own = {key for key in latest if key[1].startswith("embodied_agent: ")}
        assert own == expected
