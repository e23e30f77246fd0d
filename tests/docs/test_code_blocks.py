"""Fenced Python blocks in the docs compile, and run in an empty folder unless marked `python no-run`."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
FENCE = re.compile(r"^```(?P<info>[^\n`]*)\n(?P<body>.*?)^```\s*$", re.MULTILINE | re.DOTALL)


class Block(NamedTuple):
    """One fenced block and where it stands."""

    page: Path
    line: int
    info: str
    body: str

    def __str__(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}"


def blocks(page: Path) -> list[Block]:
    text = page.read_text(encoding="utf-8")
    return [
        Block(page, text.count("\n", 0, match.start()) + 1, match["info"].strip(), match["body"])
        for match in FENCE.finditer(text)
    ]


def python_blocks(page: Path) -> list[Block]:
    return [block for block in blocks(page) if block.info.split()[:1] == ["python"]]


def test_a_block_is_found_with_its_line_and_language(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("text\n\n```python no-run\nx = 1\n```\n")

    assert [(block.line, block.info, block.body) for block in blocks(page)] == [
        (3, "python no-run", "x = 1\n")
    ]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_the_python_of_a_page_compiles_and_runs(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    for block in python_blocks(page):
        code = compile(block.body, str(block), "exec")
        if "no-run" not in block.info:
            exec(code, {"__name__": "__docs__"})
