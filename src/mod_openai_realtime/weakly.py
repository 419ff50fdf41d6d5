"""Calls that keep nobody alive.

A stream holds its parts, and they tell it of things. Were it held by them too, a stream that has ended would stay in
memory, with its key, until a collection, which may be long in coming.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar, cast
from weakref import proxy, ref

_Arguments = ParamSpec("_Arguments")
_Anything = TypeVar("_Anything")


def weakly(method: Callable[_Arguments, None]) -> Callable[_Arguments, None]:
    """The bound method, as long as its object lives; then nothing happens."""
    bound: Any = method  # a WeakMethod would be five objects
    reference, function = ref(bound.__self__), bound.__func__

    def call(*arguments: _Arguments.args, **named: _Arguments.kwargs) -> None:
        owner = reference()
        if owner is not None:
            function(owner, *arguments, **named)

    return call


def weak(of: _Anything) -> _Anything:
    """Stands for the object as long as it lives; then every use raises ReferenceError."""
    return cast(_Anything, proxy(of))
