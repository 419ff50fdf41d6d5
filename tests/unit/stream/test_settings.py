"""The STREAM_* variables: what each value means, what only warns, what refuses a start."""

import json
from pathlib import Path

import pytest
from chance import examples
from hypothesis import given
from hypothesis import strategies as st

from mod_openai_realtime.dialect.profiles import SPEACHES, XAI
from mod_openai_realtime.realtime.settings import EndpointSettings
from mod_openai_realtime.realtime.tls import TlsSettings
from mod_openai_realtime.stream.settings import MAX_CHARACTERS, VARIABLES, Settings, SettingsError
from mod_openai_realtime.switch.boolean import switch_boolean

DATA = Path(__file__).resolve().parents[2] / "data" / "settings"
BOOLEANS = [(kind, text) for kind, texts in json.loads((DATA / "booleans.json").read_text()) for text in texts]
NAMES = [variable.name for variable in VARIABLES]
FLAGS = [
    "STREAM_MESSAGE_DEFLATE",
    "STREAM_SUPPRESS_LOG",
    "STREAM_NO_RECONNECT",
    "STREAM_TLS_DISABLE_HOSTNAME_VALIDATION",
    "STREAM_DISABLE_AUDIOFILES",
    "STREAM_NO_TRUNCATE",
    "STREAM_RAW_AUDIO",
]


def read(variables: dict[str, str] | None = None, *, raw_api: bool = False, **more: str) -> Settings:
    """The settings of variables that must not warn."""
    found, warnings = Settings.read({**(variables or {}), **more}, raw_api=raw_api)
    assert warnings == []
    return found


def refusal(**variables: str) -> str:
    with pytest.raises(SettingsError) as caught:
        Settings.read(variables, raw_api=False)
    return str(caught.value)


def test_without_variables_everything_has_its_default() -> None:
    found = read()

    assert found == Settings(
        deflate=True,
        heart_beat_s=None,
        suppress_log=False,
        message_ms=20,
        headers=(),
        reconnect=True,
        tls=TlsSettings("SYSTEM", None, None, True),
        audio_files=True,
        raw=False,
        audio_format="pcm",
    )


def test_empty_and_foreign_variables_change_nothing() -> None:
    assert read(dict.fromkeys(NAMES, ""), STREAM_OTHER="x", rtp_use_codec="PCMU") == Settings()


@pytest.mark.parametrize(("kind", "text"), BOOLEANS, ids=[f"{kind} {text[:12]!a}" for kind, text in BOOLEANS])
def test_true_is_what_freeswitch_takes_for_true(kind: str, text: str) -> None:
    found, warnings = Settings.read({"STREAM_SUPPRESS_LOG": text}, raw_api=False)

    assert (switch_boolean(text) is True) is (kind == "true")
    assert found.suppress_log is (kind == "true")
    assert bool(warnings) is (kind == "neither")


def test_each_flag_sets_its_own_field() -> None:
    fields = {}
    for name in FLAGS:
        found, _ = Settings.read({name: "true"}, raw_api=False)
        fields[name] = [key for key in Settings.__slots__ if getattr(found, key) != getattr(Settings(), key)]

    assert fields == {
        "STREAM_MESSAGE_DEFLATE": ["deflate"],
        "STREAM_SUPPRESS_LOG": ["suppress_log"],
        "STREAM_NO_RECONNECT": ["reconnect"],
        "STREAM_TLS_DISABLE_HOSTNAME_VALIDATION": ["tls"],
        "STREAM_DISABLE_AUDIOFILES": ["audio_files"],
        "STREAM_NO_TRUNCATE": ["truncate"],
        "STREAM_RAW_AUDIO": ["raw", "max_session_s"],
    }


@pytest.mark.parametrize("name", FLAGS)
def test_a_false_flag_is_its_default(name: str) -> None:
    assert read({name: "false"}) == Settings()


@pytest.mark.parametrize("seconds", [1, 30, 3600])
def test_heart_beat_is_taken_from_a_second_to_an_hour(seconds: int) -> None:
    assert read(STREAM_HEART_BEAT=str(seconds)).heart_beat_s == seconds


