"""Writes docs/reference/cli.md from the commands of the app.

python tools/cli_reference.py
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Iterator
from pathlib import Path

import typer
from typer import core

PAGE = Path(__file__).resolve().parent.parent / "docs" / "reference" / "cli.md"

_HEAD = """\
# Commands

<!-- Written by tools/cli_reference.py from the app. Do not edit: run `make docs`. -->

Standard output is data: a table on a terminal, JSON with `--json`. Progress and logs go to standard error.
The exit codes are in [When input is bad](../bad-input.md#exit-codes).
"""


def root_command() -> core.TyperGroup:
    """Return the app as a tree of commands."""
    app = importlib.import_module("tidewaiter.app.cli").app
    command = typer.main.get_command(app)
    if not isinstance(command, core.TyperGroup):
        raise TypeError("the app has no subcommands")
    return command


def commands(
    root: core.TyperGroup, path: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], core.TyperCommand]]:
    """Yield every visible command below `root` with its words (("kql", "run")), in the app's order."""
    for name, command in root.commands.items():
        words = (*path, name)
        if isinstance(command, core.TyperGroup):
            yield from commands(command, words)
        elif isinstance(command, core.TyperCommand) and not command.hidden:
            yield words, command


def render(root: core.TyperGroup) -> str:
    """Return the whole page."""
    parts = [_HEAD]
    own = _options(root)
    if own:
        parts.append("## For all commands\n\n" + "\n".join([*_OPTION_HEAD, *own]) + "\n")
    parts += [_section(words, command) for words, command in commands(root)]
    return "\n".join(parts)


_OPTION_HEAD = ("| option | meaning | default |", "| --- | --- | --- |")


def _section(words: tuple[str, ...], command: core.TyperCommand) -> str:
    title = f"## `tidewaiter {' '.join(words)}`"
    lines = [title, "", _prose(command.help or ""), "", "```text", _usage(words, command), "```", ""]
    arguments = [(_argument(item).strip("[]"), item.help) for item in _arguments(command) if item.help]
    if arguments:
        lines += ["| argument | meaning |", "| --- | --- |"]
        lines += [f"| `{name}` | {_cell(text)} |" for name, text in arguments]
        lines.append("")
    options = _options(command)
    if options:
        lines += [*_OPTION_HEAD, *options, ""]
    return "\n".join(lines)


def _usage(words: tuple[str, ...], command: core.TyperCommand) -> str:
    needed = [f"{item.opts[0]} {_type(command, item)}" for item in _visible(command) if item.required]
    return " ".join(["tidewaiter", *words, *map(_argument, _arguments(command)), *needed, "[OPTIONS]"])


def _arguments(command: core.TyperCommand) -> list[core.TyperArgument]:
    return [item for item in command.params if isinstance(item, core.TyperArgument) and not item.hidden]


def _argument(item: core.TyperArgument) -> str:
    name = (item.metavar or item.name or "").upper().rstrip(".…") + ("…" if item.nargs != 1 else "")
    return name if item.required else f"[{name}]"


def _visible(command: core.TyperCommand | core.TyperGroup) -> list[core.TyperOption]:
    return [item for item in command.params if isinstance(item, core.TyperOption) and not item.hidden]


def _options(command: core.TyperCommand | core.TyperGroup) -> list[str]:
    rows = []
    for item in _visible(command):
        kind = "" if item.is_flag else " " + _cell(_type(command, item))
        names = ", ".join(f"`{name}{kind}`" for name in (*item.opts, *item.secondary_opts))
        variable = f" Environment: `{item.envvar}`." if isinstance(item.envvar, str) else ""
        rows.append(f"| {names} | {_cell(item.help or '')}{variable} | {_default(item)} |")
    return rows


def _type(command: core.TyperCommand | core.TyperGroup, item: core.TyperOption) -> str:
    return item.display_type(typer.Context(command)).replace(" range", "")


def _default(item: core.TyperOption) -> str:
    """Show a default that is the same on every machine; anything computed is described by the help."""
    value = item.default
    if item.required:
        return "required"
    if value is None or callable(value) or value == () or value is False:
        return ""
    if item.is_flag and item.secondary_opts:
        return f"`{item.opts[0]}`"
    return f"`{getattr(value, 'value', value)}`"


def _prose(text: str) -> str:
    text = text.split("\f")[0]
    return "\n\n".join(" ".join(part.split()) for part in re.split(r"\n\s*\n", text.strip()))


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", r"\|")


if __name__ == "__main__":
    PAGE.write_text(render(root_command()), encoding="utf-8")
    print(f"wrote {PAGE.name}")
