"""pytest's options for the fixture `phone`: which switch is between caller and agent, and who answers."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from .local.chat import ChatModel

KEY_VARIABLE = "OPENAI_REALTIME_LOCAL_LLM_KEY"  # as of `openai-realtime local`


def add_options(parser: pytest.Parser) -> None:
    group = parser.getgroup("agents on the telephone", "mod-openai-realtime: the fixture phone")
    group.addoption(
        "--phone",
        choices=("standin", "freeswitch"),
        default="standin",
        help="What is between caller and agent: a switch that stands in for FreeSWITCH (the default), or a FreeSWITCH "
        "of this machine (FREESWITCH_PREFIX, or on the PATH), which is called over SIP.",
    )
    group.addoption(
        "--model",
        choices=("script", "llm"),
        default="script",
        help="Who answers the caller: what the test has scripted (the default), or the language model at --llm-url; "
        "what tests script is left unused then.",
    )
    group.addoption("--llm-url", metavar="URL", help="The base URL of a chat completions API, for --model=llm.")
    group.addoption("--llm-model", metavar="NAME", help="Its model; default: the first that the server lists.")
    group.addoption("--llm-key-file", metavar="FILE", help=f"File with the key for it; {KEY_VARIABLE} will do, too.")


def check_options(config: pytest.Config) -> None:
    """Raises pytest.UsageError where what is asked for can't be had."""
    url, model = config.getoption("--llm-url"), config.getoption("--model")
    if model == "llm" and not url:
        raise pytest.UsageError("--model=llm needs --llm-url: the base URL of a chat completions API")
    if url and model != "llm":
        raise pytest.UsageError("--llm-url is for --model=llm: give that, too")
    if url and not url.startswith(("http://", "https://")):
        raise pytest.UsageError("--llm-url is a URL that begins with http:// or https://")
    if config.getoption("--phone") == "freeswitch":
        try:
            from . import local as _  # noqa: F401 - it says how what is missing is installed
            from .agent.testing.freeswitch_line import UnfitFreeSwitchError, fit_freeswitch
        except ImportError as error:
            raise pytest.UsageError(f"--phone=freeswitch: {error}") from None
        try:
            fit_freeswitch()
        except UnfitFreeSwitchError as error:
            raise pytest.UsageError(f"--phone=freeswitch: {error}") from None


def language_model(config: pytest.Config) -> ChatModel | None:
    """None: the tests' scripts. Raises pytest.UsageError for a key that can't be read."""
    if config.getoption("--model") != "llm":
        return None
    from .local.api_key import given_key
    from .local.chat import ChatModel

    file = config.getoption("--llm-key-file")
    try:
        key = given_key(None, Path(file) if file else None, os.environ, KEY_VARIABLE)
    except (OSError, ValueError) as error:
        raise pytest.UsageError(f"--llm-key-file: {error}") from None
    return ChatModel(config.getoption("--llm-url"), config.getoption("--llm-model"), key)