@pytest.mark.parametrize(("text", "seconds"), [("0", 0), ("1", 1), ("2.5", 2.5), ("3300", 3300), ("86400", 86400)])
def test_a_session_may_get_any_age_from_a_second_on_or_every(text: str, seconds: float) -> None:
    assert read(STREAM_MAX_SESSION_S=text).max_session_s == seconds
    assert read(STREAM_MAX_SESSION_S=text, STREAM_RESTORE="off").max_session_s == seconds


def test_a_session_that_can_be_given_nothing_is_followed_by_another_only_where_that_is_wanted() -> None:
    assert read().max_session_s is None
    assert read(STREAM_RESTORE="conversation").max_session_s is None
    assert read(STREAM_RESTORE="off").max_session_s == 0
    assert read(raw_api=True).max_session_s == 0


@pytest.mark.parametrize("text", ["-1", "0.5", "an hour", "1e3", "inf", "12345678", "1."])
def test_an_age_that_is_none_warns(text: str) -> None:
    found, warnings = Settings.read({"STREAM_MAX_SESSION_S": text}, raw_api=False)
    assert found == Settings()
    assert warnings == ["STREAM_MAX_SESSION_S is neither 0 nor a number of seconds from 1 on; using the default (3300)"]


@pytest.mark.parametrize("milliseconds", [20, 40, 100, 980, 1000])
def test_buffer_size_is_taken_in_steps_of_20_ms(milliseconds: int) -> None:
    assert read(STREAM_BUFFER_SIZE=str(milliseconds)).message_ms == milliseconds


@pytest.mark.parametrize("text", ["pcm", "pcmu", "pcma", "auto", "PCMU", "Auto"])
def test_the_audio_format_is_pcm_g711_or_the_channels(text: str) -> None:
    assert read(STREAM_AUDIO_FORMAT=text).audio_format == text.lower()


@pytest.mark.parametrize(
    ("text", "record", "path"),
    [
        ("true", True, None),
        ("1", True, None),
        ("false", False, None),
        ("0", False, None),
        ("calls/a.wav", True, "calls/a.wav"),
        ("/a b.wav", True, "/a b.wav"),
    ],
)
def test_a_recording_is_wanted_or_not_or_at_a_path(text: str, record: bool, path: str | None) -> None:
    found = read(STREAM_RECORD=text)
    assert (found.record, found.record_path) == (record, path)


def test_a_recordings_path_that_is_none_warns() -> None:
    found, warnings = Settings.read({"STREAM_RECORD": "a\0b"}, raw_api=False)
    assert found == Settings()
    assert warnings == ["STREAM_RECORD is not a file name; using the default (false)"]


@pytest.mark.parametrize(
    ("name", "text"),
    [("STREAM_HEART_BEAT", text) for text in ("0", "3601", "-1", "+5", "05", "1.5", "5s", "٥", "on", "9" * 5000, " ")]
    + [("STREAM_BUFFER_SIZE", text) for text in ("0", "10", "30", "1020", "-20", "020", "20.0", "20ms", "٢٠", "x")]
    + [("STREAM_AUDIO_FORMAT", text) for text in ("opus", "g711", "pcm16", "audio/pcmu", "pcmu ", "ulaw", "0")]
    + [(name, "perhaps") for name in FLAGS],
)
def test_a_bad_value_warns_by_name_and_means_the_default(name: str, text: str) -> None:
    found, warnings = Settings.read({name: text}, raw_api=False)

    assert found == Settings()
    assert len(warnings) == 1 and warnings[0].startswith(f"{name} ")


def test_a_value_that_is_too_long_is_a_bad_one_whatever_it_says() -> None:
    for variable in VARIABLES:
        try:
            found, warnings = Settings.read({variable.name: "1" * (MAX_CHARACTERS + 1)}, raw_api=False)
        except SettingsError as error:
            found, warnings = Settings(), [str(error)]
        assert found == Settings()
        assert len(warnings) == 1 and warnings[0].startswith(f"{variable.name} has more than 32,768 characters")
    assert read(STREAM_OPENAI_API_KEY="k" * MAX_CHARACTERS).headers


