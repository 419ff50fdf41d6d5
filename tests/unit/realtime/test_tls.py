import os
import ssl
from dataclasses import replace
from pathlib import Path

import pytest
import trustme
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)

from mod_openai_realtime.realtime.tls import MAX_FILE_BYTES, TlsSettings, TlsSettingsError, make_context

SECP256R1, X25519 = 0x17, 0x1D
FINITE_FIELDS = frozenset(range(0x100, 0x105))  # ffdhe2048 to ffdhe8192
LARGE_FINITE_FIELDS = frozenset({0x102, 0x103, 0x104})  # from 4096 bits on
SUPPORTED_GROUPS = b"\x00\x0a"  # the extension (RFC 8446, section 4.2.7)


def offered_groups(context: ssl.SSLContext) -> set[int]:
    """In the first message of its handshake."""
    sent = ssl.MemoryBIO()
    with pytest.raises(ssl.SSLWantReadError):
        context.wrap_bio(ssl.MemoryBIO(), sent, server_hostname="a.example").do_handshake()
    hello = sent.read()
    for at in range(len(hello)):
        size = int.from_bytes(hello[at + 2 : at + 4], "big")
        listed = int.from_bytes(hello[at + 4 : at + 6], "big")
        if hello[at : at + 2] == SUPPORTED_GROUPS and size == listed + 2 > 2:
            groups = hello[at + 6 : at + 6 + listed]
            return {int.from_bytes(groups[i : i + 2], "big") for i in range(0, listed, 2)}
    raise AssertionError("no groups are offered")


@pytest.fixture
def client(tmp_path: Path, authority: trustme.CA) -> tuple[str, str]:
    """Certificate file and key file of a client."""
    issued = authority.issue_cert("client.example")
    certificate, key = tmp_path / "client.pem", tmp_path / "client.key"
    issued.cert_chain_pems[0].write_to_path(certificate)
    issued.private_key_pem.write_to_path(key)
    return str(certificate), str(key)


def test_the_default_verifies_peer_and_host_name() -> None:
    context = make_context(TlsSettings())
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname


@pytest.mark.parametrize("ca", ["SYSTEM", "NONE"])
def test_no_server_chooses_the_group_of_a_key_exchange_itself(ca: str) -> None:
    usual, context = ssl.create_default_context(), make_context(TlsSettings(ca))
    ciphers = [each for each in usual.get_ciphers() if each["kea"] != "kx-dhe"]
    assert len(usual.get_ciphers()) > len(ciphers) > 5
    assert {each["name"] for each in context.get_ciphers()} == {each["name"] for each in ciphers}
    assert context.security_level == usual.security_level


@pytest.mark.parametrize("ca", ["SYSTEM", "NONE"])
def test_no_group_is_offered_that_takes_long(ca: str) -> None:
    offered = offered_groups(make_context(TlsSettings(ca)))
    assert not offered & LARGE_FINITE_FIELDS
    # Who has OpenSSL's usual ones can be reached as before.
    assert offered >= offered_groups(ssl.create_default_context()) - FINITE_FIELDS
    assert offered >= {SECP256R1, X25519}


def test_streams_with_the_same_settings_share_a_context(ca_file: str) -> None:
    assert make_context(TlsSettings(ca_file)) is make_context(TlsSettings(ca_file))
    assert make_context(TlsSettings(ca_file)) is not make_context(TlsSettings(ca_file, check_hostname=False))


def test_a_replaced_file_makes_a_new_context(ca_file: str) -> None:
    before = make_context(TlsSettings(ca_file))
    content = Path(ca_file).read_bytes()
    Path(ca_file).unlink()
    Path(ca_file).with_name("other").write_bytes(content)
    Path(ca_file).write_bytes(content)
    assert make_context(TlsSettings(ca_file)) is not before


def test_none_verifies_nothing() -> None:
    context = make_context(TlsSettings("NONE"))
    assert context.verify_mode is ssl.CERT_NONE
    assert not context.check_hostname


def test_without_the_host_name_the_chain_is_still_verified(ca_file: str) -> None:
    context = make_context(TlsSettings(ca_file, check_hostname=False))
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert not context.check_hostname


def test_a_missing_ca_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TlsSettingsError, match="No such file"):
        make_context(TlsSettings(str(tmp_path / "missing.pem")))


def test_a_ca_file_without_certificates_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "empty.pem"
    path.write_text("nothing")
    with pytest.raises(TlsSettingsError, match="no usable certificate"):
        make_context(TlsSettings(str(path)))


@pytest.mark.parametrize("name", ["ca_file", "cert_file", "key_file"])
def test_what_could_keep_its_reader_waiting_is_not_read(tmp_path: Path, client: tuple[str, str], name: str) -> None:
    pipe, device = tmp_path / "pipe", Path("/dev/zero")
    os.mkfifo(pipe)
    for path in (pipe, device):
        settings = replace(TlsSettings(cert_file=client[0], key_file=client[1]), **{name: str(path)})
        with pytest.raises(TlsSettingsError, match="is no file"):
            make_context(settings)


def test_a_file_is_no_larger_than_what_is_soon_read(tmp_path: Path, ca_file: str) -> None:
    large = tmp_path / "large.pem"
    large.write_bytes(Path(ca_file).read_bytes().ljust(MAX_FILE_BYTES, b"\n"))
    make_context(TlsSettings(str(large)))
    with large.open("ab") as file:
        file.write(b"\n")
    with pytest.raises(TlsSettingsError, match="more than"):
        make_context(TlsSettings(str(large)))


def test_a_client_certificate_with_its_key_is_taken(ca_file: str, client: tuple[str, str]) -> None:
    make_context(TlsSettings(ca_file, *client))


def test_a_key_without_a_certificate_is_refused(client: tuple[str, str]) -> None:
    with pytest.raises(TlsSettingsError, match="without a client certificate"):
        make_context(TlsSettings(key_file=client[1]))


def test_a_key_that_is_not_the_certificates_is_refused(tmp_path: Path, client: tuple[str, str]) -> None:
    other = tmp_path / "other.key"
    trustme.CA().issue_cert("other.example").private_key_pem.write_to_path(other)
    with pytest.raises(TlsSettingsError, match="can't be used: key values mismatch"):
        make_context(TlsSettings(cert_file=client[0], key_file=str(other)))


def test_an_encrypted_key_is_refused_without_asking_anyone(tmp_path: Path, client: tuple[str, str]) -> None:
    key = load_pem_private_key(Path(client[1]).read_bytes(), None)
    encrypted = tmp_path / "encrypted.key"
    encrypted.write_bytes(
        key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, BestAvailableEncryption(b"password"))
    )
    with pytest.raises(TlsSettingsError, match="can't be used"):
        make_context(TlsSettings(cert_file=client[0], key_file=str(encrypted)))
