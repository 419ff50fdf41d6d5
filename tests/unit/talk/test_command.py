"""What `openai-realtime talk` says to wrong input, before anything is started."""

import importlib.util
import socket

import pytest
from click.testing import CliRunner

from mod_openai_realtime.cli import main


def said(*arguments: str, code: int = 2) -> str:
    result = CliRunner().invoke(main, ["talk", *arguments])
    assert result.exit_code == code, result.output
    return result.output.strip().splitlines()[-1]


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (("a.py", "--llm", "http://127.0.0.1:1/v1"), "give --local"),
        (("a.py", "--local", "--agent-url", "ws://127.0.0.1:1/"), "not both"),
        (("a.py", "--local", "--llm-model", "x"), "need --llm"),
        (("a.py", "no pair"), "'no pair' is no NAME=VALUE"),
        (("a.py", "--variable", "NAME_OF_NOTHING"), "'NAME_OF_NOTHING' is not in the environment"),
        (("a.py", "--rate", "44100"), "is not one of"),
    ],
)
def test_options_that_do_not_go_together(arguments: tuple[str, ...], error: str) -> None:
    assert error in said(*arguments)


def test_where_the_extra_is_missing_it_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(
        "mod_openai_realtime.talk.command.find_spec", lambda name: None if name == "websockets" else find(name)
    )
    assert said("a.py", code=1) == (
        "Error: talk needs websockets. Install it with: pip install 'mod-openai-realtime[talk]'"
    )


def test_a_port_that_is_taken() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        assert said("a.py", "--no-browser", "--port", port, code=1) == (
            f"Error: cannot listen on 127.0.0.1, port {port}: Address already in use; give another --port"
        )
