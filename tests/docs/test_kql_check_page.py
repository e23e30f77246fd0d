"""The page on `kql check` shows what the command prints, and names every rule."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from tidewaiter.kql.lint import CONSTRUCTS, cost_rules

PAGE = Path(__file__).resolve().parents[2] / "docs" / "kql-check.md"


def fenced(language: str) -> str:
    text = PAGE.read_text(encoding="utf-8")
    found = re.search(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    assert found is not None
    return found[1]


def test_the_example_prints_what_the_page_shows(tmp_path):
    (tmp_path / "hunt.kql").write_text(fenced("text"), encoding="utf-8")
    command, shown = fenced("console").split("\n", 1)
    words = command.removeprefix("$ tidewaiter ").split()
    script = Path(sys.executable).parent / "tidewaiter"

    done = subprocess.run([script, *words], cwd=tmp_path, capture_output=True, text=True, check=False)

    assert done.returncode == 3
    assert done.stdout + done.stderr == shown


def test_every_rule_is_in_the_table_with_its_severity_and_reason():
    text = PAGE.read_text(encoding="utf-8")

    for rule in cost_rules():
        assert f"| `{rule.id}` | {rule.severity} | {rule.why} |" in text


def test_everything_that_can_be_allowed_is_in_the_table():
    text = PAGE.read_text(encoding="utf-8")

    for name, does in CONSTRUCTS.items():
        assert f"| `{name}` | {does} |" in text