def test_no_warning_and_no_refusal_repeats_a_value() -> None:
    for variable in VARIABLES:
        try:
            _, warnings = Settings.read({variable.name: "hush\0hush"}, raw_api=False)
        except SettingsError as error:
            warnings = [str(error)]
        assert len(warnings) == 1 and "hush" not in warnings[0]


def test_names_of_variables_ignore_case_as_in_freeswitch() -> None:
    assert read(stream_heart_beat="7").heart_beat_s == 7


def test_tls_settings_are_handed_on() -> None:
    found = read(STREAM_TLS_CA_FILE="NONE", STREAM_TLS_CERT_FILE="c.pem", STREAM_TLS_KEY_FILE="k.pem")

    assert found.tls == TlsSettings("NONE", "c.pem", "k.pem", True)
    assert read(STREAM_TLS_DISABLE_HOSTNAME_VALIDATION="1").tls == TlsSettings(check_hostname=False)


def test_raw_mode_comes_from_the_raw_api_or_from_the_deprecated_variable_with_a_warning() -> None:
    assert read(raw_api=True).raw
    assert read(raw_api=True, STREAM_RAW_AUDIO="true").raw
    found, warnings = Settings.read({"STREAM_RAW_AUDIO": "true"}, raw_api=False)
    assert found.raw
    assert warnings == ["STREAM_RAW_AUDIO is deprecated; use uuid_raw_audio_stream"]


def test_the_key_becomes_a_bearer_token() -> None:
    assert read(STREAM_OPENAI_API_KEY=" sk-1\n").headers == (("Authorization", "Bearer sk-1"),)
    assert read(STREAM_OPENAI_API_KEY=" \n").headers == ()


def test_extra_headers_keep_their_order_and_case_and_the_key_beats_any_authorization() -> None:
    extra = json.dumps({"X-B": "2", "authorization": "Basic x", "AUTHORIZATION": "y", "x-a": "é \t", "X-E": ""})

    assert read(STREAM_EXTRA_HEADERS=extra, STREAM_OPENAI_API_KEY="k").headers == (
        ("X-B", "2"),
        ("x-a", "é \t"),
        ("X-E", ""),
        ("Authorization", "Bearer k"),
    )
    assert ("authorization", "Basic x") in read(STREAM_EXTRA_HEADERS=extra).headers


def test_headers_of_the_handshake_itself_are_left_out_with_a_warning() -> None:
    extra = json.dumps({"Sec-WebSocket-Key": "hush", "UPGRADE": "hush", "Sec-WebSocket-Protocol": "realtime"})

    found, warnings = Settings.read({"STREAM_EXTRA_HEADERS": extra}, raw_api=False)

    assert found.headers == (("Sec-WebSocket-Protocol", "realtime"),)
    assert len(warnings) == 2 and "hush" not in " ".join(warnings)


@pytest.mark.parametrize(
    "text",
    [
        "hush",
        "[]",
        '"hush"',
        "1",
        "null",
        "{",
        '{"a":"hush"}x',
        "{'a':'hush'}",
        '{"a":1}',
        '{"a":null}',
        '{"a":["hush"]}',
    ]
    + ['{"":"hush"}', '{"a b":"hush"}', '{"a:":"hush"}', '{"é":"hush"}', '{"a\\r\\nb":"hush"}', '{"a\\u0000":"hush"}']
    + [json.dumps({"a": f"hush{bad}"}) for bad in ("\r\nX: y", "\n", "\r", "\0", "\x1b", "\x7f", "\x85", "\ud800")],
)
def test_headers_that_cannot_be_sent_refuse_the_start_without_repeating_them(text: str) -> None:
    reason = refusal(STREAM_EXTRA_HEADERS=text)

    assert reason.startswith("STREAM_EXTRA_HEADERS ")
    assert "hush" not in reason and reason.isprintable()


@pytest.mark.parametrize("value", ["\U0001f600", "\U0001f468\u200d\U0001f469", "\u4e16\u754c\u3000", "a\tb", "\u00a0"])
def test_any_printable_text_is_a_header_value(value: str) -> None:
    assert read(STREAM_EXTRA_HEADERS=json.dumps({"X-Name": value})).headers == (("X-Name", value),)


