"""What the fuzz targets in C have found, or began with, still goes through them (tests/fuzz)."""

from __future__ import annotations

import importlib.util
import shutil
import sys
from pathlib import Path
from types import ModuleType

import pytest

RUN = Path(__file__).parents[2] / "fuzz" / "run.py"


def load() -> ModuleType:
    spec = importlib.util.spec_from_file_location("fuzz_run", RUN)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


run = load()


@pytest.mark.parametrize("target", run.NATIVE, ids=lambda target: target.name)
def test_the_corpus_of_a_native_target_goes_through_it(
    target: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if shutil.which("clang") is None and shutil.which("gcc") is None:
        pytest.skip("no C compiler")
    monkeypatch.setattr(run, "BUILD", tmp_path)
    monkeypatch.setattr(run, "FOUND", tmp_path)
    outcome = run.run_native(target, 0, 1)
    assert outcome.good, outcome.said


def test_every_target_has_a_corpus_and_every_corpus_a_target() -> None:
    names = {target.name for target in run.NATIVE} | {path.stem.removeprefix("test_") for path in run.python_targets()}
    assert {path.name for path in run.CORPUS.iterdir() if any(path.iterdir())} == names
