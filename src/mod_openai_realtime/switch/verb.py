"""What a family of commands is: a table of verbs, each with its grammar, what it does, and what is said of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

from . import reasons, words
from .command import CommandError


class Selecting(Protocol):
    """A command."""

    @property
    def selector(self) -> str | None:
        """The name of the stream that it gave; None where it gave none."""


@dataclass(frozen=True, slots=True)
class Order:
    """Who gave a command, and what was told with it. `request`: the number that is to be answered; 0: nobody waits.
    `fields`: the channel's facts, and more (docs/reference/link.md)."""

    request: int
    fields: dict[str, str]


_VERB_CHARACTERS = 64
"""More than any has."""

_Command = TypeVar("_Command", bound=Selecting)
_Subject = TypeVar("_Subject", contravariant=True)


@dataclass(frozen=True, slots=True)
class Verb(Generic[_Subject, _Command]):
    """A row. `forms`: its usage, in each of its forms. `parse` is given the stream's name (None where there is none)
    and the other words behind the verb; it raises CommandError. `run` returns the reply, None where it comes later; it
    raises CommandRefusedError."""

    name: str
    forms: tuple[str, ...]
    parse: Callable[[str | None, list[str]], _Command]
    run: Callable[[_Subject, Order, _Command], str | None]


class VerbTable(Generic[_Subject]):
    """Verbs ignore case. Of several errors the first of these is told: too many arguments, the verb, the selector; then
    what the verb's own grammar says."""

    def __init__(self, *verbs: Verb[_Subject, Any], note: str = "") -> None:
        """`note` follows the usage."""
        self.verbs = verbs
        self._note = note
        self._by_name = {verb.name: verb for verb in verbs}

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self._by_name)

    def usage(self, api: str) -> str:
        """One line, of the API command of that name."""
        forms = " | ".join(form for verb in self.verbs for form in verb.forms)
        return f"{api} <uuid> {forms}{self._note}"

    def parse(self, arguments: str) -> tuple[Verb[_Subject, Any], Any]:
        """The verb and the command. `arguments`: all that follows the channel's uuid. Raises CommandError."""
        given = words.split(arguments)
        if not given:
            raise CommandError(reasons.EXPECTED_COMMAND)
        names = words.selectors(given[1:])
        selector = names[0] if len(names) == 1 and words.is_stream_name(names[0]) else None
        try:
            if len(given) > words.MAX_WORDS:
                raise CommandError(reasons.TOO_MANY_ARGUMENTS)
            verb = self._by_name.get(given[0][:_VERB_CHARACTERS].lower())
            if verb is None:
                raise CommandError(reasons.UNKNOWN_COMMAND)
            if len(names) > 1:
                raise CommandError(reasons.ONE_SELECTOR)
            if names and selector is None:
                raise CommandError(reasons.INVALID_STREAM_NAME)
            return verb, verb.parse(selector, words.without_selectors(given[1:]))
        except CommandError as error:
            raise CommandError(error.reason, selector) from None
