"""The web server over TLS, with real certificates and real clients."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx2 as httpx
import pytest

from embodied_agent.agent import Agent
from embodied_agent.agent.question_queue import QueueListener
from embodied_agent.errors import SettingsError
from embodied_agent.host.interfaces import serving
from tests.support.certificates import certificates_in
from tests.support.mqtt import until
from tests.support.web import TOKEN, Naming, Paced, Running, running, web_settings


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return certificates_in(tmp_path_factory.mktemp("certificates"), "robot", "alice", "bob")


def shown(certificates: Path, name: str = "robot", **more: Any) -> dict[str, Any]:
    """The settings of a server with this certificate."""
    return {
        "web__cert_file": str(certificates / f"{name}.pem"),
        "web__key_file": str(certificates / f"{name}.key"),
        **more,
    }


def trusting(certificates: Path, authority: str = "ca", show: str = "") -> ssl.SSLContext:
    """A client that trusts an authority and shows a certificate, if any."""
    context = ssl.create_default_context(cafile=str(certificates / f"{authority}.pem"))
    if show:
        context.load_cert_chain(certificates / f"{show}.pem", certificates / f"{show}.key")
    return context


@pytest.fixture(scope="module")
def plain(certificates: Path) -> Iterator[Running]:
    with running(**shown(certificates, web__token=TOKEN)) as its:
        yield its


@pytest.fixture(scope="module")
def mutual(certificates: Path) -> Iterator[Running]:
    ca = str(certificates / "ca.pem")
    more = {"web__client_ca_file": ca, "web__connections_per_client": 4}
    with running(**shown(certificates, **more)) as its:
        yield its


def test_questions_and_live_events_travel_encrypted(plain: Running, certificates: Path) -> None:
    assert plain.url.startswith("https://")
    headers = {"Authorization": f"Bearer {TOKEN}", "Origin": plain.url}
    with plain.client(verify=trusting(certificates), headers=headers) as client:
        answer = client.post("/api/ask", json={"question": "Where is lamp 2?"}).json()
        assert answer["text"] == "left"
        with client.stream("GET", "/api/events") as events:
            assert any(line == "event: status" for line in events.iter_lines())
        assert client.get("/api/status").json()["interfaces"]["web"]["url"] == plain.url + "/"


def test_the_cookie_of_the_page_is_for_tls_only(plain: Running, certificates: Path) -> None:
    with plain.client(verify=trusting(certificates)) as client:
        cookie = client.get("/", params={"token": TOKEN}).headers["set-cookie"].lower()
        assert "; secure" in cookie
        assert client.get("/api/status").status_code == 200


def test_a_client_that_trusts_another_authority_is_not_fooled(
    plain: Running, certificates: Path
) -> None:
    with (
        plain.client(verify=trusting(certificates, "stranger")) as client,
        pytest.raises(httpx.ConnectError, match="certificate verify failed"),
    ):
        client.get("/healthz")


def test_a_certificate_for_another_host_is_noticed(certificates: Path) -> None:
    with (
        running(fed=False, **shown(certificates, "elsewhere")) as its,
        its.client(verify=trusting(certificates)) as client,
        pytest.raises(httpx.ConnectError, match="certificate verify failed"),
    ):
        client.get("/healthz")


def test_old_versions_of_tls_and_plain_http_are_refused(plain: Running, certificates: Path) -> None:
    old = trusting(certificates)
    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        old.minimum_version = old.maximum_version = ssl.TLSVersion.TLSv1_1
    for url, context in ((plain.url, old), (plain.url.replace("https", "http"), old)):
        with (
            httpx.Client(verify=context, trust_env=False, timeout=60) as client,
            pytest.raises(httpx.TransportError),
        ):
            client.get(f"{url}/healthz")
    with plain.client(verify=trusting(certificates)) as client:
        assert client.get("/healthz").status_code == 200


@pytest.mark.parametrize("show", ["", "intruder"])
def test_without_a_certificate_of_the_authority_nobody_gets_in(
    mutual: Running, certificates: Path, show: str
) -> None:
    with (
        mutual.client(verify=trusting(certificates, show=show)) as client,
        pytest.raises(httpx.TransportError),
    ):
        client.get("/healthz")


def test_users_are_told_apart_by_their_certificates(mutual: Running, certificates: Path) -> None:
    asked = []
    with ExitStack() as stack:
        for user in ("alice", "bob"):
            client = stack.enter_context(mutual.client(verify=trusting(certificates, show=user)))
            stop = mutual.questions.listen(
                QueueListener(on_answer=lambda ask, _: asked.append(ask.client))
            )
            assert client.post("/api/ask", json={"question": "Where?"}).json()["text"] == "left"
            until(lambda: asked)
            stop()
        assert asked == ["http/user alice", "http/user bob"]


def test_with_an_authority_for_clients_no_token_is_needed_elsewhere(certificates: Path) -> None:
    ca = str(certificates / "ca.pem")
    more = {"web__host": "0.0.0.0", "web__client_ca_file": ca}
    with running(fed=False, **shown(certificates, **more)) as its:
        url = f"https://127.0.0.1:{its.url.rsplit(':', 1)[1]}/healthz"
        context = trusting(certificates, show="alice")
        with httpx.Client(verify=context, trust_env=False, timeout=60) as client:
            assert client.get(url).text == "alive\n"


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"web__cert_file": "/nowhere.pem", "web__key_file": "/k"}, "can't use the PEM file"),
        ({"web__cert_file": "robot.pem"}, "belong together"),
        ({"web__key_file": "robot.key"}, r"need web\.cert_file"),
        ({"web__client_ca_file": "ca.pem"}, r"need web\.cert_file"),
    ],
)
def test_certificates_that_can_not_be_used_stop_the_start(
    certificates: Path, values: dict[str, str], message: str
) -> None:
    settings = web_settings(**{name: str(certificates / value) for name, value in values.items()})
    with (
        Agent(settings, perceiver=Naming(), reasoner=Paced()) as agent,
        pytest.raises(SettingsError, match=message),
        serving(agent, settings),
    ):
        pass


def test_a_key_that_does_not_fit_stops_the_start(certificates: Path) -> None:
    values = {**shown(certificates), "web__key_file": str(certificates / "alice.key")}
    settings = web_settings(**values)
    with (
        Agent(settings, perceiver=Naming(), reasoner=Paced()) as agent,
        pytest.raises(SettingsError, match=r"can't use the PEM file .*alice\.key"),
        serving(agent, settings),
    ):
        pass
