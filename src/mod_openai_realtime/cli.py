"""The command line: `openai-realtime`."""

from __future__ import annotations

import logging
import os
import pwd
from pathlib import Path

import click

from . import __version__
from .native import MODULE_PATH


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="openai-realtime")
def main() -> None:
    """FreeSWITCH calls talk to OpenAI's Realtime API."""


@main.command()
@click.option("--socket", "path", type=click.Path(path_type=Path), help="Unix socket that the module connects to.")
@click.option("--workers", default=1, show_default=True, type=click.IntRange(1, 256), help="Worker processes.")
@click.option("--allow-user", "users", multiple=True, help="Another user that may connect (the one of FreeSWITCH).")
@click.option(
    "--log-level",
    default="info",
    show_default=True,
    type=click.Choice(["debug", "info", "warning", "error"], case_sensitive=False),
)
def engine(path: Path | None, workers: int, users: tuple[str, ...], log_level: str) -> None:
    """Run the engine: worker processes that carry the calls' audio."""
    from .supervisor import EngineError, Supervisor, default_socket, listening

    set_up_logging(log_level)
    path = path or default_socket()
    allowed = frozenset({os.getuid(), *(_uid(user) for user in users)})
    try:
        with listening(path) as listener:
            click.echo(f"engine: {workers} worker(s) on {path}")
            Supervisor(listener, workers, allowed).run()
    except EngineError as error:
        raise click.ClickException(str(error)) from None


def _uid(user: str) -> int:
    try:
        return int(user) if user.isdigit() else pwd.getpwnam(user).pw_uid
    except KeyError:
        raise click.BadParameter(f"no such user: {user}") from None


@main.command("module-path")
def module_path() -> None:
    """Print where the compiled FreeSWITCH module is."""
    if not MODULE_PATH.exists():
        raise click.ClickException("the module has not been built: reinstall the package where a C compiler is found")
    click.echo(MODULE_PATH)


def set_up_logging(level: str) -> None:
    logging.basicConfig(
        level=getattr(logging, level.upper()),
        format="%(asctime)s %(levelname)s %(processName)s %(name)s: %(message)s",
    )


if __name__ == "__main__":
    main()
