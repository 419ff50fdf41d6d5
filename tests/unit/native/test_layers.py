"""No circles: a file of the native parts knows only files below it, and none of those knows it."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sysconfig
from concurrent.futures import ThreadPoolExecutor
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
NATIVE = ROOT / "native"
PARTS = ("mod_openai_audio_stream", "standin", "media")
FLAGS = ["-std=gnu11", "-O0", "-fPIC", '-DMODULE_VERSION="0"', f"-I{NATIVE / 'ring'}", f"-I{NATIVE / 'freeswitch'}"]
DEFINED = "TDBRCVW"  # of nm: what other files can use


def circle(uses: dict[str, set[str]]) -> list[str]:
    """Files that use each other in a ring, the first once more at the end; empty: there are none."""
    try:
        TopologicalSorter(uses).prepare()
    except CycleError as error:
        found: list[str] = error.args[1]
        return found
    return []


def symbols(source: Path, folder: Path, compiler: str) -> tuple[set[str], set[str]]:
    """Names that the file defines for others, and those that it wants of others."""
    output = folder / f"{source.stem}.o"
    # A sanitizer that is preloaded into the tests must not judge the compiler.
    environment = {name: value for name, value in os.environ.items() if name != "LD_PRELOAD"}
    python = [f"-I{sysconfig.get_paths()['include']}"]
    subprocess.run([compiler, *FLAGS, *python, "-c", str(source), "-o", str(output)], check=True, env=environment)
    listed = subprocess.run(["nm", str(output)], capture_output=True, text=True, check=True, env=environment).stdout
    defined, wanted = set[str](), set[str]()
    for line in listed.splitlines():
        kind, name = line.split()[-2:]
        if kind == "U":
            wanted.add(name)
        elif kind in DEFINED:
            defined.add(name)
    return defined, wanted


@pytest.mark.parametrize("part", PARTS)
def test_no_file_calls_one_that_calls_it(part: str, tmp_path: Path) -> None:
    compiler = shutil.which(os.environ.get("CC", "gcc"))
    if compiler is None or shutil.which("nm") is None:
        pytest.skip("no C compiler")
    sources = sorted((NATIVE / part).glob("*.c"))
    with ThreadPoolExecutor(2) as pool:
        found = dict(zip(sources, pool.map(lambda source: symbols(source, tmp_path, compiler), sources), strict=True))
    owners = {name: source.stem for source, (defined, _) in found.items() for name in defined}
    uses = {
        source.stem: {owners[name] for name in wanted if name in owners} - {source.stem}
        for source, (_, wanted) in found.items()
    }
    assert any(uses.values()), "nothing was found"
    assert circle(uses) == []


def test_no_header_includes_one_that_includes_it() -> None:
    headers = {path.name: path for path in NATIVE.rglob("*.h")}
    for part in PARTS:
        own = headers | {path.name: path for path in (NATIVE / part).glob("*.h")}
        uses = {
            name: set(re.findall(r'^#include "([^"]+)"', path.read_text(), re.MULTILINE)) & own.keys()
            for name, path in own.items()
        }
        assert circle(uses) == []


def test_no_benchmark_hides_what_it_uses() -> None:
    """The folder of a script comes first where modules are looked for."""
    support = {path.stem for path in (ROOT / "tests" / "support").iterdir()}
    assert support & {path.stem for path in (ROOT / "bench").iterdir()} == set()


def test_a_circle_is_found() -> None:
    assert circle({"a": {"b"}, "b": {"c"}, "c": set()}) == []
    assert len(circle({"a": {"b"}, "b": {"c"}, "c": {"a"}})) == 4
