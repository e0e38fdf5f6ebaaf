"""What a supervisor is told, and that nothing is told where there is none."""

from __future__ import annotations

from pathlib import Path

from embodied_agent.host.systemd import notify, watchdog_period_s


def test_without_a_supervisor_nothing_is_sent() -> None:
    assert not notify("READY=1", environment={})
    assert not notify("READY=1", environment={"NOTIFY_SOCKET": "relative"})
    assert watchdog_period_s({}) is None
    assert watchdog_period_s({"WATCHDOG_USEC": "60000000"}) == 30
    assert watchdog_period_s({"WATCHDOG_USEC": "60000000", "WATCHDOG_PID": "1"}) is None
    assert watchdog_period_s({"WATCHDOG_USEC": "soon"}) is None


def test_a_supervisor_that_is_gone_does_no_harm(tmp_path: Path) -> None:
    assert not notify("READY=1", environment={"NOTIFY_SOCKET": str(tmp_path / "gone")})
