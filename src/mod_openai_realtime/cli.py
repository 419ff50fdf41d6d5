"""The command line: `openai-realtime`."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from . import __version__
from .demo.command import demo
from .engine.paths import default_socket
from .engine.users import user_id
from .native import MODULE_PATH
from .observe.engine_log import set_up_logging

Command = Callable[..., Any]


class ExistingPath(click.Path):
    """As click's, which takes what may not be looked at for what is not there."""

    def __init__(self, *, file_okay: bool = True, dir_okay: bool = True) -> None:
        super().__init__(exists=True, file_okay=file_okay, dir_okay=dir_okay, path_type=Path)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        try:
            Path(value).stat()
        except OSError as error:
            self.fail(f"{os.fspath(value)!r}: {error.strerror}", param, ctx)
        super().convert(value, param, ctx)
        return Path(value).absolute()


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="openai-realtime")
def main() -> None:
    """FreeSWITCH calls talk to OpenAI's Realtime API."""


def _user_id(_context: click.Context, _option: click.Parameter, user: str | None) -> int | None:
    try:
        return None if user is None else user_id(user)
    except ValueError as error:
        raise click.BadParameter(str(error)) from None


_FOLDER = ExistingPath(file_okay=False)
_FILE = ExistingPath(dir_okay=False)
_SWITCH_OPTIONS = (
    click.option("--prefix", type=_FOLDER, help="Where FreeSWITCH is; default: FREESWITCH_PREFIX, the PATH."),
    click.option("--module-dir", type=_FOLDER, help="Its module folder, where it is not found."),
    click.option("--conf-dir", type=_FOLDER, help="Its configuration folder, where it is not found."),
)


def _switch_options(command: Command) -> Command:
    for option in reversed(_SWITCH_OPTIONS):
        command = option(command)
    return command


@main.command()
@click.option("--socket", "path", type=click.Path(path_type=Path), help="Unix socket that the module connects to.")
@click.option("--workers", default=1, show_default=True, type=click.IntRange(1, 256), help="Worker processes.")
@click.option("--max-streams", default=0, type=click.IntRange(0), help="Refuse more streams than this; 0: no limit.")
@click.option(
    "--metrics-port", default=0, type=click.IntRange(0, 65535), help="Serve metrics on 127.0.0.1 at this port; 0: none."
)
@click.option(
    "--allow-user",
    "user",
    callback=_user_id,
    help="The user of FreeSWITCH, where it is not the engine's; for an engine of root.",
)
@click.option(
    "--recordings-dir",
    "recordings_dirs",
    multiple=True,
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="Another folder that STREAM_RECORD may name, besides FreeSWITCH's for recordings; may be given several times.",
)
@click.option(
    "--log-level",
    default="info",
    show_default=True,
    type=click.Choice(["debug", "info", "warning", "error"], case_sensitive=False),
)
def engine(
    path: Path | None,
    workers: int,
    max_streams: int,
    metrics_port: int,
    user: int | None,
    recordings_dirs: tuple[Path, ...],
    log_level: str,
) -> None:
    """Run the engine: worker processes that carry the calls' audio."""
    from .engine.listening import EngineError, listening, metrics_listener
    from .engine.supervisor import EngineOptions, Supervisor

    set_up_logging(log_level)
    path = (path or default_socket()).absolute()
    allowed = frozenset({os.getuid()} if user is None else {os.getuid(), user})
    try:
        with listening(path, user) as listener, contextlib.ExitStack() as stack:
            metrics = stack.enter_context(metrics_listener(metrics_port)) if metrics_port else None
            options = EngineOptions(workers, allowed, max_streams, tuple(each.absolute() for each in recordings_dirs))
            Supervisor(listener, options, metrics).run(
                ready=lambda: click.echo(f"engine: {workers} worker(s) on {path}")
            )
    except EngineError as error:
        raise click.ClickException(str(error)) from None


@main.command("module-path")
def module_path() -> None:
    """Print where the compiled FreeSWITCH module is."""
    if not MODULE_PATH.exists():
        raise click.ClickException("the module has not been built: reinstall the package where a C compiler is found")
    click.echo(MODULE_PATH)


