"""The `STREAM_*` variables of a channel, read once when a stream starts."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

import orjson

from ..audio.audio_format import AUTO, Encoding
from ..conversation.barge_in import BargeIn
from ..dialect.dialect import Dialect
from ..dialect.dialect_file import DialectError, named_dialect
from ..realtime.settings import HANDSHAKE_HEADERS, HEADER_NAME, HEADER_VALUE
from ..realtime.tls import NONE, SYSTEM, TlsSettings
from ..switch.boolean import switch_boolean
from ..switch.uri import validate_uri

DEFAULT_MESSAGE_MS = 20
DEFAULT_CONNECT_TIMEOUT_S = 10
DEFAULT_RESTORE_ITEMS = 100
DEFAULT_MAX_SESSION_S = 3300
"""Servers let a session live for an hour."""
MAX_RESTORE_ITEMS = 10_000
MAX_FAILOVER_URIS = 4
MAX_CHARACTERS = 32 << 10
"""Of a value. It may hold what a caller's telephone has sent; no server takes headers as long as that."""

_WHOLE_NUMBER = re.compile(r"[1-9][0-9]{0,8}")


class Restore(StrEnum):
    """What a new session is given of the one before it."""

    OFF = "off"
    SESSION = "session"  # what the application has asked of it
    CONVERSATION = "conversation"  # and what has been said


class SettingsError(Exception):
    """A security setting can't be honoured, so the stream must not start. The text doesn't repeat the value."""


class _BadValueError(ValueError):
    """The text says what is wrong, to follow the variable's name; it doesn't repeat the value."""


