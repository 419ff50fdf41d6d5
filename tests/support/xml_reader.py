"""The XML that this project ships, and what FreeSWITCH's reader would take amiss in it.

FreeSWITCH reads a file twice: a preprocessor goes through its lines, knowing neither comments nor elements, and a
parser takes what is left of it. One mistake anywhere keeps the whole FreeSWITCH from starting. `faults` is stricter
than both: what it lets pass FreeSWITCH reads as any XML parser does.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

ROOT = Path(__file__).parents[2]
_FENCED = re.compile(r"^(?P<indent> *)```(?P<kind>\w*)\n(?P<text>.*?)^(?P=indent)```$", re.MULTILINE | re.DOTALL)
_COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
_WHOLE_DIRECTIVE = re.compile(r'\s*<X-PRE-PROCESS\s+cmd="[\w-]+"\s+data="[^"]*"\s*/>\s*', re.IGNORECASE)
_DROPPED = ("<include>", "</include>", "<?")


@dataclass(frozen=True)
class Shipped:
    """One file, or one block of a page; `place` says where it is."""

    place: str
    text: str

    def __str__(self) -> str:
        return self.place


def shipped() -> list[Shipped]:
    """All the XML that users may put into a FreeSWITCH: sample files, and blocks of the pages."""
    files = sorted((ROOT / "src").rglob("*.xml")) + sorted((ROOT / "examples").rglob("*.xml"))
    found = [Shipped(_name(file), file.read_text()) for file in files]
    for page in pages():
        found += [Shipped(f"{_name(page)}:{line}", text) for kind, line, text in fenced(page) if kind == "xml"]
    return found


def pages() -> list[Path]:
    folders = ("docs", "examples", "bench")
    return [*sorted(ROOT.glob("*.md")), *(page for each in folders for page in sorted((ROOT / each).rglob("*.md")))]


def fenced(page: Path) -> Iterator[tuple[str, int, str]]:
    """Kind, line and text of each fenced block, without its indentation."""
    text = page.read_text()
    for block in _FENCED.finditer(text):
        lines = block["text"].splitlines(keepends=True)
        inner = "".join(line.removeprefix(block["indent"]) for line in lines)
        yield block["kind"], text.count("\n", 0, block.start()) + 1, inner


def tree(text: str) -> ElementTree.Element:
    """A whole document, or a run of elements, below an element of our own. Raises ElementTree.ParseError."""
    whole = re.sub(r"^\s*<\?xml[^>]*\?>", "", text)
    return ElementTree.fromstring(f"<snippet>{whole}</snippet>")


def faults(text: str) -> list[str]:
    """What FreeSWITCH would refuse, or read otherwise than it is meant; empty where there is nothing of the kind."""
    return [*_of_the_lines(text), *_of_the_markup(text)]


def _of_the_lines(text: str) -> Iterator[str]:
    commented = {line for comment in _COMMENT.finditer(text) for line in _lines_of(text, comment)}
    for number, line in enumerate(text.splitlines(), start=1):
        for word in _DROPPED:
            if word in line and not re.fullmatch(r"\s*(</?include>|<\?[^>]*\?>)\s*", line):
                yield f"line {number}: a line with {word} is left out as a whole"
        if "x-pre-process" in line.lower():
            if number in commented:
                yield f"line {number}: X-PRE-PROCESS takes effect in a comment too, and the line is left out"
            elif not _WHOLE_DIRECTIVE.fullmatch(line):
                yield f"line {number}: a line with X-PRE-PROCESS is left out as a whole, and must be all of the element"
        if "<!--#" in line:
            yield f"line {number}: a comment that begins with # is a directive"
        if re.search(r"\$\$\{(?![\w-]+\})", line):
            yield f"line {number}: $${{…}} is a name of a global variable, and ends on its line"


def _lines_of(text: str, match: re.Match[str]) -> range:
    return range(text.count("\n", 0, match.start()) + 1, text.count("\n", 0, match.end()) + 2)


def _of_the_markup(text: str) -> Iterator[str]:
    try:
        tree(text)
    except ElementTree.ParseError as error:
        yield str(error)  # two hyphens in a comment are one of these


def _name(path: Path) -> str:
    return str(path.relative_to(ROOT))
