"""The doctor reads any configuration of the module, and says what FreeSWITCH would make of it."""

from __future__ import annotations

import tempfile
from pathlib import Path

from fuzzing import fuzz
from hypothesis import strategies as st

from mod_openai_realtime.setup.doctor import _configuration
from mod_openai_realtime.setup.install import CONF_NAME

PARTS = [
    "<configuration>",
    "</configuration>",
    "<settings>",
    "</settings>",
    '<param name="engine-socket" value="/s"/>',
    "<param/>",
]
PARTS += [
    '<param name="engine-socket"/>',
    '<param name="engine-socket" value="$${x}"/>',
    "<!-- -- -->",
    "<!--",
    "-->",
    "&amp;",
    "&x;",
    "\x00",
]
PARTS += [
    '<?xml version="1.0" encoding="x"?>',
    '<!DOCTYPE a [<!ENTITY x "y">]>',
    "\x1b[2J",
    "\ufffe",
    "]]>",
    "<a:b/>",
    '"',
    "'",
]
texts = st.lists(st.sampled_from(PARTS) | st.text(max_size=4), max_size=10).map("".join)


def test_configuration() -> None:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "autoload_configs", CONF_NAME)
        file.parent.mkdir()

        def read(data: bytes) -> None:
            file.write_bytes(data)
            finding = _configuration(Path(folder), Path("/s"))
            assert finding.what and finding.verdict

        fuzz("configuration", read, texts.map(lambda text: text.encode("utf-8", "surrogatepass")))