@dataclass(frozen=True, slots=True)
class Variable:
    """One channel variable. `security` tells whether a bad value refuses the start, or warns and means the default."""

    name: str
    meaning: str
    default: str
    parse: Callable[[str], Any] = field(repr=False)
    security: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Settings:
    """What the variables of a channel ask of a stream. Headers carry keys, so they have no place in the repr."""

    deflate: bool = True
    """Offer permessage-deflate."""
    heart_beat_s: int | None = None
    """Ping after that many idle seconds; None for never."""
    suppress_log: bool = False
    message_ms: int = DEFAULT_MESSAGE_MS
    """Caller audio in one message."""
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    """Extra headers of the handshake, Authorization included; fit to be sent as they are."""
    failover: tuple[str, ...] = field(default=(), repr=False)
    """Other URIs, tried in turn."""
    dialects: tuple[Dialect | None, ...] = ()
    """What the server of `start` speaks, then those to fail over to. None, or none said: what its URI tells."""
    reconnect: bool = True
    connect_timeout_s: int = DEFAULT_CONNECT_TIMEOUT_S
    """How long the application waits for the first connection; 0 for as long as the call lasts."""
    tls: TlsSettings = field(default_factory=TlsSettings)
    """Whether its files can be used is found out when the TLS context is made."""
    audio_files: bool = True
    raw: bool = False
    """Audio in binary messages."""
    audio_format: str = Encoding.PCM.value
    """An Encoding, or AUTO."""
    record: bool = False
    record_path: str | None = None
    """None for the name of the channel, in FreeSWITCH's folder for recordings."""
    truncate: bool = True
    """Tell the server, on barge-in, how much of its answer was heard."""
    barge_in: BargeIn = BargeIn.SERVER

    restore: Restore = Restore.SESSION
    restore_items: int = DEFAULT_RESTORE_ITEMS
    """So many of the newest; 0 for all that there is room for."""
    max_session_s: float | None = None
    """After so long another session takes over; 0 for never, None for what the server's dialect says."""

    @property
    def restores(self) -> bool:
        """A new session is given what the one before it had."""
        return self.restore is not Restore.OFF and not self.raw

    @classmethod
    def read(cls, variables: Mapping[str, str], *, raw_api: bool) -> "tuple[Settings, list[str]]":
        """Settings from `variables`, and a warning for each value that isn't followed.

        Names ignore case, as they do in FreeSWITCH; an empty value is no value; other variables are ignored. `raw_api`
        tells that the start came through `uuid_raw_audio_stream`. Neither warnings nor errors repeat a value.

        Raises SettingsError where a security setting can't be honoured.
        """
        given = {name.upper(): value for name, value in variables.items() if value}
        values: dict[str, Any] = {}
        warnings: list[str] = []
        for variable in VARIABLES:
            if variable.name in given:
                try:
                    values[variable.name] = variable.parse(_bounded(given[variable.name]))
                except _BadValueError as error:
                    if variable.security:
                        raise SettingsError(f"{variable.name} {error}") from None
                    warnings.append(f"{variable.name} {error}; using the default ({variable.default})")

        if values.get("STREAM_RAW_AUDIO") and not raw_api:
            warnings.append("STREAM_RAW_AUDIO is deprecated; use uuid_raw_audio_stream")
        headers, left_out = _merge_headers(
            values.get("STREAM_EXTRA_HEADERS", {}), values.get("STREAM_OPENAI_API_KEY", "")
        )
        warnings += [f"STREAM_EXTRA_HEADERS may not set {name}; left out" for name in left_out]
        settings = cls(
            deflate=not values.get("STREAM_MESSAGE_DEFLATE", False),
            heart_beat_s=values.get("STREAM_HEART_BEAT"),
            suppress_log=values.get("STREAM_SUPPRESS_LOG", False),
            message_ms=values.get("STREAM_BUFFER_SIZE", DEFAULT_MESSAGE_MS),
            headers=headers,
            failover=values.get("STREAM_FAILOVER_URI", ()),
            dialects=values.get("STREAM_DIALECT", ()),
            reconnect=not values.get("STREAM_NO_RECONNECT", False),
            connect_timeout_s=values.get("STREAM_CONNECT_TIMEOUT_S", DEFAULT_CONNECT_TIMEOUT_S),
            tls=TlsSettings(
                ca_file=values.get("STREAM_TLS_CA_FILE", SYSTEM),
                cert_file=values.get("STREAM_TLS_CERT_FILE"),
                key_file=values.get("STREAM_TLS_KEY_FILE"),
                check_hostname=not values.get("STREAM_TLS_DISABLE_HOSTNAME_VALIDATION", False),
            ),
            audio_files=not values.get("STREAM_DISABLE_AUDIOFILES", False),
            raw=raw_api or values.get("STREAM_RAW_AUDIO", False),
            audio_format=values.get("STREAM_AUDIO_FORMAT", Encoding.PCM.value),
            record=bool(values.get("STREAM_RECORD", False)),
            record_path=path if isinstance(path := values.get("STREAM_RECORD"), str) else None,
            truncate=not values.get("STREAM_NO_TRUNCATE", False),
            barge_in=values.get("STREAM_BARGE_IN", BargeIn.SERVER),
            restore=values.get("STREAM_RESTORE", Restore.SESSION),
            restore_items=values.get("STREAM_RESTORE_ITEMS", DEFAULT_RESTORE_ITEMS),
        )
        # A session that nothing can be given to takes over only where that is wanted.
        max_session_s = values.get("STREAM_MAX_SESSION_S", None if settings.restores else 0)
        return replace(settings, max_session_s=max_session_s), warnings


def _bounded(text: str) -> str:
    if len(text) > MAX_CHARACTERS:
        raise _BadValueError(f"has more than {MAX_CHARACTERS:,} characters")
    return text


def _boolean(text: str) -> bool:
    said = switch_boolean(text)
    if said is None:
        raise _BadValueError("is neither true nor false")
    return said


def _heart_beat(text: str) -> int:
    seconds = _whole_number(text)
    if not 1 <= seconds <= 3600:
        raise _BadValueError("is not a number of seconds from 1 to 3600")
    return seconds


def _connect_timeout(text: str) -> int:
    if re.fullmatch(r"[0-9]{1,3}", text) is None or int(text) > 300:
        raise _BadValueError("is not a number of seconds from 0 to 300")
    return int(text)


