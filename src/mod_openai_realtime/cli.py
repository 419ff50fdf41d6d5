"""The command line: `openai-realtime`."""

from __future__ import annotations

import logging
import os
import pwd
from pathlib import Path

import click

from . import __version__
from .demo.command import demo
from .native import MODULE_PATH
from .paths import default_socket


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="openai-realtime")
def main() -> None:
    """FreeSWITCH calls talk to OpenAI's Realtime API."""


@main.command()
@click.option("--socket", "path", type=click.Path(path_type=Path), help="Unix socket that the module connects to.")
@click.option("--workers", default=1, show_default=True, type=click.IntRange(1, 256), help="Worker processes.")
@click.option("--max-streams", default=0, type=click.IntRange(0), help="Refuse more streams than this; 0: no limit.")
@click.option(
    "--metrics-port", default=0, type=click.IntRange(0, 65535), help="Serve metrics on 127.0.0.1 at this port; 0: none."
)
@click.option(
    "--allow-user", "user", help="The user of FreeSWITCH, where it is not the engine's; for an engine of root."
)
@click.option(
    "--log-level",
    default="info",
    show_default=True,
    type=click.Choice(["debug", "info", "warning", "error"], case_sensitive=False),
)
def engine(
    path: Path | None, workers: int, max_streams: int, metrics_port: int, user: str | None, log_level: str
) -> None:
    """Run the engine: worker processes that carry the calls' audio."""
    from .supervisor import EngineError, EngineOptions, Supervisor, listening

    set_up_logging(log_level)
    path = path or default_socket()
    guest = _uid(user) if user is not None else None
    allowed = frozenset({os.getuid()} if guest is None else {os.getuid(), guest})
    try:
        with listening(path, guest) as listener:
            Supervisor(listener, EngineOptions(workers, allowed, max_streams, metrics_port)).run(
                ready=lambda: click.echo(f"engine: {workers} worker(s) on {path}")
            )
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


@main.command()
@click.option(
    "--prefix", type=click.Path(path_type=Path), help="Where FreeSWITCH is; default: FREESWITCH_PREFIX, the PATH."
)
@click.option("--module-dir", type=click.Path(path_type=Path, file_okay=False, exists=True), help="Its module folder.")
@click.option(
    "--conf-dir", type=click.Path(path_type=Path, file_okay=False, exists=True), help="Its configuration folder."
)
@click.option("--overwrite-conf", is_flag=True, help="Replace an existing configuration of the module.")
def install(prefix: Path | None, module_dir: Path | None, conf_dir: Path | None, overwrite_conf: bool) -> None:
    """Put the module into FreeSWITCH's module folder, with sample configuration."""
    from . import freeswitch
    from .install import InstallError, dialplan_example, service_unit
    from .install import install as run_install

    found = freeswitch.find(prefix)
    module_dir = module_dir or (found.module_dir if found else None)
    conf_dir = conf_dir or (found.conf_dir if found else None)
    if module_dir is None:
        raise click.ClickException("no FreeSWITCH found: give --prefix or --module-dir")
    try:
        for step in run_install(module_dir, conf_dir, overwrite_conf=overwrite_conf):
            click.echo(f"{step.what}: {step.path}")
    except InstallError as error:
        raise click.ClickException(str(error)) from None
    click.echo(
        "\nNext: start the engine, for instance with this unit in /etc/systemd/system/openai-realtime.service:\n"
    )
    click.echo(service_unit())
    click.echo("Then, in fs_cli: load mod_openai_audio_stream. In the dialplan:\n")
    click.echo(dialplan_example())


@main.command()
@click.option("--socket", "path", type=click.Path(path_type=Path), help="Unix socket of the engine.")
@click.option("--prefix", type=click.Path(path_type=Path), help="Where FreeSWITCH is.")
def doctor(path: Path | None, prefix: Path | None) -> None:
    """Say what is missing for calls to work, and how to mend it. Exit code 1 if something is."""
    from .doctor import Verdict, examine

    bad = False
    for finding in examine(path or default_socket(), prefix):
        click.echo(f"{finding.verdict.value:8}{finding.what}")
        if finding.remedy:
            click.echo(f"{'':8}-> {finding.remedy}")
        bad = bad or finding.verdict is Verdict.BAD
    if bad:
        raise SystemExit(1)


@main.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", default=8765, show_default=True, type=click.IntRange(0, 65535), help="0: any free one.")
@click.option("--tls-cert", type=click.Path(path_type=Path, exists=True, dir_okay=False), help="Serve wss:// with it.")
@click.option(
    "--tls-key",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="The certificate's key, where it is not in the same file.",
)
@click.option("--api-key", help="Refuse clients that don't send this key; default: accept all.")
@click.option(
    "--agent",
    "agent_file",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
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
    agent_file: Path | None,
    vad: bool,
    log_level: str,
) -> None:
    """Run the local Realtime endpoint: develop against it without a key, and without paying."""
    import asyncio

    if tls_key is not None and tls_cert is None:
        raise click.UsageError("--tls-key needs --tls-cert")
    set_up_logging(log_level)
    try:
        from .local.agent import ScriptError
        from .local.command import run_local
    except ImportError as error:
        raise click.ClickException(str(error)) from None
    serving = run_local(
        host,
        port,
        tls_cert=tls_cert,
        tls_key=tls_key,
        api_key=api_key,
        agent_file=agent_file,
        vad=vad,
        echo=click.echo,
    )
    try:
        asyncio.run(serving)
    except (OSError, ImportError, ScriptError) as error:
        raise click.ClickException(str(error)) from None


main.add_command(demo)


def set_up_logging(level: str) -> None:
    logging.basicConfig(
        level=getattr(logging, level.upper()),
        format="%(asctime)s %(levelname)s %(processName)s %(name)s: %(message)s",
    )


if __name__ == "__main__":
    main()
