"""The page on adding a source: what stands on it is a source, and the commands print what it shows."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

PAGE = Path(__file__).resolve().parents[2] / "docs" / "adding-a-source.md"
TEXT = PAGE.read_text(encoding="utf-8")
FILE = re.compile(r"^```\{code-block\} \w+\n:caption: (\S+)\n\n(.*?)^```$", re.MULTILINE | re.DOTALL)


class Package:
    """A content package with the source of the page, found by its entry point."""

    def __init__(self, root: Path):
        self.root = root
        self.source = root / "harbour_gates" / "sources" / "harbour_gate"
        for name, text in FILE.findall(TEXT):
            path = self.source / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        (root / "harbour_gates" / "__init__.py").touch()
        info = root / "harbour_gates-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text("Metadata-Version: 2.1\nName: harbour-gates\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text("[tidewaiter.content]\nharbour = harbour_gates\n")

    def run(self, *words: str | Path) -> subprocess.CompletedProcess[str]:
        script = Path(sys.executable).parent / "tidewaiter"
        path = os.pathsep.join([str(self.root), os.environ.get("PYTHONPATH", "")]).rstrip(os.pathsep)
        environ = os.environ | {"PYTHONPATH": path}
        return subprocess.run(
            [script, *words], capture_output=True, text=True, check=False, cwd=self.root, env=environ
        )


@pytest.fixture(scope="module")
def package(tmp_path_factory):
    return Package(tmp_path_factory.mktemp("toy"))


def shown(language: str, part: str) -> str:
    """Return the first fenced block of a language behind a heading."""
    found = re.search(rf"^```{language}\n(.*?)^```$", TEXT.split(part)[1], re.MULTILINE | re.DOTALL)
    assert found is not None
    return found[1]


def test_the_steps_of_the_page_print_what_it_shows(package):
    first = package.run("mapping", "test", "harbour_gate", "--records", "0")
    assert first.returncode == 3
    assert re.search(r"\[expected\].*expected morning\.json, got no such file", first.stdout + first.stderr)

    written = package.run("mapping", "expect", "harbour_gate")
    assert written.stdout.strip().endswith("expected/morning.json")
    rows = json.loads((package.source / "expected" / "morning.json").read_text())
    assert rows[1] == json.loads(shown("json", "## 6."))
    assert [row.get("quarantined") for row in rows[6:]] == [None, "invalid", "invalid", "wrong_type"]

    done = package.run("mapping", "test", "harbour_gate")
    assert done.returncode == 0
    table = TEXT.split("the exit code is 0:")[1].split("```text\n")[1].split("```")[0]
    assert [line.rstrip() for line in done.stdout.splitlines()] == table.splitlines()


def test_the_first_form_of_the_mapping_is_complained_about_as_the_page_says(package):
    mapping = package.source / "mapping.authentication.yaml"
    final = mapping.read_text()
    mapping.write_text(re.sub(r"DvcHostname: .*", "DvcHostname: gate", final))
    try:
        said = package.run(
            "mapping", "test", "harbour_gate", "--first", "8", "--records", "1", "--targets", "python"
        )
    finally:
        mapping.write_text(final)
    assert said.returncode == 3
    assert shown("text", "at first:").strip() in said.stdout + said.stderr


def test_the_source_is_listed_and_reads_its_files(package):
    assert "harbour_gate" in package.run("mapping", "list").stdout
    said = package.run("normalize", package.source / "samples")
    assert said.returncode == 0
    assert [json.loads(line)["EventOriginalUid"] for line in said.stdout.splitlines()] == [
        f"g-{number}" for number in range(1, 8)
    ]
    assert "let " in package.run("mapping", "transform", "harbour_gate").stdout
