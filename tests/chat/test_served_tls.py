"""Servers behind TLS: certificates that are not trusted are named, those of one's own are taken."""

from __future__ import annotations

import datetime
import ipaddress
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from embodied_agent.chat.client import ChatServer
from embodied_agent.errors import ModelError, ModelUnavailable
from embodied_agent.settings import ServerSettings
from tests.support.served import MODEL, FaultyServer, faulty, says


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A key and a certificate for 127.0.0.1 that nobody else has signed, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "models")])
    now = datetime.datetime.now(datetime.timezone.utc)
    address = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([address]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "server.pem"
    path.write_bytes(
        signed.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return path


@contextmanager
def over_tls(certificate: Path) -> Iterator[str]:
    """The address of a server that says yes, over TLS."""
    server = FaultyServer([says("yes")], [MODEL])
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    # The handshake is made by the thread that serves the connection, not by the one that accepts.
    server.socket = context.wrap_socket(
        server.socket, server_side=True, do_handshake_on_connect=False
    )
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield server.url.replace("http://", "https://")
    finally:
        server.shutdown()
        thread.join(60)
        server.server_close()


def reply(url: str, ca_file: str = "") -> str:
    settings = ServerSettings(base_url=url, model=MODEL, max_retries=0, ca_file=ca_file)
    server = ChatServer(settings)
    try:
        message = {"role": "user", "content": "well?"}
        return "".join(p.text for p in server.stream([message], max_tokens=9, timeout_s=60))
    finally:
        server.close()


def test_a_certificate_that_is_not_trusted_is_named_with_what_to_do(certificate: Path) -> None:
    with over_tls(certificate) as url, pytest.raises(ModelError, match=r"server\.ca_file") as told:
        reply(url)
    assert not isinstance(told.value, ModelUnavailable)


def test_a_certificate_of_ones_own_is_taken(certificate: Path) -> None:
    with over_tls(certificate) as url:
        assert reply(url, str(certificate)) == "yes"


def test_another_name_than_the_certificates_is_refused(certificate: Path) -> None:
    with over_tls(certificate) as url, pytest.raises(ModelError, match="not trusted"):
        reply(url.replace("127.0.0.1", "localhost"), str(certificate))


def test_tls_to_a_server_without_it_is_named() -> None:
    with faulty(says("yes")) as server, pytest.raises(ModelError, match="http://"):
        reply(server.url.replace("http://", "https://"))


def test_a_file_without_certificates_is_refused_at_once(tmp_path: Path) -> None:
    (tmp_path / "empty.pem").write_text("nothing")
    with pytest.raises(ModelError, match=r"empty\.pem"):
        reply("https://127.0.0.1:9/v1", str(tmp_path / "empty.pem"))
