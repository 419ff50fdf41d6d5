"""Runs the fuzz targets, side by side: `python tests/fuzz/run.py --seconds 20`, or one of them by its name.

Those in C (native/) are compiled with AddressSanitizer and UndefinedBehaviorSanitizer: for libFuzzer where there is
clang, with a driver of our own (native/driver.c) where there is only gcc. Those in Python (test_*.py) are tests too;
here they run with other random numbers each time, until the time is over, and with the extension that was built with
the sanitizers if there is one (build/asan).

What ends a target is left in build/fuzz/found; once mended, it belongs into corpus/<target>, where every run begins.
"""

from __future__ import annotations

import argparse
import concurrent.futures
import os
import secrets
import shutil
import subprocess
import sys
import sysconfig
import time
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
BUILD = ROOT / "build" / "fuzz"
FOUND = BUILD / "found"
CORPUS = HERE / "corpus"
ASAN_LIB = ROOT / "build" / "asan" / "lib"
SANITIZERS = "address,undefined"
ENVIRONMENT = {
    "ASAN_OPTIONS": "detect_leaks=0:abort_on_error=1",
    "UBSAN_OPTIONS": "halt_on_error=1:abort_on_error=1:print_stacktrace=1",
}


@dataclass(frozen=True)
class Native:
    """In native/fuzz_<name>.c, with the sources under test. `python`: they include Python.h, but call none of it."""

    name: str
    sources: tuple[str, ...]
    python: bool = False


NATIVE = (
    Native("audio_delta", ("media/audio_delta.c",), python=True),
    Native("json_shape", (), python=True),
    Native("link", ("mod_openai_audio_stream/wire.c",)),
    Native("printable", ("mod_openai_audio_stream/printable.c",)),
    Native("rings", ("media/capture_gaps.c",)),
    Native("wire", ("mod_openai_audio_stream/wire.c",)),
)


@dataclass(frozen=True)
class Outcome:
    target: str
    good: bool
    said: str


def quiet_environment() -> dict[str, str]:
    """A sanitizer that is preloaded into whoever runs this judges neither the compiler nor the targets."""
    return {name: value for name, value in os.environ.items() if name != "LD_PRELOAD"} | ENVIRONMENT


def compile_native(target: Native) -> Path:
    """Raises CalledProcessError."""
    BUILD.mkdir(parents=True, exist_ok=True)
    program = BUILD / target.name
    native = ROOT / "native"
    folders = [
        HERE / "native",
        native / "ring",
        native / "freeswitch",
        native / "mod_openai_audio_stream",
        native / "media",
    ]
    flags = ["-std=gnu11", "-g", "-O1", "-pthread", "-fno-omit-frame-pointer", *(f"-I{folder}" for folder in folders)]
    if target.python:
        flags += [f"-I{sysconfig.get_path('include')}", "-no-pie", "-Wl,--unresolved-symbols=ignore-all"]
    sources = [HERE / "native" / f"fuzz_{target.name}.c", *(native / source for source in target.sources)]
    environment = quiet_environment()
    if clang := shutil.which("clang"):
        command = [clang, *flags, f"-fsanitize=fuzzer,{SANITIZERS}", *map(str, sources), "-o", str(program)]
        subprocess.run(command, check=True, env=environment)
        return program
    gcc = os.environ.get("CC", "gcc")
    flags += ["-Wall", "-Wextra", f"-fsanitize={SANITIZERS}", "-fno-sanitize-recover=all"]
    driver = BUILD / f"{target.name}-driver.o"
    subprocess.run(
        [gcc, *flags, "-c", str(HERE / "native" / "driver.c"), "-o", str(driver)], check=True, env=environment
    )
    coverage = "-fsanitize-coverage=trace-pc,trace-cmp"
    command = [gcc, *flags, coverage, *map(str, sources), str(driver), "-o", str(program)]
    subprocess.run(command, check=True, env=environment)
    return program