def _message_ms(text: str) -> int:
    milliseconds = _whole_number(text)
    if not 20 <= milliseconds <= 1000 or milliseconds % 20:
        raise _BadValueError("is not a multiple of 20 from 20 to 1000")
    return milliseconds


def _audio_format(text: str) -> str:
    name = text.lower()
    if name not in (*Encoding, AUTO):
        raise _BadValueError("is none of pcm, pcmu, pcma and auto")
    return name


def _barge_in(text: str) -> BargeIn:
    try:
        return BargeIn(text.lower())
    except ValueError:
        raise _BadValueError("is none of server, off and confirm") from None


def _restore(text: str) -> Restore:
    try:
        return Restore(text.lower())
    except ValueError:
        raise _BadValueError("is none of off, session and conversation") from None


def _restore_items(text: str) -> int:
    if re.fullmatch(r"[0-9]{1,5}", text) is None or int(text) > MAX_RESTORE_ITEMS:
        raise _BadValueError(f"is not a number from 0 to {MAX_RESTORE_ITEMS}")
    return int(text)


def _max_session(text: str) -> float:
    if re.fullmatch(r"[0-9]{1,7}(\.[0-9]{1,3})?", text) is None or 0 < float(text) < 1:
        raise _BadValueError("is neither 0 nor a number of seconds from 1 on")
    return float(text)


def _failover(text: str) -> tuple[str, ...]:
    uris = text.split()
    if len(uris) > MAX_FAILOVER_URIS:
        raise _BadValueError(f"has more than {MAX_FAILOVER_URIS} URIs")
    try:
        return tuple(validate_uri(uri) for uri in uris)
    except ValueError:
        raise _BadValueError("has what is no WebSocket URI") from None


def _dialects(text: str) -> tuple[Dialect | None, ...]:
    names = text.split()
    if len(names) > 1 + MAX_FAILOVER_URIS:
        raise _BadValueError(f"has more than {1 + MAX_FAILOVER_URIS} names")
    try:
        return tuple(None if name.lower() == AUTO else named_dialect(name) for name in names)
    except DialectError as error:
        raise _BadValueError(str(error)) from None


def _whole_number(text: str) -> int:
    """The number in `text`, 0 if it holds none."""
    return int(text) if _WHOLE_NUMBER.fullmatch(text) else 0


def _file(text: str) -> str:
    if "\0" in text:
        raise _BadValueError("is not a file name")
    return text


def _record(text: str) -> str | bool:
    try:
        return _boolean(text)
    except _BadValueError:
        return _file(text)


def _api_key(text: str) -> str:
    key = text.strip()  # keys are pasted with line ends
    if re.fullmatch(r"[!-~]*", key) is None:
        raise _BadValueError("is not fit for a header")
    return key


def _headers(text: str) -> dict[str, str]:
    try:
        headers = orjson.loads(text)
    except orjson.JSONDecodeError:
        headers = None
    if not isinstance(headers, dict) or not all(isinstance(value, str) for value in headers.values()):
        raise _BadValueError("is not a JSON object of strings")
    for name, value in headers.items():
        if not HEADER_NAME.fullmatch(name):
            raise _BadValueError("has an invalid header name")
        if not HEADER_VALUE.fullmatch(value):
            raise _BadValueError(f"has an invalid value for {name}")
    return headers


def _merge_headers(extra: Mapping[str, str], key: str) -> tuple[tuple[tuple[str, str], ...], list[str]]:
    """All headers to send, and the names of those that the handshake keeps for itself. The key beats Authorization."""
    reserved = [name for name in extra if name.lower() in HANDSHAKE_HEADERS]
    headers = [
        (name, value)
        for name, value in extra.items()
        if name not in reserved and not (key and name.lower() == "authorization")
    ]
    if key:
        headers.append(("Authorization", f"Bearer {key}"))
    return tuple(headers), reserved