@pytest.mark.parametrize("key", ["hush\r\nX: y", "hush hush", "hush\0", "hush\x7f", "hushé"])
def test_a_key_that_is_no_header_value_refuses_the_start_without_repeating_it(key: str) -> None:
    reason = refusal(STREAM_OPENAI_API_KEY=key)

    assert reason.startswith("STREAM_OPENAI_API_KEY ")
    assert "hush" not in reason


@pytest.mark.parametrize("name", ["STREAM_TLS_CA_FILE", "STREAM_TLS_CERT_FILE", "STREAM_TLS_KEY_FILE"])
def test_a_tls_file_that_no_file_can_be_called_refuses_the_start(name: str) -> None:
    assert refusal(**{name: "a\0b"}).startswith(name)


def test_the_repr_shows_no_header() -> None:
    shown = repr(read(STREAM_OPENAI_API_KEY="sk-hush", STREAM_EXTRA_HEADERS='{"api-key":"hush"}'))

    assert "hush" not in shown


def test_the_table_names_each_variable_once_and_says_what_it_means() -> None:
    assert len(set(NAMES)) == len(NAMES) == 23
    assert all(variable.meaning and variable.default for variable in VARIABLES)
    assert [variable.name for variable in VARIABLES if variable.security] == [
        "STREAM_EXTRA_HEADERS",
        "STREAM_TLS_CA_FILE",
        "STREAM_TLS_CERT_FILE",
        "STREAM_TLS_KEY_FILE",
        "STREAM_OPENAI_API_KEY",
    ]


HEADER_NAMES = st.sampled_from(["X-A", "authorization", "Upgrade", "sec-websocket-key", "Host", "a b"]) | st.text(
    max_size=4
)
VALUES = (
    st.sampled_from(["true", "0", "1", "20", "60", "SYSTEM", "NONE", "{}", "{", "sk-1", "a.pem"])
    | st.text(max_size=10)
    | st.dictionaries(HEADER_NAMES, st.text(max_size=6) | st.integers(), max_size=3).map(json.dumps)
    | st.dictionaries(HEADER_NAMES, st.text(st.characters(codec="latin-1"), max_size=6), max_size=3).map(json.dumps)
)


@given(st.dictionaries(st.sampled_from(NAMES) | st.text(max_size=5), VALUES), st.booleans())
@examples(200)
def test_any_variables_give_settings_that_can_be_honoured_or_a_refusal(
    variables: dict[str, str], raw_api: bool
) -> None:
    try:
        found, warnings = Settings.read(variables, raw_api=raw_api)
    except SettingsError as error:
        assert str(error).startswith(tuple(variable.name for variable in VARIABLES if variable.security))
        return
    assert found.message_ms % 20 == 0 and 20 <= found.message_ms <= 1000
    assert found.heart_beat_s is None or 1 <= found.heart_beat_s <= 3600
    assert found.raw is (raw_api or switch_boolean(variables.get("STREAM_RAW_AUDIO", "")) is True)
    assert all(warning.startswith("STREAM_") and warning.isprintable() for warning in warnings)
    # The WebSocket side has its own guard against headers that break a handshake; nothing read here may trip it.
    EndpointSettings(uri="ws://h", headers=found.headers, heart_beat_s=found.heart_beat_s, tls=found.tls)


def test_the_dialect_of_each_server_can_be_named() -> None:
    assert read().dialects == ()
    assert read(STREAM_DIALECT="xai").dialects == (XAI,)
    assert read(STREAM_DIALECT=" auto  Speaches ").dialects == (None, SPEACHES)


@pytest.mark.parametrize(
    ("value", "why"),
    [
        ("grok", "is none of openai, "),
        ("speaches mine.toml", "is none of openai, "),
        ("/no/such/secret-file", "names a file that can't be read: No such file"),
        ("xai " * 6, "has more than 5 names"),
    ],
)
def test_a_dialect_that_is_none_warns_with_what_is_wrong_and_the_uri_tells(value: str, why: str) -> None:
    found, (warning,) = Settings.read({"STREAM_DIALECT": value}, raw_api=False)
    assert found.dialects == ()
    assert f"STREAM_DIALECT {why}" in warning and "using the default (auto)" in warning
    assert "secret-file" not in warning and "mine.toml" not in warning
