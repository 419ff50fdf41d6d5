"""The module in the stand-in, with no engine; loading it proves that the library has every symbol it needs."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from mod_openai_realtime.standin import StandIn


@pytest.fixture
def loaded(library_path: Path, module_path: Path, tmp_path: Path) -> Iterator[StandIn]:
    with StandIn(
        module_path, engine_socket=tmp_path / "none.sock", temp_dir=tmp_path, library_path=library_path
    ) as switch:
        yield switch


@pytest.mark.parametrize("api", ["uuid_openai_audio_stream", "uuid_raw_audio_stream"])
def test_without_an_engine_a_command_is_refused(loaded: StandIn, api: str) -> None:
    call = loaded.call()
    assert loaded.api(api, f"{call.uuid} start ws://127.0.0.1/ mono") == "-ERR Engine is not running\n"
    assert "openai_audio_stream default: start failed: Engine is not running" in [line.text for line in loaded.log()]
    assert call.bug_count == 0
    assert call.step(bytes(320), b"\x01\x00" * 160) == b"\x01\x00" * 160


@pytest.mark.parametrize(
    ("arguments", "end"),
    [
        ("list stream=a-1", " [stream=a-1]"),
        ("list", ""),
        ("list stream=A", ""),
        ("start ws://h mono stream=b both", " [stream=b]"),
    ],
)
def test_the_modules_own_replies_name_the_stream_too(loaded: StandIn, arguments: str, end: str) -> None:
    call = loaded.call()
    reply = loaded.api("uuid_openai_audio_stream", f"{call.uuid} {arguments}")
    assert reply == f"-ERR Engine is not running{end}\n"


def test_the_module_reads_the_engines_socket_from_its_configuration(loaded: StandIn, tmp_path: Path) -> None:
    assert any(str(tmp_path / "none.sock") in line.text for line in loaded.log())


def test_it_unloads_and_loads_again_with_a_call_up(loaded: StandIn) -> None:
    call = loaded.call()
    loaded.unload()
    assert loaded.completions() == []
    loaded.load()
    assert loaded.api("uuid_openai_audio_stream", f"{call.uuid} list") == "-ERR Engine is not running\n"