def run_native(target: Native, seconds: float, seed: int) -> Outcome:
    try:
        program = compile_native(target)
    except (subprocess.CalledProcessError, OSError) as error:
        return Outcome(target.name, False, f"does not compile: {error}")
    artifact = FOUND / f"{target.name}-{seed}"
    corpus = CORPUS / target.name
    if shutil.which("clang"):
        kept = BUILD / f"{target.name}-kept"
        kept.mkdir(exist_ok=True)
        limit = f"-max_total_time={max(1, round(seconds))}" if seconds else "-runs=0"
        arguments = [limit, f"-seed={seed}", f"-artifact_prefix={artifact}-", "-print_final_stats=1"]
        arguments += [str(kept), str(corpus)]
    else:
        arguments = [str(seconds), str(seed), str(artifact), str(corpus)]
    run = subprocess.run(
        [str(program), *arguments], capture_output=True, text=True, errors="replace", env=quiet_environment()
    )
    if run.returncode != 0:
        return Outcome(target.name, False, f"{run.stdout}{run.stderr}\ninput: {artifact}")
    done = [line.split()[-1] for line in run.stderr.splitlines() if "number_of_executed_units" in line]  # libFuzzer's
    return Outcome(target.name, True, f"executions {done[0]}" if done else run.stdout.strip())


def python_targets() -> list[Path]:
    return sorted(HERE.glob("test_*.py"))


def run_python(path: Path, seconds: float, seed: int) -> Outcome:
    environment = quiet_environment() | {"FUZZ_SECONDS": str(seconds), "FUZZ_SEED": str(seed), "FUZZ_FOUND": str(FOUND)}
    if ASAN_LIB.is_dir():
        libraries = [
            subprocess.check_output(["gcc", f"-print-file-name=lib{name}.so"], text=True) for name in ("asan", "ubsan")
        ]
        environment |= {"PYTHONPATH": str(ASAN_LIB), "LD_PRELOAD": " ".join(library.strip() for library in libraries)}
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-x",
        "-s",
        "-p",
        "no:faulthandler",
        "-p",
        "no:cacheprovider",
        "--timeout=0",
        str(path),
    ]
    run = subprocess.run(command, capture_output=True, text=True, errors="replace", env=environment, cwd=ROOT)
    lines = [line for line in run.stdout.splitlines() if line.startswith("executions ")]
    said = "; ".join(lines) if run.returncode == 0 else f"{run.stdout}{run.stderr}"
    return Outcome(path.stem.removeprefix("test_"), run.returncode == 0, said)


def main() -> int:
    parser = argparse.ArgumentParser(description="Run the fuzz targets.")
    parser.add_argument("targets", nargs="*", help="default: all")
    parser.add_argument("--seconds", type=float, default=20, help="for each target; 0: the corpus only")
    parser.add_argument("--seed", type=int, default=secrets.randbelow(2**31), help="default: another each time")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="targets side by side")
    options = parser.parse_args()
    FOUND.mkdir(parents=True, exist_ok=True)
    began = time.monotonic()
    runs = {target.name: (run_native, target) for target in NATIVE}
    runs |= {path.stem.removeprefix("test_"): (run_python, path) for path in python_targets()}
    unknown = set(options.targets) - set(runs)
    if unknown:
        parser.error(f"no such target: {', '.join(sorted(unknown))}; there are {', '.join(runs)}")
    good = True
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        chosen = [call for name, call in runs.items() if not options.targets or name in options.targets]
        jobs = [pool.submit(run, target, options.seconds, options.seed) for run, target in chosen]  # type: ignore[arg-type]
        for job in concurrent.futures.as_completed(jobs):
            outcome = job.result()
            good = good and outcome.good
            print(f"{outcome.target:16}{'ok  ' if outcome.good else 'FOUND'} {outcome.said}", flush=True)
    print(f"seed {options.seed}, {time.monotonic() - began:.0f} s")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
