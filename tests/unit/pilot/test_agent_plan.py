"""What an agent's plan makes of the stream: its address, its variables, its key."""

from __future__ import annotations

from pathlib import Path

import pytest

from mod_openai_realtime.agent.messages import Plan
from mod_openai_realtime.pilot.agent_plan import PlanError, plan_uri, plan_variables
from mod_openai_realtime.stream.settings import Settings

DEFAULT = "wss://h/v1/realtime?model=m"


@pytest.mark.parametrize(
    ("url", "model", "uri"),
    [
        (None, None, DEFAULT),
        (None, "n", "wss://h/v1/realtime?model=n"),
        ("ws://other:1/x", None, "ws://other:1/x"),
        ("ws://other:1/x", "a b&c", "ws://other:1/x?model=a+b%26c"),
        ("ws://h/x?a=1&model=old&b=", "new", "ws://h/x?a=1&b=&model=new"),
    ],
)
def test_the_address(url: str | None, model: str | None, uri: str) -> None:
    assert plan_uri(Plan({}, url=url, model=model), DEFAULT) == uri


@pytest.mark.parametrize("url", ["http://h/", "", "wss://user:secret@h/"])
def test_an_address_that_is_none(url: str) -> None:
    with pytest.raises(PlanError) as caught:
        plan_uri(Plan({}, url=url), DEFAULT)
    assert "secret" not in str(caught.value)


def test_what_an_agents_stream_has_where_nothing_is_said() -> None:
    variables = plan_variables(Plan({}), {}, {}, {})
    settings, warnings = Settings.read(variables, raw_api=False)
    assert warnings == []
    assert (settings.restore, settings.audio_files, settings.audio_format) == ("conversation", False, "auto")
    assert settings.connect_timeout_s == 10 and not settings.record and settings.headers == ()


def test_the_channels_variables_count_and_the_agents_own_words_go_before_them() -> None:
    given = {"stream_restore": "session", "STREAM_AUDIO_FORMAT": "pcmu", "STREAM_RAW_AUDIO": "true"}
    settings, _ = Settings.read(plan_variables(Plan({}), given, {}, {}), raw_api=False)
    assert (settings.restore, settings.audio_format, settings.raw) == ("session", "pcmu", False)
    plan = Plan({}, audio="pcm", record="x.wav", connect_timeout_s=0.2)
    settings, _ = Settings.read(plan_variables(plan, given, {}, {}), raw_api=False)
    assert (settings.audio_format, settings.record_path, settings.connect_timeout_s) == ("pcm", "x.wav", 1)


def test_keys_come_from_where_they_are(tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text("sk-file\n")
    environment = {"OPENAI_API_KEY": "sk-usual", "OTHER": "sk-other"}

    def key(source: str) -> str | None:
        return plan_variables(Plan({}, key=source), {}, {"k": "sk-channel"}, environment).get("STREAM_OPENAI_API_KEY")

    assert key("env:OPENAI_API_KEY") == "sk-usual"
    assert key("env:OTHER") == "sk-other"
    assert key(f"file:{file}") == "sk-file"
    assert key("variable:k") == "sk-channel"


@pytest.mark.parametrize(
    ("source", "why"),
    [
        ("env:NONE", "no environment variable NONE"),
        ("variable:none", "no variable none"),
        ("file:/nowhere/key", "can't be read: No such file"),
        ("sk-literal", "none of env:NAME"),
    ],
)
def test_a_key_that_is_not_there(source: str, why: str) -> None:
    with pytest.raises(PlanError, match=why) as caught:
        plan_variables(Plan({}, key=source), {}, {}, {})
    assert "sk-literal" not in str(caught.value)


def test_an_empty_file_has_no_key(tmp_path: Path) -> None:
    (tmp_path / "key").touch()
    with pytest.raises(PlanError, match="is empty"):
        plan_variables(Plan({}, key=f"file:{tmp_path / 'key'}"), {}, {}, {})


def test_a_channels_own_key_is_used_where_the_environment_has_none() -> None:
    variables = plan_variables(Plan({}), {"STREAM_OPENAI_API_KEY": "sk-variable"}, {}, {})
    assert variables["STREAM_OPENAI_API_KEY"] == "sk-variable"
