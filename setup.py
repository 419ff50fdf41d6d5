"""Builds the three native parts: the FreeSWITCH module, the stand-in switch, and the extension over the rings.

The first two are plain shared libraries, not Python modules: they keep their own file names and need no Python.
"""

import os
from pathlib import Path

from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext

NATIVE = Path("native")
COMMON = ["-std=gnu11", "-O2", "-g", "-Wall", "-Wextra", "-fvisibility=hidden"]
SANITIZE = os.environ.get("NATIVE_SANITIZE")  # "address,undefined" or "thread": for tests
if SANITIZE:
    COMMON += [f"-fsanitize={SANITIZE}", "-fno-omit-frame-pointer"]


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
        extra_compile_args=COMMON + flags,
        extra_link_args=["-pthread", *([f"-fsanitize={SANITIZE}"] if SANITIZE else [])],
    )


PACKAGE = "mod_openai_realtime"
setup(
    cmdclass={"build_ext": Build},
    ext_modules=[
        native(SharedLibrary, f"{PACKAGE}.native.mod_openai_audio_stream", "mod_openai_audio_stream", ["-pthread"]),
        native(SharedLibrary, f"{PACKAGE}.native.libstandin", "standin", ["-pthread"]),
        native(Extension, f"{PACKAGE}._media", "media", ["-O3"]),
    ],
)
