"""A new user's FreeSWITCH: its sample configuration, `openai-realtime install`, and the README to the letter."""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import pytest
from audio.g711 import Pcm16
from engine_process import EngineProcess
from freeswitch import RealSwitch
from freeswitch.vanilla import VanillaConfiguration, vanilla_folder
from sip import PCMU, Caller, MediaRoom
from sip.caller import can_call
from sip.hearing import has_ended, the_tone
from xml_reader import ROOT, Shipped, fenced, shipped, tree

from mod_openai_realtime.local.behaviour import Behaviour
from mod_openai_realtime.local.sounds import Tone
from mod_openai_realtime.local.thread import LocalEndpointThread
from mod_openai_realtime.setup.install import CONF, CONF_NAME

URI = "wss://api.openai.com/v1/realtime?model=gpt-realtime-2.1"


@pytest.fixture(scope="module")
def directory() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="vanilla-") as folder:
        yield Path(folder)


@pytest.fixture(scope="module")
def engine(directory: Path) -> Iterator[EngineProcess]:
    process = EngineProcess(directory)
    process.start()
    yield process
    process.stop()


@pytest.fixture(scope="module")
def configuration(prefix: Path, directory: Path, engine: EngineProcess) -> VanillaConfiguration:
    """The sample configuration after `openai-realtime install`, with the engine's socket in it."""
    source = vanilla_folder(prefix)
    if source is None:
        pytest.skip("this FreeSWITCH is installed without its sample configuration")
    vanilla = VanillaConfiguration(directory, engine.socket, source=source)
    vanilla.write()
    folders = ["--module-dir", str(vanilla.folder("mod")), "--conf-dir", str(vanilla.conf)]
    subprocess.run([sys.executable, "-m", "mod_openai_realtime.cli", "install", *folders], check=True)
    vanilla.edit(f"autoload_configs/{CONF_NAME}", "/run/openai-realtime/engine.sock", str(engine.socket))
    return vanilla


@pytest.fixture(scope="module")
def switch(prefix: Path, directory: Path, configuration: VanillaConfiguration) -> Iterator[RealSwitch]:
    with RealSwitch(prefix, None, configuration.engine_socket, directory, configuration=configuration) as switch:
        yield switch


@pytest.fixture
def snippet(switch: RealSwitch, configuration: VanillaConfiguration) -> Iterator[Path]:
    """A file of the configuration, which goes with the test."""
    file = configuration.conf / "autoload_configs" / "snippet.conf.xml"
    yield file
    file.unlink(missing_ok=True)
    assert switch.api("reloadxml").startswith("+OK [Success]")


def test_it_starts_after_install_and_reads_its_configuration(switch: RealSwitch) -> None:
    assert switch.api("reloadxml").startswith("+OK [Success]")


@pytest.mark.parametrize("each", shipped(), ids=str)
def test_it_reads_what_is_shipped_as_any_xml_reader_does(switch: RealSwitch, snippet: Path, each: Shipped) -> None:
    snippet.write_text(f'<configuration name="snippet.conf">\n{each.text}\n</configuration>\n')
    assert switch.api("reloadxml").startswith("+OK [Success]")
    read = switch.api("xml_locate configuration configuration name snippet.conf")
    text = re.sub(r"^<X-PRE-PROCESS.*$", "", each.text, flags=re.MULTILINE)  # carried out, and gone
    assert _same(list(ElementTree.fromstring(read)), list(tree(text)))


def test_what_kept_it_from_starting_is_refused(switch: RealSwitch, snippet: Path) -> None:
    snippet.write_text("<configuration><!-- as `openai-realtime engine --socket` --></configuration>")
    assert "unclosed <!--" in switch.api("reloadxml")


def test_the_readme_makes_a_call_that_talks_and_the_module_is_there_after_a_restart(
    switch: RealSwitch, configuration: VanillaConfiguration, tmp_path: Path
) -> None:
    if not can_call():
        pytest.skip("no sipp")
    load, dialplan, key = [text for kind, _, text in fenced(ROOT / "README.md") if kind == "xml"][:3]
    assert "<load" in load and "<extension" in dialplan and "X-PRE-PROCESS" in key
    with LocalEndpointThread(vad=False, api_key="sk-1", behaviour=Behaviour(stream_tone=Tone(440, 1000))) as endpoint:
        assert dialplan.count(URI) == 1
        (configuration.conf / "dialplan/default/openai_realtime.xml").write_text(dialplan.replace(URI, endpoint.url))
        configuration.edit("vars.xml", r"(?=</include>\s*$)", key.replace("sk-…", "sk-1"))
        configuration.edit("autoload_configs/modules.conf.xml", r"(?=</modules>)", load)
        assert switch.api("reloadxml").startswith("+OK [Success]")
        assert switch.load_module().startswith("+OK")
        heard = _call(switch, "5100", tmp_path)
    frequency, segment = the_tone(heard, 8000)
    assert frequency == pytest.approx(440, abs=1)
    assert len(segment) / 8000 == pytest.approx(1.0, abs=0.004)
    # By the line in modules.conf.xml:
    switch.stop()
    switch.start()
    assert switch.module_loaded()


def test_the_printed_dialplan_has_a_number_that_the_sample_configuration_leaves_free(
    configuration: VanillaConfiguration,
) -> None:
    sample = ElementTree.parse(configuration.source / "dialplan" / "default.xml")
    taken = [
        each.get("expression", "")
        for each in sample.iter("condition")
        if each.get("field") == "destination_number" and "(.*)" not in each.get("expression", "")
    ]
    printed = tree((CONF / "dialplan-example.xml").read_text()).find(".//condition")
    assert printed is not None and printed.get("expression") == "^5100$"
    assert [each for each in taken if re.search(each, "5100")] == []


def _call(switch: RealSwitch, number: str, directory: Path) -> Pcm16:
    with MediaRoom() as room:
        party = room.party(PCMU)
        with Caller(switch, number, [party], directory) as caller:
            call = caller.calls[0].wait_media()
            heard = party.wait_heard(lambda audio: has_ended(audio, 8000))
            call.hang_up()
            caller.wait_end()
        room.dismiss(party)
    return heard


def _same(some: list[ElementTree.Element], others: list[ElementTree.Element]) -> bool:
    def content(element: ElementTree.Element) -> tuple[str, dict[str, str], str]:
        return element.tag, element.attrib, (element.text or "").strip()

    return len(some) == len(others) and all(
        content(one) == content(other) and _same(list(one), list(other))
        for one, other in zip(some, others, strict=True)
    )