VARIABLES = (
    Variable("STREAM_MESSAGE_DEFLATE", "true: do not offer per-message deflate", "false", _boolean),
    Variable("STREAM_HEART_BEAT", "1 to 3600: ping after that many idle seconds", "off", _heart_beat),
    Variable("STREAM_SUPPRESS_LOG", "true: no message, URI detail or final JSON in any log line", "false", _boolean),
    Variable(
        "STREAM_BUFFER_SIZE",
        "milliseconds of caller audio in a message, a multiple of 20 up to 1000",
        str(DEFAULT_MESSAGE_MS),
        _message_ms,
    ),
    Variable(
        "STREAM_AUDIO_FORMAT",
        "pcm, or G.711 at 8 kHz: pcmu, pcma, or auto (as the channel has it); asked of the server in `session.update`",
        Encoding.PCM.value,
        _audio_format,
    ),
    Variable(
        "STREAM_EXTRA_HEADERS",
        "JSON object of strings: headers to add to the handshake",
        "none",
        _headers,
        security=True,
    ),
    Variable("STREAM_NO_RECONNECT", "true: a closed connection is not opened again", "false", _boolean),
    Variable(
        "STREAM_CONNECT_TIMEOUT_S",
        "0 to 300: how many seconds the application waits for its first connection; 0: as long as the call lasts",
        str(DEFAULT_CONNECT_TIMEOUT_S),
        _connect_timeout,
    ),
    Variable(
        "STREAM_TLS_CA_FILE",
        f"file of the certificates to trust, {SYSTEM}, or {NONE} (the peer is not verified)",
        SYSTEM,
        _file,
        security=True,
    ),
    Variable("STREAM_TLS_CERT_FILE", "file of the client certificate", "none", _file, security=True),
    Variable("STREAM_TLS_KEY_FILE", "file of the client certificate's key", "none", _file, security=True),
    Variable(
        "STREAM_TLS_DISABLE_HOSTNAME_VALIDATION",
        "true: the certificate may be for another host name",
        "false",
        _boolean,
    ),
    Variable("STREAM_DISABLE_AUDIOFILES", "true: no audio files and no `play` events", "false", _boolean),
    Variable(
        "STREAM_OPENAI_API_KEY",
        "sent as `Authorization: Bearer`, whatever the extra headers say",
        "none",
        _api_key,
        security=True,
    ),
    Variable(
        "STREAM_NO_TRUNCATE",
        "true: on barge-in, neither `conversation.item.truncate` nor `response.cancel` is sent for the application",
        "false",
        _boolean,
    ),
    Variable(
        "STREAM_BARGE_IN",
        "what the caller's voice does to the agent's: server (stops it, as the session's turn detection has it), off "
        "(nothing), or confirm (makes it wait, and stops it once the caller has gone on speaking)",
        BargeIn.SERVER.value,
        _barge_in,
    ),
    Variable(
        "STREAM_RECORD",
        "true: record both sides, the caller left, the agent right as it was heard; or the path to record to",
        "false",
        _record,
    ),
    Variable(
        "STREAM_RESTORE",
        "what a new session is given after a connection was lost: session (what the application asked of it), "
        "conversation (and what has been said), or off",
        Restore.SESSION.value,
        _restore,
    ),
    Variable(
        "STREAM_RESTORE_ITEMS",
        "0 to 10000: so many items of the conversation, the newest; 0: all that 128 kB hold",
        str(DEFAULT_RESTORE_ITEMS),
        _restore_items,
    ),
    Variable(
        "STREAM_MAX_SESSION_S",
        "1 or more: after so many seconds, once neither side speaks, another session takes over; 0: never",
        str(DEFAULT_MAX_SESSION_S),
        _max_session,
    ),
    Variable(
        "STREAM_FAILOVER_URI",
        "up to 4 more URIs, separated by blanks: tried in turn after two failed attempts at one",
        "none",
        _failover,
    ),
    Variable(
        "STREAM_DIALECT",
        "what the server speaks, where its URI does not tell: a name, or the absolute path of a TOML file; more of "
        "them, separated by blanks, for the servers of STREAM_FAILOVER_URI",
        AUTO,
        _dialects,
    ),
    Variable("STREAM_RAW_AUDIO", "deprecated, true: raw mode; use `uuid_raw_audio_stream`", "false", _boolean),
)
