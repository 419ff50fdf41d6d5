"""Builds the three native parts: the FreeSWITCH module, the stand-in switch, and the extension over the rings.

The first two are plain shared libraries, not Python modules: they keep their own file names and need no Python.
"""

import ast
import os
import platform
import shlex
import subprocess
import sysconfig
import tempfile
from functools import cache
from pathlib import Path

from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext

NATIVE = Path("native")
COMMON = ["-std=gnu11", "-O2", "-g", "-Wall", "-Wextra", "-Werror=format-security", "-fvisibility=hidden"]
LINK = ["-pthread", "-Wl,-z,relro", "-Wl,-z,now", "-Wl,-z,noexecstack"]
# A fault in the code ends the process instead of running what somebody has put there. Of each line the first that the
# compiler knows; the control flow's own protection is the processor's, which passes over it where it has none.
HARDENING = [
    ["-fstack-protector-strong"],
    ["-fstack-clash-protection"],
    ["-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3", "-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2"],
    {"x86_64": ["-fcf-protection=full"], "aarch64": ["-mbranch-protection=standard"]}.get(platform.machine(), []),
]
SANITIZE = os.environ.get("NATIVE_SANITIZE")  # "address,undefined" or "thread": for tests
if SANITIZE:
    COMMON += [f"-fsanitize={SANITIZE}", "-fno-omit-frame-pointer"]
    LINK += [f"-fsanitize={SANITIZE}"]
    HARDENING = []  # they see more, and take no library functions that check by themselves


@cache
def hardening() -> list[str]:
    """The flags of HARDENING that this machine's compiler takes without a warning."""
    taken = (next((flags for flags in choice if accepts(flags)), "") for choice in HARDENING)
    return [flag for flags in taken for flag in flags.split()]


def accepts(flags: str) -> bool:
    compiler = shlex.split(os.environ.get("CC") or sysconfig.get_config_var("CC") or "cc")
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder, "probe.c")
        source.write_text("#include <string.h>\nvoid probe(char *to, const char *from) { strcpy(to, from); }\n")
        command = [*compiler, "-O2", "-Werror", *flags.split(), "-c", str(source), "-o", str(source.with_suffix(".o"))]
        return subprocess.run(command, capture_output=True, check=False).returncode == 0  # noqa: S603


class SharedLibrary(Extension):
    """A shared library that lies in the package under a fixed name."""


class Build(build_ext):
    def get_ext_filename(self, fullname: str) -> str:
        """A shared library is found by its plain name, without Python's ABI tag."""
        extension = self.ext_map.get(fullname) if hasattr(self, "ext_map") else None
        if isinstance(extension, SharedLibrary):
            return str(Path(*fullname.split("."))) + ".so"
        return super().get_ext_filename(fullname)

    def get_export_symbols(self, ext: Extension) -> list[str]:
        return ext.export_symbols

    def build_extension(self, ext: Extension) -> None:
        ext.define_macros.append(("MODULE_VERSION", f'"{self.distribution.get_version()}"'))
        super().build_extension(ext)


def sources(folder: str) -> list[str]:
    return sorted(str(path) for path in (NATIVE / folder).glob("*.c"))


def headers() -> list[str]:
    return sorted(str(path) for path in NATIVE.rglob("*.h"))


def native(kind: type[Extension], name: str, folder: str, flags: list[str]) -> Extension:
    return kind(
        name,
        sources(folder),
        include_dirs=[str(NATIVE / "ring"), str(NATIVE / "freeswitch")],
        depends=[*headers(), "pyproject.toml"],  # of the version
        extra_compile_args=COMMON + hardening() + flags,
        extra_link_args=LINK,
    )


def reasons_header(table: Path, header: Path) -> None:
    """What the module says by itself has one table, with all else that is said to a switch, in Python."""
    constants = [node for node in ast.parse(table.read_text()).body if isinstance(node, ast.AnnAssign)]
    lines = [f'#define REASON_{ast.unparse(each.target)} "{ast.literal_eval(each.value)}"' for each in constants]
    text = f"/* Made by setup.py of {table}. */\n#pragma once\n\n" + "\n".join(lines) + "\n"
    if not header.exists() or header.read_text() != text:
        header.write_text(text)


PACKAGE = "mod_openai_realtime"
reasons_header(Path("src", PACKAGE, "switch", "module_reasons.py"), NATIVE / "mod_openai_audio_stream" / "reasons.h")
setup(
    cmdclass={"build_ext": Build},
    ext_modules=[
        native(SharedLibrary, f"{PACKAGE}.native.mod_openai_audio_stream", "mod_openai_audio_stream", ["-pthread"]),
        native(SharedLibrary, f"{PACKAGE}.native.libstandin", "standin", ["-pthread"]),
        native(Extension, f"{PACKAGE}._media", "media", ["-O3"]),
    ],
)
