"""What the engine listens on: its Unix socket, which it alone has, and the port of its metrics."""

from __future__ import annotations

import contextlib
import fcntl
import os
import socket
import stat
from collections.abc import Iterator
from pathlib import Path

from .paths import SocketPathError, check_socket_path
from .users import user_name

BACKLOG = 1024
METRICS_HOST = "127.0.0.1"


class EngineError(Exception):
    """The engine cannot start; the text says why, and what to do."""


@contextlib.contextmanager
def listening(path: Path, user: int | None = None) -> Iterator[socket.socket]:
    """The engine's socket, private to this user, or given to `user` (a uid), for which this process must be root.

    Raises EngineError where another engine has it, or it cannot be made.
    """
    if user is not None and os.geteuid() not in (0, user):
        raise EngineError(
            "only an engine of root can let another user connect: leave --allow-user out, or run it as root"
        )
    try:
        check_socket_path(path)
    except SocketPathError as error:
        raise EngineError(f"{error}; give another one, --socket") from None
    with contextlib.ExitStack() as stack:
        try:
            _spare_others(path)
            if not path.parent.exists():
                path.parent.mkdir(mode=0o700, parents=True)
                _give(path.parent, user)
            stack.enter_context(_locked(path))
            sock = stack.enter_context(_bound(path))
            stack.callback(path.unlink, missing_ok=True)
            _give(path, user)
        except OSError as error:
            raise EngineError(_reason(error, path)) from None
        sock.listen(BACKLOG)
        yield sock


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Raises EngineError where an engine that runs has the lock; it goes with the process."""
    lock = os.open(path.with_name(path.name + ".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise EngineError(
                f"an engine is running already on {path}: end that one, or give this one another --socket"
            ) from None
        yield
    finally:
        os.close(lock)


def _spare_others(path: Path) -> None:
    """Raises EngineError where something lies there that is no socket, OSError where that can't be seen."""
    with contextlib.suppress(FileNotFoundError):
        if not stat.S_ISSOCK(path.lstat().st_mode):
            raise EngineError(f"{path} is there already, and no socket: give another path, --socket, or remove it")


def _bound(path: Path) -> socket.socket:
    path.unlink(missing_ok=True)  # left by an engine that was killed: the lock is ours
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
    mask = os.umask(0o177)
    try:
        sock.bind(str(path))
    except OSError:
        sock.close()
        raise
    finally:
        os.umask(mask)
    return sock


def _give(path: Path, user: int | None) -> None:
    if user is not None:
        os.chown(path, user, -1)


def _reason(error: OSError, path: Path) -> str:
    what = f"cannot listen on {path}: {error.strerror or error}"
    if not isinstance(error, PermissionError):
        return what
    elsewhere = "give a path elsewhere: --socket, and engine-socket in openai_audio_stream.conf.xml"
    # The nearest that is there: what was left by an engine of another user, or a folder.
    there = next((each for each in (path.with_name(path.name + ".lock"), *path.parents) if _owner(each)), path)
    owner, user = _owner(there), user_name(os.geteuid())
    if there != path.parent and there in path.parents:
        return f"{what}; as root, make the folder: install -d -m 700 -o {user} {path.parent}; or {elsewhere}"
    return f"{what}; {there} is of user {owner}: run this as {owner}, or {elsewhere}"


def _owner(path: Path) -> str:
    """Empty where nothing is there, or it can't be seen."""
    try:
        return user_name(path.lstat().st_uid)
    except OSError:
        return ""


def metrics_listener(port: int) -> socket.socket:
    """A listening socket, which outlives the process that serves. Raises EngineError."""
    try:
        return socket.create_server((METRICS_HOST, port))
    except OSError as error:
        reason = os.strerror(error.errno or 0)
        raise EngineError(
            f"cannot serve metrics on {METRICS_HOST}, port {port}: {reason}; give another --metrics-port"
        ) from None
