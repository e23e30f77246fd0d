"""Writes docs/reference/lab-contracts.md: every contract of the lab, who speaks it, and the test for it.

python tools/contracts_reference.py

To add entries, write `tests/lab/server/contracts_<room>.py` with a tuple `CONTRACTS` of entries

    (contract, client, limit, "tests/….py::test_name")

`contract` is what the page groups by, with its api-version. `client` is who calls in the test: a distribution
(`azure-mgmt-securityinsight`), `tidewaiter.sentinel` for our own clients, or `HTTP` for plain requests.
`limit` is what the service documents ("500,000 rows"), or empty where the contract itself is tested. No other
list is to be edited: files are found by name. Then run this tool. tests/docs/test_lab_contracts.py fails when
the page is old, when a named test does not exist or is skipped, when its file does not import the client that
the entry names, and when a contract has no client but HTTP, or no entry for itself.
"""

from __future__ import annotations

import ast
import importlib.util
import re
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "reference" / "lab-contracts.md"
FOLDER = ROOT / "tests" / "lab" / "server"

MODULES = {
    "PyJWT": "jwt",
    "`tidewaiter lab up`": "tidewaiter.app.cli",
    "a killed process": "subprocess",
    "a restarted lab": "tidewaiter.lab.server",
    "HTTP": "",
}
"""Clients whose module is not their name with dots; an empty one is every test's."""

_SPELLED = {
    "entras own": "Entra's own",
    "the sdks timespans": "the SDK's timespans",
    "the services words": "the service's words",
    "the streams clock": "the stream's clock",
}
"""What the name of a test cannot spell."""

_HEAD = """\
# The lab's contracts

<!-- Written by tools/contracts_reference.py from tests/lab/server/contracts_*.py: run `make docs`. -->

What the [lab](../lab.md) answers as Azure does, who was let loose on it, and the test that would fail if it
were not so. The clients are unmodified: Microsoft's SDKs by their package names, our own
(`tidewaiter.sentinel`), and plain HTTP. An entry without a limit is the contract itself. A test of this page
fails when a test that is named here does not exist, is skipped, or does not use the client.
"""


class Entry(NamedTuple):
    """One line of the table; see the module's docstring."""

    contract: str
    client: str
    limit: str
    test: str


def entries() -> list[Entry]:
    """Return all entries, grouped by contract in the order in which contracts first appear."""
    found = [entry for path in _files() for entry in _read(path)]
    order = list(dict.fromkeys(entry.contract for entry in found))
    return sorted(found, key=lambda entry: order.index(entry.contract))


def render() -> str:
    """Return the whole page."""
    parts = [_HEAD]
    for contract, group in groupby(entries(), lambda entry: entry.contract):
        rows = [f"| {entry.client} | {entry.limit} | {_test(entry.test)} |" for entry in group]
        parts += [f"## {contract}", "", "| client | limit | test |", "| --- | --- | --- |", *rows, ""]
    return "\n".join(parts)


def problems() -> Iterator[str]:
    """Yield what is wrong with the entries, in words."""
    found = entries()
    for entry in found:
        yield from (f"{entry.test}: {problem}" for problem in _problems_of(entry))
    for contract in dict.fromkeys(entry.contract for entry in found):
        of_it = [entry for entry in found if entry.contract == contract]
        if all(entry.client == "HTTP" for entry in of_it) and not _ours_alone(contract):
            yield f"{contract}: no client but HTTP"
        if all(entry.limit for entry in of_it):
            yield f"{contract}: no entry for the contract itself"
    for entry, twice in groupby(sorted(found)):
        if len(list(twice)) > 1:
            yield f"{entry.test}: listed twice as {entry.limit!r}"


def _files() -> list[Path]:
    """Return the files with entries; the core's come first on the page."""
    return sorted(FOLDER.glob("contracts_*.py"), key=lambda path: (path.stem != "contracts_core", path.stem))


def _read(path: Path) -> list[Entry]:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return [Entry(*each) for each in module.CONTRACTS]


def _problems_of(entry: Entry) -> Iterator[str]:
    name, _, function = entry.test.partition("::")
    path = ROOT / name
    if not path.is_file():
        yield "no such file"
        return
    tree = ast.parse(path.read_text(encoding="utf-8"))
    tests = {node.name: node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
    if function not in tests:
        yield "no such test"
        return
    if any(
        "skip" in ast.unparse(each) or "xfail" in ast.unparse(each) for each in tests[function].decorator_list
    ):
        yield "it is skipped"
    module = MODULES.get(entry.client, entry.client.replace("-", "."))
    if module and not any(found == module or found.startswith(f"{module}.") for found in _imports(path)):
        yield f"its file does not import {module}"


def _imports(path: Path) -> set[str]:
    """Return the modules that a test file imports, those included that its neighbours import for it."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
            if node.module.startswith("tests."):
                found |= _imports(ROOT / (node.module.replace(".", "/") + ".py"))
        elif isinstance(node, ast.ImportFrom) and node.module:
            beside = path.parent / f"{node.module}.py"
            found |= _imports(beside) if beside.is_file() else set()
    return found


def _ours_alone(contract: str) -> bool:
    """Say whether a contract is one that no client has a word for."""
    return contract in ("The server", "api-versions of Azure Resource Manager")


def _test(test: str) -> str:
    """Return a test as the sentence that its name is, with its file."""
    name, _, function = test.partition("::")
    sentence = function.removeprefix("test_").replace("_", " ")
    for written, meant in _SPELLED.items():
        sentence = re.sub(rf"\b{written}\b", meant, sentence)
    return f"{sentence} (`{Path(name).name}`)"


if __name__ == "__main__":
    PAGE.write_text(render(), encoding="utf-8")
