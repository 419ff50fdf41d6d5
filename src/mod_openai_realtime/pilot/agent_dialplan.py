"""Why the XML dialplan leads nowhere: FreeSWITCH says +OK to a transfer to nowhere, and hangs up."""

from __future__ import annotations

from ..switch.dialplan import Context, DialplanError, names_in
from ..switch.execution import ExecuteKind, ExecutionError
from .live_call import LiveCall

_FALLBACK = "global"
"""mod_dialplan_xml looks into this context where the one that was asked for is not there."""
_NOT_FOUND = "can't find anything"
"""What `xml_locate` says in place of XML."""

_MAKERS: dict[str, str | None] = {
    "mod_xml_curl": None,
    "mod_xml_ldap": None,
    "mod_xml_scgi": None,
    "mod_erlang_event": None,
    "mod_lua": "lua.conf",
    "mod_perl": "perl.conf",
    "mod_python3": "python.conf",
    "mod_v8": "v8.conf",
}
"""Modules that make a dialplan for each call, so that what would be in it can't be told before; with the configuration
that has to name a script for it, where one does not do so by itself."""

_BETWEEN = "\x1f"  # ASCII's unit separator: values of variables have none


async def why_it_leads_nowhere(line: LiveCall, extension: str, context: str) -> str | None:
    """A text for the agent. None: it leads somewhere, or that can't be told beforehand."""
    try:
        there = await _find(line, context)
        if there is None:
            return None if await _made_on_request(line) else f"the dialplan has no context {context}"
        if there.leads_somewhere(extension, await _answers(line, there)):
            return None
    except (ExecutionError, DialplanError):
        return None  # it has no such command, or what it answers is no dialplan
    return f"the dialplan has no extension {extension} in its context {context}"


async def _find(line: LiveCall, context: str) -> Context | None:
    for name in (context, _FALLBACK):
        xml = await line.freeswitch(ExecuteKind.API, "xml_locate", f"dialplan context name {name}") or ""
        if not xml.startswith(_NOT_FOUND):
            return Context(xml)
    return None


async def _answers(line: LiveCall, context: Context) -> dict[str, str]:
    """What the context's conditions ask of the channel."""
    asked = list(names_in(context.asks()))
    if not asked:
        return {}
    texts = _BETWEEN.join(text for _, text in asked)
    values = await line.freeswitch(ExecuteKind.API, "eval", f"uuid:{line.uuid} {texts}")
    return dict(zip((name for name, _ in asked), (values or "").split(_BETWEEN), strict=False))


async def _made_on_request(line: LiveCall) -> bool:
    for module, configuration in _MAKERS.items():
        if await line.freeswitch(ExecuteKind.API, "module_exists", module) != "true":
            continue
        if configuration is None:
            return True
        where = f"configuration configuration name {configuration}"
        if "xml-handler-bindings" in (await line.freeswitch(ExecuteKind.API, "xml_locate", where) or ""):
            return True
    return False
