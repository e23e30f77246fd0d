"""Writes docs/reference/settings.md: every setting, what it means, its default and its variable.

python tools/settings_reference.py

Names, defaults and variables come from core/settings.py, the meanings from settings_reference.yaml.
tests/docs/test_settings_page.py fails when a setting has no meaning there, or a meaning no setting.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import get_args

import msgspec
import yaml

from tidewaiter.core.settings import Destination, PhaseName, Settings, Source, flat, variable_of

PAGE = Path(__file__).resolve().parent.parent / "docs" / "reference" / "settings.md"

_HEAD = """\
# Settings

<!-- Written by tools/settings_reference.py from core/settings.py. Do not edit: run `make docs`. -->

Settings are read from the file that `--config` (or the variable `TIDEWAITER_CONFIG`) names, else from
`tidewaiter.toml` in the working directory, if there is one. A variable wins over the file. With neither,
everything has its default, and rows go to the embedded lab.

```console
$ tidewaiter init
$ tidewaiter config show --origin
```

`init` writes a commented file from a few questions; `config show --origin` prints every value with the file
and line, or the variable, that it comes from. A setting that does not exist is an error with the line and the
nearest name.

**Secrets are never settings.** A setting that needs one holds a reference to it: `env://NAME` is a variable,
`file://PATH` a file.
"""

MEANINGS: dict[str, str] = yaml.safe_load(Path(__file__).with_suffix(".yaml").read_text(encoding="utf-8"))
"""Setting -> what it is for, as Markdown. `NAME` stands for any source's id."""


def settings() -> dict[str, object]:
    """Return every setting with its default; each source's own are called `sources.NAME.…`."""
    own = msgspec.to_builtins(Source())
    found: dict[str, object] = {}
    for name, value in flat(Settings()):
        if name == "sources":
            found |= {f"sources.NAME.{key}": default for key, default in own.items()}
        else:
            found[name] = value
    return found


def render() -> str:
    """Return the whole page."""
    parts = [_HEAD]
    for table, names in groupby(settings(), lambda name: name.rpartition(".")[0]):
        parts.append(f"## [{table}]\n")
        if table.startswith("sources"):
            parts.append(
                "One table for each source, `[sources.aws_cloudtrail]` for one; `tidewaiter mapping list` "
                "has their ids. A variable changes a setting that the file has.\n"
            )
        parts += [
            "| setting | default | meaning | variable |",
            "| --- | --- | --- | --- |",
            *_rows(names),
            "",
        ]
    return "\n".join(parts)


def _rows(names: Iterator[str]) -> Iterator[str]:
    defaults = settings()
    for name in names:
        key, variable = name.rpartition(".")[2], variable_of(name)
        given = f"`{variable}`" if variable else "none: a list or a table"
        yield f"| `{key}` | {_shown(defaults[name])} | {MEANINGS[name]}{_choices(name)} | {given} |"


def _shown(value: object) -> str:
    return f"`{value}`" if value not in ("", [], {}, ()) else "empty"


def _choices(name: str) -> str:
    """Return what a setting with a few words takes, where the meaning does not tell."""
    words = get_args({"destination": Destination, "phase": PhaseName}.get(name.rpartition(".")[2], str))
    return f" One of {', '.join(f'`{word}`' for word in words)}." if words else ""


if __name__ == "__main__":
    PAGE.write_text(render(), encoding="utf-8")
    print(f"wrote {PAGE.name}")
