"""TLS contexts from a stream's settings.

A context is shared by all streams with the same settings: loading a system's CA bundle takes tens of milliseconds and
about a megabyte.
"""

import _ssl
import ctypes
import ssl
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from stat import S_ISDIR, S_ISREG

SYSTEM = "SYSTEM"
NONE = "NONE"

_GROUPS = b"X25519:P-256:X448:P-521:P-384"
"""OpenSSL's own for TLS 1.3 before its version 3.5, in its order, without the finite fields."""
_CHEAP_BY_DEFAULT = (3, 5)
"""This OpenSSL and later ones offer hybrids with ML-KEM, and of the finite fields only those of 2048 and 3072 bits."""
_SET_GROUPS = 92  # SSL_CTRL_SET_GROUPS_LIST of openssl/ssl.h, which SSL_CTX_set1_groups_list stands for

MAX_FILE_BYTES = 1 << 20
"""Files are read on the event loop, a megabyte of certificates in some 70 ms. A system's bundle has a quarter of it."""


class TlsSettingsError(ValueError):
    """A security setting that can't be honoured. The text may be shown to the user; it names files, never contents."""


@dataclass(frozen=True)
class TlsSettings:
    """`ca_file` is a bundle (or a hashed folder), `SYSTEM`, or `NONE`: the peer is not verified at all."""

    ca_file: str = SYSTEM
    cert_file: str | None = None
    key_file: str | None = None
    check_hostname: bool = True


def make_context(settings: TlsSettings) -> ssl.SSLContext:
    """The client context for these settings, shared while the files they name stay unchanged.

    Raises TlsSettingsError where a file is unreadable or unusable.
    """
    return _make_context(settings, _fingerprint(settings))


def _fingerprint(settings: TlsSettings) -> tuple[tuple[int, int], ...]:
    """What tells a replaced file from the one that a cached context was made of."""
    names = [settings.cert_file, settings.key_file]
    if settings.ca_file not in (SYSTEM, NONE):
        names.append(settings.ca_file)
    return tuple(_mark(name) for name in names if name is not None)


def _mark(name: str) -> tuple[int, int]:
    try:
        status = Path(name).stat()
    except OSError as error:
        raise TlsSettingsError(f"TLS file {name} is unreadable: {error.strerror}") from None
    # To read a pipe is to wait for who writes to it, and a device may have no end.
    if not (S_ISREG(status.st_mode) or S_ISDIR(status.st_mode)):
        raise TlsSettingsError(f"TLS file {name} is no file")
    if S_ISREG(status.st_mode) and status.st_size > MAX_FILE_BYTES:
        raise TlsSettingsError(f"TLS file {name} has more than {MAX_FILE_BYTES} bytes")
    return status.st_mtime_ns, status.st_ino


@lru_cache(maxsize=64)
def _make_context(settings: TlsSettings, _fingerprint: tuple[tuple[int, int], ...]) -> ssl.SSLContext:
    context = _verifying_context(settings.ca_file)
    if settings.ca_file == NONE or not settings.check_hostname:
        context.check_hostname = False
    if settings.ca_file == NONE:
        context.verify_mode = ssl.CERT_NONE
    _leave_out_costly_ciphers(context)
    _leave_out_costly_groups(context)
    _load_client_certificate(context, settings)
    # A gateway that would rather speak HTTP/2 must know that this client can't.
    context.set_alpn_protocols(["http/1.1"])
    return context


def _verifying_context(ca_file: str) -> ssl.SSLContext:
    if ca_file == SYSTEM:
        return ssl.create_default_context()
    if ca_file == NONE:
        return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    try:
        if Path(ca_file).is_dir():
            return ssl.create_default_context(capath=ca_file)
        return ssl.create_default_context(cafile=ca_file)
    except ssl.SSLError:
        raise TlsSettingsError(f"TLS CA file {ca_file} holds no usable certificate") from None
    except OSError as error:
        raise TlsSettingsError(f"TLS CA file {ca_file} is unreadable: {error.strerror}") from None


def _leave_out_costly_ciphers(context: ssl.SSLContext) -> None:
    """With DHE (TLS 1.2) the server chooses the group, and one of 10,000 bits takes 0.9 s of the event loop in each
    handshake. A server that has no ECDHE is fifteen years old."""
    left = [each["name"] for each in context.get_ciphers() if each["protocol"] != "TLSv1.3" and each["kea"] != "kx-dhe"]
    context.set_ciphers(":".join(left))


def _leave_out_costly_groups(context: ssl.SSLContext) -> None:
    """TLS 1.3 has finite fields, too, and a server may ask for the one of 8192 bits: 0.12 s of the event loop in each
    handshake. Every server of TLS 1.3 has P-256 (RFC 8446, section 9.1).

    Python sets a list of groups from 3.15 on. Before, OpenSSL's context is the first field of its own, which aiofastnet
    relies on for every connection. Where its `_ssl` has no library of its own the groups stay as they are.
    """
    if ssl.OPENSSL_VERSION_INFO[:2] >= _CHEAP_BY_DEFAULT:
        return
    try:
        control = ctypes.CDLL(_ssl.__file__).SSL_CTX_ctrl
    except (AttributeError, OSError):
        return
    control.argtypes = (ctypes.c_void_p, ctypes.c_int, ctypes.c_long, ctypes.c_char_p)
    control.restype = ctypes.c_long
    control(ctypes.c_void_p.from_address(id(context) + object.__basicsize__), _SET_GROUPS, 0, _GROUPS)


def _load_client_certificate(context: ssl.SSLContext, settings: TlsSettings) -> None:
    if settings.cert_file is None:
        if settings.key_file is not None:
            raise TlsSettingsError("TLS client key given without a client certificate")
        return
    try:
        # Without a password OpenSSL would ask for that of an encrypted key on the terminal, and stop the engine.
        context.load_cert_chain(settings.cert_file, settings.key_file, password="")
    except ssl.SSLError as error:
        reason = (error.reason or "unusable").replace("_", " ").lower()
        raise TlsSettingsError(f"TLS client certificate or key can't be used: {reason}") from None
    except OSError as error:
        raise TlsSettingsError(f"TLS client certificate or key is unreadable: {error.strerror}") from None
