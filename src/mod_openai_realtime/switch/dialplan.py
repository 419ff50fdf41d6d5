"""Whether an XML dialplan leads anywhere for a number: FreeSWITCH transfers to nowhere, says +OK, and drops the call.

Pure: the context's XML comes from `xml_locate`, and what its conditions ask of the channel from the channel. It errs on
the side of the transfer: what can't be told here (times of day, expressions that Python does not know) may match.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from xml.etree import ElementTree

MAX_XML_BYTES = 8 << 20
"""Of one context."""

_TIMES = frozenset(
    {
        "year",
        "yday",
        "mon",
        "mday",
        "week",
        "mweek",
        "wday",
        "hour",
        "minute",
        "minute-of-day",
        "time-of-day",
        "date-time",
    }
)
_TRUE = frozenset({"yes", "on", "true", "t", "enabled", "active", "allow", "1"})


class DialplanError(ValueError):
    """It is no dialplan's context."""


class Context:
    """One context of a dialplan."""

    def __init__(self, xml: str) -> None:
        """Raises DialplanError."""
        if len(xml) > MAX_XML_BYTES:
            raise DialplanError("the context is too large")
        try:
            root = ElementTree.fromstring(xml)  # noqa: S314 - FreeSWITCH's own configuration
        except ElementTree.ParseError as error:
            raise DialplanError(f"no XML: {error}") from None
        found = root if root.tag == "context" else root.find(".//context")
        if found is None:
            raise DialplanError("no such context")
        self._extensions = found.findall("extension")

    def asks(self) -> set[str]:
        """What conditions look at, and expressions hold, of the channel: names of fields, and texts with `${…}`."""
        asked = set()
        for extension in self._extensions:
            for condition in extension.iter():
                if condition.tag in ("condition", "regex"):
                    field, expression = condition.get("field", ""), _expression(condition)
                    asked |= {text for text in (field,) if text} | {text for text in (expression,) if "$" in text[:-1]}
        return {text for text in asked if text != "destination_number" and ("${" in text or text.isidentifier())}

    def leads_somewhere(self, number: str, known: Mapping[str, str]) -> bool:
        """Whether some extension has something to do for this number. `known`: the answers to asks(); what is not
        among them is empty, as it is in FreeSWITCH."""
        facts = {**known, "destination_number": number}
        return any(
            _acts(extension, facts)
            for extension in self._extensions
            # One that only sets something and goes on is not where a call ends up.
            if extension.get("continue", "").lower() not in _TRUE
        )


def _acts(parent: ElementTree.Element, facts: Mapping[str, str]) -> bool:
    """Whether the conditions beneath an extension, or beneath another condition, come to an action."""
    for condition in parent.findall("condition"):
        passed = _passes(condition, facts)
        if passed is not False and (condition.find("action") is not None or _acts(condition, facts)):
            return True
        if passed is not True and condition.find("anti-action") is not None:
            return True
        if _ends(condition.get("break", "on-false").lower(), passed):
            return False
    return False


def _ends(rule: str, passed: bool | None) -> bool:
    """Whether the conditions after this one are left out. None: it may have passed, or not."""
    return rule == "always" or (rule == "on-true" and passed is True) or (rule != "never" and passed is False)


def _passes(condition: ElementTree.Element, facts: Mapping[str, str]) -> bool | None:
    """None: that can't be told."""
    if _TIMES & set(condition.attrib):
        return None
    rule = condition.get("regex")
    if rule is None:
        return _matches(condition, facts)
    results = [None if _TIMES & set(each.attrib) else _matches(each, facts) for each in condition.findall("regex")]
    if rule.lower() == "all":
        return False if False in results else None if None in results else True
    if rule.lower() == "xor":
        return None if None in results else results.count(True) == 1
    return True if True in results else None if None in results else False


def _matches(condition: ElementTree.Element, facts: Mapping[str, str]) -> bool | None:
    field = condition.get("field")
    if field is None:
        return True  # «absolute»
    text = facts.get(field, "") if "$" in field or field.isidentifier() else ""
    expression = _expression(condition)
    expression = facts.get(expression, expression)
    try:
        return re.search(expression, text) is not None
    except re.error:
        return None


def _expression(condition: ElementTree.Element) -> str:
    child = condition.find("expression")
    return (child.text or "") if child is not None else condition.get("expression", "")


def names_in(asked: set[str]) -> Iterator[tuple[str, str]]:
    """Each with the text that FreeSWITCH's `eval` makes its value of."""
    for text in sorted(asked):
        yield text, text if "$" in text else f"${{{text}}}"
