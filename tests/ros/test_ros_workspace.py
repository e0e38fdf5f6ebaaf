"""The repository in a usual workspace: `colcon build` and `colcon test`, without options."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

pytestmark = [pytest.mark.ros, pytest.mark.timeout(900)]
pytest.importorskip("rclpy", reason="no ROS 2 here: install it in /opt/ros and run `make test`")

from tests.support.ros_workspace import (  # noqa: E402
    PREFIX,
    ROOT,
    WORKSPACE,
    build_workspace,
    colcon,
    new_shell,
    prepare,
)


def test_both_packages_are_installed() -> None:
    build_workspace()
    index = PREFIX / "share" / "ament_index" / "resource_index" / "packages"
    assert {path.name for path in index.iterdir()} == {
        "embodied_agent",
        "embodied_agent_interfaces",
    }


def test_sourcing_the_workspace_is_enough_for_both() -> None:
    build_workspace()
    code = "import embodied_agent, embodied_agent_interfaces.msg as m; print(m.Answer().text == '')"
    script = f'source {WORKSPACE}/install/setup.bash && python3 -c "{code}"'
    done = subprocess.run(
        ["bash", "-c", script],
        env=new_shell(),
        cwd=WORKSPACE,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.strip() == "True", done.stderr


def test_colcon_test_passes_and_runs_the_node() -> None:
    build_workspace()
    done = colcon("test", "--return-code-on-test-failure", path=str(Path(sys.executable).parent))
    assert done.returncode == 0, done.stdout + done.stderr
    results = WORKSPACE / "build" / "embodied_agent" / "test_results" / "embodied_agent"
    (suite,) = ElementTree.parse(results / "installed.xunit.xml").getroot().iter("testsuite")
    assert int(suite.get("tests", 0)) >= 8
    skipped = [case.get("message") for case in suite.iter("skipped")]
    assert skipped == []


def test_a_failed_build_leaves_nothing_behind(tmp_path: Path) -> None:
    prepare(tmp_path, keep=False)
    leftover = tmp_path / "install" / "embodied_agent" / "share" / "embodied_agent" / "package.dsv"
    leftover.parent.mkdir(parents=True)
    leftover.touch()
    prepare(tmp_path, keep=False)
    assert not (tmp_path / "install").exists()
    assert (tmp_path / "src" / "embodied-agent" / "package.xml").is_file()


def test_the_workspace_in_the_repository_has_both_in_their_order() -> None:
    done = colcon("list", "--topological-order", "--names-only", cwd=ROOT / "ros_ws")
    assert done.stdout.split() == ["embodied_agent_interfaces", "embodied_agent"], done.stderr
