"""`openai-realtime talk`, and what it says where it can't run."""

from __future__ import annotations

import asyncio
import os
import re
from importlib.util import find_spec
from pathlib import Path

import click

from ..observe.engine_log import set_up_logging
from ..option_types import ExistingPath, FileOrPython

EXTRA = "pip install 'mod-openai-realtime[talk]'"
_FILE = ExistingPath(dir_okay=False)


def _pairs(_context: click.Context, _option: click.Parameter, given: tuple[str, ...]) -> dict[str, str]:
    from ..standin.agent_call import parameter_words

    pairs = dict(each.partition("=")[::2] for each in given)
    for each in given:
        if not re.match(r"[A-Za-z_]\w*=", each):
            raise click.BadParameter(f"{each!r} is no NAME=VALUE")
    try:
        parameter_words(pairs)
    except ValueError as error:
        raise click.BadParameter(str(error)) from None
    return pairs


def _variables(_context: click.Context, _option: click.Parameter, given: tuple[str, ...]) -> dict[str, str]:
    """A name alone is taken from the environment: a key on the command line is there for everybody to see."""
    found = {}
    for each in given:
        name, equals, value = each.partition("=")
        if not equals and name not in os.environ:
            raise click.BadParameter(f"{name!r} is not in the environment: give it a value, NAME=VALUE")
        found[name] = value if equals else os.environ[name]
    return found


@click.command()
@click.argument("agent", metavar="FILE[:CLASS]")
@click.argument("parameters", metavar="[NAME=VALUE] …", nargs=-1, callback=_pairs)
@click.option("--port", default=8780, show_default=True, type=click.IntRange(0, 65535), help="0: any free one.")
@click.option("--no-browser", is_flag=True, help="Print the page's address, and open nothing.")
@click.option("--local", is_flag=True, help="Talk to the local endpoint, which needs no key, whatever the agent's url.")
@click.option(
    "--script",
    type=FileOrPython(dir_okay=False),
    metavar="SCRIPT | FILE.py:NAME",
    help="What the local endpoint says and calls: its --agent.",
)
@click.option("--llm", metavar="URL", help="A language model answers at the local endpoint: its --llm.")
@click.option("--llm-model", metavar="NAME", help="Its name there; default: the first that the server lists.")
@click.option("--llm-key-file", type=_FILE, help="File with the key for it; else OPENAI_REALTIME_LOCAL_LLM_KEY.")
@click.option(
    "--transcriber",
    metavar="COMMAND | FILE.py:NAME",
    help="Finds out for the local endpoint what you say: its --transcriber.",
)
@click.option("--agent-url", help="The endpoint of an agent that names none.  [default: OpenAI's]")
@click.option(
    "--rate",
    default="8000",
    show_default=True,
    type=click.Choice(["8000", "16000", "24000", "48000"]),
    help="The call's, in Hz.",
)
@click.option("--number", default="+15550100", show_default=True, help="The caller's.")
@click.option(
    "--variable",
    "variables",
    multiple=True,
    metavar="NAME[=VALUE]",
    callback=_variables,
    help="Of the channel; without a value, the environment's of that name. May be given several times.",
)
@click.option("--reload", is_flag=True, help="New calls use the agent's code that has changed.")
@click.option(
    "--log-level",
    default="warning",
    show_default=True,
    type=click.Choice(["debug", "info", "warning", "error"], case_sensitive=False),
)
def talk(
    agent: str,
    parameters: dict[str, str],
    port: int,
    no_browser: bool,
    local: bool,
    script: Path | str | None,
    llm: str | None,
    llm_model: str | None,
    llm_key_file: Path | None,
    transcriber: str | None,
    agent_url: str | None,
    rate: str,
    number: str,
    variables: dict[str, str],
    reload: bool,
    log_level: str,
) -> None:
    """Open a page on this machine from which you talk to an agent: no FreeSWITCH, no telephone.

    What is behind the page is as in production: the compiled module, an engine, the agent in its process. NAME=VALUE
    are its call.parameters.
    """
    if not local and (script or llm or transcriber):
        raise click.UsageError("--script, --llm and --transcriber are for the local endpoint: give --local")
    if local and agent_url:
        raise click.UsageError("give --local or --agent-url, not both")
    if script and llm:
        raise click.UsageError("give --script or --llm, not both")
    if not llm and (llm_model or llm_key_file):
        raise click.UsageError("--llm-model and --llm-key-file need --llm")
    if find_spec("websockets") is None:
        raise click.ClickException(f"talk needs websockets. Install it with: {EXTRA}")
    from ..engine_process import EngineStartError
    from ..standin import StandInError
    from .house import Dialled
    from .run import AGENT, TalkError, TalkOptions, run_talk

    set_up_logging(log_level)
    engine = [f"--log-level={log_level}"]
    engine += [f"--agent-url={agent_url}"] if agent_url else []
    engine += ["--reload"] if reload else []
    dialled = Dialled(AGENT, number, int(rate), parameters, variables)
    try:
        model = None
        if local:
            from ..local.api_key import LLM_VARIABLE, given_key
            from ..local.command import LocalOptions

            key = given_key(None, llm_key_file, os.environ, LLM_VARIABLE) if llm else None
            model = LocalOptions(
                port=0, agent_file=script, transcriber=transcriber, llm=llm, llm_model=llm_model, llm_key=key
            )
        options = TalkOptions(agent, dialled, tuple(engine), port, not no_browser, model)
        asyncio.run(run_talk(options, click.echo))
    except KeyboardInterrupt:
        raise SystemExit(130) from None
    except (TalkError, EngineStartError, StandInError, ImportError, ValueError, OSError) as error:
        raise click.ClickException(str(error)) from None
