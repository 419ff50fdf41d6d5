"""What development and CI install is one version of each package that the project names, with its hashes."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[3]
HASH = re.compile(r"--hash=sha256:[0-9a-f]{64}")


def pinned(path: Path) -> list[tuple[Requirement, int]]:
    """Each with the number of its hashes."""
    text = path.read_text().replace("\\\n", " ")
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    return [(Requirement(line.split("--hash")[0]), len(HASH.findall(line))) for line in lines]


def wanted() -> list[Requirement]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    build = (ROOT / "requirements" / "build.txt").read_text().splitlines()
    texts = [*project["dependencies"], *extras["local"], *extras["dev"], *(line for line in build if line[:1] != "#")]
    return [Requirement(text) for text in texts]


@pytest.mark.parametrize("name", ["lock.txt", "local.txt"])
def test_each_package_has_one_version_and_hashes(name: str) -> None:
    for requirement, hashes in pinned(ROOT / "requirements" / name):
        [specifier] = requirement.specifier
        assert specifier.operator == "==" and hashes >= 1, requirement


def test_no_place_to_fetch_from_is_named() -> None:
    for path in (ROOT / "requirements").glob("*.txt"):
        assert not re.search(r"://|index-url|find-links", path.read_text()), path


def test_the_lock_has_all_that_the_project_names_in_a_version_that_it_allows() -> None:
    locked: dict[str, list[str]] = {}
    for requirement, _ in pinned(ROOT / "requirements" / "lock.txt"):
        [specifier] = requirement.specifier
        locked.setdefault(canonicalize_name(requirement.name), []).append(specifier.version)
    for requirement in wanted():
        versions = locked.get(canonicalize_name(requirement.name), [])
        assert versions, f"{requirement.name}: make lock LOCK_ARGS="
        assert all(requirement.specifier.contains(version, prereleases=True) for version in versions), requirement
