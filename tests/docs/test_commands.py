"""Every `tidewaiter …` line in the docs is one that the app would take, and every command is documented."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
import typer
from typer.core import TyperArgument, TyperCommand, TyperGroup

from tools import cli_reference, sources_reference

ROOT = Path(__file__).resolve().parents[2]
APP = cli_reference.root_command()
# Generated pages show usages (`tidewaiter kql run QUERY`), which is what the generator's own test checks.
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
GENERATED = {ROOT / "docs/reference/cli.md", ROOT / "docs/reference/sources.md"}
LINE = re.compile(r"^\s*(?:\$ )?(tidewaiter(?: .*)?)$|`(tidewaiter [^`\n]+)`", re.MULTILINE)


def command_lines(text: str) -> list[str]:
    """Return the command lines in code, those continued with a backslash joined."""
    text = text.replace("\\\n", " ")
    return [match[1] or match[2] for match in LINE.finditer(text)]


LINES = [
    pytest.param(line, id=f"{page.relative_to(ROOT)}: {line}")
    for page in PAGES
    if page not in GENERATED
    for line in command_lines(page.read_text(encoding="utf-8"))
]


def problem(line: str) -> str:
    """Return what the app would not take in `line`; "" when it takes it."""
    lexer = shlex.shlex(line, posix=True, punctuation_chars="|&;>")
    lexer.whitespace_split = True
    words = []
    for word in lexer:
        if set(word) <= set("|&;>"):
            break
        words.append(word)
    command: TyperGroup | TyperCommand = APP
    rest = words[1:]
    while isinstance(command, TyperGroup) and rest and not rest[0].startswith("-"):
        if rest[0] not in command.commands:
            return f"no command {rest[0]!r}"
        command = command.commands[rest[0]]  # type: ignore[assignment]
        rest = rest[1:]
    return _problem_of_arguments(command, rest)


def _problem_of_arguments(command: TyperGroup | TyperCommand, words: list[str]) -> str:
    if "--help" in words or (isinstance(command, TyperGroup) and not words):
        return ""
    context = typer.Context(command, info_name="tidewaiter")
    try:
        values, left, _ = command.make_parser(context).parse_args(args=list(words))
    except Exception as error:  # whatever the parser raises is the finding
        return str(error)
    if left:
        return f"too many arguments: {left}"
    missing = [
        item.name
        for item in command.params
        if item.required
        and not values.get(item.name or "")
        and (words or not isinstance(item, TyperArgument))
    ]
    return f"missing: {missing}" if missing else ""


@pytest.mark.parametrize("line", LINES)
def test_every_command_line_in_the_docs_is_one_the_app_takes(line):
    assert problem(line) == ""


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("tidewaiter run --no-such-flag", "no-such-flag"),
        ("tidewaiter nonsense", "no command 'nonsense'"),
        ("tidewaiter kql nonsense", "no command 'nonsense'"),
        ("tidewaiter run --state", "--state"),
    ],
)
def test_a_command_line_that_the_app_would_refuse_is_found(line, said):
    assert said in problem(line)


def test_command_lines_are_found_in_blocks_and_in_running_text():
    text = (
        "Use `tidewaiter demo`.\n\n```console\n$ tidewaiter run \\\n  --once\n```\n\nThe tidewaiter waits.\n"
    )

    assert [" ".join(line.split()) for line in command_lines(text)] == [
        "tidewaiter demo",
        "tidewaiter run --once",
    ]


def test_the_command_reference_is_what_the_app_says():
    page = (ROOT / "docs/reference/cli.md").read_text(encoding="utf-8")

    assert page == cli_reference.render(APP), "run `make docs` and commit docs/reference/cli.md"


def test_every_command_and_every_option_is_in_the_reference():
    page = (ROOT / "docs/reference/cli.md").read_text(encoding="utf-8")

    for words, command in cli_reference.commands(APP):
        assert f"## `tidewaiter {' '.join(words)}`" in page
        section = page.partition(f"## `tidewaiter {' '.join(words)}`")[2].partition("\n## ")[0]
        names = [name for item in command.params if not isinstance(item, TyperArgument) for name in item.opts]
        assert [name for name in names if f"`{name}" not in section] == []


def test_every_command_and_every_option_says_what_it_does():
    silent = [" ".join(words) for words, command in cli_reference.commands(APP) if not command.help]
    silent += [
        f"{' '.join(words)} {item.opts[0]}"
        for words, command in cli_reference.commands(APP)
        for item in command.params
        if not isinstance(item, TyperArgument) and not getattr(item, "help", "")
    ]

    assert silent == []


def test_the_source_reference_is_what_the_content_says():
    page = (ROOT / "docs/reference/sources.md").read_text(encoding="utf-8")

    assert page == sources_reference.render(), "run `make docs` and commit docs/reference/sources.md"
