from __future__ import annotations

import ast
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[2] / "src" / "tidewaiter"
GROUPS = [group for group in ("analyst", "app", "pipeline") if (PACKAGE / group).is_dir()]
HEAVY = (
    "azure", "boto3", "botocore", "duckdb", "duckdb_kql", "fastapi", "numpy", "pandas", "polars", "pyarrow",
)  # fmt: skip


@pytest.fixture(scope="module")
def order(repo) -> set[str]:
    """Return the rooms that the import order names."""
    contracts = tomllib.loads((repo / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    layers = next(contract["layers"] for contract in contracts if contract["id"] == "order")
    return {room.strip(" ()") for layer in layers for room in layer.split("|")}


def rooms_of(package: Path) -> set[str]:
    return {
        path.stem
        for path in package.iterdir()
        if path.suffix == ".py" or (path.is_dir() and (path / "__init__.py").exists())
    } - {"__init__"}


LINT = """
import sys
from importlinter.cli import lint_imports
sys.exit(lint_imports(config_filename=sys.argv[1], no_cache=True, no_logo=True))
"""


def test_every_import_contract_is_kept(repo):
    # In a process of its own: import-linter turns off the loggers that are there, for all tests that follow.
    command = [sys.executable, "-c", LINT, str(repo / "pyproject.toml")]
    said = subprocess.run(command, cwd=repo, capture_output=True, text=True, check=False)

    assert said.returncode == 0, said.stdout + said.stderr
    assert "Contracts: " in said.stdout


@pytest.mark.parametrize("group", GROUPS)
def test_every_room_of_a_group_has_its_place_in_the_order(order, group):
    unplaced = {f"{group}.{room}" for room in rooms_of(PACKAGE / group)} - order

    assert not unplaced, "add them to the contract 'order' in pyproject.toml, in DESIGN's order"


@pytest.mark.parametrize("group", GROUPS)
def test_a_group_is_only_a_corridor_and_holds_no_code(group):
    door = ast.parse((PACKAGE / group / "__init__.py").read_text())

    assert [type(node) for node in door.body] == [ast.Expr], (
        "only a docstring: the import order skips this file"
    )


def test_help_starts_without_the_heavy_packages():
    probe = (
        "import sys\n"
        "from tidewaiter.app.cli import main\n"
        "sys.argv = ['tidewaiter', '--help']\n"
        "try:\n    main()\n"
        "except SystemExit as stop:\n    assert not stop.code, stop.code\n"
        f"print('LOADED', sorted(sys.modules.keys() & set({HEAVY!r})), file=sys.stderr)\n"
    )

    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr
    assert "Usage" in done.stdout
    assert "LOADED []" in done.stderr
