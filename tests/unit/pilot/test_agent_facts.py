"""What an agent is told of its call."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from mod_openai_realtime.pilot.agent_facts import MAX_VALUE_CHARACTERS, facts, read_dump


@pytest.mark.parametrize("text", [None, "", "-ERR No such channel!", "[1]", "{"])
def test_an_account_that_is_none_tells_nothing(text: str | None) -> None:
    assert read_dump(text) == {}


def test_facts_are_there_even_where_freeswitch_says_nothing() -> None:
    told = facts("u", "default", {}, {})
    assert (told.uuid, told.caller_number, told.direction) == ("u", "", "inbound")


def test_parameters_are_the_channels_variables_and_the_commands_words() -> None:
    dump = read_dump(
        '{"Call-Direction":"outbound","variable_agent_table_size":"4","variable_AGENT_SHOP":"old","variable_AGENT_":"x",'
        '"variable_other":"y","Event-Sequence":7,"variable_AGENT_LONG":"' + "z" * 5000 + '"}'
    )
    told = facts("u", "default", dump, {"shop": "new"}, datetime(2026, 1, 2, tzinfo=UTC))
    assert told.direction == "outbound"
    assert told.parameters == {"table_size": "4", "shop": "new", "long": "z" * MAX_VALUE_CHARACTERS}
    assert told.started_at == "2026-01-02T00:00:00+00:00"
