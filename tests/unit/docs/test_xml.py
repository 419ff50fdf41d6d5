"""All XML that is shipped can be put into a FreeSWITCH: its sample files, and what the pages show."""

import re

import pytest
from xml_reader import Shipped, faults, fenced, pages, shipped

GOOD = (
    "<a/>",
    "<a/><b c='d'/>",
    '<?xml version="1.0"?>\n<a><!-- one - two --></a>',
    '<include>\n  <a b="$${c}"/>\n</include>',
    '<X-PRE-PROCESS cmd="set" data="a=b"/>\n<a/>',
    '<a b="${c(d)}"\n   e="&amp;"/>',
)
BAD = (
    "<a>",
    "<a/><!-- the option --socket -->",
    "<a/><!-- drawn --->",
    '<a b="?x&y"/>',
    '<a b="<"/>',
    "<a b=c/>",
    "<include><a/></include>",
    '<a/> <?xml version="1.0"?>',
    '<!-- <X-PRE-PROCESS cmd="set" data="a=b"/> -->',
    '<!--\n <X-PRE-PROCESS cmd="include" data="a.xml"/>\n-->',
    '<X-PRE-PROCESS cmd="set" data="a=b"/><a/>',
    '<X-PRE-PROCESS cmd="set"\n data="a=b"/>',
    "<!-- the tag X-PRE-PROCESS -->",
    '<!--#set "a=b"-->',
    '<a b="$${c d}"/>',
    '<a b="$${c"/>',
)


@pytest.mark.parametrize("each", shipped(), ids=str)
def test_freeswitch_can_read_what_is_shipped(each: Shipped) -> None:
    assert faults(each.text) == []


def test_the_sample_files_and_the_readme_are_among_it() -> None:
    places = {each.place.rpartition(":")[0] or each.place for each in shipped()}
    conf = "src/mod_openai_realtime/setup/conf/"
    assert {"README.md", f"{conf}openai_audio_stream.conf.xml", f"{conf}dialplan-example.xml"} <= places


def test_xml_in_a_page_says_that_it_is_xml() -> None:
    """What is not fenced as XML is not looked at."""
    element = re.compile(r"^\s*<(action|extension|condition|param|load|include|X-PRE-PROCESS|configuration)\b", re.M)
    for page in pages():
        rest = re.sub(r"^( *)```xml\n.*?^\1```$", "", page.read_text(), flags=re.M | re.S)
        assert element.findall(rest) == [], page


def test_fences_are_closed() -> None:
    for page in pages():
        assert 2 * len(list(fenced(page))) == len(re.findall(r"^ *```", page.read_text(), re.M)), page


@pytest.mark.parametrize("text", GOOD)
def test_what_freeswitch_reads_well_is_let_pass(text: str) -> None:
    assert faults(text) == []


@pytest.mark.parametrize("text", BAD)
def test_what_freeswitch_refuses_or_reads_otherwise_is_found(text: str) -> None:
    assert faults(text)
