"""The engine's socket: private, and one engine's at a time."""

import socket
import stat
from pathlib import Path

import pytest

from mod_openai_realtime.engine.listening import EngineError, listening, metrics_listener


def test_the_socket_is_private_to_its_user(tmp_path: Path) -> None:
    path = tmp_path / "run" / "engine.sock"
    with listening(path) as sock:
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(str(path))
        assert sock.fileno() >= 0
    assert not path.exists()


def test_a_second_engine_is_refused_and_the_first_keeps_its_socket(tmp_path: Path) -> None:
    path = tmp_path / "engine.sock"
    with listening(path):
        with pytest.raises(EngineError, match="running already"), listening(path):
            pass
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(str(path))


def test_a_socket_left_by_a_killed_engine_is_taken_over(tmp_path: Path) -> None:
    path = tmp_path / "engine.sock"
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(path))
    with listening(path), socket.socket(socket.AF_UNIX) as client:
        client.connect(str(path))


def test_what_is_no_socket_is_left_alone(tmp_path: Path) -> None:
    file = tmp_path / "notes"
    file.write_text("kept")
    for path in file, tmp_path:
        with pytest.raises(EngineError, match=f"{path} is there already, and no socket"), listening(path):
            pass
    assert file.read_text() == "kept"
    assert [each.name for each in tmp_path.iterdir()] == ["notes"]


def test_a_path_that_cannot_be_used_is_a_clear_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(EngineError, match=r"cannot listen on .*/file/engine\.sock: Not a directory"):
        listening(tmp_path / "file" / "engine.sock").__enter__()
    with pytest.raises(EngineError, match="107 at most can be used"):
        listening(tmp_path / ("x" * 150)).__enter__()


def test_a_port_of_the_metrics_that_is_taken_is_a_clear_error() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(EngineError, match=f"port {port}: Address already in use; give another --metrics-port"):
            metrics_listener(port)
