"""A key in the module's configuration, or in a file that it names: for streams without one, and not in their events."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from contract import FarEnd

from mod_openai_realtime.standin import StandIn

API = "uuid_openai_audio_stream"
NAMES = ("openai-api-key", "openai-api-key-file", "openai-api-key-hosts")
Configure = Callable[..., None]


@pytest.fixture
def configure(standin: StandIn) -> Iterator[Configure]:
    """Loads the module anew, with these parameters of its configuration."""

    def load(**values: str | Path | None) -> None:
        standin.unload()
        for name in NAMES:
            standin.set_config(name, values.get(name.removeprefix("openai-api-").replace("-", "_")))
        standin.load()

    yield load
    load()


def sent(standin: StandIn, far: FarEnd, **variables: str) -> str | None:
    """What a new stream sends as its Authorization."""
    call = standin.call(variables=variables)
    assert standin.api(API, f"{call.uuid} start {far.url} mono").startswith("+OK")
    event = standin.wait_event("connect", call.uuid)
    assert "sk-" not in repr({name: value for name, value in event.headers.items() if name not in variables})
    call.hangup()
    return far.handshakes[-1].headers.get("authorization")


def test_a_stream_without_a_key_sends_that_of_the_configuration(
    standin: StandIn, far: FarEnd, configure: Configure
) -> None:
    configure(key="sk-all", key_hosts="api.openai.com, 127.0.0.1")
    assert sent(standin, far) == "Bearer sk-all"
    configure()
    assert sent(standin, far) is None


def test_the_usual_hosts_are_openais(standin: StandIn, far: FarEnd, configure: Configure) -> None:
    configure(key="sk-all")
    assert sent(standin, far) is None


def test_a_file_goes_before_it_and_is_read_for_each_stream(
    standin: StandIn, far: FarEnd, configure: Configure, tmp_path: Path
) -> None:
    file = tmp_path / "key"
    file.write_text("sk-first\n")
    configure(key="sk-all", key_file=file, key_hosts="127.0.0.1")
    assert sent(standin, far) == "Bearer sk-first"
    file.write_text("sk-second")
    assert sent(standin, far) == "Bearer sk-second"


@pytest.mark.parametrize("held", [None, "", " \n\n"])
def test_without_a_key_in_the_file_none_is_sent_and_the_log_says_so(
    standin: StandIn, far: FarEnd, configure: Configure, tmp_path: Path, held: str | None
) -> None:
    file = tmp_path / "key"
    if held is not None:
        file.write_text(held)
    configure(key="sk-all", key_file=file, key_hosts="127.0.0.1")
    assert sent(standin, far) is None
    assert any("openai-api-key-file" in line.text for line in standin.log())


def test_the_channels_own_key_goes_before_both(
    standin: StandIn, far: FarEnd, configure: Configure, tmp_path: Path
) -> None:
    file = tmp_path / "key"
    file.write_text("sk-file")
    configure(key="sk-all", key_file=file, key_hosts="127.0.0.1")
    call = standin.call(variables={"STREAM_OPENAI_API_KEY": "sk-own"})
    standin.api(API, f"{call.uuid} start {far.url} mono")
    event = standin.wait_event("connect", call.uuid)
    assert far.handshakes[-1].headers["authorization"] == "Bearer sk-own"
    assert "sk-own" in repr(event.headers), "as FreeSWITCH does it with every channel variable"


def test_the_key_is_neither_in_the_log_nor_in_a_reply(standin: StandIn, far: FarEnd, configure: Configure) -> None:
    configure(key="sk-all", key_hosts="127.0.0.1")
    call = standin.call()
    replies = [standin.api(API, f"{call.uuid} start {far.url} mono")]
    standin.wait_event("connect", call.uuid)
    replies += [standin.api(API, f"{call.uuid} {command}") for command in ("list", "stop")]
    standin.wait_event("disconnect", call.uuid)
    assert not any("sk-all" in text for text in [*replies, *(line.text for line in standin.log())])
