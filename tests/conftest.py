"""Tests marked `serial` run alone, also where the others run side by side (`pytest -n`)."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Generator

import chance  # noqa: F401  (registers the profile)
import pytest
from hypothesis import settings

settings.load_profile("tests")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--clients", action="store_true", help="other people's clients too: tests/clients/README.md")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Last, where the fewest others have to wait for them."""
    items.sort(key=_is_serial)


@pytest.hookimpl(wrapper=True, tryfirst=True)  # outermost, so that no test's time limit runs while it waits
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """All test processes of a checkout share a lock on its folder; a serial test has it to itself."""
    folder = os.open(item.config.rootpath, os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX if _is_serial(item) else fcntl.LOCK_SH)
        return (yield)
    finally:
        os.close(folder)


def _is_serial(item: pytest.Item) -> bool:
    return item.get_closest_marker("serial") is not None
