"""What the module takes out of a line of FreeSWITCH's log (printable.c)."""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
import unicodedata
from collections.abc import Callable
from pathlib import Path

import pytest

MODULE = Path(__file__).parents[3] / "native" / "mod_openai_audio_stream"

Printable = Callable[[bytes], bytes]


@pytest.fixture(scope="module")
def printable(tmp_path_factory: pytest.TempPathFactory) -> Printable:
    compiler = shutil.which(os.environ.get("CC", "gcc"))
    if compiler is None:
        pytest.skip("no C compiler")
    library = tmp_path_factory.mktemp("printable") / "printable.so"
    command = [compiler, "-shared", "-fPIC", "-std=gnu11", "-O1", str(MODULE / "printable.c"), "-o", str(library)]
    subprocess.run(command, check=True, env={k: v for k, v in os.environ.items() if k != "LD_PRELOAD"})
    function = ctypes.CDLL(str(library)).printable_string

    def call(text: bytes) -> bytes:
        buffer = ctypes.create_string_buffer(text)
        function(buffer)
        return buffer.value

    return call


def test_every_character_that_acts_on_a_line_becomes_a_blank_and_every_letter_stays(printable: Printable) -> None:
    through, lost = [], []
    # Marks that belong to a script (Arabic, Syriac, shorthand, music): they are part of its words.
    of_scripts = {*range(0x600, 0x606), 0x6DD, 0x70F, 0x890, 0x891, 0x8E2, 0x110BD, 0x110CD}
    of_scripts |= {*range(0x13430, 0x13460), *range(0x1BCA0, 0x1BCA4), *range(0x1D173, 0x1D17B)}
    for point in range(1, 0x110000):
        if 0xD800 <= point <= 0xDFFF:
            continue
        text = f"<{chr(point)}>".encode()
        stays = printable(text) == text
        assert stays or printable(text) == b"< >", hex(point)
        category = unicodedata.category(chr(point))
        if category in ("Cc", "Cf", "Zl", "Zp") and point not in of_scripts and stays:
            through.append(hex(point))
        if category[0] in "LMNPS" and not stays and point not in (0x180E, *range(0xE0100, 0xE01F0)):
            lost.append(hex(point))
    assert (through, lost) == ([], [])


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (b"", b""),
        (b"\x1b[2J\r\nforged\x07\x7f", b" [2J  forged  "),
        ("grüß \u4f60\U0001f600".encode(), "grüß \u4f60\U0001f600".encode()),
        (b"\xc2\x9b31m \x9b31m", b" 31m  31m"),  # C1, in UTF-8 and bare
        (b"\xed\xa0\x80 \xc0\x9b \xe0\x80\x9b \xf5\x80\x80\x80", b" " * 15),  # surrogate, overlong, too large
        (b"cut \xe4\xbd", b"cut   "),
        ("a\u202eb\u2066c\u2028d\ufeffe".encode(), b"a b c d e"),
    ],
)
def test_what_is_no_text_becomes_blanks(printable: Printable, text: bytes, shown: bytes) -> None:
    assert printable(text) == shown
