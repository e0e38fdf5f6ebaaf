"""What doctor says about this machine's GPU, the page's address and the MQTT broker."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from embodied_agent.doctor.check import Check
from embodied_agent.doctor.checks import can_run, examine
from embodied_agent.doctor.interfaces import check_mqtt, check_web
from embodied_agent.settings import load_settings
from tests.support.mqtt import Broker, broker_in
from tests.support.served import free_port


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    with broker_in(tmp_path_factory.mktemp("broker")) as its:
        yield its


def test_what_is_not_configured_is_said_to_be_off_and_is_not_needed() -> None:
    settings = load_settings(perception__backend="geometry", reasoning__backend="served")
    for check in (check_web(settings), check_mqtt(settings)):
        assert check.off
        assert check.works
        assert not check.needed
        assert "--" in check.detail


def test_the_page_can_listen_on_a_free_port() -> None:
    check = check_web(load_settings(web__enabled=True, web__port=free_port()))
    assert (check.works, check.needed, check.off) == (True, True, False)


def test_a_port_in_use_stops_the_page() -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        check = check_web(load_settings(web__enabled=True, web__port=port))
    assert not check.works
    assert f"can't listen on 127.0.0.1:{port}" in check.detail
    assert not can_run([check])


def test_an_exposed_page_needs_a_token() -> None:
    check = check_web(load_settings(web__enabled=True, web__host="0.0.0.0", web__port=0))
    assert not check.works
    assert "web.token" in check.detail


def test_a_broker_that_accepts_is_found(running: Broker) -> None:
    check = check_mqtt(load_settings(mqtt__enabled=True, mqtt__port=running.port))
    assert check.works, check.detail
    assert f"127.0.0.1:{running.port}" in check.detail


def test_a_broker_that_is_not_there_is_said_to_be_missing() -> None:
    check = check_mqtt(load_settings(mqtt__enabled=True, mqtt__port=free_port()))
    assert (check.works, check.needed) == (False, True)
    assert "no connection to the MQTT broker" in check.detail


def checks_with_gpus(
    listing: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, **settings: str
) -> Check:
    program = tmp_path / "nvidia-smi"
    program.write_text(f"#!/bin/sh\necho '{listing}'\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    loaded = load_settings(perception__backend="geometry", reasoning__backend="served", **settings)
    return next(check for check in examine(loaded) if check.name == "GPU")


def test_the_gpus_of_the_driver_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    check = checks_with_gpus("0, NVIDIA H100 80GB HBM3, 81559", tmp_path, monkeypatch)
    assert check.works
    assert "NVIDIA H100 80GB HBM3 (80 GiB)" in check.detail


def test_no_gpu_is_no_problem_unless_the_settings_ask_for_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    check = checks_with_gpus("", tmp_path, monkeypatch)
    assert (check.works, check.needed) == (False, False)
    assert checks_with_gpus("", tmp_path, monkeypatch, vllm__device="gpu").needed