@main.command()
@_switch_options
@click.option("--overwrite-conf", is_flag=True, help="Replace an existing configuration of the module.")
def install(prefix: Path | None, module_dir: Path | None, conf_dir: Path | None, overwrite_conf: bool) -> None:
    """Put the module into FreeSWITCH's module folder, with sample configuration."""
    from .setup.freeswitch import NoFreeSwitchError, find
    from .setup.install import InstallError, next_steps
    from .setup.install import install as run_install

    try:
        switch = find(prefix, module_dir, conf_dir)
        for step in run_install(switch, overwrite_conf=overwrite_conf):
            click.echo(f"{step.what}: {step.path}")
    except (NoFreeSwitchError, InstallError) as error:
        raise click.ClickException(str(error)) from None
    click.echo(next_steps(switch))


@main.command()
@click.option("--socket", "path", type=click.Path(path_type=Path), help="Unix socket of the engine.")
@_switch_options
def doctor(path: Path | None, prefix: Path | None, module_dir: Path | None, conf_dir: Path | None) -> None:
    """Say what is missing for calls to work, and how to mend it. Exit code 1 if something is."""
    from .setup.doctor import Verdict, examine

    bad = False
    for finding in examine((path or default_socket()).absolute(), prefix, module_dir, conf_dir):
        click.echo(f"{finding.verdict.value:8}{finding.what}")
        if finding.remedy:
            click.echo(f"{'':8}-> {finding.remedy}")
        bad = bad or finding.verdict is Verdict.BAD
    if bad:
        raise SystemExit(1)


@main.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", default=8765, show_default=True, type=click.IntRange(0, 65535), help="0: any free one.")
@click.option("--tls-cert", type=_FILE, help="Serve wss:// with it.")
@click.option(
    "--tls-key",
    type=_FILE,
    help="The certificate's key, where it is not in the same file.",
)
@click.option(
    "--api-key",
    help="Refuse clients that don't send this key; default: accept all. All users of the machine see it in the list of "
    "processes: --api-key-file, or OPENAI_REALTIME_LOCAL_API_KEY in the environment, keeps it from them.",
)
@click.option("--api-key-file", type=_FILE, help="File with that key.")
@click.option(
    "--agent",
    "agent_file",
    type=_FILE,
    help="JSON file with what the agent says.",
)
@click.option(
    "--vad/--no-vad", default=True, show_default=True, help="Whether the server listens for the user's turns."
)
@click.option(
    "--log-level",
    default="info",
    show_default=True,
    type=click.Choice(["debug", "info", "warning", "error"], case_sensitive=False),
)
def local(
    host: str,
    port: int,
    tls_cert: Path | None,
    tls_key: Path | None,
    api_key: str | None,
    api_key_file: Path | None,
    agent_file: Path | None,
    vad: bool,
    log_level: str,
) -> None:
    """Run the local Realtime endpoint: develop against it without a key, and without paying."""
    import asyncio

    if tls_key is not None and tls_cert is None:
        raise click.UsageError("--tls-key needs --tls-cert")
    if api_key is not None and api_key_file is not None:
        raise click.UsageError("give --api-key or --api-key-file, not both")
    set_up_logging(log_level)
    try:
        from .local.agent import ScriptError
        from .local.api_key import ApiKeyError, given_key
        from .local.command import CannotServeError, run_local
    except ImportError as error:
        raise click.ClickException(str(error)) from None
    try:
        key = given_key(api_key, api_key_file, os.environ)
    except ApiKeyError as error:
        raise click.ClickException(str(error)) from None
    serving = run_local(
        host,
        port,
        tls_cert=tls_cert,
        tls_key=tls_key,
        api_key=key,
        agent_file=agent_file,
        vad=vad,
        echo=click.echo,
    )
    try:
        asyncio.run(serving)
    except (CannotServeError, OSError, ImportError, ScriptError) as error:
        raise click.ClickException(str(error)) from None


main.add_command(demo)


if __name__ == "__main__":
    main()
