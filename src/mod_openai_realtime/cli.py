"""The command line: `openai-realtime`."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from . import __version__
from .demo.command import demo
from .dialect.profiles import PROFILES
from .engine.paths import default_socket
from .engine.users import user_id
from .native import MODULE_PATH
from .observe.engine_log import set_up_logging
from .option_types import ExistingPath, FileOrPython
from .setup.agent_command import agent
from .talk.command import talk

Command = Callable[..., Any]


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
    "--agent",
    "agents",
    multiple=True,
    metavar="[NAME=]FILE:CLASS",
    help="An agent that calls may be given; may be given several times. Its name: the class's in snake_case.",
)
@click.option(
    "--agent-processes",
    type=click.IntRange(1, 256),
    help="Processes that agents run in.  [default: one for each two workers]",
)
@click.option("--agent-url", help="The endpoint of agents that name none.  [default: OpenAI's]")
@click.option("--all-agents-at", hidden=True, help="Where the streams of all agents go, whatever their own url: tests.")
@click.option("--reload", is_flag=True, help="New calls use agents' code that has changed.")
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
    agents: tuple[str, ...],
    agent_processes: int | None,
    agent_url: str | None,
    all_agents_at: str | None,
    reload: bool,
    log_level: str,
) -> None:
    """Run the engine: worker processes that carry the calls' audio, and those that agents run in."""
    from .engine.agent_hosts import DEFAULT_URL, AgentOptions, agent_place
    from .engine.listening import EngineError, listening, metrics_listener
    from .engine.supervisor import EngineOptions, Supervisor
    from .switch.uri import validate_uri

    if not agents and (agent_processes or agent_url or reload):
        raise click.UsageError("--agent-processes, --agent-url and --reload are for agents: give --agent")
    if agent_url is not None:
        try:
            validate_uri(agent_url)
        except ValueError:
            raise click.UsageError("--agent-url has to be a ws:// or wss:// address") from None
    set_up_logging(log_level)
    path = (path or default_socket()).absolute()
    allowed = frozenset({os.getuid()} if user is None else {os.getuid(), user})
    try:
        with listening(path, user) as listener, contextlib.ExitStack() as stack:
            metrics = stack.enter_context(metrics_listener(metrics_port)) if metrics_port else None
            place = stack.enter_context(agent_place(workers)) if agents else None
            wanted = AgentOptions(
                agents, agent_processes or (workers + 1) // 2, agent_url or DEFAULT_URL, reload, all_agents_at
            )
            options = EngineOptions(
                workers,
                allowed,
                max_streams,
                tuple(each.absolute() for each in recordings_dirs),
                wanted if agents else None,
            )
            Supervisor(listener, options, metrics, place).run(
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


def _latency(_context: click.Context, _option: click.Parameter, text: str | None) -> tuple[int, int]:
    found = re.fullmatch(r"(\d{1,6})(?:-(\d{1,6}))?", text or "0")
    if found is None:
        raise click.BadParameter("it is a number of ms, or two such as 300-900")
    shortest, longest = int(found[1]), int(found[2] or found[1])
    if longest < shortest:
        raise click.BadParameter("the second time is not to be shorter than the first")
    return shortest, longest


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
    type=FileOrPython(dir_okay=False),
    metavar="SCRIPT | FILE.py:NAME",
    help="What the agent says and calls: a script in YAML or JSON, or a Python function, see the page.",
)
@click.option("--transcripts", type=_FILE, help="What the caller says, a turn on each line: the transcripts.")
@click.option(
    "--transcriber",
    metavar="COMMAND | FILE.py:NAME",
    help="What finds out what the caller says: a command that reads a WAV and writes the text, or a Python function.",
)
@click.option("--llm", metavar="URL", help="A language model answers: the base URL of a chat completions API.")
@click.option("--llm-model", metavar="NAME", help="Its name there; default: the first that the server lists.")
@click.option(
    "--llm-key-file",
    type=_FILE,
    help="File with the key for it; OPENAI_REALTIME_LOCAL_LLM_KEY in the environment will do, too.",
)
@click.option(
    "--latency-ms",
    metavar="MS | MS-MS",
    callback=_latency,
    help="How long a response takes at least until it says something, or between which times.",
)
@click.option(
    "--fault",
    "faults",
    multiple=True,
    metavar="NAME[=VALUE][@N]",
    help="Something to do wrong, for all connections or the Nth (@2, @2-4, @2-); may be given several times.",
)
@click.option("--list-faults", is_flag=True, help="Print what --fault knows, and end.")
@click.option(
    "--dialect",
    type=click.Choice(list(PROFILES), case_sensitive=False),
    default="openai",
    show_default=True,
    metavar="NAME",
    help="The server that it plays, one of: " + ", ".join(PROFILES) + ".",
)
@click.option(
    "--vad/--no-vad", default=True, show_default=True, help="Whether the server listens for the user's turns."
)
@click.option("--workers", default=1, show_default=True, type=click.IntRange(1, 256), help="Processes that serve.")
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
    agent_file: Path | str | None,
    transcripts: Path | None,
    transcriber: str | None,
    llm: str | None,
    llm_model: str | None,
    llm_key_file: Path | None,
    latency_ms: tuple[int, int],
    faults: tuple[str, ...],
    list_faults: bool,
    dialect: str,
    vad: bool,
    workers: int,
    log_level: str,
) -> None:
    """Run the local Realtime endpoint: develop against it without a key, and without paying."""
    import asyncio

    for first, second, both in (
        ("--api-key", "--api-key-file", api_key is not None and api_key_file is not None),
        ("--transcripts", "--transcriber", transcripts is not None and transcriber is not None),
        ("--agent", "--llm", agent_file is not None and llm is not None),
    ):
        if both:
            raise click.UsageError(f"give {first} or {second}, not both")
    for option, needed, wrong in (
        ("--tls-key", "--tls-cert", tls_key is not None and tls_cert is None),
        ("--llm-model", "--llm", llm_model is not None and llm is None),
        ("--llm-key-file", "--llm", llm_key_file is not None and llm is None),
    ):
        if wrong:
            raise click.UsageError(f"{option} needs {needed}")
    if llm is not None and not llm.startswith(("http://", "https://")):
        raise click.UsageError("--llm is a URL that begins with http:// or https://")
    set_up_logging(log_level)
    try:
        from .local.api_key import LLM_VARIABLE, VARIABLE, given_key
        from .local.command import CannotServeError, LocalOptions, run_local
        from .local.faults import listed
        from .local.workers import Workers
    except ImportError as error:
        raise click.ClickException(str(error)) from None
    if list_faults:
        click.echo(listed())
        return
    try:
        key = given_key(api_key, api_key_file, os.environ, VARIABLE)
        more: dict[str, Any] = dict(
            tls_cert=tls_cert,
            tls_key=tls_key,
            api_key=key,
            agent_file=agent_file,
            transcripts=transcripts,
            transcriber=transcriber,
            llm=llm,
            llm_model=llm_model,
            llm_key=given_key(None, llm_key_file, os.environ, LLM_VARIABLE) if llm else None,
            faults=faults,
            latency_ms=latency_ms,
            dialect=dialect.lower(),
            vad=vad,
        )
        if llm is not None and transcripts is None and transcriber is None:
            click.echo(
                "Nothing tells the language model what a caller says: give --transcriber or --transcripts.", err=True
            )
        if workers > 1:
            Workers(LocalOptions(host, port, **more), workers, log_level).run(click.echo)
        else:
            asyncio.run(run_local(host, port, echo=click.echo, **more))
    except (CannotServeError, OSError, ImportError, ValueError) as error:
        raise click.ClickException(str(error)) from None


main.add_command(demo)
main.add_command(agent)
main.add_command(talk)


if __name__ == "__main__":
    main()
