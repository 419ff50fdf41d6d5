"""Which URIs are taken, against a corpus and against the standard library's reading of them."""

import json
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from chance import examples
from hypothesis import given
from hypothesis import strategies as st

from mod_openai_realtime.switch.uri import MAX_URI_CHARACTERS, validate_uri

DATA = Path(__file__).resolve().parents[2] / "data" / "uri"
VALID = json.loads((DATA / "valid.json").read_text())
INVALID = json.loads((DATA / "invalid.json").read_text())


@pytest.mark.parametrize("uri", VALID, ids=[uri[:60] for uri in VALID])
def test_a_valid_uri_is_returned_unchanged(uri: str) -> None:
    assert validate_uri(uri) == uri


@pytest.mark.parametrize("uri", INVALID, ids=[ascii(uri[:60]) for uri in INVALID])
def test_an_invalid_uri_is_refused(uri: str) -> None:
    with pytest.raises(ValueError):
        validate_uri(uri)


def test_the_corpora_hold_the_longest_uri_and_one_that_is_too_long() -> None:
    assert max(map(len, VALID)) == MAX_URI_CHARACTERS
    assert MAX_URI_CHARACTERS + 1 in map(len, INVALID)


def test_a_refusal_does_not_repeat_the_uri() -> None:
    with pytest.raises(ValueError) as caught:
        validate_uri("ws://user:secret@host/?token=secret")

    assert "secret" not in str(caught.value)


PIECES = st.sampled_from(
    [
        *("ws://", "wss://", "WS:", "//", "::1", "h", "a.b", "127.0.0.1", "0x1", "80", "65536", "x=1"),
        *"/?#@:[]%\\ \n\0é١.-_01",
    ]
)


@given(st.lists(PIECES, max_size=10).map("".join) | st.text(max_size=30) | st.text(max_size=30).map("ws://".__add__))
@examples(200)
def test_what_is_taken_is_plain_to_other_parsers(text: str) -> None:
    try:
        uri = validate_uri(text)
    except ValueError:
        return
    parts = urlsplit(uri)
    assert uri == text and uri.isascii() and uri.isprintable() and " " not in uri
    assert parts.scheme in ("ws", "wss")
    assert parts.hostname
    assert parts.username is None and parts.password is None and not parts.fragment
    assert parts.port is None or 1 <= parts.port <= 65535


@given(
    st.sampled_from(["ws", "wss", "WSS"]),
    st.ip_addresses(v=4).map(str)
    | st.ip_addresses(v=6).map("[{}]".format)
    | st.from_regex(r"[a-z]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z]([a-z0-9-]{0,61}[a-z0-9])?){0,3}", fullmatch=True),
    st.none() | st.integers(1, 65535),
    st.from_regex(r"([/?][!-\"$-~]{0,40})?", fullmatch=True),
)
@examples(150)
def test_every_uri_put_together_by_the_grammar_is_taken(scheme: str, host: str, port: int | None, rest: str) -> None:
    uri = f"{scheme}://{host}{'' if port is None else f':{port}'}{rest}"

    assert validate_uri(uri) == uri
