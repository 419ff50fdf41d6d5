"""`openai-realtime agent …`"""

from __future__ import annotations

import json
from urllib.parse import urlsplit

import click


@click.group()
def agent() -> None:
    """Agents in Python: FILE:CLASS, or a FILE that has only one."""


@agent.command()
@click.argument("specifications", metavar="FILE[:CLASS] …", nargs=-1, required=True)
def check(specifications: tuple[str, ...]) -> None:
    """Print the session that an agent asks for, its tools' schemas in it, and say what the API would refuse. Needs no
    key, and connects to nothing. Exit code 1 if something is wrong."""
    from ..agent.errors import AgentError
    from ..agent.loading import load

    bad = False
    try:
        loaded = load(specifications)
    except AgentError as error:
        raise click.ClickException(str(error)) from None
    for each in loaded.values():
        from ..agent.agent import setting, tools_of
        from ..agent.api_limits import session_problems
        from ..agent.session import session_of

        try:
            instance = each.cls()
        except Exception as error:
            click.echo(f"{each.name}: BAD  {type(error).__name__} where it is made: {error}", err=True)
            bad = True
            continue
        asked = setting(instance, "instructions")
        text = asked if isinstance(asked, str) else "(asked for when the call begins)"
        tools = tools_of(each.cls)
        session = session_of(instance, text, tools.values())
        click.echo(json.dumps(session, indent=2, ensure_ascii=False, default=str))
        url = setting(instance, "url")
        problems = session_problems(session, openai=url is None or urlsplit(url).hostname == "api.openai.com")
        for tool in tools.values():
            if not tool.description:
                click.echo(
                    f"{each.name}: note {tool.name} has no docstring: the model is not told what it does", err=True
                )
        for problem in problems:
            click.echo(f"{each.name}: BAD  {problem}", err=True)
        if not problems:
            click.echo(f"{each.name}: good: {each.cls.__name__} of {each.file}, {len(tools)} tool(s)", err=True)
        bad = bad or bool(problems)
    if bad:
        raise SystemExit(1)
