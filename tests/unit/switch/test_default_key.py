import pytest

from mod_openai_realtime.switch.default_key import stream_variables

OPENAI = "wss://api.openai.com/v1/realtime?model=m"


def key(uri: str = OPENAI, hosts: str = "api.openai.com", **variables: str) -> str | None:
    fields = {"openai_api_key": "sk-of-all", "openai_api_key_hosts": hosts, "temp_dir": "/tmp", **variables}
    return stream_variables(uri, fields).get("STREAM_OPENAI_API_KEY")


def test_a_stream_without_a_key_has_that_of_the_configuration() -> None:
    assert key() == "sk-of-all"
    assert key(STREAM_OPENAI_API_KEY="") == "sk-of-all", "an empty value is no value"


def test_the_channels_own_goes_before_it() -> None:
    assert key(STREAM_OPENAI_API_KEY="sk-own") == "sk-own"
    assert key(STREAM_EXTRA_HEADERS='{"authorization":"Bearer own"}') is None
    assert key(STREAM_EXTRA_HEADERS='{"X-Tenant":"blue"}') == "sk-of-all"


@pytest.mark.parametrize("headers", ["no json", "[1]", '{"authorization"', "null"])
def test_headers_that_are_none_are_for_others_to_refuse(headers: str) -> None:
    assert key(STREAM_EXTRA_HEADERS=headers) == "sk-of-all"


@pytest.mark.parametrize(
    "uri",
    [
        "wss://api.openai.com/v1/realtime",
        "WSS://API.OpenAI.com./v1/realtime",
        "wss://eu.api.openai.com:443/v1",
        "wss://b.example/",
        "ws://127.0.0.1:8765/",
        "ws://localhost/",
        "ws://[::1]:1/",
    ],
)
def test_hosts_that_are_named_get_it(uri: str) -> None:
    assert key(uri, "api.openai.com, b.example ,127.0.0.1,localhost,::1") == "sk-of-all"


@pytest.mark.parametrize(
    "uri",
    [
        "ws://api.openai.com/v1/realtime",
        "wss://evil.example/",
        "wss://api.openai.com.evil.example/",
        "wss://evilapi.openai.com/",
        "wss://evil.example/api.openai.com",
        "wss://evil.example?api.openai.com",
        "wss://openai.com/",
        "ws://127.0.0.1/",
    ],
)
def test_nobody_else_does(uri: str) -> None:
    assert key(uri) is None


@pytest.mark.parametrize("hosts", ["", ",", " , "])
def test_no_host_is_everybody(hosts: str) -> None:
    assert key("wss://evil.example/", hosts) is None


def test_without_a_key_in_the_configuration_there_is_none() -> None:
    assert stream_variables(OPENAI, {"channel": "1", "STREAM_HEART_BEAT": "5"}) == {"STREAM_HEART_BEAT": "5"}
