"""What the command line says to wrong input: one line that tells what is wrong and what to do, never a traceback."""

import importlib
import os
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme
from click.testing import CliRunner

from mod_openai_realtime.cli import main
from mod_openai_realtime.engine.listening import listening
from mod_openai_realtime.native import MODULE_PATH

NOBODY = 65534


def refused(*arguments: object) -> str:
    """The error of a command line that must not run."""
    result = CliRunner().invoke(main, [str(each) for each in arguments])
    assert isinstance(result.exception, SystemExit), result.exception
    assert result.exit_code != 0
    lines = result.output.strip().splitlines()
    assert [line.startswith("Error: ") for line in lines].count(True) == 1
    return lines[-1].removeprefix("Error: ")


@pytest.fixture(autouse=True)
def no_freeswitch(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("FREESWITCH_PREFIX", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("mod_openai_realtime.setup.freeswitch._USUAL", ())


@pytest.fixture
def file(tmp_path: Path) -> Path:
    file = tmp_path / "file"
    file.write_text("kept")
    return file


@pytest.fixture
def as_nobody() -> Iterator[Path]:
    """For the test this process is of a user without rights; its folder is root's, and can be read by all."""
    if os.getuid() != 0:
        pytest.skip("needs root, to be somebody else for a while")
    for name in "engine.listening", "engine.supervisor", "setup.install", "demo.run":
        importlib.import_module(f"mod_openai_realtime.{name}")  # which that user may not be allowed to read
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        os.setresuid(NOBODY, NOBODY, 0)
        try:
            yield Path(folder)
        finally:
            os.setresuid(0, 0, 0)


# engine


def test_engine_where_the_socket_can_not_be(file: Path, tmp_path: Path) -> None:
    assert "is there already, and no socket: give another path, --socket" in refused("engine", "--socket", file)
    assert "is there already, and no socket" in refused("engine", "--socket", tmp_path)
    assert "is there already, and no socket" in refused("engine", "--socket", "")
    assert "is a folder" in refused("engine", "--socket", "/")
    assert "Not a directory" in refused("engine", "--socket", file / "x")
    assert "107 at most can be used" in refused("engine", "--socket", tmp_path / ("x" * 150))
    assert file.read_text() == "kept"


def test_engine_while_another_runs(tmp_path: Path) -> None:
    with listening(tmp_path / "engine.sock"):
        assert "an engine is running already on" in refused("engine", "--socket", tmp_path / "engine.sock")


def test_engine_without_rights(as_nobody: Path) -> None:
    said = refused("engine", "--socket", as_nobody / "engine.sock")
    assert f"Permission denied; {as_nobody} is of user root: run this as root, or give a path elsewhere" in said
    said = refused("engine", "--socket", as_nobody / "run" / "engine.sock")
    assert f"as root, make the folder: install -d -m 700 -o nobody {as_nobody}/run; or" in said
    assert "only an engine of root" in refused("engine", "--socket", as_nobody / "x", "--allow-user", "root")


def test_engine_with_a_metrics_port_that_is_taken(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        said = refused("engine", "--socket", tmp_path / "engine.sock", "--metrics-port", port)
    assert f"port {port}: Address already in use; give another --metrics-port" in said
    assert not (tmp_path / "engine.sock").exists()


@pytest.mark.parametrize(
    ("option", "value"),
    [
        *(("--workers", "0"), ("--workers", "two"), ("--max-streams", "-1"), ("--metrics-port", "70000")),
        *(("--allow-user", "no-such-user"), ("--allow-user", "99999999999"), ("--log-level", "loud")),
    ],
)
def test_engine_with_values_that_are_none(option: str, value: str) -> None:
    assert f"Invalid value for '{option}'" in refused("engine", option, value)


# install and doctor


def test_install_without_a_freeswitch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "give --prefix, or --module-dir" in refused("install")
    monkeypatch.setenv("FREESWITCH_PREFIX", "/wrong")
    assert "no FreeSWITCH in FREESWITCH_PREFIX=/wrong" in refused("install")
    assert f"no FreeSWITCH in {tmp_path}: none of bin/freeswitch" in refused("install", "--prefix", tmp_path)


@pytest.mark.parametrize("command", ["install", "doctor"])
@pytest.mark.parametrize("option", ["--prefix", "--module-dir", "--conf-dir"])
def test_folders_that_are_none(command: str, option: str, file: Path) -> None:
    assert f"Invalid value for '{option}': '/wrong': No such file" in refused(command, option, "/wrong")
    assert f"Invalid value for '{option}': Directory '{file}' is a file" in refused(command, option, file)


def test_install_into_folders_that_can_not_be_written(tmp_path: Path) -> None:
    (tmp_path / MODULE_PATH.name).mkdir()
    said = refused("install", "--module-dir", tmp_path)
    assert f"cannot write {tmp_path / MODULE_PATH.name}: Is a directory" in said
    assert [each.name for each in tmp_path.iterdir()] == [MODULE_PATH.name]
    (tmp_path / f".{MODULE_PATH.name}.new").mkdir()
    assert "Is a directory" in refused("install", "--module-dir", tmp_path)


def test_install_without_rights(as_nobody: Path) -> None:
    said = refused("install", "--module-dir", as_nobody)
    assert "Permission denied; run this as root, or as the owner of the folder" in said


def test_a_folder_that_may_not_be_looked_at(as_nobody: Path) -> None:
    os.seteuid(0)
    (as_nobody / "closed" / "mod").mkdir(parents=True)
    (as_nobody / "closed").chmod(0o700)
    os.seteuid(NOBODY)
    assert "Permission denied" in refused("install", "--module-dir", as_nobody / "closed" / "mod")


def test_install_says_what_it_did_and_what_is_next(tmp_path: Path) -> None:
    folders = tmp_path / "mod", tmp_path / "conf" / "autoload_configs"
    for folder in folders:
        folder.mkdir(parents=True)
    arguments = ["install", "--module-dir", str(folders[0]), "--conf-dir", str(folders[1].parent)]
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 0
    assert result.output.startswith(f"module: {folders[0] / MODULE_PATH.name}\nconfiguration: {folders[1]}/")
    assert f"as {folders[1].parent}/dialplan/default/openai_realtime.xml" in result.output
    assert "kept (already there)" in CliRunner().invoke(main, arguments).output


def test_doctor_goes_on_where_there_is_no_freeswitch(tmp_path: Path) -> None:
    result = CliRunner().invoke(main, ["doctor", "--prefix", str(tmp_path), "--socket", str(tmp_path / ("x" * 150))])
    assert result.exit_code == 1
    assert f"missing no FreeSWITCH in {tmp_path}" in result.output
    assert "107 at most can be used" in result.output


# local


def test_local_where_it_can_not_listen() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        said = refused("local", "--no-vad", "--port", port)
    assert said == f"cannot listen on 127.0.0.1, port {port}: Address already in use; give another --port or --host"
    assert "no address of this machine has that name" in refused("local", "--no-vad", "--host", "a..b")


def test_local_with_files_that_are_none(file: Path, tmp_path: Path) -> None:
    assert f"{file} is no JSON in UTF-8" in refused("local", "--agent", file)
    for option in "--agent", "--tls-cert", "--tls-key":
        assert "No such file" in refused("local", option, "/wrong")
        assert "is a directory" in refused("local", option, tmp_path)


def test_local_with_certificates_that_can_not_be_used(file: Path, tmp_path: Path) -> None:
    issued = [trustme.CA().issue_cert("localhost") for _ in range(2)]
    cert, key, other = tmp_path / "cert.pem", tmp_path / "key.pem", tmp_path / "other.pem"
    issued[0].cert_chain_pems[0].write_to_path(cert)
    issued[0].private_key_pem.write_to_path(key)
    issued[1].private_key_pem.write_to_path(other)
    assert "--tls-key needs --tls-cert" in refused("local", "--tls-key", key)
    assert "holds no key: give that, --tls-key" in refused("local", "--tls-cert", cert)
    assert "is not PEM" in refused("local", "--tls-cert", cert, "--tls-key", file)
    assert "the key is another certificate's" in refused("local", "--tls-cert", cert, "--tls-key", other)


def test_local_with_an_encrypted_key_asks_for_no_passphrase(tmp_path: Path) -> None:
    from cryptography.hazmat.primitives import serialization

    issued = trustme.CA().issue_cert("localhost")
    plain = serialization.load_pem_private_key(issued.private_key_pem.bytes(), None)
    cert, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    issued.cert_chain_pems[0].write_to_path(cert)
    key.write_bytes(
        plain.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(b"secret"),
        )
    )
    assert "the key is encrypted" in refused("local", "--tls-cert", cert, "--tls-key", key)


# demo


def test_demo_into_a_file(file: Path) -> None:
    assert "is a file" in refused("demo", "--output", file)


def test_demo_where_it_can_not_write(as_nobody: Path) -> None:
    assert f"cannot write {as_nobody}/demo: Permission denied" in refused("demo", "--output", as_nobody / "demo")


@pytest.mark.parametrize("command", ["engine", "module-path", "install", "doctor", "local", "demo"])
def test_what_no_command_knows(command: str) -> None:
    assert "No such option" in refused(command, "--nothing")
    assert "unexpected extra argument" in refused(command, "nothing")
