"""Whether a transfer would lead somewhere, told from the dialplan's own XML."""

from __future__ import annotations

import pytest

from mod_openai_realtime.switch.dialplan import Context, DialplanError, names_in


def context(extensions: str) -> Context:
    return Context(f'<section name="dialplan"><context name="default">{extensions}</context></section>')


def extension(conditions: str, attributes: str = "") -> str:
    return f'<extension name="x" {attributes}>{conditions}</extension>'


ACTION = '<action application="answer"/>'
LOCAL = extension(f'<condition field="destination_number" expression="^(10[01][0-9])$">{ACTION}</condition>')


def test_a_number_that_an_extension_has() -> None:
    assert context(LOCAL).leads_somewhere("1001", {})
    assert not context(LOCAL).leads_somewhere("9999", {})


def test_what_only_goes_on_leads_nowhere() -> None:
    everybody = extension(
        f'<condition field="destination_number" expression=".*">{ACTION}</condition>', 'continue="true"'
    )
    assert not context(everybody + LOCAL).leads_somewhere("9999", {})
    assert context(everybody + LOCAL).leads_somewhere("1000", {})


@pytest.mark.parametrize(
    ("conditions", "leads"),
    [
        (f"<condition>{ACTION}</condition>", True),
        ("<condition/>", False),
        (f'<condition field="source" expression="mod_sofia"/><condition>{ACTION}</condition>', True),
        (f'<condition field="source" expression="loopback"/><condition>{ACTION}</condition>', False),
        (f'<condition field="source" expression="loopback" break="never"/><condition>{ACTION}</condition>', True),
        (f'<condition field="source" expression="mod_sofia" break="on-true"/><condition>{ACTION}</condition>', False),
        (f'<condition break="always"/><condition>{ACTION}</condition>', False),
        ('<condition field="source" expression="x"><anti-action application="park"/></condition>', True),
        (f'<condition field="${{unroll}}" expression="^true$">{ACTION}</condition>', True),
        (f'<condition field="${{other}}" expression="^true$">{ACTION}</condition>', False),
        (f'<condition wday="2-6">{ACTION}</condition>', True),
        (f'<condition wday="2-6"/><condition field="destination_number" expression="1">{ACTION}</condition>', False),
        (f'<condition field="destination_number" expression="^(?|9)(9)+*$">{ACTION}</condition>', True),
        (f'<condition field="destination_number"><expression><![CDATA[^99]]></expression>{ACTION}</condition>', True),
        (
            '<condition regex="all"><regex field="destination_number" expression="9"/>'
            f'<regex field="source" expression="loopback"/>{ACTION}</condition>',
            False,
        ),
        (
            '<condition regex="any"><regex field="destination_number" expression="9"/>'
            f'<regex field="source" expression="loopback"/>{ACTION}</condition>',
            True,
        ),
        (
            '<condition regex="xor"><regex field="destination_number" expression="9"/>'
            f'<regex field="source" expression="sofia"/>{ACTION}</condition>',
            False,
        ),
        (f'<condition><condition field="destination_number" expression="9">{ACTION}</condition></condition>', True),
        (f'<condition><condition field="destination_number" expression="1">{ACTION}</condition></condition>', False),
    ],
)
def test_conditions(conditions: str, leads: bool) -> None:
    known = {"source": "mod_sofia", "${unroll}": "true"}
    assert context(extension(conditions)).leads_somewhere("9999", known) is leads


def test_what_is_to_be_asked_of_the_channel() -> None:
    conditions = (
        '<condition field="destination_number" expression="^${prefix}1$"/>'
        '<condition field="${sip_looped_call}" expression="^true$"/>'
        '<condition field="network_addr" expression="^192$"/>'
        '<condition regex="any"><regex field="source" expression="x"/></condition>'
    )
    asked = context(extension(conditions)).asks()
    assert asked == {"^${prefix}1$", "${sip_looped_call}", "network_addr", "source"}
    assert dict(names_in(asked))["source"] == "${source}"
    assert dict(names_in(asked))["${sip_looped_call}"] == "${sip_looped_call}"


def test_an_expression_is_taken_as_the_channel_has_it() -> None:
    prefixed = context(
        extension(f'<condition field="destination_number" expression="^${{prefix}}1$">{ACTION}</condition>')
    )
    assert prefixed.leads_somewhere("771", {"^${prefix}1$": "^771$"})
    assert not prefixed.leads_somewhere("771", {"^${prefix}1$": "^1$"})


@pytest.mark.parametrize("xml", ["", "-ERR no such tag", "<document/>", "<context"])
def test_what_is_no_context(xml: str) -> None:
    with pytest.raises(DialplanError):
        Context(xml)
